"""The delete-a-group jackknife: how sure a statistic is, by leaving out a thirtieth of the rows at a time.

For statistics that have no formula and are dear to ask, such as differences of metrics: thirty values instead
of hundreds of a bootstrap. Used by `evaluation`.
Source: Kott (2001), Journal of Official Statistics 17; Efron & Tibshirani (1993), chapter 11.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.statistics.intervals import Codes, Floats, t_quantile

GROUPS = 30


def deleted_together(rows: int, *, clusters: Codes | None = None, seed: int = 0, most: int = GROUPS) -> Codes:
    """The group [rows] that each row is left out with: at most `most` of nearly equal numbers of rows, or of
    `clusters` (codes [rows]), which stay whole. One group alone where there is but one row or cluster.

    >>> np.bincount(deleted_together(9, most=3)).tolist()
    [3, 3, 3]
    >>> deleted_together(4, clusters=np.array([0, 0, 7, 7])).tolist()
    [0, 0, 1, 1]
    """
    if clusters is None:
        unit, units = np.arange(rows, dtype=np.int64), rows
    else:
        names, inverse = np.unique(clusters, return_inverse=True)
        unit, units = inverse.astype(np.int64), len(names)
    if units <= most:
        return unit
    lot = np.random.default_rng(seed).permutation(units) % most
    return np.asarray(lot[unit], dtype=np.int64)


def half_width(replicates: Floats, level: float = 0.95) -> Floats:
    """Half of the interval of each statistic from its values [G, ...] without each of the groups; NaN where
    there are fewer than two, or one of them is undefined.

    >>> x = np.arange(30.0)
    >>> without = np.array([np.delete(x, i).mean() for i in range(30)])
    >>> bool(abs(half_width(without) - t_quantile(0.975, 29) * x.std(ddof=1) / math.sqrt(30)) < 1e-9)
    True
    """
    groups = len(replicates)
    if groups < 2:
        return np.full(replicates.shape[1:], math.nan)
    apart = replicates - replicates.mean(axis=0)
    error = np.sqrt((groups - 1) / groups * np.sum(apart**2, axis=0))
    return np.asarray(t_quantile(0.5 + level / 2, groups - 1) * error)
