"""A model that abstains keeps to the share of wrong answers that is allowed, and says how many it answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import mlwright as mw
from mlwright.base.errors import Misuse
from mlwright.evaluation.abstaining import abstaining_of


def answers(n: int, seed: int, too_sure: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of two classes (too extreme where `too_sure` is above 1), their labels, and the truth."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    p = 1 / (1 + np.exp(-too_sure * odds))
    both = np.stack([1 - p, p], axis=1)
    return both, both.argmax(axis=1), y


@pytest.mark.parametrize("too_sure", [1.0, 3.0])
def test_the_stated_share_is_kept_on_rows_that_come_later(too_sure):
    p, labels, y = answers(40_000, 0, too_sure)
    sure = p[np.arange(len(y)), labels]
    broken, answered = 0, []
    for seed in range(1, 101):
        step = abstaining_of(*answers(800, seed, too_sure)).at(0.1)
        told = sure >= (1.1 if step is None else step.least)  # rarely, by chance, no row is sure enough
        if not told.any():
            answered.append(0.0)
            continue
        broken += (labels != y)[told].mean() > 0.1
        answered.append(told.mean())
    assert broken <= stats.binom.ppf(0.999, 100, 0.05)
    assert np.mean(answered) > 0.3  # the same share of rows is answered however sure it claims to be


def test_steps_count_what_they_say():
    p, labels, y = answers(500, 1)
    found = abstaining_of(p, labels, y)
    assert found.rows == 500 and found.steps[-1].answered == 1.0
    sure = p[np.arange(500), labels]
    for step in found.steps:
        among = sure >= step.least
        k, n = (labels != y)[among].sum(), among.sum()
        assert (step.answered, step.wrong) == pytest.approx((n / 500, k / n))
        assert step.at_most == pytest.approx(stats.beta.ppf(0.95, k + 1, n - k) if k < n else 1.0)


def test_rows_that_are_as_sure_are_answered_together():
    p = np.tile([0.2, 0.8], (100, 1))
    found = abstaining_of(p, np.ones(100, dtype=np.int64), np.arange(100) % 5 != 0)
    assert len(found.steps) == 1 and found.steps[0].answered == 1.0


def test_dependent_rows_and_weights_are_heeded():
    p, labels, y = answers(60, 2)
    tenfold = [np.tile(x, (10, 1) if x.ndim == 2 else 10) for x in (p, labels, y)]
    alone = abstaining_of(*tenfold).steps[-1]
    grouped = abstaining_of(*tenfold, clusters=np.tile(np.arange(60), 10)).steps[-1]
    assert grouped.wrong == pytest.approx(alone.wrong) and grouped.at_most > alone.at_most + 0.03
    weighted = abstaining_of(p, labels, y, weights=np.where(labels == y, 1.0, 3.0)).steps[-1]
    assert weighted.wrong > abstaining_of(p, labels, y).steps[-1].wrong


@pytest.mark.parametrize("seed", range(20))
def test_the_least_rate_that_can_be_kept_to_is_told_and_none_below_it_can(seed):
    found = abstaining_of(*answers(40 + 60 * seed, seed))
    least = found.least
    kept = [e for e in np.arange(1, 1000) / 1000 if found.at(e) is not None]
    if least is None:
        assert not kept
        return
    assert found.at(least) is not None and found.step(least) == found.at(least)
    assert min(kept) >= least - 1e-12 and min(kept) - least < 0.0011
    with pytest.raises(Misuse, match=f"allow {least:g} or more"):
        found.step(least * 0.98)
    assert all((f"{e:.0%}" in found.said[0]) == (e < least) for e in (0.01, 0.05, 0.1) if found.at(e) is None)


def test_few_rows_say_nothing():
    assert abstaining_of(*answers(29, 3)) is None


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(700, 2))
    y = np.where(x[:, 0] + 0.7 * rng.normal(size=700) > 0, "buys", "leaves")
    return mw.fit(
        {"a": x[:, 0].tolist(), "b": x[:, 1].tolist(), "y": y.tolist()}, target="y", max_trials=3, seed=0
    )


def test_predict_leaves_out_what_it_is_not_sure_of(model):
    rows = {"a": [-3.0, 0.02, 3.0], "b": [0.0, 0.0, 0.0]}
    assert model.predict(rows, abstain=0.1).tolist() == ["leaves", None, "buys"]
    assert model.predict(rows).tolist()[0::2] == ["leaves", "buys"]
    step = model.evaluation.abstaining.at(0.1)
    assert 0.2 < step.answered < 1.0 and step.at_most <= 0.1
    assert model.predict(rows, abstain=0.49).tolist().count(None) == 0
    assert "may be wrong" in model.card


def test_a_rate_that_cannot_be_kept_is_refused_with_what_can(model):
    with pytest.raises(Misuse, match=r"no rows are so sure that at most 0.1%"):
        model.predict({"a": 0.0, "b": 0.0}, abstain=0.001)
    least = model.evaluation.abstaining.least
    assert model.predict({"a": 0.0, "b": 0.0}, abstain=least).tolist() == [None]
    assert f"the least that can is {100 * least:.3g}%" in model.card
    with pytest.raises(Misuse, match="no rate between 0 and 1"):
        model.predict({"a": 0.0, "b": 0.0}, abstain=5)
    table = {"a": list(range(60)), "y": [i * 2 + i % 7 for i in range(60)]}
    numbers = mw.fit(table, target="y", max_trials=2, waive=("MLW401", "MLW402"))
    with pytest.raises(Misuse, match="a regression abstains from nothing"):
        numbers.predict({"a": 3}, abstain=0.1)


@pytest.mark.parametrize("rate", ["x", None, True, 0, 1, float("nan")])
def test_what_is_no_rate_is_refused_by_its_name(model, rate):
    with pytest.raises(Misuse, match=r"error=.* is no rate between 0 and 1"):
        model.predict_set({"a": 0.0, "b": 0.0}, error=rate)
    if rate is not None:
        with pytest.raises(Misuse, match=r"abstain=.* is no rate between 0 and 1"):
            model.predict({"a": 0.0, "b": 0.0}, abstain=rate)
