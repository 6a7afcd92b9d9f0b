"""Wrong labels are told from hard rows, and the rows are named; wrong numbers lie beyond every honest "
"tail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlwright.checks.labels import _contradicted, confidently_wrong, contradiction, far_from_alike
from mlwright.checks.outcome import CouldNotLook
from mlwright.checks.probe import Probe
from mlwright.checks.table import Table
from mlwright.statistics.multiple import discovered


def separable(n=1500, hard=0.0, seed=0):
    random = np.random.default_rng(seed)
    columns = {f"x{i}": random.normal(size=n) for i in range(4)}
    margin = 4 * (columns["x0"] + columns["x1"])
    return columns, margin + hard * random.logistic(size=n), random


def test_flipped_labels_are_found_and_the_worst_rows_are_among_them(seen):
    columns, margin, random = separable()
    y = margin > 0
    wrong = random.random(len(y)) < 0.08
    [found] = seen("MLW307", columns | {"y": np.where(y ^ wrong, "yes", "no").tolist()})
    assert found.status == "found" and found.column == "y" and len(found.rows) == 20
    assert wrong[list(found.rows)].mean() >= 0.8


@pytest.mark.parametrize("hard", [1.0, 3.0, 8.0])
def test_rows_that_are_hard_are_not_called_wrong(seen, hard):
    columns, margin, _ = separable(hard=hard, seed=5)
    [found] = seen("MLW307", columns | {"y": np.where(margin > 0, "yes", "no").tolist()})
    assert found.status in ("passed", "not_enough_data")


def test_targets_that_are_chance_are_not_called_wrong(seen):
    columns, _, random = separable()
    [found] = seen("MLW307", columns | {"y": random.choice(["yes", "no"], 1500).tolist()})
    assert found.status in ("passed", "not_enough_data")


def test_labels_that_a_small_table_cannot_judge_are_not_passed(seen):
    said = set()
    for seed in range(4):
        columns, margin, random = separable(n=320, hard=1.0, seed=seed)
        y = (margin > 0) ^ (random.random(len(margin)) < 0.05)
        [found] = seen("MLW307", columns | {"y": np.where(y, "yes", "no").tolist()})
        said.add(found.status)
    assert said <= {"found", "not_enough_data"} and "not_enough_data" in said


def test_a_rare_class_that_features_say_nothing_of_is_not_wrong_labels(seen):
    for seed in range(4):
        columns, _, random = separable(seed=seed)
        y = np.where(random.random(1500) < 0.1, "fraud", "fine").tolist()
        assert [f.status for f in seen("MLW307", columns | {"y": y})] == ["not_enough_data"]


def test_slipped_decimals_of_a_number_are_found(seen):
    columns, margin, random = separable()
    y = 50 + margin + random.normal(size=len(margin))
    rows = random.choice(len(y), 12, replace=False)
    clean = columns | {"y": y}
    assert [f.status for f in seen("MLW307", clean)] == ["passed"]
    spoilt = y.copy()
    spoilt[rows] *= 10
    [found] = seen("MLW307", columns | {"y": spoilt})
    assert found.status == "found" and len(set(found.rows) & set(rows.tolist())) >= 10


def test_heavy_tails_are_no_errors():
    random = np.random.default_rng(1)
    for residual in (random.standard_t(2.5, 5000), random.laplace(size=5000), random.normal(size=5000)):
        _, p = far_from_alike(residual, np.zeros(5000) + random.normal(size=5000) * 1e-9)
        assert discovered(p, 0.05).sum() < 3


def test_few_rows_are_not_enough(seen):
    columns, margin, _ = separable(n=150)
    [found] = seen("MLW307", columns | {"y": np.where(margin > 0, "yes", "no").tolist()})
    assert found.status == "not_enough_data"


def test_too_few_sure_rows_to_tell_wrong_labels_from_none_are_no_all_clear(make):
    random = np.random.default_rng(4)
    p = np.where(random.random(400) < 0.5, 0.99, 0.01) + random.normal(size=400) * 0.001
    y = (p > 0.5).astype(np.int64)
    table = Table(make({"x": p, "y": y.astype(float)}))
    made = Probe(np.arange(400), y, y, np.column_stack([1 - p, p]), "by hand")
    assert list(_contradicted(table, made)) == []
    surest = np.argsort(-made.predicted.max(axis=1), kind="stable")
    wrong = y.copy()
    wrong[surest[[3, 60, 130]]] ^= 1
    with pytest.raises(CouldNotLook, match="cannot be told from hard rows") as caught:
        list(_contradicted(table, replace(made, y=wrong)))
    assert caught.value.status == "not_enough_data"


def test_contradictions_grow_where_rows_are_hard_and_not_where_labels_are_wrong():
    random = np.random.default_rng(2)
    p = random.beta(0.5, 0.5, 20_000)
    both = np.column_stack([1 - p, p])
    hard = (random.random(len(p)) < p).astype(np.int64)
    surest, _, factor = contradiction(hard, both)
    assert surest.value < 0.01 and factor > 2.5
    noisy = (p > 0.5).astype(np.int64) ^ (random.random(len(p)) < 0.06)
    surest, following, factor = contradiction(noisy, both)
    assert surest.low < 0.06 < surest.high and following.low < 0.06 < following.high and factor < 1.5


def test_confident_learning_names_the_rows_whose_label_another_class_reaches():
    p = np.array([[0.9, 0.1]] * 10 + [[0.1, 0.9]] * 10)
    y = np.array([0] * 9 + [1] + [1] * 9 + [0])
    assert set(confidently_wrong(y, p).tolist()) == {9, 19}
    assert len(confidently_wrong((p[:, 1] > 0.5).astype(np.int64), p)) == 0
