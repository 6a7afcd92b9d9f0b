"""Nodes of somebody's ONNX graph laid into ours, one by one: what the loader allows as it is, layers of
networks and of `ai.onnx.ml` by plain nodes, whatever hangs on constants alone computed here.

Called with graphs of the pinned operator set (`onnx_graphs` brings them there). How each operator is laid
is in `onnx_rules`; what is not there is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused, nearest
from mlwright.graph.build import GraphBuilder
from mlwright.graph.operators import OPERATORS

Array = npt.NDArray[Any]
Sizes = tuple[int | None, ...]
"""Lengths; None is as many as there are rows."""

KINDS = {
    1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 8: "string", 9: "bool", 11: "float64",
}  # fmt: skip
"""What our graphs hold, by TensorProto's number."""
_NUMBERS = {name: number for number, name in KINDS.items()}
_MOST_FOLDED = 64 * 1024 * 1024
"""Bytes of one constant that is computed here."""


@dataclass
class Value:
    """A tensor on its way: laid in the graph, or known already."""

    tensor: str = ""
    """Its name in our graph; "" until a node asks for a constant."""
    array: Array | None = None
    """Its values, where no row can change them."""
    kind: str = ""
    shape: Sizes | None = None
    sizes: Sizes | None = None
    """What it holds where it is a list of lengths, some of which are the number of rows."""
    made_by: Node | None = None


@dataclass
class Node:
    """One node of theirs: what it is given, and our graph to lay its work into."""

    op: str
    domain: str
    name: str
    attributes: dict[str, Any]  # Any: numbers, texts, arrays
    inputs: list[Value | None]
    laid: Laid
    wanted: list[str] = field(default_factory=list)
    """The names of what it gives."""

    @property
    def g(self) -> GraphBuilder:
        return self.laid.g

    def given(self, i: int) -> Value:
        """The input `i`, which must be there."""
        found = self.inputs[i] if i < len(self.inputs) else None
        if found is None:
            raise self.refused(f"lacks its input {i}")
        return found

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] is not None

    def tensor(self, i: int = 0) -> str:
        """The input `i` as a tensor of our graph."""
        return self.laid.tensor(self.given(i))

    def array(self, i: int) -> Array:
        """The values of the input `i`. Raises `ConversionRefused` where they hang on rows."""
        found = self.given(i).array
        if found is None:
            raise self.refused(f"has an input {i} that hangs on the rows")
        return found

    @property
    def kind(self) -> str:
        """The element type of the first input."""
        return self.given(0).kind

    def rank(self, i: int = 0) -> int:
        return len(self.shape(i))

    def shape(self, i: int = 0) -> Sizes:
        found = self.given(i).shape
        if found is None:
            raise self.refused("is given something of an unknown shape")
        return found

    def axis(self, default: int, rank: int | None = None) -> int:
        """The attribute `axis`, counted from the front."""
        at = int(self.attributes.get("axis", default))
        return at + (self.rank() if rank is None else rank) if at < 0 else at

    def number(self, value: float) -> str:
        """A constant of the first input's type."""
        return self.g.constant(np.asarray(value, dtype=self.kind or "float64"))

    def setting(self, name: str, default: float) -> float:
        """An attribute that is a real number, as it was meant: ONNX keeps 0.01 as 0.00999999977."""
        return float(str(np.float32(self.attributes.get(name, default))))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:  # Any: attributes of a node
        return self.g.node(op, *inputs, **attributes)

    def refused(self, why: str, remedy: str = "") -> ConversionRefused:
        called = f"{self.domain}.{self.op}" if self.domain else self.op
        return ConversionRefused(
            f"the operator {called} {why}", where=self.name and f"node {self.name}", remedy=remedy
        )


Rule = Callable[[Node], str | Value | Sequence[str] | Sequence[Value]]
"""Lays a node's work: gives the tensor, the tensors, or a value that is known."""


class Laid:
    """A graph of theirs within `g`: `of` tells what any of its tensors became."""

    def __init__(self, g: GraphBuilder) -> None:
        self.g = g
        self.of: dict[str, Value] = {}
        self._rows: dict[str, str] = {}
        self._first: tuple[str, str, int | None] | tuple[()] = ()

    def begin(self, name: str, tensor: str, kind: str, width: int | None) -> None:
        """An input, [N, width] or [N]."""
        shape: Sizes = (None,) if width is None else (None, width)
        self.of[name] = Value(tensor, kind=kind, shape=shape)
        if not self._first and kind != "string":
            self._first = tensor, kind, width

    def constant(self, name: str, array: Array) -> None:
        self.of[name] = Value(array=array, kind=kind_of_array(array), shape=array.shape)

    def add(self, node: Node, rules: dict[tuple[str, str], Rule]) -> None:
        """Lays `node` by its rule, as it is where the loader allows it, or refuses it by name."""
        made = _made(node, rules)
        outputs: list[str | Value] = [made] if isinstance(made, (str, Value)) else list(made)
        told = _told(node) if any(isinstance(o, str) or o.shape is None for o in outputs) else {}
        for name, output in zip(node.wanted, outputs, strict=False):
            if not name:
                continue
            value = Value(output) if isinstance(output, str) else output
            kind, shape = told.get(name, ("", None))
            value.kind, value.shape = value.kind or kind, value.shape if value.shape is not None else shape
            value.made_by = node
            self.of[name] = value

    def tensor(self, value: Value) -> str:
        """The name of a value in our graph."""
        if not value.tensor and value.array is not None:
            array = value.array
            value.tensor = self.g.constant(array.astype(object) if array.dtype.kind in "OUS" else array)
        if not value.tensor:
            raise ConversionRefused(
                "a node asks for the number of rows itself", remedy="let it work on any number of rows"
            )
        return value.tensor

    def rows_of_noughts(self, kind: str, shape: Sequence[int]) -> str:
        """Noughts [.., N, ..] of one type, N long where `shape` has -1, and 1 wherever else."""
        key = f"{kind}{tuple(shape)}"
        if key not in self._rows:
            if not self._first:
                raise ConversionRefused("a graph of texts alone is asked for the number of rows")
            tensor, given, width = self._first
            some = tensor if width is None else self.g.columns(tensor, [0], width)
            number = some if given.startswith("float") else self.g.node("Cast", some, to=11)
            marks = self.g.node("Cast", self.g.node("IsNaN", number), to=7)
            none = self.g.node("Mul", marks, self.g.constant(np.array(0)))
            flat = self.g.node("Reshape", none, self.g.constant(np.array(list(shape), dtype=np.int64)))
            self._rows[key] = self.g.node("Cast", flat, to=_NUMBERS[kind])
        return self._rows[key]


def kind_of_array(array: Array) -> str:
    return "string" if array.dtype.kind in "OUS" else str(array.dtype)


def _made(node: Node, rules: dict[tuple[str, str], Rule]) -> str | Value | Sequence[str] | Sequence[Value]:
    key, known = (node.domain, node.op), [v for v in node.inputs if v is not None]
    if key == ("", "Shape"):
        return _shape_of(node)
    if (sized := _sized(node)) is not None:
        return sized
    if key in FOLDED and known and all(v.array is not None for v in known):
        return _folded(node)
    rule = rules.get(key)
    return rule(node) if rule is not None else passed(node)


def _told(node: Node) -> dict[str, tuple[str, Sizes | None]]:
    """By name of what the node gives: its type and lengths, as the standard infers them."""
    from onnx import checker, defs, helper, numpy_helper, shape_inference

    names = {f"i{k}": v for k, v in enumerate(node.inputs) if v is not None}
    known = {n: v for n, v in names.items() if v.kind in _NUMBERS}
    if len(known) < len(names):
        return {}
    types = {
        n: helper.make_tensor_type_proto(
            _NUMBERS[v.kind], None if v.shape is None else ["N" if s is None else s for s in v.shape]
        )
        for n, v in known.items()
    }
    data = {
        n: numpy_helper.from_array(v.array, n)
        for n, v in known.items()
        if v.array is not None and v.array.size < 100
    }
    given = [f"i{k}" if v is not None else "" for k, v in enumerate(node.inputs)]
    made = helper.make_node(node.op, given, node.wanted, domain=node.domain, **_written(node))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    version = 5 if node.domain else 21
    try:
        schema = defs.get_schema(node.op, version, node.domain)
        found = shape_inference.infer_node_outputs(
            schema, made, types, data, opset_imports=opsets, ir_version=10
        )
    except (defs.SchemaError, shape_inference.InferenceError, checker.ValidationError, RuntimeError):
        return {}  # what is not told is asked for by the rule that needs it, and refused there
    return {name: _type_of(proto) for name, proto in found.items()}


def _written(node: Node) -> dict[str, Any]:  # Any: as the onnx package takes attributes
    from onnx import numpy_helper

    some = {k: v for k, v in node.attributes.items() if not (isinstance(v, list) and not v)}
    return {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in some.items()}


def _type_of(proto: Any) -> tuple[str, Sizes | None]:  # Any: a TypeProto
    tensor = proto.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    return KINDS.get(tensor.elem_type, ""), shape


def passed(node: Node) -> str | Sequence[str]:
    """The node as it is, where the loader allows its operator."""
    if (node.domain, node.op) not in OPERATORS[1]:
        raise unknown(node, ())
    attributes = {k: v for k, v in node.attributes.items() if not (k == "saturate" and node.op == "Cast")}
    if node.op == "Cast" and attributes.get("to") not in KINDS:
        raise node.refused("makes numbers of a type that is not served", "let the model work in float32")
    inputs = [(v and node.laid.tensor(v)) or "" for v in node.inputs]
    return node.g.nodes(node.op, *inputs, outputs=len(node.wanted), domain=node.domain, **attributes)


def unknown(node: Node, known: Iterable[str]) -> ConversionRefused:
    near = nearest(node.op, known)
    return node.refused(
        "is not converted",
        f"use other layers{f', such as {near}' if near else ''}, or do its work before the model",
    )


def _shape_of(node: Node) -> Value:
    shape = node.shape()
    start, end = int(node.attributes.get("start", 0)), node.attributes.get("end")
    some = shape[slice(start, None if end is None else int(end))]
    return listed(some)


def listed(sizes: Sequence[int | None]) -> Value:
    """A list of lengths as a value."""
    if None in sizes:
        return Value(kind="int64", shape=(len(sizes),), sizes=tuple(sizes))
    return Value(array=np.array(sizes, dtype=np.int64), kind="int64", shape=(len(sizes),))


def sizes_of(value: Value) -> Sizes | None:
    """The lengths that a value lists; None where it does not."""
    if value.sizes is not None:
        return value.sizes
    if value.array is not None and value.array.dtype.kind == "i":
        return tuple(int(v) for v in value.array.ravel())
    return None


def _sized(node: Node) -> Value | None:
    """Lists of lengths cut, joined and picked from, which is how graphs make shapes; None for other work."""
    given = [v for v in node.inputs if v is not None]
    if node.domain or not any(v.sizes is not None for v in given):
        return None
    lists = [sizes_of(v) for v in given]
    first = lists[0]
    if first is None:
        return None
    if node.op in ("Cast", "Identity", "Unsqueeze", "Squeeze"):
        scalar = node.op == "Squeeze"
        return Value(kind="int64", shape=() if scalar else (len(first),), sizes=first)
    if node.op == "Gather":
        at = node.array(1)
        found = listed([first[int(i)] for i in at.ravel()])
        found.shape = at.shape
        found.array = None if found.array is None else found.array.reshape(at.shape)
        return found
    if node.op == "Slice":
        start, end = int(node.array(1).ravel()[0]), int(node.array(2).ravel()[0])
        step = int(node.array(4).ravel()[0]) if node.has(4) else 1
        return listed(first[start : min(end, 1 << 31) : step])
    if node.op == "Concat" and all(some is not None for some in lists):
        return listed([v for some in lists for v in some or ()])
    if node.op == "Mul" and len(given) == 2:
        return _multiplied(lists)
    return None


def _multiplied(lists: list[Sizes | None]) -> Value | None:
    """Lengths times lengths: known where one is 1, or both are."""
    a, b = lists
    if a is None or b is None or len(a) != len(b):
        return None
    some: list[int | None] = []
    for x, y in zip(a, b, strict=True):
        some.append(x * y if x is not None and y is not None else y if x == 1 else x if y == 1 else None)
    return listed(some)


def _folded(node: Node) -> Sequence[Value]:
    """What a node makes of constants, computed once by the runtime."""
    from onnx import ValueInfoProto, helper, numpy_helper

    from mlwright.graph.running import session

    arrays = {f"i{k}": v.array for k, v in enumerate(node.inputs) if v is not None and v.array is not None}
    if sum(a.nbytes for a in arrays.values()) > _MOST_FOLDED:
        raise node.refused("works on constants that are too large to be computed here")
    names = [f"i{k}" if v is not None else "" for k, v in enumerate(node.inputs)]
    made = helper.make_node(node.op, names, [f"o{k}" for k in range(len(node.wanted))], **_written(node))
    outputs = [ValueInfoProto(name=f"o{k}") for k in range(len(node.wanted))]
    constants = [numpy_helper.from_array(a, n) for n, a in arrays.items()]
    graph = helper.make_graph([made], "folded", [], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    try:
        found = session(model.SerializeToString()).run(None, {})
    except Exception as error:  # the runtime raises classes of its own for graphs that make no sense
        raise node.refused("cannot be computed from its constants") from error
    return [Value(array=np.asarray(a), kind=kind_of_array(np.asarray(a)), shape=np.shape(a)) for a in found]


_FOLDABLE = """
    Abs Add And Cast Ceil Clip Concat ConstantOfShape CumSum DequantizeLinear Div Equal Exp Expand Flatten
    Floor Gather GatherElements Greater GreaterOrEqual Identity Less LessOrEqual Log MatMul Max Min Mod Mul
    Neg Not OneHot Or Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape Round
    ScatterElements ScatterND Sigmoid Sign Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Trilu
    Unsqueeze Where
"""
FOLDED = frozenset(("", name) for name in _FOLDABLE.split())
"""What is computed here where all it is given is constant."""
