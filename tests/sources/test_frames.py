"""Frames of any library and plain Python rows give one and the same table."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.sources import Roles, read, read_raw

COLUMNS: dict[str, list[Any]] = {
    "n": [1, 2, None, 4],
    "x": [1.5, None, 2.5, 0.0],
    "s": ["a", "b", None, " a "],
    "b": [True, False, True, None],
    "t": [dt.datetime(2020, 1, 1, 12), None, dt.datetime(2020, 1, 3), dt.datetime(2020, 1, 4)],
}
DECODED = [
    (1.0, 1.5, "a", 1.0, 1577880000.0),
    (2.0, None, "b", 0.0, None),
    (None, 2.5, None, 1.0, 1578009600.0),
    (4.0, 0.0, "a", None, 1578096000.0),
]
KINDS = ["numeric", "numeric", "categorical", "boolean", "datetime"]


def as_rows() -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, r, strict=True)) for r in zip(*COLUMNS.values(), strict=True)]


SHAPES: dict[str, Any] = {
    "dict of columns": lambda: COLUMNS,
    "list of rows": as_rows,
    "polars": lambda: pl.DataFrame(COLUMNS),
    "lazy polars": lambda: pl.LazyFrame(COLUMNS),
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas objects": lambda: pd.DataFrame(COLUMNS, dtype=object),
    "pandas nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas arrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "arrow": lambda: pa.table(COLUMNS),
    "arrow batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "dict of arrays": lambda: {k: pd.Series(v) for k, v in COLUMNS.items()},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_table_reads_alike_in_every_shape(shape: str) -> None:
    data = read(SHAPES[shape]())
    assert [c.kind for c in data.schema.columns] == KINDS
    assert data.frame.rows() == DECODED


def test_numpy_columns_read(tmp_path: Any) -> None:
    data = read(
        {
            "i": np.arange(3, dtype="uint8"),
            "f": np.array([0.5, np.nan, 1]),
            "d": np.array(["2020-01-01"] * 3, "M8[D]"),
        }
    )
    assert data.frame.rows() == [
        (0.0, 0.5, 1577836800.0),
        (1.0, None, 1577836800.0),
        (2.0, 1.0, 1577836800.0),
    ]


def test_mixed_values_become_texts_and_their_codes_agree() -> None:
    raw = read_raw({"x": [7, "7", 7.0, "a", True, None, Decimal("1.50")]})
    assert raw.frame["x"].to_list() == ["7", "7", "7", "a", "true", None, "1.50"]


def test_categories_of_a_frame_stay_categories() -> None:
    frame = pd.DataFrame({"zone": pd.Categorical([1, 2, 1, 3]), "y": [1.0, 2.0, 3.0, 4.0]})
    column = read(frame).schema.column("zone")
    assert (column.kind, column.codes) == ("categorical", True)
    cast = pl.DataFrame({"zone": ["1", "2", "1"]}).with_columns(pl.col("zone").cast(pl.Categorical))
    assert read(cast).schema.column("zone").kind == "categorical"


def test_durations_become_seconds_and_nested_columns_are_left_out_and_said() -> None:
    frame = pl.DataFrame(
        {
            "d": [dt.timedelta(seconds=90), dt.timedelta(0)],
            "c": [dt.time(1), dt.time(2)],
            "l": [[1], [2]],
            "s": [{"a": 1}] * 2,
        }
    )
    raw = read_raw(frame)
    assert raw.frame.rows() == [(90.0, 3600.0), (0.0, 7200.0)]
    assert [f.code for f in raw.findings] == ["MLW020", "MLW020", "MLW013", "MLW013"]


def test_infinity_counts_as_missing_and_is_said() -> None:
    data = read({"x": [1.0, float("inf"), 2.5]})
    assert data.frame["x"].to_list() == [1.0, None, 2.5]
    assert [(f.code, f.severity, f.rows) for f in data.findings] == [("MLW012", "issue", (1,))]
    assert data.schema.column("x").maximum == 2.5


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (42, Misuse, "int is no table"),
        (b"a,b", Misuse, "bytes is no table"),
        ([1, 2], Misuse, "row 0 is int"),
        ({"a": [1], "b": [1, 2]}, Misuse, "column 'b' has 2 rows, column 'a' has 1"),
        ({}, SourceUnreadable, "without rows or columns"),
        ([], SourceUnreadable, "without rows or columns"),
        (pl.DataFrame({"a": []}), SourceUnreadable, "without rows or columns"),
    ],
)
def test_what_is_no_table_is_refused(source: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(source)


def test_a_pandas_target_with_nothing_is_dropped() -> None:
    data = read(pd.DataFrame({"a": [1, 2, 3], "y": ["p", None, "q"]}), Roles(target="y"))
    assert data.frame["y"].to_list() == ["p", "q"]


def test_reading_files_needs_neither_pandas_nor_arrow() -> None:
    code = (
        "import sys; sys.modules['pandas'] = sys.modules['pyarrow'] = None\n"
        "from mlwright.sources import read\n"
        "print(len(read({'a': [1, 2], 'b': ['x', None]})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "2\n"


def test_whatever_speaks_the_arrow_interfaces_is_a_table() -> None:
    batch = pa.record_batch({"a": [1, 2], "b": ["x", "y"]})

    class Held:
        def __arrow_c_array__(self, requested_schema: object = None) -> object:
            return batch.__arrow_c_array__(requested_schema)

    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch, batch])
    for table, times in ((batch, 1), (Held(), 1), (pa.table(batch), 1), (reader, 2)):
        assert read_raw(table).frame.rows() == [(1, "x"), (2, "y")] * times
    with pytest.raises(SourceUnreadable, match="no rows"):
        read_raw(reader)


def test_a_duckdb_relation_is_a_table_and_a_query_that_fails_is_told() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        raw = read_raw(connection.sql("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a"))
        assert raw.frame.rows() == [(1, "x"), (2, "y")]
        assert raw.source == "a table (duckdb DuckDBPyRelation)"
        broken = connection.sql("SELECT CAST(i::VARCHAR || 'x' AS INTEGER) AS a FROM range(3) t(i)")
        with pytest.raises(SourceUnreadable, match="cannot be read by the Arrow interface"):
            read_raw(broken)


def test_a_lazy_frame_whose_query_fails_is_told() -> None:
    with pytest.raises(SourceUnreadable, match="the query fails"):
        read_raw(pl.LazyFrame({"a": [1]}).select("b"))
