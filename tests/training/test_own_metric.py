"""A metric of the user's own in a whole fit: undefined everywhere, or slow."""

from dataclasses import replace

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse
from mlwright.base.progress import Progress
from mlwright.evaluation.intervals import TOO_SLOW, score
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.paired import gain
from mlwright.tasks import Asked, kind_named
from mlwright.training import train
from mlwright.training.budget import Budget
from mlwright.training.own_metric import INTERVALS, SHARE, clocked_metric


def problem_by(data, metric):
    return kind_named("tabular").problem(mw.read(data, target="y"), Asked(metric=metric))[0]


def refuses(truth, answer):
    raise ValueError("shapes are odd")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda truth, answer: float("nan"), "it answers nan"),
        (lambda truth, answer: float("inf"), "it answers inf"),
        (refuses, "it answers ValueError: shapes are odd"),
    ],
)
@pytest.mark.parametrize("trials", [2, 6])
def test_a_metric_of_ones_own_without_a_value_stops_the_fit_and_says_what_it_answered(
    bent, function, said, trials
):
    own = mw.metric(function, name="mine", needs="prediction", better="less")
    with pytest.raises(Misuse, match=r"metric 'mine' has no value for any candidate \(linear") as stopped:
        mw.fit(bent, target="y", metric=own, max_trials=trials)
    assert said in str(stopped.value) and "of the 240 rows that judge linear" in str(stopped.value)


def test_a_metric_that_has_a_value_for_some_candidate_stops_nothing(bent):
    called = []

    def odd(truth, answer):
        called.append(len(truth))
        return float("nan") if np.ptp(answer) == 0 else float(np.mean((truth - answer) ** 2))

    own = mw.metric(odd, needs="prediction", better="less")
    model = mw.fit(bent, target="y", metric=own, max_trials=2)
    assert model.evaluation.score.metric == "odd" and called


class Clock:
    """Time that passes only while the metric is called."""

    def __init__(self, call_s):
        self.now, self.call_s = 0.0, call_s

    def __call__(self):
        return self.now

    def metric(self, truth, answer):
        self.now += self.call_s
        return float(np.mean(np.abs(truth - answer)))


@pytest.mark.parametrize(
    ("call_s", "said"),
    [
        (1e-5, ""),
        (2e-3, "a call of mine takes 0.002 s: the model's intervals rest on 200 draws, those of candidates, "
         "folds and slices on 50 draws; weights were chosen by rmse"),
        (2e-2, "a call of mine takes 0.02 s: the model's intervals rest on 25 draws, those of candidates, "
         "folds and slices on no draws, so that there are none; weights were chosen by rmse"),
        (0.5, "a call of mine takes 0.5 s: the model's intervals rest on no draws, so that there are none; "
         "weights were chosen by rmse"),
    ],
)  # fmt: skip
def test_how_often_a_slow_metric_may_be_called_follows_from_what_a_call_takes(bent, call_s, said):
    clock = Clock(call_s)
    own = mw.metric(clock.metric, name="mine", needs="prediction", better="less")
    problem, told = clocked_metric(problem_by(bent, own), Budget(20.0, clock=clock))
    assert told == said
    assert problem.metric.call_s == pytest.approx(call_s)
    assert problem.metric.calls * INTERVALS * call_s <= SHARE * 20.0 * (1 + 1e-9)


def test_a_first_call_that_imports_what_it_needs_is_not_what_a_call_takes(bent):
    clock = Clock(1e-3)
    first = iter([3.0])

    def mine(truth, answer):
        clock.now += next(first, 0.0)
        return clock.metric(truth, answer)

    own = mw.metric(mine, needs="prediction", better="less")
    problem, _ = clocked_metric(problem_by(bent, own), Budget(20.0, clock=clock))
    assert problem.metric.call_s == pytest.approx(1e-3)


def test_without_a_time_limit_nothing_is_clocked_so_that_runs_repeat(bent):
    clock = Clock(1.0)
    problem = problem_by(bent, mw.metric(clock.metric, name="mine", needs="prediction", better="less"))
    assert clocked_metric(problem, Budget(None, 3, clock=clock)) == (problem, "") and clock.now == 0
    plain = problem_by(bent, "mae")
    assert clocked_metric(plain, Budget(20.0)) == (plain, "")


def test_intervals_say_on_how_few_draws_they_rest():
    random = np.random.default_rng(0)
    y, near = random.normal(size=(2, 80))
    own = replace(mw.metric(lambda t, a: float(np.mean(t * a)), name="mine", needs="prediction"), calls=40)
    full, lesser = score(own, y, near), score(own, y, near, effort=0.1)
    assert full.method == "bootstrap, 40 draws" and full.low < full.value < full.high
    assert lesser.method == TOO_SLOW and lesser.low == lesser.value == lesser.high == full.value
    assert "40 draws" in gain(own, y, near, y).method
    assert gain(replace(own, calls=5), y, near, y) is None


def test_the_calls_of_a_whole_fit_keep_to_what_they_may_be(bent):
    calls = []

    def mine(truth, answer):
        calls.append(1)
        return float(np.mean(np.abs(truth - answer)))

    own = mw.metric(mine, needs="prediction", better="less")
    slow = replace(own, calls=25, call_s=0.02)
    trained = train(problem_by(bent, slow), Budget(None, 4), Progress())
    assert len(calls) <= INTERVALS * 25
    model = next(s for s in trained.evaluation.scores if s.metric == "mine")
    assert model.method == "bootstrap, 25 draws"
    others = [s.method for s in trained.evaluation.scores if "bootstrap" in s.method and s is not model]
    assert all("25" not in method for method in others)
    assert trained.evaluation.fit_report.curve.metric == METRICS["rmse"].name
