"""Defects of rows: copies, near copies, contradictions, empty rows, an order that is not random.

Each function takes a `Clean` and returns a `Spoilt`; `inject` calls them by name.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.errors import Misuse
from mlwright.testing.defects.spoiling import (
    SHARES,
    Clean,
    Defect,
    Ints,
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

BEGIN: Final = datetime(2023, 1, 2, 8, 0)
CELLS_FOR_NEAR: Final = 3
"""Other columns that a near copy must have for it to be one."""


def exact_duplicates(clean: Clean) -> Spoilt:
    """Rows stand again further down."""
    originals = clean.some(clean.degree)
    return _with_copies(clean, clean.frame[originals], originals)


def near_duplicates(clean: Clean) -> Spoilt:
    """Rows stand again with one value a little changed: a number by a hundredth of its deviation, or a
    category by one letter."""
    names = [c for c in clean.frame.columns if c != clean.target]
    numbers = [c for c in names if is_fine(clean.frame[c])]
    texts = [c for c in names if clean.frame[c].dtype == pl.String]
    if len(names) < CELLS_FOR_NEAR + 1 or not (numbers or texts):
        raise Misuse("the table has too few columns for near copies", remedy="try one with 4 features")
    originals = clean.some(clean.degree)
    copies = clean.frame[originals]
    at = clean.random.integers(0, len(numbers or texts), len(originals))
    for j, name in enumerate(numbers or texts):
        rows = np.flatnonzero(at == j)
        column = copies[name]
        rows = rows[column.is_not_null().to_numpy()[rows]]
        if not len(rows):
            continue
        if numbers:
            changed = replaced(column, rows, moved(column, deviation(clean.frame[name])).gather(rows))
        else:
            changed = replaced(column, rows, [f"{v}s" for v in column.gather(rows)])
        copies = copies.with_columns(changed)
    return _with_copies(clean, copies, originals)


def conflicting_labels(clean: Clean) -> Spoilt:
    """Rows stand again with another target."""
    classified, target = clean.classified, str(clean.target)
    originals = clean.some(clean.degree)
    copies = clean.frame[originals]
    column = clean.frame[target]
    known = column.drop_nulls().unique().sort().to_list()
    if classified:
        new = [_other(clean, known, v) for v in copies[target]]
    else:
        spread = deviation(column)
        new = [_far(clean, known, v, spread) for v in copies[target]]
    copies = copies.with_columns(pl.Series(target, new, dtype=column.dtype))
    return _with_copies(clean, copies, originals)


def nearly_empty_rows(clean: Clean) -> Spoilt:
    """In one row of a hundred nearly all values but the target are missing."""
    names = [c for c in clean.frame.columns if c != clean.target]
    if len(names) < 4:
        raise Misuse("the table has too few columns for rows to be nearly empty")
    rows = clean.some(0.01)
    count = min(len(names), max(1, round(clean.degree * len(names))))
    gone = np.zeros((len(rows), len(names)), dtype=bool)
    for i in range(len(rows)):
        gone[i, clean.random.choice(len(names), count, replace=False)] = True
    changed = [replaced(clean.frame[n], rows[gone[:, j]], None) for j, n in enumerate(names)]
    return Spoilt(clean.frame.with_columns(changed), (), listed(rows))


def blocked_rows(clean: Clean) -> Spoilt:
    """Rows stand in the order of one column, more or less: whatever comes in blocks or is sorted."""
    name = clean.pick(lambda s: is_number(s) or is_category(s), "a number or a category")
    return Spoilt(_sorted(clean, _ranks(clean.frame[name])), ())


def sorted_by_target(clean: Clean) -> Spoilt:
    """Rows stand in the order of the target, more or less."""
    return Spoilt(_sorted(clean, _ranks(pl.Series(clean.outcome()))), ())


def sudden_change(clean: Clean) -> Spoilt:
    """From one moment on all values of a column are larger; a time column is added, in the order of rows.

    Rows are put in random order first, so that nothing else changes over time.
    """
    order = clean.random.permutation(len(clean))
    frame = clean.frame[order]
    name = clean.pick(is_number, "a number")
    since = int(clean.random.uniform(0.3, 0.7) * len(clean))
    rows = np.arange(since, len(clean))
    values = numbers_of(frame[name])
    values[rows] += clean.degree * deviation(frame[name])
    frame = frame.with_columns(pl.Series(name, values).fill_nan(None))
    time = clean.new("seen_at")
    return Spoilt(
        frame.with_columns(pl.Series(time, moments(clean, len(clean)))),
        (name,),
        listed(rows),
        roles={"time": time},
    )


def moments(clean: Clean, count: int, first: float = 0.0, days: float = 300.0) -> list[datetime]:
    """Moments in order, at random within so many days, counted from a day of 2023."""
    drawn = np.sort(clean.random.uniform(first, first + days, count))
    return [BEGIN + timedelta(seconds=round(d * 86_400)) for d in drawn]


def _with_copies(clean: Clean, copies: pl.DataFrame, originals: Ints) -> Spoilt:
    """The frame with each copy somewhere below its original."""
    n = len(clean)
    below = originals + clean.random.uniform(0.25, 1.0, len(originals)) * (n - originals)
    order = np.argsort(np.concatenate([np.arange(n, dtype=np.float64), below]), kind="stable")
    frame = pl.concat([clean.frame, copies.cast(clean.frame.schema)])[order]
    return Spoilt(
        frame,
        (),
        listed(order >= n),
        listed(np.isin(order, originals)),
    )


def _sorted(clean: Clean, ranks: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pl.DataFrame:
    """The rows in the order of ranks (0 to 1) with noise; ties stand in random order."""
    ties = clean.random.random(len(clean))
    noise = clean.random.normal(0, clean.degree, len(clean)) if clean.degree else 0.0
    return clean.frame[np.lexsort((ties, ranks + noise))]


def _ranks(series: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    ranks = series.rank("average").fill_null(0).to_numpy().astype(np.float64)
    return ranks / max(1.0, float(ranks.max()))


def _other(clean: Clean, known: list[object], value: object) -> object:
    others = [k for k in known if k != value]
    if not others:
        raise Misuse("the target has one class")
    return others[int(clean.random.integers(len(others)))]


def _far(clean: Clean, known: list[float], value: float | None, spread: float) -> float:
    """A number that stands in the target, a deviation or more from this one."""
    others = [k for k in known if value is None or abs(k - value) >= spread]
    return others[int(clean.random.integers(len(others)))]


DEFECTS: Final = (
    Defect("exact_duplicates", "rows are repeated", ("MLW201",), "share of rows", SHARES, exact_duplicates),
    Defect("near_duplicates", "rows are repeated with one value changed a little", ("MLW204",),
           "share of rows", SHARES, near_duplicates),
    Defect("conflicting_labels", "equal rows have different targets", ("MLW202",), "share of rows",
           SHARES, conflicting_labels),
    Defect("nearly_empty_rows", "rows hold next to nothing", ("MLW205",), "share of values missing",
           (0.8, 0.9, 1.0), nearly_empty_rows),
    Defect("blocked_rows", "rows stand in the order of a column", ("MLW206",),
           "noise, in the range of ranks", (0.5, 0.2, 0.0), blocked_rows),
    Defect("sorted_by_target", "rows stand in the order of the target", ("MLW404",),
           "noise, in the range of ranks", (0.5, 0.2, 0.0), sorted_by_target),
    Defect("sudden_change", "a column changes from one moment on", ("MLW207",), "deviations",
           (0.3, 1.0, 3.0), sudden_change),
)  # fmt: skip
