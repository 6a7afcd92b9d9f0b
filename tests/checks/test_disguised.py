"""Words, dates and negatives that stand for missing are found; categories, amounts and real dates are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance

RANDOM = np.random.default_rng(3)
DAY = 86_400.0


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["red"] * 90 + ["unknown"] * 10, True),
        (["rot"] * 90 + ["keine Angabe"] * 10, True),
        (["rouge"] * 90 + ["Non renseigné"] * 10, True),
        (["красный"] * 90 + ["неизвестно"] * 10, True),
        (["Red", "Blue"] * 45 + ["none"] * 10, True),
        (["BrkFace", "Stone"] * 45 + ["None"] * 10, False),
        (["red"] * 98 + ["unknown"] * 2, False),
        (["red", "blue"] * 50, False),
    ],
)
def test_words_for_unknown_are_found_and_categories_are_not(seen, texts, found):
    [finding] = seen("MLW106", {"colour": texts, "y": RANDOM.random(100)})
    assert (finding.status == "found") == found
    if found:
        assert finding.rows[0] == 90 and "10 of 100 rows, 10.0 % (5.5 to 17.4)" in finding.evidence


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("children", np.r_[RANDOM.integers(0, 9, 190), [-1] * 10], True),
        ("amount", np.r_[RANDOM.lognormal(8, 1, 190), [-999] * 10], True),
        ("change", np.r_[RANDOM.normal(0, 3, 190), [-1] * 10], False),
        ("answer", np.r_[RANDOM.integers(0, 3, 190), [-1] * 10], False),
        ("age", np.r_[RANDOM.integers(18, 80, 190), [0] * 10], True),
        ("age", np.r_[RANDOM.integers(1, 80, 190), [0] * 10], False),
        ("level", np.r_[RANDOM.normal(300, 9, 190), [0] * 10], True),
        ("level", np.r_[RANDOM.exponential(9, 190), [0] * 10], False),
        ("year_built", np.r_[RANDOM.integers(1900, 2010, 190), [0] * 10], True),
    ],
)
def test_negatives_and_zeros_stand_for_missing_where_no_value_is_near(seen, name, values, found):
    [finding] = seen("MLW106", {name: values, "y": RANDOM.random(200)})
    assert (finding.status == "found") == found


@pytest.mark.parametrize("elsewhere", ["nowhere", "feature", "target", "text"])
def test_one_marker_for_all_columns_is_offered_only_where_no_other_column_holds_it(seen, elsewhere):
    columns = {"age": np.r_[RANDOM.integers(18, 80, 190), [0] * 10], "y": RANDOM.random(200) + 1}
    if elsewhere == "feature":
        columns["children"] = np.r_[RANDOM.integers(0, 5, 199), 0]
    elif elsewhere == "target":
        columns["y"] = RANDOM.integers(0, 2, 200)
    elif elsewhere == "text":
        columns["code"] = ["a", "b", "c", "0"] * 50
    [found] = [f for f in seen("MLW106", columns) if f.column == "age"]
    assert ("missing=('0',)" in found.remedy) == (elsewhere == "nowhere")
    assert ("in a schema file (`mlwright schema`)" in found.remedy) == (elsewhere != "nowhere")


@pytest.mark.parametrize(
    ("date", "count", "found"),
    [("1970-01-01", 8, True), ("9999-12-31", 1, True), ("1900-01-01", 2, True), ("2021-03-04", 8, False)],
)
def test_dates_that_programs_write_for_none_are_found(seen, date, count, found):
    days = RANDOM.integers(18_500, 19_000, 200).astype(np.float64)
    days[:count] = float(np.datetime64(date, "D").astype(np.int64))
    schema = Schema(columns=(Column(name="seen_at", kind="datetime"), Column(name="x", kind="numeric")))
    frame = pl.DataFrame({"seen_at": days * DAY, "x": RANDOM.random(200)})
    [finding] = seen("MLW106", Dataset(frame, schema, Provenance("by hand")))
    assert (finding.status == "found") == found
    if found:
        assert date in finding.evidence and finding.rows == tuple(range(count))
