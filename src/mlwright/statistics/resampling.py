"""The bootstrap by row weights: rows, groups or blocks of time are drawn, statistics see counts as weights.

Used by `evaluation` and `checks`. Statistics that sort (ranking) sort once, whatever the number of draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mlwright.statistics.intervals import Codes, Floats, Interval, normal_quantile

Weighted = Callable[[Floats | None], float]
PERCENTILES_FROM = 400
"""Draws from which the tails' percentiles are steadier than the normal interval on the draws' deviation."""


def time_blocks(rows: int, length: int | None = None) -> Codes:
    """Block numbers [rows] of consecutive rows in time order, `length` rows each.

    Without a length, the cube root of the rows, the order that is best for a variance.
    Source: Künsch (1989), Annals of Statistics 17.

    >>> time_blocks(5, 2)
    array([0, 0, 1, 1, 2])
    """
    length = length or max(1, round(rows ** (1 / 3)))
    return np.arange(rows, dtype=np.int64) // length


def drawn_weights(
    rows: int, draws: int, seed: int, *, clusters: Codes | None = None, weights: Floats | None = None
) -> Iterator[Floats]:
    """Row weights [rows] of each bootstrap draw: how often the row or its cluster came, times its weight.

    `clusters` [rows] are codes from 0 without gaps.

    >>> [int(w.sum()) for w in drawn_weights(10, 2, seed=0)]
    [10, 10]
    """
    random = np.random.default_rng(seed)
    units = rows if clusters is None else int(clusters.max()) + 1
    for _ in range(draws):
        counts = np.bincount(random.integers(0, units, units), minlength=units).astype(np.float64)
        drawn = counts if clusters is None else counts[clusters]
        yield drawn if weights is None else drawn * weights


def bootstrap(
    statistics: Sequence[Weighted],
    rows: int,
    *,
    draws: int = 1000,
    seed: int = 0,
    clusters: Codes | None = None,
    weights: Floats | None = None,
    level: float = 0.95,
) -> list[Interval]:
    """Intervals of several statistics from the same draws: percentiles, or normal where draws are few.

    Each statistic takes row weights [rows]; draws in which it is undefined (NaN) are left out, and where
    that is more than a tenth of them the interval is NaN. Source: Efron & Tibshirani (1993), chapters 12, 13.

    >>> x = np.arange(100.0)
    >>> [i] = bootstrap([lambda w: float(np.average(x, weights=w))], 100, draws=500)
    >>> i.value, 42 < i.low < 46, 53 < i.high < 57
    (49.5, True, True)
    """
    values = np.empty((draws, len(statistics)))
    for b, drawn in enumerate(drawn_weights(rows, draws, seed, clusters=clusters, weights=weights)):
        values[b] = [f(drawn) for f in statistics]
    intervals = []
    for j, f in enumerate(statistics):
        kept = values[np.isfinite(values[:, j]), j]
        intervals.append(_interval(float(f(weights)), kept, draws, level))
    return intervals


def _interval(value: float, drawn: Floats, draws: int, level: float) -> Interval:
    if len(drawn) < max(2, 0.9 * draws):
        return Interval(value, np.nan, np.nan)
    if len(drawn) >= PERCENTILES_FROM:
        low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
        return Interval(value, min(float(low), value), max(float(high), value))
    half = normal_quantile(0.5 + level / 2) * float(np.std(drawn, ddof=1))
    return Interval(value, value - half, value + half)
