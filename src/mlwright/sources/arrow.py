"""Arrow files (Feather version 2, IPC file and stream) to a raw table of typed columns.

Used by `formats`. Kinds are not decided here.
"""

from __future__ import annotations

import io
from dataclasses import replace

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.sources.files import File
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw

_FILE = b"ARROW1"


def read_arrow(file: File, options: ReadOptions) -> Raw:
    """Read an Arrow file or stream. Raises `SourceUnreadable`."""
    data = io.BytesIO(file.data)
    try:
        if file.data.startswith(_FILE):
            frame = pl.read_ipc(data)
        else:
            frame = pl.read_ipc_stream(data)
    except (pl.exceptions.PolarsError, OSError, ValueError) as e:
        reason = (str(e).splitlines() or [""])[0][:120]
        raise SourceUnreadable(
            f"the Arrow file is damaged ({reason})", where=file.name, remedy="copy or write it again"
        ) from None
    return replace(from_polars(frame, options, file.name), sha256=file.sha256)
