"""Delimited text (CSV, TSV, fixed blanks) to a raw table of String columns.

Used by `formats`. Polars parses what is regular; anything else goes through Python's csv module, which is
slower and has the last word on what is a broken line. Kinds are not decided here.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.base.finding import Finding, counted
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources.dialect import UNIT, WHITESPACE, Dialect, dialect_of
from mlwright.sources.encoding import utf8_of
from mlwright.sources.files import File, refuse_foreign
from mlwright.sources.header import has_header, is_row_index
from mlwright.sources.names import clean_names
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw
from mlwright.sources.structure import structure_of

_LONGEST: Final = 8
"""Characters that a separator may have."""


def read_delimited(file: File, options: ReadOptions) -> Raw:
    """Read a delimited file. Raises `SourceUnreadable` naming file and line."""
    beginning = beginning_of(file, options)
    frame, more = parse(beginning.data, beginning.dialect, file.name, beginning.skipped)
    return _named(frame, file, beginning.dialect, options, (*beginning.findings, *more))


@dataclass(frozen=True)
class Beginning:
    """The text of a file from its first record on, and how it is written."""

    data: bytes
    """UTF-8, lines ending in `\\n`."""
    dialect: Dialect
    skipped: int
    """Lines that stood before."""
    findings: tuple[Finding, ...]


def beginning_of(file: File, options: ReadOptions) -> Beginning:
    """How a delimited file is written, by its first lines. Raises `SourceUnreadable`."""
    # UTF-16 has its own byte-order mark, which no other format begins with.
    refuse_foreign(file)
    data, found = utf8_of(file.data, file.name, options.encoding)
    data = _without_lines(data, options.skip_rows)
    if not data.strip():
        raise SourceUnreadable(
            "the file holds no lines but blank ones", where=file.name, remedy="look at its origin"
        )
    separator, skipped = _separator(options), options.skip_rows
    if re.match(rb"sep=[^\w\n]\n", data):  # Excel's own first line
        separator, skipped = separator or chr(data[4]), skipped + 1
        data = _without_lines(data, 1)
    dialect = dialect_of(data, suffix=file.suffix, separator=separator, quote=options.quote)
    return Beginning(data, dialect, skipped, found)


def parse(
    data: bytes, dialect: Dialect, name: str, skipped: int = 0
) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """All lines of UTF-8 `data` as a frame of String columns, the header line (if any) among them.

    Blank lines are passed over. `skipped` lines stood before, for the numbers of lines in errors.
    """
    if not (dialect.separator.isascii() and len(dialect.separator) == 1) and dialect.separator != WHITESPACE:
        data = _shortened(data, dialect, name)
        dialect = Dialect(UNIT, dialect.quote, shown=dialect.separator)
    if dialect.separator == WHITESPACE:
        data = b"\n".join(re.sub(rb"[ \t]+", b"\t", line.strip()) for line in data.split(b"\n"))
        dialect = Dialect("\t", dialect.quote)
    data = data.rstrip(b"\n") + b"\n"
    structure = structure_of(data, dialect.separator, dialect.quote)
    fields = structure.fields
    full = fields[fields > 0]
    if not structure.regular_quotes or len(full) == 0 or (full != full[0]).any():
        return _parse_slowly(data, dialect, name, skipped)
    width = int(full[0])
    frame = _parse_fast(data, dialect, width)
    if frame is None or frame.height != len(fields):
        return _parse_slowly(data, dialect, name, skipped)
    blank = fields == 0
    if width == 1 or not blank.any():
        return frame, ()
    return frame.filter(pl.Series(~blank)), (_blank_lines(np.flatnonzero(blank) + 1 + skipped),)


def _parse_fast(data: bytes, dialect: Dialect, width: int) -> pl.DataFrame | None:
    try:
        return pl.read_csv(
            io.BytesIO(data),
            has_header=False,
            new_columns=[f"c{i}" for i in range(width)],
            separator=dialect.separator,
            quote_char=dialect.quote or None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError:
        return None  # csv reads it, or says which line is at fault


def _parse_slowly(
    data: bytes, dialect: Dialect, name: str, skipped: int
) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(
        io.StringIO(data.decode(), newline=""),
        delimiter=dialect.separator,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=True,
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    blank: list[int] = []
    before = 0
    for row in reader:
        start, before = before + 1, reader.line_num
        if not row:
            blank.append(start + skipped)
            continue
        rows.append(row)
        lines.append(start + skipped)
    rows = _levelled(rows, lines, name, dialect)
    columns = [pl.Series(f"c{i}", c, dtype=pl.String) for i, c in enumerate(zip(*rows, strict=True))]
    return pl.DataFrame(columns), (_blank_lines(np.asarray(blank)),) if blank else ()


def _levelled(rows: list[list[str]], lines: list[int], name: str, dialect: Dialect) -> list[list[str]]:
    """Rows of equal length; a header without a name for the leading or an empty last column is completed."""
    width = len(rows[0])
    if len(rows) > 1 and all(len(r) == width + 1 for r in rows[1:]):
        if all(not r[-1].strip() for r in rows[1:]):
            return [rows[0], *(r[:-1] for r in rows[1:])]
        return [["", *rows[0]], *rows[1:]]
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            separator = {"\t": "tab"}.get(dialect.separator, dialect.shown or dialect.separator)
            raise SourceUnreadable(
                f"{len(row)} fields where the first line has {width} (separator {separator!r})",
                where=f"{name}, line {line}",
                remedy="mend the line (a missing quote?), or say separator=, quote= or skip_rows=",
            )
    return rows


def _blank_lines(lines: npt.NDArray[np.int64]) -> Finding:
    return finding(codes.BLANK_LINES, f"{counted(len(lines), 'line')}, the first is line {lines[0]}")


def _named(
    frame: pl.DataFrame, file: File, dialect: Dialect, options: ReadOptions, found: tuple[Finding, ...]
) -> Raw:
    first = [c or "" for c in frame.row(0)]
    header = options.header
    if header is None:
        # Whoever names the columns of a file without saying more has looked: the first line decides.
        header = has_header(first, frame[1:])
    if options.names is not None:
        if len(options.names) != frame.width:
            raise Misuse(
                f"{len(options.names)} names for {frame.width} columns",
                where=file.name,
                remedy="name every column",
            )
        raw_names: list[str] = list(options.names)
    elif header:
        raw_names = first
    else:
        raw_names = [f"column_{i + 1}" for i in range(frame.width)]
        remedy = "give them: header=False, names=(...); or header=True if the first line does name them"
        evidence = f"the columns are called column_1 to column_{frame.width}"
        found = (*found, finding(codes.NO_HEADER, evidence, remedy=remedy))
    names, renamed = clean_names(raw_names)
    frame = frame[1:] if header else frame
    frame.columns = names
    raw = Raw(frame, file.name, file.sha256, dialect.separator, header=header, findings=(*found, *renamed))
    if frame.width > 1 and is_row_index(raw_names[0], frame[names[0]]):
        return replace(raw, index=names[0])
    return raw


def _without_lines(data: bytes, count: int) -> bytes:
    for _ in range(count):
        data = data.partition(b"\n")[2]
    return data


def _separator(options: ReadOptions) -> str | None:
    if options.separator is None or options.separator == WHITESPACE:
        return options.separator
    separator = {"tab": "\t", "\\t": "\t", "\\s+": WHITESPACE}.get(options.separator, options.separator)
    if separator == WHITESPACE:
        return separator
    if not 0 < len(separator) <= _LONGEST or set(separator) & {"\r", "\n", options.quote or '"'}:
        raise Misuse(
            f"{options.separator!r} cannot stand between fields",
            remedy=f"give one to {_LONGEST} characters without quotes and line ends, or 'whitespace'",
        )
    return separator


def _shortened(data: bytes, dialect: Dialect, name: str) -> bytes:
    """`data` with a long or foreign separator, such as `::`, replaced by the one character `UNIT`."""
    if UNIT.encode() in data:
        raise SourceUnreadable(
            f"the file holds the control character {UNIT!r}",
            where=name,
            remedy=f"replace {dialect.separator!r} between the fields by a single character",
        )
    long = re.escape(dialect.separator.encode())
    quote = re.escape(dialect.quote.encode())
    if not quote or dialect.quote.encode() not in data:
        return re.sub(long, UNIT.encode(), data)
    # A quoted field, which begins where a field begins, may hold the separator itself.
    quoted = (
        rb"(?:(?<=\n)|(?<="
        + long
        + rb")|\A)("
        + quote
        + rb"(?:[^"
        + quote
        + rb"]|"
        + quote * 2
        + rb")*"
        + quote
        + rb")"
    )
    return re.sub(quoted + rb"|" + long, lambda m: m[1] or UNIT.encode(), data)
