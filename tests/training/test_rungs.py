"""The first rung: on a part of the rows, the promising come first and the hopeless are left out."""

import dataclasses

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.evaluation.splits import Fold, Split
from mlwright.learners import Config, families
from mlwright.tasks import Asked, kind_named
from mlwright.training import rungs

GOOD = Config("good", "lightgbm", "tree", {"num_leaves": 31, "learning_rate": 0.1})
FAIR = Config("fair", "lightgbm", "tree", {"num_leaves": 4, "learning_rate": 0.02, "most_rounds": 30})
HOPELESS = Config("hopeless", "lightgbm", "tree", {"learning_rate": 0.005, "most_rounds": 1})
BROKEN = Config("broken", "lightgbm", "no such view", {})
PLAIN, LINE = Config("baseline", "baseline", "tree"), Config("linear", "linear", "linear")


@pytest.fixture
def problem(monkeypatch):
    monkeypatch.setattr(rungs, "TRAINING", 500)
    monkeypatch.setattr(rungs, "JUDGING", 200)
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=(2_000, 3))
    y = np.sign(x[:, 0] * x[:, 1]) + 0.1 * rng.normal(size=2_000)
    data = mw.read(pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}), target="y")
    problem = kind_named("tabular").problem(data, Asked())[0]
    order = rng.permutation(2_000)
    test, valid, train = (np.sort(part) for part in np.split(order, [400, 800]))
    return dataclasses.replace(problem, split=Split("random", "", (Fold(train, valid),), test))


def test_a_part_of_the_rows_is_of_the_fold_and_touches_no_holdout(problem):
    part, whole = rungs.part_of_rows(problem).split, problem.split
    assert len(part.folds[0].train) == 500 and set(part.folds[0].train) <= set(whole.folds[0].train)
    assert len(part.folds[0].valid) == 200 and set(part.folds[0].valid) <= set(whole.folds[0].valid)
    assert len(part.test) == 0


def test_the_promising_come_first_and_the_hopeless_are_left_out_with_the_reason(problem):
    portfolio = [PLAIN, LINE, HOPELESS, FAIR, BROKEN, GOOD]
    looked = []
    ordered, left_out = rungs.first_rung(problem, portfolio, families(), lambda c: looked.append(c.name))
    assert [c.name for c in ordered] == ["baseline", "good", "linear"]
    assert set(looked) == {"fair", "good", "hopeless"}  # the broken one never came to be fitted
    reasons = {t.config.name: t.failure for t in left_out}
    assert "after a look at 500 rows: an error of" in reasons["hopeless"] and "beside" in reasons["hopeless"]
    assert "no such view" in reasons["broken"]


def test_where_nothing_is_to_compare_or_nothing_can_be_fitted_the_portfolio_stays(problem):
    for portfolio in ([PLAIN, LINE, GOOD], [PLAIN, BROKEN, dataclasses.replace(BROKEN, name="too")]):
        ordered, left_out = rungs.first_rung(problem, portfolio, families(), lambda c: None)
        assert ordered == portfolio and left_out == []
