"""A profile describes each column and holds no row."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.profile import ColumnProfile
from mlwright.data.dataset import Dataset
from mlwright.data.profile import number_profile, profile_of
from mlwright.sources import Roles, read


def table() -> Dataset:
    texts = [
        f"the quick {c} fox jumps {i}" for i, c in enumerate(["Red", "red", "blue", "green", "grey"] * 8)
    ]
    return read(
        {
            "n": [float(i) for i in range(39)] + [None],
            "c": ["a"] * 20 + ["b"] * 10 + ["rare"] * 4 + [None] * 6,
            "t": texts,
            "id": [f"k{i:03d}q" for i in range(40)],
            "y": ["p", "q"] * 20,
        },
        Roles(target="y"),
    )


def of(name: str) -> ColumnProfile:
    return next(c for c in profile_of(table()).columns if c.name == name)


def test_every_column_has_a_profile_in_order() -> None:
    profile = profile_of(table())
    assert profile.rows == 40
    assert [c.name for c in profile.columns] == ["n", "c", "t", "id", "y"]


def test_numbers_are_described_by_their_quantiles() -> None:
    n = of("n")
    assert (n.rows, n.missing, n.distinct, n.mean, n.whole) == (40, 1, 39, 19.0, True)
    assert len(n.quantiles) == 101
    assert (n.quantiles[0], n.quantiles[50], n.quantiles[100]) == (0.0, 19.0, 38.0)


def test_categories_seen_fewer_than_five_times_are_not_named() -> None:
    c = of("c")
    assert c.counts == (("a", 20), ("b", 10))
    assert (c.other, c.missing, c.distinct) == (4, 6, 3)


def test_words_are_counted_once_a_row_and_rare_ones_are_not_named() -> None:
    t = of("t")
    assert dict(t.words)["red"] == 16
    assert dict(t.words)["fox"] == 40
    assert "17" not in dict(t.words)
    assert t.length == 6.0


def test_identifiers_are_never_named() -> None:
    assert (of("id").counts, of("id").other, of("id").distinct) == ((), 40, 40)


def test_a_column_without_values_has_a_profile() -> None:
    assert number_profile("x", pl.Series([None, None], dtype=pl.Float64)) == ColumnProfile(
        name="x", rows=2, missing=2
    )


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=200))
def test_quantiles_are_those_of_numpy(values: list[float]) -> None:
    made = number_profile("x", pl.Series(values, dtype=pl.Float64))
    np.testing.assert_allclose(
        made.quantiles, np.quantile(values, np.linspace(0, 1, 101)), rtol=1e-12, atol=1e-3
    )
    assert list(made.quantiles) == sorted(made.quantiles)


def test_the_largest_numbers_do_not_overflow() -> None:
    made = number_profile("x", pl.Series([-1.7e308, 1.7e308, 0.0]))
    assert all(np.isfinite(made.quantiles))
    assert made.mean is None or np.isfinite(made.mean)


def test_quantiles_of_nearly_equal_large_numbers_never_fall() -> None:
    made = number_profile("x", pl.Series([1e12, 999999999999.9961]))
    assert list(made.quantiles) == sorted(made.quantiles)
