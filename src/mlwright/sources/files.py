"""The bytes of a file, unpacked, with their digest; what is plainly no table is refused here.

Used by each reader of a file format. It knows no format of tables.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlwright.base.errors import SourceUnreadable, nearest_file
from mlwright.base.machine import memory_limit

_GZIP: Final = b"\x1f\x8b"
_MOST_UNPACKED: Final = 8 << 30
_SHARE_OF_MEMORY: Final = 0.5
_FIRST_MEMBER_OF_A_MODEL: Final = b"manifest.json"
_AT_A_TIME: Final = 1 << 20
_FOREIGN: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel file", "unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "an empty ZIP archive", "give the table itself"),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save the sheet as CSV"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\x89PNG", "a picture", "give a table"),
    (b"\xff\xd8\xff", "a picture", "give a table"),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV or Parquet"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"BZh", "a bzip2 file", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "an xz file", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x93NUMPY", "a NumPy array", "give a table with named columns"),
    (b"\x80\x04\x95", "a pickle", "save the frame as Parquet; pickles are never opened"),
    (b"\x80\x05\x95", "a pickle", "save the frame as Parquet; pickles are never opened"),
)


@dataclass(frozen=True)
class File:
    """A file's bytes, unpacked, and the digest of the bytes on disk."""

    name: str
    data: bytes
    sha256: str


def open_file(path: Path) -> File:
    """Read a file and unpack gzip, whatever the ending.

    Raises `SourceUnreadable`, also for a gzip file that expands beyond `most_unpacked()` bytes.
    """
    name = path.name
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise SourceUnreadable("there is no such file", where=str(path), remedy=_near(path)) from None
    except IsADirectoryError:
        raise SourceUnreadable("a folder, not a file", where=str(path), remedy="name one file") from None
    except OSError as e:
        reason = e.strerror or "it cannot be read"
        raise SourceUnreadable(reason.lower(), where=str(path), remedy="look at its permissions") from e
    digest = hashlib.sha256(packed).hexdigest()
    data = _unpacked(packed, name) if packed.startswith(_GZIP) else packed
    if not data:
        raise SourceUnreadable("the file is empty (0 bytes)", where=name, remedy="look at how it was written")
    return File(name, data, digest)


def refuse_foreign(file: File) -> None:
    """Raise `SourceUnreadable` where the first bytes are those of another kind of file."""
    if file.data.startswith(b"PK\x03\x04") and file.data[30:43] == _FIRST_MEMBER_OF_A_MODEL:
        raise SourceUnreadable(
            "this is an mlwright model, not a table",
            where=file.name,
            remedy=f"give a table; to look at the model: mlwright show {file.name}",
        )
    for magic, what, remedy in _FOREIGN:
        if file.data.startswith(magic):
            raise SourceUnreadable(f"this is {what}, not text", where=file.name, remedy=remedy)


def most_unpacked() -> int:
    """Bytes that a gzip file may expand to: half of the memory that this process may use, at most 8 GiB."""
    memory = memory_limit()
    return _MOST_UNPACKED if memory is None else min(_MOST_UNPACKED, int(memory * _SHARE_OF_MEMORY))


def _unpacked(packed: bytes, name: str) -> bytes:
    most = most_unpacked()
    data = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            while piece := stream.read(_AT_A_TIME):
                data.write(piece)
                if data.tell() > most:
                    break
            else:
                return data.getvalue()
        # A few kilobytes can expand without end: what is too much is known before it is all there.
        message = f"the gzip file ({_size(len(packed))}) unpacks to more than {_size(most)}"
        remedy = "unpack it first, if you trust it, or give a part of it"
    except EOFError:
        message, remedy = "the gzip file ends too early: it was cut off", "copy or download it again"
    except (OSError, zlib.error):
        message, remedy = "the gzip file is damaged", "copy or download it again"
    raise SourceUnreadable(message, where=name, remedy=remedy)


def _size(count: int) -> str:
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} bytes"


def _near(path: Path) -> str:
    near = nearest_file(path.name, path.parent)
    return f"did you mean {near!r}?" if near else "look at the path"
