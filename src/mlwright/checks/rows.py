"""Checks of rows: duplicates, contradictions, repeated ids, empty ones: MLW201 to MLW203, MLW205.

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
from mlwright.checks.twins import beyond_chance
from mlwright.statistics.intervals import Codes, Floats, mean_interval, wilson
from mlwright.statistics.multiple import adjusted

CONTRADICTED = 0.01
MOSTLY_EMPTY = 0.5
FEW_COLUMNS = 4
FALSE_SHARE = 0.01


def duplicate_rows(table: Table) -> Iterator[Seen]:
    """MLW201."""
    need_rows(len(table), 2)
    names = [c.name for c in table.dataset.schema.columns if c not in table.ids]
    if not names:
        raise CouldNotLook("not_applicable", "no column but ids")
    copies, among, rows = _copies(table, names)
    told, by_chance = beyond_chance(table.dataset.frame.select(names), table.seed) if copies else (False, 0.0)
    if copies and not told and len(names) < len(table.dataset.schema.columns):
        names = [c.name for c in table.dataset.schema.columns]  # with its id, no row comes twice by chance
        copies, among, rows = _copies(table, names)
        told, by_chance = copies > 0, 0.0
    if told:
        beside = " (ids left aside)" if len(names) < len(table.dataset.schema.columns) else ""
        chance = f"; chance explains {100 * by_chance:.0f} % of them" if by_chance >= 0.005 else ""
        part = "" if among == table.rows_in_all else f" (a part of {table.rows_in_all:,})"
        yield Seen(
            f"{copies:,} of {among:,} rows{part} repeat an earlier one{beside}, "
            f"{percent(wilson(copies, among))}{chance}",
            "Keep one of each where they are the same case read twice: copies fall on both sides of a split.",
            rows=rows,
        )


def _copies(table: Table, names: list[str]) -> tuple[int, int, tuple[int, ...]]:
    """Rows that repeat an earlier one in the columns `names`, among how many, and the first of them."""
    whole = table.dataset.whole
    if whole is not None and whole.equal is not None and len(names) == len(table.dataset.schema.columns):
        return whole.equal, whole.equal_among, whole.equal_rows
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
    if table.task == "regression":
        share = mean_interval(lost / scale, clusters=keys)
    else:  # rows lost within a set of equal rows vary no more than rows of different sets do
        share = wilson(float(lost.sum()), len(lost))
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
    repeats, among, rows = _repeated(table, column)
    if repeats:
        about = table.about(column)
        part = "" if among == about.rows - about.missing else f" (of {among:,} that were compared)"
        again = counted(repeats, "row repeats", "rows repeat")
        yield Seen(
            f"{again} one of {counted(among - repeats, 'id')}{part}, {percent(wilson(repeats, among))}",
            f"Give {column.name!r} the role group, so that no subject stands on both sides of a split.",
            column.name,
            rows,
        )


def _repeated(table: Table, column: Column) -> tuple[int, int, tuple[int, ...]]:
    """Rows whose id stood in an earlier row, among how many with an id, and the first of them."""
    whole = table.dataset.whole
    about = None if whole is None else whole.columns[column.name]
    if about is not None and about.repeats is not None:
        return about.repeats, about.repeats_among, about.repeated_rows
    series = table.series(column)
    later = (~series.is_first_distinct() & series.is_not_null()).to_numpy()
    rows = first_rows(table.places(np.flatnonzero(later)))
    return int(later.sum()), len(series) - series.null_count(), rows


def _unavoidable(table: Table, keys: Codes) -> tuple[Floats, float, str]:
    """What any model must lose on each row [N], what that is a share of, and its name."""
    assert table.target is not None
    if table.task == "regression":
        y = table.numbers(table.target)[table.labelled]
        greatest = float(np.abs(y).max(initial=0.0))
        y = y / greatest if greatest > 0 else y  # shares are the same, and no square overflows
        means = np.bincount(keys, weights=y) / np.bincount(keys)
        return (y - means[keys]) ** 2, max(float(y.var()), 1e-30), "the target's variance"  # less is rounding
    # The most frequent class of each set of equal rows is right, all others are wrong.
    classes = int(table.class_codes.max()) + 1
    pair, at, counts = np.unique(keys * classes + table.class_codes, return_inverse=True, return_counts=True)
    order = np.lexsort((pair, -counts, pair // classes))
    of_key = pair[order] // classes
    best = np.zeros(len(pair), dtype=bool)
    best[order[np.append(True, of_key[1:] != of_key[:-1])]] = True
    return (~best[at]).astype(np.float64), 1.0, "wrong answers"


def nearly_empty(table: Table) -> Iterator[Seen]:
    """MLW205."""
    need_rows(len(table), 50)
    columns = [c for c in table.features if table.about(c).missing < MOSTLY_EMPTY * table.about(c).rows]
    if len(columns) < FEW_COLUMNS:
        raise CouldNotLook("not_applicable", f"fewer than {FEW_COLUMNS} features that are mostly known")
    counts = np.zeros(len(table), dtype=np.int64)
    shares = []
    for column in columns:
        series = table.series(column)
        absent = series.is_null()
        if series.dtype == pl.String:
            absent = absent | (series == "").fill_null(True)
        counts += absent.to_numpy()
        shares.append(absent.sum() / len(table))
    empty = counts > MOSTLY_EMPTY * len(columns)
    if not empty.any():
        return
    empty &= adjusted(_tails(np.array(shares))[counts]) <= FALSE_SHARE
    if empty.any():
        yield Seen(
            f"{counted(int(empty.sum()), 'row misses', 'rows miss')} {int(counts[empty].min())} or more of "
            f"{len(columns)} features that are mostly known, "
            f"{percent(wilson(int(empty.sum()), len(table)))}; the middle row misses {np.median(counts):.0f}",
            "Leave these rows out, or find out why nothing was recorded: a model would answer by habit.",
            rows=first_rows(empty),
        )


def _tails(shares: Floats) -> Floats:
    """The chance that a row misses k cells or more [columns + 1], each cell by its column's share.

    Exact (Poisson-binomial), one column after the other: Barlow & Heidtmann (1984), IEEE Transactions on
    Reliability 33.
    """
    chance = np.zeros(len(shares) + 1)
    chance[0] = 1.0
    for j, p in enumerate(shares):
        chance[1 : j + 2] = chance[1 : j + 2] * (1 - p) + chance[: j + 1] * p
        chance[0] *= 1 - p
    return np.minimum(np.cumsum(chance[::-1])[::-1], 1.0)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW201",
        "rows are repeated",
        "tip",
        duplicate_rows,
        "Counts rows that equal an earlier one in every column but ids. Found where equal pairs are over "
        "five times those that chance gives, judged by the pairs that differ in one column and in two: where "
        "columns have few values, cases may be equal. Rows that are equal with their ids are always found. "
        "Tables larger than memory are compared by hashes of 64 bits.",
        "Barz & Denzler (2020), Do we train on test data?, Journal of Imaging 6",
        of_all=True,
    ),
    Check(
        "MLW202",
        "equal rows have different targets",
        "tip",
        contradictions,
        "Of rows with equal features, those outside the most frequent class (or the variance around their "
        "mean, by sets of equal rows) are lost to every model; found where the 95 % interval of that share "
        "lies over 1 %.",
        "intervals: Wilson (1927); of the variance Student's t by cluster, Binder (1983)",
    ),
    Check(
        "MLW203",
        "ids are repeated",
        "tip",
        repeated_ids,
        "Counts rows whose id stood in an earlier row; in tables larger than memory by hashes of 64 bits.",
        of_all=True,
    ),
    Check(
        "MLW205",
        "rows hold next to nothing",
        "tip",
        nearly_empty,
        "Counts the missing cells of each row among features that are mostly known; found where a row misses "
        "more than half of them and, were cells missing independently, would not at a false-discovery rate "
        "of 1 % over all rows.",
        "Poisson-binomial tail: Barlow & Heidtmann (1984), IEEE Transactions on Reliability 33; Benjamini & "
        "Hochberg (1995), JRSS B 57",
    ),
)
