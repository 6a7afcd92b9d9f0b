"""The slope of what happened on what was predicted: held to scipy and to margins made too extreme."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from mlwright.statistics.links import sigmoid, softmax
from mlwright.statistics.recalibration import intercept_of, slope_of


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0])
def test_margins_that_were_stretched_have_the_slope_that_undoes_it(times):
    held = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        m = 1.5 * random.normal(size=1500)
        y = (random.random(1500) < sigmoid(m)[:, 1]).astype(float)
        found = slope_of(times * m[:, None], y, 2, None, None)
        held += found.low <= 1 / times <= found.high
    assert held >= 26


def test_two_classes_get_the_slope_of_a_logistic_regression():
    random = np.random.default_rng(0)
    m = random.normal(size=400)
    y = (random.random(400) < sigmoid(2 * m - 0.5)[:, 1]).astype(float)

    def loss(theta):
        return np.mean(np.logaddexp(0, theta[0] + theta[1] * m) - y * (theta[0] + theta[1] * m))

    best = minimize(loss, [0.0, 1.0], tol=1e-10).x[1]
    assert slope_of(m[:, None], y, 2, None, None).value == pytest.approx(best, abs=1e-4)


def test_more_classes_get_one_factor():
    random = np.random.default_rng(1)
    m = 2 * random.normal(size=(4000, 4))
    p = softmax(m).cumsum(axis=1)
    y = (random.random(4000)[:, None] > p).sum(axis=1).astype(float)
    found = slope_of(3 * m, y, 4, None, None)
    assert found.low <= 1 / 3 <= found.high and found.value == pytest.approx(1 / 3, rel=0.1)


def test_numbers_get_the_slope_of_least_squares():
    random = np.random.default_rng(2)
    x = random.normal(size=300)
    y = 0.7 * x + random.normal(size=300)
    assert slope_of(x[:, None], y, 0, None, None).value == pytest.approx(stats.linregress(x, y).slope)


def test_rows_of_one_cluster_count_together():
    random = np.random.default_rng(3)
    x = np.repeat(random.normal(size=100), 10)
    y = x + np.repeat(random.normal(size=100), 10)
    apart = slope_of(x[:, None], y, 0, None, None)
    together = slope_of(x[:, None], y, 0, None, np.repeat(np.arange(100), 10))
    assert together.high - together.low > 2 * (apart.high - apart.low)


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_one_answer_for_all_rows_has_no_slope(classes):
    margin = np.ones((100, classes if classes > 2 else 1))
    assert np.isnan(slope_of(margin, np.arange(100) % 2 * 1.0, classes, None, None).value)


def test_classes_told_apart_wholly_have_no_slope_that_is_known():
    m = np.linspace(-1, 1, 100)[:, None]
    assert np.isnan(slope_of(m, (m[:, 0] > 0).astype(float), 2, None, None).value)


def test_odds_that_were_shifted_have_the_intercept_that_undoes_it():
    held = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        m = 1.5 * random.normal(size=800)
        y = (random.random(800) < sigmoid(m + 0.7)[:, 1]).astype(float)
        found = intercept_of(m, y, None, None)
        held += found.low <= 0.7 <= found.high
        assert np.mean(sigmoid(m + found.value)[:, 1]) == pytest.approx(y.mean(), abs=1e-9)
    assert held >= 26
    assert np.isnan(intercept_of(m, np.ones(800), None, None).value)
