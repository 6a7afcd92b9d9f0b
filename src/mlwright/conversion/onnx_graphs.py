"""A ModelProto of somebody's brought to the pinned operator sets, and laid into a graph of ours.

Called for ONNX files and for what PyTorch exports. The onnx package reads and converts it; nothing of it is
run before each of its nodes is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.imported import KINDS, Laid, Node
from mlwright.conversion.networks import Outcome, Port
from mlwright.conversion.onnx_layers import LAYER_RULES
from mlwright.conversion.onnx_ml_rules import ML_RULES
from mlwright.conversion.onnx_rules import RULES
from mlwright.graph.build import ML, GraphBuilder

_OPSET = 21
_MOST_NODES = 20_000
_RULES = RULES | LAYER_RULES | ML_RULES


def ports_of(model: Any) -> tuple[Port, ...]:  # Any: a ModelProto
    """What it is given. Raises `ConversionRefused` for anything but tables."""
    constants = {t.name for t in model.graph.initializer}
    return tuple(_port(v) for v in model.graph.input if v.name not in constants)


def _port(value: Any) -> Port:  # Any: a ValueInfoProto
    tensor = value.type.tensor_type
    kind = KINDS.get(tensor.elem_type, "")
    where = f"input {value.name}"
    if value.type.WhichOneof("value") != "tensor_type" or kind in ("", "uint8", "int8"):
        raise ConversionRefused("it is no tensor of numbers or texts", where=where)
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if not tensor.HasField("shape") or not 1 <= len(dims) <= 2:
        raise ConversionRefused("it is not [N] or [N, M], a row for each prediction", where=where)
    if dims[0] is not None:
        raise ConversionRefused(
            f"it takes {dims[0]} rows, no more and no fewer",
            where=where,
            remedy="export it with a dynamic batch",
        )
    if len(dims) == 2 and not dims[1]:
        raise ConversionRefused(
            "the number of its columns is not told", where=where, remedy="export it with that number"
        )
    return Port(value.name, kind, dims[1] if len(dims) == 2 else None)


def brought(model: Any) -> Any:  # Any: a ModelProto
    """The same graph in the pinned operator sets, its functions in their places."""
    import onnx
    from onnx import inliner, version_converter

    if len(model.graph.node) > _MOST_NODES:
        raise ConversionRefused(
            f"its graph has {len(model.graph.node):,} nodes; {_MOST_NODES:,} are converted"
        )
    if model.graph.sparse_initializer or model.training_info:
        raise ConversionRefused("it holds sparse constants or training information")
    if model.functions:
        model = inliner.inline_local_functions(model)
    versions = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
    if versions.get("", _OPSET) == _OPSET:
        return model
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    try:
        return version_converter.convert_version(copied, _OPSET)
    except (RuntimeError, onnx.checker.ValidationError, version_converter.ConvertError) as error:
        first = next(iter(str(error).splitlines()), "")
        raise ConversionRefused(
            f"operator set {versions['']} cannot be brought to {_OPSET}: {first}",
            remedy=f"export it with opset_version={_OPSET}",
        ) from error


def laid(
    model: Any, g: GraphBuilder, given: dict[str, tuple[str, Port]]
) -> Laid:  # Any: a ModelProto, brought
    """All its nodes in `g`; `given` are the tensors that its inputs are."""
    from onnx import numpy_helper

    done = Laid(g)
    for name, (tensor, port) in given.items():
        done.begin(name, tensor, port.kind, port.width)
    for tensor in model.graph.initializer:
        if tensor.data_location:
            raise ConversionRefused(f"the constant {tensor.name!r} lies in another file that was not read")
        done.constant(tensor.name, numpy_helper.to_array(tensor))
    wanted = {name for node in model.graph.node for name in node.input} | {o.name for o in model.graph.output}
    for proto in model.graph.node:
        if proto.op_type == "ZipMap":
            continue
        done.add(_node(proto, done, wanted), _RULES)
    return done


def _node(proto: Any, done: Laid, wanted: set[str]) -> Node:  # Any: a NodeProto
    from onnx import AttributeProto, helper, numpy_helper

    attributes: dict[str, Any] = {}  # Any: numbers, texts, arrays
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    node = Node(proto.op_type, domain, proto.name, attributes, [], done)
    if domain not in ("", ML):
        raise node.refused("belongs to a library's own set", "export it with operators of the standard")
    for attribute in proto.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise node.refused(
                "runs a graph of its own: a loop or a branch", "let the model do the same for every row"
            )
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            value = numpy_helper.to_array(value)
        elif isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, (list, tuple)) or hasattr(value, "append"):
            value = [v.decode() if isinstance(v, bytes) else v for v in value]
        attributes[attribute.name] = value
    for name in proto.input:
        if name and name not in done.of:
            raise node.refused(f"asks for {name!r}, which nothing before it makes")
        node.inputs.append(done.of[name] if name else None)
    node.wanted = list(proto.output)
    while len(node.wanted) > 1 and node.wanted[-1] not in wanted and _may_lack(node, len(node.wanted) - 1):
        node.wanted.pop()
    return node


def _may_lack(node: Node, i: int) -> bool:
    """Whether output `i` may be left out where nothing asks for it: how many parts a Split has is what it
    does."""
    from onnx import defs

    try:
        outputs = defs.get_schema(node.op, 5 if node.domain else _OPSET, node.domain).outputs
    except defs.SchemaError:
        return False
    return i < len(outputs) and outputs[i].option == defs.OpSchema.FormalParameterOption.Optional


def outcome_of(done: Laid, name: str) -> Outcome:
    """What the output `name` is, and what is done last to make it."""
    value = done.of.get(name)
    if value is None:
        raise ConversionRefused(f"nothing makes its output {name!r}")
    if (
        value.shape is None
        or len(value.shape) not in (1, 2)
        or value.shape[0] is not None
        or None in value.shape[1:]
    ):
        shape = "unknown" if value.shape is None else [("N" if s is None else s) for s in value.shape]
        raise ConversionRefused(
            f"its output {name!r} has the shape {shape}",
            remedy="let it answer [N] or [N, K], a row for each row",
        )
    width = value.shape[1] if len(value.shape) == 2 else None
    final = before = ""
    last, squeezed = value.made_by, value
    while (
        last is not None
        and last.op in ("Squeeze", "Reshape", "Identity", "Flatten", "Cast")
        and last.inputs[0]
    ):
        squeezed = last.inputs[0]
        last = squeezed.made_by
    if last is not None and last.op.endswith("Regressor"):
        final = "Regressor"
    if last is not None and last.op in ("Sigmoid", "Softmax", "LogSoftmax") and not last.domain:
        along = last.op == "Sigmoid" or last.axis(-1) == last.rank() - 1
        if along and last.kind == value.kind:
            final, before = last.op, last.tensor()
            if squeezed is not value:
                before = done.g.node("Reshape", before, done.g.constant(np.array([-1, width or 1])))
    return Outcome(done.tensor(value), value.kind, width, final, before)
