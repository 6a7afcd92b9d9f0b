"""The Open Inference Protocol, version 2, over REST: one tensor of shape [N] or [N, 1] for each column.

Answers are tensors called as the graph's outputs, and the prediction ids. Source: the KServe project's
Open Inference Protocol, its REST part (inference_rest.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mlwright.base.errors import nearest, shown
from mlwright.base.schema import Column, Schema
from mlwright.serving.answers import Answer, Refused, plain
from mlwright.serving.decode import Decoded
from mlwright.serving.dialects.frames import Frames, Part
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings

JsonObject = dict[str, Any]  # Any: JSON values
_DATATYPES = {"numeric": "FP64", "boolean": "BOOL"}
_LABELS = {"text": "BYTES", "integer": "INT64", "boolean": "BOOL"}
_WHOLE = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_KNOWN = (
    {"BOOL": bool, "BYTES": str} | dict.fromkeys(_WHOLE, int) | dict.fromkeys(("FP16", "FP32", "FP64"), float)
)
IDS = "prediction_id"
MOST_NAME = 256


class _Input(msgspec.Struct, frozen=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]  # Any: JSON values
    parameters: JsonObject = {}


class _Output(msgspec.Struct, frozen=True):
    name: str
    parameters: JsonObject = {}


class _Request(msgspec.Struct, frozen=True):
    inputs: list[_Input]
    id: str = ""
    outputs: list[_Output] = []
    parameters: JsonObject = {}


class OpenInference:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        self._frames = Frames(model, settings)
        self._schema, self._called, self._version = model.schema, called, model.digest[:12]
        self._request = msgspec.json.Decoder(_Request)
        self._outputs = {o["name"]: o["datatype"] for o in _outputs(model.schema)}

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        try:
            request = self._request.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise _refused(f"the body is no inference request: {error}") from error
        wanted = [o.name for o in request.outputs]
        for name in wanted:
            if name not in self._outputs:
                raise _refused(f"there is no output {shown(name)}; there are {', '.join(self._outputs)}")
        if len(set(wanted)) != len(wanted):
            raise _refused("an output is asked for twice")
        columns: dict[str, list[Any]] = {}  # Any: JSON values
        for given in request.inputs:
            if given.name not in self._schema.names:
                like = nearest(given.name, self._schema.names) if len(given.name) <= MOST_NAME else None
                hint = f"; did you mean {like!r}?" if like else ""
                raise _refused(f"the model has no input {shown(given.name)}{hint}")
            if given.name in columns:
                raise _refused(f"the input {given.name!r} comes twice")
            columns[given.name] = _column(given)
        rows = {len(values) for values in columns.values()}
        if len(rows) > 1:
            raise _refused(f"the inputs have different numbers of rows: {sorted(rows)}")
        decoded = self._frames.decode(columns, rows.pop() if rows else 0)
        decoded.asked = request.id, wanted
        return decoded

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._frames.run(decoded)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        parts = self._frames.parts(asked, outputs, ids)
        return [self._answer(rows, part) for (rows, _), part in zip(asked, parts, strict=True)]

    def refusal(self, answer: Answer) -> Answer:
        return plain(answer)

    def _answer(self, rows: Decoded, part: Part) -> Answer:
        request_id, wanted = rows.asked or ("", [])
        outputs = []
        for name in wanted or self._outputs:
            value: Any = part.ids if name == IDS else getattr(part, name)  # Any: an array, or a list
            if value is None:
                continue
            shape = list(value.shape) if hasattr(value, "shape") else [len(value)]
            data = value.ravel().tolist() if hasattr(value, "shape") else list(value)
            outputs.append({"name": name, "datatype": self._outputs[name], "shape": shape, "data": data})
        answer: JsonObject = {"model_name": self._called, "model_version": self._version, "outputs": outputs}
        return Answer(200, msgspec.json.encode(answer | ({"id": request_id} if request_id else {})))


def metadata(name: str, version: str, schema: Schema) -> JsonObject:
    """A model's metadata: a tensor for each column, and what is answered."""
    inputs = [{"name": c.name, "datatype": _datatype(c), "shape": [-1]} for c in schema.features]
    return {
        "name": name,
        "versions": [version],
        "platform": "mlwright_onnx",
        "inputs": inputs,
        "outputs": _outputs(schema),
    }


def _outputs(schema: Schema) -> list[JsonObject]:
    target = schema.target
    ids: JsonObject = {"name": IDS, "datatype": "BYTES", "shape": [-1]}
    if target is None or target.task == "regression":
        return [{"name": "prediction", "datatype": "FP64", "shape": [-1]}, ids]
    label = {"name": "label", "datatype": _LABELS[target.label_type], "shape": [-1]}
    return [label, {"name": "probability", "datatype": "FP64", "shape": [-1, len(target.classes)]}, ids]


def _datatype(column: Column) -> str:
    return _DATATYPES.get(column.kind, "BYTES")


def _column(given: _Input) -> list[Any]:  # Any: JSON values
    """The values of an input, one a row. Raises `Refused` (400)."""
    if given.parameters.get("binary_data_size") is not None:
        raise _refused(f"the input {given.name!r} comes as binary data, which is not read here")
    of_type = _KNOWN.get(given.datatype)
    if of_type is None:
        known = ", ".join(sorted(_KNOWN))
        raise _refused(f"the input {given.name!r} has the datatype {given.datatype!r}, none of {known}")
    shape = given.shape
    if not shape or min(shape) < 0 or shape[1:] not in ([], [1]):
        raise _refused(f"the input {given.name!r} has the shape {shape}; a column is [N] or [N, 1]")
    values = [v for part in given.data for v in (part if isinstance(part, list) else [part])]
    if len(values) != shape[0]:
        raise _refused(f"the input {given.name!r} has {len(values)} values for its shape {shape}")
    fits = (int, float) if of_type is float else of_type
    for value in values:
        if value is not None and (
            not isinstance(value, fits) or (isinstance(value, bool) != (of_type is bool))
        ):
            raise _refused(f"the input {given.name!r} holds a {type(value).__name__} as {given.datatype}")
    try:
        return [float(v) if of_type is float and v is not None else v for v in values]
    except OverflowError:
        raise _refused(f"the input {given.name!r} holds a number out of range") from None


def _refused(message: str) -> Refused:
    return Refused(400, "bad_request", message, "GET /v2/models/NAME lists the inputs")
