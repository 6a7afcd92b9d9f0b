"""Whether two columns have anything to do with each other: permutation test and strength, any kinds.

Used by `checks`. Columns come as codes or numbers; this module knows no schema.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mlwright.statistics.intervals import Codes, Floats, Interval, normal_quantile

Column = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def permutation_p(
    statistic: Callable[[Column], float], y: Column, *, permutations: int = 999, seed: int = 0
) -> float:
    """The p-value of `statistic(y)` being this great by chance, from shuffles of `y` [N].

    The observed order counts as one of them, so p is never 0 and the test is exact; it stops early once
    10 shuffles were as great, when p is clearly not small.
    Source: Phipson & Smyth (2010), SAGMB 9; stopping: Besag & Clifford (1991), Biometrika 78.

    >>> x = np.arange(20.0)
    >>> permutation_p(lambda y: abs(float(np.corrcoef(x, y)[0, 1])), x**2, permutations=99)
    0.01
    """
    observed, random = statistic(y), np.random.default_rng(seed)
    as_great = 0
    for done in range(1, permutations + 1):
        as_great += statistic(random.permutation(y)) >= observed - 1e-12 * abs(observed)
        if as_great == 10:
            return as_great / done
    return (as_great + 1) / (permutations + 1)


def chi_square(x: Codes, y: Codes) -> float:
    """Pearson's chi-square of two columns of codes from 0 [N].

    >>> chi_square(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    4.0
    """
    rows, columns = int(x.max()) + 1, int(y.max()) + 1
    table = np.bincount(x * columns + y, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(x)
    return float(
        np.sum(np.divide((table - expected) ** 2, expected, out=np.zeros_like(table), where=expected > 0))
    )


def correlation_ratio(x: Codes, y: Floats) -> float:
    """The share of the variance of numbers `y` [N] that lies between the groups of codes `x` [N].

    >>> correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 3.0, 3.0]))
    1.0
    """
    counts = np.bincount(x)
    means = np.bincount(x, weights=y) / np.maximum(counts, 1)
    total = float(np.sum((y - y.mean()) ** 2))
    return float(counts @ (means - y.mean()) ** 2) / total if total > 0 else 0.0


def spearman_interval(value: float, rows: int, level: float = 0.95) -> Interval:
    """The interval of a rank correlation measured on so many rows.

    Source: Bonett & Wright (2000), Psychometrika 65, on Fisher's scale.

    >>> "{:.2f} {:.4f} {:.4f}".format(*spearman_interval(0.5, 100))
    '0.50 0.3259 0.6413'
    """
    if rows <= 3 or abs(value) >= 1:
        return Interval(value, value if rows > 3 else -1.0, value if rows > 3 else 1.0)
    half = normal_quantile(0.5 + level / 2) * math.sqrt((1 + value * value / 2) / (rows - 3))
    low, high = math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)
    return Interval(value, low, high)
