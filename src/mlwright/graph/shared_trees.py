"""Trees that differ in their leaves alone, one for each output: walked once, their leaves looked up in a
table.

CatBoost grows one structure for all classes. A leaf of the operator holds one number, so that such trees
would be walked once a class; here they are walked once and give the number of a row of leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.packing import packed
from mlwright.graph.trees import Doubles, Shape, Tree, Trees, tree_ensemble

_LEAF_BYTES, _NODE_BYTES = 8, 13
LEAST_SAVED = 60
"""Walks saved a row below which the nodes that look leaves up cost more (some 5 microseconds)."""


@dataclass(frozen=True)
class Shared:
    """Trees whose leaves are rows of `table` [rows, outputs]: tree i answers in output i of `walks`."""

    walks: Trees
    table: Doubles

    def plus(self, constant: Doubles) -> Shared:
        """The same, its sums raised by `constant` [outputs]."""
        used = np.unique(self.walks.trees[0].leaf).astype(np.int64)
        table = self.table.copy()
        table[used] += constant
        return Shared(self.walks, table)

    def joined(self, other: Shared) -> Shared:
        """Both sums together, over one matrix."""
        first, second = self.walks, other.walks
        moved = tuple(replace(t, leaf=t.leaf + len(self.table)) for t in second.trees)
        count = first.outputs + second.outputs
        walks = Trees(first.trees + moved, tuple(range(count)), count, np.zeros(count))
        return Shared(walks, np.concatenate([self.table, other.table]))

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        """Their sums [N, outputs] over the [N, F] tensor `matrix`."""
        rows = g.node("Cast", tree_ensemble(g, self.walks, matrix), to=7)
        found = g.node("Gather", g.constant(self.table), rows, axis=0)
        return g.node("ReduceSum", found, g.constant(np.array([1])), keepdims=0)


def served(trees: Trees) -> tuple[Shared | None, Trees]:
    """The same sums as a graph holds them: trees of one structure walked once, and all others packed."""
    shared, single = apart(trees)
    return shared, packed(single)


def apart(trees: Trees) -> tuple[Shared | None, Trees]:
    """Trees of one structure for several outputs, if they are many; and all others."""
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i, tree in enumerate(trees.trees):
        if len(tree.feature):
            groups.setdefault(_structure(tree), []).append(i)
    alike = [found for found in groups.values() if len(found) > 1]
    if sum(len(found) - 1 for found in alike) < LEAST_SAVED or trees.outputs == 1:
        return None, trees
    walks, rows, start = [], [], 0
    for found in alike:
        first = trees.trees[found[0]]
        table = np.zeros((len(first.leaf), trees.outputs))
        for i in found:
            table[:, trees.target[i]] += trees.trees[i].leaf
        # Equal rows have one number, so that splits between them are seen to do nothing.
        distinct, numbers = np.unique(table, axis=0, return_inverse=True)
        walks.append(replace(first, leaf=start + numbers.ravel().astype(np.float64)))
        rows.append(distinct)
        start += len(distinct)
    count, table = len(walks), np.concatenate(rows)
    whole = packed(Trees(tuple(walks), tuple(range(count)), count, np.zeros(count)))
    # A tree that has become a single leaf is a constant.
    constant = table[[int(whole.bias[i]) for i in range(count) if i not in whole.target]].sum(axis=0)
    single = sorted(set(range(len(trees.trees))) - {i for found in alike for i in found})
    rest = Trees(
        tuple(trees.trees[i] for i in single),
        tuple(trees.target[i] for i in single),
        trees.outputs,
        trees.bias + constant,
    )
    if not whole.trees:
        return None, rest
    kept = len(whole.trees)
    return Shared(Trees(whole.trees, tuple(range(kept)), kept, np.zeros(kept)), table), rest


def served_shape(shared: Shared | None, single: Trees) -> Shape:
    """How large trees are in a graph. Rows of leaves count as the nodes that take as many bytes."""
    shape = single.shape
    if shared is None:
        return shape
    walks = shared.walks.shape
    rows = shared.table.size * _LEAF_BYTES // _NODE_BYTES
    return Shape(
        shape.trees + walks.trees,
        shape.nodes + walks.nodes + rows,
        shape.steps + walks.steps,
        shape.members + walks.members,
        len(single.features | shared.walks.features),
    )


def _structure(tree: Tree) -> tuple[bytes, ...]:
    arrays = (tree.feature, tree.split, tree.mode, tree.true, tree.false, tree.missing_true, *tree.sets)
    return tuple(a.tobytes() for a in arrays)
