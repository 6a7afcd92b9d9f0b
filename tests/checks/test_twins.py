"""Near copies stand out from chance neighbours; tables of few values have none; empty rows are found."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(13)


def _rows(n: int = 600) -> dict[str, object]:
    return {f"x{j}": RANDOM.normal(size=n) for j in range(6)} | {
        "kind": [f"k{k}" for k in RANDOM.integers(0, 5, n)],
        "y": RANDOM.random(n),
    }


def test_copies_with_noise_or_one_other_cell_are_found(seen):
    columns = _rows()
    for at, original in ((100, 5), (200, 6)):
        for name in columns:
            columns[name][at] = columns[name][original]
    for j in range(6):
        columns[f"x{j}"][100] += 0.003
    columns["x2"][200] += 0.05
    [found] = seen("MLW204", columns)
    assert found.rows == (100, 200)
    assert "1 differs in one cell, 1 differs a little in several cells" in found.evidence


def test_case_and_blanks_make_no_other_row(seen):
    columns = _rows()
    columns["kind"] = ["North Side" if k == "k0" else k for k in columns["kind"]]
    original = columns["kind"].index("North Side")
    at = 599 if original != 599 else 598
    for name in columns:
        columns[name][at] = columns[name][original]
    columns["kind"][at] = " north  side"
    [found] = seen("MLW204", columns)
    assert found.rows == (at,) and "case, blanks or punctuation" in found.evidence


def test_rows_of_chance_are_not_near(seen):
    assert [f.status for f in seen("MLW204", _rows(1500))] == ["passed"]
    few = {f"c{j}": RANDOM.integers(0, 3, 1500) for j in range(6)}
    assert {f.status for f in seen("MLW204", few, target=None)} <= {
        "passed",
        "not_applicable",
        "not_enough_data",
    }


def test_equal_rows_of_few_values_are_no_copies_until_there_are_too_many(seen):
    random = np.random.default_rng(14)
    few = {f"c{j}": random.integers(0, 4, 1200).astype(float) for j in range(6)}
    assert [f.status for f in seen("MLW201", few, target=None)] == ["passed"]
    copied = {n: np.r_[v, np.tile(v[:30], 12)] for n, v in few.items()}
    [found] = seen("MLW201", copied, target=None)
    assert found.status == "found"


def test_nearly_empty_rows_are_found_against_chance(seen):
    random = np.random.default_rng(15)
    columns = {f"x{j}": np.where(random.random(500) < 0.1, np.nan, random.random(500)) for j in range(12)}
    passed = [f.status for f in seen("MLW205", columns, target=None)]
    for j in range(10):
        columns[f"x{j}"][[7, 70]] = np.nan
    [found] = seen("MLW205", columns, target=None)
    assert passed == ["passed"] and found.rows == (7, 70) and "of 12 features" in found.evidence
