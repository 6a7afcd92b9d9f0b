"""Protobuf messages of ONNX read from untrusted bytes, field by field, against a closed grammar.

Called by `scan` and `named`. Stricter than protobuf: fields ascend, singular fields come once, numbers are
minimal, and a field that the grammar lacks is refused. Nothing is copied, and packed numbers are checked
as arrays. It knows how messages are nested but not what a graph means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ModelRefused, shown

VARINT, BLOCK, FIXED32 = 0, 2, 5

Field = tuple[int, int, int]
"""Field number, then the value and 0 of a varint, or the first and the last offset of anything else."""


@dataclass(frozen=True)
class Message:
    """What one kind of message may hold: by field number its wire type and whether it may repeat."""

    name: str
    fields: Mapping[int, tuple[int, bool]]
    forbidden: Mapping[int, str]
    """Fields of onnx.proto that a model file must not use, in words."""


_ONE_NUMBER, _ONE, _MANY, _ONE_FLOAT = (VARINT, False), (BLOCK, False), (BLOCK, True), (FIXED32, False)

MODEL = Message(
    "the model",
    {1: _ONE_NUMBER, 2: _ONE, 7: _ONE, 8: _MANY},
    {14: "metadata", 20: "training information", 25: "functions", 26: "device configurations"},
)
OPSET = Message("an operator set", {1: _ONE, 2: _ONE_NUMBER}, {})
GRAPH = Message(
    "the graph",
    {1: _MANY, 2: _ONE, 5: _MANY, 11: _MANY, 12: _MANY},
    {13: "value descriptions", 14: "quantisation notes", 15: "sparse initialisers", 16: "metadata"},
)
NODE = Message(
    "a node",
    {1: _MANY, 2: _MANY, 4: _ONE, 5: _MANY, 7: _ONE},
    {8: "an overload of a function", 9: "metadata", 10: "device configurations"},
)
ATTRIBUTE = Message(
    "an attribute",
    {1: _ONE, 2: _ONE_FLOAT, 3: _ONE_NUMBER, 4: _ONE, 5: _ONE, 7: _ONE, 8: _ONE, 9: _MANY, 20: _ONE_NUMBER},
    {
        6: "a subgraph",
        10: "a list of tensors",
        11: "subgraphs",
        14: "a type",
        15: "types",
        21: "a reference to a function's attribute",
        22: "a sparse tensor",
        23: "sparse tensors",
    },
)
TENSOR = Message(
    "a tensor",
    {1: _ONE, 2: _ONE_NUMBER, 6: _MANY, 8: _ONE, 9: _ONE},
    {
        3: "a segment",
        4: "numbers that are not raw bytes",
        5: "numbers that are not raw bytes",
        7: "numbers that are not raw bytes",
        10: "numbers that are not raw bytes",
        11: "numbers that are not raw bytes",
        13: "external data",
        14: "a data location",
        16: "metadata",
    },
)
VALUE_INFO = Message("an input or output", {1: _ONE, 2: _ONE}, {4: "metadata"})
TYPE = Message(
    "a type",
    {1: _ONE},
    {4: "a sequence", 5: "a map", 6: "a denotation", 8: "a sparse tensor", 9: "an optional value"},
)
TENSOR_TYPE = Message("a tensor type", {1: _ONE_NUMBER, 2: _ONE}, {})
SHAPE = Message("a shape", {1: _MANY}, {})
DIMENSION = Message("a dimension", {1: _ONE_NUMBER, 2: _ONE}, {3: "a denotation"})
# The deepest chain is model, graph, input, type, tensor type, shape, dimension: seven, and nothing recurses.

_SHORT = 64
"""Bytes of a packed list up to which reading one by one is quicker than numpy."""

_REMEDY = "make the model again with mlwright; a graph from elsewhere is not run"


def refuse(problem: str) -> NoReturn:
    """Raises `ModelRefused` for a graph."""
    raise ModelRefused(problem, where="the graph", remedy=_REMEDY)


def fields(data: bytes, at: int, end: int, message: Message) -> Iterator[Field]:
    """The fields of the message in `data[at:end]`, in order.

    Raises `ModelRefused` for whatever the grammar of `message` does not allow, when it is reached.
    """
    last = 0
    allowed = message.fields
    while at < end:
        key, at = _varint(data, at, end)
        number = key >> 3
        rule = allowed.get(number)
        if rule is None:
            refuse(f"{message.name} holds {message.forbidden.get(number, f'the unknown field {number}')}")
        wire, many = rule
        if key & 7 != wire:
            refuse(f"field {number} of {message.name} has the wire type {key & 7} instead of {wire}")
        if number <= last and not (many and number == last):
            refuse(f"field {number} of {message.name} is {'repeated' if number == last else 'out of order'}")
        last = number
        value, at = (0, at) if wire == FIXED32 else _varint(data, at, end)
        if wire == VARINT:
            yield number, value, 0
            continue
        stop = at + (4 if wire == FIXED32 else value)
        if stop > end:
            refuse(f"field {number} of {message.name} reaches beyond the end")
        yield number, at, stop
        at = stop


def text_of(data: bytes, at: int, end: int) -> str:
    """The UTF-8 text in `data[at:end]`."""
    try:
        return data[at:end].decode()
    except UnicodeDecodeError:
        refuse(f"a name is not UTF-8: {shown(data[at:end])}")


def packed_array(data: bytes, at: int, end: int) -> npt.NDArray[np.int64]:
    """The varints packed in `data[at:end]`, each of them minimal, as signed numbers; at numpy's speed."""
    if at == end:
        refuse("a packed list is written though it is empty")
    if end - at <= _SHORT:
        return np.array(list(_varints(data, at, end)), dtype=np.uint64).view(np.int64)
    octets = np.frombuffer(data, np.uint8, end - at, at)
    last = np.flatnonzero(octets < 0x80)
    if not len(last) or last[-1] != len(octets) - 1:
        refuse("a packed list ends within a number")
    lengths = np.diff(last, prepend=-1)
    final = octets[last]
    if (lengths > 10).any() or ((lengths > 1) & (final == 0)).any() or ((lengths == 10) & (final > 1)).any():
        refuse("a packed number is not written in the shortest way")
    first = last - lengths + 1
    values = np.zeros(len(last), dtype=np.uint64)
    for i in range(int(lengths.max())):
        some = np.flatnonzero(lengths > i)
        values[some] |= (octets[first[some] + i] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * i)
    return values.view(np.int64)


def _varints(data: bytes, at: int, end: int) -> Iterator[int]:
    """The varints packed in `data[at:end]`, one by one."""
    while at < end:
        value, at = _varint(data, at, end)
        yield value


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The varint at `at` and the offset behind it."""
    value = shift = 0
    while at < end:
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            if (octet == 0 and shift) or value >> 64:
                refuse("a number is not written in the shortest way")
            return value, at
        shift += 7
        if shift > 63:
            break
    refuse("a number is cut off" if at >= end else "a number is too long")
