"""A start and an end whose difference is the outcome are found; columns that merely go together are not."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(8)
N = 1200


def columns():
    start = RANDOM.uniform(0, 100, N)
    lasted = RANDOM.exponential(10, N)
    return start, lasted, {"start": start, "end": start + lasted, "x": RANDOM.normal(size=N)}


def test_the_time_between_two_columns_that_is_the_target_is_found(seen):
    _, lasted, table = columns()
    [found] = seen("MLW405", table | {"y": lasted + RANDOM.normal(size=N) * 0.5})
    assert (found.status, found.severity) == ("found", "issue")
    assert "the difference of 'start' and 'end' reaches r2" in found.evidence


def test_the_time_between_that_tells_a_class_is_found(seen):
    _, lasted, table = columns()
    [found] = seen("MLW405", table | {"y": np.where(lasted > 12, "late", "in time").tolist()})
    assert found.status == "found" and "roc_auc" in found.evidence


def test_another_leak_does_not_excuse_the_pair_nor_is_the_pair_of_a_leak_another(seen):
    _, lasted, table = columns()
    y = lasted + RANDOM.normal(size=N) * 0.5
    [found] = seen("MLW405", table | {"late": y + RANDOM.normal(size=N), "y": y})
    assert "'start' and 'end'" in found.evidence
    leak = {"late": y + RANDOM.normal(size=N) * 0.3, "guess": y + RANDOM.normal(size=N) * 9}
    assert [f.status for f in seen("MLW405", leak | {"x": table["x"], "y": y})] == ["passed"]


def test_columns_that_go_together_are_honest_when_their_difference_says_nothing(seen):
    start, _, table = columns()
    [passed] = seen("MLW405", table | {"y": start + RANDOM.normal(size=N) * 30})
    assert passed.status == "passed"


def test_columns_on_different_scales_are_not_compared(seen):
    start, _, table = columns()
    table["end"] = 1000 * table["end"]
    [nothing] = seen("MLW405", table | {"y": start + RANDOM.normal(size=N) * 30})
    assert nothing.status == "not_applicable"
