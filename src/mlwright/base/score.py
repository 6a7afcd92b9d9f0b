"""Score: one metric's value with its interval.

Made by `evaluation`, part of everything that says how good something is. A value only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

TOO_FEW_ROWS = "none: too few rows"
"""The method of a score that no interval can be given for."""


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric's value with its 95 % interval on `rows` rows."""

    metric: str
    value: float
    low: float
    high: float
    rows: int
    greater_is_better: bool
    method: str = "bootstrap"
    """How the interval was made; where it begins with `none`, both ends are the value, and it says why."""

    @property
    def interval(self) -> str:
        """The interval in words of four digits, or `none`."""
        return "none" if self.method.startswith("none") else f"{self.low:.4g} to {self.high:.4g}"

    def beside(self, plain: Score) -> Literal["better", "worse", "unclear"]:
        """Whether the whole interval lies on one side of the baseline's value.

        >>> def auc(value):
        ...     return Score(metric="a", value=value, low=value - 0.1, high=1, rows=9, greater_is_better=True)
        >>> auc(0.7).beside(auc(0.5)), auc(0.55).beside(auc(0.5))
        ('better', 'unclear')
        """
        above, below = self.low > plain.value, self.high < plain.value
        if (above or below) and self.method != TOO_FEW_ROWS:
            return "better" if above == self.greater_is_better else "worse"
        return "unclear"

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.4g} ({self.interval}, n={self.rows})"
