"""A target that is known only in part: MLW308, by which rows lack it and by values cut off at an end.

Called by `check` through the table of checks. Reading leaves rows without a target out; the data set keeps
some of them for this look alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.schema import Schema
from mlwright.checks.leakage import figure
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, percent
from mlwright.checks.probe import held_back
from mlwright.checks.table import FOLDS, Table
from mlwright.checks.target import target_of
from mlwright.data.dataset import Dataset
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS
from mlwright.features import table_of
from mlwright.statistics.intervals import wilson

FEWEST = 50
"""Rows without a target, or with one, under which they are not compared."""
MOST = 2_000
TOLD_APART = 0.6
CAPPED = 0.005
SPIKE = 5.0
"""How many times more rows an end must have than any other of the outer tenth's values."""
DISTINCT = 50


def known_in_part(table: Table) -> Iterator[Seen]:
    """MLW308."""
    target = target_of(table)
    capped = list(_capped(table)) if table.task == "regression" else []
    yield from capped
    dropped, kept = table.dataset.provenance.rows_dropped, table.dataset.unlabelled
    if not dropped:
        return
    if kept is None:
        if not capped:
            raise CouldNotLook("skipped", "the rows without a target were not kept for a look")
        return
    if min(kept.height, len(table)) < FEWEST:
        if not capped:
            raise CouldNotLook(
                "not_enough_data", f"{kept.height} rows without a target; {FEWEST} are needed to look"
            )
        return
    told = _told_apart(table, kept)
    if told:
        share = wilson(dropped, dropped + len(table))
        yield Seen(
            f"{percent(share)} of the rows have no target and are left out; a model tells them from the "
            "others: "
            f"{told}",
            "Find out why it is not known there. A model of the other rows, and its scores, say little about "
            "such "
            "rows.",
            target.name,
        )


def _told_apart(table: Table, kept: pl.DataFrame) -> str:
    """How well held-back predictions tell rows without a target from others, in words; empty where hardly."""
    random = np.random.default_rng(table.seed)
    columns = table.features
    some = np.sort(random.choice(len(table), min(MOST, len(table)), replace=False))
    names = [c.name for c in columns]
    with_target = table.dataset.frame.select(names)[some]
    frame = pl.concat([with_target, kept.select(names).cast(dict(with_target.schema))])  # type: ignore[arg-type]
    y = np.repeat([0, 1], [len(some), kept.height])
    features = table_of(Dataset(frame, Schema(columns=columns), table.dataset.provenance))
    predicted, _ = held_back(table, features, y, random.permutation(np.arange(len(y)) % FOLDS))
    own = score(METRICS["roc_auc"], y, predicted, seed=table.seed)
    return figure(own) if own.low > TOLD_APART else ""


def _capped(table: Table) -> Iterator[Seen]:
    """An end of the target where far more rows stand than at any value near it."""
    target = target_of(table)
    y = table.numbers(target)[table.labelled]
    values, counts = np.unique(y, return_counts=True)
    if len(values) < DISTINCT:
        return
    outer = max(2, len(values) // 10)
    for end, near, word in ((-1, counts[-outer:-1], "greatest"), (0, counts[1:outer], "least")):
        if values[end] == 0:
            continue  # nothing bought, no rain: a zero is a value of its own
        share = wilson(int(counts[end]), len(y))
        if share.low > CAPPED and counts[end] >= SPIKE * near.max():
            yield Seen(
                f"{percent(share)} of the rows have the {word} value, {counts[end] / max(near.max(), 1):.0f} "
                "times "
                "as many as any value near it: it may have been cut off there",
                "No model can tell what lies beyond: leave these rows out of scores, or predict whether it "
                "is "
                "reached.",
                target.name,
                first_rows(table.labelled[y == values[end]]),
            )


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW308",
        "the target is known only in part",
        "tip",
        known_in_part,
        "Boosted trees tell rows without a target from rows with one, held back in 5 folds; found where the "
        "95 % "
        "interval lies over ROC AUC 0.6: not missing at random. And found where the least or the greatest "
        "number "
        "has, by its interval, over 0.5 % of the rows and 5 times as many as any value near it.",
        "Little & Rubin (2019), Statistical Analysis with Missing Data; interval: Wilson (1927)",
    ),
)
