"""The table that checks look at: its columns as numbers and codes, its target, and a sample of its rows.

Made once by `check`; each part is computed when first asked for. It knows no check.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl
from polars import selectors

from mlwright.base.schema import NUMBER_KINDS, Column, TaskName
from mlwright.checks.outcome import CouldNotLook
from mlwright.data.dataset import Dataset
from mlwright.data.texts import FEW
from mlwright.data.whole import Whole
from mlwright.statistics.intervals import Codes, Floats

T = TypeVar("T")

SAMPLE_ROWS = 50_000
"""Rows that the checks of the target look at, where there are more."""
SAMPLE_CELLS = 5_000_000
"""And rows times columns."""
LARGEST = 1e150
"""A target with larger numbers is looked at in shares of its largest: their squares are no numbers."""
FOLDS = 5
MOST_CODES = 10


@dataclass(frozen=True)
class About:
    """How often values stand in the rows of a column: all rows, also where a sample stands for them."""

    rows: int
    missing: int
    distinct: int
    """Different values that are not missing."""
    distinct_error: float = 0.0
    """The relative standard error of `distinct`, where it is an estimate."""
    usual: int = 0
    """Rows with the most frequent value; 0 where most rows are missing."""
    unusual_rows: tuple[int, ...] = ()
    """The first rows with another value or none, where they are few."""

    @property
    def present(self) -> int:
        return self.rows - self.missing


@dataclass(frozen=True)
class Table:
    """A data set as checks see it. Rows are numbered as in the data set, from 0."""

    dataset: Dataset
    seed: int = 0
    named_task: TaskName | None = None
    """Where the caller knows it; else it follows from the target."""
    now_s: float = field(default_factory=time.time)
    """The time of the look in seconds since 1970: nobody is born after it."""
    until: float = math.inf
    """time.monotonic() up to which looks that need a model may take."""
    threads: int | None = None
    """How many those looks may use; None: all that this process may."""
    ends: float = math.inf
    """time.monotonic() after which no look is given any more to see: it says that it was skipped."""
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What several checks share, by name (`once`). Any: of whatever type it is."""

    def __len__(self) -> int:
        return len(self.dataset)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, made when first asked for under this name; so is its refusal."""
        if name not in self.made:
            refuse_when_late(self)
            try:
                self.made[name] = make()
            except CouldNotLook as refusal:
                self.made[name] = refusal
        if isinstance(self.made[name], CouldNotLook):
            raise self.made[name]
        made: T = self.made[name]
        return made

    def seconds_left(self) -> float:
        """Seconds that looks that need a model may still take."""
        return self.until - time.monotonic()

    @property
    def target(self) -> Column | None:
        return self.dataset.target

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that a model would be given."""
        return self.dataset.schema.features

    @cached_property
    def ids(self) -> tuple[Column, ...]:
        """The columns that name rows and that no model is given."""
        target = self.target
        return tuple(
            c
            for c in self.dataset.schema.columns
            if c is not target and (c.role == "id" or c.kind == "id") and c.role not in ("weight", "group")
        )

    @cached_property
    def task(self) -> TaskName | None:
        """The kind of task that the target makes; None without a target.

        Numbers count as classes where they are few, whole, and each stands in ten rows on average.
        """
        target, known = self.target, self.dataset.schema.target
        if target is None or self.named_task is not None:
            return self.named_task if target is not None else None
        if known is not None:
            return known.task
        values = self.series(target).drop_nulls()
        distinct = values.n_unique()
        if target.kind in ("numeric", "datetime") and distinct != 2:
            whole = distinct <= MOST_CODES and bool((values == values.floor()).all())
            if not whole or 10 * distinct > len(values):
                return "regression"
        return "binary" if distinct <= 2 else "multiclass"

    def series(self, column: Column) -> pl.Series:
        """The column's values, null where missing, whole numbers in doubles.

        Raises `CouldNotLook` once the time for all looks is over.
        """
        refuse_when_late(self)
        series = self.dataset.frame[column.name]
        return series.fill_nan(None) if column.name in self._with_nan else series

    @cached_property
    def _with_nan(self) -> frozenset[str]:
        """The columns that hold a NaN, asked of all at once: asking each column by itself takes seconds in
        a table of thousands."""
        asked = self.dataset.frame.select(selectors.float().is_nan().any())
        return frozenset(s.name for s in asked if s.len() and s[0])

    def numbers(self, column: Column) -> Floats:
        """A column of a number kind as doubles [N]; NaN is missing."""
        return self.series(column).cast(pl.Float64).to_numpy()

    def about(self, column: Column) -> About:
        """The counts of a column; worked out once."""
        whole, name = self.dataset.whole, column.name
        return self.once(
            f"about {name}",
            lambda: _counted(self.series(column)) if whole is None else _of_whole(whole, name),
        )

    def range(self, column: Column) -> tuple[float, float]:
        """The least and the greatest number of a column, in all rows; NaN where there is none."""
        if self.dataset.whole is not None:
            named = next(p for p in self.dataset.whole.profile.columns if p.name == column.name)
            return (named.quantiles[0], named.quantiles[-1]) if named.quantiles else (np.nan, np.nan)
        numbers = self.series(column).cast(pl.Float64).drop_nulls().drop_nans()
        return (
            (float(numbers.to_numpy().min()), float(numbers.to_numpy().max()))
            if len(numbers)
            else (np.nan, np.nan)
        )

    @property
    def rows_in_all(self) -> int:
        """Rows of the table, of which a sample may stand in memory."""
        return self.dataset.rows_in_all

    @property
    def labelled_in_all(self) -> int:
        """Those that have a target. Of a table larger than memory only these were counted."""
        return len(self.labelled) if self.dataset.whole is None else self.dataset.whole.rows

    def places(self, rows: Codes) -> Codes:
        """Where rows of this table stand in its source, for figures: findings number rows as this table does,
        and `Check.findings` as the source does."""
        return rows if self.dataset.whole is None else self.dataset.whole.numbers[rows]

    @cached_property
    def class_counts(self) -> Codes:
        """Rows of each class, in all rows where they are known."""
        whole = self.dataset.whole
        if whole is None or not whole.classes:
            return np.bincount(self.class_codes)
        return np.asarray([count for _, count in whole.classes], dtype=np.int64)

    @cached_property
    def labelled(self) -> Codes:
        """The rows that have a target."""
        assert self.target is not None
        return np.flatnonzero(self.series(self.target).is_not_null().to_numpy())

    @cached_property
    def class_codes(self) -> Codes:
        """The class of each labelled row, from 0, in the order of the labels' texts."""
        assert self.target is not None
        return codes_of(self.series(self.target).drop_nulls())

    @cached_property
    def sample(self) -> Sample:
        """Labelled rows to learn from: all, or as many as a quick look can bear, drawn by the seed."""
        random = np.random.default_rng(self.seed)
        most = max(2_000, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(self.features))))
        picked = np.arange(len(self.labelled))
        if len(picked) > most:
            picked = np.sort(random.choice(len(picked), most, replace=False))
        rows = self.labelled[picked]
        assert self.target is not None
        y: Codes | Floats
        if self.task == "regression":
            y = self.numbers(self.target)[rows]
            greatest = float(np.abs(y).max(initial=0.0))
            y = y / greatest if greatest > LARGEST else y
        else:
            y = _most_frequent(self.class_codes[picked])
        return Sample(rows, y, self._folds(rows, random), self.labelled_in_all)

    def _folds(self, rows: Codes, random: np.random.Generator) -> Codes:
        """A fold for each row; rows of one group share it."""
        groups = self.dataset.role("group")
        if not groups:
            return random.permutation(np.arange(len(rows)) % FOLDS)
        group = codes_of(self.series(groups[0])[rows])
        return random.permutation(np.arange(int(group.max(initial=0)) + 1) % FOLDS)[group]


def refuse_when_late(table: Table, needed_s: float = 0.0) -> None:
    """Raises `CouldNotLook` where the time for all looks would be over in `needed_s` seconds."""
    if time.monotonic() + needed_s > table.ends:
        raise CouldNotLook("skipped", "the time limit left no time for this look")


@dataclass(frozen=True)
class Sample:
    """Rows of a table with a target: row numbers, targets (class codes or numbers) and folds, [N] each."""

    rows: Codes
    y: Codes | Floats
    folds: Codes
    of: int
    """The labelled rows that it was drawn from."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def said(self) -> str:
        """How many rows were looked at, in words."""
        if len(self) == self.of:
            return f"{self.of:,} rows"
        return f"{len(self):,} rows drawn from {self.of:,}"


MOST_UNUSUAL = 30
"""Rows that are still few beside a usual value."""


def _counted(series: pl.Series) -> About:
    """The counts of a column in memory."""
    rows = len(series)
    counts = series.value_counts(name="rows").filter(pl.col(series.name).is_not_null())
    if series.dtype == pl.String:
        counts = counts.filter(pl.col(series.name) != "")
    present = int(counts["rows"].sum())
    if not present:
        return About(rows, rows, 0)
    top = int(counts["rows"].arg_max() or 0)
    usual = int(counts["rows"][top])
    unusual: tuple[int, ...] = ()
    if 0 < rows - usual < MOST_UNUSUAL:
        others = (~series.eq_missing(counts[series.name][top])).arg_true()
        unusual = tuple(others.head(20).to_list())
    return About(rows, rows - present, counts.height, usual=usual, unusual_rows=unusual)


def _of_whole(whole: Whole, name: str) -> About:
    known = whole.columns[name]
    return About(
        whole.rows, known.missing, known.distinct, known.distinct_error, known.usual, known.unusual_rows
    )


def is_number(column: Column) -> bool:
    return column.kind in NUMBER_KINDS


def codes_of(series: pl.Series) -> Codes:
    """Codes from 0 in the order of the values; equal values have equal codes, missing ones the first.

    >>> codes_of(pl.Series(["b", None, "a", "b"]))
    array([2, 0, 1, 2])
    """
    if series.dtype == pl.String and len(series) <= FEW:
        values = series.to_list()
        place = {v: i for i, v in enumerate(sorted(set(values) - {None}), start=int(None in values))}
        return np.array([place.get(v, 0) for v in values], dtype=np.int64)
    ranks = series.rank("dense").cast(pl.Int64)
    if series.null_count():
        return ranks.fill_null(0).to_numpy().astype(np.int64)
    return ranks.to_numpy().astype(np.int64) - 1


def _most_frequent(codes: Codes, most: int = 20) -> Codes:
    """The same codes where there are few classes; else the most frequent ones, and all others as one."""
    counts = np.bincount(codes)
    if np.count_nonzero(counts) <= most + 1:
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    new = np.full(len(counts), most)
    new[np.argsort(-counts, kind="stable")[:most]] = np.arange(most)
    return new[codes]
