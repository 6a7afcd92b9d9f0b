"""ROC AUC and its interval against brute force over all pairs, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlwright.statistics.ranking import Ranked, auc_interval, logit_interval


def components(positive, score, weights):
    """DeLong's structural components, by comparing every pair."""
    wins = np.sign(score[positive][:, None] - score[~positive][None, :]) / 2 + 0.5
    wp, wn = weights[positive] / weights[positive].sum(), weights[~positive] / weights[~positive].sum()
    return wins @ wn, wp @ wins, wp, wn


@pytest.mark.parametrize("ties", [3, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_auc_and_its_influences_equal_brute_force(ties, weighted):
    random = np.random.default_rng(ties)
    positive, score = random.random(120) < 0.3, np.round(random.random(120) * ties) / ties
    weights = random.random(120) if weighted else np.ones(120)
    v10, v01, wp, wn = components(positive, score, weights)
    auc, parts = Ranked(positive, score).influence(weights if weighted else None)
    assert auc == pytest.approx(wp @ v10, rel=1e-12)
    assert parts[positive] == pytest.approx(wp * (v10 - auc), abs=1e-15)
    assert parts[~positive] == pytest.approx(wn * (v01 - auc), abs=1e-15)
    assert parts.sum() == pytest.approx(0, abs=1e-12)


def test_the_interval_is_delongs_on_the_logit_scale():
    random = np.random.default_rng(3)
    positive, score = random.random(90) < 0.4, random.random(90)
    score[positive] += 0.2
    v10, v01, _, _ = components(positive, score, np.ones(90))
    error = math.sqrt(np.var(v10, ddof=1) / len(v10) + np.var(v01, ddof=1) / len(v01))
    interval = auc_interval(positive, score)
    logit = [math.log(x / (1 - x)) for x in interval]
    assert (logit[2] - logit[0]) == pytest.approx(1.959964 * error / (interval.value * (1 - interval.value)))
    assert (logit[2] - logit[0]) == pytest.approx(logit[0] - logit[1])


def test_perfect_separation_is_bounded_by_the_rarer_class():
    positive = np.array([True] * 8 + [False] * 50)
    best = auc_interval(positive, positive * 1.0)
    assert (best.value, best.high) == (1.0, 1.0)
    assert best.low == pytest.approx(0.025 ** (1 / 8))
    worst = auc_interval(positive, positive * -1.0)
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert 0.2 < worst.high < 0.5


def test_too_little_to_know_gives_the_whole_range():
    nothing = auc_interval(np.array([True, True]), np.array([0.1, 0.2]))
    assert math.isnan(nothing.value)
    assert nothing[1:] == (0, 1)
    single = auc_interval(np.array([True, False, False]), np.array([0.5, 0.2, 0.9]))
    assert single[1:] == (0, 1)
    one_cluster = auc_interval(np.array([True, False]), np.array([0.1, 0.2]), clusters=np.zeros(2, dtype=int))
    assert one_cluster[1:] == (0, 1)


def test_copies_in_clusters_add_nothing():
    random = np.random.default_rng(5)
    positive, score = random.random(200) < 0.5, random.random(200)
    alone = auc_interval(positive, score)
    copied = auc_interval(np.repeat(positive, 5), np.repeat(score, 5), clusters=np.repeat(np.arange(200), 5))
    assert copied == pytest.approx(alone, abs=0.005)


def test_weights_of_zero_remove_rows():
    positive, score = np.array([True, False, True, False]), np.array([0.2, 0.1, 0.0, 0.3])
    weights = np.array([1.0, 1.0, 0.0, 0.0])
    ranked = Ranked(positive, score)
    assert ranked.auc(weights) == ranked.average_precision(weights) == 1.0
    assert math.isnan(ranked.auc(np.array([1.0, 0.0, 1.0, 0.0])))
    assert math.isnan(ranked.average_precision(np.array([0.0, 1.0, 0.0, 1.0])))


def test_an_interval_on_the_logit_scale_stays_within_its_range():
    assert 0 < logit_interval(0.99, 0.2, 1.96, 5).low < 0.99 < logit_interval(0.99, 0.2, 1.96, 5).high <= 1


@pytest.mark.slow
@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_the_interval_holds_its_coverage(distance):
    truth = 0.5 * (1 + math.erf(distance / 2))
    random, held, trials = np.random.default_rng(7), 0, 2000
    positive = np.arange(100) < 30
    for _ in range(trials):
        interval = auc_interval(positive, random.normal(size=100) + distance * positive)
        held += interval.low <= truth <= interval.high
    assert 0.93 <= held / trials <= 0.975
