"""The error that no model can avoid: held to tables whose noise is known."""

import numpy as np
import pytest

from mlwright.statistics.noise_floor import least_error_rate, limit_at_nothing


def limit(x, y, classes=False):
    return limit_at_nothing(x, np.zeros((len(x), 0), dtype=np.int64), y, classes=classes, seed=0)


@pytest.mark.parametrize(("columns", "least"), [(1, 9), (2, 9), (4, 7)])
def test_the_interval_holds_the_variance_of_the_noise(columns, least):
    held = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        x = random.normal(size=(3000, columns))
        y = 3 * np.sin(2 * x[:, 0]) + x[:, -1] ** 2 + random.normal(size=3000)
        found = limit(x, y)
        held += found.low <= 1.0 <= found.high
    assert held >= least


def test_rows_too_far_apart_say_nothing():
    random = np.random.default_rng(0)
    x = random.normal(size=(3000, 20))
    assert np.isnan(limit(x, x[:, 0] + random.normal(size=3000)).value)


def test_too_few_rows_say_nothing():
    assert np.isnan(limit(np.arange(50.0)[:, None], np.arange(50.0)).value)


@pytest.mark.parametrize("flipped", [0.0, 0.1, 0.3])
def test_flipped_labels_are_the_least_error_rate(flipped):
    random = np.random.default_rng(3)
    x = random.normal(size=(6000, 2))
    y = (x[:, 0] > 0) ^ (random.random(6000) < flipped)
    found = limit(x, y.astype(float), classes=True)
    low, high = (least_error_rate(v, 2) for v in found[1:])
    assert low - 0.01 <= flipped <= high + 0.01 and high - low < 0.25


def test_equal_rows_are_compared_as_they_are():
    random = np.random.default_rng(4)
    x = np.repeat(np.arange(300.0), 10)[:, None]
    y = x[:, 0] + 2 * random.normal(size=3000)
    assert limit(x, y).value == pytest.approx(4.0, rel=0.2)


@pytest.mark.parametrize("classes", [2, 5])
def test_the_least_error_rate_is_that_of_cover_and_hart(classes):
    wrong = 0.2  # and spread evenly over the other classes, where their bound is exact
    others = wrong / (classes - 1)
    differ = 1 - (1 - wrong) ** 2 - (classes - 1) * others**2
    assert least_error_rate(differ, classes) == pytest.approx(wrong)
