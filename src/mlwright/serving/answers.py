"""What goes back: answers as bytes, refusals as JSON, and predictions written row by row.

Every error says code, message and remedy. Called by the connection, the routes and the batch; it must not
know sockets or the model.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Schema
from mlwright.serving.served import Outputs

JSON = b"application/json"
_CONTENT = b"\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Type: "
_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\nDate: ".encode() for s in HTTPStatus}
_TITLES = {s.value: s.phrase for s in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answer(NamedTuple):
    """One answer to one request. `extra` holds whole header lines without line ends."""

    status: int
    body: bytes
    kind: bytes = JSON
    extra: tuple[bytes, ...] = ()

    def to_bytes(self, date: bytes, request_id: bytes, *, close: bool, head_only: bool = False) -> bytes:
        """The answer as sent; `date` and `request_id` are values of headers."""
        status, body, kind, extra = self
        more = b"".join([b"\r\n" + line for line in extra]) if extra else b""
        if close:
            more += b"\r\nConnection: close"
        size = b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        sent = b"" if head_only else body
        return b"".join(
            (_STATUS[status], date, b"\r\nX-Request-Id: ", request_id, _CONTENT, kind, more, size, sent)
        )


class Refused(Exception):
    """A request that is answered with an error. `answer` is what to send."""

    def __init__(
        self, status: int, code: str, message: str, remedy: str, *, extra: tuple[bytes, ...] = (), **more: Any
    ) -> None:  # Any: further JSON members of the error
        super().__init__(message)
        self.code = code
        self.answer = Answer(status, error_body(code, message, remedy, **more), extra=extra)

    @classmethod
    def with_answer(cls, answer: Answer) -> Refused:
        """A refusal that is written already."""
        refused = cls.__new__(cls, answer.status)
        refused.code, refused.answer = "", answer
        return refused


def error_body(code: str, message: str, remedy: str, **more: Any) -> bytes:  # Any: JSON values
    """The body of every error.

    >>> error_body("gone", "it went", "look elsewhere")
    b'{"error":{"code":"gone","message":"it went","remedy":"look elsewhere"}}'
    """
    return msgspec.json.encode({"error": {"code": code, "message": message, "remedy": remedy, **more}})


def plain(answer: Answer) -> Answer:
    """An error of ours as {"error": "text"}, which clients of other servers expect.

    >>> plain(Answer(410, error_body("gone", "it went", "look elsewhere"))).body
    b'{"error":"it went. What to do: look elsewhere"}'
    """
    error = msgspec.json.decode(answer.body)["error"]
    text = f"{error['message']}. What to do: {error['remedy']}"
    return answer._replace(body=msgspec.json.encode({"error": text}))


def json_answer(value: Any, status: int = 200) -> Answer:  # Any: whatever JSON holds
    """`value` as a JSON answer."""
    return Answer(status, msgspec.json.encode(value))


def prediction_ids(count: int) -> list[str]:
    """`count` new identifiers: UUIDs of version 7, that is milliseconds since 1970, then 74 random bits.

    >>> a, b = prediction_ids(2)
    >>> len(a), a[14], a != b, a[:13] == b[:13]
    (36, '7', True, True)
    """
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{stamp[:8]}-{stamp[8:]}-7"
    noise = os.urandom(10 * count).hex()
    ids = []
    for at in range(0, 20 * count, 20):
        n = noise[at : at + 20]
        ids.append(f"{head}{n[:3]}-{'89ab'[int(n[3], 16) & 3]}{n[4:7]}-{n[7:19]}")
    return ids


class PredictionWriter:
    """Writes the outputs of the graph as JSON, in the terms of the schema."""

    def __init__(self, schema: Schema, digest: str) -> None:
        if schema.target is None:
            raise ValueError("a model's schema has a target")
        self.model = digest[:12]
        target = schema.target
        self._classes = len(target.classes)
        labels = [target.label(i) for i in range(self._classes)]
        self._by_index = [msgspec.json.encode(label).decode() for label in labels]
        # Any: str, int or bool; None where the model abstains
        self._by_label: dict[Any, str] = dict(zip(labels, self._by_index, strict=True)) | {None: "null"}
        names = [msgspec.json.encode(name).decode().replace("%", "%%") for name in target.classes]
        slots = ",".join(f"{name}:%r" for name in names)
        self._row = '{"prediction_id":"%s","label":%s,"probability":{' + slots + "}"
        self._label = '{"prediction_id":"%s","label":%s'
        if target.task == "regression":
            self._row = '{"prediction_id":"%s","prediction":%r'

    def rows(self, outputs: Outputs, ids: Sequence[str], brief: Sequence[bool] = ()) -> list[str]:
        """One unfinished JSON object a row: closed by `one` or `many`; where `brief`, without probabilities.

        Raises ValueError for outputs that are not finite or not as many as `ids`.
        """
        if outputs.probability is not None:
            return self._classified(outputs.probability, outputs.label, ids, brief)
        if outputs.prediction is None:
            raise ValueError("the graph gave no prediction")
        values = np.asarray(outputs.prediction, dtype=np.float64).ravel()
        if len(values) != len(ids) or not np.isfinite(values).all():
            raise ValueError("the graph gave no finite prediction for each row")
        return [self._row % pair for pair in zip(ids, values.tolist(), strict=True)]

    def _classified(
        self,
        probability: npt.NDArray[Any],
        label: npt.NDArray[Any] | None,
        ids: Sequence[str],
        brief: Sequence[bool],
    ) -> list[str]:  # Any: float32 or float64, and text, int64 or bool
        if probability.shape != (len(ids), self._classes) or not np.isfinite(probability).all():
            raise ValueError("the graph gave no finite probability of each class for each row")
        if label is None:
            texts = [self._by_index[k] for k in probability.argmax(axis=1)]
        else:
            texts = [self._by_label[value] for value in label.tolist()]
        rows = zip(ids, texts, probability.tolist(), strict=True)
        if not brief:
            return [self._row % (key, text, *values) for key, text, values in rows]
        return [
            self._label % (key, text) if short else self._row % (key, text, *values)
            for (key, text, values), short in zip(rows, brief, strict=True)
        ]

    def with_set(self, row: str, held: Sequence[int]) -> str:
        """The same unfinished object with the classes `held` beside the label."""
        return f'{row},"set":[{",".join(self._by_index[k] for k in held)}]'

    def with_interval(self, row: str, low: float, high: float) -> str:
        """The same unfinished object with the two ends beside the number."""
        return f'{row},"interval":[{low!r},{high!r}]'

    def one(self, row: str) -> bytes:
        """The answer to a request of one row."""
        return f'{row},"model":"{self.model}"}}'.encode()

    def many(self, rows: Sequence[str]) -> bytes:
        """The answer to a request of many rows: closed JSON objects in their order."""
        return f'{{"model":"{self.model}","predictions":[{",".join(rows)}]}}'.encode()
