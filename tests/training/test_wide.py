"""Tables of many columns: work that grows with the square of their number would take minutes."""

from functools import cached_property

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.schema import Schema
from mlwright.learners import Config
from mlwright.tasks import Asked, kind_named
from mlwright.training.prepared import PreparedFolds
from mlwright.training.trial import run_trial


def table(columns, rows=60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    return {f"c{j}": x[:, j].tolist() for j in range(columns)} | {
        "y": ["p" if v > 0 else "q" for v in x[:, 0]]
    }


@pytest.fixture
def walks(monkeypatch):
    """How often the columns were walked through: each walk costs as much as there are columns."""
    counted = [0]
    honest = Schema.features.func

    def features(schema):
        counted[0] += 1
        return honest(schema)

    counting = cached_property(features)
    counting.__set_name__(Schema, "features")
    monkeypatch.setattr(Schema, "features", counting)
    return counted


def test_a_fit_does_not_walk_through_the_columns_for_each_of_them(walks):
    def taken(columns):
        walks[0] = 0
        mw.fit(table(columns), target="y", max_trials=2)
        return walks[0]

    assert taken(120) - taken(30) < 90


def test_fit_gives_the_checks_their_share_of_the_limit(monkeypatch):
    seconds = []

    def checks(dataset, **named):
        seconds.append(named["seconds"])
        raise KeyboardInterrupt

    monkeypatch.setattr("mlwright.checks.check", checks)
    with pytest.raises(KeyboardInterrupt):
        mw.fit(table(3), target="y", time_limit=40)
    assert seconds == [6.0]  # 15 %


def test_the_baseline_is_judged_without_making_any_features(monkeypatch):
    problem, _ = kind_named("tabular").problem(mw.read(table(5), target="y"), Asked())
    monkeypatch.setattr("mlwright.training.prepared.fit_plan", None)
    trial = run_trial(Config("baseline", "baseline", "tree"), None, PreparedFolds(problem), lambda: None)
    assert not trial.failure and np.isfinite(trial.margins).all()
