"""Quantiles by small trees: the share that lies below is what was asked, and the trees say the same."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.trees import tree_ensemble
from mlwright.learners import Part
from mlwright.learners.quantile import fit_quantiles

LEVELS = (0.1, 0.5, 0.9)


def drawn(n: int, seed: int = 0) -> Part:
    """Targets whose spread grows with the first column; the second is a category."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(1, 5, n), rng.integers(0, 6, n), rng.normal(size=n)])
    x[rng.random(n) < 0.05, 2] = np.nan
    return Part(x, 1e6 * x[:, 0] * rng.normal(size=n))


def answers(trees, x: np.ndarray) -> np.ndarray:
    g = GraphBuilder()
    g.output("made", tree_ensemble(g, trees, g.input("x", "float64", x.shape[1])), "float64", trees.outputs)
    return session(g.to_bytes()).run(None, {"x": x})[0]


def test_so_large_a_share_of_fresh_rows_lies_below_also_where_they_spread_more():
    fitted, fresh = fit_quantiles(drawn(4_000), LEVELS, 60, members=[1], seed=0), drawn(4_000, 1)
    made = fitted.values(fresh.x, 60)
    assert np.allclose((fresh.y[:, None] < made).mean(axis=0), LEVELS, atol=0.03)
    wide = fresh.x[:, 0] > 4
    assert (fresh.y[wide, None] < made[wide]).mean(axis=0)[2] == pytest.approx(0.9, abs=0.05)
    assert np.ptp(made[:, 2]) > 2e6


@pytest.mark.parametrize("rounds", [1, 20, 60])
def test_trees_answer_as_the_boosters_do_after_any_number_of_rounds(rounds):
    fitted = fit_quantiles(drawn(1_000), LEVELS, 60, members=[1], seed=0)
    x = drawn(300, 2).x
    made = fitted.values(x, rounds)
    assert np.allclose(answers(fitted.trees(rounds), x), made, rtol=0, atol=1e-12 * np.abs(made).mean())


def test_equal_calls_give_equal_results():
    one, two = (fit_quantiles(drawn(800), LEVELS, 20, members=[1], seed=5) for _ in range(2))
    assert (one.values(drawn(99).x, 20) == two.values(drawn(99).x, 20)).all()


def test_rows_of_no_spread_and_rows_of_few_values_are_answered():
    part = drawn(300)
    zero = fit_quantiles(Part(part.x, np.zeros(300)), LEVELS, 20, members=[1], seed=0)
    assert (zero.values(part.x, 20) == 0).all() and (answers(zero.trees(20), part.x) == 0).all()
    rare = np.zeros(300)
    rare[:30] = 5.0
    few = fit_quantiles(Part(part.x, rare), LEVELS, 20, members=[], seed=0).values(part.x, 20)
    assert np.isfinite(few).all() and (np.abs(few - 2.5) < 5).all()


def test_weights_say_how_much_a_row_counts():
    rng = np.random.default_rng(0)
    x, high = rng.normal(size=(2_000, 2)), rng.random(2_000) < 0.5
    y = np.where(high, 10.0, 0.0) + rng.normal(size=2_000)
    weighed = fit_quantiles(Part(x, y, np.where(high, 19.0, 1.0)), (0.2,), 5, members=[], seed=0)
    assert (
        weighed.values(x, 5).min()
        > 5
        > fit_quantiles(Part(x, y), (0.2,), 5, members=[], seed=0).values(x, 5).max()
    )
