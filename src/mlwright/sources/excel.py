"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to a raw table: one sheet, its cells with their types.

Used by `formats`. calamine, through fastexcel, reads the cells; where the header is, `header` judges as for
delimited text. Formulas count as the values that were saved with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from mlwright.base.errors import ExtraMissing, Misuse, SourceUnreadable, UnknownName, shown
from mlwright.base.finding import Finding, counted
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources import archives
from mlwright.sources.damage import told_as_damage
from mlwright.sources.files import File
from mlwright.sources.frames import from_polars
from mlwright.sources.header import has_header
from mlwright.sources.names import clean_names
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import most_unpacked, size
from mlwright.sources.raw import Raw

if TYPE_CHECKING:
    from fastexcel import ExcelReader

_OLD: Final = b"\xd0\xcf\x11\xe0"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_CELL_BYTES: Final = 32
"""What calamine keeps for each cell of the rectangle that a sheet spans."""
_CELL: Final = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_CARRIED: Final = 256
_MOST_NAMED: Final = 8
_TITLE_ROWS: Final = 30
_FILLED: Final = 0.6
_CANNOT: Final = "the workbook cannot be read"
_SAVE_AGAIN: Final = "open it and save it again, or save the sheet as CSV"
_EXACT: Final = 2.0**53


@dataclass(frozen=True)
class _Sheet:
    """The cells of one sheet as texts, without empty columns and rows at its edges."""

    cells: pl.DataFrame
    places: list[int]
    """Of its columns, in the sheet."""
    top: int
    """Rows of the sheet before its first."""


def read_excel(file: File, options: ReadOptions) -> Raw:
    """Read one sheet of a workbook: `options.sheet`, or the first that holds anything.

    Raises `SourceUnreadable` for a damaged, locked or empty workbook, `UnknownName` for a sheet that is not
    there, `ExtraMissing` without fastexcel.
    """
    if _ENCRYPTED in file.data and not file.data.startswith(b"PK"):
        raise SourceUnreadable(
            "the workbook is locked with a password", where=file.name, remedy="save it without one, or as CSV"
        )
    _refuse_bomb(file)
    _refuse_false_sizes(file)
    with told_as_damage(_CANNOT, file.name, _SAVE_AGAIN):
        reader = _opened(file)
        name, found = _chosen(reader, file, options.sheet)
        sheet = _cells(reader, name, options.skip_rows)
        if sheet is None:
            raise SourceUnreadable(
                f"the sheet {shown(name)} is empty", where=file.name, remedy=_others(reader, name)
            )
        return _table(reader, name, sheet, file, options, found)


def _opened(file: File) -> ExcelReader:
    try:
        import fastexcel
    except ImportError:
        raise ExtraMissing("reading a workbook", "train", "fastexcel") from None
    reader = fastexcel.read_excel(file.data)
    if not reader.sheet_names:
        raise SourceUnreadable("the workbook has no sheet", where=file.name, remedy="look at its origin")
    return reader


def _chosen(reader: ExcelReader, file: File, sheet: str | int | None) -> tuple[str, tuple[Finding, ...]]:
    names = reader.sheet_names
    if isinstance(sheet, str) and sheet not in names and sheet.isdigit():
        sheet = int(sheet)  # the command line has texts only; a sheet of that name comes first
    if isinstance(sheet, int):
        if not 1 <= sheet <= len(names):
            there = f"there {'is' if len(names) == 1 else 'are'} {counted(len(names), 'sheet')}"
            raise Misuse(f"no sheet {sheet}: {there}", where=file.name, remedy="sheets are numbered from 1")
        return names[sheet - 1], ()
    if sheet is not None:
        if sheet not in names:
            raise UnknownName("sheet", sheet, names, where=file.name)
        return sheet, ()
    if len(names) == 1:
        return names[0], ()
    filled = [
        n for n in names if reader.load_sheet(n, header_row=None, n_rows=1, dtypes="string").total_height > 0
    ]
    name = (filled or names)[0]
    others = [n for n in names if n != name]
    told = ", ".join(shown(n) for n in others[:_MOST_NAMED])
    note = finding(
        codes.SHEETS, f"{shown(name)}; not read: {told}", remedy="say sheet= where another is meant"
    )
    return name, (note,)


def _others(reader: ExcelReader, name: str) -> str:
    others = [n for n in reader.sheet_names if n != name]
    return f"name another sheet, such as {shown(others[0])}" if others else "look at how it was written"


def _cells(reader: ExcelReader, name: str, skip: int) -> _Sheet | None:
    loaded = reader.load_sheet(name, header_row=None, skip_rows=skip, dtypes="string")
    cells = loaded.to_polars()
    if cells.width == 0 or cells.height == 0:
        return None
    blank = pl.all().str.strip_chars() == ""
    cells = cells.with_columns(pl.when(~blank).then(pl.all()))
    kept = [i for i, c in enumerate(cells.get_columns()) if c.null_count() < cells.height]
    if not kept:
        return None
    cells = cells[:, kept]
    places = [loaded.selected_columns[i].absolute_index for i in kept]
    filled = cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    first = int(filled.arg_max() or 0)
    cells.columns = [f"c{i}" for i in range(len(places))]
    return _Sheet(cells[first:], places, skip + first)


def _table(
    reader: ExcelReader,
    name: str,
    sheet: _Sheet,
    file: File,
    options: ReadOptions,
    found: tuple[Finding, ...],
) -> Raw:
    titles = 0 if options.skip_rows else _titles(sheet.cells)
    if titles:
        note = f"{counted(titles, 'row')} of the sheet {shown(name)}"
        found = (*found, finding(codes.ABOVE_HEADER, note, remedy="say skip_rows= where this is wrong"))
    cells = sheet.cells[titles:]
    header = options.header
    first = [c or "" for c in cells.row(0)]
    if header is None:
        header = has_header(first, cells[1:])
    names = list(options.names or (first if header else ()))
    if options.names is not None and len(names) != cells.width:
        raise Misuse(
            f"{len(names)} names for {cells.width} columns", where=file.name, remedy="name every column"
        )
    if not names:
        names = [f"column_{i + 1}" for i in range(cells.width)]
        evidence = f"the columns are called column_1 to column_{cells.width}"
        found = (*found, finding(codes.NO_HEADER, evidence, remedy="give them: header=False, names=(...)"))
    names, renamed = clean_names(names)
    texts = cells[1:] if header else cells
    filled = texts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    frame = _typed(reader, name, sheet, sheet.top + titles + int(header), texts)
    frame.columns = names
    gaps = filled.arg_max() is not None and not filled[: _last(filled) + 1].all()
    if gaps:
        count = int((~filled[: _last(filled) + 1]).sum())
        found = (*found, finding(codes.BLANK_LINES, f"{counted(count, 'row')} of the sheet {shown(name)}"))
    plain = replace(options, names=None)
    raw = from_polars(frame.filter(filled), plain, file.name)
    return replace(raw, sha256=file.sha256, header=header, findings=(*found, *renamed, *raw.findings))


def _last(filled: pl.Series) -> int:
    """The last row that holds anything, or -1."""
    true = filled.arg_true()
    return int(true[-1]) if len(true) else -1


def _titles(cells: pl.DataFrame) -> int:
    """Rows above the header: a title stands in one or two cells of a wide sheet."""
    if cells.width < 3:
        return 0
    top = cells.head(_TITLE_ROWS)
    counts = top.select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    usual = cells.slice(1, 1_000).select(pl.sum_horizontal(pl.all().is_not_null())).to_series().median()
    enough = max(2.0, _FILLED * min(float(usual if isinstance(usual, (int, float)) else 0), cells.width))
    for row, count in enumerate(counts):
        if count >= enough:
            return row
    return 0


def _typed(reader: ExcelReader, name: str, sheet: _Sheet, skip: int, texts: pl.DataFrame) -> pl.DataFrame:
    """The columns in the types of their cells; texts where they are of several types or hold nothing."""
    full = [i for i, c in enumerate(texts.get_columns()) if c.null_count() < texts.height]
    if not full:
        return texts
    loaded = reader.load_sheet(
        name,
        header_row=None,
        skip_rows=skip,
        schema_sample_rows=None,
        use_columns=[sheet.places[i] for i in full],
    ).to_polars()
    if loaded.height != texts.height or loaded.width != len(full):
        return texts
    columns = dict(zip(full, loaded.get_columns(), strict=True))
    return pl.DataFrame(
        [
            _plain(columns[i], texts[f"c{i}"]).rename(f"c{i}") if i in columns else texts[f"c{i}"]
            for i in range(texts.width)
        ]
    )


def _plain(column: pl.Series, text: pl.Series) -> pl.Series:
    """Whole numbers as such: a workbook has no other numbers than fractions."""
    if column.dtype == pl.String:
        return text
    if column.dtype == pl.Float64:
        there = column.drop_nulls()
        if len(there) and bool(((there == there.round(0)) & (there.abs() < _EXACT)).all()):
            return column.cast(pl.Int64)
    return column


def _refuse_false_sizes(file: File) -> None:
    """Raise `SourceUnreadable` where an old workbook counts more sectors than it has bytes for.

    calamine asks for memory by these counts ([MS-CFB] 2.2), and a process that gets none is ended.
    """
    data = file.data
    if not data.startswith(_OLD):
        return
    shift = int.from_bytes(data[0x1E:0x20], "little")
    counts = [int.from_bytes(data[at : at + 4], "little") for at in (0x28, 0x2C, 0x40, 0x48)]
    if shift not in (9, 12) or len(data) < 512 or max(counts) << shift > len(data):
        raise SourceUnreadable(
            "the workbook is damaged or cut off", where=file.name, remedy="copy or download it again"
        )


def _refuse_bomb(file: File) -> None:
    """Raise `SourceUnreadable` where a packed workbook would take more memory than a table may."""
    if not file.data.startswith(b"PK"):
        return
    most, seen = most_unpacked(), 0
    try:
        for member, pieces in archives.members(file.data):
            span = _Span()
            for piece in pieces:
                seen += len(piece)
                if seen > most:
                    raise SourceUnreadable(
                        f"the workbook ({size(len(file.data))}) unpacks to more than {size(most)}",
                        where=file.name,
                        remedy="save the sheet as CSV, or give a part of it",
                    )
                if member.startswith("xl/worksheets/"):
                    span.see(piece)
            if span.cells * _CELL_BYTES > most:
                raise SourceUnreadable(
                    f"a sheet spans {span.rows:,} rows and {span.columns:,} columns",
                    where=file.name,
                    remedy="delete the lone cells far from the table, or save the sheet as CSV",
                )
    except archives.DAMAGED:
        raise SourceUnreadable(
            "the workbook is damaged or cut off", where=file.name, remedy="copy or download it again"
        ) from None


class _Span:
    """The last row and column that the cells of a sheet's XML name."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._before = b""

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def see(self, piece: bytes) -> None:
        text = self._before + piece
        seen: Sequence[tuple[bytes, bytes]] = _CELL.findall(text)
        for letters in {letters for letters, _ in seen}:
            self.columns = max(self.columns, _number(letters))
        self.rows = max([self.rows, *(int(row) for row in {row for _, row in seen})])
        self._before = text[-_CARRIED:]


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
