"""Order of values: scores as by scipy, tests that hold their level in a random order, changes in place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.serial import (
    change_in,
    indicators_of,
    likeness_of_neighbours,
    likeness_within_blocks,
    scores_of,
)


def test_scores_are_the_standardised_mean_ranks_of_scipy():
    random = np.random.default_rng(0)
    values = np.where(random.random(300) < 0.2, np.nan, random.integers(0, 20, 300).astype(float))
    known = ~np.isnan(values)
    np.testing.assert_allclose(scores_of(values)[known], stats.zscore(stats.rankdata(values[known])))
    assert (scores_of(values)[~known] == 0).all()


@pytest.mark.parametrize("values", [np.ones(9), np.full(9, np.nan), np.zeros(0)])
def test_what_does_not_vary_has_no_scores(values):
    assert (scores_of(values) == 0).all() and len(scores_of(values)) == len(values)


def test_indicators_are_those_of_frequent_values_and_one_of_two():
    codes = np.repeat([0, 1, 2, 3], [600, 300, 99, 1])
    found = indicators_of(codes)
    assert len(found) == 3  # the fourth stands in one row of 1,000
    for value, scores in enumerate(found):
        np.testing.assert_allclose(scores, stats.zscore((codes == value).astype(float)))
    assert len(indicators_of(np.repeat([0, 1], 50))) == 1 and indicators_of(np.zeros(50, dtype=int)) == []


def test_both_tests_hold_their_level_in_a_random_order():
    random = np.random.default_rng(1)
    scores = [scores_of(random.exponential(size=300)) for _ in range(400)]
    neighbours = np.array([likeness_of_neighbours(s)[1] for s in scores])
    blocks = np.array([likeness_within_blocks(s)[1] for s in scores])
    changes = np.array([change_in(s, 30).p for s in scores])
    for p in (neighbours, blocks):
        assert 0.02 <= (p <= 0.05).mean() <= 0.085  # 400 draws: four standard errors above, three below
    assert (changes <= 0.05).mean() <= 0.085
    coverage = np.mean(
        [likeness_of_neighbours(s)[0].low <= 0 <= likeness_of_neighbours(s)[0].high for s in scores]
    )
    assert coverage > 0.91


def test_the_likeness_of_neighbours_is_the_correlation_of_each_value_with_the_next():
    random = np.random.default_rng(2)
    noise = random.normal(size=5_001)
    scores = scores_of(noise[1:] + 0.8 * noise[:-1])
    found, p = likeness_of_neighbours(scores)
    assert found.value == pytest.approx(np.corrcoef(scores[:-1], scores[1:])[0, 1], abs=1e-3)
    assert found.low < found.value < found.high and p < 1e-10


def test_the_share_between_blocks_is_that_of_kruskal_and_wallis():
    random = np.random.default_rng(3)
    values = random.normal(size=400) + np.repeat(random.normal(size=20), 20)
    statistic, p = stats.kruskal(*values.reshape(20, 20))
    found, own = likeness_within_blocks(scores_of(values))
    # Scores are divided by N, the statistic by N - 1.
    assert found.value * 400 + 19 == pytest.approx(statistic * 400 / 399, rel=1e-9)
    assert own == pytest.approx(p, rel=0.2)


def test_a_step_is_found_where_it_is_and_told_from_a_line_and_a_wave():
    random = np.random.default_rng(4)
    noise, place = random.normal(size=1_000), np.arange(1_000)
    step = change_in(scores_of(noise + 2.0 * (place >= 640)), 50)
    assert abs(step.at - 640) <= 5 and step.p < 1e-6 and step.step > 1 and step.sudden > 0.6
    assert step.waves < 0.4 and step.beside_drift > 50
    line = change_in(scores_of(0.3 * noise + place / 250), 50)
    assert line.beside_drift < 0 and line.sudden < 0.6
    wave = change_in(scores_of(0.3 * noise + 2 * np.sign(np.sin(place / 60))), 50)
    assert wave.waves > 0.4


def test_the_place_of_the_greatest_change_is_that_of_trying_each():
    scores = scores_of(np.random.default_rng(5).normal(size=120))
    tried = [
        abs(scores[t:].mean() - scores[:t].mean()) * np.sqrt(t * (120 - t) / 120) for t in range(20, 101)
    ]
    assert change_in(scores, 20).at == 20 + int(np.argmax(tried))
