"""Trees that are made smaller answer bit for bit as they did."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.graph.build import GraphBuilder
from mlwright.graph.packing import packed
from mlwright.graph.running import session
from mlwright.graph.trees import GT, GTE, LEQ, LT, MEMBER, Tree, Trees, tree_ensemble

WIDTH = 3


def random_tree(rng: np.random.Generator, modes: list[int], leaves: int = 24) -> Tree:
    """Splits at few places on few features, so that ways repeat themselves; many leaves are 0."""
    nodes = leaves - 1
    true, false = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    open_ends = [(true, 0), (false, 0)]
    for i in range(1, nodes):
        children, at = open_ends.pop(int(rng.integers(len(open_ends))))
        children[at] = i
        open_ends += [(true, i), (false, i)]
    for leaf, (children, at) in enumerate(open_ends):
        children[at] = ~leaf
    mode = rng.choice(modes, nodes)
    sets = tuple(
        np.sort(rng.choice(6, 3, replace=False)).astype(float) for _ in range((mode == MEMBER).sum())
    )
    return Tree(
        feature=rng.integers(0, WIDTH, nodes),
        split=rng.integers(0, 6, nodes).astype(float),
        mode=mode,
        true=true,
        false=false,
        # No category is NaN: onnxruntime mistakes its side where two sets of a feature follow each other.
        missing_true=np.where(mode == MEMBER, 0, rng.integers(0, 2, nodes)),
        leaf=rng.integers(0, 3, leaves).astype(float),
        sets=sets,
    )


def answers(trees: Trees, rows: np.ndarray) -> np.ndarray:
    g = GraphBuilder()
    x = g.input("numbers", "float64", WIDTH)
    g.output("sums", tree_ensemble(g, trees, x), "float64", trees.outputs)
    return session(g.to_bytes()).run(None, {"numbers": rows})[0]


@pytest.mark.parametrize(
    "modes", [[LEQ], [GT, GTE], [LEQ, LT, GTE, GT], [LEQ, MEMBER], [LEQ, GTE, MEMBER]], ids=str
)
@pytest.mark.parametrize("outputs", [1, 3])
def test_smaller_trees_answer_alike(modes: list[int], outputs: int) -> None:
    rng = np.random.default_rng(len(modes) + outputs)
    trees = Trees(
        tuple(random_tree(rng, modes) for _ in range(60)),
        tuple(i % outputs for i in range(60)),
        outputs,
        np.full(outputs, 0.5),
    )
    # On splits, just beside them, between them, missing, and as far out as can be.
    places = np.concatenate([np.arange(-1, 7), np.arange(7) - 0.5, np.nextafter(np.arange(6.0), -9)])
    values = np.concatenate([places, np.nextafter(np.arange(6.0), 9), [np.nan] * 6, [1e300, -1e300]])
    rows = rng.choice(values, (3000, WIDTH))
    small = packed(trees)
    assert np.array_equal(answers(small, rows), answers(trees, rows))
    assert small.shape.nodes < trees.shape.nodes


def test_ways_that_no_row_can_go_are_left_out() -> None:
    # x <= 3, then x <= 5 where it holds, and x <= 1 where it does not: one split is left.
    tree = Tree(
        feature=np.array([0, 0, 0]),
        split=np.array([3.0, 5.0, 1.0]),
        mode=np.array([LEQ, LEQ, LEQ]),
        true=np.array([1, -1, -3]),
        false=np.array([2, -2, -4]),
        missing_true=np.array([0, 0, 0]),
        leaf=np.array([1.0, 2.0, 3.0, 4.0]),
    )
    small = packed(Trees((tree,), (0,), 1))
    assert len(small.trees[0].feature) == 1 and sorted(small.trees[0].leaf) == [1.0, 4.0]


def test_a_missing_value_that_goes_another_way_than_all_others_keeps_its_split() -> None:
    tree = Tree(
        feature=np.array([0, 0]),
        split=np.array([3.0, 5.0]),
        mode=np.array([LEQ, LEQ]),
        true=np.array([1, -1]),
        false=np.array([-3, -2]),
        missing_true=np.array([1, 0]),
        leaf=np.array([1.0, 2.0, 3.0]),
    )
    assert len(packed(Trees((tree,), (0,), 1)).trees[0].feature) == 2


def test_splits_between_equal_leaves_go_and_a_tree_of_one_leaf_is_a_constant() -> None:
    tree = Tree(
        feature=np.array([0, 1, 2]),
        split=np.zeros(3),
        mode=np.full(3, GT),
        true=np.array([1, -1, -3]),
        false=np.array([2, -2, -4]),
        missing_true=np.zeros(3, dtype=np.int64),
        leaf=np.full(4, 0.25),
    )
    small = packed(Trees((tree, tree), (0, 1), 2, np.array([1.0, 2.0])))
    assert not small.trees and small.bias.tolist() == [1.25, 2.25]


def test_only_the_least_zero_keeps_its_sign() -> None:
    # 0.0 and -0.0 add up alike, but a split between them is not judged to do nothing.
    one = np.zeros(1, dtype=np.int64)
    tree = Tree(one, np.zeros(1), one, one - 1, one - 2, one, np.array([0.0, -0.0]))
    assert len(packed(Trees((tree,), (0,), 1)).trees) == 1
