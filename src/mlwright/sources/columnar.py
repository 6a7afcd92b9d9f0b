"""Parquet and Arrow files as streams: rows are taken in slices, and no file is ever held as a whole.

Used by `large`. Polars reads only the row groups that a slice touches; what it finds out about the types is
as `parquet` and `arrow` have it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mlwright.sources.damage import told_as_damage
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.stream import FIRST_ROWS, Stream, rows_at_a_time, unchanged

_AT_A_TIME = 1 << 20


def stream_parquet(path: Path, name: str, options: ReadOptions) -> Stream:
    """A Parquet file as a stream. Raises `SourceUnreadable`."""
    return _stream(pl.scan_parquet(path, glob=False, hive_partitioning=False), path, name, options)


def stream_arrow(path: Path, name: str, options: ReadOptions) -> Stream:
    """An Arrow file (Feather version 2) as a stream. Raises `SourceUnreadable`."""
    return _stream(pl.scan_ipc(path), path, name, options)


def _stream(lazy: pl.LazyFrame, path: Path, name: str, options: ReadOptions) -> Stream:
    look = unchanged(path, name)
    with told_as_damage("the file is damaged", name):
        rows = int(lazy.select(pl.len()).collect().item())
        head = lazy.head(FIRST_ROWS).collect()
    row_bytes = decoded_bytes(head) / max(1, head.height)
    step = rows_at_a_time(row_bytes)

    def chunks() -> Iterator[pl.DataFrame]:
        for start in range(0, rows, step):
            look()
            with told_as_damage("the file is damaged", name):
                part = lazy.slice(start, step).collect()
            look()
            yield from_polars(part, options, name).frame

    return Stream(from_polars(head, options, name), chunks, int(rows * row_bytes), lambda: digest_of(path))


def decoded_bytes(frame: pl.DataFrame) -> int:
    """What the values of a frame take in memory once they are read: doubles and texts."""
    narrow = sum(
        8 * frame.height for s in frame.get_columns() if s.dtype.is_numeric() or s.dtype == pl.Boolean
    )
    texts = [s for s in frame.get_columns() if not (s.dtype.is_numeric() or s.dtype == pl.Boolean)]
    return narrow + sum(max(8 * frame.height, int(s.estimated_size())) for s in texts)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_AT_A_TIME):
            digest.update(piece)
    return digest.hexdigest()
