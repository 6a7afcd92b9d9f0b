"""What is sent: values as the schema's own, whole and in parts; what JSON cannot say is refused."""

from __future__ import annotations

import datetime as dt
import enum
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlwright.base.errors import Misuse, RowsRefused
from mlwright.client import rows


class Colour(str, enum.Enum):  # noqa: UP042 - whose str() is no text of its own
    RED = "red"


NOON = dt.datetime(2024, 3, 1, 12, 0, 0, 250000)
SENT: list[tuple[Any, Any]] = [
    ("Oslo", "Oslo"),
    (7, 7),
    (True, True),
    (None, None),
    (0.1, 0.1),
    (float("nan"), None),
    (Decimal("1.25"), 1.25),
    (Decimal("NaN"), None),
    (Colour.RED, "red"),
    (NOON, "2024-03-01T12:00:00.250000"),
    (NOON.replace(tzinfo=dt.UTC), "2024-03-01T12:00:00.250000+00:00"),
    (dt.date(2024, 3, 1), "2024-03-01"),
    (np.float32(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.float64("nan"), None),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.datetime64("2024-03-01T12:00"), "2024-03-01T12:00"),
    (np.datetime64("NaT"), None),
    (pd.NA, None),
    (pd.NaT, None),
    (pd.Timestamp("2024-03-01T12:00:00.25"), "2024-03-01T12:00:00.250000"),
]


@pytest.mark.parametrize(("value", "expected"), SENT, ids=lambda v: f"{type(v).__name__} {v}")
def test_a_value_is_sent_as_what_it_is(value, expected):
    sent = json.loads(rows.one({"a": value}))["a"]
    assert sent == expected and type(sent) is type(expected)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("inf"), "infinite, expected a finite number"),
        (np.float32("-inf"), "infinite"),
        (Decimal("Infinity"), "infinite"),
        (np.timedelta64(5, "ns"), "of type timedelta64"),
        (dt.timedelta(1), "of type timedelta"),
        ([1, 2], "of type list"),
        ({"b": 1}, "of type dict"),
        (np.array([1.0]), "of type ndarray"),
        (b"a", "of type bytes"),
        (1j, "of type complex"),
        (dt.time(12), "of type time"),
    ],
    ids=str,
)
def test_a_value_that_would_become_another_is_refused_with_its_row_and_column(value, why):
    with pytest.raises(RowsRefused, match=why) as refused:
        rows.whole([{"a": 1, "b": 2}, {"a": 1, "b": value}])
    assert [(p.row, p.column) for p in refused.value.problems] == [(1, "b")]


@pytest.mark.parametrize("wrong", ["a row", b"{}", 7, {"a": 1}, None])
def test_what_are_no_rows_is_told(wrong):
    with pytest.raises(Misuse, match="neither rows nor a frame"):
        rows.whole(wrong)


def test_a_row_that_is_no_dict_is_told():
    with pytest.raises(Misuse, match=r"row 1 is \('a', 1\), no dict"):
        rows.whole([{"a": 1}, ("a", 1)])  # type: ignore[list-item]
    with pytest.raises(Misuse, match="field 1, which is no text"):
        rows.one({1: 2})  # type: ignore[dict-item]
    with pytest.raises(Misuse, match="row 0 cannot be written as JSON"):
        rows.one({"a": "\ud800"})


def frames() -> dict[str, Any]:
    columns = {
        "age": [41.0, None],
        "when": [NOON, None],
        "city": ["Oslo", None],
        "count": [3, 4],
        "member": [True, False],
    }
    polars = pl.DataFrame(columns, schema_overrides={"city": pl.Categorical})
    pandas = pd.DataFrame(columns).astype({"count": "Int64", "city": "category"})
    return {"polars": polars, "pandas": pandas, "pyarrow": pa.table(columns)}


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_frames_of_all_libraries_are_sent_alike(library):
    part = rows.whole(frames()[library])
    first, second = json.loads(part.body)
    assert part.rows == 2
    when = "2024-03-01T12:00:00.250000"
    assert first == {"age": 41.0, "when": when, "city": "Oslo", "count": 3, "member": True}
    assert second == {"age": None, "when": None, "city": None, "count": 4, "member": False}


def test_names_of_columns_that_would_be_lost_are_told():
    with pytest.raises(Misuse, match="more than one column is called 'a'"):
        rows.whole(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(Misuse, match="name is no text: 0"):
        rows.whole(pd.DataFrame([[1, 2]]))


def test_parts_hold_all_rows_in_order_and_are_read_one_by_one():
    read: list[int] = []

    def source() -> Any:
        for i in range(10):
            read.append(i)
            yield {"i": i}

    parts = rows.parts(source(), 4)
    first = next(parts)
    assert len(read) == 4
    rest = list(parts)
    assert [(p.first, p.rows) for p in (first, *rest)] == [(0, 4), (4, 4), (8, 2)]
    assert [row["i"] for p in (first, *rest) for row in json.loads(p.body)] == list(range(10))
    assert list(rows.parts([], 4)) == []


def test_a_part_is_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr(rows, "PART_BYTES", 100)
    parts = list(rows.parts([{"text": "x" * n} for n in (10, 40, 60, 200, 1)], 500))
    assert [p.rows for p in parts] == [2, 1, 1, 1]
    assert all(len(p.body) <= 102 or p.rows == 1 for p in parts)


def test_rows_of_later_parts_are_told_by_their_number_among_all():
    parts = rows.parts([{"a": 1}, {"a": 2}, {"a": float("inf")}], 2)
    next(parts)
    with pytest.raises(RowsRefused, match="row 2, 'a'"):
        next(parts)


@pytest.mark.parametrize("most", [0, -1, 2.5, True])
def test_parts_of_no_rows_are_refused(most):
    with pytest.raises(Misuse, match="are no part"):
        next(rows.parts([{"a": 1}], most))


def test_what_is_no_frame_is_not_sent_as_one():
    with pytest.raises(Misuse, match="list is no frame"):
        rows.arrow_of([{"a": 1}])
