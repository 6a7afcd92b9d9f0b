"""Intervals for proportions and means, for independent rows, weighted rows and rows in clusters.

Used by `evaluation` and `checks`. Knows neither metrics nor data sets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float

    def within(self, least: float, most: float) -> Interval:
        """The interval cut to what the quantity can be, still holding its value."""
        low = min(max(self.low, least), self.value)
        high = max(min(self.high, most), self.value)
        return Interval(self.value, low, high)


def normal_quantile(p: float) -> float:
    """The standard normal's quantile at `p`."""
    return float(special.ndtri(p))


def t_quantile(p: float, freedom: float) -> float:
    """Student's t quantile at `p` with `freedom` degrees of freedom."""
    return float(special.stdtrit(freedom, p))


def wilson(successes: float, trials: float, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion; `trials` may be an effective number, not whole.

    Source: Wilson (1927), JASA 22; recommended by Brown, Cai & DasGupta (2001), Statistical Science 16.

    >>> "{:.3f} {:.4f} {:.4f}".format(*wilson(8, 10))
    '0.800 0.4902 0.9433'
    """
    if trials <= 0:
        return Interval(math.nan, 0.0, 1.0)
    p, z = successes / trials, normal_quantile(0.5 + level / 2)
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return Interval(p, middle - half, middle + half).within(0.0, 1.0)


def clopper_pearson(successes: float, trials: float, level: float = 0.95) -> Interval:
    """The exact interval for a proportion: never covers less than `level`, often more.

    Source: Clopper & Pearson (1934), Biometrika 26.

    >>> "{:.1f} {:.4f} {:.1f}".format(*clopper_pearson(10, 10))
    '1.0 0.6915 1.0'
    """
    if trials <= 0:
        return Interval(math.nan, 0.0, 1.0)
    tail, failures = (1 - level) / 2, trials - successes
    low = float(special.betaincinv(successes, failures + 1, tail)) if successes > 0 else 0.0
    high = float(special.betaincinv(successes + 1, failures, 1 - tail)) if failures > 0 else 1.0
    return Interval(successes / trials, low, high)


def clustered_error(parts: Floats, clusters: Codes | None = None) -> tuple[float, int]:
    """Standard error of an estimate from its rows' influences, and the number of units that it rests on.

    `parts` [N] sum to zero: each is one row's share in the error of the estimate. `clusters` [N] (codes
    from 0) are the rows that are not independent of each other. One unit alone has no error: NaN.
    Source: linearisation, as in Binder (1983), International Statistical Review 51.
    """
    sums = parts if clusters is None else np.bincount(clusters, weights=parts)
    units = len(sums) if clusters is None else int(np.count_nonzero(np.bincount(clusters)))
    if units < 2:
        return math.nan, units
    return math.sqrt(units / (units - 1) * float(sums @ sums)), units


def mean_interval(
    values: Floats, weights: Floats | None = None, clusters: Codes | None = None, level: float = 0.95
) -> Interval:
    """Student's t interval for a (weighted) mean, of independent rows or rows in clusters.

    `values`, `weights`, `clusters` [N]. With clusters the degrees of freedom are clusters less one, and the
    error is the ratio estimator's, so clusters may differ in size.

    >>> "{:.2f} {:.3f} {:.3f}".format(*mean_interval(np.array([1.0, 2.0, 3.0, 4.0])))
    '2.50 0.446 4.554'
    """
    if not len(values):
        return Interval(math.nan, math.nan, math.nan)
    shares, mean = _shares_and_mean(values, weights)
    error, units = clustered_error(shares * (values - mean), clusters)
    if units < 2:
        return Interval(mean, math.nan, math.nan)
    half = t_quantile(0.5 + level / 2, units - 1) * error
    return Interval(mean, mean - half, mean + half)


def proportion_interval(
    hits: Floats, weights: Floats | None = None, clusters: Codes | None = None, level: float = 0.95
) -> Interval:
    """Wilson's interval on the number of independent rows that the rows are worth.

    `hits` [N] are 0 or 1. Weights shrink the number of rows (Kish); clusters shrink it by their design
    effect, measured; where all rows agree, a cluster counts as one row.
    Source: Korn & Graubard (1998), Survey Methodology 24.

    >>> hits = np.array([1.0, 1.0, 0.0, 0.0])
    >>> proportion_interval(hits) == wilson(2, 4)
    True
    >>> round(proportion_interval(hits, clusters=np.array([0, 0, 1, 1])).low, 4)
    0.0015
    """
    if not len(hits):
        return wilson(0, 0, level)
    shares, p = _shares_and_mean(hits, weights)
    p = min(p, 1.0)
    worth = 1 / float(shares @ shares)
    if clusters is not None:
        error, units = clustered_error(shares * (hits - p), clusters)
        if units < 2:
            return Interval(p, 0.0, 1.0)
        by_error = p * (1 - p) / error**2 if error > 0 else float(units)
        # t in place of the normal: few clusters say little about how much clusters differ.
        slack = (normal_quantile(0.5 + level / 2) / t_quantile(0.5 + level / 2, units - 1)) ** 2
        worth = min(worth, by_error * slack)
    return wilson(p * worth, worth, level)._replace(value=p)


def _shares_and_mean(values: Floats, weights: Floats | None) -> tuple[Floats, float]:
    if weights is None:
        return np.full(len(values), 1 / len(values)), float(values.mean())
    return weights / weights.sum(), float(values @ weights / weights.sum())
