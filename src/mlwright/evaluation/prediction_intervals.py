"""Prediction intervals: calibrated on rows that no part of the model had seen, and measured on such rows that
did not calibrate them.

Sources: Romano, Patterson & Candes (2019), NeurIPS, on conformalized quantile regression; Lei, G'Sell,
Rinaldo, Tibshirani & Wasserman (2018), JASA 113, on intervals as wide for every row; Gupta, Kuchibhotla &
Ramdas (2022), Pattern Recognition 127. Called by `training`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import TOO_FEW_ROWS, Score
from mlwright.base.prediction_intervals import Intervals, IntervalSize, Reach
from mlwright.evaluation.conformal import ERRORS, PARTS
from mlwright.statistics.intervals import Codes, clustered_error, proportion_interval
from mlwright.statistics.links import Link
from mlwright.statistics.medians import weighted_median
from mlwright.statistics.nested import Nested, numbers_between

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KEPT = 200
"""Order statistics that are kept, beside those of the error rates that are asked for most."""
USUAL = (0.001, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.32, 0.4, 0.5)
_DIGITS = 7
"""Kept scores are rounded up to so many: an interval may then be too wide, never too narrow."""


@dataclass(frozen=True)
class Unseen:
    """N rows that no part of the model had seen."""

    middle: Doubles
    """The predictions [N] of one unit of exposure, behind the link."""
    truth: Doubles
    """What is true [N], likewise."""
    prediction: Doubles
    """As numbers are answered [N]."""
    quantiles: Doubles
    """Of truth less prediction behind the link [N, Q], by what was fitted without the row."""
    least: float
    """The least distance between neighbouring ends."""
    even: bool = False
    """Whether intervals are as wide on both sides of the prediction."""
    exposure: Doubles | None = None
    weights: Doubles | None = None
    clusters: Codes | None = None
    """Which rows are not independent of each other."""
    link: Link = "identity"
    floor: float | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def nested(self) -> Nested:
        return Nested.of(self.quantiles, self.least, even=self.even)

    @cached_property
    def out(self) -> Doubles:
        """How far out each truth lies [N]."""
        return self.nested.out(self.truth - self.middle)

    @property
    def away(self) -> Doubles:
        """The distance of each truth from its prediction, behind the link [N]."""
        return np.abs(self.truth - self.middle)

    def intervals(self, out: Doubles) -> Doubles:
        """The intervals [N, 2] that reach so far out [N]."""
        return self._numbers(*self.nested.ends(out))

    def constant(self, distance: Doubles) -> Doubles:
        """Those that reach so far [N] behind the link on either side."""
        return self._numbers(distance, distance)

    def _numbers(self, below: Doubles, above: Doubles) -> Doubles:
        return numbers_between(self.prediction, below, above, self.link, self.floor, self.exposure)


def reach_of(scores: Doubles, weights: Doubles | None = None, clusters: Codes | None = None) -> Reach:
    """The order statistics of `scores` [N] that are kept; a row of weight counts by it.

    Weights and clusters lessen how many rows it rests on, so that what is asked of it lies further out.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    mass = np.ones(len(scores)) if weights is None else weights[order] / weights.mean()
    before = np.cumsum(mass)
    worth = _worth(scores, weights, clusters)
    ranks = before * (worth / before[-1])
    kept = _kept(ranks, worth)
    rounded = np.array([_up(s) for s in ordered[kept]])
    exact = weights is None and clusters is None
    told = [float(k + 1) if exact else float(np.floor(ranks[k] * 1e6) / 1e6) for k in kept]
    return Reach(rows=float(worth), ranks=tuple(told), scores=tuple(float(s) for s in rounded))


def measured(rows: Unseen, seed: int = 0, errors: Sequence[float] = ERRORS) -> tuple[IntervalSize, ...]:
    """How wide the intervals of `rows` are, and how many hold the truth, at each error rate that the rows can
    vouch for; each tenth of the rows has intervals that the other nine calibrated."""
    rng = np.random.default_rng(seed)
    units = np.arange(len(rows)) if rows.clusters is None else rows.clusters
    part = (rng.permutation(int(units.max()) + 1) % PARTS)[units]
    asked = np.array(errors)
    out, apart = np.empty((len(rows), len(asked))), np.empty((len(rows), len(asked)))
    for p in np.unique(part):
        of, fit = part == p, part != p
        if not fit.any():
            return ()
        weights = None if rows.weights is None else rows.weights[fit]
        clusters = None if rows.clusters is None else np.unique(rows.clusters[fit], return_inverse=True)[1]
        out[of] = reach_of(rows.out[fit], weights, clusters).at(asked)
        apart[of] = reach_of(rows.away[fit], weights, clusters).at(asked)
    return tuple(
        size
        for k, error in enumerate(errors)
        if np.isfinite(out[:, k]).all() and np.isfinite(apart[:, k]).all()
        for size in (_measured(rows, out[:, k], apart[:, k], error),)
        if np.isfinite([size.mean, size.median, size.constant or 0.0]).all()  # else numbers beyond all bounds
    )


def narrowness(rows: Unseen, errors: Sequence[float] = ERRORS) -> Doubles:
    """By error rate [E, 2] the mean width and the interval score (the width, and how far truths lie outside
    times 2 / error), behind the link, of intervals that reach as far as these rows say; NaN where they are
    too few. The score is least for the true quantiles: Gneiting & Raftery (2007), JASA 102, section 6.2.
    """
    away = rows.truth - rows.middle
    reach = reach_of(rows.out, rows.weights).at(np.array(errors))
    made = []
    for error, out in zip(errors, reach, strict=True):
        below, above = rows.nested.ends(np.full(len(rows), out))
        outside = np.maximum(-below - away, 0.0) + np.maximum(away - above, 0.0)
        each = np.stack([below + above, below + above + 2 / error * outside], axis=1)
        told = np.isfinite(each).all()
        made.append(np.average(each, axis=0, weights=rows.weights) if told else np.full(2, np.nan))
    return np.array(made)


def intervals_of(
    rows: Unseen,
    levels: Sequence[float],
    how: str,
    *,
    seed: int = 0,
    exposure: str = "",
    constant: Sequence[float] = (),
    why_constant: str = "",
) -> Intervals:
    """What intervals are made from, calibrated and measured on `rows`."""
    return Intervals(
        levels=tuple(levels),
        least=rows.least,
        reach=reach_of(rows.out, rows.weights, rows.clusters),
        even=rows.even,
        constant=tuple(float(q) for q in constant),
        link=rows.link,
        exposure=exposure,
        floor=rows.floor,
        measured=measured(rows, seed),
        how=how,
        why_constant=why_constant,
    )


def measured_ends(
    ends: Doubles,
    truth: Doubles,
    prediction: Doubles,
    error: float,
    *,
    weights: Doubles | None = None,
    clusters: Codes | None = None,
    held: npt.NDArray[np.bool_] | None = None,
) -> IntervalSize:
    """How wide the intervals `ends` [N, 2] are, and how many hold the `truth` [N] (or as `held` says), of
    rows that did not calibrate them."""
    with np.errstate(over="ignore"):  # told by who asks
        width = ends[:, 1] - ends[:, 0]
    within = (ends[:, 0] <= truth) & (truth <= ends[:, 1]) if held is None else held
    return IntervalSize(
        error=error,
        mean=float(np.average(width, weights=weights)),
        median=float(np.median(width)) if weights is None else weighted_median(width, weights),
        coverage=_coverage(within, weights, clusters, np.ones(len(truth), dtype=bool)),
        thirds=tuple(_coverage(within, weights, clusters, of) for of in _thirds(prediction)),
    )


def _measured(rows: Unseen, out: Doubles, apart: Doubles, error: float) -> IntervalSize:
    truth, made, constant = _numbers_of(rows), rows.intervals(out), rows.constant(apart)
    with np.errstate(over="ignore"):  # told by `measured`
        alike = constant[:, 1] - constant[:, 0]
    # By how far out as well: a truth on the very end is within, whatever the last digit of either says.
    held = (rows.out <= out) | ((made[:, 0] <= truth) & (truth <= made[:, 1]))
    held_alike = (rows.away <= apart) | ((constant[:, 0] <= truth) & (truth <= constant[:, 1]))
    weights, clusters = rows.weights, rows.clusters
    size = measured_ends(made, truth, rows.prediction, error, weights=weights, clusters=clusters, held=held)
    return msgspec.structs.replace(
        size,
        constant=float(np.average(alike, weights=weights)),
        constant_thirds=tuple(
            _coverage(held_alike, weights, clusters, of).value for of in _thirds(rows.prediction)
        ),
    )


def _thirds(prediction: Doubles) -> list[npt.NDArray[np.bool_]]:
    """The rows with the lowest, middle and highest predictions, as far as there are any."""
    order = np.argsort(np.argsort(prediction, kind="stable"), kind="stable")
    third = order * 3 // len(prediction)
    return [of for of in (third == k for k in range(3)) if of.any()]


def _numbers_of(rows: Unseen) -> Doubles:
    """The truths [N] as numbers, by the very steps that make an interval's ends."""
    zero = np.zeros(len(rows))
    away = rows.truth - rows.middle
    ends = numbers_between(
        rows.prediction, np.maximum(-away, zero), np.maximum(away, zero), rows.link, None, rows.exposure
    )
    return np.where(away < 0, ends[:, 0], ends[:, 1])


def _coverage(
    held: npt.NDArray[np.bool_], weights: Doubles | None, clusters: Codes | None, of: npt.NDArray[np.bool_]
) -> Score:
    hits = held[of].astype(np.float64)
    weights = None if weights is None else weights[of]
    units = None
    if clusters is not None:
        units = np.unique(clusters[of], return_inverse=True)[1].astype(np.int64)
    value, low, high = proportion_interval(hits, weights, units)
    told = bool(np.isfinite([value, low, high]).all())
    return Score(
        metric="coverage",
        value=float(value) if told else float(hits.mean()),
        low=float(low) if told else 0.0,
        high=float(high) if told else 1.0,
        rows=len(hits),
        greater_is_better=True,
        method="Wilson" + (", clustered" if units is not None else "") if told else TOO_FEW_ROWS,
    )


def _worth(scores: Doubles, weights: Doubles | None, clusters: Codes | None) -> float:
    """How many independent rows of one weight these are worth: Kish's number, and with clusters the number by
    which whether a row is among the tenth that lies furthest out varies between them."""
    n = len(scores)
    shares = np.full(n, 1 / n) if weights is None else weights / weights.sum()
    worth = n if weights is None else float(1 / (shares @ shares))
    if clusters is None or n < 2:
        return worth
    tenth = np.sort(scores)[int(np.ceil(0.9 * (n - 1)))]
    within = (scores <= tenth).astype(np.float64)
    p = float(shares @ within)
    error, units = clustered_error(shares * (within - p), clusters)
    if units < 2:
        return min(worth, 1.0)
    by_error = p * (1 - p) / error**2 if error > 0 else worth
    return float(np.clip(by_error, min(units, worth), worth))


def _kept(ranks: Doubles, worth: float) -> Ints:
    """Which of the ranks are kept: all of few; else those of the usual error rates, those of the rows that
    lie furthest out, and further in ever fewer."""
    n = len(ranks)
    if n <= KEPT:
        return np.arange(n)
    asked = (1 - np.array(USUAL)) * (worth + 1) * (1 - 1e-9)
    usual = np.searchsorted(ranks, asked, side="left")
    from_end = n - np.unique(np.round(np.geomspace(1, n, KEPT)).astype(np.int64))
    return np.unique(np.concatenate([usual[usual < n], from_end]))


def _up(score: float) -> float:
    """Rounded up to seven digits after the point, or seven digits where it is larger."""
    if score <= 0:
        return 0.0
    digits = _DIGITS - max(int(np.floor(np.log10(score))), 0)
    return float(f"{np.ceil(score * 10.0**digits) / 10.0**digits:.{max(digits, 0)}f}")
