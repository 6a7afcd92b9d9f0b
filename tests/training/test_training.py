"""Training: limits, failures, interruption and repetition, on real bank calls."""

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.amounts import seconds_of
from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.progress import Progress
from mlwright.training.budget import Budget


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A folder with the demo's table of bank calls."""
    from mlwright.cli.commands.demo import write_tables

    folder = tmp_path_factory.mktemp("bank")
    write_tables(folder)
    return folder


def bank(folder, rows=600):
    from mlwright.cli.commands.demo import LEAK, TABLE, TARGET

    data = mw.read(folder / TABLE, target=TARGET, drop=(LEAK,))
    return data.rows(np.arange(rows))


def test_equal_calls_by_trials_give_equal_models(table):
    first, second = (mw.fit(bank(table), max_trials=3, seed=5) for _ in range(2))
    assert first.digest == second.digest
    assert first.file_digest != second.file_digest or first.timings == second.timings
    assert mw.fit(bank(table), max_trials=3, seed=6).digest != first.digest


def test_interruption_packages_the_best_so_far(table):
    class Interrupts(Progress):
        def __init__(self):
            self.notes = []

        def step(self, message, fraction, seconds_left):
            if message == "trying lightgbm":
                raise KeyboardInterrupt

        def note(self, message):
            self.notes.append(message)

    listener = Interrupts()
    model = mw.fit(bank(table), time_limit=60, progress=listener)
    tried = {e.name for e in model.leaderboard if "not tried" not in e.reason}
    assert tried == {"baseline", "linear"}
    assert any("interrupted" in n for n in listener.notes)
    assert "it was interrupted" in model.card


def test_interruption_before_anything_is_found_is_passed_on(table):
    class Interrupts(Progress):
        def step(self, message, fraction, seconds_left):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mw.fit(bank(table), time_limit=60, progress=Interrupts())


def test_a_limit_too_short_for_anything_still_tries_a_real_candidate(table):
    model = mw.fit(bank(table, 300), time_limit=0.5)
    assert any(e.family != "baseline" and e.score is not None for e in model.leaderboard)


def test_the_score_is_of_rows_not_seen_and_stands_beside_the_baseline(table):
    model = mw.fit(bank(table), max_trials=2)
    e = model.evaluation
    assert e.rows == 600 and "cross-fitted" in e.how
    assert e.score.low <= e.score.value <= e.score.high
    assert next(s.value for s in e.baseline if s.metric == "roc_auc") == 0.5
    assert [s.metric for s in e.scores] == [s.metric for s in e.baseline]


def test_chance_scores_as_chance(table):
    data = bank(table)
    rng = np.random.default_rng(0)
    target = data.target.name
    shuffled = data.frame.with_columns(data.frame[target].shuffle(seed=int(rng.integers(1000))))
    import dataclasses

    model = mw.fit(dataclasses.replace(data, frame=shuffled), max_trials=3)
    assert model.evaluation.score.low < 0.5 + 0.02


def test_given_test_rows_judge_the_model(table):
    data = bank(table)
    model = mw.fit(data.rows(np.arange(400)), test=data.rows(np.arange(400, 600)), max_trials=2)
    assert model.evaluation.rows == 200 and "holdout of 200 rows" in model.evaluation.how


@pytest.mark.parametrize("limit", ["soon", -3, "0s", ""])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(Misuse, match="no span of time"):
        seconds_of(limit)


def test_unknown_arguments_get_the_near_miss(table):
    with pytest.raises(UnknownName, match="did you mean 'time_limit'"):
        mw.fit(bank(table), timelimit=3)
    with pytest.raises(Misuse, match="at least 2"):
        mw.fit(bank(table), max_trials=1)


def test_a_budget_counts_from_the_call():
    now = [100.0]
    budget = Budget(10.0, clock=lambda: now[0])
    now[0] = 104.0
    assert budget.left_s() == 6.0 and budget.fraction() == 0.4
    assert budget.deadline_in(2) == 106.0
    assert Budget(None, 3).left_s() == float("inf")


def test_a_metric_that_ends_at_minus_one_gets_predictions_that_stay_above_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    frame = {"x": x.tolist(), "count": np.maximum(0, np.round(5 * x)).tolist()}
    model = mw.fit(frame, target="count", task="regression", metric="rmsle", max_trials=3)
    assert model.predict({"x": [-50.0, -3.0]}).min() >= 0
    assert np.isfinite(model.evaluation.score.value)


def test_folds_that_would_eat_the_limit_are_left_out(table):
    from mlwright.tasks import Asked, kind_named
    from mlwright.training.prepared import PreparedFolds

    data = bank(table, 400)
    test = bank(table, 500).rows(np.arange(400, 500))
    problem, _ = kind_named("tabular").problem(data, Asked(test=test))
    assert len(problem.split.folds) == 8
    now = [0.0]
    assert PreparedFolds(problem).affordable(Budget(None, 3)).problem is problem
    rushed = PreparedFolds(problem).affordable(Budget(0.001, clock=lambda: now[0]))
    assert len(rushed.problem.split.folds) == 1
    assert np.array_equal(rushed.problem.split.folds[0].valid, problem.split.folds[-1].valid)
    assert np.array_equal(rushed.parts(0, "tree")[1].y, problem.y[problem.split.folds[-1].valid])
    alone, _ = kind_named("tabular").problem(data, Asked())
    assert PreparedFolds(alone).affordable(Budget(0.001)).problem is alone


def test_targets_that_float32_cannot_tell_apart_are_learned():
    x = np.arange(600) % 7
    frame = {"x": x.astype(float).tolist(), "when": (1.7e12 + x * 0.5).tolist()}
    model = mw.fit(frame, target="when", task="regression", max_trials=4)
    assert np.abs(model.predict({"x": [0.0, 6.0]}) - [1.7e12, 1.7e12 + 3]).max() < 0.2
    assert all(e.score is not None for e in model.leaderboard)


def test_what_is_judged_is_what_ships_also_where_no_time_is_left_to_refit(monkeypatch):
    import importlib

    fit_module = importlib.import_module("mlwright.training.fit")
    honest = fit_module._within_time

    def only_the_heaviest(problem, found, weights, budget):
        kept = np.zeros_like(weights)
        kept[np.argmax(weights)] = 1.0
        return honest(problem, found, kept, budget)

    def every_one(self, rows):
        able = np.array([t.config.family != "baseline" for t in self.trials])
        weights = able / np.arange(1, len(able) + 1)
        return weights / weights.sum()

    monkeypatch.setattr("mlwright.training.choosing.Choice.weights", every_one)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = x @ [3, 2, 1] + 6 * (x[:, 0] * x[:, 1] > 0) + rng.normal(size=300)
    frame = {f"x{j}": x[:, j].tolist() for j in range(3)} | {"y": y.tolist()}
    whole = mw.fit(frame, target="y", max_trials=3)
    assert sum(e.weight > 0 for e in whole.leaderboard) == 2
    monkeypatch.setattr(fit_module, "_within_time", only_the_heaviest)
    hurried = mw.fit(frame, target="y", max_trials=3)
    shares = [e.weight for e in hurried.leaderboard if e.weight > 0]
    assert shares == [1.0]
    assert any("no time was left" in e.reason for e in hurried.leaderboard)
    assert hurried.evaluation.score.value != whole.evaluation.score.value
