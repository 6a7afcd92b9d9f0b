"""Cells: between which of a column's bounds a value lies, found by halving, and what a table says of it.

Bins, quantiles and splines are tables over cells. A tree for each column finds the cell in as many steps as
the logarithm of their number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import GTE, Tree, Trees, tree_ensemble

Doubles = npt.NDArray[np.float64]


def cells(g: GraphBuilder, x: str, bounds: Sequence[Doubles]) -> str:
    """How many of each column's ascending `bounds` are at most its value: whole numbers [N, columns]. A
    missing value is beyond none."""
    found = [(j, _halving(j, b)) for j, b in enumerate(bounds) if len(b)]
    if not found:
        return g.node("Cast", g.node("IsNaN", g.node("Mul", x, g.constant(0.0))), to=7)
    trees = Trees(tuple(t for _, t in found), tuple(j for j, _ in found), len(bounds), np.zeros(len(bounds)))
    return g.node("Cast", tree_ensemble(g, trees, x), to=7)


def looked_up(g: GraphBuilder, cell: str, tables: Sequence[Doubles]) -> tuple[str, ...]:
    """What each column's table [cells, entries] says of its cell, an entry after another: [N, columns]."""
    starts = np.cumsum([0, *map(len, tables)])[:-1]
    place = g.node("Add", cell, g.constant(starts[None, :].astype(np.int64)))
    rows = g.node("Gather", g.constant(np.concatenate(tables)), place, axis=0)
    entries = range(tables[0].shape[1])
    return tuple(g.node("Gather", rows, g.constant(np.array(i, dtype=np.int64)), axis=2) for i in entries)


def _halving(column: int, bounds: Doubles) -> Tree:
    """A balanced tree whose leaves are numbers of cells."""
    split: list[float] = []
    true: list[int] = []
    false: list[int] = []

    def grown(low: int, high: int) -> int:
        """The node of the cells from `low` to `high`; a leaf is the complement of its cell."""
        if low == high:
            return ~low
        middle = (low + high + 1) // 2
        at = len(split)
        split.append(float(bounds[middle - 1]))
        true.append(0)
        false.append(0)
        true[at], false[at] = grown(middle, high), grown(low, middle - 1)
        return at

    grown(0, len(bounds))
    count = len(split)
    return Tree(
        feature=np.full(count, column, dtype=np.int64),
        split=np.array(split),
        mode=np.full(count, GTE, dtype=np.int64),
        true=np.array(true, dtype=np.int64),
        false=np.array(false, dtype=np.int64),
        missing_true=np.zeros(count, dtype=np.int64),
        leaf=np.arange(len(bounds) + 1, dtype=np.float64),
    )
