"""Every family that ships is held to the contract; nothing registered escapes it."""

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.trees import GTE, above_float32
from mlwright.learners import Config, Job, Part, families
from mlwright.learners.baseline import Baseline
from mlwright.learners.catboost import CatBoost
from mlwright.learners.extra_trees import ExtraTrees
from mlwright.learners.lightgbm import LightGBM
from mlwright.learners.linear import Linear
from mlwright.learners.xgboost import XGBoost
from mlwright.testing import LearnerContract


class TestBaseline(LearnerContract):
    learner = Baseline()
    config = Config("baseline", "baseline", "tree")


class TestLinear(LearnerContract):
    learner = Linear()
    config = Config("linear", "linear", "linear")
    missing_allowed = False

    def table(self, classes):
        x, y = super().table(classes)
        return np.clip(x, -5, 5), y

    def edges(self, x):
        return np.clip(super().edges(x), -5, 5)


class TestLightGBM(LearnerContract):
    learner = LightGBM()
    config = Config("lightgbm", "lightgbm", "tree", {"most_rounds": 60})


class TestCatBoost(LearnerContract):
    learner = CatBoost()
    config = Config("catboost", "catboost", "encoded", {"learning_rate": 0.3})


class TestExtraTrees(LearnerContract):
    learner = ExtraTrees()
    config = Config("extra-trees", "extra-trees", "tree")


class TestXGBoost(LearnerContract):
    learner = XGBoost()
    config = Config("xgboost", "xgboost", "encoded", {"eta": 0.3, "max_depth": 4})


HELD = (TestBaseline, TestLinear, TestLightGBM, TestCatBoost, TestExtraTrees, TestXGBoost)


def test_every_registered_family_has_a_contract_test():
    assert {c.learner.family for c in HELD} == set(families())


def test_lightgbm_splits_on_sets_of_codes_and_unseen_codes_follow_it():
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.integers(0, 60, 3000).astype(float), rng.normal(size=3000)])
    y = np.isin(x[:, 0], [3, 7, 30, 41, 59]) * 2.0 + x[:, 1]
    job = Job(Config("l", "lightgbm", "tree"), 0, Part(x, y), rounds=40, members=(0,))
    fitted = LightGBM().fit(job)
    trees = fitted.trees()
    assert any(t.sets for t in trees.trees), "no split on a set was written"
    edge = np.column_stack([np.arange(0, 500, dtype=float), np.zeros(500)])
    g = GraphBuilder()
    g.output("o", fitted.nodes(g, g.input("numbers", "float64", 2)), "float64", 1)
    got = session(g.to_bytes()).run(None, {"numbers": edge})[0][:, 0]
    assert np.allclose(got, fitted.margin(edge)[:, 0], rtol=1e-13, atol=1e-13)


def test_lightgbm_takes_missing_as_zero_where_training_saw_none():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2000, 2)) + 0.3
    y = (x[:, 0] > 0).astype(float)
    fitted = LightGBM().fit(Job(Config("l", "lightgbm", "tree"), 2, Part(x, y), rounds=20))
    rows = np.array([[np.nan, 1.0], [0.0, 1.0]])
    g = GraphBuilder()
    g.output("o", fitted.nodes(g, g.input("numbers", "float64", 2)), "float64", 1)
    got = session(g.to_bytes()).run(None, {"numbers": rows})[0]
    assert np.allclose(got, fitted.margin(rows), atol=1e-15) and np.array_equal(got[0], got[1])


def test_thresholds_keep_every_digit():
    # Seconds since 1970: float32 could not tell two minutes apart.
    x = 1.36e9 + np.arange(4000, dtype=float)[:, None]
    y = (np.arange(4000) % 700 < 350).astype(float)
    config = Config("l", "lightgbm", "tree", {"num_leaves": 255, "max_bin": 4000, "min_data_in_leaf": 1})
    fitted = LightGBM().fit(Job(config, 0, Part(x, y), rounds=30))
    g = GraphBuilder()
    g.output("o", fitted.nodes(g, g.input("numbers", "float64", 1)), "float64", 1)
    assert (
        np.abs(session(g.to_bytes()).run(None, {"numbers": x})[0][:, 0] - fitted.margin(x)[:, 0]).max()
        < 1e-12
    )


def test_borders_of_float32_decide_alike_over_doubles():
    rng = np.random.default_rng(3)
    scales = 10.0 ** rng.integers(-30, 38, 400)
    border = (rng.normal(size=400) * scales).astype(np.float32)
    border[:3] = [0.0, np.finfo(np.float32).max, -np.finfo(np.float32).max]
    split, mode = above_float32(border)
    with np.errstate(over="ignore"):
        after = np.nextafter(border, np.float32(np.inf), dtype=np.float32).astype(np.float64)
    for x in (split, np.nextafter(split, -np.inf), np.nextafter(split, np.inf), border.astype(float), after):
        with np.errstate(over="ignore"):
            expected = x.astype(np.float32) > border
        got = np.where(mode == GTE, x >= split, x > split)
        assert np.array_equal(got, expected)


def test_catboost_says_nothing_on_the_terminal_about_an_absent_class(capfd):
    rng = np.random.default_rng(0)
    part = Part(rng.normal(size=(60, 2)), np.arange(60) % 2.0)
    job = Job(config=Config("c", "catboost", "encoded"), classes=3, train=part, rounds=3)
    families()["catboost"].fit(job)
    assert capfd.readouterr() == ("", "")
