"""Rows in every shape are decoded by the same rules, which tests/vectors/decoding.json specifies."""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.artifact import Decoded, decode_rows
from mlwright.base.decoding import ValueRefused, decoder
from mlwright.base.errors import Misuse, SchemaBroken
from mlwright.base.schema import Column, NumberFormat, Schema

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "decoding.json").read_text())
FEATURES = [v for v in VECTORS if v["kind"] != "id"]  # an id is never a feature, so no tensor holds it
REFUSED = object()


def column_of(vector: dict[str, Any]) -> Column:
    return msgspec.convert({"name": "x", "kind": vector["kind"], **vector["column"]}, Column)


def expected(vector: dict[str, Any]) -> object:
    return REFUSED if vector.get("error") else vector["expect"]


def answer(decoded: Decoded) -> object:
    """What the one column of one row became."""
    assert decoded.refused.tolist() == [bool(decoded.problems)]
    if decoded.problems:
        assert decoded.problems[0].reason and decoded.problems[0].expected
        return REFUSED
    value = (decoded.numbers if decoded.numbers.shape[1] else decoded.strings)[0, 0]
    return None if value == "" or value != value else value


def label(vector: dict[str, Any]) -> str:
    return (
        f"{vector['kind']}-{vector['from']}-{ascii(vector['value'])[:30]}-{json.dumps(vector['column'])[:40]}"
    )


@pytest.mark.parametrize("vector", VECTORS, ids=label)
def test_the_decoder_keeps_to_the_vector(vector: dict[str, Any]) -> None:
    decode = decoder(column_of(vector), text=vector["from"] == "text")
    try:
        value: object = decode(vector["value"])
    except ValueRefused as refusal:
        assert refusal.reason and refusal.expected
        value = REFUSED
    if value == "" or value != value:
        value = None
    assert value == expected(vector)
    assert (
        value is None or value is REFUSED or type(value) is type(expected(vector)) or isinstance(value, float)
    )


@pytest.mark.parametrize("vector", [v for v in FEATURES if v["from"] == "typed"], ids=label)
def test_a_dict_row_keeps_to_the_vector(vector: dict[str, Any]) -> None:
    schema = Schema(columns=(column_of(vector),))
    assert answer(decode_rows([{"x": vector["value"]}], schema)) == expected(vector)


def frames(value: object) -> list[Any]:
    """Every shape of a table that holds one text."""
    shapes: list[Any] = [
        {"x": [value]},
        {"x": np.array([value], dtype=object)},
        pd.DataFrame({"x": pd.Series([value], dtype=object)}),
    ]
    if isinstance(value, str) and value.isprintable():
        shapes += [{"x": np.array([value])}, {"x": np.array([value], dtype=np.dtypes.StringDType())}]
        shapes += [pd.DataFrame({"x": [value]}), pd.DataFrame({"x": pd.Series([value], dtype="category")})]
        shapes += [pa.table({"x": [value]}), pa.table({"x": pa.array([value]).dictionary_encode()})]
        shapes += [pa.record_batch({"x": [value]}), pl.DataFrame({"x": [value]})]
    return shapes


@pytest.mark.parametrize("vector", [v for v in FEATURES if v["from"] == "text"], ids=label)
def test_columns_and_frames_of_texts_keep_to_the_vector(vector: dict[str, Any]) -> None:
    schema = Schema(columns=(column_of(vector),))
    for shape in frames(vector["value"]):
        assert answer(decode_rows(shape, schema)) == expected(vector), type(shape)


NUMBERS = [
    v
    for v in FEATURES
    if v["from"] == "typed" and type(v["value"]) in (int, float, bool) and abs(v["value"]) < 2**53
]


@pytest.mark.parametrize("vector", NUMBERS, ids=label)
def test_typed_frames_keep_to_the_vectors_of_numbers(vector: dict[str, Any]) -> None:
    schema = Schema(columns=(column_of(vector),))
    value = vector["value"]
    shapes = [
        pd.DataFrame({"x": [value]}),
        pa.table({"x": [value]}),
        pl.DataFrame({"x": [value]}),
        {"x": np.array([value])},
    ]
    shapes.append(pd.DataFrame({"x": pd.array([value])}))
    for shape in shapes:
        assert answer(decode_rows(shape, schema)) == expected(vector), type(shape)


def test_there_are_vectors_of_every_kind_and_way() -> None:
    assert len(VECTORS) >= 120
    assert {(v["kind"], v["from"]) for v in VECTORS} >= {
        (kind, way)
        for kind in ("numeric", "boolean", "datetime", "categorical", "text")
        for way in ("typed", "text")
    }


@pytest.mark.parametrize("kind", ["numeric", "boolean", "datetime", "categorical", "text"])
@pytest.mark.parametrize(
    "nothing",
    [
        None,
        math.nan,
        np.float64("nan"),
        np.float32("nan"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        Decimal("NaN"),
        "",
    ],
    ids=repr,
)
def test_every_kind_of_nothing_is_missing(kind: str, nothing: object) -> None:
    schema = Schema(columns=(Column(name="x", kind=kind),))  # type: ignore[arg-type]
    assert answer(decode_rows({"x": nothing}, schema)) is None
    assert answer(decode_rows(pd.DataFrame({"x": pd.Series([nothing], dtype=object)}), schema)) is None


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.0, None], dtype="Float64"),
        pd.Series([1, None], dtype=pd.ArrowDtype(pa.int32())),
        pd.Series([1.0, math.nan]),
        pa.chunked_array([[1, None]]),
        pa.chunked_array([[1], [None]], pa.int64()),
        pa.array([1.0, None]),
        pl.Series([1, None]),
        pl.Series([1.0, None], dtype=pl.Float32),
        np.ma.array([1.0, 2.0], mask=[False, True]).filled(np.nan),
        [1, None],
        (1, pd.NA),
        [Decimal(1), None],
    ],
    ids=lambda c: f"{type(c).__module__}.{type(c).__name__}.{getattr(c, 'dtype', getattr(c, 'type', ''))}",
)
def test_nullable_numbers_become_nan_in_numbers_and_empty_in_categories(column: Any) -> None:
    schema = Schema(columns=(Column(name="x", kind="numeric"),))
    as_numbers = decode_rows({"x": column}, schema)
    assert not as_numbers.problems
    np.testing.assert_array_equal(as_numbers.numbers, [[1.0], [math.nan]])
    as_texts = decode_rows({"x": column}, Schema(columns=(Column(name="x", kind="categorical"),)))
    assert as_texts.strings.tolist() == [["1"], [""]]


TIME = dt.datetime(2026, 1, 2, 3, 4, 5, 250_000)
SECONDS = 1767323045.25


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([TIME, pd.NaT]),
        pd.Series([TIME, pd.NaT]).dt.tz_localize("UTC"),
        pd.Series([TIME, pd.NaT]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        pd.Series([TIME, pd.NaT], dtype=object),
        pd.Series([TIME, None], dtype=pd.ArrowDtype(pa.timestamp("ms"))),
        pa.chunked_array([[TIME, None]]),
        pa.array([TIME.replace(tzinfo=dt.UTC), None], pa.timestamp("ns", tz="Asia/Tokyo")),
        pa.array([TIME, None], pa.timestamp("ns")),
        pl.Series([TIME, None]),
        pl.Series([TIME, None]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
        np.array([TIME, "NaT"], dtype="datetime64[ms]"),
        [TIME, None],
        [TIME.replace(tzinfo=dt.UTC), None],
        [TIME.replace(tzinfo=dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=5))), None],
        ["2026-01-02T03:04:05.250Z", ""],
    ],
    ids=lambda c: f"{type(c).__module__}.{type(c).__name__}.{getattr(c, 'dtype', getattr(c, 'type', ''))}",
)
def test_times_of_every_library_are_seconds_in_utc(column: Any) -> None:
    decoded = decode_rows({"x": column}, Schema(columns=(Column(name="x", kind="datetime"),)))
    assert not decoded.problems
    np.testing.assert_array_equal(decoded.numbers, [[SECONDS], [math.nan]])


def test_dates_are_their_midnight() -> None:
    schema = Schema(columns=(Column(name="x", kind="datetime"),))
    day = dt.date(2026, 1, 2)
    for column in ([day], pa.array([day]), pl.Series([day]), np.array([day], dtype="datetime64[D]")):
        assert decode_rows({"x": column}, schema).numbers.tolist() == [[1767312000.0]]


SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numeric"),
        Column(name="city", kind="categorical"),
        Column(name="email", kind="id"),
        Column(name="note", kind="text", optional=True),
        Column(name="score", kind="numeric", optional=True),
        Column(name="y", kind="categorical", role="target"),
    )
)


def test_columns_go_to_their_tensors_in_the_order_of_the_schema() -> None:
    decoded = decode_rows([{"city": "Oslo", "score": 2, "age": 1, "note": "n"}], SCHEMA)
    assert decoded.numbers.tolist() == [[1.0, 2.0]] and decoded.strings.tolist() == [["Oslo", "n"]]
    assert decoded.numbers.dtype == np.float64 and decoded.strings.dtype == object


def test_an_absent_key_is_a_problem_unless_the_column_is_optional() -> None:
    decoded = decode_rows([{"age": 1, "city": "Oslo"}, {"city": None}], SCHEMA)
    assert [(p.row, p.column, p.reason) for p in decoded.problems] == [(1, "age", "the key is absent")]
    assert decoded.refused.tolist() == [False, True]
    assert decoded.strings.tolist() == [["Oslo", ""], ["", ""]]


def test_an_unknown_key_is_a_problem_with_the_near_miss() -> None:
    decoded = decode_rows({"age": 1, "citty": "Oslo", "city": "Oslo"}, SCHEMA)
    assert "did you mean 'city'?" in decoded.problems[0].reason


def test_other_columns_of_the_schema_may_stand_in_a_row() -> None:
    assert not decode_rows({"age": 1, "city": "Oslo", "y": "no", "email": 7}, SCHEMA).problems


def test_a_frame_without_needed_columns_names_them_all_with_near_misses() -> None:
    with pytest.raises(SchemaBroken, match=r"2 columns: 'age' \(is it 'Age'\?\), 'city'"):
        decode_rows(pd.DataFrame({"Age": [1], "other": [2]}), SCHEMA)


def test_padded_column_names_of_a_frame_are_found() -> None:
    assert decode_rows(pd.DataFrame({" age ": [1], "city\u00a0": ["Oslo"]}), SCHEMA).numbers[0, 0] == 1.0


def test_unknown_columns_of_a_frame_are_left_alone() -> None:
    assert not decode_rows(pl.DataFrame({"age": [1], "city": ["Oslo"], "more": [3]}), SCHEMA).problems


def test_a_frame_may_have_a_column_that_is_called_as_an_attribute_is() -> None:
    schema = Schema(
        columns=(Column(name="column_names", kind="numeric"), Column(name="columns", kind="numeric"))
    )
    assert decode_rows(pd.DataFrame({"column_names": [1], "columns": [2]}), schema).numbers.tolist() == [
        [1.0, 2.0]
    ]


def test_problems_of_a_frame_come_by_row() -> None:
    decoded = decode_rows({"age": ["x", "1", "y"], "city": [[], "Oslo", "Rome"]}, SCHEMA)
    assert [(p.row, p.column) for p in decoded.problems] == [(0, "age"), (0, "city"), (2, "age")]
    assert decoded.refused.tolist() == [True, False, True]


def test_arrays_and_single_values_are_refused_alike() -> None:
    values = [0.0, math.inf, -math.inf, math.nan, 3.5]
    for kind in ("numeric", "boolean", "datetime", "categorical"):
        schema = Schema(columns=(Column(name="x", kind=kind, nullable=False),))  # type: ignore[arg-type]
        by_array = decode_rows({"x": np.array(values)}, schema)
        by_row = decode_rows([{"x": v} for v in values], schema)
        assert by_array.refused.tolist() == by_row.refused.tolist(), kind
        np.testing.assert_array_equal(by_array.numbers, by_row.numbers)
        assert by_array.strings.tolist() == by_row.strings.tolist()


@pytest.mark.parametrize(
    "rows", [[], (), pd.DataFrame({"age": [], "city": []}), {"age": [], "city": []}], ids=type
)
def test_no_rows_are_no_rows(rows: object) -> None:
    decoded = decode_rows(rows, SCHEMA)
    assert len(decoded) == 0 and decoded.numbers.shape == (0, 2) and decoded.strings.shape == (0, 2)


@pytest.mark.parametrize(
    "rows",
    [5, "rows.csv", b"", None, np.zeros((2, 2)), [1, 2], [{"age": 1}, 2], pl.LazyFrame({"age": [1]})],
    ids=lambda rows: "LazyFrame" if isinstance(rows, pl.LazyFrame) else repr(rows),
)
def test_what_is_not_rows_is_misuse(rows: object) -> None:
    with pytest.raises(Misuse):
        decode_rows(rows, SCHEMA)


def test_columns_of_different_lengths_are_misuse() -> None:
    with pytest.raises(Misuse, match="different lengths"):
        decode_rows({"age": [1, 2], "city": ["Oslo"]}, SCHEMA)
    with pytest.raises(Misuse, match="some values are lists"):
        decode_rows({"age": [1, 2], "city": "Oslo"}, SCHEMA)


def test_a_column_twice_in_a_frame_is_refused() -> None:
    frame = pd.DataFrame([[1, "Oslo", 2]], columns=["age", "city", "age"])
    with pytest.raises(SchemaBroken, match="two columns are called 'age'"):
        decode_rows(frame, SCHEMA)


def test_a_generator_of_rows_is_read_once() -> None:
    assert len(decode_rows(({"age": i, "city": "Oslo"} for i in range(3)), SCHEMA)) == 3


def test_whole_numbers_keep_all_their_digits_as_categories() -> None:
    schema = Schema(columns=(Column(name="x", kind="categorical"),))
    big = 2**60 + 1
    for column in ([big], np.array([big]), pl.Series([big]), pa.array([big])):
        assert decode_rows({"x": column}, schema).strings.tolist() == [[str(big)]]


def test_nothing_of_a_data_frame_library_is_imported() -> None:
    source = Path(sys.modules["mlwright.artifact.decode"].__file__ or "").read_text()
    assert not any(f"import {name}" in source for name in ("pandas", "polars", "pyarrow"))


ODD_COLUMNS = [
    (pl.Series(["Oslo", None], dtype=pl.Categorical), "categorical", ["Oslo", ""]),
    (pl.Series(["Oslo", None], dtype=pl.Enum(["Oslo"])), "categorical", ["Oslo", ""]),
    (pl.Series([True, None]), "categorical", ["true", ""]),
    (pl.Series([True, None]), "boolean", [1.0, math.nan]),
    (pl.Series([Decimal("1.5"), None]), "numeric", [1.5, math.nan]),
    (pl.Series([None, None]), "numeric", [math.nan, math.nan]),
    (pl.Series([None, None]), "categorical", ["", ""]),
    (pl.Series([None, None]), "datetime", [math.nan, math.nan]),
    (pd.Series([7, 8]).astype("category"), "categorical", ["7", "8"]),
    (pd.Series([7, 8]).astype("category"), "numeric", [7.0, 8.0]),
    (pd.Series([True, pd.NA], dtype="boolean"), "boolean", [1.0, math.nan]),
    (pd.Series([True, pd.NA], dtype="boolean"), "categorical", ["true", ""]),
    (pd.Series(["Oslo", None]), "categorical", ["Oslo", ""]),
    (pd.Series(["1,5", None], dtype="string"), "categorical", ["1,5", ""]),
    (pd.Series([None, None]), "numeric", [math.nan, math.nan]),
    (pd.Series([pd.NaT, pd.NaT]), "numeric", [math.nan, math.nan]),
    (pd.Series([1.5, math.nan]), "categorical", ["1.5", ""]),
    (pd.Series(["7", 7.0, 7, "07"], dtype=object), "categorical", ["7", "7", "7", "07"]),
    (pd.Series([True, 1, "yes", None], dtype=object), "categorical", ["true", "1", "yes", ""]),
    (pa.array([True, None]), "boolean", [1.0, math.nan]),
    (pa.array([Decimal("1.50"), None]), "numeric", [1.5, math.nan]),
    (pa.array(["Oslo", None], pa.large_string()), "categorical", ["Oslo", ""]),
    (pa.array(["Oslo", None]).dictionary_encode(), "categorical", ["Oslo", ""]),
    (pa.nulls(2), "numeric", [math.nan, math.nan]),
    (pa.nulls(2), "categorical", ["", ""]),
    (pa.array([1, 2], pa.int8()), "boolean", [1.0, None]),
    (np.array([1, 2, 0], dtype=np.uint8), "boolean", [1.0, None, 0.0]),
    (np.array([True, False]), "numeric", [None, None]),
    (np.array([1.5, math.nan]), "datetime", [None, math.nan]),
    (np.array(["2026-01-02", "NaT"], dtype="datetime64[s]"), "numeric", [None, math.nan]),
    (np.array(["2026-01-02", "NaT"], dtype="datetime64[s]"), "categorical", ["2026-01-02T00:00:00", ""]),
    (np.array([1e308, -1e308], dtype=np.longdouble), "numeric", [1e308, -1e308]),
    (np.array([1, 2], dtype=np.complex128), "numeric", [None, None]),
    (np.array([b"a", b"b"]), "categorical", [None, None]),
]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    ODD_COLUMNS,
    ids=[
        f"{i}-{type(c).__module__}-{getattr(c, 'dtype', '')}-{k}" for i, (c, k, _) in enumerate(ODD_COLUMNS)
    ],
)
def test_columns_of_every_type_are_decoded_or_refused(column: Any, kind: str, values: list[Any]) -> None:
    decoded = decode_rows({"x": column}, Schema(columns=(Column(name="x", kind=kind),)))  # type: ignore[arg-type]
    assert decoded.refused.tolist() == [v is None for v in values]
    missing: Any = math.nan if decoded.numbers.shape[1] else ""
    found = decoded.numbers if decoded.numbers.shape[1] else decoded.strings
    np.testing.assert_array_equal(found[:, 0], [missing if v is None else v for v in values])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text("0123456789.,:+-TZe /", max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
RULES = [
    Column(name="x", kind="numeric"),
    Column(name="x", kind="numeric", number=NumberFormat(decimal=",", thousands="."), missing=("-1", "NA")),
    Column(name="x", kind="boolean", true=("yes",), false=("no",)),
    Column(name="x", kind="datetime"),
    Column(name="x", kind="datetime", formats=("%d/%m/%Y %H:%M", "%Y")),
    Column(name="x", kind="categorical", codes=True, missing=("?", "0")),
    Column(name="x", kind="text", nullable=False),
    Column(name="x", kind="numeric", least=-2.5, most=1e9),
    Column(name="x", kind="numeric", least=0, missing=("-1",), nullable=False),
    Column(name="x", kind="datetime", least=0.0),
    Column(name="x", kind="categorical", allowed=("0", "1", "true")),
    Column(name="x", kind="text", pattern=r"-?\d+(\.\d*)?"),
]


@given(st.sampled_from(RULES), st.lists(JSON, min_size=1, max_size=5))
@settings(deadline=None, database=None, max_examples=400)
def test_whatever_is_sent_becomes_a_finite_number_a_text_or_a_problem(rule: Column, sent: list[Any]) -> None:
    schema = Schema(columns=(rule,))
    for rows in ([{"x": value} for value in sent], {"x": sent}):
        decoded = decode_rows(rows, schema)
        assert not np.isinf(decoded.numbers).any()
        for text in decoded.strings.ravel():
            assert type(text) is str
            assert text.encode().decode() == text  # onnxruntime takes UTF-8
        assert all(p.reason and p.expected and p.value for p in decoded.problems)
        if not rule.nullable:
            held = decoded.numbers if decoded.numbers.shape[1] else decoded.strings
            missing = [v == "" or v != v for v in held[:, 0]]
            assert missing == decoded.refused.tolist()


@given(st.sampled_from(RULES), st.lists(st.floats() | st.integers(-(2**53), 2**53), min_size=1, max_size=8))
@settings(deadline=None, database=None, max_examples=300)
def test_numbers_in_an_array_are_decoded_as_one_by_one(rule: Column, sent: list[float]) -> None:
    schema = Schema(columns=(rule,))
    by_array, by_row = (
        decode_rows({"x": np.array(sent, dtype=np.float64)}, schema),
        decode_rows([{"x": float(v)} for v in sent], schema),
    )
    assert by_array.refused.tolist() == by_row.refused.tolist()
    np.testing.assert_array_equal(by_array.numbers, by_row.numbers)
    assert by_array.strings.tolist() == by_row.strings.tolist()
