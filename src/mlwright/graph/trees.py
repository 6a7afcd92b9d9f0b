"""Tree ensembles as one `ai.onnx.ml` 5 TreeEnsemble node in double, with set membership.

`Trees` is the common form; each learner that grows trees fills one from its own format. The operator's
meaning follows the ONNX operator documentation (ai.onnx.ml, TreeEnsemble, since version 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import ML, GraphBuilder

LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """One tree: node 0 is the root; a child is a node's index, or ~leaf for a leaf.

    `sets` holds, for each node of mode MEMBER in order, the values that lead to the true branch. A tree
    without nodes is its single leaf.
    """

    feature: Ints
    split: Doubles
    mode: Ints
    true: Ints
    false: Ints
    missing_true: Ints
    leaf: Doubles
    sets: tuple[Doubles, ...] = ()


class Shape(NamedTuple):
    """How large a sum of trees is."""

    trees: int
    nodes: int
    """Splits and leaves."""
    steps: float
    """Splits that a row meets, were the trees balanced: the sum of the trees' log2(leaves)."""
    members: int
    """Values in all sets of set membership."""
    asked: int
    """Columns that any of the trees asks for."""


@dataclass(frozen=True)
class Trees:
    """Trees that add up: tree i adds its leaf to output `target[i]`, on top of `bias` [outputs]."""

    trees: tuple[Tree, ...]
    target: tuple[int, ...]
    outputs: int
    bias: Doubles = field(default_factory=lambda: np.zeros(1))

    @property
    def node_count(self) -> int:
        return sum(len(t.feature) for t in self.trees)

    @property
    def shape(self) -> Shape:
        """How large the ensemble is, for what it costs to serve."""
        leaves = sum(len(t.leaf) for t in self.trees)
        members = sum(len(s) for t in self.trees for s in t.sets)
        steps = sum(float(np.log2(max(len(t.leaf), 1))) for t in self.trees)
        return Shape(len(self.trees), self.node_count + leaves, steps, members, len(self.features))

    @property
    def features(self) -> set[int]:
        """The columns that any tree asks for."""
        return (
            set(np.unique(np.concatenate([t.feature for t in self.trees])).tolist()) if self.trees else set()
        )

    def scaled(self, weight: float) -> Trees:
        """The same trees, their sums times `weight`."""
        trees = tuple(replace(t, leaf=t.leaf * weight) for t in self.trees)
        return replace(self, trees=trees, bias=self.bias * weight)

    def plus(self, number: float | Doubles) -> Trees:
        """The same trees, their sums raised by `number`, or by one for each output."""
        return replace(self, bias=self.bias + number)

    def only(self, which: Ints) -> Trees:
        """The trees at the places `which`, without the bias."""
        trees, targets = (tuple(of[i] for i in which) for of in (self.trees, self.target))
        return Trees(trees, targets, self.outputs, np.zeros(self.outputs))

    def over(self, columns: Ints) -> Trees:
        """The same trees over a matrix whose column `columns[i]` is what column i was."""
        return replace(self, trees=tuple(replace(t, feature=columns[t.feature]) for t in self.trees))

    def added(self, other: Trees) -> Trees:
        """Both sums together: one ensemble over one matrix."""
        return Trees(
            self.trees + other.trees, self.target + other.target, self.outputs, self.bias + other.bias
        )


def tree_ensemble(g: GraphBuilder, trees: Trees, matrix: str, *, single: bool = False) -> str:
    """Adds the ensemble over the [N, F] double tensor `matrix`; returns its sums, [N, outputs] double.

    With `single`, matrix and sums are float32, and so is each step of adding: on one thread, trees are added
    in their order.
    """
    if not trees.trees:
        raise ValueError("an ensemble of no trees is a constant, not a node")
    trees = _with_bias_in_leaves(trees)
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        k: [] for k in ("feature", "split", "mode", "missing", "tid", "fid", "tleaf", "fleaf", "lw", "lt")
    }
    sets: list[Doubles] = []
    roots: list[int] = []
    kind = np.float32 if single else np.float64
    nodes = leaves = 0
    for tree, target in zip(trees.trees, trees.target, strict=True):
        tree = tree if len(tree.feature) else _stump(tree)
        roots.append(nodes)
        for side, child in (("t", tree.true), ("f", tree.false)):
            is_leaf = child < 0
            parts[side + "leaf"].append(is_leaf.astype(np.int64))
            parts[side + "id"].append(np.where(is_leaf, leaves + ~child, nodes + child))
        parts["feature"].append(tree.feature)
        parts["split"].append(tree.split)
        parts["mode"].append(tree.mode)
        parts["missing"].append(tree.missing_true)
        parts["lw"].append(tree.leaf)
        parts["lt"].append(np.full(len(tree.leaf), target, dtype=np.int64))
        sets.extend(tree.sets)
        nodes += len(tree.feature)
        leaves += len(tree.leaf)
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    # Attributes that are all at their default are left out: smaller files, quicker loads.
    optional: dict[str, npt.NDArray[np.generic] | Sequence[int]] = {}
    if joined["missing"].any():
        optional["nodes_missing_value_tracks_true"] = joined["missing"].astype(np.int64)
    if sets:
        nan = np.array([np.nan])
        optional["membership_values"] = np.concatenate([np.concatenate([s, nan]) for s in sets]).astype(kind)
    made = g.node(
        "TreeEnsemble",
        matrix,
        domain=ML,
        aggregate_function=1,
        n_targets=trees.outputs,
        post_transform=0,
        tree_roots=np.asarray(roots, dtype=np.int64),
        nodes_featureids=joined["feature"].astype(np.int64),
        nodes_splits=joined["split"].astype(kind),
        nodes_modes=joined["mode"].astype(np.uint8),
        nodes_truenodeids=joined["tid"].astype(np.int64),
        nodes_falsenodeids=joined["fid"].astype(np.int64),
        nodes_trueleafs=joined["tleaf"].astype(np.int64),
        nodes_falseleafs=joined["fleaf"].astype(np.int64),
        leaf_weights=joined["lw"].astype(kind),
        leaf_targetids=joined["lt"].astype(np.int64),
        **optional,
    )
    if not single:
        g.trees[made] = trees
    return made


def above_float32(border: npt.NDArray[np.float32]) -> tuple[Doubles, Ints]:
    """Splits and modes (GT or GTE) over doubles that decide as `float32(x) > border` does.

    A double rounds to the nearest float32, half way to the one with an even last bit: the numbers that end
    up above `border` begin half way to its successor, that point itself included where `border` is odd.
    """
    border = np.asarray(border, dtype=np.float32)
    with np.errstate(over="ignore"):
        after = np.nextafter(border, np.float32(np.inf), dtype=np.float32).astype(np.float64)
    # Beyond the largest float32 lies infinity, reached from where the next power of two would round to it.
    after = np.where(np.isinf(after), 2.0**128, after)
    half = (border.astype(np.float64) + after) / 2
    odd = (border.view(np.int32) & 1) == 1
    return half, np.where(odd, GTE, GT).astype(np.int64)


def _with_bias_in_leaves(trees: Trees) -> Trees:
    """The bias of each output added to the leaves of its first tree, so that no node is needed for it."""
    bias = np.broadcast_to(trees.bias, (trees.outputs,))
    if not bias.any():
        return trees
    grown, targets = list(trees.trees), list(trees.target)
    for k in np.flatnonzero(bias):
        if int(k) in targets:
            first = targets.index(int(k))
            grown[first] = replace(grown[first], leaf=grown[first].leaf + bias[k])
        else:  # an output without a tree: all its rows get the bias
            none: Ints = np.zeros(0, dtype=np.int64)
            grown.append(Tree(none, np.zeros(0), none, none, none, none, bias[k : k + 1]))
            targets.append(int(k))
    return Trees(tuple(grown), tuple(targets), trees.outputs)


def _stump(tree: Tree) -> Tree:
    """A leaf alone, as a node whose both branches are that leaf (the operator wants a root node)."""
    zero, leaf = np.zeros(1, dtype=np.int64), np.array([-1], dtype=np.int64)
    return Tree(zero, np.zeros(1), zero, leaf, leaf, zero, tree.leaf[:1])
