"""GraphBuilder: nodes, constants, inputs and outputs collected into the bytes of one ONNX model.

Called by `features`, `learners` and `packaging`. Every tensor has rows as its only symbolic dimension. It
knows
the operators' names but not their meaning; `scan` decides what a finished graph may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlwright.graph import wire
from mlwright.graph.wire import Array, Attribute

if TYPE_CHECKING:
    from mlwright.graph.trees import Trees

ML = "ai.onnx.ml"


@dataclass(frozen=True)
class Node:
    """One node that a graph has so far."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str
    attributes: list[bytes]
    """Encoded, by name."""

    def of(self, *inputs: str) -> Node:
        """The same of other tensors."""
        return replace(self, inputs=inputs)

    def reading(self, same: Mapping[str, str]) -> Node:
        """The same, with other names for some of what it reads."""
        return (
            self if same.keys().isdisjoint(self.inputs) else self.of(*(same.get(i, i) for i in self.inputs))
        )


class GraphBuilder:
    """Builds one graph. Methods return tensor names; equal constants are stored once.

    >>> g = GraphBuilder()
    >>> x = g.input("numbers", "float64", 2)
    >>> g.output("double", g.node("Add", x, x), "float64", 2)
    >>> len(g.to_bytes()) > 100
    True
    """

    def __init__(self) -> None:
        self.made: list[Node] = []
        """In the order in which they run."""
        self.ends: set[str] = set()
        """Tensors that are published."""
        self.widths: dict[str, int | None] = {}
        """Of the inputs."""
        self.trees: dict[str, Trees] = {}
        """By what an ensemble node in doubles makes, its trees."""
        self._renamed: dict[str, str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[str, bytes]] = {}
        self._named: dict[str, tuple[str, tuple[int, ...], bytes]] = {}
        self._held = 0
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0
        self._contrib = False

    def input(self, name: str, dtype: str, width: int | None) -> str:
        """Declares the input `name` of shape [N, width] ([N] where width is None); returns its name."""
        self._inputs.append(wire.value_info(name, dtype, width))
        self.widths[name] = width
        return name

    def constant(self, array: Array | float | int) -> str:
        """The name of an initialiser with these values. Plain numbers become double scalars."""
        values = np.asarray(array, dtype=np.float64) if isinstance(array, (int, float)) else np.asarray(array)
        kind = wire.dtype_name(values)
        content = "\x00".join(map(str, values.ravel())).encode() if kind == "string" else values.tobytes()
        key = (kind, values.shape, content)
        if key not in self._constants:
            name, self._held = f"c{self._held}", self._held + 1
            self._constants[key] = (name, wire.tensor(values, name))
            self._named[name] = key
        return self._constants[key][0]

    def value(self, name: str) -> Array | None:
        """The numbers of a constant; None of texts, and of what is no constant."""
        key = self._named.get(name)
        if key is None or key[0] == "string":
            return None
        kind, shape, content = key
        return np.frombuffer(content, dtype=kind).reshape(shape)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant; None of what is none."""
        return self._named[name][1] if name in self._named else None

    def keep_constants(self, wanted: set[str]) -> None:
        """Forgets constants that are not among `wanted`."""
        kept = {key: held for key, held in self._constants.items() if held[0] in wanted}
        self._constants = kept
        self._named = {held[0]: key for key, held in kept.items()}

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Adds a node with one output and returns the output's name."""
        return self.nodes(op, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(
        self, op: str, *inputs: str, outputs: int, domain: str = "", **attributes: Attribute
    ) -> tuple[str, ...]:
        """Adds a node with several outputs and returns their names."""
        names = tuple(self.another() for _ in range(outputs))
        self._contrib = self._contrib or domain == wire.CONTRIB
        encoded = [wire.attribute(k, v) for k, v in sorted(attributes.items())]
        self.made.append(Node(op, inputs, names, domain, encoded))
        return names

    def another(self) -> str:
        """A name for a tensor."""
        self._count += 1
        return f"t{self._count - 1}"

    def columns(self, tensor: str, indices: list[int], width: int) -> str:
        """The columns `indices` of a [N, width] tensor; the tensor itself where that is all of them in
        order."""
        if indices == list(range(width)):
            return tensor
        return self.node("Gather", tensor, self.constant(np.asarray(indices, dtype=np.int64)), axis=1)

    def concat(self, tensors: list[str]) -> str:
        """Tensors of one element type side by side."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=1)

    def output(self, name: str, tensor: str, dtype: str, width: int | None) -> None:
        """Publishes `tensor` as the output `name` of shape [N, width], or [N]."""
        made = any(tensor in node.outputs for node in self.made)
        if made and tensor not in self._renamed:
            self._renamed[tensor] = name  # the node that makes it gives it this name
            self.ends.add(tensor)
        else:
            self.made.append(Node("Identity", (tensor,), (name,), "", []))
            self.ends.add(name)
        self._outputs.append(wire.value_info(name, dtype, width))

    def to_bytes(self) -> bytes:
        """The ModelProto's bytes."""
        constants = [encoded for _, encoded in self._constants.values()]

        def named(tensors: tuple[str, ...]) -> list[str]:
            return [self._renamed.get(t, t) for t in tensors]

        nodes = [
            wire.node(n.op, named(n.inputs), named(n.outputs), n.domain, n.attributes) for n in self.made
        ]
        return wire.model(nodes, constants, self._inputs, self._outputs, self._contrib)
