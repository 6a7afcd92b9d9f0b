"""Ids and dates that know the answer by how they were given out, not by when: MLW406.

Called by `check` through the table of checks. What time alone explains is not found here: MLW404 and MLW408
say that the target moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.checks.alone import by_bins, measured, metric_of, number_bins, strength
from mlwright.checks.leakage import GRAVE, LEAST_ROWS, ORDER, able, figure
from mlwright.checks.outcome import Check, CouldNotLook, Seen, need_rows
from mlwright.checks.table import Table, codes_of
from mlwright.checks.times import spans
from mlwright.statistics.intervals import Codes, Floats

MOST_PREFIX = 3
MOST_CODES = 200
PRIME = 100
"""Ids are looked at by their last two digits."""


def telling(table: Table) -> Iterator[Seen]:
    """MLW406."""
    able(table)
    need_rows(len(table.sample), LEAST_ROWS, "rows with a target")
    dates = [c for c in table.features if c.kind == "datetime" and c.role == "feature"]
    ids = [c for c in table.ids if c.kind != "datetime"]
    if not dates and not ids:
        raise CouldNotLook("not_applicable", "no column is an id or a date")
    for column in ids:
        told = _best(table, _of_id(table.series(column)[table.sample.rows]), ORDER[metric_of(table)])
        if told:
            yield Seen(
                f"{told}; {table.sample.said}",
                "Ids were given out by what the target says: keep it out, and whatever was made from it.",
                column.name,
            )
    for column in dates:
        moments = table.numbers(column)[table.sample.rows]
        ways = {"the moment alone": (number_bins(moments), spans(moments))}
        told = _best(table, ways, GRAVE[metric_of(table)])
        if told:
            yield Seen(
                f"{told}; {table.sample.said}",
                "If it is written down when the outcome is known, such as a closing date, leave it out.",
                column.name,
                # A number may honestly rise with time; a class hardly ever hangs on it alone.
                severity="tip" if table.task == "regression" else "issue",
            )


def _best(table: Table, ways: dict[str, tuple[Codes, Codes]], least: float) -> str:
    """The way to look that tells most, in words; empty where all tell little, or no more than its time "
    "does."""
    told: list[tuple[float, str]] = []
    for name, (bins, time) in ways.items():
        predicted = by_bins(table.sample, bins)
        if strength(table, predicted) <= least:
            continue
        own, drift = measured(table, predicted), measured(table, by_bins(table.sample, time))
        certain = least == GRAVE[metric_of(table)]
        if own.low > least and (certain or own.low > drift.high):
            told.append((own.low, f"{name} reaches {figure(own)}, the stretch of time {figure(drift)}"))
    return max(told)[1] if told else ""


def _of_id(series: pl.Series) -> dict[str, tuple[Codes, Codes]]:
    """Ways to look at ids [N]: bins of how they read, each with the ten stretches that they come in."""
    texts = series.cast(pl.String).fill_null("")
    order = codes_of(series).astype(np.float64)
    digits = texts.str.extract(r"(\d+)\D*$").cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    coarse = spans(order)
    ways: dict[str, tuple[Codes, Codes]] = {}
    for length in range(1, MOST_PREFIX + 1):
        prefix = codes_of(texts.str.head(length))
        if 1 < len(np.unique(prefix)) <= MOST_CODES:
            ways[f"its first {length} characters alone" if length > 1 else "its first character alone"] = (
                prefix,
                np.zeros(len(prefix), dtype=np.int64),
            )
    for base in (2, 10, PRIME):
        ways[f"its number modulo {base} alone"] = (_residue(digits, base), coarse)
    ways["its length alone"] = (texts.str.len_chars().cast(pl.Int64).to_numpy(), coarse)
    return ways


def _residue(digits: Floats, base: int) -> Codes:
    known = np.isfinite(digits) & (np.abs(digits) < 2**53)
    return np.where(known, np.mod(np.where(known, digits, 0), base).astype(np.int64) + 1, 0)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW406",
        "an id or a date was given by the target",
        "tip",
        telling,
        "Predicts the target from how ids are written (first characters, last digits, length), in 5 folds. "
        "Found "
        "where the 95 % interval lies over ROC AUC 0.6 (R squared 0.1) and over that of ten stretches of the "
        "ids' order, which a drift over time would explain. Dates: found over 0.95 (0.8), "
        "for classes as an issue.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
        stops=True,
    ),
)
