"""The few protobuf messages of ONNX that a model needs, written as bytes.

Field numbers are those of onnx.proto (IR version 10). Called by `build` alone. Fields are written in
ascending order, repeated numbers packed, so that equal graphs are equal bytes.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

IR_VERSION = 10
AI_ONNX = 21
AI_ONNX_ML = 5
CONTRIB = "com.microsoft"

Array = npt.NDArray[np.generic]
Attribute = int | float | str | Array | Sequence[int] | Sequence[float] | Sequence[str]

# TensorProto.DataType
DTYPES: dict[str, int] = {
    "float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "string": 8, "bool": 9, "float64": 11,
}  # fmt: skip


def varint(value: int) -> bytes:
    """`value` as a base-128 varint; negative numbers as their 64-bit two's complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def whole(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def block(field: int, data: bytes) -> bytes:
    """A length-delimited field: bytes, text or a message."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def text(field: int, value: str) -> bytes:
    """A text field in UTF-8."""
    return block(field, value.encode())


def packed(field: int, values: Iterable[int] | npt.NDArray[np.int64]) -> bytes:
    """Repeated varints in packed form; nothing for none."""
    listed = values if isinstance(values, np.ndarray) else list(values)
    data = _varints(np.asarray(listed, dtype=np.int64)) if len(listed) else b""
    return block(field, data) if data else b""


def _varints(values: npt.NDArray[np.int64]) -> bytes:
    """As `varint` of each, all at once: trees have hundreds of thousands."""
    if values.min() < 0:
        return b"".join(map(varint, values.tolist()))
    width = max(1, -(-int(values.max()).bit_length() // 7))
    digits = np.empty((len(values), width), dtype=np.uint8)
    used = np.ones((len(values), width), dtype=np.bool_)
    for i in range(width):
        rest = values >> (7 * i)
        digits[:, i] = (rest & 0x7F) | np.where(rest > 0x7F, 0x80, 0)
        used[:, i] = (rest > 0) | (i == 0)
    return bytes(digits[used].tobytes())


def dtype_name(array: Array) -> str:
    """ONNX's name for the array's element type; numpy strings and objects are `string`."""
    return "string" if array.dtype.kind in "OUT" else str(array.dtype)


def tensor(array: Array, name: str = "") -> bytes:
    """A TensorProto with the array's values, raw little-endian except for strings."""
    kind = dtype_name(array)
    out = packed(1, array.shape) + whole(2, DTYPES[kind])
    if kind == "string":
        out += b"".join(text(6, str(s)) for s in array.ravel())
    if name:
        out += text(8, name)
    if kind != "string":
        out += block(9, np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
    return out


def attribute(name: str, value: Attribute) -> bytes:
    """An AttributeProto; its type follows from the value. An empty list is one of whole numbers.

    Raises `TypeError` for a list that mixes texts and numbers, `OverflowError` beyond 32-bit floats.
    """
    out = text(1, name)
    if isinstance(value, (bool, int, np.integer)):
        return out + whole(3, int(value)) + whole(20, 2)
    if isinstance(value, (float, np.floating)):
        return out + varint(2 << 3 | 5) + struct.pack("<f", value) + whole(20, 1)
    if isinstance(value, str):
        return out + text(4, value) + whole(20, 3)
    if isinstance(value, np.ndarray) and value.dtype != np.int64:
        return out + block(5, tensor(value)) + whole(20, 4)
    if isinstance(value, np.ndarray):
        return out + packed(8, value) + whole(20, 7)
    if any(isinstance(v, str) for v in value):
        if not all(isinstance(v, str) for v in value):
            raise TypeError(f"the attribute {name!r} mixes texts and numbers")
        return out + b"".join(text(9, str(s)) for s in value) + whole(20, 8)
    if any(isinstance(v, (float, np.floating)) for v in value):
        return out + block(7, struct.pack(f"<{len(value)}f", *value)) + whole(20, 6)
    return out + packed(8, [operator.index(v) for v in cast(Sequence[int], value)]) + whole(20, 7)


def node(
    op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str, attributes: Sequence[bytes]
) -> bytes:
    """A NodeProto."""
    out = b"".join(text(1, i) for i in inputs) + b"".join(text(2, o) for o in outputs) + text(4, op)
    out += b"".join(block(5, a) for a in attributes)
    return out + (text(7, domain) if domain else b"")


def value_info(name: str, kind: str, width: int | None) -> bytes:
    """A ValueInfoProto of shape [N, width], [N] where width is None, or [N, W] with W open where it is -1."""
    shape = block(1, text(2, "N"))
    if width is not None:
        shape += block(1, text(2, "W")) if width == -1 else block(1, whole(1, width))
    tensor_type = whole(1, DTYPES[kind]) + block(2, shape)
    return text(1, name) + block(2, block(1, tensor_type))


def model(
    nodes: Sequence[bytes],
    initializers: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    contrib: bool = False,
) -> bytes:
    """A ModelProto with the pinned versions; `contrib` where it uses onnxruntime's own operators."""
    graph = b"".join(block(1, n) for n in nodes) + text(2, "mlwright")
    graph += b"".join(block(5, t) for t in initializers)
    graph += b"".join(block(11, i) for i in inputs) + b"".join(block(12, o) for o in outputs)
    opsets = block(8, text(1, "") + whole(2, AI_ONNX)) + block(
        8, text(1, "ai.onnx.ml") + whole(2, AI_ONNX_ML)
    )
    if contrib:
        opsets += block(8, text(1, CONTRIB) + whole(2, 1))
    return whole(1, IR_VERSION) + text(2, "mlwright") + block(7, graph) + opsets
