"""Arrow files (Feather version 2, IPC file and stream) to a raw table of typed columns.

Used by `formats`. Kinds are not decided here.
"""

from __future__ import annotations

import io
from dataclasses import replace

import polars as pl

from mlwright.sources.damage import told_as_damage
from mlwright.sources.files import File
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw

_FILE = b"ARROW1"


def read_arrow(file: File, options: ReadOptions) -> Raw:
    """Read an Arrow file or stream. Raises `SourceUnreadable`."""
    data = io.BytesIO(file.data)
    with told_as_damage("the Arrow file is damaged", file.name):
        frame = pl.read_ipc(data) if file.data.startswith(_FILE) else pl.read_ipc_stream(data)
    return replace(from_polars(frame, options, file.name), sha256=file.sha256)
