"""The check for values that stand for missing ones: numbers, dates and words (MLW106).

Called by `check` through the table of checks. Goes by lists of what people write for "nothing" and by where
such a value stands beside the others; what reading already counts as missing is not said again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.schema import Column
from mlwright.checks.meaning import MAY_BE_NONE, MISSING_WORDS, NEVER_ZERO, SELDOM_ZERO, means, words
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.table import Table, is_number
from mlwright.statistics.intervals import Floats, wilson
from mlwright.statistics.tails import beyond

LEAST_ROWS = 50
LEAST_SENTINELS = 5
LEAST_WORDS = 3
FEW_VALUES = 5
MANY_VALUES = 11
FAR = 3.0
"""Times as often as any other date that one inside the range of the others must stand."""
MOST_MARKERS = 4
LEAST_FITTED = 100
FALSE_SHARE = 0.01
OUTSIDE = 1.3
"""Times as far from the median as the lowest number to be expected that zeros must lie."""
WELL_OVER = 0.2
"""Times the median above which all numbers must lie for a zero among them to be odd."""
DAY_S = 86_400.0

NINES: Final = (-1.0, *(sign * (10.0**k - 1) for k in range(1, 7) for sign in (-1, 1)))
"""-1, 9, 99, 999, ... and their negatives: what stands for missing where a number must stand."""

_NEVER: Final = ("0001-01-01", "1753-01-01", "2999-12-31", "3000-01-01", "9999-01-01", "9999-12-31")
_FIRST: Final = ("1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01", "1980-01-01")
_LAST: Final = ("2099-12-31", "2100-01-01", "2100-12-31", "2200-01-01", "2222-02-22")


def disguised_missing(table: Table) -> Iterator[Seen]:
    """MLW106."""
    need_rows(len(table), LEAST_ROWS)
    look: dict[str, Callable[[Table, Column], Iterator[Seen]]] = {
        "numeric": _numbers,
        "datetime": _dates,
        "categorical": _words,
        "text": _words,
    }
    columns = [c for c in table.features if c.kind in look]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature is a number, a date or text")
    for column in columns:
        yield from look[column.kind](table, column)


def sentinels(known: Floats, name: str) -> list[float]:
    """Values of `known` [n], none of them NaN, that stand for missing in a column of this name.

    Runs of nines far from all others, negative ones where nothing else is negative, and zeros in what cannot
    be zero.

    >>> days = np.r_[np.arange(28.0).repeat(5), np.full(5, 999.0)]
    >>> sentinels(days, "days"), sentinels(days[:-5], "days")
    ([999.0], [])
    """
    found: list[float] = []
    while len(known) and len(found) < MOST_MARKERS:
        marker = _marker(known, name)
        if marker is None:
            break
        found.append(marker)
        known = known[known != marker]
    return found


def _marker(known: Floats, name: str) -> float | None:
    for value in (float(known.min()), float(known.max())):
        if value != 0 and value not in NINES:
            continue
        others = known[known != value]
        if len(known) - len(others) < LEAST_SENTINELS or not len(others):
            continue
        if _stands_for_missing(value, others, name):
            return value
    return None


def _stands_for_missing(value: float, others: Floats, name: str) -> bool:
    low, high = float(others.min()), float(others.max())
    gap, spread = (low - value if value < low else value - high), high - low
    distinct = len(np.unique(others[: 50 * MANY_VALUES]))
    if value == 0:
        if low < 0 or distinct < MANY_VALUES:
            return False
        called = words(name)
        if means(called, NEVER_ZERO):
            return True
        if means(called, SELDOM_ZERO):
            return gap > float(np.quantile(others, 0.1)) - low
        return not means(called, MAY_BE_NONE) and _beyond_zero(others)
    if distinct >= 3 and gap > spread and value != -1:
        return True
    whole = bool((others == np.floor(others)).all())
    return value < 0 <= low and high > 1 and distinct >= (FEW_VALUES if whole else MANY_VALUES)


def _beyond_zero(others: Floats) -> bool:
    """Whether zero lies outside the lower tail of numbers that are all well over it."""
    if len(others) < LEAST_FITTED or float(others.min()) < WELL_OVER * float(np.median(others)):
        return False
    tail = beyond(np.append(-others, 0.0))
    return tail is not None and tail.p <= FALSE_SHARE and tail.times > OUTSIDE


def _numbers(table: Table, column: Column) -> Iterator[Seen]:
    numbers = table.numbers(column)
    for value in sentinels(numbers[~np.isnan(numbers)], column.name):
        rows = numbers == value
        # Evidence names no value of the table but those that stand in this module's lists.
        if value == 0:
            what = "an impossible zero"
        elif value < 0 and not (numbers[~rows] < 0).any():
            what = f"{value:.0f}, where else no number is negative,"
        else:
            what = f"{value:.0f}, far from all other values,"
        yield _seen(table, what, rows, column, f"{value:.0f}")


def _dates(table: Table, column: Column) -> Iterator[Seen]:
    seconds = table.numbers(column)
    known = seconds[~np.isnan(seconds)]
    days, counts = np.unique(np.floor(known / DAY_S), return_counts=True)
    if len(days) < FEW_VALUES:
        return
    for text in (*_NEVER, *_FIRST, *_LAST):
        at = int(np.searchsorted(days, _day(text)))
        if at == len(days) or days[at] != _day(text):
            continue
        others = np.delete(days, at)
        end = at in (0, len(days) - 1)
        apart = end and np.abs(others - days[at]).min() > others.max() - others.min()
        usual = int(np.delete(counts, at).max())
        piled = (
            counts[at] >= LEAST_SENTINELS
            and wilson(int(counts[at]), len(known)).low > wilson(usual, len(known)).high
        )
        if text in _NEVER or (apart and counts[at] > 1) or (piled and (end or counts[at] > FAR * usual)):
            how = "far from all other dates," if apart else "more often than any other date,"
            there = np.floor(seconds / DAY_S) == days[at]
            yield _seen(table, f"{text}, {how}", there, column, text)


def _day(text: str) -> float:
    return float(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() // DAY_S)


def _words(table: Table, column: Column) -> Iterator[Seen]:
    series = table.series(column)
    least = LEAST_SENTINELS if column.kind == "text" else LEAST_WORDS
    texts = series.drop_nulls().unique()
    short = texts.filter(texts.str.len_chars() <= max(map(len, MISSING_WORDS)) + 2)
    plain = short.str.to_lowercase().str.strip_chars(" .()[]<>_*'\"")
    marked = plain.is_in(list(MISSING_WORDS)) & short.is_in(list(column.missing)).not_()
    markers = short.filter(marked).sort().to_list()
    if len(texts) <= len(markers):
        return
    for marker in markers:
        rows = (series == marker).fill_null(False).to_numpy()
        bare = marker.strip(" .()[]<>_*'\"").lower()
        if int(rows.sum()) < least or (bare in _EITHER and not _another_hand(marker, texts)):
            continue
        yield _seen(table, f"the text {marker!r}", rows, column, marker)


_EITHER: Final = frozenset(("none", "nil", "keine", "aucun", "aucune", "ninguno", "nessuno"))
"""Words that as often name a category (no garage) as they say that nothing is known."""


def _another_hand(marker: str, texts: pl.Series) -> bool:
    """Whether no other text is written as the marker is: in small letters, capitals, or with a capital."""
    others = [t for t in texts.to_list() if t != marker and any(c.isalpha() for c in t)]
    return bool(others) and not any(_case(t) == _case(marker) for t in others)


def _case(text: str) -> str:
    return "small" if text.islower() else "capitals" if text.isupper() else "first"


def _stands_elsewhere(table: Table, column: Column, marker: str) -> bool:
    """Whether another column, or the target, holds what is written so, and may mean it.

    No and yes count as 0 and 1 here, as they are written in many tables.
    """
    for other in table.dataset.schema.columns:
        if other.name == column.name:
            continue
        series = table.series(other)
        if other.kind == "datetime":
            if column.kind == "datetime" and ((series / DAY_S).floor() == _day(marker)).any():
                return True
        elif is_number(other):
            if column.kind == "numeric" and (series == float(marker)).any():
                return True
        elif (series == marker).any():
            return True
    return False


def _seen(
    table: Table,
    what: str,
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
    column: Column,
    marker: str,
) -> Seen:
    count = int(rows.sum())
    if _stands_elsewhere(table, column, marker):
        how = (
            "put it in this column's `missing` in a schema file (`mlwright schema`): it stands in other "
            "columns too, and may mean something there."
        )
    else:
        how = f"read with missing=({marker!r},)."
    return Seen(
        f"{what} stands in {count:,} of {len(rows):,} rows, {percent(wilson(count, len(rows)))}",
        f"If that is what it means, make it missing before reading, or {how}",
        column.name,
        first_rows(rows),
    )


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW106",
        "a value stands for a missing one",
        "tip",
        disguised_missing,
        "Found where 9, 99, 999, ... or its negative stands at an end, in 5 rows or more, farther from all "
        "other values than they spread; where -1, -9, -99, ... are the only negative numbers; where 5 rows "
        "or more are zero in what its name says cannot be zero, or outside the lower tail (MLW110) of "
        "numbers that are all well over it, unless the name is of what there may be none of; where a date "
        "that programs write for none (1900-01-01, 1970-01-01, 9999-12-31) stands apart or, by 95 % "
        "intervals, more often than any other; and where texts say `unknown` or the like, in 17 languages.",
        "Pearson (2006), The problem of disguised missing data, SIGKDD Explorations 8",
    ),
)
