"""Constants, missing values, ids and twins are found; what only looks like them is not."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.checks.columns import plain_name
from mlwright.data.dataset import Dataset

RANDOM = np.random.default_rng(1)


def test_a_constant_is_found_and_a_value_beside_missing_ones_is_not(seen):
    [found] = seen("MLW101", {"same": ["x"] * 40, "some": ["x"] * 20 + [None] * 20, "y": ["a", "b"] * 20})
    assert (found.column, found.evidence) == ("same", "one value in all 40 rows")


def test_nearly_one_value_is_found_with_the_rows_that_differ(seen):
    values = np.zeros(2000)
    values[[3, 500]] = 1.0
    [found] = seen("MLW102", {"rare": values, "y": RANDOM.random(2000)})
    assert (found.column, found.rows, found.status) == ("rare", (3, 500), "found")
    values[:200:2] = 1.0  # a hundred rows are enough to learn from
    assert [f.status for f in seen("MLW102", {"rare": values, "y": RANDOM.random(2000)})] == ["passed"]


def test_one_odd_row_is_found_in_a_table_too_small_for_its_share(seen):
    values = np.zeros(350)
    values[17] = 1.0
    [found] = seen("MLW102", {"rare": values, "y": RANDOM.random(350)})
    assert found.rows == (17,)
    values[:60:10] = 1.0
    assert [f.status for f in seen("MLW102", {"rare": values, "y": RANDOM.random(350)})] == ["passed"]


def test_mostly_missing_is_found_only_when_the_interval_says_so(seen):
    y = RANDOM.random(100)
    [found] = seen("MLW103", {"x": [None] * 70 + [1.0] * 30, "y": y})
    assert "missing in 70.0 % (60.4 to 78.1)" in found.evidence
    [passed] = seen("MLW103", {"x": [None] * 55 + [1.0] * 45, "y": y})
    assert passed.status == "passed"
    [nothing] = seen("MLW103", {"x": [None] * 100, "y": y})
    assert nothing.evidence == "missing in every row"
    [blank] = seen("MLW103", {"x": [""] * 90 + ["a"] * 10, "y": y})
    assert blank.column == "x"


@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("number", np.arange(300) + 5000, True),
        ("order_id", RANDOM.choice(10**9, 300, replace=False), True),
        ("area", RANDOM.choice(10**9, 300, replace=False), False),
        ("weight", RANDOM.random(300), False),
        ("code", [f"k{i}" for i in range(300)], True),
        ("city", [f"k{i % 150}" for i in range(300)], False),
    ],
)
def test_what_names_the_row_is_found(seen, name, values, is_id):
    [finding] = seen("MLW104", {name: values, "y": RANDOM.random(300)})
    assert (finding.status == "found") == is_id
    assert finding.severity == "issue"


def test_names_are_taken_apart():
    assert plain_name("customerID") == "customer_id"
    assert plain_name("Garage Yr. Blt") == "garage_yr_blt"


def test_equal_columns_and_recodings_are_found_and_chance_matches_are_not(seen):
    k = RANDOM.integers(0, 5, 400)
    columns = {
        "code": k,
        "name": [f"n{v}" for v in k],
        "copy": k,
        "other": RANDOM.integers(0, 5, 400),
        "x": np.arange(400.0),
        "z": RANDOM.permutation(400),
        "y": RANDOM.random(400),
    }
    found = seen("MLW105", columns)
    assert [(f.column, f.evidence.split(",")[0]) for f in found] == [
        ("name", "a recoding"),
        ("copy", "equal to 'code' in all 400 rows"),
    ]


def test_columns_that_differ_in_one_row_beyond_the_sample_are_not_twins(seen):
    a = np.zeros(6000)
    a[::3] = 1
    b = a.copy()
    b[5999] = 1 - b[5999]
    assert [f.status for f in seen("MLW105", {"a": a, "b": b, "y": RANDOM.random(6000)})] == ["passed"]


def test_missing_values_at_the_same_rows_belong_to_a_twin(seen):
    a = [1.0, 2.0, None, 1.0, 2.0] * 10
    b = [5.0, 7.0, 9.0, 5.0, 7.0] * 10  # the third value is present here and missing there
    assert [f.status for f in seen("MLW105", {"a": a, "b": b, "y": RANDOM.random(50)})] == ["passed"]


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("days", np.r_[RANDOM.integers(0, 28, 190), [999] * 10], True),
        ("gain", np.r_[RANDOM.integers(0, 28, 190), [-999] * 10], True),
        ("age", np.r_[RANDOM.integers(18, 98, 190), [99] * 10], False),
        ("price", np.r_[RANDOM.integers(0, 7000, 190), [9999] * 10], False),
        ("days", np.r_[RANDOM.integers(0, 28, 197), [999] * 3], False),
        ("bmi", np.r_[RANDOM.normal(25, 3, 190), [0] * 10], True),
        ("BloodPressure", np.r_[RANDOM.normal(70, 9, 190), [0] * 10], True),
        ("garage_area", np.r_[RANDOM.normal(300, 9, 190), [0] * 10], False),
    ],
)
def test_numbers_that_stand_for_missing_are_found_conservatively(seen, name, values, found):
    [finding] = seen("MLW106", {name: values, "y": RANDOM.random(200)})
    assert (finding.status == "found") == found
    if found:
        assert finding.rows[0] == 190


def test_columns_that_no_model_is_given_are_not_looked_at(seen, make):
    data = make({"same": ["x"] * 300, "n": RANDOM.random(300), "y": RANDOM.random(300)}, same="ignored")
    assert isinstance(data, Dataset)
    assert [f.status for f in seen("MLW101", data)] == ["passed"]
