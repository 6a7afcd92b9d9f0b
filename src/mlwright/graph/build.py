"""GraphBuilder: nodes, constants, inputs and outputs collected into the bytes of one ONNX model.

Called by `features`, `learners` and `packaging`. Every tensor has rows as its only symbolic dimension. It
knows
the operators' names but not their meaning; `scan` decides what a finished graph may hold.
"""

from __future__ import annotations

import numpy as np

from mlwright.graph import wire
from mlwright.graph.wire import Array, Attribute

ML = "ai.onnx.ml"


class GraphBuilder:
    """Builds one graph. Methods return tensor names; equal constants are stored once.

    >>> g = GraphBuilder()
    >>> x = g.input("numbers", "float64", 2)
    >>> g.output("double", g.node("Add", x, x), "float64", 2)
    >>> len(g.to_bytes()) > 100
    True
    """

    def __init__(self) -> None:
        self._nodes: list[tuple[str, tuple[str, ...], tuple[str, ...], str, list[bytes]]] = []
        self._renamed: dict[str, str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[str, bytes]] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0
        self._contrib = False

    def input(self, name: str, dtype: str, width: int | None) -> str:
        """Declares the input `name` of shape [N, width] ([N] where width is None); returns its name."""
        self._inputs.append(wire.value_info(name, dtype, width))
        return name

    def constant(self, array: Array | float | int) -> str:
        """The name of an initialiser with these values. Plain numbers become double scalars."""
        values = np.asarray(array, dtype=np.float64) if isinstance(array, (int, float)) else np.asarray(array)
        kind = wire.dtype_name(values)
        content = "\x00".join(map(str, values.ravel())).encode() if kind == "string" else values.tobytes()
        key = (kind, values.shape, content)
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = (name, wire.tensor(values, name))
        return self._constants[key][0]

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Adds a node with one output and returns the output's name."""
        return self.nodes(op, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(
        self, op: str, *inputs: str, outputs: int, domain: str = "", **attributes: Attribute
    ) -> tuple[str, ...]:
        """Adds a node with several outputs and returns their names."""
        names = tuple(f"t{self._count + i}" for i in range(outputs))
        self._count += outputs
        self._contrib = self._contrib or domain == wire.CONTRIB
        encoded = [wire.attribute(k, v) for k, v in sorted(attributes.items())]
        self._nodes.append((op, inputs, names, domain, encoded))
        return names

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
        made = any(tensor in outputs for _, _, outputs, _, _ in self._nodes)
        if made and tensor not in self._renamed:
            self._renamed[tensor] = name  # the node that makes it gives it this name
        else:
            self._nodes.append(("Identity", (tensor,), (name,), "", []))
        self._outputs.append(wire.value_info(name, dtype, width))

    def to_bytes(self) -> bytes:
        """The ModelProto's bytes."""
        constants = [encoded for _, encoded in self._constants.values()]

        def named(tensors: tuple[str, ...]) -> list[str]:
            return [self._renamed.get(t, t) for t in tensors]

        nodes = [wire.node(op, named(i), named(o), d, a) for op, i, o, d, a in self._nodes]
        return wire.model(nodes, constants, self._inputs, self._outputs, self._contrib)
