"""The target along each column: its mean, or the share of one class, in parts of the column.

Called by `lifecycle` for pages that people read. It shows what goes with what, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.profile import Along, Part
from mlwright.base.schema import NUMBER_KINDS, Column
from mlwright.data.dataset import Dataset
from mlwright.statistics.intervals import Floats, mean_interval, wilson

PARTS: Final = 10
FEWEST_ROWS: Final = 5
"""Rows that a part must have, so that no page tells of a few people."""


def along_columns(dataset: Dataset) -> tuple[Along, ...]:
    """The target along every feature of numbers or categories: a target of numbers or of two classes.

    Numbers are cut into tenths of the rows, categories are the ten most frequent; parts of fewer than five
    rows are left out. Intervals: Wilson (1927) for shares, Student's t for means.

    >>> from mlwright.base.schema import Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="age", kind="numeric"),
    ...     Column(name="sick", kind="boolean", role="target")))
    >>> table = pl.DataFrame({"age": [20.0] * 10 + [70.0] * 10, "sick": [0.0] * 10 + [1.0] * 9 + [0.0]})
    >>> [p.mean for p in along_columns(Dataset(table, schema, Provenance("a test")))[0].parts]
    [0.0, 0.9]
    """
    told = _target(dataset)
    if told is None:
        return ()
    y, what = told
    shares = bool(np.isin(y, (0.0, 1.0)).all())
    mean = float(y.mean())
    return tuple(
        Along(column=c.name, what=what, mean=mean, parts=parts, shares=shares, ordered=c.kind in NUMBER_KINDS)
        for c in dataset.schema.features
        if c.kind != "text" and len(parts := tuple(_parts(dataset.frame[c.name], c, y, shares))) > 1
    )


def _target(dataset: Dataset) -> tuple[Floats, str] | None:
    """The target as numbers and what they are; None where it has several classes or missing values."""
    target = dataset.target
    if target is None or not len(dataset):
        return None
    values = dataset.frame[target.name]
    if values.null_count():
        return None
    if target.kind not in NUMBER_KINDS:
        labels = values.value_counts(sort=True)[target.name].to_list()
        if len(labels) != 2:
            return None
        return (values == labels[1]).cast(pl.Float64).to_numpy(), f"share of {labels[1]!r}"
    if values.n_unique() == 2:
        numbers = values.to_numpy()
        greater = float(numbers.max())
        return (numbers == greater).astype(np.float64), f"share of {target.name} = {greater:g}"
    return values.to_numpy(), f"mean of {target.name}"


def _parts(values: pl.Series, column: Column, y: Floats, shares: bool) -> Iterator[Part]:
    for label, rows in _rows_of_parts(values, column):
        if len(rows) < FEWEST_ROWS:
            continue
        of = y[rows]
        interval = wilson(float(of.sum()), len(of)) if shares else mean_interval(of)
        if np.isfinite([interval.low, interval.high]).all():
            yield Part(label=label, rows=len(of), mean=interval.value, low=interval.low, high=interval.high)


def _rows_of_parts(values: pl.Series, column: Column) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    if column.kind in NUMBER_KINDS:
        numbers = values.fill_null(np.nan).to_numpy()
        present = numbers[~np.isnan(numbers)]
        if not len(present):
            return
        edges = np.unique(np.quantile(present, np.arange(1, PARTS) / PARTS))
        part = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="left"))
        for k in range(len(edges) + 1):
            rows = np.flatnonzero(part == k)
            if len(rows):
                yield f"to {numbers[rows].max():g}", rows
        return
    counts = values.drop_nulls().alias("text").value_counts(name="count")
    for text in counts.sort(["count", "text"], descending=[True, False])["text"].head(PARTS).to_list():
        yield text, np.flatnonzero((values == text).fill_null(False).to_numpy())
