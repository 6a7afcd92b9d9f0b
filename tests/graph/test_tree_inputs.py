"""What stands before trees is taken over by their splits, and every row goes the way it went."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.graph.build import GraphBuilder
from mlwright.graph.folding import folded
from mlwright.graph.running import session
from mlwright.graph.trees import LEQ, Tree, Trees, tree_ensemble

WIDTH = 3
FILL, MEAN = np.array([[0.25, -3.0, 1e6]]), np.array([[0.1, -2.5, 1e6]])
SCALE = np.array([[3.0, 1e-3, 7e5]])


def forest(rng, splits, width=WIDTH, count=12):
    """Full trees of depth three, whose leaves tell every way apart."""
    trees = []
    for _ in range(count):
        place = np.arange(7)
        true, false = 2 * place + 1, 2 * place + 2
        true, false = (np.where(child < 7, child, ~(child - 7)) for child in (true, false))
        feature = rng.integers(width, size=7)
        trees.append(
            Tree(
                feature,
                rng.choice(splits, 7).astype(np.float64),
                np.full(7, LEQ),
                true,
                false,
                rng.integers(2, size=7),
                rng.normal(size=8),
            )
        )
    return Trees(tuple(trees), tuple(range(count)), count, np.zeros(count))


def rounded(g, x):
    return g.node("Cast", g.node("Cast", x, to=1), to=11)


def filled(g, x):
    return g.node("Where", g.node("IsNaN", x), g.constant(FILL), x)


def standardised(g, x):
    return g.node("Div", g.node("Sub", x, g.constant(MEAN)), g.constant(SCALE))


def stretched(g, x):
    return g.node("Add", g.node("Mul", g.constant(1 / SCALE), x), g.constant(-MEAN / SCALE))


def kept_within(g, x):
    low, high = g.constant(-0.5), g.constant(0.75)
    x = g.node("Where", g.node("Less", x, low), low, x)
    return g.node("Where", g.node("Greater", x, high), high, x)


def turned(g, x):
    return g.columns(x, [2, 0, 1], WIDTH)


STEPS = (rounded, filled, standardised, stretched, kept_within, turned)


def asked(g, rows):
    return session(g.to_bytes()).run(None, {"numbers": rows})[0]


def rows_at_the_edges(rng, trees):
    """Random rows; the very splits and their neighbours; nothing, and too much."""
    splits = np.concatenate([t.split for t in trees.trees])
    near = [splits, np.nextafter(splits, np.inf), np.nextafter(splits, -np.inf)]
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e308, -1e308, 3.5e38, 1e300]
    pool = np.concatenate([*near, odd, rng.normal(size=50), 1e6 * rng.normal(size=50)])
    return rng.choice(pool, size=(3000, WIDTH))


def taken_over(rng, steps, splits):
    """Whether trees after `steps` ask for the input itself, and every row goes as before."""
    g = GraphBuilder()
    x = matrix = g.input("numbers", "float64", WIDTH)
    for step in steps:
        matrix = step(g, matrix)
    trees = forest(rng, splits)
    g.output("y", tree_ensemble(g, trees, matrix), "float64", trees.outputs)
    rows = rows_at_the_edges(rng, trees)
    with np.errstate(over="ignore"):
        back = rows * SCALE + MEAN
    rows = np.concatenate([rows, back, np.nextafter(back, np.inf)])
    before = asked(g, rows)
    folded(g)
    np.testing.assert_array_equal(asked(g, rows), before)
    return [node.inputs[0] for node in g.made if node.op == "TreeEnsemble"] == [x]


@pytest.mark.parametrize("seed", range(8))
def test_every_row_goes_the_same_way(seed):
    rng = np.random.default_rng(seed)
    steps = [STEPS[k] for k in rng.integers(len(STEPS), size=4)]
    splits = np.concatenate([rng.normal(size=20).astype(np.float32), [-0.5, 0.75, 0.0, 40.0]])
    assert taken_over(rng, steps, splits) or kept_within in steps


def test_bounds_are_taken_over():
    rng = np.random.default_rng(0)
    assert taken_over(
        rng, [filled, standardised, kept_within, rounded], np.array([-0.5, 0.0, 0.3, 0.75, 2.0])
    )


def test_of_columns_side_by_side_each_is_taken_as_early_as_can_be():
    rng = np.random.default_rng(0)
    g = GraphBuilder()
    x = g.input("numbers", "float64", WIDTH)
    power = g.node("Exp", x)  # nothing looks through it
    matrix = rounded(g, g.concat([standardised(g, filled(g, x)), power]))
    trees = forest(rng, rng.normal(size=30).astype(np.float32), 2 * WIDTH)
    g.output("y", tree_ensemble(g, trees, matrix), "float64", trees.outputs)
    rows = rows_at_the_edges(rng, trees)
    before = asked(g, rows)
    folded(g)
    assert [node.op for node in g.made] == ["Exp", "Concat", "TreeEnsemble"]
    np.testing.assert_array_equal(asked(g, rows), before)


@pytest.mark.parametrize(
    "step",
    [
        lambda g, x: g.node("Mul", x, g.constant(-1.0)),
        lambda g, x: g.node("Mul", x, g.constant(0.0)),
        lambda g, x: g.node("Sub", g.constant(1.0), x),
        lambda g, x: g.node("Div", g.constant(1.0), x),
        lambda g, x: g.node("Where", g.node("Equal", x, g.constant(-1.0)), g.constant(FILL), x),
        lambda g, x: g.node("Where", g.node("Less", x, g.constant(0.0)), g.constant(1.0), x),
        lambda g, x: g.node("Where", g.node("IsNaN", g.node("Sqrt", x)), g.constant(FILL), x),
        lambda g, x: g.node("Add", x, g.constant(np.inf)),
    ],
    ids=["turned over", "noughts", "taken from", "inverse", "a mark", "no bound", "of others", "infinite"],
)
def test_what_changes_the_order_of_numbers_stays(step):
    rng = np.random.default_rng(1)
    g = GraphBuilder()
    matrix = step(g, g.input("numbers", "float64", WIDTH))
    trees = forest(rng, rng.normal(size=20))
    g.output("y", tree_ensemble(g, trees, matrix), "float64", trees.outputs)
    rows, count = rows_at_the_edges(rng, trees), len(g.made)
    before = asked(g, rows)
    folded(g)
    assert len(g.made) == count
    np.testing.assert_array_equal(asked(g, rows), before)


def test_a_split_that_only_missing_values_pass_stays():
    """Nothing kept above -0.5 is below -1: no split of doubles says "missing, and no number"."""
    zero, leaves = np.zeros(1, np.int64), np.array([1.0, 2.0])
    stump = Tree(zero, np.array([-1.0]), zero, np.array([~0]), np.array([~1]), zero + 1, leaves)
    g = GraphBuilder()
    matrix = kept_within(g, g.input("numbers", "float64", 1))
    g.output("y", tree_ensemble(g, Trees((stump,), (0,), 1), matrix), "float64", 1)
    rows = np.array([[np.nan], [-np.inf], [-2.0], [0.0], [np.inf]])
    folded(g)
    assert asked(g, rows).ravel().tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]


def test_sums_of_trees_that_are_added_become_one_where_no_classes_tie():
    rng = np.random.default_rng(2)

    def begun():
        g = GraphBuilder()
        x = g.input("numbers", "float64", WIDTH)
        one, two, three = (tree_ensemble(g, forest(rng, rng.normal(size=9)), x) for _ in range(3))
        half = g.node("Mul", g.node("Sum", one, two), g.constant(0.5))
        out = g.node("Add", g.node("Div", three, g.constant(4.0)), half)
        g.output("y", g.node("Add", out, g.constant(10.0)), "float64", 12)
        return g

    rows = rng.normal(size=(500, WIDTH))
    apart, together = begun(), begun()
    folded(apart)
    assert len(apart.made) == 8
    before = asked(together, rows)
    folded(together, of_classes=False)
    assert [node.op for node in together.made] == ["TreeEnsemble"]
    np.testing.assert_allclose(asked(together, rows), before, rtol=1e-12)


def test_a_sum_that_is_asked_for_by_itself_is_not_walked_twice():
    rng = np.random.default_rng(3)
    g = GraphBuilder()
    x = g.input("numbers", "float64", WIDTH)
    one, two = (tree_ensemble(g, forest(rng, rng.normal(size=9)), x) for _ in range(2))
    g.output("first", one, "float64", 12)
    g.output("both", g.node("Add", one, two), "float64", 12)
    folded(g, of_classes=False)
    assert [node.op for node in g.made] == ["TreeEnsemble", "TreeEnsemble", "Add"]


def stumps_after(step, split):
    """What a tree of one split answers after `step`, 1 at most there and 2 above; beside it one that splits
    at 1.2, so that there are trees whatever becomes of the first."""
    zero, leaves = np.zeros(1, np.int64), np.array([1.0, 2.0])
    stumps = [
        Tree(zero, np.array([at]), zero, np.array([~0]), np.array([~1]), zero, leaves) for at in (split, 1.2)
    ]
    g = GraphBuilder()
    matrix = step(g, g.input("numbers", "float64", 1))
    g.output("y", tree_ensemble(g, Trees(tuple(stumps), (0, 1), 2), matrix), "float64", 2)
    rows = np.array([[np.nan], [-np.inf], [-2.0], [0.0], [0.5], [1.5], [np.inf]])
    before = asked(g, rows)[:, 0].tolist()
    folded(g)
    return before, asked(g, rows)[:, 0].tolist()


def test_a_split_that_no_number_passes_lets_not_even_the_least_one_through():
    before, after = stumps_after(kept_within, -1.0)
    assert before == after == [2.0] * 7


def test_what_takes_the_place_of_small_numbers_is_a_bound_only_where_it_is_theirs():
    def jumps(g, x):
        return g.node("Where", g.node("Less", x, g.constant(0.0)), g.constant(1.0), x)

    before, after = stumps_after(jumps, 0.7)
    assert before == after == [2.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]
