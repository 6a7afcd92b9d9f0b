"""Repeated rows, contradictions and repeated ids are counted exactly and named by row."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(2)


def test_contradictions_of_huge_numbers_are_measured_like_those_of_small_ones(seen):
    x, y = np.arange(300) % 30, np.random.default_rng(1).normal(size=300)
    small, huge = (seen("MLW202", {"x": x, "y": y * scale})[0] for scale in (1.0, 1e300))
    assert huge.status == "found"
    assert huge.evidence == small.evidence


def test_repeated_rows_are_counted_whatever_their_ids(seen, make):
    x = RANDOM.random(50)
    x[[10, 20]] = x[3]
    columns = {"x": x, "k": [f"{i}" for i in range(50)], "y": ["a"] * 25 + ["b"] * 25}
    [found] = seen("MLW201", make(columns, k="id"))
    assert found.rows == (10, 20)
    assert found.evidence.startswith("2 of 50 rows repeat an earlier one (ids left aside)")
    [passed] = seen("MLW201", make(columns))
    assert passed.status == "passed"


def test_missing_values_are_equal_to_each_other_in_repeated_rows(seen):
    [found] = seen("MLW201", {"x": [None, 1.0, None], "y": ["a", "b", "a"]})
    assert found.rows == (2,)


def test_equal_rows_with_different_classes_bound_what_any_model_can_reach(seen):
    x = np.repeat(np.arange(100), 4)
    y = np.tile(["a", "a", "a", "b"], 100)
    [found] = seen("MLW202", {"x": x, "y": y.tolist()})
    assert "25.0 %" in found.evidence and "wrong answers" in found.evidence
    assert found.rows[:3] == (3, 7, 11)
    [passed] = seen("MLW202", {"x": x, "y": np.repeat(["a", "b"], 200).tolist()})
    assert passed.status == "passed"


def test_a_few_contradicting_copies_are_found_in_a_small_table(seen):
    x = np.append(np.arange(768), np.arange(0, 750, 50))  # fifteen rows stand twice, with another class
    y = ["a", "b"] * 384 + ["b"] * 15
    [found] = seen("MLW202", {"x": x * 7.0, "y": y})
    assert found.status == "found" and "1.9 % (1.2 to 3.1)" in found.evidence and len(found.rows) == 15
    [passed] = seen("MLW202", {"x": x[:772] * 7.0, "y": y[:772]})
    assert passed.status == "passed"


def test_equal_rows_with_different_numbers_bound_the_variance_explained(seen):
    x = np.repeat(np.arange(200), 2)
    between = RANDOM.normal(size=200)[x]
    [found] = seen("MLW202", {"x": x, "y": between + RANDOM.normal(size=400)})
    assert found.status == "found" and "variance" in found.evidence
    [passed] = seen("MLW202", {"x": x, "y": between})
    assert passed.status == "passed"


def test_rows_that_never_meet_cannot_contradict_each_other(seen, clean):
    assert [f.status for f in seen("MLW202", clean)] == ["passed"]


def test_repeated_ids_ask_for_a_group(seen, make):
    ids = [f"p{i // 2}" for i in range(60)]
    [found] = seen(
        "MLW203", make({"patient": ids, "x": RANDOM.random(60), "y": RANDOM.random(60)}, patient="id")
    )
    assert found.column == "patient" and found.rows[:2] == (1, 3)
    assert "30 rows repeat one of 30 ids" in found.evidence
    assert "role group" in found.remedy
    unique = [f"p{i}" for i in range(59)] + [None]
    [passed] = seen(
        "MLW203", make({"patient": unique, "x": RANDOM.random(60), "y": RANDOM.random(60)}, patient="id")
    )
    assert passed.status == "passed"
