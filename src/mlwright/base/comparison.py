"""Comparison values: by how much one model is better than another on the same rows, and whether that is
more than chance.

Made by `evaluation` and `lifecycle.compare`, shown by `cli`. Values only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mlwright.base.score import Score

ALIKE = "none: no row tells them apart"
"""The method of a gain between answers that are as good on every row."""


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """By how much the second of two answers is better than the first, on the same rows, with its 95 %
    interval: in the metric's unit, above 0 where the second is better, whichever way the metric goes."""

    metric: str
    value: float
    low: float
    high: float
    rows: int
    p_value: float
    """The chance of a difference at least as large between two that are equally good (two-sided)."""
    rows_to_tell: int | None
    """How many rows would show a difference of this size four times in five; None: no number that counts."""
    method: str

    @property
    def verdict(self) -> Literal["better", "worse", "unclear"]:
        """What the second is beside the first; `unclear` where chance would do as well.

        >>> ends = {"low": -0.1, "high": 0.3, "p_value": 0.3, "rows_to_tell": 70}
        >>> Gain(metric="roc_auc", value=0.1, rows=9, method="DeLong, paired", **ends).verdict
        'unclear'
        """
        if self.p_value >= 0.05 or self.low <= 0.0 <= self.high:
            return "unclear"
        return "better" if self.value > 0 else "worse"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of two models, and the gain of the second."""

    first: Score
    second: Score
    gain: Gain


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on the same rows."""

    first: str
    second: str
    task: str
    metric: str
    """What decides; its pair stands first. The others are told, not tested."""
    pairs: tuple[Pair, ...]
    rows: int
    alike: float
    """The share of rows to which both answer the same label, or number."""
    how: str
    """Which rows, in words."""

    @property
    def gain(self) -> Gain:
        """Of the second model, by the metric that decides."""
        return self.pairs[0].gain

    @property
    def said(self) -> str:
        """The verdict in a sentence."""
        gain = self.gain
        about = f"{gain.metric} {gain.value:+.3g} ({gain.low:+.3g} to {gain.high:+.3g}, p={gain.p_value:.2g})"
        if gain.method == ALIKE:
            return f"No row tells {self.first} and {self.second} apart by {gain.metric}."
        if gain.verdict != "unclear":
            return f"{self.second} is {gain.verdict} than {self.first}: {about}."
        need = gain.rows_to_tell
        more = f"; a difference of that size would show on some {two_digits(need)} rows" if need else ""
        return f"No difference can be told on {gain.rows:,} rows: {about}{more}."

    def __str__(self) -> str:
        return self.said


def two_digits(count: int) -> str:
    """A number of rows that is a guess.

    >>> two_digits(1_799_653), two_digits(7)
    ('1,800,000', '7')
    """
    return f"{round(count, 2 - len(str(count))):,}"
