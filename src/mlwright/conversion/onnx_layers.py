"""Convolutions, pools and recurrent layers: the standard's own operators in float32, as the runtime has them.

In doubles it has none. Windows along one axis are laid as a product there; all else is refused by name. What
may hang on nothing but the rows is told in full here (padding, lengths), as the loader demands it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlwright.conversion.imported import Node, Rule
from mlwright.conversion.onnx_rules import filled_like, single, typed

_MOST_VALUES = 10_000_000
"""In one row, of what a layer makes of it."""
_CURVES = {"GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "RNN": ("Tanh",)}
_KNOWN_CURVES = ("Relu", "Sigmoid", "Tanh")


def convolved(node: Node) -> str:
    weights = node.array(1)
    if node.kind == "float64":
        return _product_of_windows(node)
    told = _windows_told(node, list(weights.shape[2:]))
    inputs = [node.tensor(i) for i in range(3) if node.has(i)]
    return node.add("Conv", *inputs, group=int(node.attributes.get("group", 1)), **told)


def pooled(op: str, reduction: str) -> Rule:
    def rule(node: Node) -> str:
        kernel = _ints(node, "kernel_shape")
        if len(node.wanted) > 1:
            raise node.refused("tells where it found its values, which is not converted")
        if node.kind == "float64":
            return _reduction_of_windows(node, reduction)
        told = _windows_told(node, kernel)
        for name in ("ceil_mode", *(("count_include_pad",) if op == "AveragePool" else ())):
            told[name] = int(node.attributes.get(name, 0))
        return node.add(op, node.tensor(), **told)

    return rule


def _ints(node: Node, name: str) -> list[int]:
    return [int(v) for v in node.attributes.get(name) or ()]


def _windows_told(node: Node, kernel: list[int]) -> dict[str, Any]:  # Any: numbers and lists of them
    """Attributes that say windows, steps and padding in full. Raises `ConversionRefused` where a row would
    become vastly larger."""
    lengths, axes = node.shape()[2:], len(kernel)
    if node.rank() != axes + 2 or None in lengths:
        raise node.refused("is converted along axes of a known length only")
    strides, apart = (_ints(node, name) or [1] * axes for name in ("strides", "dilations"))
    pads = _ints(node, "pads") or [0] * (2 * axes)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, apart, strict=True)]
    how = str(node.attributes.get("auto_pad", "NOTSET"))
    if min(kernel + strides + apart) < 1 or min(pads) < 0:
        raise node.refused("has windows or steps below 1, or padding below 0")
    if how.startswith("SAME"):
        # As many results as steps fit: half of what is lacking on each side, the odd one at the end named.
        lack = [
            max((math.ceil((n or 0) / s) - 1) * s + r - (n or 0), 0)
            for n, s, r in zip(lengths, strides, reach, strict=True)
        ]
        less, more = [v // 2 for v in lack], [v - v // 2 for v in lack]
        pads = [*less, *more] if how == "SAME_UPPER" else [*more, *less]
    elif how == "VALID":
        pads = [0] * (2 * axes)
    made = math.prod((n or 0) + a + b for n, a, b in zip(lengths, pads[:axes], pads[axes:], strict=True))
    if made > _MOST_VALUES:
        raise node.refused(f"would make {made:,} values of each row")
    return {"kernel_shape": kernel, "strides": strides, "dilations": apart, "pads": pads}


def _product_of_windows(node: Node) -> str:
    """A convolution along one axis, as a product with the windows laid side by side."""
    weights = node.array(1)
    if weights.ndim != 3 or int(node.attributes.get("group", 1)) != 1:
        raise node.refused(
            "is converted in doubles along one axis and in one group only", "let the model work in float32"
        )
    channels, kernel = weights.shape[1], weights.shape[2]
    windows, count = _windows(node, kernel)
    rows = node.add("Transpose", windows, perm=[0, 2, 1, 3])
    flat = node.add("Reshape", rows, node.g.constant(np.array([-1, count, channels * kernel])))
    out = node.add("MatMul", flat, typed(node, weights.reshape(len(weights), -1).T))
    out = node.add("Add", out, node.tensor(2)) if node.has(2) else out
    return node.add("Transpose", out, perm=[0, 2, 1])


def _reduction_of_windows(node: Node, reduction: str) -> str:
    kernel = _ints(node, "kernel_shape")
    if any(node.attributes.get("pads", ())) or node.attributes.get("ceil_mode") or len(kernel) != 1:
        raise node.refused(
            "is converted in doubles along one axis and without padding only", "let the model work in float32"
        )
    windows, _ = _windows(node, kernel[0])
    return node.add(reduction, windows, node.g.constant(np.array([3])), keepdims=0)


def _windows(node: Node, kernel: int) -> tuple[str, int]:
    """Windows [N, C, count, kernel] along the last axis of [N, C, L], and how many there are."""
    told = _windows_told(node, [kernel])
    [length] = [n or 0 for n in node.shape()[2:]]
    [stride], [apart], (before, behind) = told["strides"], told["dilations"], told["pads"]
    x = node.tensor()
    if before or behind:
        # A column of noughts that all padding is taken from; what is missing is no nought.
        some = node.add("Gather", x, node.g.constant(np.array([0])), axis=2)
        x = node.add("Concat", x, filled_like(node, some, 0.0), axis=2)
    reach = (kernel - 1) * apart + 1
    count = (length + before + behind - reach) // stride + 1
    at = np.arange(count)[:, None] * stride + np.arange(kernel)[None, :] * apart - before
    at = np.where((at < 0) | (at >= length), length, at)
    return node.add("Gather", x, node.g.constant(at.astype(np.int64)), axis=2), count


def recurrent(node: Node) -> tuple[str, ...]:
    """LSTM, GRU or RNN over [T, N, I]: every sequence is as long as the others."""
    single(node)
    length = node.shape()[0]
    if length is None:
        raise node.refused("goes from row to row", "let a sequence be made of a row's own columns")
    way = str(node.attributes.get("direction", "forward"))
    usual = _CURVES[node.op] * (2 if way == "bidirectional" else 1)
    bent = tuple(str(v) for v in node.attributes.get("activations") or usual)
    if node.has(4) and (node.given(4).array is None or (node.array(4) != length).any()):
        raise node.refused("is told how long each row's sequence is", "let all sequences be equally long")
    if node.has(7) and node.array(7).any():
        raise node.refused("has weights that look into its cells (peepholes)", "use an LSTM without them")
    odd = [n for n in ("clip", "input_forget", "layout", "activation_alpha", "activation_beta")
           if node.attributes.get(n)]  # fmt: skip
    if odd:
        raise node.refused(f"has the setting {odd[0]}, which is not converted")
    if not set(bent) <= set(_KNOWN_CURVES) or len(bent) != len(usual):
        raise node.refused(f"bends its numbers by {', '.join(bent)}", "use tanh, sigmoid or relu")
    gates, wide = node.array(2).shape[1:]
    states = {node.shape(i)[-1] for i in (5, 6) if node.has(i)} - {None} | {wide}
    if gates != wide * {"GRU": 3, "LSTM": 4, "RNN": 1}[node.op] or len(states) > 1:
        raise node.refused(
            "makes its states smaller (proj_size)", "use an LSTM without it, and a linear layer"
        )
    told: dict[str, Any] = {"hidden_size": int(wide), "direction": way}  # Any: settings of a node
    if bent != usual:
        told["activations"] = list(bent)
    if node.op == "GRU":
        told["linear_before_reset"] = int(node.attributes.get("linear_before_reset", 0))
    node.array(1)  # constants, as the loader demands
    inputs = [node.tensor(i) if node.has(i) and i != 4 else "" for i in range(min(len(node.inputs), 7))]
    while not inputs[-1]:
        inputs.pop()
    return node.g.nodes(node.op, *inputs, outputs=len(node.wanted), **told)


LAYER_RULES: dict[tuple[str, str], Rule] = {
    ("", "AveragePool"): pooled("AveragePool", "ReduceMean"),
    ("", "Conv"): convolved,
    ("", "GRU"): recurrent,
    ("", "LSTM"): recurrent,
    ("", "MaxPool"): pooled("MaxPool", "ReduceMax"),
    ("", "RNN"): recurrent,
}
"""By domain and operator."""
