"""Patience: how long a search goes on that finds nothing better. Few rows tell few models apart.

Asked by `search` after each candidate. The numbers are those that AutoGluon found for its own portfolios
(`dynamic` patience of its presets of 2025): 4 models at 100 rows, 8 at 500, 15 at 2,500, 40 at 10,000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

PATIENCE = ((100, 4), (500, 8), (2_500, 15), (10_000, 40))
MOST_PATIENCE = 100


@dataclass
class Patience:
    """Counts candidates since the ensemble last gained by more than `rows` rows can tell."""

    rows: int
    best: float = float("inf")
    since: int = field(default=0)

    @property
    def limit(self) -> int:
        """The candidates without a gain after which to stop."""
        return next((most for rows, most in PATIENCE if self.rows <= rows), MOST_PATIENCE)

    @property
    def gain(self) -> float:
        """The share of the error that counts as a gain: far below what so many rows can tell.

        >>> Patience(100).gain, Patience(1_000_000).gain
        (0.01, 0.0001)
        """
        return max(0.1 / math.sqrt(self.rows), 1e-4)

    def saw(self, error: float) -> bool:
        """Whether to stop, now that the ensemble's error is `error` with one candidate more."""
        if not self.best < float("inf") or error < self.best - self.gain * abs(self.best):
            self.best, self.since = error, 0
        else:
            self.since += 1
        return self.since >= self.limit
