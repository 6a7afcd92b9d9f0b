"""How a source is read and what its columns are for: what the user says; the rest is found by evidence.

Made by `lifecycle` from the arguments of `mw.read` and of the CLI; used by `sources`. Values only.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from mlwright.base.errors import Misuse
from mlwright.base.machine import memory_limit
from mlwright.base.schema import NumberFormat

Decimal = Literal[".", ","]
Thousands = Literal["", ".", ",", " ", "'"]
_SOME_MOMENT: Final = dt.datetime(2024, 11, 25, 13, 14, 15, tzinfo=dt.UTC)
_SHARE_OF_MEMORY: Final = 8
_USUAL_FETCHED: Final = 8 << 30
_USUAL_BYTES: Final = 1 << 30
"""Where nobody knows how much memory there is."""


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
    exposure: str | None = None
    fold: str | None = None
    """How long or how much was watched for the target to come about: it is learned as a rate."""
    protected: tuple[str, ...] = ()
    """Columns to be fair about; never features."""
    drop: tuple[str, ...] = ()
    """Columns that are not read at all."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kinds by name, where the evidence is to be overruled."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read. None, the default everywhere, means: found by evidence.

    Raises `Misuse` for a value that no file can be written in.

    >>> ReadOptions(thousands=".").number.decimal
    ','
    """

    separator: str | None = None
    """Between the fields of a line: such as `;`, `tab` or `::`, or `whitespace` for runs of blanks."""
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
    decimal: Decimal | None = None
    """The decimal mark of all numbers."""
    thousands: Thousands | None = None
    """The thousands separator of all numbers."""
    missing: tuple[str, ...] | None = None
    """The texts that mean missing in every column, besides the empty one."""
    dates: tuple[str, ...] = ()
    """strptime forms of dates, tried first."""
    query: str | None = None
    """What to read from a database: one SELECT, with `:name` where a parameter stands."""
    table: str | None = None
    """Or all of one of its tables: `orders`, `sales.orders`."""
    parameters: Mapping[str, object] | None = field(default=None, repr=False)
    """The values of the query's parameters, by name; bound, never pasted."""
    sheet: str | int | None = None
    """The sheet of a workbook, by its name or its number from 1."""
    member: str | None = None
    """The file of a ZIP archive, or the key of a JSON object, that holds the table."""
    most_bytes: int | str | None = None
    """The most that is fetched from a URL, in bytes or as "500MB"; None: 8 GiB."""
    memory: int | str | None = None
    """Bytes that the values of a table may take in memory, or "2GiB"; a larger table is read as a stream and
    stands there as a sample of its rows. None: an eighth of the memory that this process may use."""
    sample_rows: int = 500_000
    """Rows of a larger table that are kept: drawn by chance, each with the same one."""

    def __post_init__(self) -> None:
        for name in ("names", "missing", "dates"):
            if isinstance(getattr(self, name), str):
                raise Misuse(f"{name}= takes several texts", remedy=f"{name}=({getattr(self, name)!r},)")
        if self.quote and (len(self.quote) != 1 or not self.quote.isascii()):
            raise Misuse(
                f"the quote {self.quote!r} is not one ASCII character",
                remedy="give one, or the empty text where nothing is quoted",
            )
        if self.skip_rows < 0:
            raise Misuse(f"{self.skip_rows} rows cannot be skipped", remedy="give 0 or more")
        if isinstance(self.sheet, int) and self.sheet < 1:
            raise Misuse(f"no sheet {self.sheet}", remedy="sheets are numbered from 1")
        if self.fetched_bytes < 1:
            raise Misuse("most_bytes= must be at least 1")
        _one_of("decimal mark", self.decimal, get_args(Decimal))
        _one_of("thousands separator", self.thousands, get_args(Thousands))
        if self.decimal is not None and self.decimal == self.thousands:
            raise Misuse(
                f"{self.decimal!r} cannot be both the decimal mark and the thousands separator",
                remedy="say which of them it is",
            )
        if self.memory_bytes < 1 or self.sample_rows < 1:
            raise Misuse("memory= and sample_rows= must be at least 1")
        for form in self.dates:
            if not _is_form(form):
                raise Misuse(f"{form!r} is no form of dates", remedy="say it as strptime does: '%d.%m.%Y'")

    @property
    def for_another(self) -> ReadOptions:
        """The same for another source: what is asked of a database is asked of one."""
        return replace(self, query=None, table=None, parameters=None)

    @property
    def number(self) -> NumberFormat | None:
        """How all numbers are written, where that was said."""
        if self.decimal is None and self.thousands is None:
            return None
        decimal = self.decimal or ("," if self.thousands == "." else ".")
        return NumberFormat(decimal=decimal, thousands=self.thousands or "")

    @property
    def fetched_bytes(self) -> int:
        """The most that is fetched from a URL, in bytes."""
        return _USUAL_FETCHED if self.most_bytes is None else bytes_in(self.most_bytes)

    @property
    def memory_bytes(self) -> int:
        """Bytes that the values of a table may take in memory."""
        if self.memory is not None:
            return bytes_in(self.memory)
        limit = memory_limit()
        return _USUAL_BYTES if limit is None else limit // _SHARE_OF_MEMORY


def bytes_in(size: int | str) -> int:
    """Bytes in a size such as 1000, "500MB" or "2GiB". Raises `Misuse`.

    >>> bytes_in("2GiB"), bytes_in("1.5 kB")
    (2147483648, 1500)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", str(size), re.IGNORECASE)
    if match is None or (match[3] and not match[2]):
        raise Misuse(f"{size!r} is no size of memory", remedy='say bytes, or "500MB", "2GiB"')
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgt".index(match[2].lower() or " "))


def _is_form(form: str) -> bool:
    """Whether strptime can read back what is written by `form`, and there is anything in it to read."""
    try:
        dt.datetime.strptime(_SOME_MOMENT.strftime(form), form)
    except (ValueError, re.error):  # the latter for a part that is there twice
        return False
    return "%" in form


def _one_of(noun: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        shown = ", ".join(repr(k) for k in known if k)
        raise Misuse(f"the {noun} cannot be {value!r}", remedy=f"it is one of {shown}")
