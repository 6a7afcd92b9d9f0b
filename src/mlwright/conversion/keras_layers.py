"""Models of Keras 3, on whatever backend: their layers read one by one and laid as nodes.

Nothing is exported: a layer's settings and weights say what it does. A layer that is not listed here is
refused by its name, and so is a model whose `call` is code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused, Misuse
from mlwright.conversion.imported import KINDS, Array, Laid, Value
from mlwright.conversion.keras_desk import Desk, Layer, activated, weights_of
from mlwright.conversion.keras_recurrent import RECURRENT
from mlwright.conversion.keras_windows import WINDOWS, check_channels
from mlwright.conversion.names import kind_of
from mlwright.conversion.networks import Network, Outcome, Port, Wording, matched
from mlwright.conversion.onnx_graphs import outcome_of
from mlwright.graph.build import GraphBuilder

_NUMBERS = {name: number for number, name in KINDS.items()}


def is_keras(model: Any) -> bool:  # Any: somebody's model
    """Whether it is a `keras.Model` of Keras 3, of whatever class."""
    return any(
        (t.__module__, t.__qualname__) == ("keras.src.models.model", "Model") for t in type(model).__mro__
    )


def of_keras(model: Any, names: Sequence[str], wording: Wording) -> Network:  # Any: a keras.Model
    """A model of Keras beside the columns of an example."""
    kind = f"keras.{type(model).__name__}"
    if kind_of(model) not in ("keras.Sequential", "keras.Functional"):
        raise ConversionRefused(
            "its call is code of its own, which cannot be read", where=kind,
            remedy="build it as keras.Sequential, or by the functional API",
        )  # fmt: skip
    if not model.built or not getattr(model, "inputs", None):
        raise Misuse(f"{kind} has not been built", remedy="call it once on the example, or give it an Input")
    ports = tuple(_port(t, kind) for t in model.inputs)
    columns = matched(ports, names, kind)
    by_name = isinstance(getattr(model, "_inputs_struct", None), dict)

    def ask(given: Sequence[Array]) -> tuple[Array, None]:
        from keras import ops

        feeds: Any = {p.name: a for p, a in zip(ports, given, strict=True)} if by_name else list(given)
        found = model(feeds if by_name or len(given) > 1 else given[0], training=False)
        return np.asarray(ops.convert_to_numpy(found)), None

    def lay(g: GraphBuilder, tensors: Sequence[str]) -> Outcome:
        done = Laid(g)
        for port, tensor in zip(ports, tensors, strict=True):
            done.begin(port.name, tensor, port.kind, port.width)
        out = _laid(model, Desk(done), [done.of[p.name] for p in ports])
        done.of["answer"] = out
        return outcome_of(done, "answer")

    return Network(kind, ports, tuple(names), columns, lay, ask, wording)


def _port(tensor: Any, kind: str) -> Port:  # Any: a KerasTensor
    shape, dtype = tuple(tensor.shape), str(tensor.dtype)
    if dtype not in ("float32", "float64", "int32", "int64") or len(shape) not in (1, 2) or None in shape[1:]:
        raise ConversionRefused(
            f"its input {tensor.name!r} is {dtype} {list(shape)}", where=kind,
            remedy="let it take numbers [N, M]; look texts up before it",
        )  # fmt: skip
    return Port(str(tensor.name), dtype, shape[1] if len(shape) == 2 else None)


def _laid(model: Any, desk: Desk, inputs: Sequence[Value]) -> Value:  # Any: a Sequential or Functional
    if kind_of(model) == "keras.Sequential":
        [out] = inputs
        for layer in model.layers:
            out = _layer(layer, desk, [out])
        return out
    known = {id(t): v for t, v in zip(model.inputs, inputs, strict=True)}
    for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            if node.is_input:
                continue
            given = [known[id(t)] for t in node.input_tensors]
            out = _layer(node.operation, desk, given, node.arguments)
            if len(node.outputs) != 1:
                raise ConversionRefused("it gives several tensors", where=str(node.operation.name))
            known[id(node.outputs[0])] = out
    if len(model.outputs) != 1:
        raise ConversionRefused(
            f"it has {len(model.outputs)} outputs", remedy="convert a model for each of them"
        )
    return known[id(model.outputs[0])]


def _layer(layer: Any, desk: Desk, given: list[Value], arguments: Any = None) -> Value:
    """What a layer makes of what it is given. Any: a layer; how it was called"""
    kind, name = kind_of(layer), str(layer.name)
    try:
        if kind in ("keras.Sequential", "keras.Functional"):
            return _laid(layer, desk, given)
        rule = LAYERS.get(kind.removeprefix("keras."))
        of_ops = (
            type(layer).__module__.startswith("keras.src.ops.") and kind.removeprefix("keras.") not in _ALIKE
        )
        if rule is None or of_ops or not kind.startswith("keras."):
            raise ConversionRefused(
                f"the layer {kind} is not converted", remedy="use other layers, or do its work before"
            )
        if (
            getattr(layer, "quantization_mode", None)
            or str(getattr(layer, "compute_dtype", "float32")) not in _NUMBERS
        ):
            raise ConversionRefused(
                "it does not work in float32 or float64", remedy="build it without a policy of its own"
            )
        if arguments is not None and any(v is not None for k, v in arguments.kwargs.items() if k == "mask"):
            raise ConversionRefused("it is given a mask, which is not converted")
        return rule(layer, desk, given)
    except ConversionRefused as refused:
        refused.where = f"{name} > {refused.where}" if refused.where else f"{name} ({type(layer).__name__})"
        raise


def _dense(layer: Any, desk: Desk, given: list[Value]) -> Value:
    kernel, *bias = weights_of(layer)
    out = desk.op("MatMul", given[0], desk.held(kernel, given[0]))
    out = desk.op("Add", out, desk.held(bias[0], given[0])) if bias else out
    return activated(layer.activation, desk, out)


def _activation(layer: Any, desk: Desk, given: list[Value]) -> Value:
    return activated(layer.activation, desk, given[0])


def _relu(layer: Any, desk: Desk, given: list[Value]) -> Value:
    if float(layer.threshold):
        raise ConversionRefused("a threshold is not converted", remedy="leave it out")
    slope = float(layer.negative_slope)
    out = desk.op("LeakyRelu", given[0], alpha=slope) if slope else desk.op("Relu", given[0])
    return out if layer.max_value is None else desk.op("Min", out, desk.held(layer.max_value, out))


def _softmax(layer: Any, desk: Desk, given: list[Value]) -> Value:
    if not isinstance(layer.axis, int):
        raise ConversionRefused("a softmax over several axes is not converted")
    return desk.op("Softmax", given[0], axis=layer.axis)


def _normalised(layer: Any, desk: Desk, given: list[Value]) -> Value:
    """Normalization, by the mean and variance of what it was adapted to."""
    if layer.invert:
        raise ConversionRefused("invert=True is not converted")
    from keras import ops

    x = given[0]
    mean, spread = (np.asarray(ops.convert_to_numpy(v)) for v in (layer.mean, layer.variance))
    size = np.maximum(np.sqrt(spread), np.asarray(1e-7, spread.dtype))  # as Keras bounds it
    return desk.op("Div", desk.op("Sub", x, desk.held(mean, x)), desk.held(size, x))


def _batch(layer: Any, desk: Desk, given: list[Value]) -> Value:
    x, weights = given[0], weights_of(layer)
    rank = len(x.shape or ())
    if layer.axis not in (-1, rank - 1):
        raise ConversionRefused("it is converted along the last axis only")
    gamma = weights.pop(0) if layer.scale else 1.0
    beta = weights.pop(0) if layer.center else 0.0
    mean, spread = weights
    factor = np.asarray(gamma, np.float64) / np.sqrt(spread.astype(np.float64) + layer.epsilon)
    out = desk.op("Mul", desk.op("Sub", x, desk.held(mean, x)), desk.held(factor, x))
    return desk.op("Add", out, desk.held(beta, x)) if layer.center else out


def _layer_norm(layer: Any, desk: Desk, given: list[Value]) -> Value:
    x, weights = given[0], weights_of(layer)
    rank = len(x.shape or ())
    if [a % rank for a in np.atleast_1d(layer.axis)] != [rank - 1] or getattr(layer, "rms_scaling", False):
        raise ConversionRefused("it is converted along the last axis only")
    width = (x.shape or (1,))[-1] or 1
    gamma = weights.pop(0) if layer.scale else np.ones(width)
    beta = weights.pop(0) if layer.center else np.zeros(width)
    return desk.op(
        "LayerNormalization",
        x,
        desk.held(gamma, x),
        desk.held(beta, x),
        axis=-1,
        epsilon=float(layer.epsilon),
    )


def _rescaled(layer: Any, desk: Desk, given: list[Value]) -> Value:
    out = desk.op("Mul", given[0], desk.held(layer.scale, given[0]))
    return desk.op("Add", out, desk.held(layer.offset, given[0]))


def _embedded(layer: Any, desk: Desk, given: list[Value]) -> Value:
    if layer.mask_zero:
        raise ConversionRefused("mask_zero=True is not converted", remedy="build it without a mask")
    codes = given[0] if given[0].kind == "int64" else desk.op("Cast", given[0], to=_NUMBERS["int64"])
    return desk.op("Gather", desk.held(weights_of(layer)[0]), codes, axis=0)


def _flat(layer: Any, desk: Desk, given: list[Value]) -> Value:
    check_channels(layer)
    return desk.op("Reshape", given[0], desk.held(np.array([0, -1])))


def _reshaped(layer: Any, desk: Desk, given: list[Value]) -> Value:
    return desk.op("Reshape", given[0], desk.held(np.array([0, *layer.target_shape])))


def _same(layer: Any, desk: Desk, given: list[Value]) -> Value:
    return desk.op("Identity", given[0])


def _together(op: str) -> Layer:
    def rule(layer: Any, desk: Desk, given: list[Value]) -> Value:
        out = given[0]
        if len(given) < 2:
            raise ConversionRefused(
                "it is given a number of its own, which is not converted", remedy="use a layer"
            )
        for other in given[1:]:
            out = desk.op(op, out, other)
        return out

    return rule


def _average(layer: Any, desk: Desk, given: list[Value]) -> Value:
    out = _together("Add")(layer, desk, given)
    return desk.op("Div", out, desk.held(float(len(given)), out))


def _joined(layer: Any, desk: Desk, given: list[Value]) -> Value:
    return desk.op("Concat", *given, axis=layer.axis)


def _sloped(layer: Any, desk: Desk, given: list[Value]) -> Value:
    return desk.op("PRelu", given[0], desk.held(weights_of(layer)[0], given[0]))


_ALIKE = ("Add", "Concatenate", "Maximum", "Minimum", "Multiply", "Softmax", "Subtract")
"""Operations of keras.ops that are read as the layers of the same name."""
LAYERS: dict[str, Layer] = {
    **RECURRENT,
    **WINDOWS,
    "Activation": _activation,
    "ActivityRegularization": _same,
    "Add": _together("Add"),
    "AlphaDropout": _same,
    "Average": _average,
    "BatchNormalization": _batch,
    "Concatenate": _joined,
    "Dense": _dense,
    "Dropout": _same,
    "ELU": lambda layer, desk, given: desk.op("Elu", given[0], alpha=float(layer.alpha)),
    "Embedding": _embedded,
    "Flatten": _flat,
    "GaussianDropout": _same,
    "GaussianNoise": _same,
    "Identity": _same,
    "InputLayer": _same,
    "LayerNormalization": _layer_norm,
    "LeakyReLU": lambda layer, desk, given: desk.op("LeakyRelu", given[0], alpha=float(layer.negative_slope)),
    "Maximum": _together("Max"),
    "Minimum": _together("Min"),
    "Multiply": _together("Mul"),
    "Normalization": _normalised,
    "PReLU": _sloped,
    "ReLU": _relu,
    "Rescaling": _rescaled,
    "Reshape": _reshaped,
    "Softmax": _softmax,
    "SpatialDropout1D": _same,
    "SpatialDropout2D": _same,
    "Subtract": _together("Sub"),
}
"""By class of Keras."""
