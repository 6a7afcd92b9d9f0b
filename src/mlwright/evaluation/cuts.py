"""Columns cut into parts with names in their own units: bands, categories, parts of dates, missing values.

Used by `subgroups` and `slices`. What is named was seen in five rows at least, and ends of bands are round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.canonical import number_text
from mlwright.base.schema import NUMBER_KINDS, Column
from mlwright.base.slices import Condition
from mlwright.data.dataset import Dataset

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_NAMED = 5
"""Rows that a category must have in order to be named."""
MOST_CATEGORIES = 20
BANDS = 8
DISTINCT = 10
"""Whole numbers of so few values are parts of their own."""
DAY_S, MONTH_S = 86_400.0, 2_629_746.0
Part = Literal["", "month", "hour", "time"]


@dataclass(frozen=True)
class Values:
    """One column of N rows: `numbers` [N] with NaN for missing, or `ids` [N] into `vocabulary`, whose entry 0
    is the missing value."""

    column: Column
    numbers: Doubles | None = None
    ids: npt.NDArray[np.int32] | None = None
    vocabulary: tuple[str, ...] = ()

    def rows(self, index: Ints) -> Values:
        """Those of the rows `index`."""
        numbers = None if self.numbers is None else self.numbers[index]
        ids = None if self.ids is None else self.ids[index]
        return Values(self.column, numbers, ids, self.vocabulary)


@dataclass(frozen=True)
class Cut:
    """A column cut into parts: the part of each row, and what may be chosen of them."""

    column: str
    codes: Ints
    """[N], from 0."""
    parts: int
    choices: tuple[tuple[Condition, int, int], ...]
    """Conditions, and the parts that each holds: from the first up to before the last."""

    @cached_property
    def matrix(self) -> Doubles:
        """Which parts each choice holds [choices, parts]."""
        made = np.zeros((len(self.choices), self.parts))
        for i, (_, first, last) in enumerate(self.choices):
            made[i, first:last] = 1.0
        return made

    def named(self) -> Cut:
        """Without the choice of all rare values, which no rule tells."""
        return replace(self, choices=tuple(c for c in self.choices if not c[0].other))

    def mask(self, choice: int) -> npt.NDArray[np.bool_]:
        """The rows [N] of a choice."""
        _, first, last = self.choices[choice]
        return np.asarray((self.codes >= first) & (self.codes < last))


def values_of(dataset: Dataset, column: Column) -> Values:
    """The values of a column of any role, as they stand in the data set."""
    series = dataset.frame[column.name]
    if column.kind in NUMBER_KINDS:
        return Values(column, numbers=series.to_numpy().astype(np.float64))
    texts = series.fill_null("")
    distinct = sorted(v for v in texts.unique().to_list() if v)
    codes = {v: i for i, v in enumerate(["", *distinct])}
    return Values(
        column,
        ids=texts.replace_strict(codes, return_dtype=pl.Int32).to_numpy(),
        vocabulary=tuple(codes),
    )


def cuts_of(
    values: Values, *, bands: int = BANDS, ranges: bool = True, most: int = MOST_CATEGORIES
) -> Iterator[Cut]:
    """The ways to cut a column: one, or of dates also by month and hour; none where all rows are alike.

    With `ranges`, of neighbouring bands several may be chosen together; else each part stands alone.
    """
    column = values.column
    if values.numbers is None:
        cut = _categories(values, most)
        if cut is not None:
            yield cut
        return
    if column.kind == "datetime":
        yield from _dates(column, values.numbers, bands, ranges)
        return
    cut = _bands(column, values.numbers, bands, ranges, "")
    if cut is not None:
        yield cut


def _categories(values: Values, most: int) -> Cut | None:
    ids, column = values.ids, values.column.name
    assert ids is not None  # asked for texts only
    counts = np.bincount(ids, minlength=len(values.vocabulary))
    order = sorted(range(1, len(counts)), key=lambda i: (-counts[i], values.vocabulary[i]))
    named = [i for i in order if counts[i] >= FEWEST_NAMED][:most]
    conditions = [Condition(column=column, value=values.vocabulary[i]) for i in named]
    part = np.full(len(counts), len(named), dtype=np.int64)
    part[named] = np.arange(len(named))
    if counts[1:].sum() > counts[named].sum():
        conditions.append(Condition(column=column, other=True))
    if counts[0]:
        part[0] = len(conditions)
        conditions.append(Condition(column=column, missing=True))
    if len(conditions) < 2:
        return None
    choices = tuple((c, i, i + 1) for i, c in enumerate(conditions))
    return Cut(column, part[ids], len(conditions), choices)


def holds(condition: Condition, values: Values) -> npt.NDArray[np.bool_]:
    """Which rows [N] a condition holds for. Not for `other`, which depends on the rows that were cut.

    >>> age = Values(Column(name="age", kind="numeric"), numbers=np.array([30.0, 61.0, np.nan]))
    >>> holds(Condition(column="age", least=61.0), age).tolist()
    [False, True, False]
    """
    if values.numbers is None:
        assert values.ids is not None  # texts
        wanted = "" if condition.missing else condition.value
        return np.asarray(
            values.ids == (values.vocabulary.index(wanted) if wanted in values.vocabulary else -1)
        )
    numbers = _part(values.numbers, condition.part)
    if condition.missing:
        return np.isnan(numbers)
    if condition.value is not None:
        spelled = {"true": 1.0, "false": 0.0}.get(condition.value)
        return np.asarray(numbers == (float(condition.value) if spelled is None else spelled))
    inside = ~np.isnan(numbers)
    if condition.least is not None:
        inside &= numbers >= condition.least
    if condition.below is not None:
        inside &= numbers < condition.below
    return inside


def _dates(column: Column, seconds: Doubles, bands: int, ranges: bool) -> Iterator[Cut]:
    known = seconds[~np.isnan(seconds)]
    if not len(known):
        return
    parts: list[Part] = ["time"]
    parts += ["month"] if known.max() - known.min() > 10 * MONTH_S else []
    parts += ["hour"] if (known % DAY_S != 0).any() else []
    for part in parts:
        cut = _bands(column, _part(seconds, part), bands, ranges, part)
        if cut is not None:
            yield cut


def _part(seconds: Doubles, part: Part) -> Doubles:
    """The month or the hour of moments; moments and numbers as they are."""
    if part == "hour":
        return np.asarray(np.floor(seconds % DAY_S / 3600))
    if part != "month":
        return seconds
    absent = np.isnan(seconds)
    moments = np.where(absent, 0, seconds).astype(np.int64).astype("datetime64[s]")
    months = moments.astype("datetime64[M]").astype(np.int64) % 12 + 1.0
    return np.where(absent, np.nan, months)


def _bands(column: Column, numbers: Doubles, bands: int, ranges: bool, part: Part) -> Cut | None:
    """Bands of about equally many rows, or of one value each where few values stand; then missing."""
    absent = np.isnan(numbers)
    known = numbers[~absent]
    if not len(known):
        return None
    few = _few(known, FEWEST_NAMED if ranges else 1)
    alone = bool(np.isin(known, few).all())
    edges = few[1:] if len(few) else _edges(known, bands, part)
    count = len(edges) + 1
    codes = np.searchsorted(edges, numbers, side="right").astype(np.int64)
    codes[absent] = count
    whole = part != "time" and bool((known == np.floor(known)).all())
    ends: list[float | None] = [None, *(float(e) for e in edges), None]
    choices = []
    for width in range(1, count if ranges and count > 1 else 2):
        for first in range(count - width + 1):
            least, below = ends[first], ends[first + width]
            single = float(few[first]) if len(few) and width == 1 and alone else None
            if whole and least is not None and below == least + 1:
                single = least
            choices.append((_band(column, least, below, single, part), first, first + width))
    if absent.any():
        choices.append((Condition(column=column.name, missing=True, part=part), count, count + 1))
    if len(choices) < 2:
        return None
    return Cut(column.name, codes, count + int(absent.any()), tuple(choices))


def _few(known: Doubles, least: int) -> Doubles:
    """The values of `least` rows or more, ascending, where all are few; else none. Rarer ones, which nobody
    is to read as the end of a range, go with the next lower one."""
    if len(np.unique(known[: 20 * DISTINCT])) > DISTINCT:
        return np.zeros(0)
    distinct, counts = np.unique(known, return_counts=True)
    return distinct[counts >= least] if len(distinct) <= DISTINCT else np.zeros(0)


def _edges(known: Doubles, bands: int, part: Part) -> Doubles:
    """Where one band ends and the next begins, ascending; each stands for itself and what is above it."""
    with np.errstate(over="ignore", invalid="ignore"):
        quantiles = np.quantile(known, np.arange(1, bands) / bands)
    quantiles = quantiles[np.isfinite(quantiles)]
    if part == "time" and known.max() - known.min() > 60 * DAY_S:
        quantiles = np.ceil(quantiles / DAY_S) * DAY_S
    elif part:
        quantiles = np.ceil(quantiles)
    else:
        quantiles = np.array([rounded_among(float(q), known) for q in quantiles])
    edges = np.unique(quantiles)
    return np.asarray(edges[(edges > known.min()) & (edges <= known.max())])


def rounded_among(value: float, known: Doubles) -> float:
    """`value` with three digits, or as many as tell it from a hundredth of what the values `known` spread.

    >>> rounded_among(61.2345, np.array([18.0, 90.0])), rounded_among(2016.4, np.array([2010.0, 2020.0]))
    (61.2, 2016.4)
    """
    if value == 0 or not math.isfinite(value):
        return value
    spread = float(known.max()) / 100 - float(known.min()) / 100  # a hundredth first: it may overflow
    digits = 2 - math.floor(math.log10(abs(value)))
    if spread > 0:
        digits = max(digits, -math.floor(math.log10(spread)))
    return float(round(value, digits))


def _band(
    column: Column, least: float | None, below: float | None, single: float | None, part: Part
) -> Condition:
    """The one value that a band holds, else its ends."""
    if single is None or part == "time":
        return Condition(column=column.name, least=least, below=below, part=part)
    text = number_text(single)
    if column.kind == "boolean" and not part:
        text = "true" if single else "false"
    return Condition(column=column.name, value=text, part=part)
