"""AsyncClient: the same questions from asyncio. A call that is cancelled ends its connection."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from mlwright.base.errors import EndpointTooSlow, EndpointUnreachable
from mlwright.client import questions
from mlwright.client.answers import Health, ModelInfo, Prediction, Predictions
from mlwright.client.asking import Address, Asked, Options, counted
from mlwright.client.async_wire import AsyncWire
from mlwright.client.retries import Retries, Tries, told
from mlwright.client.rows import Frame, Row, Rows

T = TypeVar("T")


class AsyncClient:
    """One endpoint, and one of its models where it serves several. It belongs to the loop that first asks.

    Each method raises `EndpointUnreachable`, `EndpointTooSlow`, `EndpointBusy`, `AccessRefused`,
    `RequestRefused` or `EndpointFailed` (all of them `EndpointProblem`), and `RowsRefused` for rows that
    break the model's schema.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        token: str | None = None,
        timeout_s: float = 10.0,
        retries: Retries | None = None,
        ca_file: str = "",
        connections: int = 16,
    ) -> None:
        """`url` is such as https://models.example.org. Without `token`, the variable MLWRIGHT_TOKEN is asked.

        `timeout_s` is for one try, from its beginning to the end of its answer; `ca_file` is a PEM file of
        whoever signed the certificate, where the system does not know them. At most so many `connections` are
        open at a time; further calls wait for one.
        """
        self._address = Address(url, model, token, timeout_s)
        self._retries = told(retries)
        self._wire = AsyncWire(self._address, ca_file, counted(connections))
        self._draw, self._sleep = random.Random(), asyncio.sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient of {self._address!r}>"

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()

    @overload
    async def predict(
        self,
        rows: Row,
        *,
        partial: bool = False,
        proba: bool = True,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Prediction: ...
    @overload
    async def predict(
        self,
        rows: Rows,
        *,
        partial: bool = False,
        proba: bool = True,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Predictions: ...
    async def predict(
        self,
        rows: Row | Rows,
        *,
        partial: bool = False,
        proba: bool = True,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Prediction | Predictions:
        """The prediction for one row (a dict), or those for a list of rows or a frame, in one request.

        With `partial`, a row that breaks the schema keeps its place and says why in `problems`; otherwise
        such rows are `RowsRefused`, and none is predicted. `sets`, `interval` and `abstain` are error rates,
        as in `Model.predict_set`, `Model.predict_interval` and `Model.predict`.
        """
        options = Options(partial, proba, sets, interval, abstain)
        return await self._ask(questions.of_any(self._address, rows, options))

    @overload
    async def explain(
        self,
        rows: Row,
        *,
        partial: bool = False,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Prediction: ...
    @overload
    async def explain(
        self,
        rows: Rows,
        *,
        partial: bool = False,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Predictions: ...
    async def explain(
        self,
        rows: Row | Rows,
        *,
        partial: bool = False,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> Prediction | Predictions:
        """The same with what each column added to each answer, in `explanation`. Endpoints take few such rows
        at a time (16, unless said otherwise): each costs as much as thousands of predictions."""
        options = Options(partial, True, sets, interval, abstain, explain=True)
        return await self._ask(questions.of_any(self._address, rows, options))

    def predict_many(
        self,
        rows: Rows,
        *,
        batch_rows: int = 500,
        at_once: int = 4,
        partial: bool = False,
        proba: bool = True,
        sets: float | None = None,
        interval: float | None = None,
        abstain: float | None = None,
    ) -> AsyncIterator[Prediction]:
        """The predictions for any number of rows, in their order, by requests of at most `batch_rows` rows
        (and 4 MiB), of which `at_once` are under way. Rows are read as they are needed; problems name rows by
        their number among all. The first request that fails ends it, and so does leaving the loop over it
        within `contextlib.aclosing`."""
        options = Options(partial, proba, sets, interval, abstain)
        return self._in_order(questions.of_parts(self._address, rows, batch_rows, at_once, options), at_once)

    async def predict_frame(self, frame: Frame, *, proba: bool = True) -> Any:  # Any: a frame
        """A frame of answers to a frame, row by row, of the same library; both travel as Arrow streams.

        For large frames, at endpoints that were started with `--arrow`. The rules are those of files: columns
        that the model does not know are let be. pandas and pyarrow need the extra `arrow` here.
        """
        return await self._ask(questions.of_frame(self._address, frame, proba=proba))

    async def schema(self) -> dict[str, Any]:  # Any: JSON values
        """What a row holds, as JSON Schema with an example."""
        return await self._ask(questions.of_schema(self._address))

    async def metadata(self) -> ModelInfo:
        """The model that answers: its name, version, digest, task and target."""
        return await self._ask(questions.of_model(self._address))

    async def models(self) -> tuple[ModelInfo, ...]:
        """All models that you may ask."""
        return await self._ask(questions.of_models(self._address))

    async def health(self) -> Health:
        """Whether requests should be sent there now, by a single try; an endpoint that does not answer is not
        alive, which is no error here."""
        asked = questions.of_health(self._address)
        try:
            return asked.read(await self._wire.send(asked))
        except (EndpointUnreachable, EndpointTooSlow) as error:
            return Health(alive=False, why=error.message)

    async def _ask(self, asked: Asked[T]) -> T:
        tries = Tries(self._retries, self._draw)
        while True:
            try:
                reply = await self._wire.send(asked)
            except EndpointUnreachable as error:
                pause_s = tries.after_break(error)
            else:
                again_s = tries.after(reply)
                if again_s is None:
                    return asked.read(reply)
                pause_s = again_s
            await self._sleep(pause_s)

    async def _in_order(self, parts: Iterator[Asked[Predictions]], at_once: int) -> AsyncIterator[Prediction]:
        waiting: deque[asyncio.Task[Predictions]] = deque()
        try:
            for asked in parts:
                waiting.append(asyncio.create_task(self._ask(asked)))
                if len(waiting) == at_once:
                    for prediction in await waiting[0]:
                        yield prediction
                    waiting.popleft()
            while waiting:
                for prediction in await waiting[0]:
                    yield prediction
                waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
