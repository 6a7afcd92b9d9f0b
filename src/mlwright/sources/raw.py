"""A raw table: what a source held, before any schema.

Made by each reader of `sources`, decoded by `data`. Columns are String where the source was text.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from mlwright.base.finding import Finding


@dataclass(frozen=True)
class Raw:
    """A raw table with where it came from and what was found while reading."""

    frame: pl.DataFrame
    source: str
    """The file's name, or the kind of frame."""
    sha256: str = ""
    """Of the file's bytes."""
    separator: str = ""
    """Between fields, where the file had one."""
    index: str | None = None
    """A leading column that only numbers the rows."""
    categorical: frozenset[str] = frozenset()
    """Columns whose type in the source says that they are categories."""
    header: bool | None = None
    """Whether the first line held the names, where a reader had to look."""
    notes: tuple[str, ...] = ()
    """For the provenance: such as the number of parts."""
    findings: tuple[Finding, ...] = ()
