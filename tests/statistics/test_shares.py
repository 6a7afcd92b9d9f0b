"""Shares of two tables: against scipy, exact counting and simulation without a shift."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.shares import (
    fisher,
    mix_design,
    mix_p,
    pooled_sparse,
    share_shift,
    total_variation,
    unseen,
)


@pytest.fixture
def random():
    return np.random.default_rng(5)


@pytest.mark.parametrize(
    ("hits", "drawn", "all_hits", "total"), [(0, 10, 3, 60), (3, 4, 4, 9), (7, 30, 9, 70)]
)
def test_fishers_p_is_exact(hits, drawn, all_hits, total):
    table = [[hits, drawn - hits], [all_hits - hits, total - drawn - all_hits + hits]]
    assert fisher(hits, drawn, all_hits, total) == pytest.approx(stats.fisher_exact(table).pvalue)


def test_newcombes_interval_is_that_of_his_paper():
    effect = share_shift((48, 80), (56, 70)).effect  # Newcombe (1998), table II, example (a), method 10
    assert effect.low == pytest.approx(0.0524, abs=1e-4) and effect.high == pytest.approx(0.3339, abs=1e-4)


def test_clusters_widen_a_share():
    plain, clustered = (share_shift((100, 1000), (160, 1000), design).effect for design in (1.0, 10.0))
    assert plain.low > 0 > clustered.low


def test_a_mix_has_pearsons_p(random):
    a, b = (random.multinomial(n, [0.3, 0.3, 0.2, 0.2]).astype(float) for n in (700, 300))
    assert mix_p(a, b) == pytest.approx(stats.chi2_contingency(np.stack([a, b])).pvalue)


def test_rare_categories_are_counted_together():
    pooled = pooled_sparse(np.array([90.0, 4, 3, 2, 1]), np.array([80.0, 8, 6, 4, 2]))
    assert (pooled.sum(axis=0) / 2 >= 5).all() and pooled.shape == (2, 3)
    assert pooled.sum() == 200


@pytest.mark.parametrize("rows", [(100, 100), (3000, 150)])
def test_without_a_shift_few_mixes_surprise(random, rows):
    shares = np.array([0.4, 0.2, 0.1, *([0.01] * 30)])
    p, low = [], []
    for i in range(400):
        a, b = (random.multinomial(n, shares).astype(float) for n in rows)
        p.append(mix_p(a, b))
        low.append(total_variation(a, b, seed=i).low)
    assert np.mean(np.array(p) <= 0.05) <= 0.085
    assert np.mean(np.array(low) > 0.05) <= 0.05


def test_total_variation_is_the_share_that_moved(random):
    old, new = (random.multinomial(20_000, s).astype(float) for s in ([0.5, 0.3, 0.2], [0.4, 0.3, 0.3]))
    moved = total_variation(old, new)
    assert moved.low < 0.1 < moved.high and moved.high - moved.low < 0.04


def test_values_seen_once_are_new_as_often_as_chance_has_it(random):
    names = 1 / np.arange(1.0, 3000)
    p = []
    for i in range(200):
        a, b = (random.multinomial(n, names / names.sum()).astype(float) for n in (2000, 300))
        p.append(unseen(a, b, seed=i).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.1


def test_one_new_value_in_many_rows_is_no_chance():
    new = unseen(np.array([900.0, 100.0, 0.0]), np.array([400.0, 50.0, 50.0]))
    assert new.rows == 50 and new.expected < 0.01 and new.p < 0.001
    assert new.excess.low > 0.05


def test_categories_that_go_by_groups_have_a_design_effect():
    groups = np.repeat(np.arange(40), 25)
    codes = groups % 2
    sides = codes[groups < 20], codes[groups >= 20]
    clusters = groups[groups < 20], groups[groups >= 20]
    assert 20 < mix_design(sides, clusters, 2) < 40
    rows = np.arange(1000)
    assert mix_design(sides, (rows[:500], rows[500:]), 2) < 1.1
