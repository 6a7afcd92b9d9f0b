"""A table read by a given schema: nothing is inferred, and all that breaks it is told with its rows."""

from __future__ import annotations

import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, SchemaBroken, TargetUnusable, UnknownName
from mlwright.base.schema import Column, Schema
from mlwright.sources import ReadOptions

SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numeric", least=0, missing=("?",)),
        Column(name="city", kind="categorical", allowed=("Rome", "Oslo")),
        Column(name="ref", kind="id", role="id", unique=True),
        Column(name="note", kind="text", optional=True),
        Column(name="y", kind="categorical", role="target"),
    )
)
TABLE = pl.DataFrame(
    {
        "extra": ["1"] * 6,
        "y": ["a", "b", "", "a", "b", "a"],
        "age": ["41", "-1", "7", "?", "old", "8"],
        "ref": ["r1", "r2", "r3", "r1", "r5", ""],
        "city": ["Rome", "Bern", "Oslo", "Rome", " Oslo ", ""],
    }
)


def test_columns_are_those_of_the_schema_with_what_was_seen() -> None:
    data = mw.read(TABLE, schema=SCHEMA)
    assert data.frame.columns == ["age", "city", "ref", "note", "y"]
    assert data.frame["age"].to_list() == [41.0, None, None, None, 8.0]
    assert data.frame["city"].to_list() == ["Rome", None, "Rome", "Oslo", None]
    age = data.schema.column("age")
    assert (age.least, age.minimum, age.maximum) == (0, 8.0, 41.0)
    assert data.target is not None and data.target.name == "y"
    assert (data.provenance.rows_read, data.provenance.rows_dropped) == (6, 1)


def test_what_breaks_the_schema_is_told_with_the_rows_of_the_source() -> None:
    found = {(f.code, f.column): f for f in mw.read(TABLE, schema=SCHEMA).findings}
    assert set(found) == {
        ("MLW041", ""), ("MLW012", "age"), ("MLW012", "city"), ("MLW009", "y"), ("MLW043", "ref"),
    }  # fmt: skip
    assert found["MLW012", "age"].rows == (1, 4) and found["MLW012", "age"].severity == "issue"
    assert found["MLW012", "city"].rows == (1,)
    assert found["MLW009", "y"].rows == (2,)
    assert found["MLW043", "ref"].rows == (3,)
    assert found["MLW041", ""].evidence == "1 column: 'extra'"
    assert not any("Bern" in f.evidence or "old" in f.evidence for f in found.values())


def test_a_row_without_a_value_that_may_not_be_missing_is_left_out() -> None:
    data = mw.read(TABLE, schema=SCHEMA.changed("age", nullable=False))
    assert data.frame["age"].to_list() == [41.0, 8.0]
    (found,) = [f for f in data.findings if f.code == "MLW042"]
    assert found.rows == (1, 3, 4) and found.column == "age"


def test_missing_columns_are_named_with_near_misses() -> None:
    with pytest.raises(SchemaBroken, match=r"1 column of the schema missing: 'age' \(is 'Age' meant\?\)"):
        mw.read(TABLE.rename({"age": "Age"}), schema=SCHEMA)
    assert len(mw.read(TABLE.drop("y"), schema=SCHEMA)) == 6


def test_roles_may_be_named_beside_a_schema() -> None:
    data = mw.read(TABLE, schema=SCHEMA, target="city", drop=["ref"])
    assert data.target is not None and data.target.name == "city"
    assert data.schema.column("y").role == "feature" and "ref" not in data.schema.names
    with pytest.raises(TargetUnusable, match="no target column 'Y'; did you mean 'y'"):
        mw.read(TABLE, schema=SCHEMA, target="Y")
    with pytest.raises(TargetUnusable, match="no target column 'y'"):
        mw.read(TABLE.drop("y"), schema=SCHEMA, target="y")
    with pytest.raises(UnknownName, match="no column to drop 'reff'"):
        mw.read(TABLE, schema=SCHEMA, drop=["reff"])
    with pytest.raises(Misuse, match="the time column 'city' is categorical"):
        mw.read(TABLE, schema=SCHEMA, time="city")
    with pytest.raises(Misuse, match="kinds= has no effect beside schema="):
        mw.read(TABLE, schema=SCHEMA, kinds={"age": "text"})


def test_a_file_that_is_written_otherwise_is_read_by_the_same_schema(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("age;city;ref;y\n1,5;Rome;a;u\n2,5;Oslo;b;v\n")
    data = mw.read(tmp_path / "t.csv", schema=SCHEMA, options=ReadOptions(decimal=","))
    assert data.frame["age"].to_list() == [1.5, 2.5]
    assert data.schema.column("age").number.decimal == "."


def test_a_table_of_which_no_row_fits_is_refused_with_the_reason() -> None:
    spelt = SCHEMA.changed("y", kind="boolean")
    with pytest.raises(
        TargetUnusable, match=r"no row has a target \('y': 6 of 6 rows; in 5 rows not a yes or"
    ):
        mw.read(TABLE, schema=spelt)
    with pytest.raises(
        SchemaBroken, match=r"no row has all that the schema needs \('age': 6 of 6 rows: under"
    ):
        mw.read(TABLE.drop("y"), schema=SCHEMA.changed("age", least=99, nullable=False))
    with pytest.raises(TargetUnusable, match="no row has a target"):
        mw.read(TABLE.with_columns(y=pl.lit("")), schema=SCHEMA, target="y")
