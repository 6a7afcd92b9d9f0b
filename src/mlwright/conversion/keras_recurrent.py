"""Recurrent layers of Keras as the standard's, whose gates are ordered otherwise, whose steps come first."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.imported import Array, Value
from mlwright.conversion.keras_desk import Desk, Layer, weights_of
from mlwright.conversion.names import kind_of

_GATES = {"GRU": (0, 1, 2), "LSTM": (0, 3, 1, 2), "SimpleRNN": (0,)}
"""Of the standard's gates in order, the places in Keras' own."""
_CURVES = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


def _recurrent(layer: Any, desk: Desk, given: list[Value]) -> Value:  # Any: a layer
    """All steps [N, T, H], or the last one [N, H]."""
    steps, last = _run(layer, desk, given)
    if not layer.return_sequences:
        return last
    if not layer.go_backwards:
        return steps
    back = np.arange((given[0].shape or (0, 0))[1] or 0)[::-1]  # Keras tells its steps as it went
    return desk.op("Gather", steps, desk.held(back.copy()), axis=1)


def _both_ways(layer: Any, desk: Desk, given: list[Value]) -> Value:  # Any: a Bidirectional
    """A layer and its like from behind, whose steps stand beside each other."""
    parts = []
    for inner in (layer.forward_layer, layer.backward_layer):
        kind = kind_of(inner).removeprefix("keras.")
        if kind not in _GATES:
            raise ConversionRefused(f"it goes both ways with {kind_of(inner)}, which is not converted")
        steps, last = _run(inner, desk, given)
        parts.append(steps if inner.return_sequences else last)
    if layer.merge_mode == "concat":
        return desk.op("Concat", *parts, axis=-1)
    if layer.merge_mode not in ("sum", "mul", "ave"):
        raise ConversionRefused(
            f"merge_mode={layer.merge_mode!r} gives several tensors", remedy='use merge_mode="concat"'
        )
    out = desk.op("Mul" if layer.merge_mode == "mul" else "Add", *parts)
    return desk.op("Mul", out, desk.held(0.5, out)) if layer.merge_mode == "ave" else out


def _run(layer: Any, desk: Desk, given: list[Value]) -> tuple[Value, Value]:  # Any: a layer
    """Every step [N, T, H] in the order of time, and the state after the last [N, H]."""
    kind = kind_of(layer).removeprefix("keras.")
    if len(given) > 1 or layer.return_state or layer.stateful:
        raise ConversionRefused(
            "states that are given or kept are not converted",
            remedy="build it without return_state and stateful, and call it on one tensor",
        )
    kernel, again, *bias = weights_of(layer)
    wide = again.shape[0]
    x = desk.op("Transpose", given[0], perm=[1, 0, 2])
    held = [_gates(kernel.T, kind, wide)[None], _gates(again.T, kind, wide)[None]]
    if bias:
        # Of GRU both summands, where its reset comes after the product; else the second one is nought.
        pair = bias[0] if bias[0].ndim == 2 else np.stack([bias[0], np.zeros_like(bias[0])])
        held.append(np.concatenate([_gates(b[:, None], kind, wide)[:, 0] for b in pair])[None])
    told: dict[str, Any] = {  # Any: settings of a node
        "direction": "reverse" if layer.go_backwards else "forward",
        "activations": _curves(layer, kind),
        "hidden_size": wide,
    }
    if kind == "GRU":
        told["linear_before_reset"] = int(bool(layer.reset_after))
    op = "RNN" if kind == "SimpleRNN" else kind
    steps, last = desk.ops(op, 2, x, *(desk.held(v, x) for v in held), **told)
    one, none = desk.held(np.array([1])), desk.held(np.array([0]))
    steps = desk.op("Transpose", desk.op("Squeeze", steps, one), perm=[1, 0, 2])
    return steps, desk.op("Squeeze", last, none)


def _gates(rows: Array, kind: str, wide: int) -> Array:
    """Rows of gates, [gates * wide, ...], in the standard's order."""
    parts = rows.reshape(-1, wide, *rows.shape[1:])
    return np.ascontiguousarray(parts[list(_GATES[kind])]).reshape(rows.shape)


def _curves(layer: Any, kind: str) -> list[str]:  # Any: a layer
    """What bends its numbers, in the standard's order."""
    functions = [layer.activation] if kind == "SimpleRNN" else [layer.recurrent_activation, layer.activation]
    functions += [layer.activation] if kind == "LSTM" else []
    names = [str(getattr(f, "__name__", f)) for f in functions]
    of_keras = all(str(getattr(f, "__module__", "")).startswith("keras.") for f in functions)
    if not of_keras or not set(names) <= set(_CURVES):
        raise ConversionRefused(
            f"it bends its numbers by {', '.join(dict.fromkeys(names))}", remedy="use tanh, sigmoid or relu"
        )
    return [_CURVES[name] for name in names]


RECURRENT: dict[str, Layer] = {
    "Bidirectional": _both_ways,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "SimpleRNN": _recurrent,
}
"""By class of Keras."""
