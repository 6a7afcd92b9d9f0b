"""A table held to a schema: what does not fit is found with its rows, and what chance explains is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mlwright.base.finding import Finding
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema
from mlwright.checks.against import CHECKS, chance, unlisted
from mlwright.checks.held import Held, Reference, hold
from mlwright.data.profile import profile_of
from mlwright.sources import Roles, read

BY_CODE = {c.code: c for c in CHECKS}


def frame(rows: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"r{seed}-{i}" for i in range(rows)],
            "age": rng.integers(18, 90, rows).astype(str),
            "income": np.round(rng.lognormal(10, 1, rows), 2).astype(str),
            "city": rng.choice(["Rome", "Oslo", "Lima", "Bonn"], rows),
            "since": [f"20{y:02d}-03-04" for y in rng.integers(0, 24, rows)],
            "member": rng.choice(["yes", "no"], rows),
            "y": rng.choice(["a", "b"], rows),
        }
    )


REFERENCE = read(frame(400), Roles(target="y"))


def held(new: pl.DataFrame, schema: Schema | None = None, profile: Profile | None = None) -> Held:
    return hold(
        new, Reference(schema or REFERENCE.schema, "then", profile or profile_of(REFERENCE), REFERENCE)
    )


def looked(code: str, new: pl.DataFrame, schema: Schema | None = None) -> list[Finding]:
    return BY_CODE[code].findings(held(new, schema))


def found(code: str, new: pl.DataFrame, schema: Schema | None = None) -> list[Finding]:
    return [f for f in looked(code, new, schema) if f.status == "found"]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_table_from_the_same_source_passes_all(seed: int) -> None:
    new = frame(300, seed)
    assert {f.status for c in CHECKS for f in c.findings(held(new))} <= {"passed", "not_applicable"}
    turned = held(new.select(reversed(new.columns)))
    assert [f for c in CHECKS for f in c.findings(turned) if f.status == "found"] == []


def test_a_missing_column_is_an_issue_unless_optional_and_its_new_name_is_guessed() -> None:
    new = frame(20, 1).rename({"income": "Incom"}).drop("age", "y")
    by_name = {f.column: f for f in found("MLW501", new)}
    assert set(by_name) == {"age", "income"} and by_name["age"].severity == "issue"
    assert "'Incom' is there" in by_name["income"].evidence and "Rename 'Incom'" in by_name["income"].remedy
    schema = REFERENCE.schema.changed("age", optional=True).changed("income", optional=True)
    assert found("MLW501", new, schema) == []


def test_against_a_model_only_what_it_is_given_must_be_there() -> None:
    new = frame(20, 1).drop("id")
    assert [f.column for f in found("MLW501", new)] == ["id"]
    reference = Reference(REFERENCE.schema, "m.mlw", profile_of(REFERENCE), features_only=True)
    assert [f.status for f in BY_CODE["MLW501"].findings(hold(new, reference))] == ["passed"]


def test_added_columns_are_a_tip() -> None:
    (one,) = found("MLW502", frame(20, 1).with_columns(more=pl.lit(1), other=pl.lit(2)))
    assert one.severity == "tip" and one.evidence == "2 columns: 'more', 'other'"


def test_broken_rules_are_told_by_reason_with_rows_and_never_with_values() -> None:
    schema = REFERENCE.schema.changed("age", least=18, most=99, nullable=False)
    schema = schema.changed("city", allowed=("Rome", "Oslo", "Lima", "Bonn"))
    new = frame(100, 1).with_row_index("i")
    new = new.with_columns(
        age=pl.when(pl.col("i") == 3).then(pl.lit("17")).when(pl.col("i") < 2).then(pl.lit("zorro"))
        .when(pl.col("i") == 9).then(pl.lit("")).otherwise("age"),
        city=pl.when(pl.col("i") == 5).then(pl.lit("Paris")).otherwise("city"),
    ).drop("i")  # fmt: skip
    told = {(f.column, f.rows): f for f in found("MLW503", new, schema)}
    assert set(told) == {("age", (0, 1)), ("age", (3,)), ("age", (9,)), ("city", (5,))}
    assert all(f.severity == "issue" for f in told.values())
    assert told["age", (3,)].evidence.startswith("under what is allowed in 1 row, 1.0 % (")
    assert "a number from 18 to 99" in told["age", (3,)].evidence
    assert not any(word in f.evidence for f in told.values() for word in ("zorro", "Paris"))


def test_a_column_of_another_type_is_one_issue_and_no_broken_value() -> None:
    new = frame(100, 1).with_columns(
        age=pl.lit("forty"), city=pl.int_range(pl.len()).cast(pl.String), since=pl.lit("long ago")
    )
    assert {f.column for f in found("MLW505", new)} == {"age", "city", "since"}
    assert found("MLW503", new) == [] and found("MLW508", new) == [] and found("MLW506", new) == []


def test_wider_types_are_accepted_and_said() -> None:
    note = "some long words that nobody has ever said about a thing before, number"
    new = frame(100, 1).with_columns(
        age=pl.col("age") + ".5", city=pl.lit(note) + pl.int_range(pl.len()).cast(pl.String)
    )
    assert {f.column for f in found("MLW506", new)} == {"age", "city"}
    assert found("MLW505", new) == [] and found("MLW503", new) == [] and found("MLW508", new) == []


def test_values_outside_the_range_seen_are_told_where_chance_does_not_explain_them() -> None:
    one = frame(300, 1).with_row_index("i")
    few = one.with_columns(age=pl.when(pl.col("i") < 1).then(pl.lit("95")).otherwise("age")).drop("i")
    assert found("MLW507", few) == []
    many = one.with_columns(
        age=pl.when(pl.col("i") < 20).then(pl.lit("95")).when(pl.col("i") < 40).then(pl.lit("7"))
        .otherwise("age"),
        since=pl.when(pl.col("i") > 250).then(pl.lit("2031-01-01")).otherwise("since"),
    ).drop("i")  # fmt: skip
    told = {f.column: f for f in found("MLW507", many)}
    assert set(told) == {"age", "since"} and told["age"].rows == tuple(range(20))
    assert "under it in 20 rows" in told["age"].evidence and "over it in 20 rows" in told["age"].evidence


def test_new_categories_and_new_gaps_are_told_where_chance_does_not_explain_them() -> None:
    one = frame(300, 1).with_row_index("i")

    def some(rows: int) -> pl.DataFrame:
        return one.with_columns(
            city=pl.when(pl.col("i") < rows).then(pl.lit("Quito")).otherwise("city"),
            income=pl.when(pl.col("i") < rows).then(pl.lit("")).otherwise("income"),
        ).drop("i")

    assert found("MLW508", some(1)) == [] and found("MLW504", some(1)) == []
    (new,) = found("MLW508", some(30))
    assert new.column == "city" and new.evidence.startswith(
        "1 category not known before in 30 rows, 10.0 % ("
    )
    assert "Quito" not in new.evidence
    (gone,) = found("MLW504", some(30))
    assert gone.column == "income" and gone.rows == tuple(range(20))


def test_rare_categories_that_any_sample_has_are_no_news() -> None:
    rng = np.random.default_rng(0)
    zipf = 1 / np.arange(1, 2001)
    names = np.array([f"town {i}" for i in range(2000)])
    draws = [pl.DataFrame({"town": rng.choice(names, 3000, p=zipf / zipf.sum())}) for _ in range(30)]
    reference = read(draws[0], Roles(kinds={"town": "categorical"}))
    profile = profile_of(reference)
    wrong = 0
    for one in draws[1:]:
        table = hold(one, Reference(reference.schema, "", profile))
        wrong += any(f.status == "found" for f in BY_CODE["MLW508"].findings(table))
    assert wrong <= 4  # 5 % of 29, and what chance adds to that


def test_repeated_values_of_a_unique_column_are_an_issue() -> None:
    schema = REFERENCE.schema.changed("id", unique=True)
    new = frame(10, 1).with_columns(id=pl.Series(["a", "b", "a", "", "", "c", "d", "b", "a", "e"]))
    (one,) = found("MLW509", new, schema)
    assert one.rows == (2, 7, 8) and one.severity == "issue"
    assert [f.status for f in looked("MLW509", new)] == ["not_applicable"]


def test_too_few_rows_are_not_called_fine() -> None:
    statuses = {c.code: c.findings(held(frame(1, 1)))[0].status for c in CHECKS}
    few = read(frame(3), Roles(target="y"))
    against_few = hold(frame(2, 1), Reference(few.schema, "", profile_of(few), few))
    assert {statuses[c] for c in ("MLW501", "MLW503")} == {"passed"}
    for code in ("MLW504", "MLW507"):
        assert BY_CODE[code].findings(against_few)[0].status == "not_enough_data"


def test_a_schema_alone_does_not_say_what_was_seen() -> None:
    one = hold(frame(50, 1), Reference(REFERENCE.schema, "schema.json"))
    for code in ("MLW504", "MLW506", "MLW507", "MLW508"):
        (only,) = BY_CODE[code].findings(one)
        assert only.status == "not_applicable" and "a schema by itself says only" in only.evidence


def test_chance_is_what_shuffling_says() -> None:
    rng = np.random.default_rng(0)
    rows, before, count = 30, 60, 3
    shuffled = np.array([rng.permutation(rows + before)[:count].max() < rows for _ in range(20_000)])
    assert abs(shuffled.mean() - chance(count, rows, before)) < 4 * shuffled.std() / 20_000**0.5
    assert chance(0, 10, 10) == pytest.approx(1.0)
    few = np.array([(rng.permutation(rows + before)[:14] >= rows).sum() <= 4 for _ in range(20_000)])
    assert abs(few.mean() - unlisted(10, rows, before, 4)) < 4 * few.std() / 20_000**0.5


@pytest.mark.parametrize(
    "column",
    [
        Column(name="x", kind="numeric", nullable=False, least=0),
        Column(name="x", kind="categorical", allowed=("a",), unique=True),
        Column(name="x", kind="text", pattern="[a-z]+"),
        Column(name="x", kind="datetime"),
        Column(name="x", kind="boolean"),
    ],
)
@pytest.mark.parametrize(
    "values",
    [[], [None], [None] * 9, ["", "?"], [True, False], [1, 2**53], [float("inf"), 0.5], [[1], [2]], [b"a"]],
    ids=str,
)
def test_no_table_makes_a_check_fail(column: Column, values: list[Any]) -> None:
    schema = Schema(columns=(column,))
    profile = profile_of(read({"x": ["a", "b", "a"]}))
    one = hold(pl.DataFrame({"x": values}), Reference(schema, "", profile))
    assert "skipped" not in {f.status for c in CHECKS for f in c.findings(one)}
