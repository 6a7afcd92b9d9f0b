"""What KServe v1 and TensorFlow Serving speak: {"instances": [rows]} in, {"predictions": [...]} out.

A row is an object of field names and values, held to the same rules as mlwright's own JSON. A prediction is
a number, or an object with a label and the probability of each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mlwright.serving.answers import Answer, Refused, plain
from mlwright.serving.decode import Decoded, RowsDecoder
from mlwright.serving.dialects.frames import Frames, Part
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings


class _Request(msgspec.Struct, frozen=True):
    instances: msgspec.Raw
    signature_name: str = ""


class Instances:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        self._frames = Frames(model, settings)
        self._decoder, self._max_rows = RowsDecoder(model.schema), settings.max_rows
        self._request = msgspec.json.Decoder(_Request)
        target = model.schema.target
        self._classes = target.classes if target else ()

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        try:
            rows = bytes(self._request.decode(body).instances)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            message = f'the body is not {{"instances": [...]}}: {error}'
            raise Refused(400, "not_rows", message, "GET /schema shows an example row") from error
        if rows[:1] != b"[":
            raise Refused(400, "not_rows", "instances is no array of rows", "send an array of objects")
        return self._decoder.decode(rows, max_rows=self._max_rows)

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._frames.run(decoded)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        parts = self._frames.parts(asked, outputs, ids)
        return [Answer(200, msgspec.json.encode({"predictions": self._predictions(part)})) for part in parts]

    def refusal(self, answer: Answer) -> Answer:
        return plain(answer)

    def _predictions(self, part: Part) -> list[Any]:  # Any: JSON values
        if part.prediction is not None:
            return list(part.prediction.tolist())
        labels = part.label or []
        if part.probability is None:
            return [{"label": label} for label in labels]
        return [
            {"label": label, "probability": dict(zip(self._classes, row, strict=True))}
            for label, row in zip(labels, part.probability.tolist(), strict=True)
        ]
