"""The target in a feature, more or less disguised: steps, bins, one-hot columns, labels within texts, and the
target of the next row. A part of MLW402, called by `leakage`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from mlwright.checks.outcome import Seen, percent
from mlwright.checks.table import Table, codes_of, is_number
from mlwright.statistics.intervals import Codes, Floats, wilson

REMEDY = "Leave it out: it is the target under another name."
FEWEST_OF_A_CLASS = 20
FEWEST_ROWS = 100
KNOWN = 0.9
"""Share of rows in which a disguise must be known; the others are missing."""
NAMED = 0.5
AGREES = 0.9
LETTERS = 3
"""Labels of fewer letters stand in texts by chance."""
MOST_CLASSES = 50
NEIGHBOURS = 10
"""Gaps on each side of a step that it is compared with."""
GAP = 2.0
"""How many times wider than all of those a gap by nature is: by chance in less than one table of 100."""
SAME = 0.99


def disguised_classes(table: Table) -> Iterator[Seen]:
    """Features that say the class by steps of a number, one class a column, or in words."""
    codes = table.class_codes
    for column in table.features:
        series = table.series(column)[table.labelled]
        known = series.is_not_null().to_numpy()
        if known.mean() < KNOWN or len(codes) < FEWEST_ROWS:
            continue
        if is_number(column):
            said = _steps(series.filter(known).to_numpy(), codes[known])
        elif column.kind in ("text", "categorical"):
            said = _in_words(table, series)
        else:
            said = ""
        said = said or _one_class(series.filter(known), codes[known])
        if said:
            yield Seen(said, REMEDY, column.name)


def disguised_numbers(table: Table) -> Iterator[Seen]:
    """Features that are the target in bins, or the target of the next row."""
    assert table.target is not None
    y = table.numbers(table.target)[table.labelled]
    if len(y) < FEWEST_ROWS:
        return
    for column in table.features:
        series = table.series(column)[table.labelled]
        known = series.is_not_null().to_numpy()
        if known.mean() < KNOWN:
            continue
        said = _bins(codes_of(series.filter(known)), y[known])
        if not said and is_number(column):
            said = _next_row(table.numbers(column)[table.labelled], y)
        if said:
            yield Seen(said, REMEDY, column.name)


def _steps(values: Floats, codes: Codes) -> str:
    """A number whose order is that of the classes, each in one stretch; no value in two."""
    classes = np.unique(codes)
    if len(np.unique(values)) <= len(classes):
        return ""  # one to one, or less: looked at elsewhere
    order = np.lexsort((codes, values))
    changes = np.flatnonzero(np.diff(codes[order]))
    if len(changes) != len(classes) - 1 or np.bincount(codes)[classes].min() < FEWEST_OF_A_CLASS:
        return ""
    if (np.diff(values[order])[changes] == 0).any() or not _unmarked(values[order], changes):
        return ""
    steps = "one step" if len(changes) == 1 else f"{len(changes)} steps"
    return f"{steps} of it tell the {len(classes)} classes apart in all {len(codes):,} rows where it is known"


def _unmarked(ordered: Floats, last: Codes) -> bool:
    """Whether half the steps or more, after the places `last`, fall where ordered numbers [N] show no gap.

    A threshold falls anywhere, in a gap like those beside it. Classes that differ by nature, such as two
    species, or prices of a list, leave a gap, and a model may well use it.
    """
    distinct = np.unique(ordered)
    gaps = np.diff(distinct)
    steps = np.searchsorted(distinct, ordered[last])
    inside = np.delete(np.arange(len(gaps)), steps)
    if not len(inside):
        return False
    usual = 0
    for step in steps:
        near = inside[np.argsort(np.abs(inside - step), kind="stable")[: 2 * NEIGHBOURS]]
        usual += bool(gaps[step] <= GAP * gaps[near].max())
    return 2 * usual >= len(steps)


def _one_class(series: pl.Series, codes: Codes) -> str:
    """Two values, one of which stands in all rows of one class of several and in no others."""
    if series.n_unique() != 2 or len(np.unique(codes)) < 3:
        return ""
    value = codes_of(series)
    for side in (0, 1):
        inside = np.unique(codes[value == side])
        if len(inside) == 1 and not (codes[value != side] == inside[0]).any():
            rows = int((value == side).sum())
            if rows >= FEWEST_OF_A_CLASS:
                return f"one of its two values stands in all {rows:,} rows of one class, and in no others"
    return ""


def _in_words(table: Table, series: pl.Series) -> str:
    """Texts in which the row's own label stands, and that of another class hardly ever."""
    assert table.target is not None
    target = table.series(table.target)[table.labelled]
    if target.dtype != pl.String or series.dtype != pl.String:
        return ""
    labels = [str(v) for v in target.unique().sort().to_list()]
    if len(labels) > MOST_CLASSES or any(len(v) < LETTERS for v in labels):
        return ""
    texts = " " + series.fill_null("").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ") + " "
    words = {v: " " + _plain(v) + " " for v in labels}
    holds = np.column_stack([texts.str.contains(words[v], literal=True).to_numpy() for v in labels])
    own = holds[np.arange(len(holds)), codes_of(target)]
    one = holds.sum(axis=1) == 1
    named, right = wilson(int(one.sum()), len(one)), wilson(int((own & one).sum()), int(one.sum()))
    if named.low <= NAMED or right.low <= AGREES:
        return ""
    often = f"it holds the label of a class in {percent(named)} of the rows"
    return f"{often}, the row's own in {percent(right)} of these"


def _plain(label: str) -> str:
    return "".join(c if c.isalnum() else " " for c in label.lower()).strip()


def _bins(codes: Codes, y: Floats) -> str:
    """Values whose targets lie in ranges that do not touch."""
    distinct, code = np.unique(codes, return_inverse=True)
    if not 3 <= len(distinct) <= len(y) // FEWEST_OF_A_CLASS:
        return ""
    low, high = np.full(len(distinct), np.inf), np.full(len(distinct), -np.inf)
    np.minimum.at(low, code, y)
    np.maximum.at(high, code, y)
    order = np.argsort(low, kind="stable")
    if (high[order][:-1] > low[order][1:]).any() or (high == low).all():
        return ""
    ordered = np.sort(y)
    # Ranges that touch, as 1-10 and 10-20 may, have no gap.
    last = np.searchsorted(ordered, high[order][:-1], side="right") - 1
    last = last[ordered[last] < low[order][1:]]
    if len(last) and not _unmarked(ordered, np.unique(last)):
        return ""
    return f"its {len(distinct)} values are ranges of the target that do not overlap, in all {len(y):,} rows"


def _next_row(values: Floats, y: Floats) -> str:
    """The target of the row that comes next, which nobody knows yet."""
    own = wilson(int((y[:-1] == y[1:]).sum()), len(y) - 1)
    same = wilson(int((values[:-1] == y[1:]).sum()), len(y) - 1)
    if same.low <= SAME or own.high >= SAME:
        return ""
    return f"it is the target of the next row in {percent(same)} of the rows"
