"""Checks of what columns repeat of each other or split too finely: MLW111 and MLW112.

Called by `check` through the table of checks. Looks at a sample of rows; exact copies are MLW105's matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwright.base.schema import Column
from mlwright.checks.columns import copies, hardly_repeats
from mlwright.checks.outcome import MOST_NAMES, Check, CouldNotLook, Seen, need_rows, percent
from mlwright.checks.table import Table, codes_of, is_number
from mlwright.statistics.association import spearman_interval
from mlwright.statistics.intervals import Codes, Floats, Interval, wilson

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

LEAST_ROWS = 100
LOOKED_AT = 5_000
"""Rows drawn by the seed, where there are more."""
SELDOM = 5
MANY = 0.25
ALIKE = 0.99
"""What the interval of a correlation must lie above."""
TOLD = 0.9
"""And that of the share of rows that one column tells of another."""
MOST_CATEGORIES = 50
MOST_DISCRETE = 60
"""Columns of few values of which every pair is looked at."""
LEAST_KNOWN = 0.5


def too_many_categories(table: Table) -> Iterator[Seen]:
    """MLW111."""
    need_rows(len(table), LEAST_ROWS)
    columns = [c for c in table.features if c.kind == "categorical"]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature of categories")
    for column in columns:
        series = table.series(column).drop_nulls()
        if len(series) < LEAST_ROWS or hardly_repeats(table.about(column)):
            continue  # MLW104 says that
        counts = series.alias("text").value_counts(name="rows")["rows"]
        seldom = counts.filter(counts < SELDOM)
        share = wilson(int(seldom.sum()), len(series))
        if share.low > MANY:
            yield Seen(
                f"{len(seldom):,} of its {len(counts):,} categories stand in fewer than {SELDOM} rows each; "
                f"they make {percent(share)} of the rows",
                "Group them, or take from them what repeats (a prefix, a region): a model learns nothing "
                "about a category that it hardly saw.",
                column.name,
            )


def redundant(table: Table) -> Iterator[Seen]:
    """MLW112."""
    need_rows(len(table), LEAST_ROWS)
    twins = table.once("copies", lambda: copies(table))
    columns = [c for c in table.features if c.kind != "text" and c.name not in twins]
    if len(columns) < 2:
        raise CouldNotLook("not_applicable", "fewer than two features to compare")
    rows = np.arange(len(table))
    if len(rows) > LOOKED_AT:
        rows = np.sort(np.random.default_rng(table.seed).choice(len(rows), LOOKED_AT, replace=False))
    told: set[str] = set()
    for group, weakest in _ranked_alike(table, [c for c in columns if is_number(c)], rows):
        told |= {c.name for c in group}
        named = ", ".join(repr(c.name) for c in group[1 : MOST_NAMES + 1])
        more = f" and {len(group) - 1 - MOST_NAMES} more" if len(group) - 1 > MOST_NAMES else ""
        chain = "" if len(group) == 2 else " from each to the next"
        yield Seen(
            f"it goes with {named}{more}: correlation "
            f"{weakest.value:.4f} ({weakest.low:.4f} to {weakest.high:.4f}){chain} at least; "
            f"{len(rows):,} rows",
            "One of them tells nearly all that the others tell; keep one where a short model matters.",
            group[0].name,
        )
    yield from _functions(table, [c for c in columns if c.name not in told], rows)


def _ranked_alike(
    table: Table, columns: list[Column], rows: Codes
) -> Iterator[tuple[list[Column], Interval]]:
    """Groups of columns linked by rank correlations surely over 0.99, with their weakest link."""
    kept, ranks, values = [], [], []
    for column in columns:
        numbers = table.numbers(column)[rows]
        known = ~np.isnan(numbers)
        ordered = np.sort(numbers[known])
        count = len(ordered)
        if count < max(LEAST_ROWS, LEAST_KNOWN * len(rows)):
            continue
        if 1 + int((ordered[1:] != ordered[:-1]).sum()) + (count < len(rows)) <= 3:
            continue
        # Means of the first and the last rank of equal numbers, as for Spearman's correlation.
        first, last = (np.searchsorted(ordered, numbers[known], side) for side in ("left", "right"))
        rank, value = _unit(first + last, known), _unit(_without_tails(numbers[known], ordered), known)
        if rank.any() and value.any():
            kept.append((column, count))
            ranks.append(rank)
            values.append(value)
    if len(kept) < 2:
        return
    by_rank, by_value = (np.abs(np.stack(v) @ np.stack(v).T) for v in (ranks, values))
    together = np.asarray(np.maximum(by_rank, by_value), dtype=np.float64)
    np.fill_diagonal(together, 0)
    pairs = np.argwhere(np.triu(np.abs(together) > ALIKE))
    links: dict[int, list[int]] = {}
    strength: dict[tuple[int, int], Interval] = {}
    for i, j in pairs.tolist():
        between = spearman_interval(abs(float(together[i, j])), min(kept[i][1], kept[j][1]))
        if between.low > ALIKE:
            links.setdefault(i, []).append(j)
            links.setdefault(j, []).append(i)
            strength[i, j] = strength[j, i] = between
    for members in _components(links):
        strongest = [max((strength[i, j] for j in links[i]), key=lambda v: v.low) for i in members]
        yield [kept[i][0] for i in members], min(strongest, key=lambda v: v.low)


def _without_tails(numbers: Floats, ordered: Floats) -> Floats:
    """Numbers with their outermost hundredths drawn in, so that no few great ones make a correlation."""
    last = len(ordered) - 1
    low, high = ordered[round(0.01 * last)], ordered[round(0.99 * last)]
    return np.clip(numbers, low, high)


def _unit(numbers: Codes | Floats, known: Mask) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Centred values of length 1 in the rows that are known; others stand at the mean. All 0 where they do
    not vary."""
    placed = np.zeros(len(known), dtype=np.float32)
    with np.errstate(all="ignore"):
        centred = np.nan_to_num(numbers - numbers.mean())
        centred /= max(float(np.abs(centred).max()), 1e-300)
        norm = float(np.linalg.norm(centred))
    if norm > 0:
        placed[known] = centred / norm
    return placed


def _components(links: dict[int, list[int]]) -> Iterator[list[int]]:
    seen: set[int] = set()
    for start in sorted(links):
        if start in seen:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            at = waiting.pop()
            group.append(at)
            waiting.extend(j for j in links[at] if j not in seen)
            seen.update(links[at])
        yield sorted(group)


def _functions(table: Table, columns: list[Column], rows: Codes) -> Iterator[Seen]:
    """Columns of few values that another one tells nearly always."""
    coded: list[tuple[Column, Codes]] = []
    for column in columns:
        series = table.series(column)[rows]
        if 2 <= series.n_unique() <= MOST_CATEGORIES * (1 if is_number(column) else 20):
            coded.append((column, codes_of(series)))
    coded.sort(key=lambda c: int(c[1].max()))
    coded = coded[:MOST_DISCRETE]
    for at, (column, codes) in enumerate(coded):
        best: tuple[Interval, Column] | None = None
        for by, (other, other_codes) in enumerate(coded):
            if by == at or (by < at and int(other_codes.max()) == int(codes.max())):
                continue
            told = _told(codes, other_codes)
            if told is not None and (best is None or told.low > best[0].low):
                best = told, other
        if best is not None and best[0].low > TOLD:
            yield Seen(
                f"{best[1].name!r} tells it: of the rows outside its most frequent value, {percent(best[0])} "
                f"follow from that column; {len(rows):,} rows",
                f"It adds nearly nothing to {best[1].name!r}; keep one where a short model matters.",
                column.name,
            )


def _told(codes: Codes, by: Codes) -> Interval | None:
    """The share of rows outside the most frequent value that the usual value of the other rows with the
    same `by` tells, less the mistakes among the rest. None where too few rows can say."""
    values, groups = int(codes.max()) + 1, int(by.max()) + 1
    if values > groups:
        return None  # no function of fewer values has more
    table = np.bincount(by * values + codes, minlength=groups * values).reshape(groups, values)
    best = table.argmax(axis=1)
    right = table.max(axis=1)
    # A row alone in its group, or one of two that differ, is told by nobody else.
    wrong = int((table.sum(axis=1) - right)[right > 1].sum() + table[right <= 1].sum())
    outside = len(codes) - int(np.bincount(codes).max())
    if outside < SELDOM or wrong > outside or len(best) < 2:
        return None
    return wilson(outside - wrong, outside)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW111",
        "too many categories for the rows",
        "tip",
        too_many_categories,
        "Counts rows in categories seen fewer than 5 times; found where the 95 % interval of their share "
        "lies over 25 %, and most categories do repeat (else MLW104).",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW112",
        "features say nearly the same",
        "tip",
        redundant,
        "Compares features on up to 5,000 rows; found where the 95 % interval of a correlation, of ranks or "
        "of values without tails, lies over 0.99 (columns so linked are one group), or where a column "
        "of few values follows from another, by the 95 % interval in over 90 % of the rows outside its most "
        "frequent value, judged by the other rows. Of more than 60 columns of few values, those with the "
        "fewest are compared. Exact copies are MLW105.",
        "Bonett & Wright (2000), Psychometrika 65; Goodman & Kruskal (1954), JASA 49; interval: "
        "Wilson (1927)",
    ),
)
