"""Which columns tell much the same: association of any two kinds of column, and groups by it.

Numbers by rank correlation, categories (and numbers beside them) by Cramér's V without its bias; groups by
average linkage. Used by `evaluation`; columns come as numbers or codes, without a schema.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from mlwright.statistics.association import chi_square
from mlwright.statistics.intervals import Codes, Floats

Values = npt.NDArray[np.float64] | npt.NDArray[np.int64] | None
"""Numbers (double, NaN is missing), codes of categories (integers), or None for what is neither."""

TOGETHER = 0.7
"""Columns whose associations are at least this in the mean are a group: half of what they tell is shared."""
BINS, MOST_CODES = 8, 12
"""Beside categories: numbers in so many classes of equal counts, so many categories, and the rest as one."""
MOST_ROWS = 1_000


def go_together(columns: Mapping[str, Values], least: float = TOGETHER) -> list[tuple[str, ...]]:
    """The columns in groups of one or more, in the order of their first.

    >>> x = np.arange(50.0)
    >>> go_together({"a": x, "b": np.sin(x * 99), "c": x**3})
    [('a', 'c'), ('b',)]
    """
    names = list(columns)
    if len(names) < 2:
        return [(name,) for name in names]
    apart = 1.0 - associations(list(columns.values()))
    tree = linkage(apart[np.triu_indices(len(names), 1)], method="average")
    group = fcluster(tree, 1.0 - least + 1e-9, criterion="distance")
    members: dict[int, list[str]] = {}
    for name, g in zip(names, group.tolist(), strict=True):
        members.setdefault(g, []).append(name)
    return [tuple(m) for m in members.values()]


def associations(columns: list[Values]) -> Floats:
    """[C, C] between 0 (nothing to do with each other) and 1, symmetric; 0 for what is neither numbers nor
    codes. Rows are thinned evenly to a thousand."""
    step = max(1, -(-max((len(c) for c in columns if c is not None), default=1) // MOST_ROWS))
    thin = [None if c is None else c[::step] for c in columns]
    out = np.eye(len(thin))
    numbers = [i for i, c in enumerate(thin) if c is not None and c.dtype.kind == "f"]
    if numbers:
        ranks = np.stack([_ranks(np.asarray(thin[i], dtype=np.float64)) for i in numbers])
        out[np.ix_(numbers, numbers)] = np.minimum(np.abs(ranks @ ranks.T), 1.0)
    coded = {i: _codes(c) for i, c in enumerate(thin) if c is not None}
    for i in coded:
        for j in coded:
            if i < j and not (i in numbers and j in numbers):
                out[i, j] = out[j, i] = cramers_v(coded[i], coded[j])
    np.fill_diagonal(out, 1.0)
    return out


def cramers_v(x: Codes, y: Codes) -> float:
    """Cramér's V of two columns of codes from 0 [N], less what chance alone makes of it; 0 to 1.

    Source: Bergsma (2013), Journal of the Korean Statistical Society 42.

    >>> x = np.arange(60) % 3
    >>> round(cramers_v(x, (x + 1) % 3), 9), cramers_v(x, np.arange(60) // 30)
    (1.0, 0.0)
    """
    n, rows, columns = len(x), len(np.unique(x)), len(np.unique(y))
    if n < 2 or rows < 2 or columns < 2:
        return 0.0
    phi = max(0.0, chi_square(x, y) / n - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return math.sqrt(min(phi / least, 1.0)) if least > 0 else 0.0


def alike_in_answers(columns: Mapping[str, Values], answers: Floats, most: int) -> list[str]:
    """The `most` columns whose classes tell most of `answers` [N, M], in their own order; those that are
    neither numbers nor codes are kept. A first look: what matters only along with another may be missed."""
    centred = answers - answers.mean(axis=0)
    spread = (centred**2).sum(axis=0) + 1e-300
    worth: dict[str, float] = {}
    for name, values in columns.items():
        if values is None:
            worth[name] = math.inf
            continue
        code = _codes(values)
        counts = np.bincount(code)
        told = 0.0
        for k in np.argsort(-spread)[:4]:
            sums = np.bincount(code, weights=centred[:, k])
            told = max(told, float((sums**2 / np.maximum(counts, 1)).sum() / spread[k]))
        worth[name] = told - (np.count_nonzero(counts) - 1) / len(code)
    kept = set(sorted(worth, key=lambda name: -worth[name])[:most])
    return [name for name in columns if name in kept]


def _ranks(values: Floats) -> Floats:
    """Mean ranks, centred and of length 1; what is missing stands at the mean. All 0 where nothing varies."""
    known = ~np.isnan(values)
    ordered = np.sort(values[known])
    placed = np.zeros(len(values))
    if len(ordered):
        rank = np.searchsorted(ordered, values[known]) + np.searchsorted(ordered, values[known], "right")
        placed[known] = rank - rank.mean()
    norm = float(np.linalg.norm(placed))
    return placed / norm if norm > 0 else placed


def _codes(values: Floats | Codes) -> Codes:
    """Classes of equal counts of numbers, missing ones apart; of codes the most frequent, and the rest."""
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        code = np.zeros(len(values), dtype=np.int64)
        if known.any():
            edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
            code[known] = np.searchsorted(edges, values[known], side="left") + 1
        return code
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    place = np.empty(len(counts), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.asarray(np.minimum(place, MOST_CODES)[inverse.ravel()], dtype=np.int64)
