"""Comparison values: by how much one model is better than another on the same rows, and whether that is
more than chance.

Made by `evaluation` and `lifecycle.compare`, shown by `cli`. Values only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mlwright.base.fit_report import brief
from mlwright.base.score import Score
from mlwright.base.score_table import pair_table
from mlwright.base.shown import cell, shown

ALIKE = "none: no row tells them apart"
"""The method of a gain between answers that are as good on every row."""
TO_DETECT = (1.959964 + 0.841621) / 1.959964
"""Times half a 95 % interval: the difference that shows four times in five."""
BLIND = 0.1
"""Rows that could not show a loss of this share of the first model's error say little if they show none."""
FEWEST_ALIKE = 30
"""Of fewer rows, answers that are alike on all of them may differ on every tenth (three over the rows)."""


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
    def detectable(self) -> float | None:
        """The difference that these rows would show four times in five; None where no row tells any."""
        return None if self.method == ALIKE else TO_DETECT * (self.high - self.low) / 2

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
    alike: float | None
    """The share of rows to which both answer the same label; None of numbers, which hardly ever agree."""
    how: str
    """Which rows, in words."""

    @property
    def gain(self) -> Gain:
        """Of the second model, by the metric that decides."""
        return self.pairs[0].gain

    @property
    def blind(self) -> str:
        """Why `unclear` says little here: that these rows would not have shown a second model that is worse
        by a tenth of the first one's error. Empty where they would have, or where the verdict is clear."""
        gain, first = self.gain, self.pairs[0].first
        if gain.verdict != "unclear":
            return ""
        on = f"{gain.rows:,} row{'s' if gain.rows != 1 else ''}"
        if gain.detectable is None:
            few = gain.rows < FEWEST_ALIKE
            return f"{on} are too few to tell models apart that differ on every tenth" if few else ""
        error = abs(1.0 - first.value) if first.greater_is_better else abs(first.value)
        if gain.detectable <= BLIND * error:
            return ""
        return (
            f"{on} would have shown a difference of {brief(gain.detectable, 2)} {gain.metric} four times in "
            f"five, and no smaller one; a tenth of the first model's error is {brief(BLIND * error, 2)}"
        )

    @property
    def said(self) -> str:
        """The verdict in a sentence."""
        gain = self.gain
        value, low, high = (f"{'+' if v > 0 else ''}{brief(v, 3)}" for v in (gain.value, gain.low, gain.high))
        about = f"{gain.metric} {value} ({low} to {high}, p={gain.p_value:.2g})"
        if gain.method == ALIKE:
            return f"No row tells {self.first} and {self.second} apart by {gain.metric}."
        if gain.verdict != "unclear":
            return f"{self.second} is {gain.verdict} than {self.first}: {about}."
        need = gain.rows_to_tell
        more = f"; a difference of that size would show on some {two_digits(need)} rows" if need else ""
        least = f"; these rows would show one of {brief(gain.detectable, 2)}" if gain.detectable else ""
        return f"No difference can be told on {gain.rows:,} rows: {about}{least}{more}."

    def __str__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        """A table for notebooks: every metric of both, the gain, and the verdict in a sentence."""
        blind = f'<p class="tip">{cell(self.blind)}</p>' if self.blind else ""
        return shown(
            f"<p>first: <b>{cell(self.first)}</b>, second: <b>{cell(self.second)}</b></p>"
            f"{pair_table(self.pairs, ALIKE)}<p><b>{cell(self.said)}</b></p>{blind}"
            f'<p class="soft">{cell(self.how)}</p>'
        )


def two_digits(count: int) -> str:
    """A number of rows that is a guess.

    >>> two_digits(1_799_653), two_digits(7)
    ('1,800,000', '7')
    """
    return f"{round(count, 2 - len(str(count))):,}"
