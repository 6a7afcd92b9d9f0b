"""Trees as `ai.onnx.ml` held them before version 5: one row a node, read into our common form."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.conversion.imported import Array, Node
from mlwright.graph.attributes import DEEPEST_TREE
from mlwright.graph.trees import EQ, GT, GTE, LEQ, LT, NEQ, Tree, Trees

_MODES = {
    "BRANCH_LEQ": LEQ,
    "BRANCH_LT": LT,
    "BRANCH_GTE": GTE,
    "BRANCH_GT": GT,
    "BRANCH_EQ": EQ,
    "BRANCH_NEQ": NEQ,
}


def trees_of(node: Node, what: str, outputs: int, one_only: bool = False) -> Trees:
    """The trees of a TreeEnsembleRegressor (`what` is "target") or -Classifier ("class"), a sum or a mean.

    With `one_only` all weights are of one class, and the sums one column.
    """
    a = node.attributes
    if a.get("aggregate_function", "SUM") not in ("SUM", "AVERAGE"):
        raise node.refused(
            f"takes the {a['aggregate_function'].lower()} of its trees, which is not converted"
        )
    of, ids = np.asarray(a["nodes_treeids"], np.int64), np.asarray(a["nodes_nodeids"], np.int64)
    modes = np.asarray(a["nodes_modes"], dtype=object)
    unknown = set(modes.tolist()) - {"LEAF", *_MODES}
    if unknown:
        raise node.refused(f"branches by {sorted(unknown)[0]}, which is not converted")
    leaf_of, leaf_id = np.asarray(a[f"{what}_treeids"], np.int64), np.asarray(a[f"{what}_nodeids"], np.int64)
    target = np.zeros(len(leaf_of), np.int64) if one_only else np.asarray(a[f"{what}_ids"], np.int64)
    weight = _doubles(a, f"{what}_weights")
    bias = _doubles(a, "base_values")
    split = _doubles(a, "nodes_values")
    missing = np.asarray(a.get("nodes_missing_value_tracks_true") or np.zeros(len(of)), np.int64)
    feature = np.asarray(a["nodes_featureids"], np.int64)
    true, false = np.asarray(a["nodes_truenodeids"], np.int64), np.asarray(a["nodes_falsenodeids"], np.int64)
    trees, targets = [], []
    for number in np.unique(of):
        at = np.flatnonzero(of == number)
        at = at[np.argsort(ids[at], kind="stable")]
        if not (ids[at] == np.arange(len(at))).all():
            raise node.refused("numbers the nodes of a tree with gaps")
        leaves = modes[at] == "LEAF"
        inner = np.flatnonzero(~leaves)
        place = np.empty(len(at), np.int64)
        place[inner], place[leaves] = np.arange(len(inner)), ~np.arange(int(leaves.sum()))
        if not _is_tree(true[at], false[at], leaves):
            raise node.refused(f"has a tree that is no tree, or is deeper than {DEEPEST_TREE}")
        shape: dict[str, Any] = {  # Any: arrays
            "feature": feature[at][inner],
            "split": split[at][inner],
            "mode": np.array([_MODES[m] for m in modes[at][inner]], np.int64),
            "true": place[true[at][inner]],
            "false": place[false[at][inner]],
            "missing_true": missing[at][inner],
        }
        own = np.flatnonzero(leaf_of == number)
        for k in np.unique(target[own]) if len(own) else [0]:
            some = own[target[own] == k]
            sums = np.zeros(len(at))
            np.add.at(sums, leaf_id[some], weight[some])
            trees.append(Tree(**shape, leaf=sums[leaves]))
            targets.append(int(k))
    found = Trees(tuple(trees), tuple(targets), outputs, bias=np.zeros(outputs))
    if a.get("aggregate_function") == "AVERAGE":
        found = found.scaled(1 / len(np.unique(of)))
    return found.plus(bias if len(bias) == outputs else np.zeros(outputs)) if len(bias) else found


def _doubles(attributes: dict[str, Any], name: str) -> Array:  # Any: lists or arrays
    """The values of a list, or of the tensor that takes its place for doubles."""
    exact = attributes.get(f"{name}_as_tensor")
    values = attributes.get(name, []) if exact is None else exact
    single = exact is None
    return np.asarray(np.asarray(values, np.float32 if single else None), np.float64).ravel()


def _is_tree(true: Array, false: Array, leaves: Array) -> bool:
    """Whether every way from node 0 is short and stays within the tree."""
    level, depth, count = np.array([0]), 0, len(leaves)
    while len(level) and depth <= DEEPEST_TREE:
        level = level[~leaves[level]]
        level = np.concatenate([true[level], false[level]])
        if len(level) and (level.min() < 0 or level.max() >= count or len(level) > count):
            return False
        depth += 1
    return depth <= DEEPEST_TREE
