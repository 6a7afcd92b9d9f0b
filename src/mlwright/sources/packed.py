"""Packed bytes to what they hold, within a limit: gzip, bzip2, xz, Zstandard, one file of a ZIP archive.

Used by `files`. What it is, the first bytes say, never the ending. It knows no format of tables.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Final, Protocol

from mlwright.base.errors import ExtraMissing, SourceUnreadable
from mlwright.base.finding import Finding
from mlwright.base.machine import memory_limit
from mlwright.sources import archives

PACKING: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings that say how a file is packed, not what it holds."""
_MOST_UNPACKED: Final = 8 << 30
_SHARE_OF_MEMORY: Final = 0.5
_AT_A_TIME: Final = 1 << 20
_MOST_LAYERS: Final = 3
_DAMAGED: Final = (OSError, lzma.LZMAError, *archives.DAMAGED)
_XZ_MEMORY: Final = 256 << 20


@dataclass(frozen=True)
class Inner:
    """What was inside: `name` is the last name that was seen on the way."""

    data: bytes
    name: str
    member: str | None = None
    findings: tuple[Finding, ...] = ()


class _Decompressor(Protocol):
    """What the decompressors of bz2, lzma and zstd share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = ...) -> bytes: ...


def unpacked(data: bytes, name: str, member: str | None = None) -> Inner:
    """`data` without its packings, at most three of them; `member` names the file to take of an archive.

    Raises `SourceUnreadable` where it is damaged, cut off, or would expand beyond `most_unpacked()` bytes.

    >>> unpacked(gzip.compress(b"a,b"), "x.csv.gz").data
    b'a,b'
    """
    inner = Inner(data, name, member)
    most = most_unpacked()
    for _ in range(_MOST_LAYERS):
        kind = next((k for magic, k in _KINDS if inner.data.startswith(magic)), None)
        if kind is not None:
            what, pieces = kind
            data = _collected(pieces(inner.data), what, name, len(inner.data), most)
            inner = replace(inner, data=data, name=_without_packing(inner.name))
        elif archives.is_archive(inner.data):
            taken = archives.member_of(inner.data, name, inner.member)
            data = _collected(taken.pieces, "ZIP file", name, len(inner.data), most)
            inner = Inner(data, taken.name, None, (*inner.findings, *taken.findings))
        else:
            break
    return inner


def suffix_of(name: str) -> str:
    """The ending that tells the format, in lower case, without those that only say how it is packed.

    >>> suffix_of("sales.CSV.gz"), suffix_of("README")
    ('.csv', '')
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    suffix = ""
    for _ in range(_MOST_LAYERS):
        stem, dot, end = base.rpartition(".")
        if not dot or not stem:
            return ""
        suffix = f".{end.lower()}"
        if suffix not in PACKING:
            return suffix
        base = stem
    return ""


def most_unpacked() -> int:
    """Bytes that a table may expand to: half of the memory that this process may use, at most 8 GiB."""
    memory = memory_limit()
    return _MOST_UNPACKED if memory is None else min(_MOST_UNPACKED, int(memory * _SHARE_OF_MEMORY))


def size(count: int) -> str:
    """A number of bytes for a message.

    >>> size(3 << 20)
    '3.0 MiB'
    """
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} bytes"


def _collected(pieces: Iterator[bytes], what: str, name: str, packed: int, most: int) -> bytes:
    data = io.BytesIO()
    try:
        for piece in pieces:
            data.write(piece)
            # A few kilobytes can expand without end: what is too much is known before it is all there.
            if data.tell() > most:
                break
        else:
            return data.getvalue()
        message = f"the {what} ({size(packed)}) unpacks to more than {size(most)}"
        remedy = "unpack it first, if you trust it, or give a part of it"
    except EOFError:
        message, remedy = f"the {what} ends too early: it was cut off", "copy or download it again"
    except MemoryError:
        message, remedy = f"the {what} does not fit into memory", "give a part of it"
    except Exception as e:  # the error of an optional library has no name to catch it by
        if not isinstance(e, _DAMAGED) and type(e).__name__ != "ZstdError":
            raise
        message, remedy = f"the {what} is damaged", "copy or download it again"
    raise SourceUnreadable(message, where=name, remedy=remedy)


def _gzip(data: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        while piece := stream.read(_AT_A_TIME):
            yield piece


def _bzip2(data: bytes) -> Iterator[bytes]:
    return _frames(data, bz2.BZ2Decompressor)


def _xz(data: bytes) -> Iterator[bytes]:
    return _frames(data, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _zstandard(data: bytes) -> Iterator[bytes]:
    return _frames(data, zstd().ZstdDecompressor)


def _frames(data: bytes, new: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """What the streams in `data`, one after the other, hold; `EOFError` where the last one is cut off."""
    while data.strip(b"\0"):
        stream = new()
        piece = stream.decompress(data, _AT_A_TIME)
        while True:
            if piece:
                yield piece
            if stream.eof:
                break
            if stream.needs_input and not piece:
                raise EOFError
            piece = stream.decompress(b"", _AT_A_TIME)
        data = stream.unused_data


def zstd() -> ModuleType:
    """Python's own module, from 3.14 on, or its backport."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise ExtraMissing("reading a .zst file", "train", "backports.zstd") from None
    return zstd


def _without_packing(name: str) -> str:
    stem, _, end = name.rpartition(".")
    return stem if stem and f".{end.lower()}" in PACKING else name


_Kind = tuple[str, Callable[[bytes], Iterator[bytes]]]
_KINDS: Final[tuple[tuple[bytes, _Kind], ...]] = (
    (b"\x1f\x8b", ("gzip file", _gzip)),
    (b"BZh", ("bzip2 file", _bzip2)),
    (b"\xfd7zXZ\x00", ("xz file", _xz)),
    (b"\x28\xb5\x2f\xfd", ("Zstandard file", _zstandard)),
)
