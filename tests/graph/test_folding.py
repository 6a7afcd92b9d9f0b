"""Folding makes graphs shorter and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.graph.build import GraphBuilder
from mlwright.graph.folding import folded
from mlwright.graph.running import session

ROWS = np.random.default_rng(0).normal(size=(40, 4)) * [1.0, 1e3, 1e-3, 1.0] + [0.0, 5.0, 0.0, 1e6]


def answered(g):
    return session(g.to_bytes()).run(None, {"numbers": ROWS})


def ops(g):
    return [node.op for node in g.made]


def begun():
    g = GraphBuilder()
    return g, g.input("numbers", "float64", 4)


def same(g, exact=True):
    """Folds `g`; its answers before and after are the same."""
    before = answered(g)
    folded(g)
    for old, new in zip(before, answered(g), strict=True):
        if exact:
            np.testing.assert_array_equal(old, new)
        else:
            np.testing.assert_allclose(old, new, rtol=1e-12)


def test_nodes_that_do_the_same_are_done_once_and_unused_ones_not_at_all():
    g, x = begun()
    first, second = (g.node("Mul", g.node("Neg", x), g.constant(2.0)) for _ in range(2))
    g.node("Exp", x)
    g.output("y", g.node("Add", first, second), "float64", 4)
    size = len(g.to_bytes())
    same(g)
    assert ops(g) == ["Neg", "Mul", "Add"] and len(g.to_bytes()) < size


def test_two_outputs_that_are_alike_stay_two():
    g, x = begun()
    g.output("one", g.node("Neg", x), "float64", 4)
    g.output("two", g.node("Neg", x), "float64", 4)
    g.output("three", x, "float64", 4)
    same(g)
    assert len(answered(g)) == 3


def test_columns_of_columns_are_picked_once():
    g, x = begun()
    some = g.columns(g.columns(x, [3, 1, 0], 4), [2, 0], 3)
    g.output("y", g.node("Neg", some), "float64", 2)
    same(g)
    assert ops(g) == ["Gather", "Neg"]


def test_scales_go_into_weights_and_sums_into_products():
    g, x = begun()
    numbers = g.node(
        "Div", g.node("Sub", x, g.constant(ROWS[:1])), g.constant(np.array([[1.0, 3e3, 1e-3, 7.0]]))
    )
    w = np.random.default_rng(1).normal(size=(4, 2))
    g.output(
        "y",
        g.node("Add", g.node("MatMul", numbers, g.constant(w)), g.constant(np.ones((1, 2)))),
        "float64",
        2,
    )
    same(g, exact=False)
    assert ops(g) == ["Sub", "Gemm"]


def test_encoded_categories_are_multiplied_into_what_follows_them():
    g, x = begun()
    hit = g.node("Cast", g.node("Greater", x, g.constant(0.5)), to=11)
    encoded = g.node("MatMul", hit, g.constant(np.array([[1.0, 0], [0, 0], [0, 1], [0, 1]])))
    scaled = g.node("Mul", g.columns(x, [1], 4), g.constant(0.25))
    w = np.random.default_rng(1).normal(size=(3, 2))
    g.output("y", g.node("MatMul", g.concat([scaled, encoded]), g.constant(w)), "float64", 2)
    same(g, exact=False)
    assert sorted(ops(g)) == ["Cast", "Concat", "Gather", "Greater", "MatMul"]


@pytest.mark.parametrize("scale", [0.0, 1e-308, 1e308])
def test_a_scale_that_would_lose_digits_stays_where_it_is(scale):
    g, x = begun()
    divided = g.node("Div", x, g.constant(np.full((1, 4), scale)))
    g.output("y", g.node("MatMul", divided, g.constant(np.full((4, 1), 1e-5))), "float64", 1)
    same(g)
    assert ops(g) == ["Div", "MatMul"]


def test_what_is_used_twice_or_mixes_more_than_it_picks_is_left():
    g, x = begun()
    scaled = g.node("Mul", x, g.constant(np.array([[1.0, 2.0, 3.0, 4.0]])))
    mixed = g.node("MatMul", scaled, g.constant(np.full((4, 4), 0.3)))
    g.output("y", g.node("MatMul", mixed, g.constant(np.ones((4, 1)))), "float64", 1)
    g.output("scaled", scaled, "float64", 4)
    same(g)
    assert ops(g) == ["Mul", "MatMul", "MatMul"]
