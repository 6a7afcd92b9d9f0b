"""Where layers of Keras are laid, operator by operator, and what bends their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.imported import Array, Laid, Node, Value
from mlwright.conversion.onnx_layers import LAYER_RULES
from mlwright.conversion.onnx_rules import RULES

_RULES = RULES | LAYER_RULES


@dataclass
class Desk:
    """Where layers are laid, operator by operator."""

    done: Laid
    count: int = 0

    def op(self, op: str, *inputs: Value | None, **attributes: Any) -> Value:  # Any: attributes of a node
        return self.ops(op, 1, *inputs, **attributes)[0]

    def ops(self, op: str, outputs: int, *inputs: Value | None, **attributes: Any) -> list[Value]:
        """A node of several outputs. Any: attributes of a node"""
        self.count += 1
        names = [f"k{self.count}_{i}" for i in range(outputs)]
        self.done.add(Node(op, "", "", attributes, list(inputs), self.done, names), _RULES)
        return [self.done.of[name] for name in names]

    def held(self, array: Any, like: Value | None = None) -> Value:  # Any: numbers
        """A constant, in the type of another value where one is given."""
        values = np.asarray(array, dtype=like.kind if like is not None else None)
        return Value(array=values, kind=str(values.dtype), shape=values.shape)


Layer = Callable[[Any, Desk, list[Value]], Value]  # Any: a layer of Keras
"""Lays what a layer makes of what it is given."""


def weights_of(layer: Any) -> list[Array]:  # Any: a layer
    return [np.asarray(w) for w in layer.get_weights()]


_PLAIN = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign",
    "selu": "Selu", "exponential": "Exp", "mish": "Mish", "silu": "Swish", "swish": "Swish",
}  # fmt: skip
_SET: dict[str, tuple[str, dict[str, Any]]] = {
    "elu": ("Elu", {"alpha": 1.0}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hard_silu": ("HardSwish", {}),
    "hard_swish": ("HardSwish", {}),
    "gelu": ("Gelu", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
}


def activated(function: Any, desk: Desk, x: Value) -> Value:  # Any: a function of keras.activations
    name = getattr(function, "__name__", type(function).__name__)
    if function is None or name == "linear":
        return x
    if not str(getattr(function, "__module__", "")).startswith("keras.src.activations"):
        raise ConversionRefused(  # keras.ops has some of the same names, and other defaults
            f"the activation {name!r} is code of its own", remedy="use one of keras.activations"
        )
    if name in _PLAIN:
        return desk.op(_PLAIN[name], x)
    if name == "relu6":
        return desk.op("Min", desk.op("Relu", x), desk.held(6.0, x))
    if name not in _SET:
        raise ConversionRefused(f"the activation {name!r} is not converted", remedy="use relu, gelu or tanh")
    op, attributes = _SET[name]
    return desk.op(op, x, **attributes)
