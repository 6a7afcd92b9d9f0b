"""Tick batching and admission: every request that one wake-up of the loop delivered goes through one run.

No timer: the first request of a tick asks the loop to come back once its ready sockets are read, and by then
the batch is there. Long batches run in one worker thread while the next one gathers. Called by the endpoint,
in its loop's thread; it knows bodies and answers, not connections.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec

from mlwright.serving.answers import Answer, PredictionWriter, Refused, error_body, prediction_ids
from mlwright.serving.decode import Decoded, Problem, RowsDecoder, refusal, tensors
from mlwright.serving.metrics import Metrics
from mlwright.serving.served import Served
from mlwright.serving.settings import ServeSettings

log = logging.getLogger("mlwright.serving")
WARM_RUNS = 5
_MEMORY = 0.9  # how much of the measured cost is kept from batch to batch


class Job:
    """One request to predict. `done` is called once, on the loop's thread."""

    __slots__ = ("body", "done", "partial", "rows")

    def __init__(self, body: bytes | bytearray, partial: bool, done: Callable[[Answer], None]) -> None:
        self.body, self.partial, self.done = body, partial, done
        self.rows = 1


class Outcome(msgspec.Struct):
    """What became of one job."""

    answer: Answer
    rows: int = 0
    problems: Sequence[Problem] = ()
    bad_rows: int = 0
    failed: bool = False


class Batch:
    """Gathers jobs and runs them together."""

    def __init__(self, model: Served, settings: ServeSettings, metrics: Metrics) -> None:
        self._model, self._settings, self._metrics = model, settings, metrics
        self._decoder = RowsDecoder(model.schema)
        self._writer = PredictionWriter(model.schema, model.digest)
        self._widths = len(model.schema.numbers), len(model.schema.strings)
        self._slo_s = settings.slo_ms / 1000.0
        self._columns = frozenset(model.schema.names)
        self._queue: deque[Job] = deque()
        self._queued_rows = 0
        self._running_rows = 0
        self._scheduled = False
        self._seconds, self._rows = 1e-4, 1.0  # a guess that the first batches replace
        self._bytes_per_row = 16.0 * max(1, sum(self._widths))
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="mlwright-batch")
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop whose thread calls everything else here."""
        self._loop = loop

    def close(self) -> None:
        """Ends the worker thread once its batch is done."""
        self._worker.shutdown(wait=True)

    @property
    def seconds_per_row(self) -> float:
        """The measured cost of a row: decoding, graph and answer."""
        return self._seconds / self._rows

    @property
    def wait_s(self) -> float:
        """The predicted wait of a request that comes now."""
        return (self._queued_rows + self._running_rows) * self.seconds_per_row

    def admit(self) -> None:
        """Raises `Refused` (503) where the predicted wait is over the limit."""
        if self._queued_rows + self._running_rows and self.wait_s > self._slo_s:
            wait = self.wait_s
            after = max(1, math.ceil(wait))
            message = f"a request would wait about {wait * 1000.0:.0f} ms, over {self._settings.slo_ms:g} ms"
            raise Refused(
                503, "overloaded", message, f"try again in {after} s", extra=(b"Retry-After: %d" % after,)
            )

    def submit(self, job: Job) -> None:
        """Queues a job for the next run."""
        job.rows = max(1, round(len(job.body) / self._bytes_per_row))
        self._queue.append(job)
        self._queued_rows += job.rows
        self._schedule()

    def warm(self, row: Mapping[str, Any]) -> None:  # Any: JSON values
        """Predicts one row a few times, to load what is loaded late and to measure the cost of a row."""
        jobs = [Job(msgspec.json.encode(row), False, lambda answer: None)]
        for _ in range(WARM_RUNS):
            started = time.perf_counter()
            self.work(jobs)
        self._seconds = time.perf_counter() - started

    def work(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome a job: decoded, run together, written. Callable from any one thread at a time."""
        outcomes: list[Outcome | None] = [None] * len(jobs)
        decoded: list[tuple[int, Decoded]] = []
        for at, job in enumerate(jobs):
            try:
                rows = self._decoder.decode(job.body, max_rows=self._settings.max_rows)
            except Refused as refused:
                outcomes[at] = Outcome(refused.answer)
                continue
            if rows.problems and (rows.single or not job.partial):
                outcomes[at] = self._outcome(rows, refusal(rows.problems).answer, predicted=0)
            else:
                decoded.append((at, rows))
        for (at, rows), answer in zip(decoded, self._answers([d for _, d in decoded]), strict=True):
            outcomes[at] = self._outcome(rows, answer, predicted=rows.good)
        return [outcome for outcome in outcomes if outcome is not None]

    def _outcome(self, rows: Decoded, answer: Answer, predicted: int) -> Outcome:
        if not rows.problems and answer.status == 200:
            return Outcome(answer, predicted)
        problems = [p for of_row in rows.problems.values() for p in of_row]
        failed = answer.status == 500
        return Outcome(answer, 0 if failed else predicted, problems, len(rows.problems), failed)

    def _answers(self, decoded: Sequence[Decoded]) -> list[Answer]:
        """One answer a request; where the run fails, each runs alone, so that none fails others."""
        total = sum(d.good for d in decoded)
        try:
            lines: list[str] = []
            if total:
                outputs = self._model.run(*tensors(decoded, self._widths))
                lines = self._writer.rows(outputs, prediction_ids(total))
        except Exception as error:  # noqa: BLE001 - whatever a runtime raises, the server must outlive it
            if len(decoded) > 1:
                return [self._answers([d])[0] for d in decoded]
            # The error's text is not logged: a runtime may quote inputs in it.
            log.error("the model failed on a request of %d rows: %s", total, type(error).__name__)
            return [_failure()]
        answers, at = [], 0
        for rows in decoded:
            answers.append(Answer(200, self._body(rows, lines[at : at + rows.good])))
            at += rows.good
        return answers

    def _body(self, rows: Decoded, lines: Sequence[str]) -> bytes:
        if rows.single:
            return self._writer.one(lines[0])
        if not rows.problems:
            return self._writer.many([f"{line}}}" for line in lines])
        remaining = iter(lines)
        parts = []
        for index in range(rows.count):
            problems = rows.problems.get(index)
            if problems is None:
                parts.append(f"{next(remaining)}}}")
            else:
                parts.append(refusal({index: problems}).answer.body.decode())
        return self._writer.many(parts)

    def _schedule(self) -> None:
        if self._queue and not self._scheduled and not self._running_rows:
            assert self._loop is not None
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        jobs: list[Job] = []
        rows = 0
        while self._queue and (not jobs or rows + self._queue[0].rows <= self._settings.batch_rows):
            job = self._queue.popleft()
            jobs.append(job)
            rows += job.rows
        self._queued_rows -= rows
        self._running_rows = rows
        started = time.perf_counter()
        size = sum(len(job.body) for job in jobs)
        is_short = rows * self.seconds_per_row * 1000.0 <= self._settings.inline_ms
        if is_short and size <= self._settings.inline_body_bytes:
            self._finish(jobs, self._attempt(jobs), started)
        else:
            future = self._worker.submit(self._attempt, jobs)
            future.add_done_callback(lambda f: self._hand_back(jobs, f, started))

    def _attempt(self, jobs: Sequence[Job]) -> list[Outcome]:
        try:
            return self.work(jobs)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave callers without an answer
            log.error("a batch of %d requests failed: %s", len(jobs), type(error).__name__)
            return [Outcome(_failure(), failed=True) for _ in jobs]

    def _hand_back(self, jobs: list[Job], future: Future[list[Outcome]], started: float) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: self._finish(jobs, future.result(), started))

    def _finish(self, jobs: Sequence[Job], outcomes: Sequence[Outcome], started: float) -> None:
        seconds = time.perf_counter() - started
        self._running_rows = 0
        rows = sum(outcome.rows for outcome in outcomes)
        if rows:
            self._seconds = _MEMORY * self._seconds + seconds
            self._rows = _MEMORY * self._rows + rows
            size = sum(len(j.body) for j, o in zip(jobs, outcomes, strict=True) if o.rows)
            self._bytes_per_row = _MEMORY * self._bytes_per_row + (1.0 - _MEMORY) * size / rows
        self._count(outcomes, rows)
        for job, outcome in zip(jobs, outcomes, strict=True):
            try:
                job.done(outcome.answer)
            except Exception as error:  # noqa: BLE001 - one broken connection must not keep others waiting
                log.error("an answer could not be handed back: %s", type(error).__name__)
        self._schedule()

    def _count(self, outcomes: Sequence[Outcome], rows: int) -> None:
        metrics = self._metrics
        metrics.rows += rows
        metrics.batches += 1
        for outcome in outcomes:
            metrics.model_failures += outcome.failed
            metrics.rows_refused += outcome.bad_rows
            for problem in outcome.problems:
                column = problem.field if problem.field in self._columns else "(no such column)"
                metrics.refused_by_column[column] += 1


def _failure() -> Answer:
    return Answer(500, error_body("model_failed", "the model failed on this request", "see the server's log"))
