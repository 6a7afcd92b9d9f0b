"""The check for two columns whose difference knows the answer, such as a start and an end: MLW405.

Called by `check` through the table of checks; built on the check of single features.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwright.checks.alone import by_numbers, metric_of, strength
from mlwright.checks.leakage import (
    STRONG,
    able,
    beside_others,
    each_alone,
    predictions,
    single_feature,
    twins,
)
from mlwright.checks.outcome import Check, CouldNotLook, Seen
from mlwright.checks.table import Sample, Table, is_number
from mlwright.evaluation.metrics import METRICS
from mlwright.statistics.intervals import Floats

SCREEN_ROWS = 5_000
MOST_PAIRS = 200
FEW_COLUMNS = 50
"""Number columns up to which every pair is looked at."""
MOST_LOOKED_AT = 2_000
"""Pairs of a wider table that are looked at, those that go together most."""
MOST_FOUND = 4
NEARLY = 0.95
"""Share of the threshold at which a pair is looked at on the whole sample."""
BETTER = 0.5
"""The difference must leave under this share of the error that either column leaves alone."""


def differences(table: Table) -> Iterator[Seen]:
    """MLW405."""
    able(table)
    sample, metric = table.sample, metric_of(table)
    columns = [c.name for c in table.features if is_number(c)]
    numbers = {n: table.numbers(table.dataset.schema.column(n))[sample.rows] for n in columns}
    few = np.linspace(0, len(sample) - 1, min(SCREEN_ROWS, len(sample))).astype(np.int64)
    likely = _together({n: values[few] for n, values in numbers.items()})
    pairs = [p for p in likely if _on_one_scale(*(numbers[n] for n in p))]
    if not pairs:
        raise CouldNotLook("not_applicable", "no two features are numbers on one scale")
    screen = Sample(sample.rows[few], sample.y[few], sample.folds[few], sample.of)
    promising = []
    for one, other in pairs[:MOST_PAIRS]:
        quick = by_numbers(screen, numbers[one][few] - numbers[other][few])
        reached = METRICS[metric].function(screen.y, quick)
        if reached > NEARLY * STRONG[metric]:
            promising.append((reached, one, other))
    if not promising:
        return
    alone = each_alone(table)
    honest: list[Floats] | None = None
    for _, one, other in sorted(promising, reverse=True)[:MOST_FOUND]:
        predicted = by_numbers(sample, numbers[one] - numbers[other])
        if 1 - strength(table, predicted) >= BETTER * (1 - max(alone[one], alone[other])):
            continue
        if honest is None:
            leaking = {s.column for s in single_feature(table)}  # these must not excuse a pair
            honest = [p for n, p in predictions(table, list(alone)).items() if n not in leaking]
        told = beside_others(table, predicted, [p for p in honest if not twins(predicted, p)])
        if told is not None:
            yield Seen(
                f"the difference of {one!r} and {other!r} reaches {told.figures}; {sample.said}",
                "Make sure that both are known when a prediction is asked for; leave out what is not.",
                severity=told.severity,
                stops=told.stops,
            )


def _together(numbers: dict[str, Floats]) -> list[tuple[str, str]]:
    """Pairs of columns that may go together; of many, those that do most. A wide table has millions of pairs,
    too many for a closer look at each."""
    pairs = list(itertools.combinations(numbers, 2)) if len(numbers) <= FEW_COLUMNS else []
    if pairs or len(numbers) < 2:
        return pairs
    values = np.column_stack(list(numbers.values()))
    with np.errstate(all="ignore"):
        known = ~np.isnan(values)
        mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        values = np.where(known, values - mean, 0.0)
        values = np.nan_to_num(values / np.linalg.norm(values, axis=0), posinf=0.0, neginf=0.0)
    together = np.triu(values.T @ values, 1).ravel()
    names = list(numbers)
    most = np.argpartition(-together, MOST_LOOKED_AT)[:MOST_LOOKED_AT]
    best = most[np.argsort(-together[most], kind="stable")]
    return [(names[i // len(names)], names[i % len(names)]) for i in best]


def _on_one_scale(one: Floats, other: Floats) -> bool:
    """Whether two columns go together so that their difference may mean something: a start and an end."""
    known = ~(np.isnan(one) | np.isnan(other))
    if known.sum() < 100:
        return False
    a, b = one[known][:SCREEN_ROWS], other[known][:SCREEN_ROWS]
    low_a, middle_a, high_a = np.quantile(a, [0.1, 0.5, 0.9])
    low_b, middle_b, high_b = np.quantile(b, [0.1, 0.5, 0.9])
    spread_a, spread_b = high_a - low_a, high_b - low_b
    if min(spread_a, spread_b) <= 0 or max(spread_a, spread_b) > 3 * min(spread_a, spread_b):
        return False
    near = abs(middle_a - middle_b) <= 2 * max(spread_a, spread_b)
    return bool(near and len(np.unique(a)) > 10 and np.corrcoef(a, b)[0, 1] > 0.3)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW405",
        "the difference of two features gives the target away",
        "issue",
        differences,
        "Predicts the target from the difference of each two numbers or dates on one scale, as MLW401 does "
        "from one. Found where that leaves half the error that either leaves alone, and beats all features "
        "together as in MLW401.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
        stops=True,
    ),
)
