"""Large text files as streams: delimited text and JSON lines, packed or not, in blocks cut at the ends of
records.

Used by `streaming`. How a file is written is found on its first block by `delimited`; its encoding is that of
the whole file. It decides nothing about columns.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.base.finding import Finding
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources.columnar import decoded_bytes, digest_of
from mlwright.sources.delimited import beginning_of, parse, read_delimited
from mlwright.sources.dialect import Dialect
from mlwright.sources.encoding import MARKS, wide_of
from mlwright.sources.files import File
from mlwright.sources.jsonfile import read_json_lines
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import suffix_of, zstd
from mlwright.sources.stream import Stream, unchanged
from mlwright.sources.structure import structure_of

BLOCK: Final = 16 << 20
_LONGEST_RECORD: Final = 1 << 30
_FIRST: Final = 4_096
_UNQUOTED: Final = Dialect(",", "")


def stream_delimited(path: Path, name: str, options: ReadOptions, suffix: str = "") -> Stream:
    """A delimited file as a stream. Raises `SourceUnreadable` naming file and line."""
    look = unchanged(path, name)
    text = _surveyed(path, name, options)
    file = File(name, next(_lines(text)), "", suffix or suffix_of(name))
    options = replace(options, encoding="utf-8")
    beginning = beginning_of(file, options)
    dialect = beginning.dialect
    first_block = next(records(text, dialect))[0]
    first = read_delimited(replace(file, data=first_block), options)
    first = replace(first, findings=(*text.findings, *first.findings))
    names = first.frame.columns
    # The first record stands before every later block, so that a record of another width is told by its line.
    start = beginning_of(replace(file, data=first_block), options).data
    reference = start[: _first_record(start, dialect.quote)]

    def chunks() -> Iterator[pl.DataFrame]:
        look()
        for number, (block, before) in enumerate(records(text, dialect)):
            look()
            if number == 0:
                frame = first.frame
            else:
                skipped = before - reference.count(b"\n")
                frame = parse(reference + block, dialect, name, skipped)[0][1:]
                frame.columns = names
            yield frame

    row_bytes = decoded_bytes(first.frame) / len(first_block)
    return Stream(first, chunks, int(text.size * row_bytes), lambda: digest_of(path))


def stream_json_lines(path: Path, name: str, options: ReadOptions) -> Stream:
    """A file of one JSON object a line as a stream. Raises `SourceUnreadable` naming file and line."""
    look = unchanged(path, name)
    text = _surveyed(path, name, options)
    options = replace(options, encoding="utf-8")

    def frames() -> Iterator[pl.DataFrame]:
        look()
        for block, before in records(text, _UNQUOTED):
            look()
            if block.strip():
                yield read_json_lines(block, name, options, before).frame

    first_block = next(records(text, _UNQUOTED))[0]
    first = read_json_lines(first_block, name, options)
    names = list(dict.fromkeys(n for frame in frames() for n in frame.columns))

    def chunks() -> Iterator[pl.DataFrame]:
        for frame in frames():
            absent = [pl.lit(None).alias(n) for n in names if n not in frame.columns]
            yield frame.with_columns(absent).select(names)

    absent = [pl.lit(None).alias(n) for n in names if n not in first.frame.columns]
    row_bytes = decoded_bytes(first.frame) / len(first_block)
    first = replace(
        first,
        frame=first.frame.with_columns(absent).select(names),
        findings=(*text.findings, *first.findings),
    )
    return Stream(first, chunks, int(text.size * row_bytes), lambda: digest_of(path))


@dataclass(frozen=True)
class Text:
    """A text file as a whole: what it is written in."""

    path: Path
    name: str
    encoding: str
    mark: int
    """Bytes of the byte-order mark."""
    size: int
    """Bytes, unpacked."""
    findings: tuple[Finding, ...] = ()


def records(text: Text, dialect: Dialect) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole records in UTF-8, and how many lines stood before each.

    Raises `SourceUnreadable` for a record of more than a gigabyte.
    """
    rest, before = b"", 0
    for block in _lines(text):
        data = rest + block
        end = last_end(data, dialect)
        if end:
            yield data[:end], before
            before += data.count(b"\n", 0, end)
        rest = data[end:]
        if len(rest) > _LONGEST_RECORD:
            raise SourceUnreadable(
                "a record of more than a gigabyte (a quote that never closes?)",
                where=f"{text.name}, line {before + 1}",
                remedy="mend the quote, or say quote=''",
            )
    if rest.strip():
        yield rest, before


def last_end(data: bytes, dialect: Dialect) -> int:
    """Where the last whole record of `data` ends: at a line end outside of quotes; 0 where there is none.

    >>> last_end(b'a,b\\n1,"x', Dialect(",", '"')), last_end(b'a\\n"b\\nc"\\n', Dialect(",", '"'))
    (4, 8)
    """
    end = data.rfind(b"\n")
    mark = dialect.quote.encode()
    if end < 0 or not mark or mark not in data:
        return end + 1
    odd = data.count(mark, 0, end + 1) % 2
    while odd and end >= 0:
        before = data.rfind(b"\n", 0, end)
        odd = (odd + data.count(mark, before + 1, end + 1)) % 2
        end = before
    if end >= 0 and _regular(data[: end + 1], dialect):
        return end + 1
    # Quotes also stand within fields that none opened: only the parser knows what they mean there.
    return _end_by_csv(data, dialect)


def _regular(data: bytes, dialect: Dialect) -> bool:
    one = len(dialect.separator) == 1 and dialect.separator.isascii()
    return not one or structure_of(data, dialect.separator, dialect.quote).regular_quotes


def _end_by_csv(data: bytes, dialect: Dialect) -> int:
    csv.field_size_limit(2**31 - 1)
    lines = data.decode().split("\n")
    last = lines.pop()  # what follows the last line end
    separator = dialect.separator if len(dialect.separator) == 1 else "\x1f"
    reader = csv.reader(
        (line + "\n" for line in [*lines, last]),
        delimiter=separator,
        quotechar=dialect.quote,
        skipinitialspace=True,
    )
    ends = [0]
    for _ in reader:
        ends.append(reader.line_num)
    whole = max(n for n in ends if n <= len(lines))
    if ends[-1] > len(lines) and len(ends) > 1:
        whole = min(whole, ends[-2])  # the last record runs on into what is not read yet
    return sum(len(line.encode()) + 1 for line in lines[:whole])


def _first_record(data: bytes, quote: str) -> int:
    at = data.find(b"\n")
    mark = quote.encode()
    while at >= 0 and mark and data.count(mark, 0, at + 1) % 2:
        at = data.find(b"\n", at + 1)
    return at + 1 if at >= 0 else len(data)


def _lines(text: Text) -> Iterator[bytes]:
    """The text in UTF-8 with plain line ends, in blocks cut anywhere but within a character."""
    decoder = None if text.encoding == "utf-8" else codecs.getincrementaldecoder(text.encoding)()
    rest, line = b"", 1
    with _opened(text.path, text.name) as file:
        file.read(text.mark)
        while block := file.read(BLOCK):
            if decoder is not None:
                try:
                    block = decoder.decode(block).encode()
                except UnicodeDecodeError:
                    raise SourceUnreadable(
                        f"the text is not {text.encoding}",
                        where=f"{text.name}, near line {line}",
                        remedy="leave encoding= out, or name another",
                    ) from None
            data = rest + block
            rest = data[-1:] if data.endswith(b"\r") else b""
            data = data[: len(data) - len(rest)]
            if b"\r" in data:
                data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if b"\0" in data:
                at = line + data.count(b"\n", 0, data.find(b"\0"))
                raise SourceUnreadable(
                    "the text holds a NUL byte",
                    where=f"{text.name}, line {at}",
                    remedy="the file is damaged: write it again",
                )
            line += data.count(b"\n")
            yield data
    if rest:
        yield b"\n"


def _surveyed(path: Path, name: str, options: ReadOptions) -> Text:
    """Reads the file once: its size and what it is written in, decided as `encoding.utf8_of` does."""
    size, line, wrong, western = 0, 1, 0, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = b""
    with _opened(path, name) as file:
        while block := file.read(BLOCK):
            first = first or block[:_FIRST]
            size += len(block)
            western = western and not block.translate(None, _DEFINED)
            if not wrong:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as e:
                    wrong = line + block.count(b"\n", 0, max(0, e.start))
            line += block.count(b"\n")
    for mark, encoding in MARKS:
        if first.startswith(mark):
            return Text(path, name, options.encoding or encoding, len(mark), size)
    if options.encoding is not None:
        return Text(path, name, _known(options.encoding, name), 0, size)
    wide = wide_of(first)
    if wide:
        note = finding(codes.ENCODING, f"it is read as {wide}, by its zero bytes")
        return Text(path, name, wide, 0, size, (note,))
    if not wrong:
        return Text(path, name, "utf-8", 0, size)
    encoding = "cp1252" if western else "latin-1"
    note = finding(
        codes.ENCODING,
        f"line {wrong} is not UTF-8; the file is read as {encoding}",
        remedy="say encoding= if letters look wrong",
    )
    return Text(path, name, encoding, 0, size, (note,))


_DEFINED: Final = bytes(b for b in range(256) if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Bytes that stand for something in Windows-1252."""


def _known(encoding: str, name: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise SourceUnreadable(
            f"no encoding is called {encoding!r}", where=name, remedy="try 'utf-8', 'latin-1' or 'cp1252'"
        ) from None


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked as they are read. Raises `SourceUnreadable` where they are damaged."""
    with path.open("rb") as packed:
        head = packed.read(6)
        packed.seek(0)
        try:
            with _unpacking(packed, head) as file:
                yield file
        except EOFError:
            raise SourceUnreadable(
                "the packed file ends too early: it was cut off",
                where=name,
                remedy="copy or download it again",
            ) from None
        except (OSError, lzma.LZMAError, zlib.error) as e:
            reason = (str(e).splitlines() or [""])[0][:120]
            raise SourceUnreadable(
                f"the file cannot be read ({reason})", where=name, remedy="copy or download it again"
            ) from None


def _unpacking(packed: IO[bytes], head: bytes) -> AbstractContextManager[IO[bytes]]:
    openers: dict[bytes, Callable[[Any], Any]] = {  # Any: each packing has a class of its own
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ": lzma.open,
        b"\x28\xb5\x2f\xfd": lambda file: zstd().open(file),
    }
    opener = next((o for magic, o in openers.items() if head.startswith(magic)), None)
    return closing(packed if opener is None else opener(packed))
