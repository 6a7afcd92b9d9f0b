"""One column of a table that streams by: what it holds over all rows, added up chunk by chunk.

Used by `census`, a thread to a column. It knows no other column.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import RowProblem
from mlwright.base.profile import ColumnProfile
from mlwright.base.schema import Column
from mlwright.data.frequent import FrequentTexts
from mlwright.data.profile import FEWEST_SEEN, MOST_COUNTS, MOST_DISTINCT, MOST_WORDS, PERCENT, words_of
from mlwright.data.whole import WholeColumn
from mlwright.statistics.distinct import DistinctSketch
from mlwright.statistics.quantiles import QuantileSketch

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

MOST_ROWS: Final = 20
_MOST_CLASSES: Final = 10_000


class _Counted:
    """What columns of all kinds have in common: rows, missing and refused values, the usual value."""

    def __init__(self, column: Column, sample: pl.Series) -> None:
        self._column = column
        self._rows = self._missing = self._usual = self._refused = 0
        self._refused_rows: list[int] = []
        self._refused_why = ""
        self._unusual: list[int] = []
        self._distinct = DistinctSketch()
        modes = sample.drop_nulls().mode()
        self._mode = modes.sort()[0] if len(modes) else None

    def refuse(self, number: int, problem: RowProblem) -> None:
        """Counts a value that the column could not hold, of the row `number`."""
        self._refused += 1
        self._refused_why = self._refused_why or problem.reason
        if len(self._refused_rows) < MOST_ROWS:
            self._refused_rows.append(number)

    def _count(self, values: pl.Series, numbers: Codes) -> pl.Series:
        """Counts rows, missing ones, and those of the usual value; gives back what is present."""
        present = values.drop_nulls()
        self._rows += len(values)
        self._missing += len(values) - len(present)
        if self._mode is not None:
            usual = int((present == self._mode).sum())
            self._usual += usual
            if usual < len(values) and len(self._unusual) < MOST_ROWS:
                rows = (~values.eq_missing(self._mode)).arg_true().head(MOST_ROWS - len(self._unusual))
                self._unusual += numbers[rows.to_numpy()].tolist()
        return present

    def _whole(self, distinct: int, distinct_error: float, **more: float) -> WholeColumn:
        return WholeColumn(
            missing=self._missing,
            distinct=distinct,
            distinct_error=distinct_error,
            usual=self._usual,
            unusual_rows=tuple(self._unusual),
            refused=self._refused,
            refused_rows=tuple(self._refused_rows),
            refused_why=self._refused_why,
            rank_error=more.get("rank_error", 0.0),
            count_error=int(more.get("count_error", 0)),
        )


class NumberCensus(_Counted):
    """A column of numbers (Float64, null is missing)."""

    def __init__(self, column: Column, sample: pl.Series, seed: int) -> None:
        super().__init__(column, sample)
        middle = sample.median()
        # About a middle value, so that large numbers close together (seconds since 1970) keep their digits.
        self._centre = middle if isinstance(middle, float) else 0.0
        self._sum = self._squares = 0.0
        self._whole_numbers = True
        self._sketch = QuantileSketch(seed=seed, seen=self._tell_apart)
        self._values = FrequentTexts(exact=_MOST_CLASSES) if column.role == "target" else None

    def add(self, values: pl.Series, numbers: Codes) -> None:
        """Takes in the values of rows `numbers`."""
        present = self._count(values, numbers).to_numpy()
        if not len(present):
            return
        with np.errstate(over="ignore", invalid="ignore"):
            shifted = present - self._centre
            self._sum += float(shifted.sum())
            self._squares += float(np.square(shifted, out=shifted).sum())
        self._whole_numbers = self._whole_numbers and bool((present == np.floor(present)).all())
        self._sketch.add(present)
        if self._values is not None:
            self._values.add(pl.Series(present).cast(pl.String))

    def _tell_apart(self, ordered: Floats) -> None:
        if len(ordered):
            new = np.ones(len(ordered), dtype=bool)
            new[1:] = ordered[1:] != ordered[:-1]
            self._distinct.add(hashes_of(ordered[new]))

    @property
    def profile(self) -> ColumnProfile:
        """As `data.profile` makes it of a column in memory, quantiles within `rank_error`."""
        name, count = self._column.name, self._sketch.count
        self._tell_apart(self._sketch.rest())
        if not count:
            return ColumnProfile(name=name, rows=self._rows, missing=self._missing)
        mean = self._sum / count
        variance = self._squares / count - mean * mean
        centred = self._centre + mean
        deviation = float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else None
        return ColumnProfile(
            name=name,
            rows=self._rows,
            missing=self._missing,
            distinct=min(self._distinct.count, MOST_DISTINCT),
            mean=centred if np.isfinite(centred) else None,
            deviation=deviation,
            quantiles=tuple(self._sketch.quantiles(PERCENT).tolist()),
            whole=self._whole_numbers,
        )

    @property
    def whole(self) -> WholeColumn:
        """What the profile does not say."""
        self._tell_apart(self._sketch.rest())
        # All 99 quantiles between the extremes keep to the bound at once.
        rank_error = self._sketch.rank_error(0.05 / (len(PERCENT) - 2))
        return self._whole(self._distinct.count, self._distinct.error, rank_error=rank_error)

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and the greatest number, where there is any."""
        return (self._sketch.minimum, self._sketch.maximum) if self._sketch.count else None

    @property
    def classes(self) -> tuple[tuple[str, int], ...]:
        """The different values of a target with their counts, as texts; none where there are too many."""
        return _pairs(self._values)


class TextCensus(_Counted):
    """A column of categories, texts or ids (String, null is missing)."""

    def __init__(self, column: Column, sample: pl.Series, seed: int) -> None:
        super().__init__(column, sample)
        self._texts = FrequentTexts()
        self._words = FrequentTexts() if column.kind == "text" else None
        self._length = 0

    def add(self, values: pl.Series, numbers: Codes) -> None:
        """Takes in the values of rows `numbers`."""
        present = self._count(values, numbers)
        if self._words is not None:
            words = words_of(present)
            self._length += int(words.list.len().sum())
            self._words.add(words.list.unique().explode().drop_nulls())
            self._distinct.add(present.hash(0).to_numpy())
        else:
            self._distinct.add(self._texts.add(present).hash(0).to_numpy())

    @property
    def profile(self) -> ColumnProfile:
        """As `data.profile` makes it of a column in memory; counts too low by `count_error` at most."""
        column, present = self._column, self._rows - self._missing
        name, rows, missing, distinct = column.name, self._rows, self._missing, self._distinct.count
        if self._words is not None:
            words = _listed(self._words, MOST_WORDS)
            length = self._length / present if present else None
            return ColumnProfile(
                name=name, rows=rows, missing=missing, distinct=distinct, words=words, length=length
            )
        counts = _listed(self._texts, MOST_COUNTS) if column.kind == "categorical" else ()
        other = present - sum(n for _, n in counts)
        return ColumnProfile(
            name=name, rows=rows, missing=missing, distinct=distinct, counts=counts, other=other
        )

    @property
    def whole(self) -> WholeColumn:
        """What the profile does not say."""
        counter = self._words or self._texts
        return self._whole(self._distinct.count, self._distinct.error, count_error=counter.error)

    def categories(self, most: int) -> tuple[str, ...]:
        """Texts seen at least five times, most frequent first, at most `most`."""
        return tuple(text for text, _ in _listed(self._texts, most))

    @property
    def classes(self) -> tuple[tuple[str, int], ...]:
        """The different texts with their counts; none where there are too many."""
        return _pairs(self._texts)


def hashes_of(numbers: Floats) -> Hashes:
    """A 64-bit hash of each number, evenly spread: the finalizer of splitmix64 over its bits.

    Source: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, OOPSLA.

    >>> a, b, c = hashes_of(np.array([0.0, -0.0, 1.0]))
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    mixed = (numbers + 0.0).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _listed(counter: FrequentTexts, most: int) -> tuple[tuple[str, int], ...]:
    return tuple(counter.table().filter(pl.col("count") >= FEWEST_SEEN).head(most).rows())


def _pairs(counter: FrequentTexts | None) -> tuple[tuple[str, int], ...]:
    if counter is None or counter.error:
        return ()
    table = counter.table()
    return tuple(table.rows()) if table.height <= _MOST_CLASSES else ()
