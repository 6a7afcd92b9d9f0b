"""The scan of a graph's bytes before anything runs them: what is off the contract is refused by name.

Called by `artifact` on every graph that it opens, and by `packaging` on what it wrote. It reads bytes through
`reader`, never through the onnx package, and walks messages only: raw tensors are checked by their length.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from mlwright.base.errors import shown
from mlwright.graph import reader, wire
from mlwright.graph.attributes import Attribute, check_attributes, gram_columns, tree_steps
from mlwright.graph.operators import (
    FORBIDDEN_INPUTS,
    GROWING,
    MICROSOFT,
    OPERATORS,
    OPSETS,
    SHAPE_INPUTS,
    WEIGHTS,
)
from mlwright.graph.reader import fields, packed_array, refuse, text_of

_DTYPES = {code: name for name, code in wire.DTYPES.items()}
_SIZES = {name: np.dtype(name).itemsize for name in wire.DTYPES if name != "string"}
_OUTSIDE = frozenset({"float64", "float32", "int32", "int64", "string", "bool"})
_MOST_WIDTH = 1_000_000
_MOST_NAME_BYTES = 256
_MOST_SHAPE_VALUES = 64
_MOST_GROWTH = 1_000_000
# AttributeProto.AttributeType, and the field that holds the value of each.
_ATTRIBUTE_FIELDS = {1: 2, 2: 3, 3: 4, 4: 5, 6: 7, 7: 8, 8: 9}
_LISTS = frozenset({7, 8, 9})


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: a tensor [N, width], or [N] where `width` is None."""

    name: str
    dtype: str
    width: int | None


@dataclass(frozen=True)
class GraphFacts:
    """What a scanned graph is given, gives back and holds. Sizes are in bytes."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: Mapping[str, int]
    """How many nodes run each operator."""
    size_bytes: int
    constant_bytes: int
    """Initialisers and attributes that are tensors."""
    names: frozenset[str]
    """Every tensor's name."""
    tree_steps: float = 0.0
    """Nodes of trees that a row passes, were all trees even."""
    gram_columns: int = 0
    """The most columns that an n-gram counter makes of a row."""

    def port(self, name: str) -> Port | None:
        """The input or output called `name`, or None."""
        return next((p for p in (*self.inputs, *self.outputs) if p.name == name), None)


@dataclass
class _Tensor:
    """A constant: its place in the bytes, not its values."""

    name: str
    dtype: str
    dims: tuple[int, ...]
    start: int
    stop: int


@dataclass
class _Walk:
    """What is collected while the graph is walked."""

    format_version: int
    operators: Counter[tuple[str, str]] = field(default_factory=Counter)
    constants: dict[str, _Tensor] = field(default_factory=dict)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    """Names of node outputs."""
    wanted: list[tuple[str, int]] = field(default_factory=list)
    """Names that nodes read, with the number of nodes before the reader."""
    order: dict[str, int] = field(default_factory=dict)
    """By node output: the number of the node that makes it."""
    shapes: list[tuple[str, str]] = field(default_factory=list)
    """Operator and tensor name of each shape input."""
    weights: list[tuple[str, str]] = field(default_factory=list)
    """The same of weights that decide how wide a result is."""
    constant_bytes: int = 0
    tree_steps: float = 0.0
    gram_columns: int = 0


def scan(model: bytes, format_version: int = 1) -> GraphFacts:
    """The facts of a graph that keeps the contract of `format_version`.

    `model` is a ModelProto. Raises `ModelRefused` for anything else: unknown or repeated fields, overlong
    numbers, external data, functions, subgraphs, operators or versions off the list, shapes that rows could
    choose, tensors whose size is not what their dimensions say.

    >>> from mlwright.graph.build import GraphBuilder
    >>> g = GraphBuilder()
    >>> g.output("double", g.node("Neg", g.input("numbers", "float64", 2)), "float64", 2)
    >>> scan(g.to_bytes()).inputs
    (Port(name='numbers', dtype='float64', width=2),)
    """
    opsets: dict[str, int] = {}
    seen: set[int] = set()
    walk = _Walk(format_version)
    for number, start, stop in fields(model, 0, len(model), reader.MODEL):
        seen.add(number)
        if number == 1 and start != wire.IR_VERSION:
            refuse(f"it has the IR version {start}; only {wire.IR_VERSION} is opened")
        elif number == 2:
            text_of(model, start, stop)
        elif number == 7:
            _graph(model, start, stop, walk)
        elif number == 8:
            domain, version = _opset(model, start, stop)
            if domain in opsets:
                refuse(f"the operator set {domain!r} is imported twice")
            opsets[domain] = version
    if not {1, 7, 8} <= seen:
        refuse("the IR version, the graph or the operator sets are absent")
    _check_opsets(opsets, walk)
    _check_names(walk)
    _check_shapes(model, walk)
    return GraphFacts(
        inputs=tuple(walk.inputs),
        outputs=tuple(walk.outputs),
        operators={f"{domain}.{name}" if domain else name: n for (domain, name), n in walk.operators.items()},
        size_bytes=len(model),
        constant_bytes=walk.constant_bytes,
        names=frozenset(walk.made) | walk.constants.keys() | {p.name for p in walk.inputs},
        tree_steps=walk.tree_steps,
        gram_columns=walk.gram_columns,
    )


def good_name(name: str) -> bool:
    """Whether `name` may be shown: NFC, 1 to 256 bytes, no control characters.

    >>> good_name("age"), good_name(""), good_name("a\\x1b[31m")
    (True, False, False)
    """
    if name.isascii():
        return 0 < len(name) <= _MOST_NAME_BYTES and name.isprintable()
    if len(name.encode(errors="replace")) > _MOST_NAME_BYTES or not unicodedata.is_normalized("NFC", name):
        return False
    # Cc: control, Cf: direction marks and the like, Cs: half a surrogate, Zl and Zp: line ends.
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name)


def _graph(data: bytes, at: int, end: int, walk: _Walk) -> None:
    count = 0
    for number, start, stop in fields(data, at, end, reader.GRAPH):
        if number == 1:
            _node(data, start, stop, walk, count)
            count += 1
        elif number == 2:
            _name(data, start, stop)
        elif number == 5:
            tensor = _tensor(data, start, stop, walk)
            if tensor.name in walk.constants:
                refuse(f"two constants are called {shown(tensor.name)}")
            walk.constants[tensor.name] = tensor
        elif number == 11:
            walk.inputs.append(_port(data, start, stop))
        else:
            walk.outputs.append(_port(data, start, stop))


def _opset(data: bytes, at: int, end: int) -> tuple[str, int]:
    domain, version = "", 0
    for number, start, stop in fields(data, at, end, reader.OPSET):
        if number == 1:
            domain = text_of(data, start, stop)
        else:
            version = start
    return domain, version


def _check_opsets(opsets: dict[str, int], walk: _Walk) -> None:
    expected = dict(OPSETS)
    if any(domain == MICROSOFT for domain, _ in walk.operators):
        expected[MICROSOFT] = 1
    for domain in sorted(opsets.keys() | expected.keys()):
        if opsets.get(domain) != expected.get(domain):
            has, needs = opsets.get(domain, "none"), expected.get(domain, "none")
            name = shown(domain or "ai.onnx")
            refuse(f"it imports version {has} of the operator set {name} instead of {needs}")


def _name(data: bytes, at: int, end: int) -> str:
    name = text_of(data, at, end)
    if not good_name(name):
        refuse(f"a name is empty, too long or not plain text: {shown(name)}")
    return name


def _node(data: bytes, at: int, end: int, walk: _Walk, position: int) -> None:
    inputs: list[str] = []
    outputs: list[str] = []
    operator = domain = ""
    attributes: dict[str, Attribute] = {}
    for number, start, stop in fields(data, at, end, reader.NODE):
        if number == 1:
            inputs.append(_name(data, start, stop) if stop > start else "")
        elif number == 2:
            outputs.append(_name(data, start, stop))
        elif number == 4:
            operator = text_of(data, start, stop)
        elif number == 5:
            attribute = _attribute(data, start, stop, walk)
            if attribute.name in attributes:
                refuse(f"the attribute {attribute.name!r} is repeated")
            attributes[attribute.name] = attribute
        else:
            domain = text_of(data, start, stop)
    key = (domain, operator)
    if key not in OPERATORS[walk.format_version]:
        refuse(f"the operator {shown(f'{domain}.{operator}' if domain else operator)} is not on the list")
    walk.operators[key] += 1
    check_attributes(operator, attributes)
    walk.tree_steps += tree_steps(attributes)
    if operator == "TfIdfVectorizer":
        walk.gram_columns = max(walk.gram_columns, gram_columns(attributes))
    if not outputs:
        refuse(f"a node {operator} has no output")
    for name in outputs:
        if name in walk.made:
            refuse(f"two nodes make the tensor {shown(name)}")
        walk.made.add(name)
        walk.order[name] = position
    walk.wanted += [(name, position) for name in inputs if name]
    if not domain:
        deciding = SHAPE_INPUTS.get(operator, ())
        walk.shapes += [(operator, name) for i, name in enumerate(inputs) if name and i in deciding]
        walk.weights += [(operator, inputs[i]) for i in WEIGHTS.get(operator, ()) if i < len(inputs)]
        if any(i < len(inputs) and inputs[i] for i in FORBIDDEN_INPUTS.get(operator, ())):
            refuse(f"a node {operator} is given what it must not be given")


def _attribute(data: bytes, at: int, end: int, walk: _Walk) -> Attribute:
    attribute = Attribute()
    for number, start, stop in fields(data, at, end, reader.ATTRIBUTE):
        if number == 1:
            attribute.name = _name(data, start, stop)
        elif number == 20:
            attribute.kind = start
        else:
            attribute.places.append((number, start, stop))
            if number == 5:
                _tensor(data, start, stop, walk)
            elif number == 7 and (stop == start or (stop - start) % 4):
                refuse(f"the list of floats {attribute.name!r} is empty or ends within a number")
            elif number == 8:
                attribute.numbers = packed_array(data, start, stop)
            elif number in (4, 9):
                attribute.texts.append(text_of(data, start, stop))
    expected = _ATTRIBUTE_FIELDS.get(attribute.kind)
    held = {number for number, _, _ in attribute.places}
    if not attribute.name or expected is None or (held or _LISTS & {expected}) != {expected}:
        name = shown(attribute.name)
        refuse(f"the attribute {name} of type {attribute.kind} does not hold exactly one value of its type")
    return attribute


def _tensor(data: bytes, at: int, end: int, walk: _Walk) -> _Tensor:
    tensor = _Tensor("", "", (), 0, 0)
    strings = 0
    raw = False
    for number, start, stop in fields(data, at, end, reader.TENSOR):
        if number == 1:
            tensor.dims = tuple(packed_array(data, start, stop).tolist())
        elif number == 2:
            if start not in _DTYPES:
                refuse(f"a tensor has the element type {start}")
            tensor.dtype = _DTYPES[start]
        elif number == 6:
            text_of(data, start, stop)
            strings += 1
        elif number == 8:
            tensor.name = _name(data, start, stop)
        else:
            raw, tensor.start, tensor.stop = True, start, stop
    if not tensor.dtype or len(tensor.dims) > 8 or not all(0 <= d < 1 << 31 for d in tensor.dims):
        refuse(f"the tensor {shown(tensor.name)} has no element type, or dimensions that cannot be")
    count = math.prod(tensor.dims)
    if tensor.dtype == "string":
        whole = strings == count and not raw
    else:
        whole = not strings and raw and tensor.stop - tensor.start == count * _SIZES[tensor.dtype]
    if not whole:
        refuse(f"the tensor {shown(tensor.name)} does not hold the {count} values that its dimensions say")
    walk.constant_bytes += end - at
    return tensor


def _port(data: bytes, at: int, end: int) -> Port:
    name, type_at = "", None
    for number, start, stop in fields(data, at, end, reader.VALUE_INFO):
        if number == 1:
            name = _name(data, start, stop)
        else:
            type_at = (start, stop)
    tensor = _only(data, type_at, reader.TYPE)
    kind, shape_at = 0, None
    for number, start, stop in fields(data, *tensor, reader.TENSOR_TYPE):
        if number == 1:
            kind = start
        else:
            shape_at = (start, stop)
    shape = shape_at or _refuse_port(name)
    dims = [_dimension(data, a, b) for _, a, b in fields(data, *shape, reader.SHAPE)]
    dtype = _DTYPES.get(kind, "")
    width = dims[1] if len(dims) == 2 else None
    if not name or dtype not in _OUTSIDE or not 1 <= len(dims) <= 2 or dims[0] is not None:
        _refuse_port(name)
    if len(dims) == 2 and not (width and width <= _MOST_WIDTH):
        _refuse_port(name)
    return Port(name, dtype, width)


def _refuse_port(name: str) -> NoReturn:
    """Refuses the input or output `name`."""
    refuse(f"the input or output {shown(name)} is not a plain tensor [N] or [N, width]")


def _only(data: bytes, place: tuple[int, int] | None, message: reader.Message) -> tuple[int, int]:
    """The one block inside the message at `place`."""
    inside = [(a, b) for _, a, b in fields(data, *place, message)] if place else []
    if len(inside) != 1:
        refuse(f"{message.name} is absent")
    return inside[0]


def _dimension(data: bytes, at: int, end: int) -> int | None:
    """A fixed dimension, or None for the symbolic one, which must be called N."""
    found = list(fields(data, at, end, reader.DIMENSION))
    if len(found) != 1:
        refuse("a dimension is neither fixed nor N")
    number, start, stop = found[0]
    if number == 1:
        return start
    if text_of(data, start, stop) != "N":
        refuse("the symbolic dimension is not called N")
    return None


def _check_names(walk: _Walk) -> None:
    given = [p.name for p in walk.inputs]
    known = set(given) | walk.constants.keys()
    if len(set(given)) != len(given) or len(known) != len(given) + len(walk.constants) or known & walk.made:
        refuse("two tensors have one name")
    if "" in walk.constants:
        refuse("a constant has no name")
    for name, position in walk.wanted:
        if name not in known and walk.order.get(name, position) >= position:
            refuse(f"a node reads {shown(name)}, which nothing before it makes")
    published = [p.name for p in walk.outputs]
    if not published or len(set(published)) != len(published) or not set(published) <= walk.made:
        refuse("an output is absent, doubled or made by no node")


def _check_shapes(data: bytes, walk: _Walk) -> None:
    for operator, name in walk.weights:
        if name not in walk.constants:
            refuse(f"how wide {operator} is would depend on rows: {shown(name)} is not a constant")
    for operator, name in walk.shapes:
        tensor = walk.constants.get(name)
        if tensor is None:
            refuse(f"the shape that {operator} makes would depend on rows: {shown(name)} is not a constant")
        if tensor.dtype not in ("int64", "int32") or math.prod(tensor.dims) > _MOST_SHAPE_VALUES:
            refuse(f"the shape {shown(name)} of {operator} is not a short list of whole numbers")
        values = np.frombuffer(data[tensor.start : tensor.stop], f"<i{_SIZES[tensor.dtype]}")
        growth = math.prod(abs(int(v)) or 1 for v in values)
        if operator in GROWING and growth > _MOST_GROWTH:
            refuse(f"{operator} would make each row {growth} times as large")
