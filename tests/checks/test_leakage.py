"""Columns that know the answer are found by name; strong but honest ones are not."""

from __future__ import annotations

import numpy as np
import pytest

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
    columns["other"] = RANDOM.normal(size=N)
    total = columns["casual"] + columns["registered"] + 0.01 * RANDOM.normal(size=N)
    assert [f.status for f in seen("MLW402", columns | {"y": total})] == ["passed"]


def test_a_recoded_class_is_found_and_a_category_within_classes_is_not(seen):
    k = RANDOM.integers(0, 3, N)
    columns = honest() | {"code": k * 10, "y": [f"class {v}" for v in k]}
    assert names(seen("MLW402", columns)) == {"code"}
    columns["code"] = k * 10 + RANDOM.integers(0, 2, N)
    assert [f.status for f in seen("MLW402", columns)] == ["passed"]


def test_missing_values_that_tell_the_outcome_are_found(seen):
    columns = honest()
    y = RANDOM.random(N) < 0.4
    columns["claim"] = [None if v and RANDOM.random() < 0.9 else 1.5 * i for i, v in enumerate(y)]
    columns["random"] = [None if RANDOM.random() < 0.3 else 1.0 * i for i in range(N)]
    found = seen("MLW403", columns | {"y": y.astype(float)})
    assert names(found) == {"claim"}


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
