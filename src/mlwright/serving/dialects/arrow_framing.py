"""What an Arrow IPC stream may hold, told from its framing before a library takes it in.

pyarrow holds every length to the bytes that are there. What it does not ask is how far a few bytes reach:
buffers that unpack to gigabytes, a name that a thousand columns share, a dictionary that every batch checks
again. That is said in the messages' headers, which are flatbuffers; only the few fields that are asked for
here are read. Source: the Arrow project's columnar format, Message.fbs and Schema.fbs, and the flatbuffers'
internals.
"""

from __future__ import annotations

import struct

_CONTINUATION = b"\xff\xff\xff\xff"
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_V5 = 4
_TIMESTAMP = 10
_MOST_MESSAGES = 10_000
MOST_COLUMNS = 10_000
_MOST_WORK_BYTES = 1 << 30
"""Bytes to be checked: of each batch its own and those of the dictionaries that it refers to."""
_MOST_SHARED = 4
"""How often the bytes of a schema may be told in its columns: some writers write equal texts once."""


def check(data: bytes) -> None:
    """Raises ValueError for a stream that would grow when it is read, or that is none."""
    at = dictionaries = work = 0
    for _ in range(_MOST_MESSAGES):
        if data[at : at + 4] == _CONTINUATION:
            at += 4
        if at == len(data):
            return
        (size,) = _read("<i", data, at)
        at += 4
        if size == 0:
            return
        if size < 0 or at + size > len(data):
            raise ValueError("a message reaches beyond the end")
        kind, body = _message(data[at : at + size])
        at += size + body
        if body < 0 or at > len(data):
            raise ValueError("a message reaches beyond the end")
        if kind == _DICTIONARY:
            dictionaries += body
        elif kind == _BATCH:
            work += body + dictionaries
        if work > _MOST_WORK_BYTES:
            raise ValueError("its dictionaries are too long for so many batches")
    raise ValueError(f"it has more than {_MOST_MESSAGES} messages")


def _message(data: bytes) -> tuple[int, int]:
    """The kind of a message, and the length of its body. Raises ValueError for what may not be."""
    (root,) = _read("<I", data, 0)
    version = _scalar("<h", data, root, 0)
    kind = _scalar("<B", data, root, 1)
    header = _field(data, root, 2)
    if not header:
        raise ValueError("a message has no header")
    header = _there(data, header)
    told = _texts(data, root, 4)
    if kind == _SCHEMA:
        told += _columns(data, header)
    elif kind == _DICTIONARY:
        inner = _field(data, header, 1)
        if not inner:
            raise ValueError("a dictionary has no batch")
        if _scalar("<B", data, header, 2):
            raise ValueError("a dictionary goes on from an earlier one")
        _batch(data, _there(data, inner))
    elif kind == _BATCH:
        _batch(data, header)
    else:
        raise ValueError("it holds what is neither schema, batch nor dictionary")
    if kind != _SCHEMA and version < _V5 and told:  # where Arrow 0.17 said that buffers are compressed
        raise ValueError("it is of an old version, with notes to its batches")
    if told > _MOST_SHARED * len(data):
        raise ValueError("its columns' names and notes are longer than what was sent")
    return kind, _scalar("<q", data, root, 3)


def _columns(data: bytes, schema: int) -> int:
    """The bytes of the names and notes of a schema's columns. Raises ValueError for columns within them."""
    fields, count = _vector(data, _field(data, schema, 1))
    if count > MOST_COLUMNS:
        raise ValueError(f"it has more than {MOST_COLUMNS} columns")
    told = _texts(data, schema, 2)
    for i in range(count):
        field = _there(data, fields + 4 * i)
        if _vector(data, _field(data, field, 5))[1]:
            raise ValueError("a column has columns within")
        told += _vector(data, _field(data, field, 0))[1] + _texts(data, field, 6)
        kind = _field(data, field, 3)
        if kind and _scalar("<B", data, field, 2) == _TIMESTAMP:
            told += _vector(data, _field(data, _there(data, kind), 1))[1]
    return told


def _texts(data: bytes, table: int, index: int) -> int:
    """The bytes of a vector of keys and values, of each its texts and eight more; at most a bit over those
    that are accepted."""
    pairs, count = _vector(data, _field(data, table, index))
    told = 0
    for i in range(count):
        pair = _there(data, pairs + 4 * i)
        told += 8 + sum(_vector(data, _field(data, pair, part))[1] for part in (0, 1))
        if told > _MOST_SHARED * len(data):
            break
    return told


def _batch(data: bytes, batch: int) -> None:
    """Raises ValueError for a batch that could grow."""
    if _field(data, batch, 3):
        raise ValueError("its buffers are compressed")
    buffers = _vector(data, _field(data, batch, 2))[1]
    counts, views = _vector(data, _field(data, batch, 4))
    for i in range(views):
        if not 0 <= _read("<q", data, counts + 8 * i)[0] <= buffers:
            raise ValueError("a column has more buffers than its batch")


def _vector(data: bytes, field: int) -> tuple[int, int]:
    """Where the items of a vector begin, and how many there are; none where the field is absent."""
    if not field:
        return 0, 0
    at = _there(data, field)
    (count,) = _read("<I", data, at)
    if count > len(data):
        raise ValueError("a list is longer than the stream")
    return at + 4, count


def _scalar(layout: str, data: bytes, table: int, index: int) -> int:
    """A number of a table; 0 where the field is absent."""
    at = _field(data, table, index)
    return _read(layout, data, at)[0] if at else 0


def _there(data: bytes, at: int) -> int:
    """The place that an offset refers to."""
    return at + _read("<I", data, at)[0]


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
