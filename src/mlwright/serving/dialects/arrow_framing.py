"""The framing of an Arrow IPC stream: how many rows its batches claim, and whether they are compressed.

A stream of a hundred bytes can claim a billion rows, or hold buffers that unpack to gigabytes. Both are said
in the batches' headers, which are flatbuffers; only the few fields that are asked for here are read.
Source: the Arrow project's columnar format, Message.fbs, and the flatbuffers' internals.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_CONTINUATION = b"\xff\xff\xff\xff"
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_MOST_MESSAGES = 10_000


class Framed(NamedTuple):
    """What the header of a record batch or a dictionary says; of a schema, its columns."""

    rows: int
    """Values, of a dictionary."""
    compressed: bool
    columns: int = 0
    """How many columns it holds, each of so many rows as it says."""
    is_dictionary: bool = False


def batches(data: bytes) -> list[Framed]:
    """The batches and dictionaries of a stream, as their headers say.

    Raises ValueError for other framing, for columns within columns, and where a column claims another number
    of rows than its batch: such lengths go through C before anybody looks at them.
    """
    found: list[Framed] = []
    columns = -1
    at = 0
    for _ in range(_MOST_MESSAGES):
        if data[at : at + 4] == _CONTINUATION:
            at += 4
        if at == len(data):
            return found
        (size,) = _read("<i", data, at)
        at += 4
        if size == 0:
            return found
        if size < 0 or at + size > len(data):
            raise ValueError("a message reaches beyond the end")
        kind, header, body = _message(data[at : at + size])
        if kind == _SCHEMA:
            columns = header.columns
        if kind in (_DICTIONARY, _BATCH):
            if header.columns != (1 if kind == _DICTIONARY else columns):
                raise ValueError("a batch has other columns than the schema")
            found.append(header)
        at += size + body
        if body < 0 or at > len(data):
            raise ValueError("a message reaches beyond the end")
    raise ValueError(f"it has more than {_MOST_MESSAGES} messages")


def _message(data: bytes) -> tuple[int, Framed, int]:
    """The kind of a message, its header (nothing for a schema's), and the length of its body."""
    (root,) = _read("<I", data, 0)
    kind = _field(data, root, 1)
    header = _field(data, root, 2)
    length = _field(data, root, 3)
    body = _read("<q", data, length)[0] if length else 0
    of_kind = data[kind] if kind and kind < len(data) else 0
    if not header:
        raise ValueError("a message has no header")
    if of_kind == _SCHEMA:
        return of_kind, Framed(0, False, _flat_columns(data, header + _read("<I", data, header)[0])), body
    if of_kind not in (_DICTIONARY, _BATCH):
        raise ValueError("it holds what is neither schema, batch nor dictionary")
    batch = header + _read("<I", data, header)[0]
    if of_kind == _DICTIONARY:
        inner = _field(data, batch, 1)
        if not inner:
            raise ValueError("a dictionary has no batch")
        batch = inner + _read("<I", data, inner)[0]
    rows = _field(data, batch, 0)
    claimed = _read("<q", data, rows)[0] if rows else 0
    if claimed < 0:
        raise ValueError("a batch claims fewer than no rows")
    columns = _equal_lengths(data, batch, claimed)
    return of_kind, Framed(claimed, bool(_field(data, batch, 3)), columns, of_kind == _DICTIONARY), body


def _flat_columns(data: bytes, schema: int) -> int:
    """How many fields a schema has, none of which has fields within."""
    start, count = _vector(data, _field(data, schema, 1))
    for i in range(count):
        at = start + 4 * i
        if _vector(data, _field(data, at + _read("<I", data, at)[0], 5))[1]:
            raise ValueError("a column has columns within")
    return count


def _equal_lengths(data: bytes, batch: int, rows: int) -> int:
    """How many columns a batch has, each of `rows` rows."""
    start, count = _vector(data, _field(data, batch, 1))
    for i in range(count):
        if _read("<q", data, start + 16 * i)[0] != rows:
            raise ValueError("a column has another number of rows than its batch")
    return count


def _vector(data: bytes, field: int) -> tuple[int, int]:
    """Where the items of a vector begin, and how many there are; none where the field is absent."""
    if not field:
        return 0, 0
    at = field + _read("<I", data, field)[0]
    (count,) = _read("<I", data, at)
    if count > len(data):
        raise ValueError("a list is longer than the stream")
    return at + 4, count


def _field(data: bytes, table: int, index: int) -> int:
    """The offset of a table's field; 0 where it is absent."""
    vtable = table - _read("<i", data, table)[0]
    (size,) = _read("<H", data, vtable)
    slot = 4 + 2 * index
    if slot + 2 > size:
        return 0
    (offset,) = _read("<H", data, vtable + slot)
    return table + offset if offset else 0


def _read(layout: str, data: bytes, at: int) -> tuple[int, ...]:
    if at < 0:
        raise ValueError("an offset is before the beginning")
    try:
        return struct.unpack_from(layout, data, at)
    except struct.error as error:
        raise ValueError("it is cut off") from error
