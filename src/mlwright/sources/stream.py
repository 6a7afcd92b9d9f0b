"""A raw table that is too large for memory: it can be read again and again, a chunk of its rows at a time.

Made by `columnar` and `blocks`, read by `large` and `splitting`. Values only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.sources.raw import Raw

CHUNK_BYTES: Final = 48 << 20
"""What a chunk's values take in memory, about: reading and counting it takes a few times as much."""
FIRST_ROWS: Final = 10_000


@dataclass(frozen=True)
class Stream:
    """Where chunks of rows come from, and what the first of them say of the table."""

    first: Raw
    """The first rows: names, types, what was found."""
    chunks: Callable[[], Iterator[pl.DataFrame]]
    """All rows in their order, with the names of `first`; each call begins anew."""
    size_bytes: int
    """What the values of all rows would take in memory, about."""
    sha256: Callable[[], str]
    """The digest of the file's bytes, worked out when asked for."""


def rows_at_a_time(row_bytes: float) -> int:
    """How many rows make a chunk.

    >>> rows_at_a_time(240.0), rows_at_a_time(1e9)
    (209715, 1)
    """
    return max(1, min(1 << 20, int(CHUNK_BYTES / max(row_bytes, 1.0))))


def unchanged(path: Path, name: str) -> Callable[[], None]:
    """A look at the file, taken before and after each pass, that raises `SourceUnreadable` where it changed.

    By its size and the time of its last change, since the passes over a table must see the same rows.
    """

    def state() -> tuple[int, int] | None:
        try:
            about = path.stat()
        except OSError:
            return None
        return about.st_size, about.st_mtime_ns

    known = state()

    def look() -> None:
        now = state()
        if now is None or now != known:
            what = "went away" if now is None else "changed"
            raise SourceUnreadable(
                f"the file {what} while it was read: a table larger than memory is read several times",
                where=name,
                remedy="read it once nothing writes to it, or a copy of it",
            )

    return look
