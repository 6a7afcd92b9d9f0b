"""Whether a located source is too large for memory, and then the stream that reads it.

Used by `reading` and `splitting`. What cannot stream (workbooks, archives, one JSON array) is read whole,
whatever its size.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import polars as pl

from mlwright.base.errors import SourceUnreadable
from mlwright.base.finding import counted
from mlwright.sources.blocks import stream_delimited, stream_json_lines
from mlwright.sources.columnar import stream_arrow, stream_parquet
from mlwright.sources.formats import format_of
from mlwright.sources.locating import Located, Part
from mlwright.sources.options import ReadOptions
from mlwright.sources.packed import suffix_of
from mlwright.sources.stream import Stream

_HEAD: Final = 1 << 16
_LINES: Final = re.compile(rb"\s*\{[^\n]*\}[ \t\r]*\n\s*\{")
"""Two objects, each on a line of its own."""
_WHOLE: Final = (b"PK\x03\x04", b"\xff\xff\xff\xff", b"\xd0\xcf\x11\xe0")
"""Archives, workbooks and Arrow's own streams, which are read whole."""
_MOST_GROWN: Final = 64
"""Packed bytes seldom become more than so many times as many values in memory."""


def stream_if_large(place: Located, options: ReadOptions) -> Stream | None:
    """The stream of a source whose values would take more memory than `options` allow; else None."""
    sizes = [p.path.stat().st_size for p in place.parts if p.path.is_file()]
    if sum(sizes) * _MOST_GROWN <= options.memory_bytes:
        return None
    stream = stream_of(place, options)
    return stream if stream is not None and stream.size_bytes > options.memory_bytes else None


def stream_of(place: Located, options: ReadOptions) -> Stream | None:
    """The stream of a source, whatever its size; None where its format cannot be read in parts."""
    streams = []
    for part in place.parts:
        stream = None if part.member is not None else _of_part(part, options)
        if stream is None:
            return None
        streams.append(_with_keys(stream, part))
    return streams[0] if place.whole else one_after_another(place.name, streams)


def _of_part(part: Part, options: ReadOptions) -> Stream | None:
    """By its first bytes where they say it, else by its ending, as `formats` has it."""
    if not part.path.is_file():
        return None
    with part.path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return stream_parquet(part.path, part.name, options)
    if head.startswith(b"ARROW1"):
        return stream_arrow(part.path, part.name, options)
    what = format_of(f"x{part.suffix}" if part.suffix else part.name)
    if head.startswith(_WHOLE) or what not in ("text", "JSON"):
        return None
    if what == "text":
        return stream_delimited(part.path, part.name, options, part.suffix)
    one_a_line = suffix_of(part.name) in (".jsonl", ".ndjson") or _LINES.match(head)
    return stream_json_lines(part.path, part.name, options) if one_a_line else None


def _with_keys(stream: Stream, part: Part) -> Stream:
    """The columns that the folders give, where the file has none of that name."""
    names = stream.first.frame.columns
    keys = [pl.lit(v, dtype=pl.String).alias(n) for n, v in part.keys if n not in names]
    if not keys:
        return stream
    return replace(
        stream,
        first=replace(stream.first, frame=stream.first.frame.with_columns(keys)),
        chunks=lambda: (chunk.with_columns(keys) for chunk in stream.chunks()),
    )


def one_after_another(name: str, streams: list[Stream]) -> Stream:
    """The parts of a source as one stream, in the order of the first part's columns."""
    first = streams[0].first
    names = first.frame.columns
    for stream in streams[1:]:
        if set(stream.first.frame.columns) != set(names):
            other = sorted(set(names) ^ set(stream.first.frame.columns))[0]
            raise SourceUnreadable(
                f"column {other!r} is not in both {first.source} and {stream.first.source}",
                where=name,
                remedy="give parts of one table, with equal columns",
            )

    def chunks() -> Iterator[pl.DataFrame]:
        for stream in streams:
            yield from (chunk.select(names) for chunk in stream.chunks())

    def sha256() -> str:
        return hashlib.sha256("\n".join(s.sha256() for s in streams).encode()).hexdigest()

    said = counted(len(streams), "part")
    whole = replace(first, source=f"{name} ({said})", notes=(said,), index=None)
    return Stream(whole, chunks, sum(s.size_bytes for s in streams), sha256)
