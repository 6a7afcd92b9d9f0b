"""How much rows that are alike differ in their target: the error that no model of these columns can avoid.

Nearest pairs, and what their difference tends to as their distance goes to nothing: the Gamma test
(Stefansson, Koncar & Jones, 1997, Neural Computing & Applications 6) for numbers; for classes, Cover & Hart
(1967, IEEE Transactions on Information Theory 13) turn it into bounds on the least error rate. Used by
`evaluation`.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.statistics.intervals import Codes, Floats, Interval, t_quantile
from mlwright.statistics.neighbours import near_pairs

FEWEST_PAIRS = 100
NEAREST = 0.5
"""The share of the pairs, the nearest, that the line is drawn through."""
REACH = 0.5
"""Where the nearest fifth of these pairs is farther apart, in the mean, than this share of what the line
spans, its end is too far from any pair to be believed."""


def limit_at_nothing(
    numbers: Floats, codes: Codes, differ: Floats | Codes, *, classes: bool, seed: int
) -> Interval:
    """What the difference of nearest pairs tends to, with a 95 % interval; NaN where pairs are too far apart.

    `numbers` [n, a] on one scale, `codes` [n, b]; `differ` [n] are classes or numbers: pairs differ by 0 or
    1, or by half their squared difference, whose mean is the variance of the noise.

    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(4000, 1))
    >>> y = 3 * x[:, 0] + random.normal(size=4000)
    >>> found = limit_at_nothing(x, np.zeros((4000, 0), dtype=np.int64), y, classes=False, seed=0)
    >>> 0.9 < found.value < 1.1, found.low < 1 < found.high
    (True, True)
    """
    nothing = Interval(math.nan, math.nan, math.nan)
    if len(numbers) < 2 * FEWEST_PAIRS:
        return nothing
    nearest, distance, _ = near_pairs(numbers, codes, [], seed)
    own = np.arange(len(nearest))
    once = (nearest[nearest] != own) | (own < nearest)  # a pair that is nearest both ways counts once
    pair, apart = (own[once], nearest[once]), distance[once]
    gap = differ[pair[0]] != differ[pair[1]] if classes else (differ[pair[0]] - differ[pair[1]]) ** 2 / 2
    order = np.argsort(apart, kind="stable")[: max(FEWEST_PAIRS, int(NEAREST * len(apart)))]
    if len(order) < FEWEST_PAIRS or not np.isfinite(apart[order]).all():
        return nothing
    x, y = apart[order], gap[order].astype(np.float64)
    if x[-1] > 0 and float(x[: len(x) // 5].mean()) > REACH * float(x[-1]):
        return nothing
    return _intercept(x, y)


def least_error_rate(differ: float, classes: int) -> float:
    """The least error rate of any rule where two rows alike differ in class with chance `differ`: of K
    classes, (K - 1) / K (1 - sqrt(1 - K / (K - 1) differ)). The most is `differ` itself.

    >>> least_error_rate(0.32, 2), least_error_rate(0.0, 3)
    (0.2, 0.0)
    """
    rest = (classes - 1) / classes
    return round(rest * (1 - math.sqrt(max(0.0, 1 - max(differ, 0.0) / rest))), 12)


def _intercept(x: Floats, y: Floats) -> Interval:
    """Where the least-squares line of y [n] over x [n] begins; its error allows for unequal spread (White,
    1980, Econometrica 48). Where all x are alike, the mean."""
    design = np.stack([np.ones(len(x)), x], axis=1) if np.ptp(x) > 0 else np.ones((len(x), 1))
    inverse = np.linalg.pinv(design.T @ design)
    fitted = inverse @ design.T @ y
    parts = (design * (y - design @ fitted)[:, None]) @ inverse[0]
    # Pairs share rows: twice as many as there are rows in them would be independent.
    error = math.sqrt(2 * float(parts @ parts))
    half = t_quantile(0.975, len(x) - design.shape[1]) * error
    return Interval(float(fitted[0]), float(fitted[0]) - half, float(fitted[0]) + half)
