"""The target in disguise: steps, single classes, words, bins and the next row's; and targets known in "
"part."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mlwright as mw

RANDOM = np.random.default_rng(12)
N = 600


def of(code, frame, **roles):
    return [f for f in mw.check(pl.DataFrame(frame, strict=False), target="y", **roles) if f.code == code]


def base():
    return {"a": RANDOM.normal(size=N), "b": RANDOM.normal(size=N)}


def classes():
    a = RANDOM.normal(size=N)
    k = np.digitize(a + RANDOM.normal(size=N), [-0.7, 0.7])
    return {"a": a, "b": RANDOM.normal(size=N)}, k, np.array(["low", "middle", "high"])[k]


@pytest.mark.parametrize("disguise", ["steps", "one class", "words", "renamed with gaps"])
def test_classes_in_disguise_are_found(disguise):
    columns, k, y = classes()
    values = {
        "steps": 10.0 * k + RANDOM.uniform(0, 10, N),
        "one class": np.where(k == 2, "A", "B"),
        "words": [f"judged {v}, by hand no {i % 97}" for i, v in enumerate(y)],
        "renamed with gaps": [None if i % 50 == 7 else f"S{v}" for i, v in enumerate(k)],
    }[disguise]
    found = [f for f in of("MLW402", columns | {"again": values, "y": y}) if f.status == "found"]
    assert [(f.column, f.severity) for f in found] == [("again", "issue")]


def test_honest_columns_are_not_the_target_in_disguise():
    columns, k, y = classes()
    nearly = np.where(RANDOM.random(N) < 0.02, RANDOM.integers(0, 3, N), k)
    columns["nearly"] = 10.0 * nearly + RANDOM.uniform(0, 9, N)
    columns["text"] = [f"high or low or middle, {i}" for i in range(N)]
    assert not [f for f in of("MLW402", columns | {"y": y}) if f.status == "found"]


@pytest.mark.parametrize("disguise", ["bins", "next row"])
def test_numbers_in_disguise_are_found(disguise):
    y = RANDOM.normal(size=N).round(3)
    values = {"bins": [f"band {int(v > -1) + int(v > 1)}" for v in y], "next row": np.roll(y, -1)}[disguise]
    found = [f for f in of("MLW402", base() | {"again": values, "y": y}) if f.status == "found"]
    assert [f.column for f in found] == ["again"]


def test_the_last_rows_target_is_no_leak():
    y = RANDOM.normal(size=N).round(3)
    assert not [f for f in of("MLW402", base() | {"last": np.roll(y, 1), "y": y}) if f.status == "found"]


def test_a_target_that_lacks_where_a_feature_is_high_is_told_from_one_that_lacks_by_chance():
    columns, _, y = classes()
    by_chance = [None if RANDOM.random() < 0.3 else v for v in y]
    assert [f.status for f in of("MLW308", columns | {"y": by_chance})] == ["passed"]
    by_feature = [None if a > 0.5 else v for a, v in zip(columns["a"], y, strict=True)]
    [found] = of("MLW308", columns | {"y": by_feature})
    assert found.status == "found" and "no target" in found.evidence and "roc_auc" in found.evidence
    few = [None if i < 10 else v for i, v in enumerate(y)]
    assert [f.status for f in of("MLW308", columns | {"y": few})] == ["not_enough_data"]


def test_rows_without_a_target_do_not_reach_the_data_set():
    data = mw.read({"a": [1, 2, 3] * 9, "y": ["p", None, "q"] * 9}, target="y")
    assert (
        len(data) == 18 and data.unlabelled.height == 9 and data.unlabelled["a"].unique().to_list() == [2.0]
    )


def test_a_target_cut_off_at_an_end_is_found_and_a_natural_one_is_not():
    y = RANDOM.normal(100, 20, N)
    assert [f.status for f in of("MLW308", base() | {"y": y})] == ["passed"]
    [found] = of("MLW308", base() | {"y": np.minimum(y, 125)})
    assert found.status == "found" and "cut off" in found.evidence
    assert all(y[row] >= 125 for row in found.rows)
    zeros = np.where(RANDOM.random(N) < 0.4, 0, y)
    assert [f.status for f in of("MLW308", base() | {"y": zeros})] == ["passed"]
