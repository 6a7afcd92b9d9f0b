"""Limits bind: what would break one is not chosen; what does when measured is made lighter, or refused."""

import dataclasses
import sys

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.cost import Cost
from mlwright.base.errors import LimitUnmet, Misuse
from mlwright.evaluation.metrics import METRICS
from mlwright.lifecycle.bounded import within
from mlwright.packaging.costing import Pricer
from mlwright.training.ensemble import choose_weights
from mlwright.training.limits import Limits, price_of


class Measured:
    """What models are said to take, one after the other, the last for all that follow."""

    def __init__(self, *costs):
        self.costs, self.models = costs, []

    def __call__(self, model, **named):
        self.models.append(model)
        return self.costs[min(len(self.models), len(self.costs)) - 1]


def test_a_slow_candidate_must_earn_its_place():
    rng = np.random.default_rng(0)
    y = rng.normal(size=2000)
    margins = [(y + rng.normal(size=2000))[:, None] for _ in range(2)]

    def dear(chosen):
        return 0.5 * chosen[1]

    def forbidden(chosen):
        return np.inf if chosen[1] else 0.0

    weigh = {"metric": METRICS["rmse"], "y": y, "margins": margins, "answer": lambda m: m}
    assert (choose_weights(**weigh) > 0).all()
    assert choose_weights(**weigh, price=dear).tolist() == [1, 0]
    assert choose_weights(**weigh, price=forbidden).tolist() == [1, 0]
    assert not choose_weights(**weigh, price=lambda chosen: np.inf).any()


def test_the_price_rises_with_time_and_size_and_faster_beyond_what_is_easy():
    prices = [
        price_of(Cost(us, size)) for us, size in ((20, 0), (80, 0), (80, 10**6), (300, 10**6), (300, 10**7))
    ]
    assert prices == sorted(set(prices))
    assert prices[3] - prices[2] > 5 * (prices[1] - prices[0])


def test_a_limit_on_size_is_kept_and_said(bent):
    free = mw.fit(bent, target="y", max_trials=3)
    size = len(free.to_bytes())
    bound = mw.fit(bent, target="y", max_trials=3, max_size=int(size * 0.6))
    assert len(bound.to_bytes()) <= size * 0.6
    assert bound.manifest.recipe["max_size"] == int(size * 0.6)
    with pytest.raises(
        LimitUnmet, match=r"no candidate keeps to the limits, not even baseline: max_size is 2,000 bytes"
    ):
        mw.fit(bent, target="y", max_trials=3, max_size="2KB")


def test_what_keeps_to_no_limit_by_estimate_is_measured_and_may_ship(bent, monkeypatch):
    """Estimates that are too high refuse nothing: the lightest candidate shows what it takes."""
    real = Pricer.whole

    def dearer(self, members):
        cost = real(self, members)
        return dataclasses.replace(cost, memory_bytes=2 * cost.memory_bytes)

    monkeypatch.setattr(Pricer, "whole", dearer)
    measured = Measured(Cost(memory_bytes=67_000_000))
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", measured)
    model = mw.fit(bent, target="y", max_trials=3, max_memory="90MB")
    kept = [e for e in model.leaderboard if e.weight > 0]
    assert len(kept) == len(measured.models) == 1 and kept[0].family != "baseline"
    assert [e.name for e in model.leaderboard if e.family == "baseline"]
    measured = Measured(Cost(memory_bytes=91_000_000), Cost(memory_bytes=67_000_000))
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", measured)
    model = mw.fit(bent, target="y", max_trials=2, max_memory="90MB")
    assert [e.family for e in model.leaderboard if e.weight > 0] == ["baseline"]
    assert any("max_memory is 90,000,000 bytes" in e.reason for e in model.leaderboard)


def test_where_no_process_can_be_measured_memory_is_an_estimate_and_the_card_says_so(bent, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    model = mw.fit(bent, target="y", max_trials=2, max_memory="90MB")
    said = "max_memory was held to an estimate: memory could not be measured: this program is not"
    assert said in model.card.replace("\\_", "_")
    with pytest.raises(LimitUnmet, match="max_memory is 50,000,000 bytes, and serving it takes 6"):
        mw.fit(bent, target="y", max_trials=2, max_memory="50MB")


def test_a_limit_on_latency_leaves_out_what_is_too_slow(bent, monkeypatch):
    def counted(self, members):
        """Ten microseconds, and one for each tree: nothing is clocked."""
        return Cost(10.0 + sum(shape.trees for _, shape in members if shape), 1000)

    monkeypatch.setattr("mlwright.packaging.costing.Pricer.whole", counted)
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", Measured(Cost()))
    free = mw.fit(bent, target="y", max_trials=3)
    bound = mw.fit(bent, target="y", max_trials=3, max_latency="20us")
    slow = {e.name for e in bound.leaderboard if "max_latency is 20 us a row, and it takes" in e.reason}
    assert slow & {e.name for e in free.leaderboard if e.weight > 0}
    assert not slow & {e.name for e in bound.leaderboard if e.weight > 0}
    assert all(e.cpu_us and e.size_bytes for e in bound.leaderboard)
    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", Measured(Cost(10.0)))
    with pytest.raises(LimitUnmet, match=r"not even baseline: max_latency is 5 us a row, and it takes 10"):
        mw.fit(bent, target="y", max_trials=3, max_latency="5us")


def test_what_breaks_a_limit_when_measured_is_made_lighter(bent, monkeypatch):
    shares = []

    def measured(model, **named):
        kept = [e for e in model.leaderboard if e.weight > 0]
        shares.append(len(kept))
        return Cost(memory_bytes=len(kept) * 100)

    monkeypatch.setattr("mlwright.lifecycle.bounded.cost_of", measured)
    model = mw.fit(bent, target="y", max_trials=3, max_memory=10**9)
    assert shares == [1] or shares[0] > 1
    whole = shares[0]
    monkeypatch.setattr("mlwright.training.limits.Limits.tightened", lambda self: Limits())
    shares.clear()
    model = mw.fit(bent, target="y", max_trials=3, max_memory=100)
    assert shares == list(range(whole, 0, -1))
    if whole > 1:
        assert any("max_memory is 100 bytes" in e.reason for e in model.leaderboard)
    with pytest.raises(LimitUnmet, match="max_memory is 50 bytes, and serving it takes 100"):
        mw.fit(bent, target="y", max_trials=3, max_memory=50)


def test_limits_that_are_none_are_refused_before_anything_is_read():
    for name, value in (("max_latency", "fast"), ("max_size", "-1MB"), ("max_memory", 0)):
        with pytest.raises(Misuse, match=f"{name}="):
            mw.fit("no such file.csv", target="y", **{name: value})


def test_a_model_within_its_limits_is_left_as_it_is():
    @dataclasses.dataclass
    class Packaged:
        timings: object = dataclasses.field(default_factory=lambda: type("T", (), {"cpu_us_p50": 10.0}))

        def to_bytes(self):
            return b"1234"

    assert isinstance(within(Limits(latency_us=20, size_bytes=4), None, lambda trained: Packaged()), Packaged)
