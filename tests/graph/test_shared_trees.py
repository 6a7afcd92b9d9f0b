"""Trees of one structure add up alike when they are walked once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlwright.graph import shared_trees
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.shared_trees import apart, served, served_shape
from mlwright.graph.trees import LEQ, Tree, Trees, tree_ensemble

OUTPUTS = 3


def grown(seed: int) -> Tree:
    rng = np.random.default_rng(seed)
    return Tree(
        feature=rng.integers(0, 2, 3),
        split=rng.normal(size=3),
        mode=np.full(3, LEQ),
        true=np.array([1, -1, -3]),
        false=np.array([2, -2, -4]),
        missing_true=rng.integers(0, 2, 3),
        leaf=rng.normal(size=4),
    )


def sums(make, rows: np.ndarray) -> np.ndarray:
    g = GraphBuilder()
    g.output("sums", make(g, g.input("numbers", "float64", 2)), "float64", OUTPUTS)
    return session(g.to_bytes()).run(None, {"numbers": rows})[0]


def several() -> Trees:
    """Twelve structures of three outputs, one of which is the same number everywhere; then one by itself."""
    rng = np.random.default_rng(0)
    trees: list[Tree] = []
    targets: list[int] = []
    for i in range(12):
        first = grown(i)
        for k in range(OUTPUTS):
            leaf = np.full(4, 0.5 + k) if i == 5 else np.round(rng.normal(size=4), 1)
            trees.append(replace(first, leaf=leaf))
            targets.append(k)
    return Trees((*trees, grown(99)), (*targets, 1), OUTPUTS, np.array([0.1, 0.2, 0.3]))


def test_sums_are_the_same_and_a_constant_structure_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_trees, "LEAST_SAVED", 10)
    trees = several()
    rows = np.random.default_rng(1).normal(size=(200, 2))
    rows[:20, 0] = np.nan
    shared, rest = apart(trees)
    assert shared is not None and len(shared.walks.trees) == 11 and len(rest.trees) == 1
    wanted = sums(lambda g, x: tree_ensemble(g, trees, x), rows)
    both = sums(lambda g, x: g.node("Add", shared.nodes(g, x), tree_ensemble(g, rest, x)), rows)
    assert np.abs(both - wanted).max() < 1e-13
    twice = sums(shared.joined(shared).nodes, rows) - 2 * sums(shared.nodes, rows)
    assert np.abs(twice).max() < 1e-13
    raised = shared.plus(np.array([1.0, 2.0, 3.0]))
    difference = sums(raised.nodes, rows) - sums(shared.nodes, rows)
    assert np.allclose(difference, [[1.0, 2.0, 3.0]], atol=1e-13)


def test_few_walks_to_save_are_left_as_they_are() -> None:
    trees = several()
    shared, rest = apart(trees)
    assert shared is None and rest is trees


def test_what_is_walked_once_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = several()
    before = served_shape(*served(trees))
    monkeypatch.setattr(shared_trees, "LEAST_SAVED", 10)
    after = served_shape(*served(trees))
    assert before.trees == 34 and after.trees == 12 and after.steps < before.steps
