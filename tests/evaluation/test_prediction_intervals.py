"""Intervals: exact order statistics, coverage in the band of chance on real rows, and never too narrow."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlwright.base.prediction_intervals import Reach
from mlwright.evaluation.prediction_intervals import (
    ERRORS,
    Unseen,
    intervals_of,
    measured,
    measured_ends,
    reach_of,
)

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))


def unseen(n: int, seed: int = 0, *, scale: bool = True) -> Unseen:
    """Rows whose spread grows with the prediction, and quantiles that know it (by `scale`)."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(1, 10, n)
    truth = middle + middle * rng.normal(size=n)
    z = np.array([-1.645, -0.674, 0.674, 1.645])
    quantiles = (middle[:, None] if scale else np.full((n, 1), 5.0)) * z
    return Unseen(middle=middle, truth=truth, prediction=middle, quantiles=quantiles, least=0.01)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_an_interval_reaches_to_the_rounded_up_order_statistic(scores, error):
    n = len(scores)
    reach = reach_of(np.array(scores, dtype=np.float64))
    rank = int(np.ceil((1 - error) * (n + 1) * (1 - 1e-9)))
    expected = sorted(scores)[rank - 1] if rank <= n else np.inf
    assert reach.at(np.array([error]))[0] == expected


def test_by_hand_nine_rows_vouch_for_a_tenth_and_for_no_less():
    reach = reach_of(np.array([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0]))
    assert (reach.rows, reach.ranks, reach.scores) == (9.0, tuple(range(1, 10)), tuple(range(1, 10)))
    assert reach.at(np.array([0.1, 0.1001, 0.2, 0.5, 0.0999])).tolist() == [9.0, 9.0, 8.0, 5.0, np.inf]
    assert reach.least_error == pytest.approx(0.1)


def test_of_many_rows_a_few_are_kept_which_reach_nearly_as_far_and_never_less_far():
    scores = np.random.default_rng(0).exponential(size=30_000)
    reach, ordered = reach_of(scores), np.sort(scores)
    assert len(reach.scores) <= 220 and reach.rows == 30_000
    for error in (*np.linspace(0.002, 0.9, 200), 0.05, 0.1, 0.2):
        rank = int(np.ceil((1 - error) * 30_001 * (1 - 1e-9)))
        told = reach.at(np.array([error]))[0]
        assert ordered[rank - 1] <= told <= ordered[min(rank + int(0.06 * error * 30_000) + 1, 29_999)] + 1e-6
    for error in (0.05, 0.1, 0.2):
        exact = ordered[int(np.ceil((1 - error) * 30_001 * (1 - 1e-9))) - 1]
        assert exact <= reach.at(np.array([error]))[0] <= exact + 1e-6


def test_a_row_of_weight_counts_by_it_and_weights_lessen_what_can_be_vouched_for():
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    alike = reach_of(scores, np.full(4, 7.0))
    assert alike.rows == pytest.approx(4.0) and np.allclose(alike.ranks, [1, 2, 3, 4])
    heavy = reach_of(scores, np.array([1.0, 1.0, 1.0, 5.0]))
    assert heavy.rows == pytest.approx(64 / 28)  # Kish: (sum of weights)^2 / sum of squares
    shares = np.array(heavy.ranks) / heavy.rows
    assert np.allclose(shares, [1 / 8, 2 / 8, 3 / 8, 1.0], atol=1e-5)
    # 3/8 of the weight is nearer: half of a new row's chance lies beyond it.
    assert heavy.at(np.array([0.5]))[0] == 4.0 and reach_of(scores).at(np.array([0.5]))[0] == 3.0


def test_weighted_intervals_cover_the_weighted_share():
    rng = np.random.default_rng(3)
    wide = rng.random(20_000) < 0.5
    scores = np.abs(rng.normal(size=20_000)) * np.where(wide, 5.0, 1.0)
    weights = np.where(wide, 9.0, 1.0)
    half = slice(0, 10_000)
    out = reach_of(scores[half], weights[half]).at(np.array([0.1]))[0]
    held = scores[10_000:] <= out
    assert np.average(held, weights=weights[10_000:]) == pytest.approx(0.9, abs=0.01)
    assert held.mean() > 0.93  # what is alike in number but not in weight is held more often


def test_sizes_count_rows_by_their_weights():
    ends = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 10.0]])
    truth, prediction = np.array([0.5, 3.0, 5.0]), np.array([0.5, 1.0, 5.0])
    plain = measured_ends(ends, truth, prediction, 0.1)
    heavy = measured_ends(ends, truth, prediction, 0.1, weights=np.array([1.0, 1.0, 8.0]))
    assert (plain.mean, plain.median) == (pytest.approx(13 / 3), 2.0)
    assert (heavy.mean, heavy.median) == (pytest.approx(8.3), 10.0)
    assert (plain.coverage.value, heavy.coverage.value) == (pytest.approx(2 / 3), pytest.approx(0.9))


def test_rows_of_one_cluster_that_share_their_fate_are_worth_fewer_rows():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(60), 50)
    together = np.abs(rng.normal(size=60))[clusters] + 0.01 * rng.random(3_000)
    alone = np.abs(rng.normal(size=3_000))
    assert reach_of(together, None, clusters).rows < 200
    assert reach_of(alone, None, clusters).rows > 1_500
    assert reach_of(together, None, clusters).least_error > 1 / 200


def test_measured_sizes_say_how_wide_and_how_often_by_third_and_beside_constant_widths():
    learned, alike = (measured(unseen(6_000, scale=s)) for s in (True, False))
    for size, constant in zip(learned, alike, strict=True):
        low, high = stats.binom.ppf([0.0005, 0.9995], 6_000, 1 - size.error) / 6_000
        assert low - 0.01 <= size.coverage.value <= high + 0.01
        assert size.coverage.low <= size.coverage.value <= size.coverage.high
        assert all(abs(t.value - (1 - size.error)) < 0.03 for t in size.thirds)
        assert size.constant_thirds[0] > size.constant_thirds[2] + 0.04
        assert size.mean < size.constant and sum(t.rows for t in size.thirds) == 6_000
        assert constant.mean == pytest.approx(constant.constant, rel=0.02)
    assert [s.error for s in learned] == list(ERRORS)
    assert learned[0].mean > learned[1].mean > learned[2].mean


def test_no_rate_is_measured_that_too_few_rows_vouch_for():
    assert [s.error for s in measured(unseen(21))] == [0.1, 0.2]
    assert measured(unseen(3)) == ()


def test_clusters_are_not_measured_by_their_own_rows():
    rows = unseen(3_000)
    clustered = measured(replace(rows, clusters=np.arange(3_000) // 3))[1].coverage
    assert "clustered" in clustered.method and "clustered" not in measured(rows)[1].coverage.method


def test_rows_that_are_all_right_have_intervals_of_no_width():
    same = np.full(100, 7.0)
    rows = Unseen(middle=same, truth=same, prediction=same, quantiles=np.zeros((100, 4)), least=1e-9)
    made = intervals_of(rows, (0.05, 0.25, 0.75, 0.95), "")
    assert made.reach.at(np.array([0.1]))[0] == 0.0
    assert all(m.mean == 0.0 and m.coverage.value == 1.0 for m in made.measured)


def test_scores_are_kept_rounded_up_and_never_beyond_what_json_can_say():
    scores = np.array([1e-30, 0.12345678901, 3.3333333333333, 1e9 / 3, 1e15 / 7])
    kept = np.array(Reach(**{f: getattr(reach_of(scores), f) for f in Reach.__struct_fields__}).scores)
    assert (kept >= scores).all() and np.allclose(kept, scores, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(
    not (DATA / "california_housing.csv").exists(), reason="the shared data sets are not here"
)
def test_on_real_rows_coverage_lies_in_the_band_that_chance_leaves():
    path = DATA / "california_housing.csv"
    table = pl.read_csv(path).drop_nulls()
    x = table.select("longitude", "latitude", "housing_median_age", "median_income").to_numpy()
    y = table["median_house_value"].to_numpy().astype(np.float64)
    order = np.random.default_rng(0).permutation(len(y))
    fit, calibrate, judge = order[:5_000], order[5_000:7_000], order[7_000:]
    a = np.column_stack([np.ones(len(x)), x])
    line = np.linalg.lstsq(a[fit], y[fit], rcond=None)[0]
    spread = np.linalg.lstsq(a[fit], np.abs(y - a @ line)[fit], rcond=None)[0]
    z = np.array([-2.0, -0.8, 0.8, 2.0])

    def rows(which: np.ndarray) -> Unseen:
        middle = a[which] @ line
        quantiles = np.maximum(a[which] @ spread, 1e3)[:, None] * z
        return Unseen(middle=middle, truth=y[which], prediction=middle, quantiles=quantiles, least=1.0)

    reach, fresh = reach_of(rows(calibrate).out), rows(judge)
    for error in ERRORS:
        ends = fresh.intervals(reach.at(np.full(len(judge), error)))
        hits = int(((ends[:, 0] <= fresh.truth) & (fresh.truth <= ends[:, 1])).sum())
        out = int(np.floor(2_001 * error))
        low, high = stats.betabinom.ppf([0.001, 0.999], len(judge), 2_001 - out, out)
        assert low <= hits <= high, error
