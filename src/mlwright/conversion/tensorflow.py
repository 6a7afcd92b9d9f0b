"""Functions of TensorFlow: traced by TensorFlow, written as ONNX by tf2onnx, laid from there into our graph.

TensorFlow is whatever the user holds the function in; it is never imported for anything else. A model of
Keras does not come here: its layers are read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused, ExtraMissing
from mlwright.conversion.networks import Array, Network, Outcome, Wording, matched
from mlwright.conversion.onnx_graphs import brought, laid, outcome_of, ports_of
from mlwright.graph.build import GraphBuilder

_OPSET = 18
"""The newest operator set that tf2onnx writes; it is brought to ours."""
_ONE = "give one function: of a loaded SavedModel such as loaded.signatures['serving_default']"
_PLAIN = "use plain layers, on numbers alone; texts are looked up before it"
_SPECIFIED = "give it an input_signature such as [tf.TensorSpec([None, 4], tf.float32)]"


def is_saved_model(path: Path) -> bool:
    """Whether it is a folder that TensorFlow wrote."""
    return (path / "saved_model.pb").is_file()


def is_tensorflow(model: Any) -> bool:  # Any: somebody's model
    """Whether it is a function or a module of TensorFlow, or was loaded from a SavedModel."""
    return any(t.__module__.split(".")[0] == "tensorflow" for t in type(model).__mro__)


def of_tensorflow(model: Any, names: Sequence[str], wording: Wording) -> Network:
    """A function beside the columns of an example. Any: a tf.function, a ConcreteFunction, a tf.Module, or
    what tf.saved_model.load gave."""
    kind = f"tensorflow.{type(model).__name__}"
    try:
        import onnx  # noqa: F401  # what tf2onnx needs
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ExtraMissing("converting TensorFlow's functions", "tensorflow", "tf2onnx") from error
    function = _concrete(model, len(names), kind)
    takes = _taken(function, kind)
    proto = _exported(function, takes, kind)
    ports = ports_of(proto)
    wanted = [name or spec.name for name, spec in takes]
    if len(ports) != len(takes) or (len(ports) > 1 and [p.name.split(":")[0] for p in ports] != wanted):
        raise ConversionRefused(
            f"it takes {len(takes)} tensors and uses {len(ports)} of them, or calls them otherwise",
            where=kind,
            remedy="give each a name of its own by tf.TensorSpec(..., name=), and leave out what is not used",
        )
    columns = matched(ports, names, kind)

    def ask(given: Sequence[Array]) -> tuple[Array, None]:
        return np.asarray(_answer(_called(function, takes, given), kind)), None

    def lay(g: GraphBuilder, tensors: Sequence[str]) -> Outcome:
        given = {p.name: (t, p) for p, t in zip(ports, tensors, strict=True)}
        return outcome_of(laid(proto, g, given), proto.graph.output[0].name)

    return Network(kind, ports, tuple(names), columns, lay, ask, wording)


def _concrete(model: Any, width: int, kind: str) -> Any:  # Any: as above; a ConcreteFunction
    """The one function of tensors that `model` is, or has."""
    import tensorflow as tf

    found = model
    if not hasattr(found, "get_concrete_function") and not hasattr(found, "structured_input_signature"):
        signed = getattr(found, "signatures", None) or {}
        found = signed.get("serving_default") or getattr(found, "__call__", None)  # noqa: B004  # as it is traced
    if hasattr(found, "structured_input_signature"):
        return found
    traced = list(getattr(found, "concrete_functions", ()))
    if len(traced) == 1:
        return traced[0]
    if traced or not hasattr(found, "get_concrete_function"):
        said = f"it has {len(traced)} functions" if traced else "it has no function that TensorFlow traced"
        raise ConversionRefused(said, where=kind, remedy=f"{_ONE}, or a tf.function")
    try:
        if found.input_signature is not None:
            return found.get_concrete_function()
        return found.get_concrete_function(tf.TensorSpec([None, width], tf.float32, name="x"))
    except Exception as error:  # tracing runs the user's code
        raise ConversionRefused(
            f"TensorFlow cannot trace it: {_first(error)}", where=kind, remedy=_SPECIFIED
        ) from error


def _taken(function: Any, kind: str) -> list[tuple[str, Any]]:  # Any: a ConcreteFunction; TensorSpecs
    """What the function takes: by position ("" for a name), then by name."""
    import tensorflow as tf

    places, named = function.structured_input_signature
    takes = [("", spec) for spec in places] + list(named.items())
    if not takes or not all(isinstance(spec, tf.TensorSpec) for _, spec in takes):
        raise ConversionRefused(
            "it takes something else than tensors, or nothing",
            where=kind,
            remedy="wrap it in a tf.function that takes tensors [N, M] alone",
        )
    return takes


def _called(function: Any, takes: list[tuple[str, Any]], given: Sequence[Any]) -> Any:  # Any: tensors
    import tensorflow as tf

    some = [tf.cast(value, spec.dtype) for value, (_, spec) in zip(given, takes, strict=True)]
    places = [value for value, (name, _) in zip(some, takes, strict=True) if not name]
    named = {name: value for value, (name, _) in zip(some, takes, strict=True) if name}
    return function(*places, **named)


def _answer(found: Any, kind: str) -> Any:  # Any: what a function gave; a tensor
    """The one tensor that was answered."""
    while isinstance(found, (dict, list, tuple)) and len(found) == 1:
        [found] = found.values() if isinstance(found, dict) else found
    if not hasattr(found, "dtype"):
        raise ConversionRefused(
            f"it answers {type(found).__name__}, not one tensor",
            where=kind,
            remedy="wrap it in a tf.function that returns the tensor of answers",
        )
    return found


def _exported(function: Any, takes: list[tuple[str, Any]], kind: str) -> Any:  # Any: as above; a ModelProto
    import onnx
    import tensorflow as tf
    import tf2onnx

    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=name or spec.name or f"x{i}")
        for i, (name, spec) in enumerate(takes)
    ]

    def whole(*given: Any) -> Any:  # Any: tensors
        return _answer(_called(function, takes, given), kind)

    try:
        with _quiet():
            traced = tf.function(whole, input_signature=specs, autograph=False)
            proto, _ = tf2onnx.convert.from_function(traced, input_signature=specs, opset=_OPSET)
    except ConversionRefused:
        raise
    except Exception as error:  # tracing and the exporter raise what their many parts raise
        raise ConversionRefused(
            f"tf2onnx cannot export it: {_first(error)}",
            where=kind,
            remedy=_PLAIN,
        ) from error
    _without_erfc(proto)
    foreign = sorted({n.op_type for n in proto.graph.node if not n.domain and not onnx.defs.has(n.op_type)})
    if foreign:
        raise ConversionRefused(
            f"tf2onnx has nothing for TensorFlow's operator {foreign[0]}", where=kind, remedy=_PLAIN
        )
    return brought(proto)


def _without_erfc(proto: Any) -> None:  # Any: a ModelProto
    """1 - Erf in place of Erfc, TensorFlow's exact GELU, which ONNX has not and tf2onnx leaves as it is."""
    from onnx import helper, numpy_helper

    nodes = list(proto.graph.node)
    if not any(n.op_type == "Erfc" and not n.domain for n in nodes):
        return
    one = "one of erfc"
    proto.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
    del proto.graph.node[:]
    for n in nodes:
        if n.op_type != "Erfc" or n.domain:
            proto.graph.node.append(n)
            continue
        inner = f"{n.output[0]} erf"
        proto.graph.node.append(helper.make_node("Erf", list(n.input), [inner]))
        proto.graph.node.append(helper.make_node("Sub", [one, inner], list(n.output)))


def _first(error: BaseException) -> str:
    return next((s.strip() for s in str(error).splitlines() if s.strip()), type(error).__name__)[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about its own parts."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
