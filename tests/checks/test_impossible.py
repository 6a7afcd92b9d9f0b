"""What a column's name says cannot be is found; what it only seems to say is not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.checks.running import CHECKS
from mlwright.checks.table import Table
from mlwright.data.dataset import Dataset, Provenance

RANDOM = np.random.default_rng(4)
DAY = 86_400.0


@pytest.mark.parametrize(
    ("name", "values", "rows"),
    [
        ("age", [*range(20, 90), -7, 178], (70, 71)),
        ("Alter", [*range(20, 90), 200], (70,)),
        ("âge", [*range(20, 90), -3], (70,)),
        ("quantity", [*range(1, 71), -4], (70,)),
        ("unit_price", [*range(1, 71), 0], (70,)),
        ("latitude", [*range(-30, 40), 95], (70,)),
        ("month", [*range(1, 13)] * 20 + [13], (240,)),
        ("humidity_pct", [*range(20, 90), 140], (70,)),
        ("propensity", [*np.linspace(0, 1, 70), 1.5], (70,)),
        ("Garage Yr Blt", [*range(1900, 1970), 2207], (70,)),
        ("dep_delay", [*range(70), -5], ()),
        ("price_change", [*range(1, 71), -5], ()),
        ("longitude", [*np.linspace(-124, -114, 70)], ()),
        ("temperature", [*range(-20, 50)], ()),
        ("age", RANDOM.normal(size=70), ()),
        ("months", [*range(70)], ()),
        ("Vertical_Distance", [*range(-5, 65)], ()),
    ],
)
def test_values_are_held_to_the_names_of_their_columns(seen, name, values, rows):
    [finding] = seen("MLW109", {name: values, "y": RANDOM.random(len(values))})
    assert finding.rows == rows
    assert (finding.status == "found") == bool(rows)


def test_a_marker_of_missing_is_not_said_twice(seen):
    ages = np.r_[RANDOM.integers(18, 80, 190), [-1] * 10]
    columns = {"age": ages, "y": RANDOM.random(200)}
    assert [f.status for f in seen("MLW106", columns)] == ["found"]
    assert [f.status for f in seen("MLW109", columns)] == ["passed"]


def _dated(**columns: np.ndarray) -> Table:
    schema = Schema(columns=tuple(Column(name=n, kind="datetime") for n in columns))
    return Table(Dataset(pl.DataFrame(columns), schema, Provenance("by hand")), now_s=20_000 * DAY)


def test_ends_before_starts_and_births_to_come_are_found():
    start = RANDOM.uniform(10_000, 12_000, 100) * DAY
    end = start + 5 * DAY
    end[[3, 40]] -= 9 * DAY
    born = start.copy()
    born[7] = 20_001 * DAY
    [check] = [c for c in CHECKS if c.code == "MLW109"]
    findings = {
        f.column: f for f in check.findings(_dated(start_date=start, end_date=end, date_of_birth=born))
    }
    assert findings["end_date"].rows == (3, 40) and "before 'start_date'" in findings["end_date"].evidence
    assert findings["date_of_birth"].rows == (7,)
