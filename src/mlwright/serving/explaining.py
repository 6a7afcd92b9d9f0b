"""The line of requests that want explanations, apart from the batch: one at a time, in a thread of its own.

An explanation costs as much as thousands of predictions, so that nobody who only wants those waits behind
one. Callers take turns; what would be answered too late is refused. Called by the endpoint's front, in its
loop's thread; it knows bodies and answers, not connections.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np

from mlwright.artifact import Explainer, Explanation
from mlwright.base.errors import MlwrightError
from mlwright.serving.answers import Answer, Refused, prediction_ids
from mlwright.serving.batch import HEADROOM, Batch, Job, Outcome, failure, late, overloaded
from mlwright.serving.decode import refusal, tensors
from mlwright.serving.deployed import Deployed
from mlwright.serving.dialects.rows import Rows
from mlwright.serving.metrics import ModelMetrics
from mlwright.serving.settings import ServeSettings

log = logging.getLogger("mlwright.serving")
_MEMORY = 0.8  # how much of the measured cost is kept from request to request
_FIRST_S = 0.05
"""A guess of a row's cost, which the first request replaces."""


@runtime_checkable
class Explains(Protocol):
    """A model that explains its answers."""

    def explainer(self) -> Explainer:
        """What explains decoded rows. Raises an `MlwrightError` where there is nothing to compare with."""
        ...


class Explaining:
    """Gathers explained requests of one endpoint and answers them one after another."""

    def __init__(self, batch: Batch, settings: ServeSettings, metrics: ModelMetrics) -> None:
        self._batch, self._settings, self._metrics = batch, settings, metrics
        self._most_s = settings.explain_ms / 1000.0
        self._lines: dict[str, deque[Job]] = {}
        """By caller, in the order of turns; nobody without a job."""
        self._rows = 0
        """That wait or run."""
        self._running_rows = 0
        self._bytes_per_row = 16.0 * max(1, len(batch.deployed.model.schema.features))
        self._seconds, self._counted = _FIRST_S, 1.0
        self._worker = ThreadPoolExecutor(
            1, thread_name_prefix="mlwright-explain"
        )  # starts with its first job
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop whose thread calls everything else here."""
        self._loop = loop

    def close(self) -> None:
        """Ends the worker thread once the row that it explains is done; what waits in line is not begun."""
        self._closing = True
        self._worker.shutdown(wait=True)

    @property
    def seconds_per_row(self) -> float:
        """The measured cost of an explained row."""
        return self._seconds / self._counted

    def too_late(self, caller: str = "", within_s: float = math.inf) -> Answer | None:
        """The answer (503) to a request that would be answered too late, by `explain_ms` or for its caller.

        A caller who finds nobody before him is answered if the time that he allows may do for a row.
        """
        waits = self._ahead(caller) * self.seconds_per_row
        wait = waits + self.seconds_per_row
        if wait <= HEADROOM * within_s and (not waits or wait <= HEADROOM * self._most_s):
            return None
        self._metrics.shed += 1
        in_time = not waits or wait <= HEADROOM * self._most_s  # but for the caller's own deadline
        return overloaded(max(1, math.ceil(wait)), by_deadline=in_time)

    def _ahead(self, caller: str) -> float:
        """Rows that come before the next request of `caller`, since callers take turns."""
        jobs = sum(map(len, self._lines.values()))
        if not jobs:
            return self._rows
        line = self._lines.get(caller)
        mine = len(line) if line else 0
        others = len(self._lines) - (line is not None)
        before = min(jobs, mine + (mine + 1) * others)
        return self._running_rows + (self._rows - self._running_rows) * before / jobs

    def submit(self, job: Job) -> None:
        """Queues a job."""
        size = len(job.body)
        job.rows = max(1, min(self._settings.explain_rows, round(size / self._bytes_per_row)))
        self._batch.held_bytes += size
        self._rows += job.rows
        self._lines.setdefault(job.caller, deque()).append(job)
        self._next()

    def work(self, job: Job) -> Outcome:
        """What becomes of one job. Callable from any one thread at a time."""
        deployed = self._batch.deployed
        try:
            return self._answered(deployed, job)
        except Refused as refused:
            return Outcome(refused.answer)
        except MlwrightError as error:
            return Outcome(Refused(400, "not_offered", error.message, "leave explain out").answer)
        except Exception as error:  # noqa: BLE001 - whatever a runtime raises, the server must outlive it
            log.error("a request could not be explained: %s", type(error).__name__)
            return Outcome(failure(), failed=True)

    def _answered(self, deployed: Deployed, job: Job) -> Outcome:
        if job.deadline < time.monotonic():
            return Outcome(late())
        dialect = deployed.dialect(job.dialect)
        if not isinstance(dialect, Rows) or not isinstance(deployed.model, Explains):
            raise Refused(400, "not_offered", "this model explains no answers", "leave explain out")
        rows = dialect.decode_texts(job.body, job.options, self._settings.explain_rows)
        problems = [p for of_row in rows.problems.values() for p in of_row]
        if rows.problems and (rows.single or not job.options.partial):
            return Outcome(refusal(rows.problems).answer, 0, problems, len(rows.problems))
        schema = deployed.model.schema
        numbers, strings = tensors([rows], (len(schema.numbers), len(schema.strings)))
        parts = deployed.model.explainer().each(np.asarray(numbers), strings)
        explained = list(_in_time(parts, lambda: self._closing or time.monotonic() > job.deadline))
        if len(explained) < rows.good:
            return Outcome(late())
        answer = dialect.explained(rows, job.options, prediction_ids(rows.good), explained)
        return Outcome(answer, rows.good, problems, len(rows.problems))

    def _next(self) -> None:
        if self._running_rows or not self._lines or self._closing:
            return
        caller, line = next(iter(self._lines.items()))
        job = line.popleft()
        del self._lines[caller]
        if line:
            self._lines[caller] = line  # behind all others
        self._running_rows = job.rows
        future = self._worker.submit(self._timed, job)
        future.add_done_callback(lambda f: self._hand_back(job, f))

    def _timed(self, job: Job) -> tuple[Outcome, float]:
        started = time.perf_counter()
        return self.work(job), time.perf_counter() - started

    def _hand_back(self, job: Job, future: Future[tuple[Outcome, float]]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: self._finish(job, *future.result()))

    def _finish(self, job: Job, outcome: Outcome, seconds: float) -> None:
        self._running_rows = 0
        self._rows -= job.rows
        self._batch.held_bytes -= len(job.body)
        rows = outcome.rows
        if not rows and seconds > self.seconds_per_row:
            rows = 1  # that was not done in time costs at least so much
        if rows:
            self._seconds = _MEMORY * self._seconds + seconds
            self._counted = _MEMORY * self._counted + rows
        if outcome.rows:
            self._bytes_per_row += (1.0 - _MEMORY) * (len(job.body) / outcome.rows - self._bytes_per_row)
        self._metrics.count_explained(outcome, outcome.rows)
        self._next()
        done: Callable[[Answer], None] = job.done
        try:
            done(outcome.answer)
        except Exception as error:  # noqa: BLE001 - one broken connection must not keep others waiting
            log.error("an answer could not be handed back: %s", type(error).__name__)


def _in_time(parts: Iterator[Explanation], over: Callable[[], bool]) -> Iterator[str]:
    """Explanations of one row each as JSON, as many as are made before it is `over`."""
    for part in parts:
        if over():
            return
        yield msgspec.json.encode(part.to_dicts()[0]).decode()
