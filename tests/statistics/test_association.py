"""The permutation test and measures of association against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.association import chi_square, correlation_ratio, permutation_p


def test_chi_square_is_scipys():
    random = np.random.default_rng(0)
    x, y = random.integers(0, 4, 200), random.integers(0, 3, 200)
    table = stats.contingency.crosstab(x, y).count
    assert chi_square(x, y) == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)
    assert chi_square(x + 2, y) == pytest.approx(chi_square(x, y))  # codes that nobody has


def test_the_correlation_ratio_is_the_f_tests():
    random = np.random.default_rng(1)
    x, y = random.integers(0, 3, 90), random.normal(size=90)
    f = stats.f_oneway(*(y[x == k] for k in range(3))).statistic
    ratio = correlation_ratio(x, y)
    assert ratio / 2 / ((1 - ratio) / 87) == pytest.approx(f)
    assert correlation_ratio(x, np.ones(90)) == 0


def test_what_belongs_together_has_the_least_p_value_and_repeats_with_the_seed():
    x = np.random.default_rng(2).integers(0, 3, 200)
    assert permutation_p(lambda y: chi_square(x, y), x, permutations=199) == 1 / 200
    noise = np.random.default_rng(3).integers(0, 3, 200)
    p = permutation_p(lambda y: chi_square(x, y), noise, permutations=199, seed=5)
    assert p == permutation_p(lambda y: chi_square(x, y), noise, permutations=199, seed=5)
    assert p > 0.05


@pytest.mark.slow
def test_p_values_of_what_does_not_belong_together_are_uniform_where_it_matters():
    below, trials = 0, 800
    for seed in range(trials):
        random = np.random.default_rng(seed)
        x, y = random.integers(0, 3, 30), random.integers(0, 3, 30)
        below += permutation_p(lambda v, x=x: chi_square(x, v), y, permutations=99, seed=seed) <= 0.05
    assert 0.025 <= below / trials <= 0.07
