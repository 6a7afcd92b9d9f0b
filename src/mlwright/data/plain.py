"""Columns of texts that are plain numbers throughout, found and decoded for a whole table at once.

Used by inference before it looks at columns one by one: most columns of a wide table are of this kind, and a
look at one alone costs more than its values. Whatever is not as plain as that is left to that look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.texts import clean
from mlwright.data.missing import KNOWN

_HEAD: Final = 50
_PADDED: Final = r"^[+-]?0[0-9]"
_MOST_MARKERS: Final = 20
_BLANK: Final = pl.all().is_null() | (pl.all() == "")


@dataclass(frozen=True)
class PlainNumbers:
    """A column of numbers with a decimal point, none of which begins with a zero too many."""

    values: pl.Series
    """Float64; null where the text is empty or a marker."""
    markers: tuple[str, ...]
    """The known spellings of missing that it holds, sorted."""


def plain_columns(raw: pl.DataFrame, names: Collection[str]) -> Iterator[tuple[str, PlainNumbers]]:
    """Those of the String columns `names` that hold plain numbers and known spellings of missing alone.

    >>> table = pl.DataFrame({"a": ["1", "NA", ""], "b": ["07", "8", "9"], "c": ["1", "2", "$3"]})
    >>> found = plain_columns(table, table.columns)
    >>> [(name, plain.values.to_list(), plain.markers) for name, plain in found]
    [('a', [1.0, None, None], ('NA',))]
    """
    if not names:
        return
    head = raw.select(names).head(_HEAD).cast(pl.Float64, strict=False)
    frame = raw.select(n for n, numbers in _along(head.select(pl.all().is_finite().any())) if numbers)
    if not frame.width:
        return
    decoded = frame.cast(pl.Float64, strict=False)
    padded = dict(_along(frame.select(pl.all().str.contains(_PADDED).any())))
    blank = dict(_along(frame.select(_BLANK.sum())))
    for series in frame.get_columns():
        values = decoded[series.name]
        finite = np.isfinite(values.to_numpy())
        others = len(series) - int(finite.sum()) - blank[series.name]
        if padded[series.name] or (others and others == len(series) - blank[series.name]):
            continue
        markers: set[str] = set()
        if others:
            markers = set(series.filter(pl.Series(~finite)).to_list()) - {None, ""}
            if len(markers) > _MOST_MARKERS or not all(t == clean(t) and t.lower() in KNOWN for t in markers):
                continue
            values = values.set(pl.Series(~finite), None)
        yield series.name, PlainNumbers(values, tuple(sorted(markers)))


def mostly_plain(frame: pl.DataFrame) -> list[bool]:
    """For each String column, whether more than four of five texts that are not empty are plain numbers.

    >>> mostly_plain(pl.DataFrame({"a": ["1", "2", ""], "b": ["1", "x", None]}))
    [True, False]
    """
    numbers = frame.cast(pl.Float64, strict=False).select(pl.all().is_finite().sum()).row(0)
    present = frame.select((~_BLANK).sum()).row(0)
    return [n - k < 0.2 * n for k, n in zip(numbers, present, strict=True)]


def _along(row: pl.DataFrame) -> Iterator[tuple[str, int]]:
    """The names of a frame of one row with what stands there."""
    return zip(row.columns, row.row(0), strict=True)
