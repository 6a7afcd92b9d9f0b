"""Every question that a client can ask, as an `Asked`: the one list that both clients share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial as with_
from typing import Any

from mlwright.base.errors import Misuse
from mlwright.client import answers, rows
from mlwright.client.answers import Health, ModelInfo, Prediction, Predictions
from mlwright.client.asking import Address, Asked, Options, Reply
from mlwright.client.rows import Frame, Part, Row, Rows

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


def of_any(address: Address, some: Row | Rows, options: Options) -> Asked[Prediction | Predictions]:
    """The prediction for one row, or those for several, in one request."""
    if isinstance(some, Mapping):
        return of_row(address, some, options)
    return _of_part(address, rows.whole(some), options)


def of_row(address: Address, row: Row, options: Options) -> Asked[Prediction]:
    """The prediction for one row."""
    if options.partial:
        raise Misuse("of one row there are no others to answer", remedy="leave partial out, or give a list")
    path = address.of_model("/predict") + options.query
    return address.post(path, JSON, rows.one(row), with_(answers.read_one, address=address))


def of_parts(
    address: Address, some: Rows, batch_rows: int, at_once: int, options: Options
) -> Iterator[Asked[Predictions]]:
    """The same in requests of bounded size, each made when it is its turn. Raises `Misuse` at once."""
    if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
        raise Misuse(f"{at_once!r} requests at once are none", remedy="give at_once from 1 on")
    return (_of_part(address, part, options) for part in rows.parts(some, batch_rows))


def of_frame(address: Address, frame: Frame, *, proba: bool) -> Asked[Any]:  # Any: a frame
    """A frame of answers to a frame, in one request, as Arrow."""

    def read(reply: Reply) -> Any:  # Any: a frame of the same library
        return rows.frame_like(frame, answers.read_table(reply, address))

    path = address.of_model("/predict") + Options(proba=proba).query
    return address.post(path, ARROW, rows.arrow_of(frame), read)


def of_schema(address: Address) -> Asked[dict[str, Any]]:  # Any: JSON values
    """What a row holds, as JSON Schema."""
    return address.get(address.of_model("/schema"), with_(answers.read_dict, address=address))


def of_model(address: Address) -> Asked[ModelInfo]:
    """The model that is meant."""
    path = address.of_model("") or "/models"
    return address.get(path, with_(answers.read_model, address=address))


def of_models(address: Address) -> Asked[tuple[ModelInfo, ...]]:
    """All models that the caller may ask."""
    return address.get("/models", with_(answers.read_models, address=address))


def of_health(address: Address) -> Asked[Health]:
    """Whether requests should be sent there."""
    return address.get("/ready", with_(answers.read_health, address=address))


def _of_part(address: Address, part: Part, options: Options) -> Asked[Predictions]:
    read = answers.read_partial if options.partial else answers.read_many
    reads = with_(read, address=address, first=part.first, count=part.rows)
    return address.post(address.of_model("/predict") + options.query, JSON, part.body, reads)
