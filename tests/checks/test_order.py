"""Rows in blocks, sorted or drifting are told from random ones; a sudden change from drift and season."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance


def _columns(random: np.random.Generator, n: int = 800) -> dict[str, object]:
    return {
        "a": random.normal(size=n),
        "b": random.exponential(size=n),
        "site": [f"s{k}" for k in random.integers(0, 4, n)],
        "y": random.random(n),
    }


def test_a_random_order_passes_many_times(make):
    from mlwright.checks.running import CHECKS
    from mlwright.checks.table import Table

    looks = [c for c in CHECKS if c.code in ("MLW206", "MLW207")]
    random = np.random.default_rng(10)
    found = [
        f
        for _ in range(40)
        for c in looks
        for f in c.findings(Table(make(_columns(random))))
        if f.status == "found"
    ]
    assert len(found) <= 2


def test_blocks_sorting_and_drift_are_named(seen):
    random = np.random.default_rng(11)
    columns = _columns(random)
    blocks = columns | {"site": sorted(columns["site"])}
    [found] = seen("MLW206", blocks)
    assert "rows stand in blocks of 'site'" in found.evidence and "1 of 3 features" in found.evidence
    assert "as the group" in found.remedy
    [found] = seen("MLW206", columns | {"a": np.sort(columns["a"])})
    assert "rows are sorted by 'a'" in found.evidence
    [found] = seen("MLW206", columns | {"a": columns["a"] + np.linspace(0, 2, 800)})
    assert "no column shows what the order goes by" in found.evidence and "'a'" in found.evidence


def test_the_target_is_never_proposed_as_the_group_and_no_share_goes_beyond_0_and_1(seen):
    random = np.random.default_rng(13)
    kind = np.repeat(np.arange(3), 60)
    columns = {"a": 30.0 * kind + random.normal(size=180), "b": random.normal(size=180)}
    [found] = seen("MLW206", columns | {"y": [f"kind {k}" for k in kind]})
    assert "rows stand in blocks of 'y'" in found.evidence and "group" not in found.remedy
    shares = [float(x) for x in re.findall(r"-?\d+\.\d+", found.evidence)]
    assert len(shares) == 6 and max(shares[:3]) <= 1 and min(shares[3:]) >= 0 and max(shares[3:]) <= 1


def _timed(values: np.ndarray, random: np.random.Generator) -> Dataset:
    n = len(values)
    schema = Schema(
        columns=(
            Column(name="at", kind="datetime", role="time"),
            Column(name="x", kind="numeric"),
            Column(name="z", kind="numeric"),
        )
    )
    shuffled = random.permutation(n)
    frame = pl.DataFrame({"at": np.arange(n) * 3600.0, "x": values, "z": random.normal(size=n)})
    return Dataset(frame[shuffled], schema, Provenance("by hand"))


@pytest.mark.parametrize(
    ("what", "found"),
    [("step", True), ("missing", True), ("nothing", False), ("drift", False), ("season", False)],
)
def test_a_sudden_change_over_time_is_told_from_drift_and_season(seen, what, found):
    random = np.random.default_rng(12)
    x, at = random.normal(size=1000), np.arange(1000)
    if what == "step":
        x[600:] += 1
    elif what == "missing":
        x[:400] = np.nan
    elif what == "drift":
        x += at / 500
    elif what == "season":
        x += 2 * np.sin(at / 60)
    data = _timed(x, random)
    [finding] = seen("MLW207", data)
    assert (finding.status == "found") == found
    if found:
        assert finding.column == "x" and "in order of 'at'" in finding.evidence
        place = {"step": 600, "missing": 400}[what]
        assert abs(data.frame["at"][finding.rows[0]] / 3600 - place) <= 10


def test_a_column_that_follows_from_the_time_has_not_changed_suddenly(seen):
    random = np.random.default_rng(14)
    data = _timed(random.normal(size=1000), random)
    late = pl.col("at") >= 600 * 3600.0
    data = replace(data, frame=data.frame.with_columns(x=late.cast(pl.Float64)))
    [finding] = seen("MLW207", data)
    assert finding.status == "passed"
    back = pl.col("at") < 20 * 3600.0  # a column of two values that turns back does not follow from it
    [finding] = seen("MLW207", replace(data, frame=data.frame.with_columns(x=(late | back).cast(pl.Float64))))
    assert (finding.status, finding.column) == ("found", "x")
