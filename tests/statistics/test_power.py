"""The rows that are asked for are those that find the shift four times in five."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.statistics.power import harmonic, rows_beside, rows_needed
from mlwright.statistics.two_samples import Sample, TwoSamples


def test_a_shift_of_the_stated_size_is_found_four_times_in_five():
    random = np.random.default_rng(0)
    rows = round(2 * rows_needed(effect=0.2, floor=0.05, unit_variance=1 / 3))
    found = 0
    for _ in range(300):
        # P(fresh > reference) = 0.6, so delta = 0.2, for normals 0.3583 deviations apart
        sides = [Sample.of_rows(random.normal(at, 1, rows)) for at in (0.0, 0.3583)]
        order = TwoSamples(*sides).order()
        found += order.effect.low > 0.05 and order.p <= 0.05
    assert found / 300 == pytest.approx(0.8, abs=0.08)


def test_more_tests_need_more_rows():
    few, many = (rows_needed(effect=0.2, floor=0.05, unit_variance=1 / 3, tests=k) for k in (1, 200))
    assert many > 1.3 * few


def test_rows_beside_a_table_make_up_the_harmonic_number():
    assert harmonic(rows_beside(80, 300), 300) == pytest.approx(80, abs=0.5)
    assert rows_beside(80, 80) is None
    assert harmonic(0, 5) == 0
