"""Whole tables decode exactly as single values do, and say which rows they refuse."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.decoding import ValueRefused, decoder
from mlwright.base.errors import SchemaBroken
from mlwright.base.schema import KINDS, Column, NumberFormat, Schema
from mlwright.data.decode import decode_frame, decode_series

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "decoding.json").read_text())


def one_by_one(values: list[Any], column: Column, text: bool) -> list[float | str | None]:
    """What the decoder gives value by value; "refused" where it refuses."""
    decode = decoder(column, text=text)
    out: list[float | str | None] = []
    for value in values:
        try:
            decoded = decode(value)
            out.append(None if decoded == "" or decoded != decoded else decoded)
        except ValueRefused as e:
            out.append(f"refused: {e.reason}")
    return out


def at_once(series: pl.Series, column: Column, text: bool) -> list[float | str | None]:
    values, problems = decode_series(series, column, text=text)
    out: list[float | str | None] = values.to_list()
    for p in problems:
        assert out[p.row] is None
        out[p.row] = f"refused: {p.reason}"
    return out


def agree(series: pl.Series, column: Column, text: bool = True) -> None:
    assert at_once(series, column, text) == one_by_one(series.to_list(), column, text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['kind']}-{v['from']}-{v['value']!r}"[:60])
def test_every_vector_decodes_in_a_column_as_it_does_alone(vector: dict[str, Any]) -> None:
    column = msgspec.convert({"name": "x", "kind": vector["kind"], **vector["column"]}, Column)
    value, text = vector["value"], vector["from"] == "text"
    shapes = [pl.Series("x", [value, value], dtype=pl.Object)]
    if not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value):
        try:
            shapes.append(pl.Series("x", [value, value]))
        except (OverflowError, pl.exceptions.PolarsError):
            assert isinstance(value, int)  # wider than any type of Polars
    for series in shapes:
        values, problems = decode_series(series, column, text=text)
        if vector.get("error"):
            assert [p.row for p in problems] == [0, 1]
            assert values.null_count() == 2
        else:
            assert problems == []
            assert values.to_list() == [vector["expect"]] * 2


MARKED = st.from_regex(
    r"[+-]?\(?(US\$|\$|kr\.?|%)?[ \u00a0]?[+-]?\(?[0-9]{0,4}[.,' ]?[0-9]{0,3}(e1)?\)?"
    r"[ \u202f]?(US\$|\$|kr\.?|%)?\)?",
    fullmatch=True,
)
TEXTS = st.one_of(
    MARKED,
    st.text(max_size=8),
    st.floats().map(str),
    st.integers().map(str),
    st.from_regex(r"[ +-]?[0-9]{0,3}[.,' ]?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?\s?", fullmatch=True),
    st.datetimes().map(str),
    st.dates().map(str),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|\+0[0-9]:30)?)?"
    ),
    st.sampled_from(
        ["", " ", "?", "NA", "yes", "No", "TRUE", "0", "1.0", "-0.0", "07", "7.", "31/12/1999", "-999"]
    ),
)
COLUMNS = st.builds(
    Column,
    name=st.just("x"),
    kind=st.sampled_from(KINDS),
    codes=st.booleans(),
    nullable=st.booleans(),
    missing=st.sampled_from([(), ("?",), ("NA", "-999"), (" ? ", "7"), ("0",)]),
    number=st.builds(
        NumberFormat,
        decimal=st.sampled_from([".", ","]),
        thousands=st.sampled_from(["", "", ".", ",", " ", "'"]),
        symbols=st.sampled_from([(), (), ("$", "US$"), ("kr.", "kr"), ("", "1"), ("%",)]),
        percent=st.booleans(),
        accounting=st.booleans(),
    ),
    true=st.sampled_from([(), ("yes",)]),
    false=st.sampled_from([(), ("no",)]),
    formats=st.sampled_from([(), ("%d/%m/%Y",)]),
    least=st.sampled_from([None, None, 0.0, -2.5, 946684800.0]),
    most=st.sampled_from([None, None, 7.0, 1e9]),
    allowed=st.sampled_from([(), (), ("7", "yes", "TRUE", "true"), ("07",)]),
    pattern=st.sampled_from(["", "", r"\d+", r"[^\d]*", "(yes|No)+|.{3,}"]),
)


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.one_of(TEXTS, st.none()), max_size=12), COLUMNS, st.booleans())
def test_any_text_column_decodes_as_its_values_do(
    values: list[str | None], column: Column, text: bool
) -> None:
    agree(pl.Series("x", values, dtype=pl.String), column, text)


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(MARKED, max_size=12), COLUMNS.filter(lambda c: c.kind == "numeric"))
def test_numbers_with_signs_decode_at_once_as_one_by_one(values: list[str], column: Column) -> None:
    agree(pl.Series("x", values, dtype=pl.String), column)
    # Alone as well, so that no text hides behind a refusal that sends the whole column another way.
    for value in values:
        agree(pl.Series("x", [value]), column)


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.floats())).map(lambda v: pl.Series("x", v, dtype=pl.Float64)),
        st.lists(st.one_of(st.none(), st.floats(width=32))).map(
            lambda v: pl.Series("x", v, dtype=pl.Float32)
        ),
        st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))).map(
            lambda v: pl.Series("x", v, dtype=pl.Int64)
        ),
        st.lists(st.one_of(st.none(), st.integers(0, 2**64 - 1))).map(
            lambda v: pl.Series("x", v, dtype=pl.UInt64)
        ),
        st.lists(st.one_of(st.none(), st.sampled_from([-999, 0, 1, 7]))).map(
            lambda v: pl.Series("x", v, dtype=pl.Int16)
        ),
        st.lists(st.one_of(st.none(), st.booleans())).map(lambda v: pl.Series("x", v, dtype=pl.Boolean)),
        st.lists(st.one_of(st.none(), st.dates())).map(lambda v: pl.Series("x", v, dtype=pl.Date)),
        st.lists(st.one_of(st.none(), st.datetimes())).map(
            lambda v: pl.Series("x", v, dtype=pl.Datetime("us"))
        ),
    ),
    COLUMNS,
    st.booleans(),
)
def test_any_typed_column_decodes_as_its_values_do(series: pl.Series, column: Column, text: bool) -> None:
    agree(series, column, text)


def test_times_with_a_zone_are_seconds_utc() -> None:
    zoned = pl.Series("x", [dt.datetime(2020, 7, 1)]).dt.replace_time_zone("Europe/Rome")
    values, _ = decode_series(zoned, Column(name="x", kind="datetime"), text=True)
    assert values[0] == dt.datetime(2020, 6, 30, 22, tzinfo=dt.UTC).timestamp()


SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numeric"),
        Column(name="city", kind="categorical"),
        Column(name="note", kind="text", optional=True),
        Column(name="sick", kind="categorical", role="target"),
        Column(name="row", kind="id", role="id"),
    )
)


def test_columns_come_in_the_order_of_the_schema_and_others_are_ignored() -> None:
    raw = pl.DataFrame(
        {"sick": ["y"], "extra": [1], "city": ["Rome"], "age": ["41"], "row": ["a"], "note": ["hi"]}
    )
    frame = decode_frame(raw, SCHEMA, text=True).frame
    assert frame.columns == ["age", "city", "note", "sick", "row"]
    assert frame.row(0) == (41.0, "Rome", "hi", "y", "a")


def test_all_missing_columns_are_named_with_near_misses() -> None:
    with pytest.raises(SchemaBroken) as caught:
        decode_frame(pl.DataFrame({"Age ": [1], "x": [2]}), SCHEMA, text=True, features_only=True)
    assert "2 columns missing" in str(caught.value)
    assert "'age' (is 'Age ' meant?)" in str(caught.value)
    assert "'city'" in str(caught.value)


def test_predicting_needs_neither_target_nor_id_nor_optional_columns() -> None:
    frame = decode_frame(
        pl.DataFrame({"age": [1], "city": ["x"]}), SCHEMA, text=True, features_only=True
    ).frame
    assert frame.columns == ["age", "city", "note"]
    assert frame["note"].dtype == pl.String and frame["note"].null_count() == 1


def test_refused_values_name_their_rows_and_become_null() -> None:
    raw = pl.DataFrame(
        {"age": ["1", "old", "3", "old"], "city": ["a"] * 4, "row": ["1"] * 4, "sick": ["y"] * 4}
    )
    decoded = decode_frame(raw, SCHEMA, text=True)
    assert decoded.refused.tolist() == [False, True, False, True]
    assert [(p.row, p.column, p.reason) for p in decoded.problems] == [
        (1, "age", "not a number"),
        (3, "age", "not a number"),
    ]
    assert decoded.frame["age"].to_list() == [1.0, None, 3.0, None]


def test_infinity_in_a_frame_is_refused() -> None:
    values, problems = decode_series(
        pl.Series("x", [1.0, math.inf]), Column(name="x", kind="numeric"), text=True
    )
    assert [p.row for p in problems] == [1]
    assert values.to_list() == [1.0, None]


def test_numpy_dates_decode_as_python_dates_do() -> None:
    series = pl.Series("x", np.array(["2020-01-01T00:00:00.000000001", "NaT"], dtype="datetime64[ns]"))
    values, problems = decode_series(series, Column(name="x", kind="datetime"), text=True)
    assert problems == [] and values.to_list() == [1577836800.0, None]


@pytest.mark.parametrize("values", [[1.0, math.nan, None, 4.0], [math.nan, 2.0, 3.0], [None, 1.0]])
def test_what_is_no_number_in_a_frame_is_null_as_what_is_missing(values: list[float | None]) -> None:
    column = Column(name="a", kind="numeric")
    decoded, problems = decode_series(pl.Series("a", values, dtype=pl.Float64), column, text=False)
    assert decoded.to_list() == [None if v is None or math.isnan(v) else v for v in values] and not problems
