"""A graph with one named input for each column put in front of the packed ones, for people and other tools.

Called by `artifact` for `to_onnx(named_inputs=True)`. It edits the bytes of a scanned graph; it knows
columns as names only.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.graph import reader, wire
from mlwright.graph.reader import fields
from mlwright.graph.scan import scan

_PACKED = {"numbers": "float64", "strings": "string"}


def with_named_inputs(model: bytes, numbers: Sequence[str], strings: Sequence[str]) -> bytes:
    """The graph `model` with an input [N, 1] for each name instead of `numbers` and `strings`.

    Doubles for `numbers`, strings for `strings`, in the order of the packed columns; same outputs. A column
    whose name the graph uses already, such as `label`, gets `_input` behind it.

    >>> from mlwright.graph.build import GraphBuilder
    >>> g = GraphBuilder()
    >>> g.output("double", g.node("Neg", g.input("numbers", "float64", 2)), "float64", 2)
    >>> [p.name for p in scan(with_named_inputs(g.to_bytes(), ["age", "double"], [])).inputs]
    ['age', 'double_input']
    """
    used = set(scan(model).names)
    nodes, inputs = [], []
    for packed, columns in (("numbers", numbers), ("strings", strings)):
        if not columns:
            continue
        names = [_free(column, used) for column in columns]
        inputs += [wire.value_info(name, _PACKED[packed], 1) for name in names]
        if len(names) == 1:
            nodes.append(wire.node("Identity", names, [packed], "", []))
        else:
            nodes.append(wire.node("Concat", names, [packed], "", [wire.attribute("axis", 1)]))
    return _edited(model, nodes, inputs)


def _free(name: str, used: set[str]) -> str:
    while name in used:
        name += "_input"
    used.add(name)
    return name


def _edited(model: bytes, nodes: list[bytes], inputs: list[bytes]) -> bytes:
    """The bytes of `model` with `nodes` before its own and `inputs` instead of its own."""
    out = b""
    for number, start, stop in fields(model, 0, len(model), reader.MODEL):
        if number == 7:
            inside = [(n, model[a:b]) for n, a, b in fields(model, start, stop, reader.GRAPH)]
            graph = b"".join(wire.block(1, n) for n in nodes)
            graph += b"".join(wire.block(n, block) for n, block in inside if n < 11)
            graph += b"".join(wire.block(11, i) for i in inputs)
            graph += b"".join(wire.block(n, block) for n, block in inside if n == 12)
            out += wire.block(7, graph)
        else:
            out += wire.whole(number, start) if number == 1 else wire.block(number, model[start:stop])
    return out
