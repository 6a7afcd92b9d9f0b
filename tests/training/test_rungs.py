"""First looks: after a little time each, the promising come first and the hopeless are left out."""

import dataclasses

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.evaluation.splits import Fold, Split
from mlwright.learners import Config, families
from mlwright.tasks import Asked, kind_named
from mlwright.training.prepared import PreparedFolds
from mlwright.training.rungs import first_looks

GOOD = Config("good", "lightgbm", "tree", {"num_leaves": 31, "learning_rate": 0.1})
FAIR = Config("fair", "lightgbm", "tree", {"num_leaves": 8, "learning_rate": 0.05, "most_rounds": 40})
HOPELESS = Config("hopeless", "lightgbm", "tree", {"learning_rate": 0.005, "most_rounds": 1})
BROKEN = Config("broken", "lightgbm", "no such view", {})
PLAIN, LINE = Config("baseline", "baseline", "tree"), Config("linear", "linear", "linear")


@pytest.fixture
def folds():
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=(2_000, 3))
    y = np.sign(x[:, 0] * x[:, 1]) + 0.1 * rng.normal(size=2_000)
    data = mw.read(pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}), target="y")
    problem = kind_named("tabular").problem(data, Asked())[0]
    order = rng.permutation(2_000)
    test, valid, train = (np.sort(part) for part in np.split(order, [400, 800]))
    return PreparedFolds(dataclasses.replace(problem, split=Split("random", "", (Fold(train, valid),), test)))


def test_the_promising_come_first_and_the_hopeless_are_left_out_with_the_reason(folds):
    portfolio = [PLAIN, LINE, HOPELESS, FAIR, BROKEN, GOOD]
    looked = []
    ordered, left_out = first_looks(folds, portfolio, families(), lambda c: looked.append(c.name))
    assert [c.name for c in ordered] == ["baseline", "good", "fair", "linear"]
    assert set(looked) == {"fair", "good", "hopeless"}  # the broken one never came to be fitted
    reasons = {t.config.name: t.failure for t in left_out}
    assert "left out after a first look: an error of" in reasons["hopeless"]
    assert "no such view" in reasons["broken"]


def test_only_the_first_few_are_looked_at_and_the_rest_keep_their_places(folds):
    more = [
        dataclasses.replace(FAIR, name=f"fair-{i}", settings=FAIR.settings | {"seed": i}) for i in range(5)
    ]
    ordered, _ = first_looks(folds, [PLAIN, *more, GOOD], families(), lambda c: None)
    assert [c.name for c in ordered[-2:]] == ["fair-4", "good"] and len(ordered) == 7


def test_where_nothing_is_to_compare_or_nothing_can_be_fitted_the_portfolio_stays(folds):
    for portfolio in ([PLAIN, LINE, GOOD], [PLAIN, BROKEN, dataclasses.replace(BROKEN, name="too")]):
        ordered, left_out = first_looks(folds, portfolio, families(), lambda c: None)
        assert ordered == portfolio and left_out == []
