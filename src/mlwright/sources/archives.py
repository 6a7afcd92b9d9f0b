"""ZIP archives: the one table in them, or the one that is named; and what of them is a workbook.

Used by `packed` and `excel`, for tables alone: a model file is a ZIP too and has its own strict reader, which
this one must never stand in for. It knows no format of tables.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlwright.base.errors import SourceUnreadable, UnknownName, shown
from mlwright.base.finding import Finding
from mlwright.data import codes
from mlwright.data.codes import finding

DAMAGED: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What zipfile raises where an archive is not what it says it is."""
_MARK: Final = b"PK\x03\x04"
_EMPTY: Final = b"PK\x05\x06"
_MODEL: Final = b"manifest.json"
_AT_A_TIME: Final = 1 << 20
_MOST_MEMBERS: Final = 100_000
_MOST_NAMED: Final = 8
_BESIDE: Final = ("readme", "license", "licence", "copying", "notice", "changelog")
_DOCUMENTS: Final = (".md", ".pdf", ".html", ".htm", ".rst", ".docx", ".png", ".jpg", ".yml", ".yaml", ".xml")
_WORKBOOKS: Final = ("xl/workbook.xml", "xl/workbook.bin")
_BOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".ods")
_SHEETS: Final = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass(frozen=True)
class Taken:
    """One file of an archive."""

    name: str
    pieces: Iterator[bytes]
    findings: tuple[Finding, ...] = ()


def is_archive(data: bytes) -> bool:
    """Whether `data` is a ZIP archive to take a table from: no workbook, no document, no model."""
    if data.startswith(_EMPTY):
        return True
    if not data.startswith(_MARK) or data[30:43] == _MODEL:
        return False
    return not is_workbook(data) and not _is_document(data)


def is_workbook(data: bytes) -> bool:
    """Whether `data` is an Excel (.xlsx, .xlsb) or OpenDocument (.ods) workbook."""
    if not data.startswith(_MARK):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except DAMAGED:
        return False
    return bool(names & set(_WORKBOOKS)) or _opendocument(data) == _SHEETS


def member_of(data: bytes, name: str, member: str | None) -> Taken:
    """The only table of the archive `name`, or its file `member`.

    Raises `SourceUnreadable` where there is none or more than one, naming them; `UnknownName` for a member
    that is not there.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except DAMAGED:
        remedy = "copy or download it again"
        what = "workbook" if name.lower().endswith(_BOOKS) else "ZIP file"
        raise SourceUnreadable(f"the {what} is damaged or cut off", where=name, remedy=remedy) from None
    files = [i for i in infos[:_MOST_MEMBERS] if not i.is_dir() and not _is_hidden(i.filename)]
    if member is not None:
        info = _named(files, member, name)
    else:
        info = _only(files, name)
    if info.flag_bits & 0x1:
        raise SourceUnreadable(
            "the ZIP file is locked with a password", where=name, remedy="unpack it and give the table"
        )
    found: tuple[Finding, ...] = ()
    if member is None and len(files) > 1:
        found = (
            finding(codes.INNER_TABLE, f"{shown(info.filename, 120)}, the only table of {len(files)} files"),
        )
    return Taken(info.filename, _pieces(archive, info), found)


def members(data: bytes) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every file of the archive with the bytes that it unpacks to; raises one of `DAMAGED`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            yield info.filename, _pieces(archive, info)


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as stream:
            while piece := stream.read(_AT_A_TIME):
                yield piece
    except RuntimeError as e:  # zipfile's word for a password
        raise zipfile.BadZipFile(str(e)) from None


def _named(files: Sequence[zipfile.ZipInfo], member: str, name: str) -> zipfile.ZipInfo:
    wanted = member.strip("/")
    by_name = {i.filename: i for i in files}
    by_base = [i for i in files if i.filename.rpartition("/")[2] == wanted]
    if wanted in by_name:
        return by_name[wanted]
    if len(by_base) == 1:
        return by_base[0]
    raise UnknownName("file in the archive", member, by_name, where=name)


def _only(files: Sequence[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    tables = [i for i in files if _may_be_table(i.filename)] if len(files) > 1 else list(files)
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise SourceUnreadable("the ZIP file holds no table", where=name, remedy="give the table itself")
    names = [i.filename for i in tables]
    told = ", ".join(shown(n, 80) for n in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    raise SourceUnreadable(
        f"the ZIP file holds {len(names)} files: {told}{more}",
        where=name,
        remedy=f"name one: {name}!/{_plain(names[0])}, or member={names[0]!r}",
    )


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


def _may_be_table(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return not base.startswith(_BESIDE) and not base.endswith(_DOCUMENTS)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_document(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except DAMAGED:
        return False
    return bool(names & {"word/document.xml", "ppt/presentation.xml"}) or bool(_opendocument(data))


def _opendocument(data: bytes) -> bytes:
    """The media type that an OpenDocument file begins with, stored plainly; empty for other files."""
    if data[30:38] != b"mimetype":
        return b""
    length = int.from_bytes(data[22:26], "little") or len(_SHEETS)
    return data[38 : 38 + length]
