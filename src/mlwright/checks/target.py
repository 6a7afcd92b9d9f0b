"""Checks of the target by itself: MLW301 to MLW304 and MLW306.

Called by `check` through the table of checks. How its labels are spelled is looked at in `spellings`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, percent
from mlwright.checks.table import Table
from mlwright.statistics.intervals import Codes, wilson

FEW_ROWS = 50
SCARCE_ROWS = 200
LEAST_FOR_ERROR = 20
"""Rows under which the errors of large samples say nothing: then only that rows are few."""
ROWS_PER_FEATURE = 10
FEW_OF_A_CLASS = 5
SCARCE_OF_A_CLASS = 20
UNEVEN = 0.2
"""Share of its even part under which the rarest class makes the classes unbalanced."""


def too_few_rows(table: Table) -> Iterator[Seen]:
    """MLW301."""
    target = target_of(table)
    rows, width = table.labelled_in_all, len(table.features)
    if rows >= SCARCE_ROWS and rows >= ROWS_PER_FEATURE * width:
        return
    scarce = f"{counted(rows, 'row')} with a target" + (f", {counted(width, 'feature')}" if width else "")
    known = f": even tested on all of them, {_known_to(table, rows)}" if rows >= LEAST_FOR_ERROR else ""
    yield Seen(
        scarce + known,
        "Gather more rows, or use few features and a plain model; trust no small difference.",
        target.name,
        severity="issue" if rows < FEW_ROWS else "tip",
    )


def _known_to(table: Table, rows: int) -> str:
    """How well a usual score could be known from so many rows, in words.

    The error of R squared is that of large samples: Olkin & Finn (1995), Psychological Bulletin 118.
    """
    if table.task == "regression":
        return f"an R squared of 0.50 would be known to ± {1.96 * math.sqrt(0.5 / rows):.2f}"
    return f"an accuracy of 80 % would be known to ± {196 * math.sqrt(0.16 / rows):.0f} points"


def rare_classes(table: Table) -> Iterator[Seen]:
    """MLW302."""
    target, codes = _classes(table)
    counts = table.class_counts
    rare = np.flatnonzero(counts < SCARCE_OF_A_CLASS)
    if not len(rare) or len(counts) < 2:
        return
    # A sample seldom holds rows of classes that are rare in all rows: then none are named.
    rows = (
        table.labelled[np.isin(codes, rare)] if table.dataset.whole is None else np.empty(0, dtype=np.int64)
    )
    least = int(counts.min())
    recall = wilson(0.8 * least, least)
    yield Seen(
        f"{len(rare)} of {len(counts)} classes have fewer than {SCARCE_OF_A_CLASS} rows, the rarest {least}: "
        f"a recall of 80 % on it would be known as {100 * recall.low:.0f} to {100 * recall.high:.0f} %",
        "Gather more of them, or merge or leave out classes that are too rare to learn.",
        target.name,
        first_rows(rows),
        severity="issue" if least < FEW_OF_A_CLASS else "tip",
    )


def imbalance(table: Table) -> Iterator[Seen]:
    """MLW303."""
    target, _ = _classes(table)
    counts = table.class_counts
    if len(counts) < 2:
        raise CouldNotLook("not_applicable", "the target has one class")
    share = wilson(int(counts.min()), int(counts.sum()))
    if share.high < UNEVEN / len(counts):
        yield Seen(
            f"the rarest of {len(counts)} classes has {int(counts.min()):,} rows, {percent(share)}",
            "Judge by average_precision, mcc or the cost of errors: accuracy is high for a model that never "
            "names that class.",
            target.name,
        )


def one_value(table: Table) -> Iterator[Seen]:
    """MLW304."""
    target = target_of(table)
    distinct = table.about(target).distinct
    if distinct < 2:
        what = "no value at all" if distinct == 0 else f"one value in all {table.labelled_in_all:,} rows"
        yield Seen(what, "Name another target, or add the rows that differ.", target.name)
    elif table.task != "regression" and classes_hardly_repeat(table):
        yield Seen(
            f"{distinct:,} classes in {table.labelled_in_all:,} rows: hardly any occurs twice",
            "Name a target whose values repeat, or read it as numbers.",
            target.name,
        )


def no_feature(table: Table) -> Iterator[Seen]:
    """MLW306."""
    target = target_of(table)
    if table.features:
        return
    others = len(table.dataset.schema.columns) - 1
    noun = "column" if others == 1 else "columns"
    what = f"{others:,} other {noun}, but none is a feature" if others else "the table has no other column"
    yield Seen(what, "Add columns that are known before the target is.", target.name)


def classes_hardly_repeat(table: Table) -> bool:
    """Whether most rows surely have a class of their own."""
    about = table.about(target_of(table))
    return wilson(min(about.distinct, about.present), about.present).low > 0.5


def target_of(table: Table) -> Column:
    """The target's column; raises `CouldNotLook` where none is named."""
    if table.target is None:
        raise CouldNotLook("not_applicable", "no target is named")
    return table.target


def _classes(table: Table) -> tuple[Column, Codes]:
    target = target_of(table)
    if table.task == "regression":
        raise CouldNotLook("not_applicable", "the target is a number")
    if not len(table.labelled):
        raise CouldNotLook("not_enough_data", "the target has no value")
    return target, table.class_codes


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW301",
        "there are few rows",
        "tip",
        too_few_rows,
        "Found under 200 rows with a target, or under 10 for each feature; an issue under 50.",
        "10 rows a feature: Peduzzi et al. (1996), Journal of Clinical Epidemiology 49",
        of_all=True,
    ),
    Check(
        "MLW302",
        "classes are too rare to learn",
        "tip",
        rare_classes,
        "Found where a class has fewer than 20 rows; an issue under 5, when folds lack it.",
        of_all=True,
    ),
    Check(
        "MLW303",
        "classes are of very different size",
        "tip",
        imbalance,
        "Found where the 95 % interval of the rarest class's share lies under a fifth of its even part.",
        "interval: Wilson (1927)",
        of_all=True,
    ),
    Check(
        "MLW304",
        "the target cannot be learned",
        "issue",
        one_value,
        "Found where the target has no value, one value, or classes that hardly ever repeat.",
        stops=True,
        of_all=True,
    ),
    Check(
        "MLW306",
        "there is nothing to predict the target from",
        "issue",
        no_feature,
        "Found where no column beside the target is a feature.",
        stops=True,
    ),
)
