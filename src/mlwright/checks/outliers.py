"""The check for numbers that stand where no honest tail would put them (MLW110).

Called by `check` through the table of checks; the statistics are in `statistics.tails`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.disguised import sentinels
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows
from mlwright.checks.table import Table
from mlwright.statistics.intervals import Floats
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.tails import Beyond, beyond

LEAST_ROWS = 100
FALSE_SHARE = 0.01
CERTAIN = 5.0
"""Times as far as the heaviest tail reaches: then the chance need not be shared with the other columns. Of
630 tails of real columns two held values over twice as far, none five times."""
SPIKE = 0.2
"""The share of rows with one value from which that value is a state of its own, not part of the tails."""


def outliers(table: Table) -> Iterator[Seen]:
    """MLW110."""
    need_rows(len(table), LEAST_ROWS)
    columns = [
        c
        for c in table.dataset.schema.columns
        if c.kind == "numeric" and c.role in ("feature", "time", "protected", "target")
    ]
    if not columns:
        raise CouldNotLook("not_applicable", "no column is a number")
    told: list[tuple[Column, float, Beyond]] = []
    looked = 0
    for column in columns:
        values = _amounts(table.numbers(column), column)
        for sign in (1.0, -1.0):
            tail = beyond(sign * values, FALSE_SHARE) if len(values) >= LEAST_ROWS else None
            looked += tail is not None
            if tail is not None:
                told.append((column, sign, tail))
    if not looked:
        raise CouldNotLook("not_enough_data", "no number is known in 100 rows")
    chances = adjusted(np.array([t.p for _, _, t in told]))
    for (column, sign, tail), p in zip(told, chances, strict=True):
        if tail.count and (p <= FALSE_SHARE or tail.times >= CERTAIN):
            yield _seen(table, column, sign, tail, float(p))


def _amounts(numbers: Floats, column: Column) -> Floats:
    """The known numbers without markers of missing (MLW106) and without a value that a fifth of rows have."""
    known = numbers[~np.isnan(numbers)]
    if len(known) < LEAST_ROWS:
        return known
    known = known[~np.isin(known, sentinels(known, column.name))]
    middle = np.sort(known[:: max(1, len(known) // 2_000)])
    starts = np.flatnonzero(np.append(True, middle[1:] != middle[:-1]))
    lengths = np.diff(np.append(starts, len(middle)))
    if len(middle) and lengths.max() > SPIKE * len(middle):
        known = known[known != middle[starts[int(np.argmax(lengths))]]]
    return known


def _seen(table: Table, column: Column, sign: float, tail: Beyond, p: float) -> Seen:
    numbers = table.numbers(column)
    with np.errstate(invalid="ignore"):
        rows = sign * numbers >= tail.threshold
    rows &= ~np.isin(numbers, sentinels(numbers[~np.isnan(numbers)], column.name))
    count = int(rows.sum())
    where = "above" if sign > 0 else "below"
    chance = "under 1 in a million" if p < 1e-6 else f"{p:.2g}"
    return Seen(
        f"{counted(count, 'value stands', 'values stand')} alone {where} all others, "
        f"{_times(tail.times)} times as far from the median as the tail of the others reaches "
        f"(chance {chance})",
        "Look at these rows: a slip of the decimal point, another unit, or a case of its own?",
        column.name,
        first_rows(rows),
    )


def _times(times: float) -> str:
    return f"{times:.1f}" if times < 1_000 else "over 1,000"


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW110",
        "values far from all others",
        "tip",
        outliers,
        "Fits a generalised Pareto tail, exponential or heavier, to the upper (lower) tenth of a number's "
        "values without the outermost 2.5 %, and judges these by the heaviest tail that its likelihood "
        "bears, so that skewed amounts with honest heavy tails stay unsaid. Found where values are beyond "
        "it at a false-discovery rate of 1 % over all values and columns, and twice as far from the "
        "median as the greatest value to be expected; or five times as far, and at 1 % over the values of "
        "their own column.",
        "Pickands (1975), Annals of Statistics 3; Benjamini & Hochberg (1995), JRSS B 57",
    ),
)
