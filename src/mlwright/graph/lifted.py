"""The dictionaries of a graph lifted out of it: from texts to codes by looking up, and the rest of the graph.

On a single row the way of strings into onnxruntime and through a dictionary node is a tenth of the time; a
server looks them up while it decodes. Called by `artifact`, which proves on the samples that nothing changes.
It edits the bytes of a scanned graph and knows columns as numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.graph import reader, wire
from mlwright.graph.reader import fields, text_of

CODES = "codes"
"""The input that takes the place of `strings`."""


@dataclass(frozen=True)
class Lifted:
    """A graph that takes `codes` [N, c] instead of `strings` [N, b], and how to make them."""

    graph: bytes
    columns: tuple[int, ...]
    """Of each code, the column of `strings` that it is of."""
    tables: tuple[dict[str, float], ...]
    """Of each code, the texts that are known."""
    unseen: float
    """The code of every other text."""


_Text = tuple[str, int]
"""What was put before a text, and the column of `strings` that it is of."""


@dataclass(frozen=True)
class _Node:
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: bytes
    tensors: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Attributes that are tensors, by name, as places in the model."""


def lifted(model: bytes, width: int) -> Lifted | None:
    """`model`, whose `strings` are [N, width], without its dictionaries; None where texts go through anything
    but one dictionary.

    >>> from mlwright.graph.build import ML, GraphBuilder
    >>> g = GraphBuilder()
    >>> code = g.node("LabelEncoder", g.input("strings", "string", 1), domain=ML,
    ...               keys_tensor=np.array(["a", "b"], object), values_tensor=np.array([1.0, 2.0]),
    ...               default_tensor=np.array([0.5]))
    >>> g.output("double", g.node("Add", code, code), "float64", 1)
    >>> lifted(g.to_bytes(), 1).tables
    ({'a': 1.0, 'b': 2.0},)
    """
    nodes, constants = _parts(model)
    texts: dict[str, list[_Text]] = {"strings": [("", i) for i in range(width)]}
    dictionary: tuple[_Node, list[_Text]] | None = None
    kept: list[_Node] = []
    for node in nodes:
        given = next((name for name in node.inputs if name in texts), None)
        if given is None:
            kept.append(node)
        elif node.operator == "LabelEncoder" and dictionary is None:
            dictionary = node, texts[given]
        else:
            followed = _followed(model, node, texts[given], constants)
            if followed is None:
                return None
            texts[node.outputs[0]] = followed
    if dictionary is None:
        return None
    node, columns = dictionary
    tables = _tables(model, node, columns)
    unseen = _doubles(model, node.tensors.get("default_tensor"))
    if tables is None or len(unseen) != 1:
        return None
    graph = _edited(model, kept, node.outputs[0], len(columns))
    return Lifted(graph, tuple(i for _, i in columns), tables, unseen[0])


def _followed(
    model: bytes, node: _Node, columns: list[_Text], constants: dict[str, tuple[int, int]]
) -> list[_Text] | None:
    """What a node makes of columns of texts; None for a node of another kind."""
    if node.operator == "Gather" and node.inputs[1] in constants:
        places = _whole_numbers(model, constants[node.inputs[1]])
        return None if places is None else [columns[i] for i in places]
    if node.operator == "StringConcat" and node.inputs[0] in constants:
        before = _strings(model, constants[node.inputs[0]])
        if len(before) == len(columns):
            return [(b + prefix, i) for b, (prefix, i) in zip(before, columns, strict=True)]
    return None


def _tables(model: bytes, node: _Node, columns: list[_Text]) -> tuple[dict[str, float], ...] | None:
    """Of each column, the code of each text that the dictionary knows; None for one of other kinds."""
    if "keys_tensor" not in node.tensors:
        return None
    keys = _strings(model, node.tensors["keys_tensor"])
    values = _doubles(model, node.tensors.get("values_tensor"))
    # Which of two equal keys counts is not said by the standard.
    if len(values) != len(keys) or len(set(keys)) != len(keys):
        return None
    pairs = list(zip(keys, values, strict=True))
    return tuple({k[len(before) :]: v for k, v in pairs if k.startswith(before)} for before, _ in columns)


def _parts(model: bytes) -> tuple[list[_Node], dict[str, tuple[int, int]]]:
    """The nodes, and the places of the initialisers by name."""
    nodes, constants = [], {}
    start, stop = next((a, b) for n, a, b in fields(model, 0, len(model), reader.MODEL) if n == 7)
    for number, a, b in fields(model, start, stop, reader.GRAPH):
        if number == 1:
            nodes.append(_node(model, a, b))
        elif number == 5:
            constants[_tensor_name(model, a, b)] = a, b
    return nodes, constants


def _node(model: bytes, start: int, stop: int) -> _Node:
    inputs, outputs, operator = [], [], ""
    tensors: dict[str, tuple[int, int]] = {}
    for number, a, b in fields(model, start, stop, reader.NODE):
        if number == 1:
            inputs.append(text_of(model, a, b))
        elif number == 2:
            outputs.append(text_of(model, a, b))
        elif number == 4:
            operator = text_of(model, a, b)
        elif number == 5:
            name = ""
            for inner, c, d in fields(model, a, b, reader.ATTRIBUTE):
                if inner == 1:
                    name = text_of(model, c, d)
                elif inner == 5:
                    tensors[name] = c, d
    return _Node(operator, tuple(inputs), tuple(outputs), model[start:stop], tensors)


def _edited(model: bytes, kept: Sequence[_Node], cut: str, width: int) -> bytes:
    """The bytes of `model` with the nodes `kept` alone, and CODES, called as `cut` was, as an input."""
    used = {name for node in kept for name in node.inputs}
    out = b""
    for number, start, stop in fields(model, 0, len(model), reader.MODEL):
        if number != 7:
            out += wire.whole(number, start) if number == 1 else wire.block(number, model[start:stop])
            continue
        inside = [(n, a, b) for n, a, b in fields(model, start, stop, reader.GRAPH)]
        renamed = wire.node("Identity", [CODES], [cut], "", [])
        graph = b"".join(wire.block(1, raw) for raw in (renamed, *(node.raw for node in kept)))
        graph += b"".join(wire.block(2, model[a:b]) for n, a, b in inside if n == 2)
        graph += b"".join(
            wire.block(5, model[a:b]) for n, a, b in inside if n == 5 and _tensor_name(model, a, b) in used
        )
        strings = wire.text(1, "strings")
        graph += b"".join(
            wire.block(11, model[a:b]) for n, a, b in inside if n == 11 and not model[a:b].startswith(strings)
        )
        graph += wire.block(11, wire.value_info(CODES, "float64", width))
        graph += b"".join(wire.block(12, model[a:b]) for n, a, b in inside if n == 12)
        out += wire.block(7, graph)
    return out


def _tensor_name(model: bytes, start: int, stop: int) -> str:
    return next((text_of(model, a, b) for n, a, b in fields(model, start, stop, reader.TENSOR) if n == 8), "")


def _strings(model: bytes, place: tuple[int, int]) -> list[str]:
    return [text_of(model, a, b) for n, a, b in fields(model, *place, reader.TENSOR) if n == 6]


def _raw(model: bytes, place: tuple[int, int], kind: str) -> npt.NDArray[Any] | None:  # Any: of `kind`
    """The values of a tensor of `kind`; None for another."""
    found = {n: (a, b) for n, a, b in fields(model, *place, reader.TENSOR)}
    if found.get(2, (0, 0))[0] != wire.DTYPES[kind] or 9 not in found:
        return None
    a, b = found[9]
    return np.frombuffer(model[a:b], dtype=kind)


def _doubles(model: bytes, place: tuple[int, int] | None) -> list[float]:
    values = _raw(model, place, "float64") if place else None
    return [] if values is None else [float(v) for v in values]


def _whole_numbers(model: bytes, place: tuple[int, int]) -> list[int] | None:
    """A list of whole numbers, not below 0; None for anything else, such as a single one."""
    values = _raw(model, place, "int64")
    dimensions = [1 for n, _, _ in fields(model, *place, reader.TENSOR) if n == 1]
    if values is None or not dimensions or (values < 0).any():
        return None
    return [int(v) for v in values]
