"""Time that the table knows of: MLW408 (dates along which the target moves, and no time named) and MLW410
(columns later than the time of prediction).

Called by `check` through the table of checks, and by the advice on the split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from mlwright.base.evaluation import Score
from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.alone import by_bins, measured, metric_of, strength
from mlwright.checks.leakage import able, figure, middle_ranks
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.table import Table, is_number
from mlwright.statistics.intervals import Codes, Floats, Interval, wilson
from mlwright.statistics.multiple import discovered

SPANS = 10
"""Stretches of time, with equally many rows, that are compared."""
MOVES = {"roc_auc": 0.55, "r2": 0.03}
"""What the stretch alone must reach for the target to move."""
FEWEST_DATES = 20
DRIFT = 0.03
"""Share of a feature's variance that lies between stretches."""
CALENDAR = 0.9
"""And the share over which a number is read off the date, such as its month."""
LATER = 0.01
MOSTLY = 0.5
EARLIEST = 100
"""Rows of a date column under which it is not looked at."""


@dataclass(frozen=True)
class Moving:
    """A date column along which the target, or features, move."""

    name: str
    target: Score | None
    """What the stretch of time alone tells about the target; None where that is little."""
    features: tuple[str, ...]


def moving(table: Table) -> list[Moving]:
    """Date columns along which something moves, the target's most first; found once for a table.

    Raises `CouldNotLook` where a time is named, or there is no date.
    """
    return table.once("moving", lambda: _moving(table))


def overlap(table: Table) -> Iterator[Seen]:
    """MLW408."""
    for one in moving(table):
        if one.target is not None:
            what = f"the stretch of time alone, a tenth of the rows each, reaches {figure(one.target)}"
        else:
            moves = counted(len(one.features), "feature moves", "features move")
            what = f"{moves} along it, such as {one.features[0]!r}"
        yield Seen(
            f"{what}; a random split would test on times that it trained on; {table.sample.said}",
            f"If predictions are about later rows, say time={one.name!r}, so that later rows judge earlier "
            "ones.",
            one.name,
        )


def later_than_time(table: Table) -> Iterator[Seen]:
    """MLW410."""
    times = table.dataset.role("time")
    if not times:
        raise CouldNotLook("not_applicable", "no time column is named")
    dates = [c for c in table.features if c.kind == "datetime" and c.role == "feature"]
    if times[0].kind != "datetime" or not dates:
        raise CouldNotLook("not_applicable", "there is no other date")
    moment = table.numbers(times[0])
    for column in dates:
        values = table.numbers(column)
        known = ~(np.isnan(values) | np.isnan(moment))
        if known.sum() < EARLIEST:
            continue
        later = known & (values > moment)
        share = wilson(int(later.sum()), int(known.sum()))
        if share.low > LATER:
            yield Seen(
                f"it lies after {times[0].name!r} in {percent(share)} of {int(known.sum()):,} rows",
                "If it is written down only then, leave it out: it is not known when a prediction is asked "
                "for. "
                "A plan for later, such as a due date, may stay.",
                column.name,
                first_rows(later),
                severity="issue" if share.low > MOSTLY else "tip",
            )


def spans(moments: Floats) -> Codes:
    """The stretch of time of each row [N], from 1; 0 where the moment is not known."""
    known = ~np.isnan(moments)
    if not known.any():
        return np.zeros(len(moments), dtype=np.int64)
    edges = np.unique(np.quantile(moments[known], np.arange(1, SPANS) / SPANS))
    return np.where(known, 1 + np.searchsorted(edges, moments, side="right"), 0)


def between(ranks: Floats, known: Floats, span: Codes) -> tuple[list[Interval], Floats]:
    """The share of the variance of ranks that lies between stretches, with an interval, and its p-value, for
    each column of `ranks` [N, C]: centred, 0 where `known` [N, C] is 0.

    Kruskal and Wallis's statistic over N - 1; the interval is that of eta squared by the normal
    approximation. Source: Kruskal & Wallis (1952), JASA 47.

    >>> centred, known = _ranked([np.arange(200.0)])
    >>> round(between(centred, known, np.repeat([1, 2], 100))[0][0].value, 2)
    0.75
    """
    stretches = (span == np.unique(span)[:, None]).astype(np.float64)
    sizes, sums = stretches @ known, stretches @ ranks
    rows, squares = known.sum(axis=0), (ranks * ranks).sum(axis=0)
    freedom = (sizes > 0).sum(axis=0) - 1
    able_to = (squares > 0) & (freedom > 0)
    share = np.where(
        able_to, (sums * sums / np.maximum(sizes, 1)).sum(axis=0) / np.where(able_to, squares, 1), 0.0
    )
    p = np.where(able_to, special.chdtrc(np.maximum(freedom, 1), share * np.maximum(rows - 1, 0)), 1.0)
    half = 1.96 * 2 * np.sqrt(share * (1 - share) ** 2 / np.maximum(rows, 1))
    low = np.where(able_to, share - half - freedom / np.maximum(rows, 1), 0.0)
    high = np.where(able_to, share + half, 0.0)
    return [
        Interval(*map(float, one)).within(0.0, 1.0) for one in zip(share, low, high, strict=True)
    ], np.asarray(p, dtype=np.float64)


def _ranked(columns: list[Floats]) -> tuple[Floats, Floats]:
    """Centred ranks [N, C] of columns of numbers, 0 where missing, and 1 where they are known."""
    ranks = np.zeros((len(columns[0]), len(columns)))
    known = ~np.isnan(np.column_stack(columns))
    for j, values in enumerate(columns):
        here = known[:, j]
        ranks[here, j] = middle_ranks(values[here])
    return ranks, known.astype(np.float64)


def _moving(table: Table) -> list[Moving]:
    able(table)
    if table.dataset.role("time"):
        raise CouldNotLook("not_applicable", "a time column is named, and rows are split by it")
    dates = [c for c in table.features if c.kind == "datetime"]
    if not dates:
        raise CouldNotLook("not_applicable", "no feature is a date")
    need_rows(len(table.sample), 10 * FEWEST_DATES, "rows with a target")
    found = [one for one in (_along(table, c) for c in dates) if one is not None]
    return sorted(found, key=lambda one: (one.target is None, -(one.target.value if one.target else 0)))


def _along(table: Table, date: Column) -> Moving | None:
    moments = table.numbers(date)[table.sample.rows]
    if len(np.unique(moments[~np.isnan(moments)])) < FEWEST_DATES or np.isnan(moments).mean() > 0.5:
        return None
    span = spans(moments)
    predicted, metric = by_bins(table.sample, span), metric_of(table)
    if strength(table, predicted) > MOVES[metric]:
        own = measured(table, predicted)
        if own.low > MOVES[metric]:
            return Moving(date.name, own, ())
    numbers = [c for c in table.features if is_number(c) and c.kind != "datetime"]
    if not numbers:
        return None
    names = [c.name for c in numbers]
    # Ranked once for all dates: a wide table may have hundreds of them.
    ranked = table.once(
        "ranks of numbers", lambda: _ranked([table.numbers(c)[table.sample.rows] for c in numbers])
    )
    shares, p = between(*ranked, span)
    real = discovered(p, 0.05)
    moved = [
        (s.value, n)
        for n, s, r in zip(names, shares, real, strict=True)
        if r and s.low > DRIFT and s.high < CALENDAR
    ]
    return Moving(date.name, None, tuple(n for _, n in sorted(moved, reverse=True))) if moved else None


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW408",
        "the table moves with time, and no time is named",
        "tip",
        overlap,
        "Cuts each date into ten stretches with equally many rows. Found where the stretch alone tells the "
        "target, "
        "in 5 folds, with a 95 % interval over ROC AUC 0.55 (R squared 0.03), or where the interval of a "
        "number's "
        "variance between stretches (by ranks) lies over 3 %, at a false discovery rate of 5 %.",
        "Kruskal & Wallis (1952), JASA 47; Roberts et al. (2017), Cross-validation for data with temporal "
        "structure, Ecography 40",
    ),
    Check(
        "MLW410",
        "a date lies after the time of prediction",
        "tip",
        later_than_time,
        "Compares each date with the named time column, row by row; found where the 95 % interval of later "
        "rows' "
        "share lies over 1 %, an issue over 50 %.",
        "interval: Wilson (1927); Kaufman et al. (2012), ACM TKDD 6",
    ),
)
