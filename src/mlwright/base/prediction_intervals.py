"""Prediction intervals as values: what they are made from, and how wide and how often right they were.

Made by `evaluation`, kept in the evaluation of a model file, read by `artifact` and `serving`. Values only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mlwright.base.score import Score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]

_SLACK = 1e-9
"""A rank that is asked for may be less than a kept one by this share and still be that one: 0.9 times 10 is
not quite 9 in binary."""


TOO_FEW = "Too few rows were unseen to measure how far off it may be."
_MEASURED = (
    "Measured on unseen rows, none of which calibrated its own interval, beside intervals that reach as far "
    "to both sides of every prediction:"
)


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far from the prediction the truth lay, on each row's own scale: some order statistics."""

    rows: float
    """Rows that calibrated; fewer where they have weights or are not independent of each other."""
    ranks: tuple[float, ...]
    """Which of them are kept, counted from 1 for the nearest to the prediction, ascending."""
    scores: tuple[float, ...]
    """Theirs, ascending."""

    @property
    def least_error(self) -> float:
        """The least error rate at which an interval ends anywhere.

        >>> Reach(rows=19, ranks=(19,), scores=(2.0,)).least_error
        0.05
        """
        return round(max(1.0 - self.ranks[-1] / (self.rows + 1), 0.0), 12)

    def at(self, errors: Doubles) -> Doubles:
        """How far out an interval must reach at each of the error rates [n], infinite where no row says.

        It is the order statistic of the rank (1 - error)(rows + 1), rounded up: of rows that are alike, the
        interval of a new one misses with a probability of no more than the error rate.

        >>> import numpy as np
        >>> of = Reach(rows=9, ranks=(1, 2, 3, 4, 5, 6, 7, 8, 9), scores=(1, 2, 3, 4, 5, 6, 7, 8, 9))
        >>> of.at(np.array([0.1, 0.2, 0.25, 0.05])).tolist()
        [9.0, 8.0, 8.0, inf]
        """
        import numpy as np  # not with the module, which the command line reads for its help

        asked = (1.0 - errors) * (self.rows + 1) * (1.0 - _SLACK)
        found = np.searchsorted(np.array(self.ranks, dtype=np.float64), asked, side="left")
        return np.append(np.array(self.scores, dtype=np.float64), np.inf)[found]


class IntervalSize(msgspec.Struct, frozen=True, kw_only=True):
    """How wide intervals are at one error rate, on unseen rows that did not calibrate their own."""

    error: float
    mean: float
    """Width, in the target's unit."""
    median: float
    coverage: Score
    """The share of rows whose interval holds the truth."""
    thirds: tuple[Score, ...]
    """The same of the rows with the lowest, middle and highest predictions."""
    constant: float | None = None
    """The mean width of intervals that are as wide for every row, at the same error rate; None of fresh rows,
    for a file does not keep what those are made from."""
    constant_thirds: tuple[float, ...] = ()
    """The share of rows that those hold, by third."""

    @property
    def said(self) -> str:
        """In words."""
        low = min(s.value for s in self.thirds)
        return (
            f"{self.mean:,.4g} wide in the mean, {self.median:,.4g} in the median; {self.coverage.value:.1%} "
            f"of unseen rows within, {low:.1%} in the worst third by prediction"
        )


class Intervals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a regression's intervals are made from: how far the truth may lie from the prediction, row by row
    (`quantiles`, by `extra.onnx`) or alike for all, and how far out that must be taken (`reach`).

    Both are told behind the link, of one unit of exposure; the ends are numbers as predictions are.
    """

    levels: tuple[float, ...]
    """Which quantiles of truth less prediction a row has; ascending, as many below one half as above."""
    least: float
    """The least distance between neighbouring ends."""
    reach: Reach
    even: bool = False
    """Whether an interval is as wide on both sides of the prediction."""
    constant: tuple[float, ...] = ()
    """The quantiles of every row, where no graph says them row by row."""
    samples: tuple[tuple[float, ...], ...] = ()
    """What that graph answered for the file's sample rows."""
    link: Literal["identity", "log1p"] = "identity"
    exposure: str = ""
    """The number column that a predicted rate was multiplied by; "" where there is none."""
    floor: float | None = None
    """The least number (or rate) that is answered."""
    measured: tuple[IntervalSize, ...] = ()
    how: str = ""
    """Which rows they rest on, in words."""
    why_constant: str = ""
    """Why every row has the same, where it has."""

    @property
    def learned(self) -> bool:
        """Whether rows differ in how far the truth may lie from the prediction."""
        return not self.constant

    @property
    def alike_said(self) -> str:
        """That every row's interval is as wide, and why; "" where rows differ."""
        return "" if self.learned else f"Every row's are as wide: {self.why_constant}."

    @property
    def measured_said(self) -> str:
        """What intervals are, and on which rows they were measured."""
        if not self.measured:
            return " ".join(s for s in (self.alike_said, TOO_FEW) if s)
        what = "Asked for intervals, it says two ends between which the truth lies but for an error rate."
        return " ".join(s for s in (what, self.alike_said, _MEASURED) if s)

    @property
    def least_said(self) -> str:
        """The least error rate, and what thirds are good for."""
        return (
            f"The least error rate that {self.reach.rows:,.0f} rows can vouch for is "
            f"{self.reach.least_error:.2g}. Thirds are by prediction, lowest to highest: a share far from "
            "what was asked for says where not to trust the width."
        )
