"""Cochran's Q, the spread of estimates and trends: held to simulations and to scipy."""

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.heterogeneity import heterogeneity, trend


def test_alike_estimates_are_called_apart_as_often_as_was_said():
    random = np.random.default_rng(0)
    errors = np.array([0.01, 0.02, 0.03, 0.02, 0.01])
    p = [heterogeneity(0.8 + errors * random.normal(size=5), errors).p for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_the_interval_holds_the_spread():
    random = np.random.default_rng(1)
    errors = np.full(8, 0.02)
    held = 0
    for _ in range(400):
        seen = 0.7 + 0.03 * random.normal(size=8) + errors * random.normal(size=8)
        low, high = heterogeneity(seen, errors).spread[1:]
        held += low <= 0.03 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.035)


def test_estimates_that_are_equal_have_no_spread():
    found = heterogeneity(np.full(4, 0.5), np.full(4, 0.01))
    assert (found.q, found.p, found.share) == (0.0, 1.0, 0.0) and found.spread == (0.0, 0.0, 0.0)


def test_a_trend_is_that_of_scipy():
    random = np.random.default_rng(2)
    x, y = np.arange(12.0), random.normal(size=12) + 0.1 * np.arange(12)
    expected = stats.linregress(x, y)
    slope, p = trend(y, x)
    assert slope.value == pytest.approx(expected.slope) and p == pytest.approx(expected.pvalue)
    half = stats.t.ppf(0.975, 10) * expected.stderr
    assert slope.low == pytest.approx(expected.slope - half)


def test_weights_count_like_repeated_places():
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.5, 2.0, 2.5])
    twice = np.array([0, 1, 1, 2, 3])
    assert trend(y, x, np.array([1.0, 2.0, 1.0, 1.0]))[0].value == pytest.approx(
        trend(y[twice], x[twice])[0].value
    )


def test_two_places_tell_no_trend():
    assert np.isnan(trend(np.array([1.0, 2.0]), np.array([0.0, 1.0]))[1])
