"""Columns that repeat each other are one finding; categories too many for the rows are counted."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(9)


def test_columns_that_go_together_are_one_group(seen):
    x, z = RANDOM.lognormal(size=900), RANDOM.normal(size=900)
    columns = {
        "x": x,
        "square": x**2,
        "noisy": x * RANDOM.normal(1, 0.005, 900),
        "z": z,
        "y": RANDOM.random(900),
    }
    [found] = seen("MLW112", columns)
    assert found.column == "x" and "'square', 'noisy'" in found.evidence and "at least" in found.evidence


def test_merely_strong_correlation_is_not_redundant(seen):
    x = RANDOM.normal(size=900)
    columns = {"x": x, "near": x + RANDOM.normal(0, 0.2, 900), "y": RANDOM.random(900)}
    assert [f.status for f in seen("MLW112", columns)] == ["passed"]


def test_a_column_that_another_tells_is_found_and_not_the_other_way_round(seen):
    city = RANDOM.integers(0, 12, 900)
    country = [f"c{k // 4}" for k in city]
    country[5] = "c9"
    [found] = seen("MLW112", {"city": [f"t{k}" for k in city], "country": country, "y": RANDOM.random(900)})
    assert found.column == "country" and "'city' tells it" in found.evidence


def test_columns_of_many_seldom_values_tell_nothing_by_chance(seen):
    code = [f"k{k}" for k in RANDOM.integers(0, 700, 900)]
    colour = [f"c{k}" for k in RANDOM.integers(0, 3, 900)]
    assert [f.status for f in seen("MLW112", {"code": code, "colour": colour, "y": RANDOM.random(900)})] == [
        "passed"
    ]


def test_too_many_categories_are_counted_with_their_interval(seen):
    codes = [f"k{k}" for k in RANDOM.integers(0, 300, 600)]
    [found] = seen("MLW111", {"agent": codes, "y": RANDOM.random(600)})
    assert found.column == "agent" and "fewer than 5 rows" in found.evidence
    few = [f"k{k}" for k in RANDOM.integers(0, 30, 600)]
    assert [f.status for f in seen("MLW111", {"agent": few, "y": RANDOM.random(600)})] == ["passed"]
    names = [f"k{k}" for k in range(600)]  # that is MLW104
    assert [f.status for f in seen("MLW111", {"agent": names, "y": RANDOM.random(600)})] == ["passed"]
