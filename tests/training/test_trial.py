"""No row's own target chooses what is said about it: not the rounds, not the weights, not the calibration."""

import importlib
from dataclasses import dataclass, field

import numpy as np
import pytest

import mlwright as mw
from mlwright.learners import Config
from mlwright.tasks import Asked, kind_named
from mlwright.training import unseen
from mlwright.training.choosing import Choice
from mlwright.training.prepared import PreparedFolds
from mlwright.training.trial import run_trial


@dataclass
class Fake:
    """A fitted learner with so many rounds, which writes down how many it was asked for."""

    rounds: int
    asked: list = field(default_factory=list)
    settled: dict = field(default_factory=dict)

    def margin(self, x, rounds=None):
        self.asked.append(rounds)
        return np.zeros((len(x), 1))

    def trees(self):
        return None


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=120)
    data = mw.read({"x": x.tolist(), "y": ["yes" if v > 0 else "no" for v in x]}, target="y")
    return kind_named("tabular").problem(data, Asked())[0]


def test_the_rounds_of_a_fold_are_chosen_by_the_others(problem):
    made = []

    class Learner:
        family = "fake"

        def fit(self, job):
            made.append(Fake(rounds=10 ** len(made)))
            return made[-1]

    folds = PreparedFolds(problem)
    run_trial(Config("fake", "fake", "tree"), Learner(), folds, lambda: None)
    for k, fitted in enumerate(made):
        others = [10**i for i in range(len(made)) if i != k]
        assert fitted.asked == [round(float(np.median(others)))]


def test_weights_and_calibration_of_a_fold_are_chosen_on_the_others(problem, monkeypatch):
    seen = []
    conclude = unseen.conclude
    monkeypatch.setattr(unseen, "conclude", lambda p, m, rows: seen.append(rows) or conclude(p, m, rows))

    class Watched(Choice):
        def weights(self, rows):
            seen.append(rows)
            return super().weights(rows)

    trial = run_trial(
        Config("linear", "linear", "linear"),
        importlib.import_module("mlwright.learners.linear").Linear(),
        PreparedFolds(problem),
        lambda: None,
    )
    unseen.answers_unseen(Watched(problem, [trial]), np.array([1.0]))
    assert len(seen) == 2 * len(problem.split.folds)
    for i, fold in enumerate(problem.split.folds):
        for rows in seen[2 * i : 2 * i + 2]:
            assert not set(rows) & set(fold.valid)
            assert len(rows) == 120 - len(fold.valid)
