"""Reliability values: whether probabilities mean what they say, on rows that the model had not seen.

Made by `evaluation.reliability`, part of an Evaluation, shown by `cli` and on the card. Values only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mlwright.base.fit_report import brief

Subject = Literal["positive class", "likeliest class", "number"]
"""What was foretold: the probability of the second of two classes; of the class that is likeliest, of more;
or a number."""

CHANCE = 0.05
"""A calibration error is called chance where as large a one is more probable than this without any."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{brief(self.value, 3)} ({brief(self.low, 3)} to {brief(self.high, 3)})"


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of like answers: what was foretold of them, and what came, with its 95 % interval."""

    rows: int
    predicted: float
    """The mean of what was foretold."""
    observed: float
    """The share of rows (or the mean) that came."""
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether what was foretold lies in the interval of what came."""
        return self.low <= self.predicted <= self.high


class Reliability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Foretold beside observed, by bins of equal mass, and what that says in few numbers."""

    subject: Subject
    bins: tuple[Bin, ...]
    """Ascending by what was foretold, of about equal numbers of rows."""
    error: Estimate | None = None
    """The calibration error: the root of the mean squared difference of foretold and true shares over bins,
    without what chance adds (debiased; 0 where chance explains all of it). None of numbers."""
    p: float | None = None
    """How probable so large an error is where there is none."""
    slope: Estimate | None = None
    """Of the outcome's log-odds on those foretold: below 1, they are too extreme; above, too timid."""
    intercept: Estimate | None = None
    """Of two classes: what the log-odds lack on the whole; above 0, probabilities are too low."""
    classes: tuple[Bin, ...] = ()
    """Of three to 30 classes, in their order: the mean probability of each, and its share among all rows."""
    class_error: Estimate | None = None
    """Of three or more: the calibration error of each class's probability, squared and averaged over them."""
    class_p: float | None = None
    """How probable so large a class-wise error is where there is none."""

    @property
    def said(self) -> tuple[str, ...]:
        """Sentences: the errors, and whether chance explains them; the slope."""
        lines = []
        for name, error, p in (
            ("Calibration error", self.error, self.p),
            ("Calibration error by class", self.class_error, self.class_p),
        ):
            if error is not None and p is not None:
                chance = "more than chance" if p < CHANCE else "not larger than chance"
                lines.append(
                    f"{name}: {_share(error.value)} ({_share(error.low)} to {_share(error.high)}), {chance}."
                )
        if self.slope is not None:
            more = f"; intercept {self.intercept}, ideal 0" if self.intercept is not None else ""
            lines.append(f"Calibration slope {self.slope}, ideal 1{more}.")
        return tuple(lines)

    @property
    def remedy(self) -> str:
        """What is wrong by more than chance, and what to do; nothing where all is well."""
        wrong = ""
        if self.slope is not None and self.slope.high < 1:
            wrong = "Probabilities are too extreme: small ones are too small, and great ones too great"
        elif self.slope is not None and self.slope.low > 1:
            wrong = "Probabilities are too timid: small ones are too great, and great ones too small"
        elif self.intercept is not None and self.intercept.low > 0:
            wrong = "Probabilities of the positive class are too low on the whole"
        elif self.intercept is not None and self.intercept.high < 0:
            wrong = "Probabilities of the positive class are too high on the whole"
        if not wrong:
            return ""
        return (
            f"{wrong}. The rows that it learned from were few, or unlike these: fit again with more "
            "rows like these (newer ones, of every group), and name time= or group= where rows have one."
        )


def _share(value: float) -> str:
    return f"{value:.2%}" if value < 0.1 else f"{value:.1%}"
