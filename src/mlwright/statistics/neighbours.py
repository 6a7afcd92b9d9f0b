"""Nearest neighbours among rows, and whether the nearest is nearer than chance would put it.

Used by `checks`. Rows come as numbers and codes; it knows no schema.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from mlwright.statistics.intervals import Codes, Floats

NEIGHBOURS = 4
"""The neighbour whose distance the nearest one's is compared with: sets of three copies still stand out."""
CANDIDATES = 8
DIRECTIONS = 6
CELLS_AT_ONCE = 4_000_000
LEAST_ROWS = 20
MOST_DIMENSIONS = 30.0


def near_pairs(
    numbers: Floats, codes: Codes, partners: list[tuple[Codes, Codes]], seed: int = 0
) -> tuple[Codes, Floats, Floats]:
    """For each row its nearest other row [n], that distance, and the distance of the fourth nearest.

    `numbers` [n, a] on one scale, `codes` [n, b] of categories; a cell of another category counts 1, numbers
    their squared difference, at most 1. `partners` are pairs of rows to look at besides. Candidates are the 8
    nearest rows in 6 random directions: what is nearly equal in all cells is near in every direction.
    Costs n log n. Source: Johnson & Lindenstrauss (1984), for the directions.

    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> rows[7] = rows[30] + 1e-6
    >>> int(near_pairs(rows, np.zeros((50, 0), dtype=np.int64), [])[0][7])
    30
    """
    n = len(numbers)
    random = np.random.default_rng(seed)
    directions = min(DIRECTIONS, numbers.shape[1] + codes.shape[1])
    placed = np.tanh(numbers) @ random.normal(size=(numbers.shape[1], directions))
    for j in range(codes.shape[1]):
        placed += random.normal(size=(int(codes[:, j].max()) + 1, directions))[codes[:, j]]
    few = min(CANDIDATES, n - 1)
    found = cKDTree(placed, balanced_tree=False).query(placed, k=few + 1)[1].astype(np.int64)
    own = np.arange(n)[:, None]
    others = np.where(found[:, :1] == own, found[:, 1:], found[:, :-1])
    distances = _distances(numbers, codes, np.repeat(np.arange(n), few), others.ravel()).reshape(n, few)
    distances[others == own] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")
    distances = np.take_along_axis(distances, order, axis=1)
    nearest, least = others[np.arange(n), order[:, 0]], distances[:, 0].copy()
    far = distances[:, min(NEIGHBOURS, few) - 1]
    for one, other in partners:
        between = _distances(numbers, codes, one, other)
        for a, b in ((one, other), (other, one)):
            nearer = between < least[a]
            nearest[a[nearer]], least[a[nearer]] = b[nearer], between[nearer]
    return nearest, np.sqrt(least), np.sqrt(far)


def _distances(numbers: Floats, codes: Codes, one: Codes, other: Codes) -> Floats:
    """Squared distances between rows `one` and `other` [m]."""
    result = np.empty(len(one))
    step = max(1, CELLS_AT_ONCE // max(1, numbers.shape[1] + codes.shape[1]))
    for at in range(0, len(one), step):
        a, b = one[at : at + step], other[at : at + step]
        apart = np.minimum((numbers[a] - numbers[b]) ** 2, 1.0).sum(axis=1)
        result[at : at + step] = apart + (codes[a] != codes[b]).sum(axis=1)
    return result


def nearness(least: Floats, far: Floats) -> tuple[Floats, float]:
    """The chance [n] that the nearest of four neighbours is so much nearer than the fourth; the dimension.

    Around a row the volumes of its neighbours' spheres grow as in a Poisson process: (least / far) to the
    power of the dimension is the least of three uniform numbers. The table itself gives the dimension, by the
    rows at 50, 30 and 20 %, whichever is kindest; rows of few values, whose neighbours are all equally far,
    have no near ones. Source: Facco et al. (2017), Scientific Reports 7, 12140.
    """
    usable = (far > 0) & (least > 0) & np.isfinite(far)
    if usable.sum() < LEAST_ROWS:
        return np.ones(len(least)), float("nan")
    ratio = np.log(least[usable] / far[usable])
    dimension = MOST_DIMENSIONS
    for share in (0.5, 0.3, 0.2):
        due = np.log(1 - (1 - share) ** (1 / (NEIGHBOURS - 1)))
        dimension = min(dimension, float(due / min(float(np.quantile(ratio, share)), -1e-9)))
    with np.errstate(divide="ignore", invalid="ignore"):
        volume = np.where(np.isfinite(far) & (far > 0), np.minimum(least / far, 1.0) ** dimension, 1.0)
    return np.asarray(-np.expm1((NEIGHBOURS - 1) * np.log1p(-np.minimum(volume, 1 - 1e-16)))), dimension
