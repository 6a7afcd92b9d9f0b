"""The verb: it never raises, says what it could not look at, and its table is complete."""

from __future__ import annotations

import re
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding
from mlwright.base.schema import Column, Schema
from mlwright.checks import CHECKS, Check, check
from mlwright.checks.outcome import CouldNotLook, Seen, first_rows, percent
from mlwright.checks.running import OVERRUN
from mlwright.checks.table import Table
from mlwright.data.dataset import Dataset, Provenance
from mlwright.statistics.intervals import Interval


def test_nothing_is_found_in_a_clean_table_and_every_check_answers(make, clean):
    findings = check(make(clean))
    assert not findings.found, str(findings)
    assert {f.code for f in findings} == {c.code for c in CHECKS}
    status = {f.code: f.status for f in findings}
    beside = {c: s for c, s in status.items() if s != "passed"}
    assert {"MLW109", "MLW203", "MLW205", "MLW403", "MLW405"} <= set(beside)
    told_apart = beside.pop("MLW307", "not_enough_data")  # 600 rows, hard to tell apart
    assert told_apart == "not_enough_data" and set(beside.values()) == {"not_applicable"}


def test_without_a_target_its_checks_do_not_apply(make, clean):
    status = {f.code: f.status for f in check(make(clean, target=None))}
    assert {s for c, s in status.items() if c >= "MLW301"} == {"not_applicable"}
    assert status["MLW101"] == status["MLW201"] == "passed"


def test_a_table_too_small_to_look_at_is_never_said_to_have_passed(make):
    findings = check(make({"a": [1.0], "y": ["no"]}))
    status = {f.code: f.status for f in findings}
    for code in ("MLW101", "MLW102", "MLW103", "MLW104", "MLW105", "MLW106", "MLW201", "MLW202", "MLW401"):
        assert status[code] == "not_enough_data", code
    assert status["MLW301"] == status["MLW304"] == "found"


def test_a_check_that_fails_is_skipped_with_its_reason_and_the_others_go_on(make, clean):
    def broken(table):
        raise ZeroDivisionError("secret value")

    [finding] = Check("MLW999", "broken", "tip", broken, "not at all").findings(Table(make(clean)))
    assert finding.status == "skipped"
    assert "ZeroDivisionError" in finding.evidence
    assert "secret" not in finding.evidence


def test_a_check_says_why_it_could_not_look(make, clean):
    def blind(table):
        raise CouldNotLook("not_applicable", "there is no light")
        yield

    [finding] = Check("MLW999", "blind", "tip", blind, "").findings(Table(make(clean)))
    assert (finding.status, finding.evidence) == ("not_applicable", "there is no light")


def test_one_fault_in_many_columns_is_told_shortly(make, clean):
    def everywhere(table):
        return [Seen("bad", "mend it", f"c{i}") for i in range(40)]

    findings = Check("MLW999", "many", "issue", everywhere, "").findings(Table(make(clean)))
    assert len(findings) == 8
    assert findings[-1].evidence.startswith("and so do 33 other columns: 'c7', 'c8'")
    assert findings[-1].evidence.endswith("and 13 more")
    assert findings[-1].severity == "issue"


def test_what_reading_found_stands_with_the_rest_and_codes_can_be_waived(make, clean):
    read = Finding(code="MLW005", title="markers", severity="tip", status="found")
    data = make(clean | {"same": [1.0] * 600})
    data = Dataset(data.frame, data.schema, data.provenance, (read,))
    assert {f.code for f in check(data).found} == {"MLW005", "MLW101"}
    waived = check(data, waive=("MLW101", "MLW005"))
    assert not waived.found
    assert {f.code for f in waived if f.status == "waived"} == {"MLW005", "MLW101"}
    with pytest.raises(UnknownName, match="did you mean 'MLW101'"):
        check(data, waive=("MLV101",))


def test_the_same_seed_finds_the_same(make, clean):
    data = make(clean | {"leak": [float(v == "yes") for v in clean["y"]]})
    assert check(data, seed=7) == check(data, seed=7)


def test_the_task_may_be_named(make, clean):
    data = make(clean | {"y": np.arange(600) % 5})
    assert {f.status for f in check(data, task="regression") if f.code == "MLW303"} == {"not_applicable"}
    assert {f.status for f in check(data) if f.code == "MLW303"} == {"passed"}


def test_the_table_of_checks_has_all_that_the_docs_print():
    codes = [c.code for c in CHECKS]
    assert codes == sorted(set(codes))
    for one in CHECKS:
        assert re.fullmatch(r"MLW[1-7]\d\d", one.code)
        assert one.title and one.title[0].islower() and not one.title.endswith(".")
        assert one.how.endswith(".")
        assert f"{one.code}." in (one.look.__doc__ or "")


def test_figures_are_readable():
    assert percent(Interval(0.00052, 0.0002, 0.0015)) == "0.052 % (0.02 to 0.15)"
    assert first_rows(np.arange(100)) == tuple(range(20))


cells = {
    "numeric": st.one_of(
        st.none(), st.sampled_from([0.0, 1.0, -1.0, 1e300, 999.0, 2.5]), st.floats(-1e6, 1e6)
    ),
    "boolean": st.sampled_from([None, 0.0, 1.0]),
    "datetime": st.one_of(st.none(), st.integers(0, 2_000_000_000).map(float)),
    "categorical": st.one_of(st.none(), st.sampled_from(["", "a", "b", "c"])),
    "text": st.one_of(st.none(), st.text(max_size=8)),
    "id": st.one_of(st.none(), st.integers(0, 40).map(str)),
}


@st.composite
def tables(draw):
    rows = draw(st.sampled_from([0, 1, 2, 30, 120]))
    columns, data = [], {}
    for j in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(sorted(cells)))
        role = draw(st.sampled_from(["feature", "feature", "id", "ignored", "group", "time", "weight"]))
        some = draw(st.lists(cells[kind], min_size=1, max_size=12))
        picks = np.random.default_rng(draw(st.integers(0, 99))).integers(0, len(some), rows)
        dtype = pl.Float64 if kind in ("numeric", "boolean", "datetime") else pl.String
        data[f"c{j}"] = pl.Series([some[k] for k in picks], dtype=dtype)
        columns.append(Column(name=f"c{j}", kind=kind, role=role))
    if columns and draw(st.booleans()):
        last = columns[-1]
        columns[-1] = Column(name=last.name, kind=last.kind, role="target")
    return Dataset(pl.DataFrame(data), Schema(columns=tuple(columns)), Provenance("made up"))


@settings(max_examples=60, deadline=None, database=None)
@given(tables())
def test_no_table_makes_a_check_fail(data):
    for finding in check(data):
        assert finding.status != "skipped", f"{finding.code}: {finding.evidence}"


@pytest.mark.parametrize("far", ["a", "y"])
def test_numbers_whose_squares_are_no_numbers_are_looked_at(far):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=120), "y": rng.normal(size=120)})
    frame = frame.with_columns(pl.Series(far, rng.choice([0.0, 1.0, 2.5, 1e300], 120)))
    columns = (Column(name="a", kind="numeric"), Column(name="y", kind="numeric", role="target"))
    found = check(Dataset(frame, Schema(columns=columns), Provenance("made up")))
    assert [f.code for f in found if f.status == "skipped"] == []


def test_looks_that_there_is_no_time_for_are_skipped_and_those_that_can_stop_a_fit_come_first(
    make, clean, monkeypatch
):
    """Time passes by one second a column that is looked at."""
    now = [0.0]
    honest = Table.series

    def slowly(table, column):
        now[0] += 1.0
        return honest(table, column)

    monkeypatch.setattr(Table, "series", slowly)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    dataset = make(clean | {"copy": clean["y"]})
    check(dataset)
    needed, now[0] = now[0], 0.0
    seconds = needed / OVERRUN / 2
    status = {f.code: f.status for f in check(dataset, seconds=seconds)}
    assert now[0] < 0.7 * needed
    late = {c for c, s in status.items() if s == "skipped"}
    assert len(late) > 5 and not late & {c.code for c in CHECKS if c.stops}
    assert status["MLW401"] == "found"  # a feature that is the target in other words
