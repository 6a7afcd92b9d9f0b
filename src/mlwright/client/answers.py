"""What an endpoint answers, as values: predictions, explanations, what is served; and errors from refusals.

Read by both clients from a `Reply`. Fields that a later endpoint adds are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeVar, overload

import msgspec

from mlwright.base.errors import (
    AccessRefused,
    EndpointBusy,
    EndpointFailed,
    EndpointProblem,
    RequestRefused,
    RowProblem,
    RowsRefused,
    shown,
)
from mlwright.client.asking import TOKEN_VARIABLE, Address, Reply
from mlwright.client.retries import retry_after_s

Label = str | int | bool | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What each raw column added to one answer, on the margin."""

    output: float
    base: float
    contributions: dict[str, float]
    error: dict[str, float]
    """The Monte Carlo error of each contribution; 0 where it is exact."""
    exact: bool
    reasons: list[str]
    """The largest contributions as sentences."""
    label: Label = None
    probability: float | None = None
    base_probability: float | None = None


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one row: of classes `label` and `probability`, of numbers `prediction`."""

    prediction_id: str = ""
    label: Label = None
    """None, too, where the model was asked to abstain and did."""
    probability: dict[str, float] | None = None
    prediction: float | None = None
    set: list[Label] | None = None
    """The plausible labels, where `sets=` asked for them."""
    interval: tuple[float, float] | None = None
    """The two ends, where `interval=` asked for them."""
    explanation: Explanation | None = None
    model: str = ""
    """The first digits of the digest of the model that answered."""
    problems: tuple[RowProblem, ...] = ()
    """Why the row was refused, where `partial=True` asked for the others: then there is no answer to it."""


class Predictions(Sequence[Prediction]):
    """The answers to many rows, in their order.

    >>> answers = Predictions([Prediction(prediction_id="a", prediction=2.0)], "0123456789ab")
    >>> len(answers), answers[0].prediction, answers.to_dicts()
    (1, 2.0, [{'prediction_id': 'a', 'prediction': 2.0}])
    """

    def __init__(self, rows: Sequence[Prediction], model: str) -> None:
        self._rows = rows
        self.model = model
        """The first digits of the digest of the model that answered."""

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Prediction: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Prediction]: ...
    def __getitem__(self, at: int | slice) -> Prediction | Sequence[Prediction]:
        return self._rows[at]

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"<Predictions of {len(self)} rows by {self.model}>"

    def to_dicts(self) -> list[dict[str, Any]]:  # Any: JSON values
        """A dict a row, without what was not answered: what a data frame is made from."""
        dicts: list[dict[str, Any]] = msgspec.to_builtins(self._rows)  # Any: as above
        return dicts


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One served model."""

    name: str
    version: str
    digest: str
    task: str | None = None
    target: str | None = None
    ready: bool = True
    previous: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests should be sent to an endpoint, and if not, why."""

    alive: bool
    ready: bool = False
    why: str = ""


class _Many(msgspec.Struct):
    predictions: list[Prediction]
    model: str = ""


class _Raws(msgspec.Struct):
    predictions: list[msgspec.Raw]
    model: str = ""


class _Problem(msgspec.Struct):
    row: int
    field: str
    value: str
    expected: str
    reason: str
    did_you_mean: str | None = None


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""
    remedy: str = ""
    problems: list[_Problem] = []


class _Refusal(msgspec.Struct):
    error: _Error


class _Models(msgspec.Struct):
    models: list[ModelInfo]


_REFUSAL = msgspec.json.Decoder(_Refusal)


def read_one(reply: Reply, address: Address) -> Prediction:
    """The answer to a request of one row. Raises what it says."""
    return _read(reply, address, _ONE)


def read_many(reply: Reply, address: Address, first: int, count: int) -> Predictions:
    """The answers to `count` rows, of which the first is row `first` of the caller's."""
    many = _read(reply, address, _MANY, first)
    _check_count(len(many.predictions), count, reply, address)
    return Predictions(many.predictions, many.model)


def read_partial(reply: Reply, address: Address, first: int, count: int) -> Predictions:
    """The same where rows may have been refused one by one."""
    raws = _read(reply, address, _RAWS, first)
    _check_count(len(raws.predictions), count, reply, address)
    rows: list[Prediction] = []
    for raw in raws.predictions:
        if bytes(memoryview(raw)[:9]) == b'{"error":':
            told = _decoded(raw, _REFUSAL, reply, address).error
            rows.append(Prediction(problems=_problems(told, first)))
        else:
            rows.append(_decoded(raw, _ONE, reply, address))
    return Predictions(rows, raws.model)


def read_models(reply: Reply, address: Address) -> tuple[ModelInfo, ...]:
    """The models that the caller may ask."""
    return tuple(_read(reply, address, _MODELS).models)


def read_model(reply: Reply, address: Address) -> ModelInfo:
    """The model that is meant: the one of the path, or the only one."""
    if address.model:
        return _read(reply, address, _MODEL)
    models = read_models(reply, address)
    if len(models) != 1:
        names = ", ".join(m.name for m in models) or "none"
        message = f"{len(models)} models are served here: {names}"
        raise RequestRefused(message, where=address.url, remedy=_NAME_IT, code="no_such_model")
    return models[0]


def read_dict(reply: Reply, address: Address) -> dict[str, Any]:  # Any: JSON values
    """Any JSON object."""
    return _read(reply, address, _DICT)


def read_table(reply: Reply, address: Address) -> bytes:
    """An Arrow stream."""
    if reply.status != 200:
        raise_for(reply, address)
    if not reply.headers.get("content-type", "").startswith("application/vnd.apache.arrow.stream"):
        raise _no_answer(reply, address, "no Arrow stream")
    return reply.body


def read_health(reply: Reply, address: Address) -> Health:
    """Whether it is ready, and if not, why; an endpoint that is not ready is no error."""
    if reply.status not in (200, 503):
        raise_for(reply, address)
    told = _decoded(reply.body, _HEALTH, reply, address)
    return Health(alive=True, ready=told.ready, why=told.why)


class _Ready(msgspec.Struct):
    ready: bool
    why: str = ""


def raise_for(reply: Reply, address: Address, first: int = 0) -> NoReturn:
    """Raises what an answer other than 200 says."""
    error = _error_of(reply)
    request_id = reply.headers.get("x-request-id", "")
    status, where = reply.status, address.url
    if status == 422 and error.problems:
        refused = RowsRefused(_problems(error, first), where=where)
        refused.add_note(f"request {request_id}, code {error.code}")
        raise refused
    message = error.message or f"the answer is HTTP status {status}, which says nothing more"
    kind: type[EndpointProblem] = RequestRefused
    remedy = error.remedy
    if status in (401, 403, 407):
        kind, remedy = AccessRefused, f"give token=, or set {TOKEN_VARIABLE}"
        if error.code == "scope_missing":
            remedy = error.remedy
    elif status in (429, 503):
        kind, remedy = EndpointBusy, error.remedy or "ask again later"
    elif status >= 500 or status < 400:
        kind = EndpointFailed
        remedy = error.remedy or "see whether this is the address of an endpoint, and what its log says"
    elif error.code == "no_such_model":
        remedy = "client.models() lists yours" if address.model else _NAME_IT
    elif error.code == "no_arrow":
        remedy = "predict(frame) sends JSON; or have it served with --arrow"
    elif status == 413 and "explain" not in error.remedy:  # which is asked of a few rows alone
        remedy = "send fewer in a request: predict_many(rows, batch_rows=500) does"
    made = kind(message, where=where, remedy=remedy, status=status, code=error.code, request_id=request_id)
    if isinstance(made, EndpointBusy):
        made.retry_after_s = retry_after_s(reply)
    raise made


_ONE = msgspec.json.Decoder(Prediction)
_MANY = msgspec.json.Decoder(_Many)
_RAWS = msgspec.json.Decoder(_Raws)
_MODEL = msgspec.json.Decoder(ModelInfo)
_MODELS = msgspec.json.Decoder(_Models)
_HEALTH = msgspec.json.Decoder(_Ready)
_DICT = msgspec.json.Decoder(dict[str, Any])  # Any: JSON values
_NAME_IT = "name the one that you mean: Client(url, model=...)"

T = TypeVar("T")


def _read(reply: Reply, address: Address, decoder: msgspec.json.Decoder[T], first: int = 0) -> T:
    if reply.status != 200:
        raise_for(reply, address, first)
    return _decoded(reply.body, decoder, reply, address)


def _decoded(
    data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], reply: Reply, address: Address
) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_answer(reply, address, str(error)) from error


def _check_count(found: int, expected: int, reply: Reply, address: Address) -> None:
    if found != expected:
        raise _no_answer(reply, address, f"{found} predictions for {expected} rows")


def _no_answer(reply: Reply, address: Address, why: str) -> EndpointFailed:
    return EndpointFailed(
        f"this is no answer of an endpoint of mlwright: {why}",
        where=address.url,
        remedy="see whether the address is right, and what stands in between",
        status=reply.status,
        request_id=reply.headers.get("x-request-id", ""),
    )


def _error_of(reply: Reply) -> _Error:
    """What an error says; empty where it is none of ours, such as a gateway's page."""
    try:
        return _REFUSAL.decode(reply.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Error()


def _problems(error: _Error, first: int) -> tuple[RowProblem, ...]:
    """The problems by the caller's own count of rows, with the near miss where there is one."""
    return tuple(
        RowProblem(
            first + p.row,
            p.field,
            p.value,
            p.expected,
            f"{p.reason}, did you mean {shown(p.did_you_mean)}?" if p.did_you_mean else p.reason,
        )
        for p in error.problems
    )
