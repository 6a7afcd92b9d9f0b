"""Which reader reads a file: by its first bytes where they say it, else by its ending.

Used by `parts` and by whoever has one local file. A format is one line in a table below and one file beside
this one; nothing here knows how a format is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.sources import archives
from mlwright.sources.arrow import read_arrow
from mlwright.sources.delimited import read_delimited
from mlwright.sources.excel import read_excel
from mlwright.sources.files import File, open_file, refuse_foreign
from mlwright.sources.jsonfile import read_json
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import suffix_of
from mlwright.sources.parquet import read_parquet
from mlwright.sources.raw import Raw

Reader = Callable[[File, ReadOptions], Raw]

_BY_BYTES: Final[tuple[tuple[bytes, Reader], ...]] = (
    (b"PAR1", read_parquet),
    (b"ARROW1", read_arrow),
    (b"\xff\xff\xff\xff", read_arrow),
    (b"\xd0\xcf\x11\xe0", read_excel),
)
_BY_SUFFIX: Final[dict[str, tuple[str, Reader]]] = {
    ".parquet": ("Parquet", read_parquet),
    ".pq": ("Parquet", read_parquet),
    ".arrow": ("Arrow", read_arrow),
    ".feather": ("Arrow", read_arrow),
    ".ipc": ("Arrow", read_arrow),
    ".arrows": ("Arrow", read_arrow),
    ".xlsx": ("Excel", read_excel),
    ".xlsm": ("Excel", read_excel),
    ".xlsb": ("Excel", read_excel),
    ".xls": ("Excel", read_excel),
    ".ods": ("OpenDocument", read_excel),
    ".json": ("JSON", read_json),
    ".jsonl": ("JSON", read_json),
    ".ndjson": ("JSON", read_json),
}


def read_file(path: Path, options: ReadOptions, *, name: str = "", suffix: str = "") -> Raw:
    """Read one local file of any format; `name` and `suffix` as `open_file` takes them.

    Raises `SourceUnreadable`; `Misuse` for an option that the format has no use for.
    """
    file = open_file(path, name=name, suffix=suffix, member=options.member)
    reader = _reader_of(file)
    if options.sheet is not None and reader is not read_excel:
        raise Misuse(
            "only Excel and OpenDocument files have sheets", where=file.name, remedy="leave sheet out"
        )
    if file.member is not None and reader is not read_json:
        raise Misuse(
            "only ZIP archives and JSON objects have members", where=file.name, remedy="leave member out"
        )
    raw = reader(file, options)
    return replace(raw, findings=(*file.findings, *raw.findings)) if file.findings else raw


def format_of(name: str) -> str:
    """The format that an ending stands for: `Parquet`, `Arrow`, `Excel`, `OpenDocument`, `JSON` or `text`.

    >>> format_of("a.parquet"), format_of("a.csv.gz")
    ('Parquet', 'text')
    """
    known = _BY_SUFFIX.get(suffix_of(name))
    return known[0] if known else "text"


def _reader_of(file: File) -> Reader:
    for magic, reader in _BY_BYTES:
        if file.data.startswith(magic):
            return reader
    if archives.is_workbook(file.data):
        return read_excel
    what, reader = _BY_SUFFIX.get(file.suffix, ("text", read_delimited))
    if reader in (read_delimited, read_json):
        return reader
    refuse_foreign(file)
    raise SourceUnreadable(
        f"this is no {what} file, whatever its name says",
        where=file.name,
        remedy="open it to see what it is; text may be named .csv",
    )
