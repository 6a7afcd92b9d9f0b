"""Whether several estimates differ by more than their errors say, and whether they move along an axis.

Used by `evaluation` for scores of folds. Cochran (1954), Biometrics 10; Higgins & Thompson (2002), Statistics
in Medicine 21 (I squared); Viechtbauer (2007), Statistics in Medicine 26 (the interval of the spread).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.optimize import brentq

from mlwright.statistics.intervals import Floats, Interval, t_quantile


class Heterogeneity(NamedTuple):
    """How much estimates differ beyond their own errors."""

    q: float
    """Cochran's Q."""
    p: float
    """How often Q is as large where all estimate the same."""
    share: float
    """I squared: the share of the variation that their errors do not explain."""
    spread: Interval
    """The standard deviation of what they estimate."""


def heterogeneity(values: Floats, errors: Floats) -> Heterogeneity:
    """Of estimates [k] with standard errors [k], all of them above 0.

    >>> alike = heterogeneity(np.array([0.8, 0.81, 0.79]), np.full(3, 0.02))
    >>> apart = heterogeneity(np.array([0.6, 0.8, 0.95]), np.full(3, 0.02))
    >>> alike.p > 0.5, apart.p < 1e-6, apart.share > 0.9, alike.spread.low
    (True, True, True, 0.0)
    """
    freedom = len(values) - 1

    def q(variance: float) -> float:
        weight = 1.0 / (errors**2 + variance)
        middle = float(weight @ values / weight.sum())
        return float(weight @ (values - middle) ** 2)

    def solved(target: float) -> float:
        """The spread at which Q is `target`; Q falls with it."""
        if q(0.0) <= target:
            return 0.0
        most = float(np.var(values)) + 1e-12
        while q(most) > target:
            most *= 4
        return math.sqrt(brentq(lambda v: q(v) - target, 0.0, most))

    seen = q(0.0)
    low, high = (solved(float(special.chdtri(freedom, p))) for p in (0.025, 0.975))
    value = min(max(solved(float(freedom)), low), high)
    share = max(0.0, 1 - freedom / seen) if seen > 0 else 0.0
    return Heterogeneity(seen, float(special.chdtrc(freedom, seen)), share, Interval(value, low, high))


def trend(values: Floats, places: Floats, weights: Floats | None = None) -> tuple[Interval, float]:
    """The slope of `values` [k] along `places` [k] by weighted least squares, with Student's t interval, and
    the chance of one as steep where there is none. Three values at least; else NaN.

    >>> line, p = trend(np.array([1.0, 2.1, 2.9, 4.0]), np.arange(4.0))
    >>> round(line.value, 2), p < 0.01
    (0.98, True)
    """
    if len(values) < 3 or not np.ptp(places) > 0:
        return Interval(math.nan, math.nan, math.nan), math.nan
    share = np.full(len(values), 1 / len(values)) if weights is None else weights / weights.sum()
    x, y = places - share @ places, values - share @ values
    spread = float(share @ x**2)
    slope = float(share @ (x * y)) / spread
    freedom = len(values) - 2
    # With weights as inverse variances known up to a factor, which the residuals give.
    error = math.sqrt(float(share @ (y - slope * x) ** 2) / freedom / spread)
    half = t_quantile(0.975, freedom) * error
    p = 2 * float(special.stdtr(freedom, -abs(slope) / error)) if error > 0 else float(slope == 0)
    return Interval(slope, slope - half, slope + half), p
