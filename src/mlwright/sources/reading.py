"""From any source to a Dataset: read, infer the schema, decode, leave out rows without a target.

Called by `lifecycle` for every verb that takes data. Where a file lies is the question of `locating`, what it
is that of `formats`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import polars as pl

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_frame
from mlwright.data.infer import infer_table
from mlwright.sources.frames import (
    frames_of,
    from_arrow,
    from_columns,
    from_lazy,
    from_pandas,
    from_polars,
    from_rows,
)
from mlwright.sources.labels import with_target, without_target
from mlwright.sources.large import read_large
from mlwright.sources.locating import located
from mlwright.sources.naming import hints_of, require_names, with_roles, without_dropped
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.parts import read_parts
from mlwright.sources.raw import Raw
from mlwright.sources.spooling import spooled
from mlwright.sources.sql import all_rows, is_database, open_sql, read_sql
from mlwright.sources.stream import Stream
from mlwright.sources.streaming import stream_if_large, stream_of


def read(source: object, roles: Roles | None = None, options: ReadOptions | None = None) -> Dataset:
    """Read a table: a path, a folder, a pattern, a URL, a frame, a dict of columns, a list of dicts.

    Raises `SourceUnreadable` where it is no table, `UnknownName` for a column that does not exist,
    `TargetUnusable` where no row has a target.

    >>> data = read({"age": [41, 7, 30], "sick": ["y", "n", None]}, Roles(target="sick"))
    >>> len(data), [(c.name, c.kind, c.role) for c in data.schema.columns]
    (2, [('age', 'numeric', 'feature'), ('sick', 'categorical', 'target')])
    """
    roles, options = roles or Roles(), options or ReadOptions()
    if isinstance(source, str) and is_database(source):
        return _from_database(source, roles, options)
    if isinstance(source, pl.LazyFrame):
        with spooled(frames_of(source), "a lazy Polars frame", options) as held:
            return _held(held, roles, options)
    if not isinstance(source, (str, os.PathLike)):
        return _inferred(_not_empty(_raw(source, options)), roles, options)
    _refuse_question(options)
    with located(source, options) as place:
        stream = stream_if_large(place, options)
        if stream is not None:
            return read_large(stream, roles, options)
        raw = _not_empty(read_parts(place, options))
    return _inferred(raw, roles, options)


def _from_database(url: str, roles: Roles, options: ReadOptions) -> Dataset:
    with open_sql(url, options) as rows, spooled(all_rows(rows), rows.source, options) as held:
        first = held.first if isinstance(held, Stream) else held
        told = replace(
            first,
            categorical=first.categorical | rows.columns.categorical,
            notes=rows.notes,
            findings=(*rows.findings(), *first.findings),
        )
        return _held(replace(held, first=told) if isinstance(held, Stream) else told, roles, options)


def _held(held: Raw | Stream, roles: Roles, options: ReadOptions) -> Dataset:
    if isinstance(held, Stream):
        return read_large(held, roles, options)
    return _inferred(_not_empty(held), roles, options)


def _inferred(raw: Raw, roles: Roles, options: ReadOptions) -> Dataset:
    frame = without_dropped(raw.frame, roles, raw.source)
    require_names(replace(raw, frame=frame), roles)
    hints = hints_of(raw, roles, options)
    found = list(raw.findings)
    read_rows = frame.height
    if roles.target is not None:
        frame, more = with_target(frame, roles.target, hints, raw.source)
        found.extend(more)
    inferred = infer_table(frame, hints)
    schema = with_roles(inferred.schema, roles, raw.source)
    provenance = Provenance(raw.source, raw.sha256, read_rows, read_rows - frame.height, raw.notes)
    left_out = None
    if roles.target is not None and provenance.rows_dropped:
        rows = without_target(without_dropped(raw.frame, roles), roles.target, hints)
        left_out = decode_frame(rows, schema, text=True).frame
    return Dataset(inferred.frame, schema, provenance, (*found, *inferred.findings), unlabelled=left_out)


def read_raw(source: object, options: ReadOptions | None = None) -> Raw:
    """Read a table without deciding about its columns: prediction decodes it by the model's schema."""
    return _not_empty(_raw(source, options or ReadOptions()))


@contextmanager
def held_or_streamed(
    source: object, options: ReadOptions | None = None, least_bytes: int | None = None
) -> Iterator[Raw | Stream]:
    """A raw table as `read_raw` gives it; or the stream of files of `least_bytes` in all (None: never), where
    they can be read in parts. What is fetched for it is there for the length of the block."""
    options = options or ReadOptions()
    if (
        least_bytes is None
        or not isinstance(source, (str, os.PathLike))
        or (isinstance(source, str) and is_database(source))
    ):
        yield read_raw(source, options)
        return
    _refuse_question(options)
    with located(source, options) as place:
        size = sum(p.path.stat().st_size for p in place.parts if p.path.is_file())
        stream = stream_of(place, options) if size >= least_bytes else None
        yield _not_empty(read_parts(place, options)) if stream is None else stream


def _refuse_question(options: ReadOptions) -> None:
    for name in ("query", "table", "parameters"):
        if getattr(options, name) is not None:
            raise Misuse(f"{name}= is for databases", remedy="give the URL of one, such as sqlite:///shop.db")


def _not_empty(raw: Raw) -> Raw:
    if raw.frame.height == 0:
        raise SourceUnreadable(
            "a table without rows or columns: it has names and no rows",
            where=raw.source,
            remedy="look at how it was written",
        )
    return raw


def _raw(source: object, options: ReadOptions) -> Raw:
    if isinstance(source, str) and is_database(source):
        return read_sql(source, options)
    _refuse_question(options)
    if isinstance(source, (str, os.PathLike)):
        return _from_path(source, options)
    if isinstance(source, pl.LazyFrame):
        return from_lazy(source, options)
    if isinstance(source, pl.DataFrame):
        return from_polars(source, options)
    if isinstance(source, Mapping):
        return from_columns(source, options)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return from_pandas(source, options)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        return from_arrow(source, options)
    if isinstance(source, Sequence) and not isinstance(source, (bytes, bytearray)):
        return from_rows(source, options)
    raise Misuse(
        f"a {type(source).__name__} is no table",
        remedy="give a path, a URL, a Polars, pandas, Arrow or DuckDB table, a dict of columns, or a list of "
        "dicts",
    )


def _from_path(source: str | os.PathLike[str], options: ReadOptions) -> Raw:
    with located(source, options) as place:
        return read_parts(place, options)
