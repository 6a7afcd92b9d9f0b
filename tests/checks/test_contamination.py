"""Contamination of a test table: planted copies are found and counted, populations of few kinds are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.base.finding import Finding
from mlwright.checks.comparing import contaminated
from mlwright.data.dataset import Dataset


@pytest.fixture
def random():
    return np.random.default_rng(23)


@pytest.fixture
def table(make, random):
    def made(rows: int, **roles: str) -> Dataset:
        columns = {f"x{j}": random.normal(size=rows) for j in range(5)}
        columns["city"] = random.choice(["a", "b", "c"], rows).tolist()
        return make(columns | {"y": random.choice(["no", "yes"], rows).tolist()}, **roles)

    return made


def look(train: Dataset, test: Dataset, code: str) -> Finding:
    return next(f for f in contaminated(train, test) if f.code == code)


def joined(one: Dataset, other: pl.DataFrame) -> Dataset:
    return Dataset(pl.concat([one.frame, other]), one.schema, one.provenance)


def test_two_samples_of_one_population_are_clean(table):
    findings = contaminated(table(800), table(400))
    assert not findings.found
    assert {f.status for f in findings} == {"passed", "not_applicable"}


def test_copied_rows_are_counted_and_named_whatever_their_labels(table):
    train = table(1000)
    test = joined(table(180), train.frame[:20])
    copied = look(train, test, "MLW651")
    assert (copied.status, copied.severity) == ("found", "issue")
    assert copied.rows == tuple(range(180, 200))
    assert "20 of 200 test rows" in copied.evidence and "20 of them with the same target" in copied.evidence
    unlabelled = Dataset(test.frame.drop("y"), test.schema, test.provenance)
    assert look(train, unlabelled, "MLW651").rows == copied.rows


def test_copies_are_copies_under_new_ids(make, random):
    values = random.normal(size=400)
    train = make({"k": [f"{i}" for i in range(400)], "x": values, "y": values}, k="id")
    test = make({"k": [f"t{i}" for i in range(100)], "x": values[:100], "y": values[:100]}, k="id")
    assert look(train, test, "MLW651").severity == "issue"


def test_few_copies_are_a_tip(table):
    train = table(20_000)
    copied = look(train, joined(table(9_950), train.frame[:50]), "MLW651")
    assert (copied.status, copied.severity) == ("found", "tip")


def test_rows_of_few_kinds_repeat_by_nature(make, random):
    tables = [
        make({"a": random.integers(0, 3, n), "b": random.integers(0, 4, n), "y": random.integers(0, 2, n)})
        for n in (900, 300)
    ]
    assert look(*tables, "MLW651").status == "passed"


@pytest.mark.parametrize("noise", [0.001, 0.02])
def test_copies_with_a_little_noise_are_near_copies(table, random, noise):
    train, test = table(2000), table(300)
    columns = [pl.col(f"x{j}") + pl.Series(random.normal(0, noise, 40)) for j in range(5)]
    mixed = joined(test, train.frame[:40].with_columns(*columns))
    assert look(train, mixed, "MLW651").status == "passed"
    near = look(train, mixed, "MLW652")
    assert near.status == "found" and set(near.rows) <= set(range(300, 340)) and len(near.rows) == 20


def test_near_copies_of_a_sample_of_training_are_found_too(table, random):
    train, test = table(60_000), table(900)
    columns = [pl.col(f"x{j}") + pl.Series(random.normal(0, 0.001, 300)) for j in range(5)]
    mixed = joined(test, train.frame[:300].with_columns(*columns))
    assert look(train, mixed, "MLW652").status == "found"


def test_test_rows_before_the_end_of_training_overlap(make, random):
    def hours(start: float) -> Dataset:
        return make({"at": np.arange(start, start + 500), "x": random.random(500)}, None, at="time")

    assert look(hours(0), hours(500), "MLW653").status == "passed"
    assert look(hours(0), hours(499), "MLW653").status == "passed"  # an hour in 500 is no overlap
    overlap = look(hours(0), hours(300), "MLW653")
    assert overlap.severity == "issue" and "39.8 %" in overlap.evidence and overlap.rows[0] == 0
    assert "older than training" in look(hours(600), hours(0), "MLW653").evidence


def test_a_group_in_both_tables_is_an_issue(make, random):
    def visits(people: range) -> Dataset:
        columns = {"who": [f"p{p}" for p in people for _ in range(4)], "x": random.random(4 * len(people))}
        return make(columns, None, who="group")

    assert look(visits(range(50)), visits(range(50, 70)), "MLW654").status == "passed"
    both = look(visits(range(50)), visits(range(45, 65)), "MLW654")
    assert (both.column, both.severity) == ("who", "issue")
    assert "5 values of 'who' stand in both tables" in both.evidence and both.rows == tuple(range(20))


def test_counters_that_begin_anew_name_nobody_and_patients_do(make, random):
    def rows(ids: range, level: np.ndarray) -> Dataset:
        columns = {
            "k": [str(i) for i in ids],
            "sex": (level[list(ids)] > 0).astype(float),
            "born": level[list(ids)].round(1),
            "x": random.normal(size=len(ids)),
        }
        return make(columns, None, k="id")

    level = random.normal(size=400)
    patients = look(rows(range(300), level), rows(range(200, 400), level), "MLW654")
    assert (patients.status, patients.column, patients.severity) == ("found", "k", "tip")
    counted = look(rows(range(300), level), rows(range(200), random.normal(size=400)), "MLW654")
    assert counted.status == "passed"


def test_labels_turned_round_contradict_training(make, random):
    def rows(count: int, turned: bool) -> Dataset:
        kind = random.integers(0, 30, count)
        label = (kind % 2 == 0) ^ (random.random(count) < 0.05) ^ turned
        return make({"kind": kind, "y": np.where(label, "yes", "no").tolist()})

    assert look(rows(900, False), rows(300, False), "MLW655").status == "passed"
    assert look(rows(900, False), rows(300, True), "MLW655").status == "found"


def test_noisy_labels_of_rows_that_stand_twice_contradict_no_more_than_within_training(make, random):
    def rows(kinds: np.ndarray) -> Dataset:
        return make({"kind": kinds, "y": random.choice(["no", "yes"], len(kinds), p=[0.7, 0.3]).tolist()})

    train, test = np.concatenate([np.arange(600), np.arange(300)]), np.arange(600)
    assert look(rows(train), rows(test), "MLW655").status == "passed"


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_tables_are_never_passed(table, rows):
    for one, other in ((table(200), table(rows)), (table(rows), table(200))):
        assert not [f for f in contaminated(one, other) if f.status in ("found", "skipped")]
    assert {f.status for f in contaminated(table(200), table(0))} <= {"not_enough_data", "not_applicable"}
