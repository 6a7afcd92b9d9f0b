"""The target along columns: means and intervals by part, on rows whose answer is known."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.data.along import FEWEST_ROWS, along_columns


def curves(columns, **roles):
    return {a.column: a for a in along_columns(mw.read(pl.DataFrame(columns), **roles))}


def test_shares_by_category_are_those_of_the_rows():
    town = ["Bergen"] * 60 + ["Oslo"] * 40
    sick = ["yes"] * 15 + ["no"] * 45 + ["yes"] * 30 + ["no"] * 10
    curve = curves({"town": town, "sick": sick}, target="sick")["town"]
    assert {p.label: (p.rows, p.mean) for p in curve.parts} == {"Bergen": (60, 0.25), "Oslo": (40, 0.75)}
    assert curve.shares and not curve.ordered and curve.mean == 0.45
    assert all(p.low < p.mean < p.high for p in curve.parts)


def test_numbers_are_cut_into_tenths_that_hold_every_row_once():
    x = np.random.default_rng(0).normal(size=1000)
    curve = curves({"x": x, "y": 3 * x}, target="y")["x"]
    assert sum(p.rows for p in curve.parts) == 1000 and len(curve.parts) == 10
    means = [p.mean for p in curve.parts]
    assert means == sorted(means) and curve.what == "mean of y"


def test_parts_of_a_few_people_are_not_told():
    town = ["Bergen"] * 60 + ["Oslo"] * 30 + ["Vik"] * (FEWEST_ROWS - 1)
    curve = curves({"town": town, "y": np.arange(len(town)) / 7}, target="y")["town"]
    assert [p.label for p in curve.parts] == ["Bergen", "Oslo"]


@pytest.mark.parametrize("target", [None, "letter"])
def test_without_a_target_of_numbers_or_two_classes_nothing_is_drawn(target):
    letters = ["a", "b", "c"] * 30
    assert not curves({"x": np.arange(90.0) % 17, "letter": letters}, target=target)
