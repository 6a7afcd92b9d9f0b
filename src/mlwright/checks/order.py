"""Checks of the order of rows: whether it is random (MLW206), and columns that change suddenly (MLW207).

Called by `check` through the table of checks. Looks at features; that the order tells the target is MLW404.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, need_rows
from mlwright.checks.table import Table, is_number
from mlwright.statistics.intervals import Codes, Floats, Interval
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.serial import (
    Change,
    change_in,
    indicators_of,
    likeness_of_neighbours,
    likeness_within_blocks,
    scores_of,
)

LEAST_ROWS = 100
LEAST_FOR_CHANGE = 200
MOST_ROWS = 20_000
FEWER_RUNS = 5.0
RUNS = 40
"""Stretches of neighbouring rows that are looked at in a longer table."""
FALSE_SHARE = 0.01
ALIKE = 0.1
BETWEEN = 0.02
"""What the interval of the likeness of neighbours, or of the variance between blocks, must lie above."""
STEP = 0.3
"""Deviations that the interval of a change must lie above."""
SUDDEN = 0.6
WAVES = 0.4
WINDOWS = 20
LEAST_WINDOW = 30
FEW_COLUMNS = 0.25
"""The share of features up to which changes along row numbers are a column's own, not the order's."""


@dataclass(frozen=True)
class _Likeness:
    """How far a column is from a random order."""

    column: Column
    neighbours: Interval
    blocks: Interval
    p: float

    @property
    def told(self) -> bool:
        return self.neighbours.low > ALIKE or self.blocks.low > BETWEEN


def not_random(table: Table) -> Iterator[Seen]:
    """MLW206."""
    need_rows(len(table), LEAST_ROWS)
    if table.dataset.role("time"):
        raise CouldNotLook("not_applicable", "a time column is named")
    looked, told = table.once("order of rows", lambda: _not_random(table))
    if not told:
        return
    worst = max(told, key=lambda t: max(t.neighbours.value, t.blocks.value))
    many = f"{len(told):,} of {looked:,} features are" if looked > 1 else "the only feature is"
    near, far = worst.neighbours.within(-1, 1), worst.blocks.within(0, 1)
    why, remedy = _why(table)
    yield Seen(
        f"{many} not in random order, most of all {worst.column.name!r}: neighbouring rows correlate by "
        f"{_figures(near)}, and {_figures(far)} of the variance lies between twenty "
        f"blocks of rows{why}",
        remedy,
    )


def _figures(i: Interval) -> str:
    return f"{i.value:.2f} ({i.low:.2f} to {i.high:.2f})"


def _not_random(table: Table) -> tuple[int, list[_Likeness]]:
    """How many features were looked at, and those that are not in random order."""
    rows = _stretches(len(table))
    likeness = []
    for column in _features(table):
        series = _scores(table, column, rows)
        if series:
            near = [likeness_of_neighbours(s) for s in series]
            far = [likeness_within_blocks(s) for s in series]
            p = min(1.0, 2 * len(series) * min(p for _, p in near + far))
            best, widest = max(i for i, _ in near), max(i for i, _ in far)
            likeness.append(_Likeness(column, best, widest, p))
    if not likeness:
        raise CouldNotLook("not_applicable", "no feature varies")
    chances = adjusted(np.array([one.p for one in likeness]))
    return len(likeness), [
        one for one, p in zip(likeness, chances, strict=True) if p <= FALSE_SHARE and one.told
    ]


def _features(table: Table) -> list[Column]:
    columns = [c for c in table.features if c.kind != "text"]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature is a number, a date or a category")
    return columns


def _stretches(rows: int) -> Codes:
    """All rows, or stretches of neighbours that are spread evenly over them."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    length = MOST_ROWS // RUNS
    starts = np.linspace(0, rows - length, RUNS).astype(np.int64)
    return (starts[:, None] + np.arange(length)).ravel()


def _scores(table: Table, column: Column, rows: Codes, missing: bool = False) -> list[Floats]:
    """The scores of a column in these rows; with `missing`, also those of whether it is missing."""
    series = table.series(column)[rows]
    if not is_number(column):
        hashes = series.hash(table.seed).to_numpy()
        return indicators_of(np.unique(hashes, return_inverse=True)[1].astype(np.int64))
    scores = scores_of(series.cast(pl.Float64).to_numpy())
    result = [scores] if scores.any() else []
    if missing and 0 < series.null_count() < len(series):
        result += indicators_of(series.is_null().cast(pl.Int64).to_numpy().astype(np.int64))
    return result


def _why(table: Table) -> tuple[str, str]:
    """What the order goes by, where one column shows it, and what to do."""
    for column in table.dataset.schema.columns:
        if column.kind == "datetime" and _rises(table.series(column)):
            return f"; rows follow the time {column.name!r}", (
                f"Name {column.name!r} as the time column, so that the split respects it."
            )
    blocks = [(_expected_over_runs(table.series(c)), c) for c in table.dataset.schema.columns]
    times, column = max(blocks, key=lambda b: b[0])
    if times > FEWER_RUNS:
        group = ". Where the blocks are subjects, sites or days, name that column as the group."
        return f"; rows stand in blocks of {column.name!r}", (
            "Never split such rows by position"
            + (": draw them at random." if column is table.target else group)
        )
    for column in table.dataset.schema.columns:
        if column.role != "id" and _rises(table.series(column)):
            return f"; rows are sorted by {column.name!r}", (
                "Never split such rows by position: draw them at random."
            )
    return "; no column shows what the order goes by", (
        "Find out what it is: if time, name the column that says it, or say split='order'; if subjects or "
        "sites, name the group. A random split may flatter the score."
    )


def _expected_over_runs(series: pl.Series) -> float:
    """How many times fewer runs of equal values there are than in a random order.

    0 where values hardly repeat, or take more than two runs each.
    """
    known = series.drop_nulls()
    distinct = known.n_unique()
    if not 1 < distinct <= len(known) / 5:
        return 0.0
    runs = int((known != known.shift(1)).sum()) + 1
    shares = known.alias("v").value_counts(name="rows")["rows"].to_numpy() / len(known)
    return 0.0 if runs > 2 * distinct else (1 + (len(known) - 1) * (1 - float(shares @ shares))) / runs


def _rises(series: pl.Series) -> bool:
    known = series.drop_nulls()
    return (
        len(known) > 1 and known[0] != known[-1] and (known.is_sorted() or known.is_sorted(descending=True))
    )


def sudden_changes(table: Table) -> Iterator[Seen]:
    """MLW207."""
    need_rows(len(table), LEAST_FOR_CHANGE)
    rows, order, sure = _in_time(table)
    if not sure:
        looked, told_order = table.once("order of rows", lambda: _not_random(table))
        if len(told_order) > max(1, FEW_COLUMNS * looked):
            raise CouldNotLook("not_applicable", "no column gives the time, and rows are in no random order")
    need_rows(len(rows), LEAST_FOR_CHANGE, "rows with a time")
    every = -(-len(rows) // MOST_ROWS)
    picked = rows[::every]
    window = max(LEAST_WINDOW, len(picked) // WINDOWS)
    clocks = {c.name for c in table.dataset.schema.columns if c.kind == "datetime" or c.role == "time"}
    columns = [c for c in _features(table) if c.name not in clocks]
    if sure:
        columns = [c for c in columns if not _follows(table.series(c)[picked], is_number(c))]
    found: list[tuple[Column, Change]] = []
    chances = []
    for column in columns:
        changes = [change_in(s, window) for s in _scores(table, column, picked, missing=True)]
        if changes:
            best = min(changes, key=lambda c: c.p)
            found.append((column, best))
            chances.append(min(1.0, best.p * len(changes)))
    if not found:
        raise CouldNotLook("not_applicable", "no feature varies")
    told = [
        (column, change)
        for (column, change), p in zip(found, adjusted(np.array(chances)), strict=True)
        if p <= FALSE_SHARE and _is_sudden(change, len(picked))
    ]
    for column, change in told:
        at = min(change.at * every, len(rows) - 1)
        step = _step(change, len(picked))
        place = int(table.places(rows[at : at + 1])[0])
        yield Seen(
            f"after {100 * at / len(rows):.0f} % of the rows in order of {order}, at row {place:,} or near, "
            f"it changes by {_figures(step)} of its ranks' deviation",
            "Find out what changed there: a device, a unit, a list of codes, a rule for filling it in. "
            "Values before and after may not mean the same; keep what will hold later.",
            column.name,
            (place,),
        )


def _follows(ordered: pl.Series, number: bool) -> bool:
    """Whether values in order of time follow from the time, as a year or a season's name does: numbers that
    never turn back, or categories that each stand in one stretch."""
    if ordered.null_count():
        return False
    if number:
        return ordered.is_sorted() or ordered.is_sorted(descending=True)
    return int((ordered != ordered.shift(1)).sum()) + 1 == ordered.n_unique()


def _is_sudden(change: Change, rows: int) -> bool:
    step = _step(change, rows)
    if change.beside_drift < 2 * math.log(rows):
        return False  # a straight line tells as much, and the place was sought
    return step.low > STEP and change.sudden > SUDDEN and change.waves < WAVES


def _step(change: Change, rows: int) -> Interval:
    half = 1.96 * float(np.sqrt(1 / change.at + 1 / (rows - change.at)))
    step = abs(change.step)
    return Interval(step, step - half, step + half)


def _in_time(table: Table) -> tuple[Codes, str, bool]:
    """Rows in the order of time, what gives it, and whether a column says so."""
    named = [c for c in table.dataset.role("time") if is_number(c)]
    for column in named or [c for c in table.dataset.schema.columns if c.kind == "datetime"]:
        seconds = table.numbers(column)
        rows = np.flatnonzero(~np.isnan(seconds))
        if named or _rises(table.series(column)):
            return rows[np.argsort(seconds[rows], kind="stable")], repr(column.name), True
    return np.arange(len(table)), "their numbers", False


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW206",
        "the order of rows is not random",
        "tip",
        not_random,
        "Tests each feature's ranks (of categories: whether each stands there) for likeness of neighbouring "
        "rows and of rows in twenty blocks, at a false-discovery rate of 1 % over all features; found where "
        "the 95 % interval of that correlation lies over 0.1, or of the variance between blocks over 2 %. "
        "Says whether rows follow a time, stand in blocks of a column, or are sorted by one.",
        "Wald & Wolfowitz (1943), Annals of Mathematical Statistics 14; Bartels (1982), JASA 77; Kruskal & "
        "Wallis (1952), JASA 47",
    ),
    Check(
        "MLW207",
        "a feature changes suddenly",
        "tip",
        sudden_changes,
        "Looks for the greatest change of each feature's ranks, of its missing share and of each frequent "
        "category, in order of the time column or of rows (up to 20,000, evenly; in order of rows only where "
        "most features are in random order, MLW206), but of none that follows from the time, as a year does. "
        "Found, at a false-discovery rate of 1 %, where the 95 % interval of the change lies over 0.3 "
        "deviations, most of it is made right there, it explains more than a straight line, and no "
        "other place moves 40 % as much beyond chance, as a season would.",
        "Pettitt (1979), Applied Statistics 28; James, James & Siegmund (1987), Biometrika 74",
    ),
)
