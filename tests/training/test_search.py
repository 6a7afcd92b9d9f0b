"""The search beyond the portfolio: refinement, patience, and what time is kept for."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.cost import Cost
from mlwright.base.evaluation import Entry
from mlwright.base.leaderboard import in_brief
from mlwright.base.progress import Progress
from mlwright.graph.trees import Shape
from mlwright.learners import Config, families
from mlwright.learners.zone import outside, zone_of
from mlwright.tasks import Asked, kind_named
from mlwright.training.budget import Budget
from mlwright.training.journal import Journal
from mlwright.training.limits import Limits, Pricing
from mlwright.training.patience import Patience
from mlwright.training.prepared import PreparedFolds
from mlwright.training.refine import mark, propose
from mlwright.training.search import FASTEST, quicker_to_serve, search, within_latency
from mlwright.training.trial import Trial


def finished(*told):
    return [Trial(Config(f"{f}-{i}", f, v, s), error=e) for i, (f, v, s, e) in enumerate(told)]


FOUND = finished(
    ("linear", "linear", {}, 0.30),
    ("lightgbm", "tree", {"num_leaves": 31, "learning_rate": 0.05}, 0.20),
    ("lightgbm", "encoded", {"num_leaves": 7}, 0.22),
    ("catboost", "encoded", {"depth": 6}, 0.25),
)


def proposals(found, count, seed=0):
    tried = {mark(t.config) for t in found}
    out = []
    while len(out) < count and (config := propose(found, families(), tried, seed)):
        tried.add(mark(config))
        out.append(config)
    return out


def test_what_is_proposed_lies_in_the_zone_is_new_and_repeats():
    first = proposals(FOUND, 60)
    assert len({mark(c) for c in first}) == len({c.name for c in first}) == 60
    for config in first:
        assert outside(config.settings, zone_of(families()[config.family])) == ""
        assert config.view in {t.config.view for t in FOUND if t.config.family == config.family}
    assert first == proposals(FOUND, 60) and first != proposals(FOUND, 60, seed=1)


def test_the_family_of_the_best_is_refined_most_and_none_without_a_zone():
    count = {f: sum(c.family == f for c in proposals(FOUND, 80)) for f in ("lightgbm", "catboost", "linear")}
    assert count["lightgbm"] > 1.3 * count["catboost"] > 0 and count["linear"] == 0
    assert proposals(FOUND[:1], 5) == []


def test_most_proposals_stay_near_the_best():
    leaves = [c.settings.get("num_leaves", 31) for c in proposals(FOUND[1:2], 200)]
    assert 15 < np.median(leaves) < 60 and max(leaves) > 120


@pytest.mark.parametrize(("rows", "limit"), [(50, 4), (500, 8), (2_000, 15), (9_000, 40), (600_000, 100)])
def test_few_rows_end_a_search_that_gains_nothing_sooner(rows, limit):
    patience = Patience(rows)
    said = [patience.saw(0.5) for _ in range(limit + 1)]
    assert said == [False] * limit + [True]


def test_a_gain_that_so_few_rows_cannot_tell_is_none():
    few, many = Patience(100), Patience(100_000)
    for patience in (few, many):
        patience.saw(0.5)
        patience.saw(0.498)
    assert (few.since, many.since) == (1, 0)
    assert not few.saw(0.4) and few.since == 0


def test_patience_holds_where_errors_are_below_zero_or_none():
    patience = Patience(100)
    patience.saw(float("inf"))
    patience.saw(-0.5)
    patience.saw(-0.501)
    assert patience.since == 1
    patience.saw(-0.6)
    assert patience.since == 0


class ByTrees:
    """Prices a model by its trees: a microsecond each."""

    def whole(self, members):
        return Cost(cpu_us=float(sum(shape.trees for _, shape in members)))


@pytest.mark.parametrize(
    ("settings", "trees", "limit", "rate"),
    [
        ({"learning_rate": 0.05}, 90, 50.0, 0.13),  # twice what is allowed, and a little more
        ({"learning_rate": 0.05}, 40, 50.0, None),  # it holds
        ({"learning_rate": 0.2}, 900, 50.0, 0.3),  # no faster than that
        ({"learning_rate": 0.28}, 900, 50.0, None),
        ({}, 90, 50.0, None),
        ({"learning_rate": 0.05}, 90, None, None),
    ],
)
def test_what_is_too_slow_to_serve_is_tried_at_a_faster_rate(settings, trees, limit, rate):
    trial = Trial(Config("t", "lightgbm", "tree", settings), error=0.1, shape=Shape(trees, 1, 1.0, 0, 1))
    found = quicker_to_serve([trial], Pricing(ByTrees(), Limits(latency_us=limit)))
    assert (found and found.settings["learning_rate"]) == (rate and pytest.approx(rate))
    assert found is None or (found.name == "t-quick" and found.view == "tree")


def test_nothing_is_tried_faster_where_nothing_is_priced_or_finished():
    assert quicker_to_serve([], Pricing(ByTrees(), Limits(latency_us=1.0))) is None
    assert quicker_to_serve(FOUND, None) is None


class ByRounds:
    """Prices a model at a microsecond a tree."""

    outputs = 7
    plan = SimpleNamespace(layout=lambda view: range(54))

    def whole(self, members):
        return Cost(sum(shape.trees for _, shape in members), 0)


@pytest.mark.parametrize(("limit", "rounds"), [(70.0, 9), (700.0, 90), (1e6, 4096), (1.0, 1)])
def test_the_one_fit_of_a_large_table_has_the_rounds_that_a_limit_on_latency_allows(limit, rounds):
    config = Config("vast", "lightgbm", "tree", {"num_leaves": 1023, "learning_rate": 0.05})
    price = Pricing(ByRounds(), Limits(latency_us=limit))
    settings = within_latency(config, price, families()).settings
    assert settings["most_rounds"] == rounds and settings["num_leaves"] == 1023
    assert 0.05 <= settings["learning_rate"] <= FASTEST
    assert settings["learning_rate"] == pytest.approx(max(0.05, min(12 / rounds, FASTEST)))


def test_without_a_limit_or_a_rate_a_configuration_stays_as_it_is():
    config = Config("vast", "lightgbm", "tree", {"num_leaves": 1023, "learning_rate": 0.05})
    assert within_latency(config, None, families()) is config
    assert within_latency(config, Pricing(ByRounds(), Limits(size_bytes=9)), families()) is config
    linear = Config("linear", "linear", "linear", {})
    assert within_latency(linear, Pricing(ByRounds(), Limits(latency_us=9.0)), families()) is linear


def searched(data, left_s, limit_s=10.0):
    """A search whose clock stands still, so long before the end of its limit, on a machine that is busy."""
    problem, _ = kind_named("tabular").problem(mw.read(data, target="y"), Asked(threads=2))
    now = time.monotonic() + 1e6  # no fit is cut short
    budget = Budget(limit_s, clock=lambda: now, began=now - limit_s + left_s)
    return search(problem, PreparedFolds(problem), budget, Progress(), Journal()), problem


def test_what_a_short_limit_left_untried_is_said(bent):
    found, problem = searched(bent, 0.3)
    tried = [t for t in found.trials if not t.failure]
    assert [t.config.family for t in tried] == ["baseline", "linear"]
    families_left = {t.config.family for t in found.trials if t.failure}
    assert families_left == {c.family for c in problem.portfolio} - {"baseline", "linear"}
    many = len(problem.portfolio)
    assert found.stopped == (
        f"the time limit was reached, with {many - 2} of the portfolio's {many} candidates not tried"
    )
    reasons = {t.config.name: t.failure for t in found.trials if t.failure}
    more = sum(c.family == "lightgbm" for c in problem.portfolio) - 1
    why = f"left out: not tried, nor {more} more of lightgbm, as the search had no time left"
    assert reasons["lightgbm"] == why
    entry = Entry(name="lightgbm", family="lightgbm", score=None, fit_seconds=0.0, reason=why)
    assert in_brief(entry) == "not tried"


@pytest.mark.parametrize(("packaging_s", "tried"), [(5.0, True), (9.0, False)])
def test_trees_are_tried_beside_a_lone_linear_model_against_half_of_what_packaging_may_take(
    bent, monkeypatch, packaging_s, tried
):
    monkeypatch.setattr("mlwright.training.search.packaging_seconds", lambda *of: packaging_s)
    found, _ = searched(bent, 4.0)
    assert any(t.shape is not None for t in found.real) == tried


def test_nothing_is_said_of_what_was_not_tried_where_trials_were_counted(bent):
    problem, _ = kind_named("tabular").problem(mw.read(bent, target="y"), Asked(threads=2))
    found = search(problem, PreparedFolds(problem), Budget(None, 2), Progress(), Journal())
    assert len(found.trials) == 2 and found.stopped == "max_trials=2 was reached"
