"""Checks of single columns and pairs of them, without the target: MLW101 to MLW105.

Called by `check` through the table of checks. Looks at the columns that a model would be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, need_rows, percent
from mlwright.checks.table import About, Table, codes_of, is_number
from mlwright.statistics.intervals import wilson

RARE_SHARE = 0.005
RARE_ROWS = 30
FEWEST_ROWS, SMALL_SHARE = 5, 0.02
"""So few rows teach nothing in a small table either, where no share can be known to lie under 0.5 %."""
MOSTLY = 0.5
_ID_NAME = re.compile(r"(^|_)(id|uid|uuid|guid|pid|key|index|serial|rownum|row_?number)($|_)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def constant(table: Table) -> Iterator[Seen]:
    """MLW101."""
    need_rows(len(table), 2)
    for column in _features(table):
        about = table.about(column)
        if about.missing == 0 and about.distinct == 1:
            yield Seen(
                f"one value in all {about.rows:,} rows",
                "Leave it out, or find out why it does not vary.",
                column.name,
            )


def near_constant(table: Table) -> Iterator[Seen]:
    """MLW102."""
    need_rows(len(table), 200)
    for column in _features(table):
        about = table.about(column)
        others = about.rows - about.usual
        if not others or about.missing > about.usual:
            continue
        share = wilson(others, about.rows)
        hopeless = others < FEWEST_ROWS and share.high < SMALL_SHARE
        if hopeless or (share.high < RARE_SHARE and others < RARE_ROWS):
            yield Seen(
                f"all but {counted(others, 'row')} hold one value: others {percent(share)}",
                "Leave it out: a model learns nothing reliable from so few rows.",
                column.name,
                about.unusual_rows,
            )


def missing(table: Table) -> Iterator[Seen]:
    """MLW103."""
    need_rows(len(table), 10)
    for column in _features(table):
        about = table.about(column)
        share = wilson(about.missing, about.rows)
        if about.missing == about.rows:
            yield Seen("missing in every row", "Leave it out, or mend the export.", column.name)
        elif share.low > MOSTLY:
            yield Seen(
                f"missing in {percent(share)}",
                "Ask why; keep it only where its absence means something that will hold later.",
                column.name,
            )


def id_like(table: Table) -> Iterator[Seen]:
    """MLW104."""
    need_rows(len(table), 50)
    for column in _features(table):
        if column.kind in ("text", "boolean", "datetime") or column.role == "time":
            continue
        about = table.about(column)
        if not hardly_repeats(about):
            continue
        reason = _number_id(table, column) if is_number(column) else "almost every text is another"
        if reason:
            share = wilson(min(about.distinct, about.present), about.present)
            yield Seen(
                f"{reason}: {about.distinct:,} distinct values in {about.present:,} rows, {percent(share)}",
                "Give it the role id: a model would learn rows by heart.",
                column.name,
            )


def hardly_repeats(about: About) -> bool:
    """Whether nearly every one of at least 50 known values is another."""
    return about.present >= 50 and wilson(min(about.distinct, about.present), about.present).low >= 0.9


def duplicated(table: Table) -> Iterator[Seen]:
    """MLW105."""
    need_rows(len(table), 20)
    _features(table)
    for name, said in table.once("copies", lambda: copies(table)).items():
        yield Seen(f"{said} in all {len(table):,} rows", "Keep one of the two.", name)


def copies(table: Table) -> dict[str, str]:
    """Features that say what an earlier one says, exactly: by name, how and of which."""
    found = {}
    few = np.sort(np.random.default_rng(table.seed).permutation(len(table))[:2_000])
    groups: dict[bytes, list[Column]] = {}
    for column in table.features:
        series = table.series(column)[few]
        if series.n_unique() > 1:
            groups.setdefault(_pattern(series), []).append(column)
    for alike in groups.values():
        first, full = alike[0], None
        for column in alike[1:]:
            full = full if full is not None else _pattern(table.series(first))
            if full != _pattern(table.series(column)):
                continue
            equal = is_number(first) == is_number(column) and table.series(first).equals(
                table.series(column), null_equal=True, check_names=False
            )
            distinct = table.series(first).n_unique()
            if not equal and distinct > len(table) / 2:
                continue  # two columns in which no value repeats match one to one by chance
            said = "equal to" if equal else f"a recoding, {distinct:,} values one to one, of"
            found[column.name] = f"{said} {first.name!r}"
    return found


def _features(table: Table) -> tuple[Column, ...]:
    if not table.features:
        raise CouldNotLook("not_applicable", "no column is a feature")
    return table.features


def plain_name(name: str) -> str:
    """A column's name as words: lower-cased, joined by underscores.

    >>> plain_name("PassengerId"), plain_name("Order No.")
    ('passenger_id', 'order_no')
    """
    return re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower()).strip("_")


def named_as_id(column: Column) -> bool:
    """Whether the column's name says that it identifies something."""
    return _ID_NAME.search(plain_name(column.name)) is not None


def _number_id(table: Table, column: Column) -> str:
    """Why nearly distinct numbers are an id, or nothing: whole numbers that count, or are so named."""
    about, numbers = table.about(column), table.series(column).drop_nulls().to_numpy()
    if not np.all(numbers == np.floor(numbers)):
        return ""
    low, high = table.range(column)
    all_differ = about.distinct >= about.present * (1 - 2 * about.distinct_error)
    if all_differ and high - low + 1 <= 1.05 * about.present:
        return "whole numbers that count the rows"
    return "whole numbers, named as an id" if named_as_id(column) else ""


def _pattern(series: pl.Series) -> bytes:
    """The same bytes for two columns whose values match one to one, row by row."""
    codes = codes_of(series)
    _, first = np.unique(codes, return_index=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    has_missing = bytes([series.null_count() > 0])
    return has_missing + bytes(order[codes - codes.min()].tobytes())


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW101",
        "a feature has one value",
        "tip",
        constant,
        "Counts distinct values; found where there is one, in every row.",
        of_all=True,
    ),
    Check(
        "MLW102",
        "a feature has nearly one value",
        "tip",
        near_constant,
        "Counts rows that differ from the most frequent value; found where they are fewer than 30 and the "
        "95 % interval of their share lies under 0.5 %, or fewer than 5 and it lies under 2 %.",
        "interval: Wilson (1927)",
        of_all=True,
    ),
    Check(
        "MLW103",
        "a feature is mostly missing",
        "tip",
        missing,
        "Counts missing values; found where all are, or the 95 % interval of their share lies over 50 %.",
        "interval: Wilson (1927)",
        of_all=True,
    ),
    Check(
        "MLW104",
        "a feature names the row",
        "issue",
        id_like,
        "Found where the 95 % interval of distinct values' share of the rows lies over 90 % and the column "
        "is of categories, whole numbers that count the rows, or whole numbers with an id's name.",
        "interval: Wilson (1927)",
        of_all=True,
    ),
    Check(
        "MLW105",
        "two features say the same",
        "tip",
        duplicated,
        "Compares columns value by value, and by which rows share a value; found where two are equal in "
        "every row, or recodings of each other one to one.",
    ),
)
