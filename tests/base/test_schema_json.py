"""A schema file reads back as what was written, and says by place and near miss what cannot be."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.errors import Misuse
from mlwright.base.schema import Column, NumberFormat, Schema, Target
from mlwright.base.schema_json import column_from, is_schema, schema_from_json, schema_to_json
from mlwright.base.texts import clean

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs"))
TEXTS = st.text(LETTERS, min_size=1, max_size=6).map(lambda s: clean(f"x{s}x"))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
RULES: dict[str, st.SearchStrategy[Any]] = {
    "nullable": st.booleans(),
    "optional": st.booleans(),
    "unique": st.booleans(),
    "missing": st.lists(TEXTS, max_size=3).map(tuple),
    "why": st.text(max_size=10),
}


def columns(name: str) -> st.SearchStrategy[Column]:
    ends = st.tuples(FINITE, FINITE).map(sorted)
    ranged = st.tuples(
        st.sampled_from(["numeric", "datetime"]), ends, ends, st.fixed_dictionaries({}, optional=RULES)
    )
    texts = st.tuples(st.lists(TEXTS, unique=True, max_size=4), st.fixed_dictionaries({}, optional=RULES))
    return st.one_of(
        ranged.map(
            lambda v: Column(
                name=name, kind=v[0], least=v[1][0], most=v[1][1], minimum=v[2][0], maximum=v[2][1], **v[3]
            )
        ),
        texts.map(lambda v: Column(name=name, kind="categorical", allowed=tuple(v[0]), **v[1])),
        texts.map(lambda v: Column(name=name, kind="text", pattern=r"[^\d]+\d{2,}", **v[1])),
        st.just(
            Column(
                name=name, kind="numeric", number=NumberFormat(symbols=("kr.",), units=(("kg", 1.0),))
            )
        ),
    )  # fmt: skip


@settings(max_examples=200, deadline=None, database=None)
@given(columns("a"), columns("b é"), st.sampled_from([None, Target(name="a", task="regression")]))
def test_what_is_written_reads_back_as_the_same(one: Column, other: Column, target: Target | None) -> None:
    schema = Schema(columns=(one, other), target=target)
    text = schema_to_json(schema)
    assert schema_from_json(text) == schema
    assert schema_from_json(text.encode()) == schema
    assert schema_to_json(schema_from_json(text)) == text
    assert is_schema(json.loads(text))


def test_a_moment_is_written_as_people_write_it() -> None:
    day = dt.datetime(2020, 2, 29, tzinfo=dt.UTC).timestamp()
    text = schema_to_json(Schema(columns=(Column(name="d", kind="datetime", least=day, most=day + 0.5),)))
    assert '"least": "2020-02-29"' in text and '"most": "2020-02-29T00:00:00.500000Z"' in text


def test_a_column_takes_one_line_a_field_whatever_it_lists() -> None:
    texts = tuple(f"c{i}" for i in range(500))
    text = schema_to_json(Schema(columns=(Column(name="c", kind="categorical", categories=texts),)))
    assert len(text.splitlines()) == 9


def test_values_may_be_written_as_people_think_of_them() -> None:
    column, wrong = column_from(
        {"name": " zip ", "kind": "categorical", "allowed": [7, "07", True, 1.0], "missing": [-999, "?"]}
    )
    assert wrong == [] and column is not None
    assert (column.name, column.allowed, column.missing) == ("zip", ("7", "07", "true", "1"), ("-999", "?"))


def one(**fields: Any) -> str:
    return json.dumps({"columns": [{"name": "x", "kind": "numeric", **fields}]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no JSON"),
        ('{"columns": [\n {"name": "x" "kind": 1}]}', "Expecting ',' delimiter (line 2, column 15)"),
        ("[1]", 'a schema is an object with a list of "columns"'),
        ('{"columns": {}}', 'a schema is an object with a list of "columns"'),
        ('{"columns": []}', "it has no column"),
        ('{"columns": [7]}', "column number 1: it is no object"),
        ('{"colums": [], "columns": []}', "the schema has no field 'colums'; did you mean 'columns'?"),
        ('{"columns": [{"name": "x", "kind": "text", "kind": "id"}]}', "the field 'kind' stands twice"),
        ('{"columns": [{"name": "x", "kind": "numeric", "least": NaN}]}', "NaN is no number in JSON"),
        (one(nulable=False), "column 'x': no field 'nulable'; did you mean 'nullable'?"),
        (one(min=0), "no field 'min'; did you mean 'least'?"),
        (one(minimum=0), "no field 'minimum': what was seen stands under 'seen'; did you mean 'least'?"),
        (one(seen={"least": 0}), "seen has no field 'least'; there are minimum, maximum, categories"),
        (one(seen=7), "field 'seen': it holds minimum, maximum, categories"),
        (one(kind="number"), "no kind 'number'; did you mean 'numeric'?"),
        (one(kind="float64"), "no kind 'float64'; there are numeric, boolean"),
        (one(kind=None), "it has no kind"),
        (one(role="targt"), "no role 'targt'; did you mean 'target'?"),
        (one(name=""), "field 'name'"),
        (one(name="x" * 257), "field 'name'"),
        (one(nullable="yes"), "field 'nullable': expected true or false, got a text"),
        (one(least="0"), "field 'least': expected a number, got a text"),
        (one(least=9, most=1), "field 'least': 9 is over most, 1"),
        (one(allowed=["1"]), "field 'allowed': a numeric column holds no texts; numbers have least and most"),
        (one(pattern="1"), "field 'pattern': a numeric column holds no texts"),
        (one(number={"decimal": ";"}), "field 'number'"),
        (one(number={"decimals": ","}), "no field 'decimals'; did you mean 'decimal'?"),
        (one(kind="boolean", least=0), "field 'least': a boolean column has no range"),
        (one(kind="datetime", least="soon"), "'soon' is no date or time in ISO 8601"),
        (one(kind="datetime", least="2021-01-01", most="2020-01-01"), "2021-01-01 is over most, 2020-01-01"),
        (one(kind="categorical", allowed="car"), "it is a list of texts"),
        (one(kind="categorical", allowed=["car", " car"]), "'car' stands in it twice"),
        (one(kind="categorical", allowed=["car", ""]), "the empty text is a missing value"),
        (one(kind="categorical", allowed=[["car"]]), "field 'allowed'"),
        (one(kind="text", pattern="(a"), "the pattern '(a' cannot be used: this ( is not closed"),
        (one(kind="text", pattern="a+", allowed=["aa", "b"]), "'b' does not match the column's own pattern"),
        (
            '{"columns": [{"name": "x", "kind": "id"}, {"name": "x", "kind": "id"}]}',
            "two columns are called 'x'",
        ),
        (
            '{"columns": [{"name": "x", "kind": "id", "role": "target"}, {"name": "y", "kind": "id", '
            '"role": "target"}]}',
            "'x' and 'y' are both the target",
        ),
        ('{"columns": [{"name": "x", "kind": "id"}], "target": {"nam": 1}}', "the target has no field 'nam'"),
        ('{"columns": [{"name": "x", "kind": "id"}], "target": {"name": "x"}}', "the target: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Misuse) as refused:
        schema_from_json(text, "schema.json")
    assert said in str(refused.value), str(refused.value)
    assert str(refused.value).startswith("schema.json: ")


def test_several_faults_are_told_together_and_many_are_counted() -> None:
    wrong = {"columns": [{"name": f"c{i}", "kind": "nope"} for i in range(8)]}
    with pytest.raises(Misuse, match=r"column 'c0'.*column 'c4'.*; and 3 more$"):
        schema_from_json(json.dumps(wrong))


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["columns", "name", "kind", "least", "allowed", "seen", "target", "number", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_a_schema_or_is_refused(tree: object) -> None:
    for text in (json.dumps(tree), json.dumps({"columns": [{"name": "x", "kind": "text", "allowed": tree}]})):
        try:
            schema = schema_from_json(text)
        except Misuse:
            continue
        assert schema_from_json(schema_to_json(schema)) == schema
