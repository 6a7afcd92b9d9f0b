"""What becomes of a model that breaks a limit: the fewer rounds there is time for, the more goes at once."""

import importlib

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.cost import Cost
from mlwright.base.errors import DataProblem, LimitUnmet
from mlwright.graph.trees import Shape
from mlwright.learners import Config
from mlwright.packaging.blend import Member
from mlwright.training import Budget
from mlwright.training.lightening import remaining
from mlwright.training.limits import Limits, Pricing
from mlwright.training.refit import Shipped
from mlwright.training.trial import Trial


class ByNodes:
    """Prices a model by its nodes: a byte each."""

    def whole(self, members):
        return Cost(0.0, sum(shape.nodes for _, shape in members))


def made(*nodes):
    """Trials of so many nodes, which have equal shares."""
    trials = [Trial(Config(f"t{n}", "lightgbm", "tree"), shape=Shape(1, n, 1.0, 0, 1)) for n in nodes]
    return trials, {id(t): 1 / len(trials) for t in trials}


@pytest.mark.parametrize(
    ("rounds", "limit", "kept"),
    [
        (9.0, 1_000, [100, 200, 400]),  # one at a time, whatever was measured
        (3.0, 1_000, [100, 200]),  # as many as the measurement says, at once
        (3.0, 250, [100]),
        (3.0, 150, []),
        (1.0, 1_000, [100]),  # the last model
        (1.0, 150, []),
    ],
)
def test_the_fewer_rounds_are_left_the_more_members_go_at_once(rounds, limit, kept):
    trials, shares = made(400, 100, 800, 200)
    # The whole was measured to take twice what was estimated, and so is each part.
    price = Pricing(ByNodes(), Limits(size_bytes=limit)).corrected(Cost(0.0, 3_000), trials)
    assert sorted(t.shape.nodes for t in remaining(price, shares, trials, rounds)) == kept


def test_a_single_member_leaves_none():
    trials, shares = made(100)
    price = Pricing(ByNodes(), Limits(size_bytes=10))
    assert remaining(price, shares, trials, 9.0) == remaining(price, shares, trials, 0.0) == []


def test_several_members_go_at_once_and_the_others_share_their_weight():
    weights = {1: 0.4, 2: 0.3, 3: 0.2, 4: 0.1}
    members = tuple(Member(Config(f"t{k}", "linear", "linear"), None, w) for k, w in weights.items())
    left = Shipped(None, members, weights, ()).without(1, 4)
    assert left.shares == pytest.approx({2: 0.6, 3: 0.4})
    assert [(m.config.name, round(m.weight, 9)) for m in left.members] == [("t2", 0.6), ("t3", 0.4)]


def test_a_promise_is_the_limit_and_a_twentieth_or_three_seconds():
    now = [0.0]
    short, long = (Budget(limit, clock=lambda: now[0], began=0.0, kept_s=1.5) for limit in (20.0, 100.0))
    now[0] = 10.0
    assert (short.left_s(), short.promised_s()) == (8.5, 13.0)
    assert long.promised_s() == 95.0
    assert Budget(None).promised_s() == float("inf")


@pytest.mark.parametrize(("promised_s", "rounds"), [(float("inf"), "all"), (0.0, "two")])
def test_rounds_end_in_time(bent, monkeypatch, promised_s, rounds):
    """Two members, then one, then the baseline; where time is out the baseline comes at once after one."""
    kept = []

    def measured(model, **named):
        kept.append([e.family for e in model.leaderboard if e.weight > 0])
        return Cost(memory_bytes=50 if kept[-1] == ["baseline"] else 200)

    def equally(metric, y, margins, *others, price, **named):
        allowed = np.isfinite(price(np.ones(len(margins), dtype=bool)))
        return np.full(len(margins), allowed / len(margins))

    monkeypatch.setattr("mlwright.training.choosing.choose_weights", equally)
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", measured)
    monkeypatch.setattr("mlwright.training.limits.Limits.tightened", lambda self: Limits())
    monkeypatch.setattr(Budget, "promised_s", lambda self: promised_s)
    model = mw.fit(bent, target="y", max_trials=3, max_memory=100)
    assert kept[-1] == ["baseline"] and len(kept[0]) == 2
    assert len(kept) == (2 if rounds == "two" else 3)
    assert model.evaluation.baseline and sum(e.weight for e in model.leaderboard) == pytest.approx(1)
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", lambda model, **named: Cost(memory_bytes=101))
    with pytest.raises(LimitUnmet, match="not even baseline"):
        mw.fit(bent, target="y", max_trials=3, max_memory=100)


def test_alerts_that_folds_are_too_few_for_are_refused_before_the_search(monkeypatch):
    data = {"x": np.random.default_rng(0).normal(size=90).tolist(), "y": ["a", "b"] * 45}
    search = importlib.import_module("mlwright.training.fit")
    monkeypatch.setattr(search, "search", lambda *given: pytest.fail("it was searched"))
    with pytest.raises(DataProblem, match="not one of the 78"):
        mw.fit(data, target="y", max_trials=2, alerts="1%")
