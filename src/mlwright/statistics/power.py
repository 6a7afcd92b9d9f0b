"""How many rows two tables must have before "no shift was found" says anything.

Used by `checks` and later `monitoring`, to refuse a verdict that chance would give.
"""

from __future__ import annotations

import math

from mlwright.statistics.intervals import normal_quantile

POWER = 0.8


def rows_needed(
    *, effect: float, floor: float, unit_variance: float, tests: int = 1, share: float = 0.05
) -> float:
    """The harmonic rows 1 / (1/n + 1/m) at which a shift of `effect` is found four times in five.

    Found means: the 95 % interval lies over `floor`, and the p-value passes the first step of Benjamini and
    Hochberg among `tests` tests at `share`. The estimate's variance is `unit_variance` times (1/n + 1/m).
    Source: the normal approximation, as in Lehr (1992), Statistics in Medicine 11.

    >>> round(rows_needed(effect=0.2, floor=0.05, unit_variance=1 / 3))
    116
    """
    beyond = normal_quantile(POWER)
    by_floor = (effect - floor) / (normal_quantile(0.975) + beyond)
    by_chance = effect / (normal_quantile(1 - share / (2 * max(1, tests))) + beyond)
    return unit_variance / min(by_floor, by_chance) ** 2


def harmonic(rows: float, others: float) -> float:
    """1 / (1/rows + 1/others): what two tables are worth together; 0 where one is empty.

    >>> harmonic(200, 200)
    100.0
    """
    return rows * others / (rows + others) if rows > 0 and others > 0 else 0.0


def rows_beside(needed: float, others: float) -> int | None:
    """How many rows one table needs beside another of `others` rows to be worth `needed` harmonic rows; None
    where no number would do.

    >>> rows_beside(100, 200), rows_beside(100, 100)
    (200, None)
    """
    return math.ceil(round(needed * others / (others - needed), 6)) if others > needed else None
