"""Ranking statistics of a score for two classes: ROC AUC with DeLong's interval, average precision.

Sorts once, then answers for any row weights, so that a bootstrap costs no sorting. Used by `evaluation`
and `checks`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlwright.statistics.intervals import (
    Codes,
    Floats,
    Interval,
    clopper_pearson,
    clustered_error,
    normal_quantile,
    t_quantile,
)


class Ranked:
    """A score sorted once against a yes/no outcome; asked many times with row weights.

    `positive` [N] bool, `score` [N] float. Weights [N] are not negative; None means ones. Ties count half.

    >>> r = Ranked(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.9]))
    >>> r.auc(), round(r.average_precision(), 4)
    (0.875, 0.8333)
    """

    def __init__(self, positive: npt.NDArray[np.bool_], score: Floats) -> None:
        self.order = np.argsort(score)
        ordered = score[self.order]
        self.positive = positive[self.order]
        last = np.append(ordered[1:] != ordered[:-1], True) if len(score) else np.zeros(0, dtype=bool)
        self.ends = np.flatnonzero(last) + 1
        self.starts = np.append(0, self.ends[:-1]) if len(score) else self.ends
        # Positives before each row. Only distinct scores that some positive row has add to either statistic.
        self.before = np.append(0, np.cumsum(self.positive))
        held = self.before[self.ends] > self.before[self.starts]
        self.held_starts, self.held_ends = self.starts[held], self.ends[held]

    def auc(self, weights: Floats | None = None) -> float:
        """The chance that a positive row scores higher than a negative one; NaN where either is absent."""
        rows, positives = self._cumulated(weights)
        total_p, total_n = positives[-1], rows[-1] - positives[-1]
        if total_p <= 0 or total_n <= 0:
            return math.nan
        first, last = positives[self.before[self.held_starts]], positives[self.before[self.held_ends]]
        middle = (rows[self.held_starts] - first + rows[self.held_ends] - last) / 2
        return float((last - first) @ middle / (total_p * total_n))

    def average_precision(self, weights: Floats | None = None) -> float:
        """Precision averaged over the steps of recall, not interpolated; NaN where no row is positive."""
        rows, positives = self._cumulated(weights)
        if positives[-1] <= 0:
            return math.nan
        first, last = positives[self.before[self.held_starts]], positives[self.before[self.held_ends]]
        above = rows[-1] - rows[self.held_starts]
        precision = np.divide(positives[-1] - first, above, out=np.zeros(len(above)), where=above > 0)
        return float((last - first) @ precision / positives[-1])

    def influence(self, weights: Floats | None = None) -> tuple[float, Floats]:
        """The AUC and each row's share [N] in its error, in the rows' first order.

        Source: the structural components of DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, by
        cumulated weights in O(n log n) as in Sun & Xu (2014), IEEE Signal Processing Letters 21.
        """
        auc, n = self.auc(weights), len(self.positive)
        if math.isnan(auc):
            return auc, np.full(n, math.nan)
        rows, held = self._cumulated(weights)
        positives = held[self.before]
        negatives = rows - positives
        sizes = self.ends - self.starts
        lower_p = np.repeat((positives[self.starts] + positives[self.ends]) / 2, sizes) / positives[-1]
        lower_n = np.repeat((negatives[self.starts] + negatives[self.ends]) / 2, sizes) / negatives[-1]
        parts = np.empty(n)
        parts[self.order] = np.where(
            self.positive, (lower_n - auc) / positives[-1], (1 - lower_p - auc) / negatives[-1]
        )
        return auc, parts if weights is None else parts * weights

    def _cumulated(self, weights: Floats | None) -> tuple[Floats, Floats]:
        """Weight of the rows [N + 1], and of the positive rows [P + 1], before each in order of score."""
        if weights is None:
            return np.arange(len(self.positive) + 1.0), np.arange(self.before[-1] + 1.0)
        ordered = weights[self.order]
        return _before(ordered), _before(ordered[self.positive])


def _before(weights: Floats) -> Floats:
    cumulated = np.zeros(len(weights) + 1)
    np.cumsum(weights, out=cumulated[1:])
    return cumulated


def auc_interval(
    positive: npt.NDArray[np.bool_],
    score: Floats,
    *,
    weights: Floats | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
) -> Interval:
    """ROC AUC with DeLong's interval on the logit scale; by clusters where rows are not independent.

    `positive`, `score`, `weights`, `clusters` [N]. Perfect separation has no variance to measure: there the
    far end is the exact bound for as many independent successes as the rarer class has rows (or clusters).
    Source: DeLong et al. (1988); clusters: Obuchowski (1997), Biometrics 53; logit: Pepe (2003), section 5.2.

    >>> y = np.array([False, False, True, True])
    >>> "{:.2f} {:.3f} {:.3f}".format(*auc_interval(y, np.array([0.1, 0.4, 0.35, 0.8])))
    '0.75 0.069 0.992'
    """
    auc, parts = Ranked(positive, score).influence(weights)
    if math.isnan(auc):
        return Interval(auc, 0.0, 1.0)
    if clusters is None:
        rare = int(min(positive.sum(), (~positive).sum()))
        corrected = 0.0
        for side in (positive, ~positive):
            m = int(side.sum())
            corrected += float(parts[side] @ parts[side]) * (m / (m - 1) if m > 1 else 1.0)
        error, quantile = math.sqrt(corrected), normal_quantile(0.5 + level / 2)
        if rare < 2:
            return Interval(auc, 0.0, 1.0)
    else:
        error, units = clustered_error(parts, clusters)
        if units < 2:
            return Interval(auc, 0.0, 1.0)
        rare = min(len(np.unique(clusters[positive])), len(np.unique(clusters[~positive])))
        quantile = t_quantile(0.5 + level / 2, units - 1)
    return logit_interval(auc, error, quantile, rare, level)


def logit_interval(value: float, error: float, quantile: float, rare: int, level: float = 0.95) -> Interval:
    """An interval for a value in 0 to 1, symmetric on the logit scale, which cannot leave that range.

    At the very ends, or without error, the far end is Clopper and Pearson's for `rare` trials that agree.
    """
    if not 0 < value < 1 or error <= 0:
        exact = clopper_pearson(rare, rare, level).low
        return Interval(value, value * exact if value > 0.5 else 0.0, 1.0 if value >= 0.5 else 1 - exact)
    centre, half = math.log(value / (1 - value)), quantile * error / (value * (1 - value))
    low, high = ((1 + math.tanh(x / 2)) / 2 for x in (centre - half, centre + half))
    return Interval(value, low, high).within(0.0, 1.0)
