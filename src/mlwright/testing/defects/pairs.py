"""Defects between two tables: what was trained on stands in the test, or the new table is another world.

Each function takes a `Clean` whose `other` is the earlier table, and spoils `frame`, the later one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.errors import Misuse
from mlwright.testing.defects.rows import BEGIN, moments
from mlwright.testing.defects.spoiling import (
    SHARES,
    Clean,
    Defect,
    Doubles,
    Spoilt,
    deviation,
    is_category,
    is_fine,
    is_number,
    listed,
    moved,
    numbers_of,
    replaced,
)

ROWS_AN_ENTITY: Final = 5
NEW: Final = "Zone 9"
CORRELATED: Final = 0.5


def contamination_exact(clean: Clean) -> Spoilt:
    """Rows of the earlier table stand in the later one."""
    other, rows = _other(clean), clean.some(clean.degree)
    copies = other[clean.random.choice(other.height, len(rows), replace=False)]
    return Spoilt(_exchanged(clean.frame, rows, copies), (), listed(rows), other=other)


def contamination_fuzzy(clean: Clean) -> Spoilt:
    """Rows of the earlier table stand in the later one with one number a little changed."""
    other, rows = _other(clean), clean.some(clean.degree)
    name = clean.pick(is_fine, "a number that can be a little changed")
    known = np.flatnonzero(other[name].is_not_null().to_numpy())
    copies = other[clean.random.choice(known, len(rows), replace=False)]
    copies = copies.with_columns(moved(copies[name], deviation(clean.frame[name])))
    return Spoilt(_exchanged(clean.frame, rows, copies), (), listed(rows), other=other)


def entity_on_both_sides(clean: Clean) -> Spoilt:
    """Customers of the earlier table stand in the later one; the column that names them is added to both."""
    other, name = _other(clean), clean.new("customer")
    before = clean.random.integers(0, max(2, other.height // ROWS_AN_ENTITY), other.height)
    here = clean.random.integers(0, max(2, len(clean) // ROWS_AN_ENTITY), len(clean)) + 10_000_000
    rows = clean.some(clean.degree)
    here[rows] = clean.random.choice(before, len(rows))
    return Spoilt(
        clean.frame.with_columns(pl.Series(name, [f"C{k}" for k in here])),
        (name,),
        listed(rows),
        roles={"group": name},
        other=other.with_columns(pl.Series(name, [f"C{k}" for k in before])),
    )


def time_overlap(clean: Clean) -> Spoilt:
    """Rows of the later table lie before the end of the earlier one; a time column is added to both."""
    other, time = _other(clean), clean.new("seen_at")
    here = moments(clean, len(clean), 300.0, 100.0)
    rows = clean.some(clean.degree)
    for row in rows:
        here[int(row)] = BEGIN + timedelta(days=float(clean.random.uniform(200, 299)))
    return Spoilt(
        clean.frame.with_columns(pl.Series(time, here)),
        (time,),
        listed(rows),
        roles={"time": time},
        other=other.with_columns(pl.Series(time, moments(clean, other.height))),
    )


def marginal_shift(clean: Clean) -> Spoilt:
    """All values of a number are larger in the later table."""
    name = clean.pick(is_number, "a number")
    values = numbers_of(clean.frame[name]) + clean.degree * deviation(clean.frame[name])
    frame = clean.frame.with_columns(pl.Series(name, values).fill_nan(None))
    return Spoilt(frame, (name,), other=_other(clean))


def joint_shift(clean: Clean) -> Spoilt:
    """Two numbers that go together part ways in the later table, while each keeps its distribution."""
    numbers = [c for c in clean.frame.columns if c != clean.target and is_number(clean.frame[c])]
    matrix = np.column_stack([_ranked(clean.frame[c]) for c in numbers]) if numbers else np.empty((0, 0))
    if len(numbers) < 2:
        raise Misuse("the table has fewer than two numbers")
    together = np.abs(np.corrcoef(matrix, rowvar=False)) - np.eye(len(numbers))
    pairs = np.argwhere(np.triu(np.nan_to_num(together)) >= CORRELATED)
    if not len(pairs):
        raise Misuse("no two numbers of the table go together", remedy="try the defect on another table")
    a, b = (int(k) for k in pairs[int(clean.random.integers(len(pairs)))])
    rows = clean.some(clean.degree)
    sign = np.sign(np.corrcoef(matrix[:, a], matrix[:, b])[0, 1])
    to = rows[np.argsort(-sign * matrix[rows, a], kind="stable")]
    values = clean.frame[numbers[b]].gather(rows[np.argsort(matrix[rows, b], kind="stable")])
    frame = clean.frame.with_columns(replaced(clean.frame[numbers[b]], to, values.to_list()))
    return Spoilt(frame, (numbers[a], numbers[b]), listed(rows), other=_other(clean))


def label_shift(clean: Clean) -> Spoilt:
    """A class is rarer in the later table, or high targets are; rows are left out at random for it."""
    other, y = _other(clean), clean.outcome()
    often = y == np.bincount(y.astype(np.int64)).argmax() if clean.classified else y > np.median(y)
    share = float(often.mean()) - clean.degree
    if share < 0.02:
        raise Misuse("the most frequent class is too small for that shift")
    keep = round(share * float((~often).sum()) / (1 - share))
    kept = clean.random.choice(np.flatnonzero(often), keep, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(~often), kept]))
    return Spoilt(clean.frame[rows], (str(clean.target),), other=other)


def new_categories(clean: Clean) -> Spoilt:
    """A category stands in the later table that the earlier one never held."""
    name = clean.pick(is_category, "a category")
    rows = clean.some(clean.degree)
    frame = clean.frame.with_columns(replaced(clean.frame[name], rows, NEW))
    return Spoilt(frame, (name,), listed(rows), other=_other(clean))


def _other(clean: Clean) -> pl.DataFrame:
    if clean.other is None:
        raise Misuse("the defect lies between two tables", remedy="give the earlier one: other=")
    if clean.other.columns != clean.frame.columns:
        raise Misuse("the two tables have different columns", remedy="give two parts of one table")
    return clean.other


def _exchanged(
    frame: pl.DataFrame, rows: np.ndarray[tuple[int], np.dtype[np.int64]], copies: pl.DataFrame
) -> pl.DataFrame:
    """The frame with other rows in the place of some."""
    order = np.arange(frame.height)
    order[rows] = frame.height + np.arange(len(rows))
    return pl.concat([frame, copies.cast(frame.schema)])[order]


def _ranked(series: pl.Series) -> Doubles:
    return series.rank("average").fill_null(strategy="mean").to_numpy().astype(np.float64)


DEFECTS: Final = (
    Defect("contamination_exact", "rows of the earlier table stand in the later one", ("MLW651",),
           "share of rows", SHARES, contamination_exact, pair=True),
    Defect("contamination_fuzzy", "rows of the earlier table stand in the later one, a little changed",
           ("MLW652",), "share of rows", SHARES, contamination_fuzzy, pair=True),
    Defect("entity_on_both_sides", "entities of the earlier table stand in the later one", ("MLW654",),
           "share of rows", (0.01, 0.05, 0.3), entity_on_both_sides, pair=True),
    Defect("time_overlap", "the later table begins before the earlier one ends", ("MLW653",),
           "share of rows", (0.01, 0.10, 0.5), time_overlap, pair=True),
    Defect("marginal_shift", "a number is larger in the later table", ("MLW601",), "deviations",
           (0.1, 0.5, 1.5), marginal_shift, pair=True),
    Defect("joint_shift", "two numbers no longer go together", ("MLW602",), "share of rows",
           (0.3, 0.7, 1.0), joint_shift, pair=True),
    Defect("label_shift", "the target's distribution is another", ("MLW603",), "share of the class",
           (0.05, 0.15, 0.35), label_shift, pair=True),
    Defect("new_categories", "a category is new in the later table", ("MLW604",), "share of rows",
           SHARES, new_categories, pair=True),
)  # fmt: skip
