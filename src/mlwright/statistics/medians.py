"""Medians of rows that count by weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def weighted_median(y: Doubles, weights: Doubles | None) -> float:
    """The least number at or below which half of the weight lies.

    >>> weighted_median(np.array([5.0, 1.0, 2.0]), np.array([1.0, 1.0, 5.0]))
    2.0
    """
    order = np.argsort(y, kind="stable")
    sums = np.cumsum(np.ones(len(y)) if weights is None else weights[order])
    return float(y[order[np.searchsorted(sums, sums[-1] / 2)]])
