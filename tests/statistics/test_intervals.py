"""Intervals for proportions and means against scipy's, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.intervals import (
    clopper_pearson,
    clustered_error,
    mean_interval,
    proportion_interval,
    wilson,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (1, 7), (8, 10), (50, 100), (999, 1000), (6, 6)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_of_a_proportion_are_scipys(successes, trials, level):
    test = stats.binomtest(successes, trials)
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = test.proportion_ci(level, method=method)
        assert ours(successes, trials, level) == pytest.approx(
            (successes / trials, theirs.low, theirs.high), abs=1e-9
        )


def test_no_trials_say_nothing():
    for interval in (wilson(0, 0), clopper_pearson(0, 0), proportion_interval(np.zeros(0))):
        assert math.isnan(interval.value)
        assert interval[1:] == (0, 1)


def test_the_interval_of_a_mean_is_students():
    x = np.random.default_rng(0).normal(3, 2, 17)
    theirs = stats.t.interval(0.95, 16, loc=x.mean(), scale=stats.sem(x))
    assert mean_interval(x) == pytest.approx((x.mean(), *theirs), rel=1e-12)


def test_one_row_or_one_cluster_gives_no_interval_for_a_mean():
    assert math.isnan(mean_interval(np.array([3.0])).low)
    assert math.isnan(mean_interval(np.array([3.0, 4.0]), clusters=np.array([0, 0])).high)
    assert math.isnan(mean_interval(np.zeros(0)).value)


def test_clusters_of_one_row_each_change_nothing_and_copies_add_nothing():
    x = np.random.default_rng(1).normal(size=30)
    assert mean_interval(x, clusters=np.arange(30)) == pytest.approx(mean_interval(x))
    copied = mean_interval(np.repeat(x, 4), clusters=np.repeat(np.arange(30), 4))
    assert copied == pytest.approx(mean_interval(x))


def test_equal_weights_change_nothing_and_unequal_ones_widen():
    hits = (np.arange(40) % 3 == 0).astype(float)
    assert proportion_interval(hits, np.full(40, 7.0)) == pytest.approx(proportion_interval(hits))
    heavy = np.where(np.arange(40) < 4, 30.0, 1.0)
    assert mean_interval(hits, heavy).high - mean_interval(hits, heavy).low > 0.4


def test_a_cluster_number_that_nobody_has_is_not_counted():
    parts = np.array([0.5, -0.5])
    assert clustered_error(parts, np.array([0, 9])) == clustered_error(parts)


def test_clusters_that_all_agree_count_as_one_row_each():
    agreed = proportion_interval(np.ones(100), clusters=np.repeat(np.arange(10), 10))
    assert 0.6 < agreed.low < 0.8
    assert agreed.high == 1.0


@pytest.mark.slow
def test_the_clustered_interval_of_a_proportion_holds_its_coverage():
    random, held, trials = np.random.default_rng(4), 0, 2000
    clusters = np.repeat(np.arange(25), 8)
    for _ in range(trials):
        chance = random.beta(4, 2, 25)[clusters]
        interval = proportion_interval((random.random(200) < chance).astype(float), clusters=clusters)
        held += interval.low <= 2 / 3 <= interval.high
    assert 0.93 <= held / trials <= 0.975
