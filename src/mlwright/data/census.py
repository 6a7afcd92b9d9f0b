"""The count of a table that streams by: every chunk of decoded rows is added, and at the end stands a Whole.

Used by `sources` for tables larger than memory. Counts, extremes, means and deviations are exact; quantiles,
distinct values and categories are exact while they fit, then sketched with a stated error. It knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import RowProblem
from mlwright.base.machine import cpu_count
from mlwright.base.profile import Profile
from mlwright.base.schema import NUMBER_KINDS, Column, Schema
from mlwright.data.column_census import MOST_ROWS, NumberCensus, TextCensus
from mlwright.data.infer import MOST_CATEGORIES
from mlwright.data.whole import Whole, WholeColumn
from mlwright.statistics.repeats import MOST, RepeatCounter

Codes = npt.NDArray[np.int64]


class Census:
    """Counts the rows of a table by its schema, a chunk at a time.

    `sample` is the decoded sample of its rows: where numbers lie and which value is the usual one.

    >>> schema = Schema(columns=(Column(name="age", kind="numeric"),))
    >>> ages = pl.DataFrame({"age": [41.0, None, 7.0]})
    >>> census = Census(schema, ages, seed=0)
    >>> census.add(ages, np.arange(3))
    >>> whole = census.whole(np.arange(3))
    >>> whole.rows, whole.columns["age"].missing, whole.profile.columns[0].mean
    (3, 1, 24.0)
    """

    def __init__(self, schema: Schema, sample: pl.DataFrame, *, seed: int) -> None:
        self.schema = schema
        self._rows = 0
        self._columns: dict[str, NumberCensus | TextCensus] = {}
        for place, column in enumerate(schema.columns):
            kind = NumberCensus if column.kind in NUMBER_KINDS else TextCensus
            self._columns[column.name] = kind(column, sample[column.name], seed + place)
        ids = {c.name for c in schema.columns if names_rows(c)}
        self._compared = [n for n in schema.names if n not in ids]
        self._repeats = RepeatCounter()
        self._ids = {n: RepeatCounter(MOST // 2 // len(ids)) for n in schema.names if n in ids}
        self._equal = RepeatCounter(MOST // 2)
        self._pool = ThreadPoolExecutor(cpu_count())

    def add(self, frame: pl.DataFrame, numbers: Codes, problems: Iterable[RowProblem] = ()) -> None:
        """Takes in decoded rows with their numbers in the source; `problems` count rows of `frame`."""
        self._rows += frame.height
        if self._compared and frame.height:
            self._repeats.add(frame.select(self._compared).hash_rows(0).to_numpy(), numbers)
        if self._ids:
            self._equal.add(frame.hash_rows(0).to_numpy(), numbers)
        for name, counter in self._ids.items():
            present = frame[name].is_not_null()
            ids = frame.select(name).filter(present).hash_rows(0).to_numpy()
            counter.add(ids, numbers[present.to_numpy()])
        for problem in problems:
            self._columns[problem.column].refuse(int(numbers[problem.row]), problem)
        jobs = [self._pool.submit(self._columns[s.name].add, s, numbers) for s in frame.get_columns()]
        for job in jobs:
            job.result()

    def range(self, name: str) -> tuple[float, float] | None:
        """The least and the greatest number of a column of numbers, where there is any."""
        column = self._columns[name]
        return column.range if isinstance(column, NumberCensus) else None

    def categories(self, name: str) -> tuple[str, ...]:
        """The texts of a column that were seen at least five times, most frequent first."""
        column = self._columns[name]
        return column.categories(MOST_CATEGORIES) if isinstance(column, TextCensus) else ()

    def whole(self, numbers: Codes) -> Whole:
        """All that was counted; `numbers` are those of the sample's rows."""
        self._pool.shutdown()
        repeats, equal = self._repeats.counted(MOST_ROWS), self._equal.counted(MOST_ROWS)
        target = next((c.name for c in self.schema.columns if c.role == "target"), None)
        return Whole(
            rows=self._rows,
            profile=Profile(
                rows=self._rows, columns=tuple(self._columns[n].profile for n in self.schema.names)
            ),
            columns={name: self._of(name, column) for name, column in self._columns.items()},
            numbers=numbers,
            copies=repeats.repeated if self._compared else None,
            copies_among=repeats.looked_at,
            copied_rows=tuple(repeats.first.tolist()),
            equal=equal.repeated if self._ids else None,
            equal_among=equal.looked_at,
            equal_rows=tuple(equal.first.tolist()),
            classes=self._columns[target].classes if target is not None else (),
        )

    def _of(self, name: str, column: NumberCensus | TextCensus) -> WholeColumn:
        if name not in self._ids:
            return column.whole
        found = self._ids[name].counted(MOST_ROWS)
        return replace(
            column.whole,
            repeats=found.repeated,
            repeats_among=found.looked_at,
            repeated_rows=tuple(found.first.tolist()),
        )


def names_rows(column: Column) -> bool:
    """Whether a column names rows, so that no model is given it and equal rows may differ in it.

    >>> names_rows(Column(name="pid", kind="id")), names_rows(Column(name="age", kind="numeric"))
    (True, False)
    """
    return (column.role == "id" or column.kind == "id") and column.role not in ("weight", "group", "target")
