"""Columns are cut into parts that say what they hold, and what they say is what they hold."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.base.slices import Condition, said_of
from mlwright.data.dataset import Dataset, Provenance
from mlwright.evaluation.cuts import FEWEST_NAMED, Values, cuts_of, holds, values_of


def numbers(values: np.ndarray, kind: str = "numeric") -> Values:
    return Values(Column(name="x", kind=kind), numbers=np.asarray(values, dtype=np.float64))


def texts(*values: str) -> Values:
    schema = Schema(columns=(Column(name="job", kind="categorical"),))
    frame = pl.DataFrame({"job": [v or None for v in values]})
    return values_of(Dataset(frame, schema, Provenance("test")), schema.columns[0])


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=500),
        np.random.default_rng(1).integers(0, 5, 300),
        np.random.default_rng(2).lognormal(5, 2, 500),
        np.where(
            np.random.default_rng(3).random(400) < 0.2, np.nan, np.random.default_rng(4).integers(0, 90, 400)
        ),
        np.concatenate([np.zeros(400), np.random.default_rng(5).exponential(size=100)]),
        np.repeat([0.1, 0.2, 0.7], 50),
    ],
    ids=["normal", "few", "wide", "missing", "mostly nought", "three fractions"],
)
@pytest.mark.parametrize("ranges", [True, False])
def test_each_choice_holds_just_the_rows_that_its_condition_says(values, ranges):
    column = numbers(values)
    [cut] = cuts_of(column, ranges=ranges)
    assert len(cut.choices) > 1
    for i, (condition, first, last) in enumerate(cut.choices):
        assert np.array_equal(cut.mask(i), holds(condition, column)), condition.said
        assert cut.matrix[i].sum() == last - first
        assert 0 < cut.mask(i).sum() < len(values)


def test_parts_that_stand_alone_hold_every_row_once():
    values = np.where(np.arange(200) % 7 == 0, np.nan, np.arange(200) ** 1.5)
    [cut] = cuts_of(numbers(values), ranges=False)
    assert np.sum([cut.mask(i) for i in range(len(cut.choices))], axis=0).tolist() == [1] * 200
    assert cut.choices[-1][0].missing


def test_rare_categories_are_one_part_without_a_name():
    values = texts(*["nurse"] * 40, *["smith"] * FEWEST_NAMED, *["king"] * (FEWEST_NAMED - 1), "pope", "", "")
    [cut] = cuts_of(values)
    said = [c.said for c, _, _ in cut.choices]
    assert said == ["job = nurse", "job = smith", "job = one of its rare values", "job missing"]
    assert [int(cut.mask(i).sum()) for i in range(4)] == [40, 5, 5, 2]
    assert [c.said for c, _, _ in cut.named().choices] == ["job = nurse", "job = smith", "job missing"]
    for i, (condition, _, _) in enumerate(cut.named().choices):
        assert np.array_equal(cut.named().mask(i), holds(condition, values))


@pytest.mark.parametrize("values", [np.full(50, 3.0), np.full(50, np.nan), np.zeros(0)])
def test_a_column_of_one_value_is_not_cut(values):
    assert list(cuts_of(numbers(values))) == []


def test_one_value_or_none_is_a_cut_between_known_and_missing():
    [cut] = cuts_of(numbers(np.array([3.0, np.nan] * 20)))
    assert [c.said for c, _, _ in cut.choices] == ["x = 3", "x missing"]


def test_dates_are_cut_by_day_by_month_and_by_hour():
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC).timestamp()
    column = numbers(start + np.arange(0, 700 * 86_400, 7_000.0), kind="datetime")
    cuts = list(cuts_of(column))
    parts = [cut.choices[0][0].part for cut in cuts]
    assert parts == ["time", "month", "hour"]
    for cut in cuts:
        for i, (condition, _, _) in enumerate(cut.choices):
            assert np.array_equal(cut.mask(i), holds(condition, column)), condition.said
    months = {c.said for c, _, _ in cuts[1].choices}
    assert any(said.startswith("month of x") for said in months)
    assert any("2020-" in c.said for c, _, _ in cuts[0].choices)


def test_booleans_are_said_as_such():
    [cut] = cuts_of(numbers(np.array([0.0, 1.0] * 20), kind="boolean"))
    assert [c.said for c, _, _ in cut.choices] == ["x = false", "x = true"]
    assert holds(cut.choices[1][0], numbers(np.array([0.0, 1.0]), kind="boolean")).tolist() == [False, True]


def test_ends_of_bands_are_round():
    [cut] = cuts_of(numbers(np.random.default_rng(0).normal(50_000, 10_000, 2_000)), ranges=False)
    ends = [c.below for c, _, _ in cut.choices if c.below is not None]
    assert ends and all(end % 100 == 0 for end in ends)


def test_conditions_together_are_said_in_one_sentence():
    both = (Condition(column="age", least=30.0, below=61.0), Condition(column="job", value="retired"))
    assert said_of(both) == "age at least 30 and below 61 and job = retired"


def test_values_of_one_or_two_rows_end_no_range():
    values = np.concatenate([np.repeat(np.arange(5.0), 100), [987_654.0, 987_654.0]])
    [cut] = cuts_of(numbers(values))
    assert all("987" not in condition.said for condition, *_ in cut.choices)
    assert cut.codes[-1] == cut.codes[-3]  # they go with the largest that may be named


def test_a_column_that_spreads_beyond_what_numbers_hold_is_cut_all_the_same():
    values = np.random.default_rng(0).normal(size=300) * 4e307
    for cut in cuts_of(numbers(values)):
        assert len(cut.codes) == 300
