"""Shift between two tables: what moved is named, what did not is left alone, and doubt is said."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.base.finding import Findings
from mlwright.checks.comparing import Sketch, compare
from mlwright.data.dataset import Dataset
from mlwright.data.profile import profile_of


@pytest.fixture
def random():
    return np.random.default_rng(11)


@pytest.fixture
def table(make, random):
    """A maker of tables of the same kind: what is named replaces the columns that are not to be alike."""

    def made(rows: int, **instead) -> Dataset:
        columns = {
            "age": random.normal(40, 12, rows).round(),
            "income": random.lognormal(10, 1, rows),
            "city": random.choice(["a", "b", "c", "d"], rows, p=[0.4, 0.3, 0.2, 0.1]).tolist(),
            "y": random.choice(["no", "yes"], rows, p=[0.8, 0.2]).tolist(),
        }
        return make(columns | instead)

    return made


def found(findings: Findings) -> set[tuple[str, str]]:
    return {(f.code, f.column) for f in findings.found}


def status(findings: Findings, code: str) -> str:
    return next(f.status for f in findings if f.code == code)


def test_two_samples_of_one_population_have_not_shifted(table):
    findings = compare(table(2000), table(2000))
    assert {f.status for f in findings} == {"passed"}


def test_a_shifted_number_is_named_and_the_others_are_not(table, random):
    findings = compare(table(1500), table(1500, age=random.normal(46, 12, 1500).round()))
    assert found(findings) == {("MLW601", "age"), ("MLW602", "")}
    [joint] = [f for f in findings.found if f.code == "MLW602"]
    assert "'age'" in joint.evidence and "'income'" not in joint.evidence
    assert {f.severity for f in findings.found} == {"tip"}


def test_another_spread_is_a_shift_too(table, random):
    assert ("MLW601", "age") in found(compare(table(2000), table(2000, age=random.normal(40, 30, 2000))))


def test_another_mix_of_categories_is_named(table, random):
    moved = random.choice(["a", "b", "c", "d"], 2000, p=[0.25, 0.3, 0.2, 0.25]).tolist()
    findings = compare(table(2000), table(2000, city=moved))
    assert ("MLW601", "city") in found(findings)
    [mix] = [f for f in findings.found if f.column == "city"]
    assert re.match(r"the mix of categories differs by 1\d\.\d points \(\d", mix.evidence)
    assert "'a'" not in mix.evidence


def test_plain_figures_come_first_and_a_few_rows_tell_no_median(table):
    old, new = table(1500, age=[40.0] * 1500), table(1500, age=[55.5] * 1500)
    [age] = [f for f in compare(old, new).found if (f.code, f.column) == ("MLW601", "age")]
    assert age.evidence.startswith("median 40 before, 55.5 now; ") and "%" in age.evidence
    few = compare(table(2000), table(19, age=[80.0] * 19))
    assert not [f for f in few if "median" in f.evidence]


def test_everything_elsewhere_is_an_issue(table, random):
    [grave] = [f for f in compare(table(500), table(500, age=random.normal(400, 12, 500))).issues if f.column]
    assert (grave.code, grave.column) == ("MLW601", "age")


def test_columns_that_go_together_otherwise_are_found_though_each_stayed(make, random):
    def linked(sign: float) -> Dataset:
        x, noise = random.normal(size=2000), random.normal(size=2000)
        y = random.choice(["no", "yes"], 2000).tolist()
        return make({"x": x, "z": sign * 0.9 * x + 0.44 * noise, "other": random.normal(size=2000), "y": y})

    findings = compare(linked(1), linked(-1))
    assert found(findings) == {("MLW602", "")}
    [joint] = findings.found
    assert "'x'" in joint.evidence and "'z'" in joint.evidence and "'other'" not in joint.evidence


def test_a_target_that_moved_is_told_by_its_classes(table, random):
    findings = compare(table(2000), table(2000, y=random.choice(["no", "yes"], 2000, p=[0.6, 0.4]).tolist()))
    assert found(findings) == {("MLW603", "y")}
    assert "'yes'" in findings.found[0].evidence


def test_labels_spelt_otherwise_are_the_same_classes(table):
    old, new = table(800), table(800)
    spelt = replace(new, frame=new.frame.with_columns(pl.col("y").str.to_uppercase() + "."))
    assert status(compare(old, spelt), "MLW603") == "passed"


def test_new_categories_are_counted_beyond_chance(table, random):
    fresh = random.choice(["a", "b", "c", "e"], 2000, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    [new] = [f for f in compare(table(2000), table(2000, city=fresh)).found if f.code == "MLW604"]
    assert new.column == "city" and "one of 1 categories" in new.evidence


def test_names_that_stand_once_each_are_new_by_nature(make, random):
    tables = [
        make({"street": [f"s{i}" for i in random.integers(0, 4000, 2000)], "x": random.random(2000)}, None)
        for _ in range(2)
    ]
    assert status(compare(*tables), "MLW604") == "passed"


def test_values_that_went_missing_are_named(table, random):
    income = random.lognormal(10, 1, 1500)
    holes = np.where(random.random(1500) < 0.1, None, income).tolist()
    findings = compare(table(1500), table(1500, income=holes))
    assert ("MLW605", "income") in found(findings)
    assert "missing in 0.0 % of rows then" in next(f for f in findings if f.code == "MLW605").evidence


def test_only_values_that_were_lost_are_an_issue_and_those_that_came_have_their_own_words(table, random):
    income = random.lognormal(10, 1, 1500)
    few = table(1500, income=np.where(random.random(1500) < 0.9, None, income).tolist())
    [lost] = [f for f in compare(table(1500), few).found if f.code == "MLW605"]
    [came] = [f for f in compare(few, table(1500)).found if f.code == "MLW605"]
    assert (lost.severity, came.severity) == ("issue", "tip")
    assert "was lost" in lost.remedy and "lost" not in came.remedy and "filled in now" in came.remedy


def test_too_few_rows_are_no_verdict_and_how_many_would_be_is_said(table):
    findings = compare(table(2000), table(40))
    for code in ("MLW601", "MLW602", "MLW603"):
        [one] = [f for f in findings if f.code == code]
        assert one.status == "not_enough_data" and "fresh rows are needed" in one.evidence
    findings = compare(table(30), table(5000))
    assert "rows in each table are needed" in next(f for f in findings if f.code == "MLW601").evidence


def test_a_great_shift_is_found_in_few_rows_all_the_same(table, random):
    assert ("MLW601", "age") in found(compare(table(2000), table(40, age=random.normal(80, 12, 40))))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows_are_never_passed(table, rows):
    for findings in (compare(table(500), table(rows)), compare(table(rows), table(500))):
        assert not findings.found
        assert {f.status for f in findings} <= {"not_enough_data", "not_applicable"}


def test_a_profile_stands_for_its_table(table, random):
    old = table(3000)
    sketch = Sketch(profile_of(old), old.schema)
    moved = {
        "age": random.normal(46, 12, 1500),
        "city": random.choice(["a", "b", "c", "e"], 1500, p=[0.2, 0.3, 0.4, 0.1]).tolist(),
    }
    findings = compare(sketch, table(1500, **moved), task="binary")
    assert found(findings) == {("MLW601", "age"), ("MLW601", "city"), ("MLW604", "city")}
    assert status(findings, "MLW602") == "not_applicable"
    assert {f.status for f in compare(sketch, table(1500), task="binary")} == {"passed", "not_applicable"}


def test_rows_of_one_group_are_one_witness(make, random):
    def visits(people: range) -> Dataset:
        level = random.normal(size=len(people))
        person = np.repeat(np.arange(len(people)), 50)
        columns = {
            "x": level[person] + 0.1 * random.normal(size=len(person)),
            "who": [f"p{people[i]}" for i in person],
        }
        return make(columns, None, who="group")

    seen = [compare(visits(range(12)), visits(range(20, 32)), seed=i) for i in range(8)]
    assert sum(bool(f.found) for f in seen) <= 1
    ungrouped = [
        Dataset(d.frame.drop("who"), replace_columns(d), d.provenance)
        for d in (visits(range(12)), visits(range(12)))
    ]
    assert found(compare(*ungrouped))


def replace_columns(data: Dataset):
    import msgspec

    return msgspec.structs.replace(data.schema, columns=data.schema.columns[:1])


def test_ids_times_and_groups_themselves_are_not_compared(make, random):
    def rows(start: int) -> Dataset:
        numbers = np.arange(start, start + 600.0)
        columns = {"k": [str(n) for n in numbers], "at": numbers, "x": random.normal(size=600)}
        return make(columns, None, k="id", at="time")

    assert not found(compare(rows(0), rows(5000)))


def test_no_value_of_the_table_stands_in_evidence(table, random):
    old = table(900)
    new = table(900, city=["secret"] * 900, age=random.normal(987654, 1, 900))
    said = " ".join(f.evidence + f.remedy for f in compare(old, new))
    assert "secret" not in said and "98765" not in said


def test_equal_calls_answer_equally(table):
    old, new = table(700), table(700)
    assert compare(old, new, seed=3) == compare(old, new, seed=3)


def test_no_check_fails_on_odd_tables(make):
    odd = [
        make({"x": [None, None, None]}, None),
        make({"x": [1.0, 1.0]}, None),
        make({"t": ["a", None, "b"]}, None),
        make({"x": [1e308, -1e308, 0.0] * 50}, None),
    ]
    for one in odd:
        assert not [f for f in compare(one, one) if f.status == "skipped"]
        assert not [f for f in compare(Sketch(profile_of(one), one.schema), one) if f.status == "skipped"]


def test_without_lightgbm_the_tables_are_compared_column_by_column(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    findings = compare(table(800), table(800))
    [joint] = [f for f in findings if f.code == "MLW602"]
    assert joint.status == "skipped" and "LightGBM is not installed" in joint.evidence
    assert status(findings, "MLW601") == "passed"


def test_later_dates_in_later_rows_are_no_issue(make, random):
    def rows(start: int) -> Dataset:
        data = make({"at": start + np.arange(600.0), "x": random.normal(size=600)}, None)
        return data.with_schema(data.schema.changed("at", kind="datetime"))

    [later] = [f for f in compare(rows(0), rows(5000)) if f.code == "MLW601" and f.column == "at"]
    assert later.severity == "tip" and "name the column as the time" in later.remedy
