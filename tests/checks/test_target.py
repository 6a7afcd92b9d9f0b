"""The target by itself: few rows, rare classes, imbalance, nothing to learn."""

from __future__ import annotations

import numpy as np
import pytest

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(("rows", "severity"), [(30, "issue"), (150, "tip")])
def test_few_rows_are_told_with_what_could_be_known(seen, rows, severity):
    [found] = seen("MLW301", {"x": RANDOM.random(rows), "y": RANDOM.random(rows)})
    assert (found.status, found.severity) == ("found", severity)
    assert "± " in found.evidence


@pytest.mark.parametrize("rows", [1, 2, 19])
def test_of_hardly_any_rows_only_that_they_are_few_is_told(seen, rows):
    [found] = seen("MLW301", {"x": RANDOM.random(rows), "y": RANDOM.random(rows)})
    assert found.evidence == f"{rows} {'row' if rows == 1 else 'rows'} with a target, 1 feature"


def test_few_rows_are_told_in_the_terms_of_the_task(seen):
    x = RANDOM.random(100)
    [number] = seen("MLW301", {"x": x, "y": 1000 * x})
    assert "an R squared of 0.50 would be known to ± 0.14" in number.evidence
    [label] = seen("MLW301", {"x": x, "y": ["a", "b"] * 50})
    assert "an accuracy of 80 % would be known to ± 8 points" in label.evidence


@pytest.mark.parametrize(
    ("columns", "roles", "evidence"),
    [
        ({}, {}, "the table has no other column"),
        ({"k": range(60)}, {"k": "id"}, "1 other column, but none is a feature"),
        (
            {"k": range(60), "c": ["a"] * 60},
            {"k": "id", "c": "ignored"},
            "2 other columns, but none is a feature",
        ),
    ],
)
def test_a_table_without_a_feature_is_an_issue(make, seen, columns, roles, evidence):
    [found] = seen("MLW306", make({**columns, "y": ["a", "b"] * 30}, **roles))
    assert (found.status, found.severity, found.column) == ("found", "issue", "y")
    assert found.evidence.startswith(evidence)
    assert seen("MLW306", {"x": range(60), "y": ["a", "b"] * 30})[0].status == "passed"


def test_rows_are_few_for_many_features(seen):
    columns = {f"x{i}": RANDOM.random(300) for i in range(40)} | {"y": RANDOM.random(300)}
    assert seen("MLW301", columns)[0].status == "found"
    fewer = dict(list(columns.items())[-31:])
    assert seen("MLW301", fewer)[0].status == "passed"


@pytest.mark.parametrize(("rare", "severity"), [(3, "issue"), (12, "tip")])
def test_rare_classes_are_named_by_their_rows(seen, rare, severity):
    y = ["a"] * 200 + ["b"] * 200 + ["c"] * rare
    [found] = seen("MLW302", {"x": RANDOM.random(len(y)), "y": y})
    assert found.severity == severity
    assert f"1 of 3 classes have fewer than 20 rows, the rarest {rare}" in found.evidence
    assert found.rows[0] == 400


@pytest.mark.parametrize(("positives", "status"), [(40, "found"), (95, "passed"), (130, "passed")])
def test_imbalance_is_found_when_the_interval_lies_under_a_tenth_of_two_classes(seen, positives, status):
    y = ["yes"] * positives + ["no"] * (1000 - positives)
    [finding] = seen("MLW303", {"x": RANDOM.random(1000), "y": y})
    assert finding.status == status


def test_numbers_that_are_few_and_whole_are_classes_and_amounts_are_not(seen):
    x = RANDOM.random(500)
    assert seen("MLW303", {"x": x, "y": (x > 0.97).astype(float)})[0].status == "found"
    assert seen("MLW303", {"x": x, "y": np.floor(40 * x)})[0].status == "not_applicable"
    assert seen("MLW303", {"x": x, "y": np.floor(4 * x) / 2})[0].status == "not_applicable"


@pytest.mark.parametrize(
    ("y", "evidence"),
    [
        (["a"] * 60, "one value in all 60 rows"),
        ([None] * 60, "no value at all"),
        ([f"t{i}" for i in range(60)], "60 classes in 60 rows: hardly any occurs twice"),
    ],
)
def test_a_target_with_nothing_to_learn_is_an_issue(seen, y, evidence):
    [found] = seen("MLW304", {"x": RANDOM.random(60), "y": y})
    assert (found.severity, found.evidence) == ("issue", evidence)
