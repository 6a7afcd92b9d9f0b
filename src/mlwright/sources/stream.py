"""A raw table that is too large for memory: it can be read again and again, a chunk of its rows at a time.

Made by `columnar` and `blocks`, read by `large` and `splitting`. Values only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

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
