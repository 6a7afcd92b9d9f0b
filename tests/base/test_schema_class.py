"""A class of columns is the same Schema, and the source written of a Schema makes it again."""

from __future__ import annotations

import datetime as dt

import pytest

import mlwright as mw
from mlwright.base.errors import Misuse
from mlwright.base.schema import Column, NumberFormat, Schema
from mlwright.base.schema_class import schema_of_class, source_of


class Base(mw.Columns):
    """Docstrings and names with an underscore are no columns."""

    _note = "mine"
    amount = mw.column("numeric", least=0, nullable=False)
    opened = mw.column("datetime", least=dt.date(2020, 1, 1), most="2030-01-01", formats=["%d.%m.%Y"])


class Loans(Base):
    purpose: str = mw.column("categorical", allowed=("car", "house"), name="the purpose")
    defaulted = mw.column("boolean", role="target", true={"ja"})


def test_a_class_is_a_schema_with_the_columns_of_its_bases_first() -> None:
    assert schema_of_class(Loans).columns == (
        Column(name="amount", kind="numeric", least=0.0, nullable=False),
        Column(name="opened", kind="datetime", least=1577836800.0, most=1893456000.0, formats=("%d.%m.%Y",)),
        Column(name="the purpose", kind="categorical", allowed=("car", "house")),
        Column(name="defaulted", kind="boolean", role="target", true=("ja",)),
    )
    assert mw.schema(Loans) == schema_of_class(Loans)


def test_a_subclass_may_change_a_column_of_its_base() -> None:
    class Wider(Base):
        amount = mw.column("numeric")

    first = schema_of_class(Wider).columns[0]
    assert (first.name, first.least) == ("amount", None)


def test_wrong_classes_are_refused_when_they_are_made() -> None:
    with pytest.raises(Misuse, match=r"class Wrong: column 'age': field 'least': 9 is over most, 1"):

        class Wrong(mw.Columns):
            age = mw.column("numeric", least=9, most=1)

    with pytest.raises(Misuse, match=r"class Odd: 'age' is no column. What to do: write mw.column"):

        class Odd(mw.Columns):
            age = "numeric"

    with pytest.raises(Misuse, match="no field 'nulable'; did you mean 'nullable'"):

        class Near(mw.Columns):
            age = mw.column("numeric", nulable=False)  # type: ignore[call-arg]

    with pytest.raises(Misuse, match="it has no column"):
        mw.schema(mw.Columns)


def test_the_source_of_a_schema_makes_it_again() -> None:
    schema = Schema(
        columns=(
            *schema_of_class(Loans).columns,
            Column(name="class", kind="text", pattern=r"\w+ \"x\""),
            Column(name="2nd (kg)", kind="numeric", number=NumberFormat(decimal=",", units=(("kg", 1.0),))),
            Column(name="2nd [kg]", kind="id", role="id", unique=True, optional=True),
            Column(name="€", kind="categorical", missing=("?",), codes=True),
        )
    )
    names: dict[str, object] = {}
    exec(source_of(schema, "Again"), names)  # noqa: S102 - our own text
    again = names["Again"]
    assert isinstance(again, type) and issubclass(again, mw.Columns)
    assert schema_of_class(again) == schema
