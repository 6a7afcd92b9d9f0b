"""The text of a file as UTF-8 with plain line ends, whatever it was written in.

Used by the readers of text formats. It knows no format of tables.
"""

from __future__ import annotations

import codecs
from typing import Final

from mlwright.base.errors import SourceUnreadable
from mlwright.base.finding import Finding
from mlwright.data import codes
from mlwright.data.codes import finding

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE: Final = 4096
_CONTROLS: Final = bytes(c for c in range(32) if c not in b"\t\n\r\f\v\x1a\x1b\x1c\x1d\x1e\x1f")


def utf8_of(data: bytes, name: str, encoding: str | None = None) -> tuple[bytes, tuple[Finding, ...]]:
    """The file's text in UTF-8 without a byte-order mark, every line ending in `\\n`.

    UTF-8 and UTF-16 are recognised; anything else is read as Windows-1252, and said. Raises
    `SourceUnreadable` for binary data, NUL bytes, or an `encoding` that does not fit.

    >>> utf8_of(b"a,b\\r\\n1,2\\r\\n", "x.csv")[0]
    b'a,b\\n1,2\\n'
    """
    found: tuple[Finding, ...] = ()
    if encoding is not None:
        data = _named(data, name, encoding)
    else:
        data, found = _recognised(data, name)
    data = data.removeprefix(codecs.BOM_UTF8)
    _refuse_binary(data, name)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.removesuffix(b"\x1a"), found


def _named(data: bytes, name: str, encoding: str) -> bytes:
    try:
        return data.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError:
        raise SourceUnreadable(
            f"no encoding is called {encoding!r}", where=name, remedy="try 'utf-8', 'latin-1' or 'cp1252'"
        ) from None
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise SourceUnreadable(
            f"the text is not {encoding}",
            where=f"{name}, line {line}",
            remedy="leave encoding= out, or name another",
        ) from None


def _recognised(data: bytes, name: str) -> tuple[bytes, tuple[Finding, ...]]:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _named(data[len(mark) :], name, encoding), ()
    wide = wide_of(data)
    if wide:
        return _named(data, name, wide), (
            finding(codes.ENCODING, f"it is read as {wide}, by its zero bytes"),
        )
    if data.isascii():
        return data, ()
    try:
        data.decode()
    except UnicodeDecodeError as e:
        _refuse_binary(data, name)
        line = data.count(b"\n", 0, e.start) + 1
        encoding = "cp1252"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            encoding = "latin-1"
            text = data.decode(encoding)
        note = finding(
            codes.ENCODING,
            f"line {line} is not UTF-8; the file is read as {encoding}",
            remedy="say encoding= if letters look wrong",
        )
        return text.encode(), (note,)
    return data, ()


def wide_of(data: bytes) -> str | None:
    """UTF-16 without a mark: in mostly Western text every other byte is zero."""
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    if half < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.05 * half else None


def _refuse_binary(data: bytes, name: str) -> None:
    sample = data[:_SAMPLE]
    strange = len(sample) - len(sample.translate(None, _CONTROLS))
    if strange > 0.02 * len(sample) + 1:
        raise SourceUnreadable(
            "this is binary data, not text", where=name, remedy="give a CSV or Parquet file"
        )
    at = data.find(b"\0")
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise SourceUnreadable(
            "the text holds a NUL byte",
            where=f"{name}, line {line}",
            remedy="the file is damaged: write it again",
        )
