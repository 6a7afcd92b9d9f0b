"""Data frames and Python rows to a raw table: Polars, pandas, Arrow, a dict of columns, a list of dicts.

Used by `reading` and by the readers of typed files. pandas and Arrow are known by their interface alone and
are never imported. Kinds are not decided here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl

from mlwright.base.decoding import ValueRefused, category_of
from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.base.finding import Finding
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.dates import seconds_of_moments
from mlwright.sources.header import is_row_index
from mlwright.sources.names import clean_names
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw


def from_polars(frame: pl.DataFrame, options: ReadOptions, source: str = "a Polars frame") -> Raw:
    """A Polars frame; columns of types that no schema knows are converted or left out."""
    if options.names is not None:
        if len(options.names) != frame.width:
            raise Misuse(f"{len(options.names)} names for {frame.width} columns", remedy="name every column")
        frame = frame.rename(dict(zip(frame.columns, options.names, strict=True)))
    original = frame.columns
    names, found = clean_names(original)
    columns: list[pl.Series] = []
    categorical: set[str] = set()
    notes: list[Finding] = []
    for name, column in zip(names, frame.get_columns(), strict=True):
        if column.dtype in (pl.Categorical, pl.Enum):
            categorical.add(name)
        plain, note = _plain(column.rename(name))
        columns.extend([] if plain is None else [plain])
        notes.extend([] if note is None else [note])
    if not columns:
        raise SourceUnreadable("a table without rows or columns", where=source, remedy="look at its origin")
    raw = Raw(pl.DataFrame(columns), source, categorical=frozenset(categorical), findings=(*found, *notes))
    if (
        frame.width > 1
        and raw.frame.columns[0] == names[0]
        and is_row_index(original[0], raw.frame[names[0]])
    ):
        return replace(raw, index=names[0])
    return raw


def from_lazy(frame: pl.LazyFrame, options: ReadOptions) -> Raw:
    """A lazy Polars frame, collected. Raises `SourceUnreadable` where its query fails."""
    try:
        collected = frame.collect()
    except (pl.exceptions.PolarsError, OSError) as e:
        reason = _first_line(e)
        raise SourceUnreadable(
            f"the query fails ({reason})", where="a lazy Polars frame", remedy="collect() it to see where"
        ) from None
    return from_polars(collected, options)


def frames_of(lazy: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of a lazy Polars frame, a part at a time. Raises `SourceUnreadable` where its query fails."""
    try:
        yield lazy.head(0).collect()
        yield from lazy.collect_batches(maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as e:
        raise SourceUnreadable(
            f"the query fails ({_first_line(e)})",
            where="a lazy Polars frame",
            remedy="collect() it to see where",
        ) from None


def from_arrow(table: Any, options: ReadOptions) -> Raw:  # Any: whatever has the Arrow C interface
    """A table by the Arrow C stream or array interface: PyArrow, DuckDB, and others; a stream is used up.

    Raises `SourceUnreadable` where it fails, `Misuse` where it is one column, not a table.
    """
    kind = type(table)
    name = f"{kind.__module__.partition('.')[0].lstrip('_')} {kind.__name__}"
    try:
        # What fails in a stream is the error of whoever wrote it: any at all.
        held = pl.DataFrame(table)
    except Exception as e:  # noqa: BLE001
        raise SourceUnreadable(
            f"it cannot be read by the Arrow interface ({_first_line(e)})",
            where=name,
            remedy="give a table with named columns, and a stream that was not used before",
        ) from None
    return from_polars(held, options, f"a table ({name})")


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:160]


def from_columns(columns: Mapping[str, Any], options: ReadOptions) -> Raw:  # Any: lists, arrays, series
    """A dict of columns of equal length."""
    series = [_series(str(n), v) for n, v in columns.items()]
    lengths = {len(s) for s in series}
    if len(lengths) > 1:
        longest, shortest = max(series, key=len), min(series, key=len)
        raise Misuse(
            f"column {longest.name!r} has {len(longest)} rows, column {shortest.name!r} has {len(shortest)}",
            remedy="give columns of one length",
        )
    return from_polars(pl.DataFrame(series), options, "a dict of columns")


def from_rows(rows: Sequence[Mapping[str, Any]], options: ReadOptions, source: str = "a list of rows") -> Raw:
    """A list of dicts; a key that a row lacks is missing there."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise Misuse(
                f"row {number} is {type(row).__name__}, not a dict", remedy="give dicts of names and values"
            )
        names.update(dict.fromkeys(row))
    series = [_series(str(n), [row.get(n) for row in rows]) for n in names]
    return from_polars(pl.DataFrame(series), options, source)


def from_pandas(frame: Any, options: ReadOptions) -> Raw:  # Any: pandas is not required
    """A pandas frame, column by column; its index is not read."""
    series = []
    categorical = set()
    names, found = clean_names([str(c) for c in frame.columns])
    for position, name in enumerate(names):
        column = frame.iloc[:, position]
        if type(column.dtype).__name__ == "CategoricalDtype":
            categorical.add(name)
            column = column.astype(object)
        series.append(_pandas_series(name, column))
    raw = from_polars(pl.DataFrame(series), options, "a pandas frame")
    return replace(
        raw, categorical=raw.categorical | frozenset(categorical), findings=(*found, *raw.findings)
    )


def _pandas_series(name: str, column: Any) -> pl.Series:  # Any: a pandas series
    kind = getattr(column.dtype, "kind", "O")
    zone = getattr(column.dtype, "tz", None)
    if kind == "M" and zone is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if kind in "iufbM":
        missing = column.isna().to_numpy()
        if not missing.any() or kind in "fM":
            if kind == "f":
                return pl.Series(name, column.to_numpy(dtype="float64", na_value=float("nan"))).fill_nan(None)
            array = column.to_numpy()
            if array.dtype != object:
                return pl.Series(name, array)
    values = column.tolist()
    absent = column.isna().tolist()
    return _series(name, [None if gone else v for v, gone in zip(values, absent, strict=True)])


def _series(name: str, values: Any) -> pl.Series:  # Any: a list, an array, a series
    """A typed column where all values are of one type, otherwise a column of their texts."""
    if isinstance(values, pl.Series):
        return values.rename(name)
    if hasattr(values, "dtype") and hasattr(values, "to_numpy"):
        return _pandas_series(name, values)
    if hasattr(values, "dtype") and values.dtype.kind in "iufbM":
        return pl.Series(name, values)
    values = list(values)
    present = {type(v) for v in values if v is not None}
    if present == {int, float}:
        values = [None if v is None else float(v) for v in values]
    if present <= {int, float} or len(present) == 1:
        with contextlib.suppress(OverflowError, TypeError, pl.exceptions.PolarsError):
            return pl.Series(name, values)
    if any(issubclass(t, (list, tuple, dict, set, bytes)) for t in present):
        return pl.Series(name, [None if v is None else b"" for v in values], dtype=pl.Binary)
    return pl.Series(name, [_text(v, name) for v in values], dtype=pl.String)


def _text(value: Any, name: str) -> str | None:  # Any: a value of any type
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dt.date, dt.time, dt.timedelta, Decimal)):
        return str(value)
    try:
        return category_of(value)
    except ValueRefused as e:
        raise SourceUnreadable(
            str(e), where=f"column {name!r}", remedy="give numbers, texts or dates"
        ) from None


def _plain(column: pl.Series) -> tuple[pl.Series | None, Finding | None]:
    """The column in a type that decoding knows, and what was done to it."""
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String), None
    if isinstance(dtype, pl.Duration):
        return seconds_of_moments(column), finding(
            codes.CONVERTED, "durations became seconds", column=column.name
        )
    if dtype == pl.Time:
        seconds = seconds_of_moments(column.cast(pl.Duration("ns")))
        return seconds, finding(
            codes.CONVERTED, "times of day became seconds since midnight", column=column.name
        )
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Unknown):
        note = finding(
            codes.LEFT_OUT,
            f"its type is {dtype}",
            column=column.name,
            remedy="take the values out of it into columns of their own",
        )
        return None, note
    return column, None
