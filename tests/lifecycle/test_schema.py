"""A schema is taken from whatever has one, written, given back, and a table held to it in every form."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import (
    EnvironmentProblem,
    Misuse,
    NotAModel,
    RowsRefused,
    SourceUnreadable,
    UnknownName,
)
from mlwright.base.schema import Column, Schema

OLD = Path(__file__).parents[1] / "fixtures" / "format-1.mlw"
TABLE = pl.DataFrame(
    {"age": [41, 7, 30] * 20, "city": ["Rome", "Oslo", "Rome"] * 20, "y": ["a", "b", "b"] * 20}
)


class People(mw.Columns):
    age = mw.column("numeric", least=10)
    city = mw.column("categorical")
    y = mw.column("categorical", role="target")


def test_a_schema_is_taken_from_tables_models_files_and_classes(tmp_path: Path) -> None:
    inferred = mw.schema(TABLE, out=tmp_path / "s.json", target="y")
    assert [(c.name, c.role) for c in inferred.columns][2] == ("y", "target")
    assert mw.schema(str(tmp_path / "s.json")) == inferred == mw.schema(inferred)
    assert mw.schema(mw.read(TABLE, target="y")) == inferred
    assert mw.schema(OLD) == mw.schema(mw.load(OLD)) == mw.load(OLD).schema
    assert mw.schema(People).names == ("age", "city", "y")
    TABLE.write_csv(tmp_path / "t.csv")
    assert mw.schema(tmp_path / "t.csv").column("age").kind == "numeric"


def test_the_schema_of_an_old_model_asks_for_no_more_than_it_did() -> None:
    for c in mw.schema(OLD).columns:
        assert (c.least, c.most, c.allowed, c.pattern, c.unique) == (None, None, (), "", False)


def test_a_json_table_is_a_table_and_no_schema(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"age": i} for i in range(9)]))
    assert mw.schema(tmp_path / "rows.json").names == ("age",)
    with pytest.raises(Misuse, match="this is no schema file"):
        mw.read(TABLE, schema=tmp_path / "rows.json")


def test_a_schema_is_written_as_a_python_class_where_the_name_says_so(tmp_path: Path) -> None:
    mw.schema(People, out=tmp_path / "people.py")
    assert 'age = mw.column("numeric", least=10.0)' in (tmp_path / "people.py").read_text()


def test_what_cannot_be_a_schema_says_so_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"columns": [{"name": "age", "knd": "numeric"}]}')
    with pytest.raises(Misuse, match=r"s\.json: column 'age': no field 'knd'; did you mean 'kind'"):
        mw.schema(tmp_path / "s.json")
    (tmp_path / "broken.json").write_text('{"columns": [{"name": ]}')
    with pytest.raises(Misuse, match=r"broken\.json: this is no JSON"):
        mw.check(TABLE, against=tmp_path / "broken.json")
    with pytest.raises(Misuse, match=r"brokn\.json: there is no such file; did you mean 'broken\.json'"):
        mw.check(TABLE, against=tmp_path / "brokn.json")
    with pytest.raises(NotAModel):
        mw.read(TABLE, schema=tmp_path / "none.mlw")
    with pytest.raises(Misuse, match="a int is no schema"):
        mw.read(TABLE, schema=7)
    with pytest.raises(EnvironmentProblem, match="there is no such folder"):
        mw.schema(TABLE, out=tmp_path / "no" / "s.json")
    with pytest.raises(Misuse, match="it would be overwritten"):
        mw.schema(tmp_path / "s.json", out=tmp_path / "s.json")
    with pytest.raises(SourceUnreadable):
        mw.schema(tmp_path / "none.csv")


def forms(tmp_path: Path) -> dict[str, object]:
    data = mw.read(TABLE, target="y")
    mw.schema(People, out=tmp_path / "people.json")
    TABLE.write_csv(tmp_path / "before.csv")
    return {
        "class": People,
        "schema": mw.schema(People),
        "schema file": tmp_path / "people.json",
        "dataset": data,
        "path": str(tmp_path / "before.csv"),
        "frame": TABLE,
        "columns": TABLE.to_dict(as_series=False),
    }


def test_a_table_is_held_to_any_of_them(tmp_path: Path) -> None:
    new = TABLE.drop("city").with_columns(pl.lit("old").alias("age"), more=1)
    for form, against in forms(tmp_path).items():
        found = {(f.code, f.column) for f in mw.check(new, against=against).found}
        assert {("MLW501", "city"), ("MLW502", ""), ("MLW505", "age")} <= found, form
        assert mw.check(TABLE.filter(pl.col("age") > 10), against=against).issues == (), form
        assert {f.code for f in mw.check(mw.read(new), against=against).found} >= {"MLW501", "MLW505"}, form
    found = {(f.code, f.column) for f in mw.check(TABLE, against=People).found}
    assert found == {("MLW503", "age")}


def test_the_target_may_be_absent_and_values_already_read_are_held_alike(tmp_path: Path) -> None:
    before = TABLE.with_columns(
        day=pl.Series(["2024-01-02", "2024-02-03", "2024-03-04"] * 20),
        paid=pl.Series(["yes", "no", "yes"] * 20),
    )
    data = mw.read(before, target="y")
    assert mw.check(mw.read(before.drop("y")), against=data).found == ()
    texts = data.schema.changed("paid", kind="categorical", true=(), false=(), allowed=("yes", "no"))
    assert mw.check(mw.read(before), against=texts).issues == ()


def test_codes_are_waived_and_roles_must_not_contradict() -> None:
    found = mw.check(TABLE, against=People, waive=("MLW503",))
    assert found.issues == () and [f.status for f in found if f.code == "MLW503"] == ["waived"]
    with pytest.raises(UnknownName, match="no finding 'MLW5O3'"):
        mw.check(TABLE, against=People, waive=("MLW5O3",))
    assert mw.check(TABLE, against=People, target="y").issues
    with pytest.raises(Misuse, match="target= has no effect beside against="):
        mw.check(TABLE, against=People, target="city")
    with pytest.raises(Misuse, match="drop= has no effect beside against="):
        mw.check(TABLE, against=mw.read(TABLE), drop=["city"])


def test_one_row_is_no_error() -> None:
    statuses = {f.code: f.status for f in mw.check(TABLE.head(1), against=mw.read(TABLE, target="y"))}
    assert statuses["MLW501"] == "passed" and "skipped" not in statuses.values()


def test_a_given_schema_goes_into_the_model_which_refuses_what_breaks_it() -> None:
    words = pl.Series(["ab-12", "cd-345", "ef-6789"] * 20)
    schema = Schema(
        columns=(
            Column(name="age", kind="numeric", least=7, most=41, nullable=False),
            Column(name="city", kind="categorical", allowed=("Rome", "Oslo", "Lima")),
            Column(name="code", kind="text", pattern=r"[a-z]{2}-\d+", nullable=False),
            Column(name="never", kind="categorical", pattern="x+", optional=True),
            Column(name="y", kind="categorical", role="target"),
        )
    )
    model = mw.load(mw.fit(TABLE.with_columns(code=words), schema=schema, max_trials=2).to_bytes())
    assert model.schema.column("age").least == 7 and model.schema.column("code").pattern == r"[a-z]{2}-\d+"
    good = {"age": 30, "city": "Lima", "code": "zz-1"}
    assert len(model.predict(good)) == 1
    for wrong, said in (
        ({"age": 6}, "'age': under what is allowed, expected a number from 7 to 41, got 6"),
        (
            {"city": "Bonn"},
            "'city': not one of the texts that are allowed, expected one of 'Rome', 'Oslo', 'Li",
        ),
        ({"code": "zz1"}, "'code': not of the pattern that is asked for"),
        ({"never": "y"}, "'never': not of the pattern that is asked for"),
    ):
        with pytest.raises(RowsRefused, match=said):
            model.predict({**good, **wrong})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"colums": []}', r"it has no `columns`; did you mean that by 'colums'\?"),
        ("[]", "it holds a list, not an object with `columns`"),
        ("", "it is not JSON"),
    ],
)
def test_a_file_that_is_no_schema_says_what_it_lacks(tmp_path, text, said):
    (tmp_path / "schema.json").write_text(text)
    with pytest.raises(Misuse, match=said):
        mw.read({"age": [1, 2, 3]}, schema=tmp_path / "schema.json")
