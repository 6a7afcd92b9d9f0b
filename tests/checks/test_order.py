"""Rows in blocks, sorted or drifting are told from random ones; a sudden change from drift and season."""

from __future__ import annotations

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
    [found] = seen("MLW206", columns | {"a": np.sort(columns["a"])})
    assert "rows are sorted by 'a'" in found.evidence
    [found] = seen("MLW206", columns | {"a": columns["a"] + np.linspace(0, 2, 800)})
    assert "no column shows what the order goes by" in found.evidence and "'a'" in found.evidence


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
