"""Every defect of the injector, strong, in a small real table: the check that it is for finds it there.

How often, at what strength and in which tables is measured by benchmarks/checks.py.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.base.finding import Finding
from mlwright.checks import CHECKS, compare, contaminated
from mlwright.checks.comparing import CONTAMINATION, SHIFT
from mlwright.checks.table import Table
from mlwright.data.codes import TITLES
from mlwright.data.dataset import Dataset
from mlwright.sources import ReadOptions, Roles, read
from mlwright.testing import DEFECTS, Spoilt, inject

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
KNOWN = {c.code for c in (*CHECKS, *SHIFT, *CONTAMINATION)} | set(TITLES)
PEOPLE = ("insurance.csv", "smoker")
OTHER = {"near_duplicates": ("wdbc.csv", "target")}
"""Where few of seven columns measure anything, rows are near each other by nature: here 30 do."""
SPREAD = {"label_errors", "sudden_change", "label_shift"}
"""Defects that no single row shows for certain."""


@cache
def table(name: str) -> pl.DataFrame:
    """The rows in random order, none twice."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"MLWRIGHT_DATA names no folder with {name}")
    frame = pl.read_csv(path).unique(maintain_order=True)
    return frame[np.random.default_rng(0).permutation(frame.height)]


@pytest.mark.parametrize("name", DEFECTS)
def test_every_defect_is_one_that_a_check_looks_for(name: str) -> None:
    assert set(DEFECTS[name].codes) <= KNOWN


@pytest.mark.parametrize("name", DEFECTS)
def test_a_strong_defect_is_found_where_it_is(name: str, tmp_path: Path) -> None:
    file, target = OTHER.get(name, PEOPLE)
    at = round(0.6 * table(file).height)
    earlier, later = (table(file)[:at], table(file)[at:]) if DEFECTS[name].pair else (None, table(file))

    def hits(seed: int) -> tuple[Spoilt, list[Finding]]:
        spoilt = inject(name, later, strength="strong", seed=seed, target=target, other=earlier)
        said = found(spoilt, target, tmp_path)
        return spoilt, [f for f in said if f.code in spoilt.codes and names(f, spoilt)]

    spoilt, told = hits(1)
    if not told:  # chance may hide it in one draw of three
        (spoilt, told), (_, again) = hits(2), hits(3)
        assert told and again, f"{name} in {spoilt.columns or 'the table'} was not found"
    clean = Spoilt(later, columns=spoilt.columns, other=earlier, codes=spoilt.codes)
    before = [f for f in found(clean, target, tmp_path) if f.code in spoilt.codes and names(f, clean)]
    assert not before, f"{before[0].code} was there before: {before[0].evidence}"
    rows = {r for f in told for r in f.rows}
    if rows and spoilt.rows and name not in SPREAD:
        assert spoilt.located(sorted(rows)) >= 0.8


def found(spoilt: Spoilt, target: str, folder: Path) -> list[Finding]:
    """What is found in the table as it would come: as a CSV file."""
    codes = spoilt.codes
    if spoilt.other is not None:
        earlier = decoded(spoilt.other, target, folder, spoilt)
        later = decoded(spoilt.frame, target, folder, spoilt).with_schema(earlier.schema)
        said = [*contaminated(earlier, later), *compare(earlier, later)]
    else:
        data = decoded(spoilt.frame, target, folder, spoilt)
        table = Table(data)
        said = [*data.findings, *(f for c in CHECKS if c.code in codes for f in c.findings(table))]
    return [f for f in said if f.status == "found"]


def decoded(frame: pl.DataFrame, target: str, folder: Path, spoilt: Spoilt) -> Dataset:
    path = folder / "table.csv"
    frame.write_csv(path)
    roles = Roles(target=target, time=spoilt.roles.get("time"), group=spoilt.roles.get("group"))
    return read(path, roles, ReadOptions(separator=","))


def names(finding: Finding, spoilt: Spoilt) -> bool:
    """Whether a finding is of one of the columns that have the defect, or of the table where that has it."""
    named = {finding.column, *(c for c in spoilt.frame.columns if f"'{c}'" in finding.evidence)}
    return not spoilt.columns or bool(named & set(spoilt.columns))
