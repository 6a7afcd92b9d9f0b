"""Tree ensembles as one `ai.onnx.ml` 5 TreeEnsemble node in double, with set membership.

`Trees` is the common form; each learner that grows trees fills one from its own format. The operator's
meaning follows the ONNX operator documentation (ai.onnx.ml, TreeEnsemble, since version 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Trees:
    """Trees that add up: tree i adds its leaf to output `target[i]`."""

    trees: tuple[Tree, ...]
    target: tuple[int, ...]
    outputs: int

    @property
    def node_count(self) -> int:
        return sum(len(t.feature) for t in self.trees)

    @property
    def features(self) -> set[int]:
        """The columns that any tree asks for."""
        return {int(f) for t in self.trees for f in t.feature}


def tree_ensemble(g: GraphBuilder, trees: Trees, matrix: str) -> str:
    """Adds the ensemble over the [N, F] double tensor `matrix`; returns its sums, [N, outputs] double."""
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        k: [] for k in ("feature", "split", "mode", "missing", "tid", "fid", "tleaf", "fleaf", "lw", "lt")
    }
    sets: list[Doubles] = []
    roots: list[int] = []
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
        optional["membership_values"] = np.concatenate([np.concatenate([s, nan]) for s in sets])
    return g.node(
        "TreeEnsemble",
        matrix,
        domain=ML,
        aggregate_function=1,
        n_targets=trees.outputs,
        post_transform=0,
        tree_roots=np.asarray(roots, dtype=np.int64),
        nodes_featureids=joined["feature"].astype(np.int64),
        nodes_splits=joined["split"].astype(np.float64),
        nodes_modes=joined["mode"].astype(np.uint8),
        nodes_truenodeids=joined["tid"].astype(np.int64),
        nodes_falsenodeids=joined["fid"].astype(np.int64),
        nodes_trueleafs=joined["tleaf"].astype(np.int64),
        nodes_falseleafs=joined["fleaf"].astype(np.int64),
        leaf_weights=joined["lw"].astype(np.float64),
        leaf_targetids=joined["lt"].astype(np.int64),
        **optional,
    )


def _stump(tree: Tree) -> Tree:
    """A leaf alone, as a node whose both branches are that leaf (the operator wants a root node)."""
    zero, leaf = np.zeros(1, dtype=np.int64), np.array([-1], dtype=np.int64)
    return Tree(zero, np.zeros(1), zero, leaf, leaf, zero, tree.leaf[:1])
