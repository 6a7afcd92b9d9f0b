"""Trees made smaller before they are written, without changing an answer: one kind of comparison, no branch
that no row can reach, no split between equal leaves, no tree of a single leaf.

Called by `packaging` on the trees of all members together. All trees are worked on at once, as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.graph.trees import GT, GTE, LEQ, LT, MEMBER, Doubles, Ints, Tree, Trees

Bools = npt.NDArray[np.bool_]


def packed(trees: Trees) -> Trees:
    """The same sums from fewer nodes: for every row, NaN included, the same leaves but for constants, which
    become the bias.

    A uniform comparison lets onnxruntime walk in a tight loop. Oblivious trees lose a fifth to a half of
    their nodes: where they ask for one feature twice, and where regions without rows have the leaf 0.

    >>> none = np.zeros(0, dtype=np.int64)
    >>> leaf = Tree(none, np.zeros(0), none, none, none, none, np.array([2.0]))
    >>> small = packed(Trees((leaf,), (0,), 1))
    >>> len(small.trees), small.bias.tolist()
    (0, [2.0])
    """
    if not trees.trees:
        return trees
    forest = _joined(trees)
    _compare_alike(forest)
    true, false = _shortened(forest, *_decided(forest))
    roots = np.where(forest.counts > 0, forest.starts, ~forest.leaf_starts)
    roots = _followed(roots, _detours(forest, true, false))
    return _parted(forest, trees, roots, true, false)


@dataclass
class _Forest:
    """All trees end to end. A child is a node's place among all, or ~leaf's."""

    feature: Ints
    split: Doubles
    mode: Ints
    true: Ints
    false: Ints
    missing: Bools
    leaf: Doubles
    counts: Ints
    """Nodes of each tree."""
    starts: Ints
    """The first node of each tree."""
    leaf_starts: Ints
    sets: list[Doubles]
    """By node of mode MEMBER, in order."""


def _joined(trees: Trees) -> _Forest:
    all_of = trees.trees
    counts = np.array([len(t.feature) for t in all_of])
    leaves = np.array([len(t.leaf) for t in all_of])
    starts, leaf_starts = np.cumsum(counts) - counts, np.cumsum(leaves) - leaves
    node_shift, leaf_shift = np.repeat(starts, counts), np.repeat(leaf_starts, counts)

    def children(side: str) -> Ints:
        own = np.concatenate([getattr(t, side) for t in all_of])
        return np.asarray(np.where(own < 0, own - leaf_shift, own + node_shift))

    return _Forest(
        feature=np.concatenate([t.feature for t in all_of]),
        split=np.concatenate([t.split for t in all_of]),
        mode=np.concatenate([t.mode for t in all_of]),
        true=children("true"),
        false=children("false"),
        missing=np.concatenate([t.missing_true for t in all_of]) != 0,
        leaf=np.concatenate([t.leaf for t in all_of]),
        counts=counts,
        starts=starts,
        leaf_starts=leaf_starts,
        sets=[s for t in all_of for s in t.sets],
    )


def _compare_alike(forest: _Forest) -> None:
    """Every comparison becomes LEQ: x >= b is not x <= the number before b, and NaN keeps its side."""
    strict = (forest.mode == GTE) | (forest.mode == LT)
    forest.split = np.where(strict, np.nextafter(forest.split, -np.inf), forest.split)
    turned = (forest.mode == GT) | (forest.mode == GTE)
    forest.true, forest.false = (
        np.where(turned, forest.false, forest.true),
        np.where(turned, forest.true, forest.false),
    )
    forest.missing = forest.missing ^ turned
    forest.mode = np.where(turned | (forest.mode == LT), LEQ, forest.mode)


def _decided(forest: _Forest) -> tuple[Bools, Bools]:
    """Nodes at which all rows that get there go to the true branch, and those at which to the false one."""
    size = len(forest.feature)
    parent, by_true = np.full(size, -1), np.zeros(size, dtype=bool)
    for children, on_true in ((forest.true, True), (forest.false, False)):
        inner = np.flatnonzero(children >= 0)
        parent[children[inner]] = inner
        by_true[children[inner]] = on_true
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    nan_comes = np.ones(size, dtype=bool)
    at = np.flatnonzero((parent >= 0) & (forest.mode == LEQ))
    below = at
    while len(at):
        above, side = parent[below], by_true[below]
        same = (forest.feature[above] == forest.feature[at]) & (forest.mode[above] == LEQ)
        bound = forest.split[above]
        high[at] = np.where(same & side, np.minimum(high[at], bound), high[at])
        low[at] = np.where(same & ~side, np.maximum(low[at], bound), low[at])
        nan_comes[at] &= ~same | (forest.missing[above] == side)
        on = parent[above] >= 0
        at, below = at[on], above[on]
    plain = forest.mode == LEQ
    always = plain & (high <= forest.split) & (~nan_comes | forest.missing)
    never = plain & (low >= forest.split) & (~nan_comes | ~forest.missing)
    return always, never & ~always


def _shortened(forest: _Forest, always: Bools, never: Bools) -> tuple[Ints, Ints]:
    """The children of each node, past decided nodes and past splits between equal leaves."""
    forest.true = np.where(never, forest.false, forest.true)
    forest.false = np.where(always, forest.true, forest.false)
    true, false = forest.true, forest.false
    while True:
        detours = _detours(forest, true, false)
        shorter = _followed(true, detours), _followed(false, detours)
        if np.array_equal(shorter[0], true) and np.array_equal(shorter[1], false):
            return true, false
        true, false = shorter


def _detours(forest: _Forest, true: Ints, false: Ints) -> Ints:
    """For each node where to go in its place: itself, or its child where both sides are alike."""
    leaves = (true < 0) & (false < 0)
    equal = np.zeros(len(true), dtype=bool)
    bits = forest.leaf.view(np.int64)
    equal[leaves] = bits[~true[leaves]] == bits[~false[leaves]]
    return np.where((true == false) | equal, true, np.arange(len(true)))


def _followed(children: Ints, detours: Ints) -> Ints:
    inner = children >= 0
    return np.where(inner, detours[np.where(inner, children, 0)], children) if len(detours) else children


def _parted(forest: _Forest, trees: Trees, roots: Ints, true: Ints, false: Ints) -> Trees:
    """The trees apart again, with what is reached from their roots alone."""
    alive = np.zeros(len(true), dtype=bool)
    level = roots[roots >= 0]
    while len(level):
        alive[level] = True
        both = np.concatenate([true[level], false[level]])
        level = both[both >= 0]
    member_at = np.cumsum(forest.mode == MEMBER) - 1
    bias = np.broadcast_to(trees.bias, (trees.outputs,)).astype(np.float64)
    kept: list[Tree] = []
    targets: list[int] = []
    for i, root in enumerate(roots):
        if root < 0:
            bias[trees.target[i]] += forest.leaf[~root]
            continue
        nodes = forest.starts[i] + np.flatnonzero(alive[forest.starts[i] :][: forest.counts[i]])
        nodes = np.concatenate([[root], nodes[nodes != root]])
        kept.append(_tree(forest, nodes, true[nodes], false[nodes], member_at))
        targets.append(trees.target[i])
    return Trees(tuple(kept), tuple(targets), trees.outputs, bias)


def _tree(forest: _Forest, nodes: Ints, true: Ints, false: Ints, member_at: Ints) -> Tree:
    by_place = np.argsort(nodes)
    leaves = np.unique(~np.concatenate([true[true < 0], false[false < 0]]))

    def own(children: Ints) -> Ints:
        leaf = children < 0
        places = by_place[np.minimum(np.searchsorted(nodes, children, sorter=by_place), len(nodes) - 1)]
        return np.where(leaf, ~np.searchsorted(leaves, ~children), places)

    mode = forest.mode[nodes]
    return Tree(
        feature=forest.feature[nodes],
        split=forest.split[nodes],
        mode=mode,
        true=own(true),
        false=own(false),
        missing_true=forest.missing[nodes].astype(np.int64),
        leaf=forest.leaf[leaves],
        sets=tuple(forest.sets[m] for m in member_at[nodes[mode == MEMBER]]),
    )
