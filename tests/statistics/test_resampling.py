"""The bootstrap: draws are reproducible, keep clusters whole, and agree with theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlwright.statistics.resampling import bootstrap, drawn_weights, time_blocks


def test_draws_are_counts_that_repeat_with_the_seed():
    first = [w.tolist() for w in drawn_weights(20, 5, seed=3)]
    assert first == [w.tolist() for w in drawn_weights(20, 5, seed=3)]
    assert first != [w.tolist() for w in drawn_weights(20, 5, seed=4)]
    assert all(sum(w) == 20 and min(w) >= 0 for w in first)


def test_rows_of_one_cluster_are_drawn_together_and_weights_multiply():
    clusters, weights = np.array([0, 0, 1, 2, 2]), np.array([1.0, 2.0, 1.0, 1.0, 5.0])
    for plain, weighted in zip(
        drawn_weights(5, 20, 1, clusters=clusters),
        drawn_weights(5, 20, 1, clusters=clusters, weights=weights),
        strict=True,
    ):
        assert plain[0] == plain[1] and plain[3] == plain[4]
        assert plain[[0, 2, 3]].sum() == 3
        assert (plain * weights == weighted).all()


@pytest.mark.parametrize("draws", [200, 1000])
def test_the_interval_of_a_mean_is_near_the_normal_one(draws):
    x = np.random.default_rng(0).normal(size=400)
    [interval] = bootstrap([lambda w: float(x.mean() if w is None else x @ w / w.sum())], 400, draws=draws)
    assert interval.value == x.mean()
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 * x.std() / 20, rel=0.12)


def test_a_statistic_that_is_often_undefined_gets_no_interval():
    calls = iter(range(10_000))
    [interval] = bootstrap([lambda w: math.nan if next(calls) % 3 == 0 else 1.0], 10, draws=100)
    assert math.isnan(interval.low) and math.isnan(interval.high)


def test_blocks_of_time_have_the_cube_root_of_the_rows():
    assert np.bincount(time_blocks(1000)).tolist() == [10] * 100
    assert time_blocks(0).tolist() == []
    assert time_blocks(1).tolist() == [0]


def test_blocks_see_the_dependence_that_single_rows_miss():
    random = np.random.default_rng(6)
    noise = random.normal(size=3000)
    x = np.zeros(3000)
    for i in range(1, 3000):
        x[i] = 0.9 * x[i - 1] + noise[i]

    def mean(w):
        return float(x.mean() if w is None else x @ w / w.sum())

    [rows] = bootstrap([mean], 3000, draws=200)
    [blocks] = bootstrap([mean], 3000, draws=200, clusters=time_blocks(3000, 60))
    # The variance is (1 + 0.9) / (1 - 0.9) = 19 times that of independent rows: 4.4 times the error.
    assert 3 < (blocks.high - blocks.low) / (rows.high - rows.low) < 5.5
