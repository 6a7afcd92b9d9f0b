"""The bytes of a file, unpacked, with their digest; what is plainly no table is refused here.

Used by `formats`, which then picks the reader. It knows no format of tables.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlwright.base.errors import SourceUnreadable, nearest_file
from mlwright.base.finding import Finding
from mlwright.sources.packed import suffix_of, unpacked

_FIRST_MEMBER_OF_A_MODEL: Final = b"manifest.json"
_PAGE: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head)\b", re.IGNORECASE)
_FOREIGN: Final = (
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"{\\rtf", "a text document (RTF)", "export the table as CSV"),
    (
        b"SQLite format 3\x00",
        "an SQLite database",
        "read a table of it: sqlite:///PATH with table= or query=",
    ),
    (b"\x89PNG", "a picture", "give a table"),
    (b"\xff\xd8\xff", "a picture", "give a table"),
    (b"GIF8", "a picture", "give a table"),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV or Parquet"),
    (b"FEA1", "a Feather file of version 1", "save it again as Feather version 2 or Parquet"),
    (b"Obj\x01", "an Avro file", "save it as Parquet"),
    (b"ORC", "an ORC file", "save it as Parquet"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"PK\x03\x04", "a ZIP file that holds no table", "give the table itself"),
    (b"\x93NUMPY", "a NumPy array", "give a table with named columns"),
    (b"\x80\x04\x95", "a pickle", "save the frame as Parquet; pickles are never opened"),
    (b"\x80\x05\x95", "a pickle", "save the frame as Parquet; pickles are never opened"),
    (b"<?xml", "an XML document", "export the table as CSV"),
)
_TAR: Final = slice(257, 262)


@dataclass(frozen=True)
class File:
    """A file's bytes, unpacked, and the digest of the bytes on disk."""

    name: str
    """As it is shown: never with a secret."""
    data: bytes
    sha256: str
    suffix: str = ""
    """The ending that tells the format, of what was unpacked: `.csv` of `a.csv.gz`."""
    member: str | None = None
    """What is asked for inside, where unpacking has not already used it up."""
    findings: tuple[Finding, ...] = ()


def open_file(path: Path, *, name: str = "", suffix: str = "", member: str | None = None) -> File:
    """Read a file and unpack it: gzip, bzip2, xz, Zstandard and ZIP, whatever the ending.

    `name` is what it is called in messages, `suffix` the ending that tells its format, where they differ
    from those of `path`; `member` is the one to take of a ZIP archive. Raises `SourceUnreadable`, also for a
    file that expands beyond `most_unpacked()` bytes.
    """
    where, name = name or str(path), name or path.name
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise no_such_file(path, where) from None
    except IsADirectoryError:
        raise SourceUnreadable("a folder, not a file", where=where, remedy="name one file") from None
    except MemoryError:
        raise SourceUnreadable(
            "the file does not fit into memory", where=where, remedy="give a part of it"
        ) from None
    except (OSError, ValueError) as e:  # ValueError: a NUL character in the path
        reason = getattr(e, "strerror", None) or "it cannot be read"
        raise SourceUnreadable(reason.lower(), where=where, remedy="look at its permissions") from None
    digest = hashlib.sha256(packed).hexdigest()
    inner = unpacked(packed, name, member)
    if not inner.data:
        raise SourceUnreadable("the file is empty (0 bytes)", where=name, remedy="look at how it was written")
    told = suffix_of(inner.name) if inner.name != name else suffix or suffix_of(name)
    return File(name, inner.data, digest, told, inner.member, inner.findings)


def refuse_foreign(file: File) -> None:
    """Raise `SourceUnreadable` where the first bytes are those of another kind of file."""
    if file.data.startswith(b"PK\x03\x04") and file.data[30:43] == _FIRST_MEMBER_OF_A_MODEL:
        raise SourceUnreadable(
            "this is an mlwright model, not a table",
            where=file.name,
            remedy=f"give a table; to look at the model: mlwright show {file.name}",
        )
    if _PAGE.match(file.data[:1024]):
        raise SourceUnreadable(
            "this is a web page (HTML), not a table",
            where=file.name,
            remedy="give the address of the file itself; a page may ask to sign in",
        )
    for magic, what, remedy in _FOREIGN:
        if file.data.startswith(magic):
            raise SourceUnreadable(f"this is {what}, not a table", where=file.name, remedy=remedy)
    if file.data[_TAR] == b"ustar":
        raise SourceUnreadable(
            "this is a tar archive, not a table", where=file.name, remedy="unpack it and give the folder"
        )


def no_such_file(path: Path, where: str = "") -> SourceUnreadable:
    """What to say where a file is not there, with the near miss."""
    return SourceUnreadable("there is no such file", where=where or str(path), remedy=_near(path))


def _near(path: Path) -> str:
    near = nearest_file(path.name, path.parent)
    return f"did you mean {near!r}?" if near else "look at the path"
