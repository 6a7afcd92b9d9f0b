"""Tails and what lies beyond them: values put there are counted, honest tails of any weight are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics import tails
from mlwright.statistics.tails import beyond

HONEST = {
    "normal": lambda random, n: random.normal(size=n),
    "exponential": lambda random, n: random.exponential(size=n),
    "lognormal": lambda random, n: random.lognormal(size=n),
    "pareto": lambda random, n: random.pareto(1.5, n),
    "student": lambda random, n: random.standard_t(3, n),
    "poisson": lambda random, n: random.poisson(2, n).astype(float),
}


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_tail_seldom_has_anything_beyond_it(kind):
    random = np.random.default_rng(0)
    found = sum(beyond(HONEST[kind](random, 500)).count > 0 for _ in range(100))
    assert found <= 4  # at a share of 1 %, 5 or more of 100 come with a chance of 0.3 %


@pytest.mark.parametrize("kind", HONEST)
def test_values_far_beyond_are_counted_exactly(kind):
    values = HONEST[kind](np.random.default_rng(1), 1_000)
    wrong = values.max() * np.array([1e8, 2e8, 3e8])  # a Pareto tail of index 1.5 reaches thousands of times
    found = beyond(np.append(values, wrong))
    assert found.count == 3 and found.threshold == wrong[0] and found.p <= 0.01 and found.times > 2


def test_scale_and_place_change_nothing():
    values = np.append(np.random.default_rng(2).lognormal(size=800), [500.0, 900.0])
    plain, moved = beyond(values), beyond(1e-6 * values + 3e-6)
    assert plain.count == moved.count == 2
    assert moved.times == pytest.approx(plain.times, rel=1e-6)


def test_too_few_values_say_nothing():
    assert beyond(np.arange(80.0)) is None
    assert beyond(np.arange(84.0)) is not None


def test_equal_values_have_nothing_beyond_them():
    assert beyond(np.ones(500)).count == 0


def test_the_likelihood_is_that_of_a_censored_generalised_pareto_tail():
    inner = np.sort(np.random.default_rng(3).exponential(size=60))[::-1]
    likely, thetas, shapes = tails._profile(inner, 5, np.array([0.05, 0.3, 2.0]))
    for value, theta, shape in zip(likely, thetas, shapes, strict=True):
        tail = stats.genpareto(shape, scale=shape / theta)
        direct = tail.logpdf(inner).sum() + 5 * tail.logsf(inner[0])
        # The profile leaves out what is the same at its best shape whatever theta is.
        assert direct == pytest.approx(value - len(inner), rel=1e-9)
        for other in (0.9 * shape, 1.1 * shape):
            worse = stats.genpareto(other, scale=other / theta)
            assert worse.logpdf(inner).sum() + 5 * worse.logsf(inner[0]) < direct


def test_the_chance_is_no_less_than_under_the_true_tail():
    values = np.append(np.random.default_rng(4).exponential(size=2_000), 80.0)
    truth = len(values) * math.exp(-80.0)
    assert truth <= beyond(values).p <= 0.01
