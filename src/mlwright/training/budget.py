"""The budget of one fit: a time limit that covers the whole call, or a number of trials that makes runs
repeat.

With `max_trials` no learner is given a deadline, so equal calls give equal results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

OVER_SHARE, OVER_S = 0.05, 3.0
"""By how much a call may exceed its limit, whichever is more (contracts.md, section 7)."""


@dataclass
class Budget:
    """What may still be spent. Times are seconds of time.monotonic()."""

    limit_s: float | None
    """None where `max_trials` rules alone."""
    max_trials: int | None = None
    clock: Callable[[], float] = time.monotonic
    began: float = field(default=-1.0)
    busy_at_start: float = field(default_factory=time.process_time)
    before_s: float = 0.0
    """Seconds that earlier runs of the same fit spent, where it is one that was killed."""
    waited_s: float = 0.0
    """Seconds that this process waited for others that worked for it."""
    kept_s: float = 0.0
    """Seconds that are kept for what comes after training and packaging: measuring what was packaged."""

    def __post_init__(self) -> None:
        if self.began < 0:
            self.began = self.clock()

    @property
    def spent_s(self) -> float:
        return self.before_s + self.clock() - self.began

    def take_up(self, spent_s: float) -> None:
        """Counts what earlier runs of the same fit spent; a tenth of the limit is left for this one."""
        if self.limit_s is not None:
            self.before_s = min(spent_s, max(0.9 * self.limit_s - self.spent_s, 0.0))

    def left_s(self) -> float:
        """Seconds left; infinite without a time limit."""
        return float("inf") if self.limit_s is None else self.limit_s - self.spent_s - self.kept_s

    def promised_s(self) -> float:
        """Seconds until more is spent than was promised: the limit and 5 % of it, or 3 s."""
        over = 0.0 if self.limit_s is None else max(OVER_SHARE * self.limit_s, OVER_S)
        return self.left_s() + self.kept_s + over

    def deadline_in(self, seconds: float) -> float | None:
        """The monotonic time `seconds` from now, or None without a time limit."""
        return None if self.limit_s is None else self.clock() + max(seconds, 0.05)

    def slowness(self) -> float:
        """Wall seconds a CPU second has taken so far, 1 to 5: how much longer than usual things take here."""
        busy = time.process_time() - self.busy_at_start
        return min(max((self.spent_s - self.before_s - self.waited_s) / max(busy, 0.1), 1.0), 5.0)

    def fraction(self) -> float:
        """How much of the limit is spent, 0 to 1; 0 without a time limit."""
        return 0.0 if not self.limit_s else min(self.spent_s / self.limit_s, 1.0)
