"""Parquet files to a raw table of typed columns.

Used by `formats`. What a file would expand to is known from its footer before it is read. Kinds are not
decided here.
"""

from __future__ import annotations

import io
from dataclasses import replace

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.sources.damage import told_as_damage
from mlwright.sources.files import File
from mlwright.sources.footer import footer_of
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import most_unpacked, size
from mlwright.sources.raw import Raw

_WIDEST_NUMBER = 8
_VIEW = 16
"""Bytes that Polars keeps for each text, besides the text."""


def read_parquet(file: File, options: ReadOptions) -> Raw:
    """Read a Parquet file. Raises `SourceUnreadable`, also where it would expand beyond `most_unpacked()`."""
    with told_as_damage("the Parquet file is damaged", file.name):
        footer = footer_of(file.data)
        schema = pl.read_parquet_schema(io.BytesIO(file.data))
        needed = max(footer.unpacked_bytes, footer.rows * sum(map(_width, schema.values())))
        if needed > (most := most_unpacked()):
            raise SourceUnreadable(
                f"the Parquet file ({size(len(file.data))}) unpacks to {size(needed)}, above {size(most)}",
                where=file.name,
                remedy="give a part of it, or fewer columns",
            )
        frame = pl.read_parquet(io.BytesIO(file.data))
    return replace(from_polars(frame, options, file.name), sha256=file.sha256)


def _width(dtype: pl.DataType) -> int:
    return _VIEW if dtype in (pl.String, pl.Binary) else 0 if dtype == pl.Boolean else _WIDEST_NUMBER
