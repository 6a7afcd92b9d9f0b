"""Columns that know the answer are found by name; strong but honest ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.checks import check

RANDOM = np.random.default_rng(4)
N = 1500


def honest(n=N):
    return {f"x{i}": RANDOM.normal(size=n) for i in range(4)}


def names(findings):
    return {f.column for f in findings if f.status == "found"}


def test_a_column_filled_in_after_the_outcome_is_found(seen):
    columns = honest()
    y = np.where(columns["x0"] + RANDOM.normal(size=N) > 0, "yes", "no")
    columns["afterwards"] = (y == "yes") + RANDOM.normal(size=N) * 0.2
    found = seen("MLW401", columns | {"y": y.tolist()})
    assert names(found) == {"afterwards"}
    assert "by the others together" in found[0].evidence and "1,500 rows" in found[0].evidence
    assert found[0].severity == "issue"


def test_a_strong_column_is_honest_where_others_are_nearly_as_good(seen):
    hidden = RANDOM.normal(size=N) * 3
    columns = {f"x{i}": hidden + RANDOM.normal(size=N) for i in range(4)}
    y = np.where(hidden > 0, "yes", "no")
    assert [f.status for f in seen("MLW401", columns | {"y": y.tolist()})] == ["passed"]


def test_two_leaks_that_say_the_same_do_not_excuse_each_other(seen):
    columns = honest()
    y = columns["x0"] + RANDOM.normal(size=N)
    columns["late"] = y + RANDOM.normal(size=N) * 0.1
    columns["late too"] = columns["late"] * 2 + 1
    assert names(seen("MLW401", columns | {"y": y})) == {"late", "late too"}


def test_a_leak_of_many_classes_and_by_category_is_found(seen):
    k = RANDOM.integers(0, 5, N)
    shown = np.where(RANDOM.random(N) < 0.03, RANDOM.integers(0, 5, N), k)
    columns = honest() | {"office": [f"o{v}" for v in shown], "y": [f"class {v}" for v in k]}
    assert names(seen("MLW401", columns)) == {"office"}


def test_chance_does_not_leak(seen):
    columns = honest(200) | {"y": RANDOM.integers(0, 2, 200)}
    columns["many"] = [f"v{k}" for k in RANDOM.integers(0, 150, 200)]
    assert [f.status for f in seen("MLW401", columns)] == ["passed"]


@pytest.mark.parametrize(
    ("relation", "said"),
    [
        (lambda y: 3 * y - 7, "multiple"),
        (lambda y: np.exp(y / 10), "steadily"),
        (lambda y: -(y**3), "steadily"),
    ],
)
def test_the_target_under_another_name_is_found(seen, relation, said):
    columns = honest()
    y = 5 * columns["x0"] + RANDOM.normal(size=N)
    [found] = seen("MLW402", columns | {"again": relation(y), "y": y})
    assert found.column == "again" and said in found.evidence


def test_parts_of_which_the_target_is_the_sum_are_found_together(seen):
    columns = honest()
    columns["casual"], columns["registered"] = RANDOM.poisson(9, N), RANDOM.poisson(30, N)
    found = seen("MLW402", columns | {"y": columns["casual"] + columns["registered"]})
    assert names(found) == {"casual", "registered"}
    assert all(f.remedy.startswith("Leave all of them out: ") for f in found)  # one alone may tell most
    columns["other"] = RANDOM.normal(size=N)
    total = columns["casual"] + columns["registered"] + 0.01 * RANDOM.normal(size=N)
    assert [f.status for f in seen("MLW402", columns | {"y": total})] == ["passed"]


def test_a_recoded_class_is_found_and_a_category_within_classes_is_not(seen):
    k = RANDOM.integers(0, 3, N)
    columns = honest() | {"code": k * 10, "y": [f"class {v}" for v in k]}
    assert names(seen("MLW402", columns)) == {"code"}
    columns["code"] = k * 10 + RANDOM.integers(0, 2, N)  # a gap between classes: MLW401 judges that
    assert [f.status for f in seen("MLW402", columns)] == ["passed"]


def test_missing_values_that_tell_the_outcome_are_found(seen):
    columns = honest()
    y = RANDOM.random(N) < 0.4
    columns["claim"] = [None if v and RANDOM.random() < 0.9 else 1.5 * i for i, v in enumerate(y)]
    columns["random"] = [None if RANDOM.random() < 0.3 else 1.0 * i for i in range(N)]
    found = seen("MLW403", columns | {"y": y.astype(float)})
    assert names(found) == {"claim"}


def test_missing_values_that_tell_one_class_of_many_are_found(seen):
    k = RANDOM.integers(0, 6, N)
    columns = honest() | {"y": [f"class {v}" for v in k]}
    columns["claim"] = [None if RANDOM.random() < (0.9 if v else 0.1) else 1.5 * i for i, v in enumerate(k)]
    columns["random"] = [None if RANDOM.random() < 0.5 else 1.0 * i for i in range(N)]
    [found] = seen("MLW403", columns)
    assert found.column == "claim" and "on one of the 6 classes" in found.evidence


def test_rows_in_order_of_the_target_are_found_unless_time_is_named(seen, make):
    columns = honest() | {"t": np.arange(N), "y": np.where(np.arange(N) < 500, "a", "b").tolist()}
    columns["t"] = columns["t"] + 0.5
    assert [f.column for f in seen("MLW404", columns) if f.status == "found"] == [""]
    assert [f.status for f in seen("MLW404", make(columns, t="time"))] == ["not_applicable"]
    columns["y"] = RANDOM.permutation(columns["y"]).tolist()
    assert [f.status for f in seen("MLW404", columns)] == ["passed"]


def test_an_id_whose_number_tells_the_target_is_found_by_name(seen, make):
    number = RANDOM.permutation(N)
    columns = honest() | {"case": [str(v) for v in number], "y": 0.001 * number + RANDOM.normal(size=N) * 0.1}
    assert names(seen("MLW404", make(columns, case="id"))) == {"case"}


def test_evidence_of_leaks_names_no_values(seen):
    columns = honest() | {"who": ["Smith" if v else "Jones" for v in RANDOM.integers(0, 2, N)]}
    columns["y"] = ["rich" if v == "Smith" else "poor" for v in columns["who"]]
    for code in ("MLW401", "MLW402"):
        [found] = seen(code, columns)
        assert found.column == "who"
        assert not {"Smith", "Jones", "rich", "poor"} & set(found.evidence.replace("'", " ").split())


def honest_tables():
    """Tables in which one honest feature tells nearly all."""
    random = np.random.default_rng(11)
    x = random.normal(size=800)
    noise = {"n1": random.normal(size=800), "n2": random.exponential(size=800)}
    yield "a strong number", {"x": x, "y": 2 * x + 0.28 * random.normal(size=800)} | noise
    yield "a strong number alone", {"x": x, "y": 2 * x + 0.02 * random.normal(size=800)}
    item, price = random.integers(0, 12, 800), np.cumsum(random.uniform(3, 9, 12))
    named = {"item": [f"item {k}" for k in item]}
    yield "a list of prices", named | noise | {"y": price[item]}
    yield "a list of prices that vary", named | noise | {"y": price[item] * random.uniform(0.99, 1.01, 800)}
    tier = np.arange(800) % 14
    yield "a tier of prices", {"tier": tier.astype(float)} | noise | {"y": 10.0 * tier**2 + 3}
    town = random.integers(0, 60, 800)
    region = [f"region {k // 20}" for k in town]
    yield "a list of towns", {"town": [f"town {k}" for k in town]} | noise | {"y": region}
    sick = random.random(800) < 0.3
    blood = np.where(sick, 7.0, 5.2) + random.normal(size=800) * 0.7
    other = sick + random.normal(size=800)
    yield "a marker in the blood", {"blood": blood, "age": other} | noise | {"y": sick.astype(float)}
    kind = np.repeat([0, 1], 50)
    petals = {"length": 1.5 + 2.8 * kind, "width": 0.25 + 1.1 * kind}
    petals = {n: v + 0.15 * random.normal(size=100) for n, v in petals.items()}
    sepals = {"sepal": 5 + 0.9 * kind + 0.4 * random.normal(size=100)}
    yield "petals", petals | sepals | {"y": [f"species {k}" for k in kind]}


@pytest.mark.parametrize(("what", "columns"), list(honest_tables()))
def test_a_strong_honest_feature_stops_nothing(what, columns, make):
    found = check(make(columns))
    assert not [f for f in found.issues if f.stops], what


@pytest.mark.parametrize("rows", [300, 1500])
def test_what_no_honest_feature_reaches_stops(rows, seen):
    random = np.random.default_rng(rows)
    x = random.normal(size=rows)
    late = x + random.normal(size=rows)
    for y, leak in (
        (late, late + 0.02 * random.normal(size=rows)),
        ((late > 0).astype(float), (late > 0) + 0.2 * random.normal(size=rows)),
    ):
        [found] = seen("MLW401", {"x": x, "late": leak, "y": y})
        assert (found.column, found.severity) == ("late", "issue")


@pytest.mark.slow
def test_honest_tables_raise_no_alarm(seen):
    alarms = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        x = random.normal(size=(150, 6))
        y = (x[:, 0] + random.normal(size=150) > 0).astype(float)
        columns = {f"x{i}": x[:, i] for i in range(6)} | {"y": y}
        for code in ("MLW401", "MLW402", "MLW403", "MLW404"):
            alarms += sum(f.status == "found" for f in seen(code, columns))
    assert alarms == 0
