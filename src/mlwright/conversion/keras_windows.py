"""Convolutions and pools of Keras, whose channels come last; the standard's come second."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.imported import Value
from mlwright.conversion.keras_desk import Desk, Layer, activated, weights_of


def check_channels(layer: Any) -> None:  # Any: a layer
    """Raises `ConversionRefused` where channels stand first."""
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ConversionRefused(
            "channels that stand first are not converted", remedy='build it with data_format="channels_last"'
        )


def _channels(desk: Desk, x: Value, *, last: bool) -> Value:
    """Channels brought to the end, or to the second place."""
    rank = len(x.shape or ())
    inner = list(range(1, rank))
    return desk.op("Transpose", x, perm=[0, *(inner[1:] + inner[:1] if last else inner[-1:] + inner[:-1])])


def _convolved(layer: Any, desk: Desk, given: list[Value]) -> Value:
    check_channels(layer)
    kernel, *bias = weights_of(layer)
    axes = kernel.ndim - 2
    weights = np.transpose(kernel, (axes + 1, axes, *range(axes)))
    told: dict[str, Any] = {  # Any: numbers and lists of them
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
        "group": int(layer.groups),
    }
    if layer.padding == "causal":
        told["pads"] = [(kernel.shape[0] - 1) * layer.dilation_rate[0], 0]
    else:
        told["auto_pad"] = _padding(layer)
    x = _channels(desk, given[0], last=False)
    held = [desk.held(v, x) for v in (weights, *bias)]
    out = desk.op("Conv", x, *held, kernel_shape=list(weights.shape[2:]), **told)
    return activated(layer.activation, desk, _channels(desk, out, last=True))


def _padding(layer: Any) -> str:  # Any: a layer
    if layer.padding not in ("same", "valid"):
        raise ConversionRefused(f"padding={layer.padding!r} is not converted", remedy="use same or valid")
    return "SAME_UPPER" if layer.padding == "same" else "VALID"


def _pooled(op: str) -> Layer:
    def rule(layer: Any, desk: Desk, given: list[Value]) -> Value:  # Any: a layer
        check_channels(layer)
        axes = len(given[0].shape or ()) - 2
        sizes = {"kernel_shape": layer.pool_size, "strides": layer.strides}
        told = {k: [v] * axes if isinstance(v, int) else list(v) for k, v in sizes.items()}
        x = _channels(desk, given[0], last=False)
        return _channels(desk, desk.op(op, x, auto_pad=_padding(layer), **told), last=True)

    return rule


def _pooled_whole(op: str) -> Layer:
    def rule(layer: Any, desk: Desk, given: list[Value]) -> Value:  # Any: a layer
        check_channels(layer)
        axes = np.arange(1, len(given[0].shape or ()) - 1)
        return desk.op(op, given[0], desk.held(axes), keepdims=int(bool(layer.keepdims)))

    return rule


WINDOWS: dict[str, Layer] = {
    "AveragePooling1D": _pooled("AveragePool"),
    "AveragePooling2D": _pooled("AveragePool"),
    "Conv1D": _convolved,
    "Conv2D": _convolved,
    "GlobalAveragePooling1D": _pooled_whole("ReduceMean"),
    "GlobalAveragePooling2D": _pooled_whole("ReduceMean"),
    "GlobalMaxPooling1D": _pooled_whole("ReduceMax"),
    "GlobalMaxPooling2D": _pooled_whole("ReduceMax"),
    "MaxPooling1D": _pooled("MaxPool"),
    "MaxPooling2D": _pooled("MaxPool"),
}
"""By class of Keras."""
