"""Parquet files to a raw table of typed columns.

Used by `reading`. Kinds are not decided here.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.sources.files import open_file
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw


def read_parquet(path: Path, options: ReadOptions) -> Raw:
    """Read a Parquet file. Raises `SourceUnreadable`."""
    file = open_file(path)
    if not file.data.startswith(b"PAR1"):
        raise SourceUnreadable("this is no Parquet file", where=file.name, remedy="look at its ending")
    try:
        frame = pl.read_parquet(io.BytesIO(file.data))
    except (pl.exceptions.PolarsError, OSError) as e:
        reason = str(e).splitlines()[0][:120]
        raise SourceUnreadable(
            f"the Parquet file is damaged ({reason})", where=file.name, remedy="copy or write it again"
        ) from e
    return replace(from_polars(frame, options, file.name), sha256=file.sha256)
