"""Checks of rows against each other: duplicates, contradictions, repeated ids: MLW201 to MLW203.

Called by `check` through the table of checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.table import Table, codes_of
from mlwright.statistics.intervals import Codes, Floats, mean_interval, wilson

CONTRADICTED = 0.01


def duplicate_rows(table: Table) -> Iterator[Seen]:
    """MLW201."""
    need_rows(len(table), 2)
    names = [c.name for c in table.dataset.schema.columns if c not in table.ids]
    if not names:
        raise CouldNotLook("not_applicable", "no column but ids")
    copies, among, rows = _copies(table, names)
    if copies:
        beside = " (ids left aside)" if len(names) < len(table.dataset.schema.columns) else ""
        part = "" if among == table.rows_in_all else f" (a part of {table.rows_in_all:,})"
        yield Seen(
            f"{copies:,} of {among:,} rows{part} repeat an earlier one{beside}, "
            f"{percent(wilson(copies, among))}",
            "Keep one of each where they are the same case read twice: copies fall on both sides of a split.",
            rows=rows,
        )


def _copies(table: Table, names: list[str]) -> tuple[int, int, tuple[int, ...]]:
    """Rows that repeat an earlier one in the columns `names`, among how many, and the first of them."""
    whole = table.dataset.whole
    if whole is not None and whole.copies is not None:
        return whole.copies, whole.copies_among, whole.copied_rows
    later = ~table.dataset.frame.select(pl.struct(names).is_first_distinct()).to_series().to_numpy()
    return int(later.sum()), len(table), first_rows(table.places(np.flatnonzero(later)))


def contradictions(table: Table) -> Iterator[Seen]:
    """MLW202."""
    if table.target is None:
        raise CouldNotLook("not_applicable", "no target is named")
    if not table.features:
        raise CouldNotLook("not_applicable", "no column is a feature")
    need_rows(len(table.labelled), 20)
    frame = table.dataset.frame.select(c.name for c in table.features)[table.labelled]
    keys = codes_of(frame.hash_rows(table.seed))
    sizes = np.bincount(keys)
    if sizes.max() < 2:
        return
    lost, scale, unit = _unavoidable(table, keys)
    share = mean_interval(lost / scale, clusters=keys)
    if share.low > CONTRADICTED:
        rows = table.labelled[lost > 0]
        yield Seen(
            f"rows with equal features and different targets make at least {percent(share.within(0, 1))} "
            f"of {unit} unavoidable",
            "Look for the column that tells these rows apart, or for labels that are wrong.",
            rows=first_rows(rows),
        )


def repeated_ids(table: Table) -> Iterator[Seen]:
    """MLW203."""
    need_rows(len(table), 20)
    if not table.ids:
        raise CouldNotLook("not_applicable", "no column is an id")
    for column in table.ids:
        yield from _repeats(table, column)


def _repeats(table: Table, column: Column) -> Iterator[Seen]:
    series = table.series(column)
    later = (~series.is_first_distinct() & series.is_not_null()).to_numpy()
    distinct, repeats = series.drop_nulls().n_unique(), int(later.sum())
    if repeats:
        share = wilson(repeats, len(series) - series.null_count())
        yield Seen(
            f"{counted(repeats, 'row repeats', 'rows repeat')} one of {counted(distinct, 'id')}, "
            f"{percent(share)}",
            f"Give {column.name!r} the role group, so that no subject stands on both sides of a split.",
            column.name,
            first_rows(later),
        )


def _unavoidable(table: Table, keys: Codes) -> tuple[Floats, float, str]:
    """What any model must lose on each row [N], what that is a share of, and its name."""
    assert table.target is not None
    if table.task == "regression":
        y = table.numbers(table.target)[table.labelled]
        y = y / max(float(np.abs(y).max()), 1e-300)  # shares are the same, and no square overflows
        means = np.bincount(keys, weights=y) / np.bincount(keys)
        return (y - means[keys]) ** 2, max(float(y.var()), 1e-300), "the target's variance"
    # The most frequent class of each set of equal rows is right, all others are wrong.
    classes = int(table.class_codes.max()) + 1
    pair, at, counts = np.unique(keys * classes + table.class_codes, return_inverse=True, return_counts=True)
    order = np.lexsort((pair, -counts, pair // classes))
    of_key = pair[order] // classes
    best = np.zeros(len(pair), dtype=bool)
    best[order[np.append(True, of_key[1:] != of_key[:-1])]] = True
    return (~best[at]).astype(np.float64), 1.0, "wrong answers"


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW201",
        "rows are repeated",
        "tip",
        duplicate_rows,
        "Counts rows that equal an earlier one in every column but ids; of tables larger than memory, by "
        "hashes of 64 bits.",
        "Barz & Denzler (2020), Do we train on test data?, Journal of Imaging 6",
        of_all=True,
    ),
    Check(
        "MLW202",
        "equal rows have different targets",
        "tip",
        contradictions,
        "Of rows with equal features, those outside the most frequent class (or the variance around their "
        "mean) are lost to every model; found where the 95 % interval of that share, by sets of equal rows, "
        "lies over 1 %.",
        "interval: Student's t by cluster, Binder (1983)",
    ),
    Check(
        "MLW203",
        "ids are repeated",
        "tip",
        repeated_ids,
        "Counts rows whose id stood in an earlier row.",
    ),
)
