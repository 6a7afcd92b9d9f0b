"""How a source is read and what its columns are for: what the user says; the rest is found by evidence.

Made by `lifecycle` from the arguments of `mw.read` and of the CLI; used by `sources`. Values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for, by name."""

    target: str | None = None
    """The column to predict; rows without it are left out."""
    time: str | None = None
    """When a row happened: a date or a number. It stays a feature."""
    group: str | None = None
    """Rows of one group belong together and are never split."""
    id: str | None = None
    """What names a row; never a feature."""
    weight: str | None = None
    """How much a row counts."""
    protected: tuple[str, ...] = ()
    """Columns to be fair about; never features."""
    drop: tuple[str, ...] = ()
    """Columns that are not read at all."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kinds by name, where the evidence is to be overruled."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read. None, the default everywhere, means: found by evidence."""

    separator: str | None = None
    """Between the fields of a line: one character, or `"whitespace"` for runs of blanks."""
    encoding: str | None = None
    """Such as `utf-8`, `latin-1`, `utf-16`."""
    quote: str | None = None
    """The quoting character; the empty text for none."""
    header: bool | None = None
    """Whether the first line holds the names."""
    names: tuple[str, ...] | None = None
    """The names of the columns; a header line, if there is one, is passed over."""
    skip_rows: int = 0
    """Lines to pass over at the start of the file."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark of all numbers."""
    thousands: Literal["", ".", ",", " ", "'"] | None = None
    """The thousands separator of all numbers."""
    missing: tuple[str, ...] | None = None
    """The texts that mean missing in every column, besides the empty one."""
    dates: tuple[str, ...] = ()
    """strptime forms of dates, tried first."""
