"""The footer of a Parquet file: how many rows it says it holds, and how many bytes they unpack to.

Used by `parquet` before anything is unpacked. It reads Thrift's compact protocol
(apache/thrift doc/specs/thrift-compact-protocol.md) as far as FileMetaData and RowGroup of parquet.thrift
need it, and knows no values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MARK: Final = b"PAR1"
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_DEEPEST: Final = 32
_ROWS, _ROW_GROUPS, _GROUP_BYTES = 3, 4, 2


@dataclass(frozen=True)
class Footer:
    """What the file says of itself."""

    rows: int
    unpacked_bytes: int
    """Of all row groups, encoded but not compressed."""


def footer_of(data: bytes) -> Footer:
    """The footer of a whole Parquet file; raises `ValueError` where it is cut off or no footer."""
    if len(data) < 12 or not data.endswith(_MARK):
        raise ValueError("its end is missing")
    length = int.from_bytes(data[-8:-4], "little")
    if length > len(data) - 12:
        raise ValueError("its footer is cut off")
    reader = _Compact(data[len(data) - 8 - length : len(data) - 8])
    rows = total = 0
    try:
        for field, kind in reader.fields():
            if field == _ROWS and kind == _I64:
                rows = reader.integer()
            elif field == _ROW_GROUPS and kind == _LIST:
                for _ in range(reader.list_of(_STRUCT)):
                    total += _group_bytes(reader)
            else:
                reader.skip(kind)
    except IndexError:
        raise ValueError("its footer is cut off") from None
    if rows < 0 or total < 0:
        raise ValueError("its footer counts below zero")
    return Footer(rows, total)


def _group_bytes(reader: _Compact) -> int:
    total = 0
    for field, kind in reader.fields():
        if field == _GROUP_BYTES and kind == _I64:
            total = reader.integer()
        else:
            reader.skip(kind)
    return total


class _Compact:
    """Thrift's compact protocol over bytes. Raises `IndexError` beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """The numbers and kinds of the fields of a struct, each to be read or skipped before the next."""
        last = 0
        while (head := self.byte()) != _STOP:
            last = last + (head >> 4) if head >> 4 else self.integer()
            yield last, head & 15

    def byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("its footer holds a number without end")

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def list_of(self, expected: int) -> int:
        """The length of the list that begins here; raises `ValueError` for other elements."""
        count, kind = self._list()
        if count and kind != expected:
            raise ValueError("its footer is not as the format has it")
        return count

    def skip(self, kind: int, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise ValueError("its footer is nested too deeply")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._at += 1
        elif kind in (_I16, _I32, _I64):
            self.varint()
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            length = self.varint()  # first: it moves the place itself
            self._at += length
        elif kind in (_LIST, _SET):
            count, element = self._list()
            self._skip_all(element, count, depth)
        elif kind == _MAP:
            if count := self.varint():
                kinds = self.byte()
                for _ in range(count):
                    self._skip_all(kinds >> 4, 1, depth)
                    self._skip_all(kinds & 15, 1, depth)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise ValueError("its footer is not as the format has it")

    def _skip_all(self, kind: int, count: int, depth: int) -> None:
        for _ in range(count):
            # In a collection a truth value takes a byte of its own.
            self.skip(_BYTE if kind in (_TRUE, _FALSE) else kind, depth + 1)
            if self._at > len(self._data):
                raise IndexError

    def _list(self) -> tuple[int, int]:
        head = self.byte()
        count = head >> 4
        return (self.varint() if count == 15 else count), head & 15
