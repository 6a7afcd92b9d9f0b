"""Tick batching and admission: every request that one wake-up of the loop delivered goes through one run.

No timer: the first request of a tick asks the loop to come back once its ready sockets are read, and by then
the batch is there; where fewer came than the last two runs answered, the loop looks at its sockets again for
as long as each look brings more. Long batches run in one worker thread while the next one gathers. Callers
take turns, so that one who asks much waits for himself. Called by the endpoint, in its loop's thread; it
knows bodies and answers, not connections.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.artifact import overflow
from mlwright.base.schema import Schema
from mlwright.serving.answers import Answer, Refused, error_body, prediction_ids
from mlwright.serving.decode import Decoded, Problem, refusal
from mlwright.serving.deployed import Deployed
from mlwright.serving.dialects import Dialect
from mlwright.serving.metrics import ModelMetrics
from mlwright.serving.options import PLAIN, Options
from mlwright.serving.settings import ServeSettings

log = logging.getLogger("mlwright.serving")
WARM_RUNS, WARM_ROWS, WARM_S = 5, 32, 0.05
_MEMORY = 0.9  # how much of the measured cost is kept from batch to batch
RUN_SHARE, HEADROOM = 0.15, 0.7
"""A run takes at most this share of the SLO, so that nobody waits long for his neighbours' rows; and what is
predicted to take more than the other share is refused, for predictions err."""
_NEVER = math.inf


class Job:
    """One request to predict. `done` is called once, on the loop's thread."""

    __slots__ = ("body", "caller", "deadline", "dialect", "done", "options", "rows", "since")

    def __init__(
        self,
        body: bytes | bytearray,
        done: Callable[[Answer], None],
        options: Options = PLAIN,
        dialect: str = "rows",
        caller: str = "",
        deadline: float = _NEVER,
    ) -> None:
        self.body, self.done, self.options, self.dialect = body, done, options, dialect
        self.caller, self.deadline = caller, deadline
        """Who asks, and until when an answer is of use to him, in seconds of `time.monotonic`."""
        self.since = time.perf_counter()
        self.rows = 1


class Outcome(msgspec.Struct):
    """What became of one job."""

    answer: Answer
    rows: int = 0
    problems: Sequence[Problem] = ()
    bad_rows: int = 0
    failed: bool = False


class _Line:
    """What one caller waits for."""

    __slots__ = ("jobs", "rows")

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.rows = 0


class Batch:
    """Gathers jobs and runs them together, on whatever is deployed when they run."""

    def __init__(self, deployed: Deployed, settings: ServeSettings, metrics: ModelMetrics) -> None:
        self.deployed = deployed
        self._settings, self._metrics = settings, metrics
        self._slo_s = settings.slo_ms / 1000.0
        self._lines: dict[str, _Line] = {}
        """By caller, in the order of turns; nobody without a job."""
        self.held_bytes = 0
        """Bodies that wait or run."""
        self._queued_rows = 0
        self._running_rows = 0
        self._running_since = 0.0
        self._runs = 0
        """Begun and not yet handed back: while one runs, a second waits, so that the worker never does."""
        self._scheduled = False
        self._seen_rows = 0
        self._usual_rows = (0, 0)
        """Of the last two runs: callers who wait for answers ask again about together, though not at once."""
        self._seconds, self._rows = 1e-4, 1.0  # a guess that the first batches replace
        self.seconds_per_row = self._seconds
        """The measured cost of a row: decoding, graph and answer."""
        schema = deployed.model.schema
        self._bytes_per_row = 16.0 * max(1, len(schema.numbers) + len(schema.strings))
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="mlwright-batch")
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop whose thread calls everything else here."""
        self._loop = loop

    def close(self) -> None:
        """Ends the worker thread once its batch is done."""
        self._worker.shutdown(wait=True)

    @property
    def queued_rows(self) -> int:
        """Rows that wait or run."""
        return self._queued_rows + self._running_rows

    def wait_s(self, caller: str = "") -> float:
        """When a request of `caller` that comes now would be answered, by prediction, in seconds from now."""
        line = self._lines.get(caller)
        mine = line.rows if line else 0
        callers = len(self._lines) + (line is None)
        ahead = min(self._queued_rows, (mine + 1) * callers)
        running = 0.0
        if self._running_rows:
            gone = time.perf_counter() - self._running_since
            running = max(0.0, self._running_rows * self.seconds_per_row - gone)
        return running + (ahead + 1) * self.seconds_per_row

    def too_late(self, caller: str = "", within_s: float = _NEVER) -> Answer | None:
        """The answer (503) to a request that would be answered too late, by the SLO or for its caller; None
        where it may come. Nothing is made anew for it: under overload this is what most requests get."""
        most = HEADROOM * min(self._slo_s, within_s)
        ahead = self._queued_rows + self._running_rows
        if not ahead or (ahead + 1) * self.seconds_per_row <= most:
            return None  # whoever's turn it is
        wait = self.wait_s(caller)
        if wait <= most:
            return None
        self._metrics.shed += 1
        return overloaded(max(1, math.ceil(wait)), by_deadline=wait <= HEADROOM * self._slo_s)

    def submit(self, job: Job) -> None:
        """Queues a job for the next run."""
        size = len(job.body)
        job.rows = max(1, round(size / self._bytes_per_row))
        self.held_bytes += size
        line = self._lines.get(job.caller)
        if line is None:
            line = self._lines[job.caller] = _Line()
        line.jobs.append(job)
        line.rows += job.rows
        self._queued_rows += job.rows
        self._schedule()

    def warm(self, row: Mapping[str, Any]) -> None:  # Any: JSON values
        """Predicts one row a few times, to load what is loaded late, then several where that takes no
        time, for the cost of a row: alone it costs several times as much, and by that the first callers under
        load would be refused."""
        jobs = [Job(msgspec.json.encode(row), lambda answer: None)]
        for _ in range(WARM_RUNS):
            seconds = self._timed(jobs)
        if seconds * WARM_ROWS <= WARM_S:
            seconds = min(self._timed(jobs * WARM_ROWS) for _ in range(2)) / WARM_ROWS
        self._seconds, self._rows = seconds, 1.0
        self.seconds_per_row = seconds

    def _timed(self, jobs: Sequence[Job]) -> float:
        started = time.perf_counter()
        self.work(jobs)
        return time.perf_counter() - started

    def work(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome a job: decoded, run together, written. Callable from any one thread at a time."""
        deployed = self.deployed
        outcomes: list[Outcome | None] = [None] * len(jobs)
        groups: dict[str, list[tuple[int, Decoded]]] = {}
        now, stages = time.monotonic(), self._metrics.stages
        began = time.perf_counter()
        for at, job in enumerate(jobs):
            if job.deadline < now:
                outcomes[at] = Outcome(deployed.dialect(job.dialect).refusal(late()))
                continue
            dialect = deployed.dialect(job.dialect)
            try:
                rows = dialect.decode(job.body, job.options)
            except Refused as refused:
                outcomes[at] = Outcome(dialect.refusal(refused.answer))
                continue
            except Exception as error:  # noqa: BLE001 - a fault of ours must not cost others their answers
                log.error("a request could not be decoded: %s", type(error).__name__)
                outcomes[at] = Outcome(dialect.refusal(failure()), failed=True)
                continue
            if rows.problems and (rows.single or not job.options.partial):
                answer = dialect.refusal(refusal(rows.problems).answer)
                outcomes[at] = self._outcome(rows, answer, predicted=0)
            else:
                groups.setdefault(job.dialect, []).append((at, rows))
        stages["decode"].add(time.perf_counter() - began)
        for name, group in groups.items():
            asked = [(rows, jobs[at].options) for at, rows in group]
            answers = self._answers(deployed.dialect(name), asked)
            for (at, rows), answer in zip(group, answers, strict=True):
                outcomes[at] = self._outcome(rows, answer, predicted=rows.good)
        return [outcome for outcome in outcomes if outcome is not None]

    def _outcome(self, rows: Decoded, answer: Answer, predicted: int) -> Outcome:
        if not rows.problems and answer.status == 200:
            return Outcome(answer, predicted)
        problems = [p for of_row in rows.problems.values() for p in of_row]
        is_answered = answer.status == 200
        failed = answer.status == 500
        return Outcome(answer, predicted if is_answered else 0, problems, len(rows.problems), failed)

    def _answers(self, dialect: Dialect, asked: Sequence[tuple[Decoded, Options]]) -> list[Answer]:
        """One answer a request; where the run fails, each runs alone, so that none fails others."""
        decoded = [rows for rows, _ in asked]
        total = sum(d.good for d in decoded)
        stages = self._metrics.stages
        try:
            began = time.perf_counter()
            outputs = dialect.run(decoded) if total else None
            ran = time.perf_counter()
            if outputs is not None and outputs.prediction is not None and np.isinf(outputs.prediction).any():
                if len(asked) > 1:
                    return [self._answers(dialect, [one])[0] for one in asked]
                answer = _without_overflow(*asked[0], outputs.prediction, self.deployed.model.schema)
                return self._answers(dialect, asked) if answer is None else [dialect.refusal(answer)]
            answers = dialect.answers(asked, outputs, prediction_ids(total))
            stages["run"].add(ran - began)
            stages["write"].add(time.perf_counter() - ran)
            return answers
        except Exception as error:  # noqa: BLE001 - whatever a runtime raises, the server must outlive it
            if len(asked) > 1:
                return [self._answers(dialect, [one])[0] for one in asked]
            # The error's text is not logged: a runtime may quote inputs in it.
            log.error("the model failed on a request of %d rows: %s", total, type(error).__name__)
            return [dialect.refusal(failure())]

    @property
    def _most_rows(self) -> int:
        """Of one run."""
        return min(self._settings.batch_rows, max(1, int(RUN_SHARE * self._slo_s / self.seconds_per_row)))

    def _schedule(self) -> None:
        if self._scheduled or not self._lines:
            return
        if not self._runs or (self._runs == 1 and self._queued_rows >= self._most_rows):
            assert self._loop is not None
            self._scheduled = True
            self._seen_rows = 0
            self._loop.call_soon(self._gather)

    def _gather(self) -> None:
        here = self._queued_rows
        if self._seen_rows < here < sum(self._usual_rows):
            assert self._loop is not None
            self._seen_rows = here
            self._loop.call_soon(self._gather)
        else:
            self._flush()

    def _flush(self) -> None:
        self._scheduled = False
        jobs, rows = self._next()
        self._usual_rows = self._usual_rows[1], rows
        self._queued_rows -= rows
        self._running_rows += rows
        now = time.perf_counter()
        if not self._runs:
            self._running_since = now
        self._runs += 1
        self._metrics.stages["queue"].add(now - jobs[0].since)
        size = sum(len(job.body) for job in jobs)
        is_short = rows * self.seconds_per_row * 1000.0 <= self._settings.inline_ms
        if self._runs == 1 and is_short and size <= self._settings.inline_body_bytes:
            self._finish(jobs, rows, *self._attempt(jobs))
        else:
            future = self._worker.submit(self._attempt, jobs)
            future.add_done_callback(lambda f: self._hand_back(jobs, rows, f))
            self._schedule()

    def _next(self) -> tuple[list[Job], int]:
        """The jobs of the next run and their rows: each caller in turn gives his share of it."""
        jobs: list[Job] = []
        rows, lines = 0, self._lines
        most = self._most_rows
        share = most // len(lines)
        while lines:
            caller = next(iter(lines))
            line, taken = lines[caller], 0
            while line.jobs and taken <= share and (not jobs or rows + line.jobs[0].rows <= most):
                job = line.jobs.popleft()
                jobs.append(job)
                taken += job.rows
                rows += job.rows
            if not taken:
                break  # the run is full, and the next begins with this caller
            line.rows -= taken
            del lines[caller]
            if line.jobs:
                lines[caller] = line  # behind all others
        return jobs, rows

    def _attempt(self, jobs: Sequence[Job]) -> tuple[list[Outcome], float]:
        """What became of them, and the seconds that it took."""
        started = time.perf_counter()
        try:
            outcomes = self.work(jobs)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave callers without an answer
            log.error("a batch of %d requests failed: %s", len(jobs), type(error).__name__)
            outcomes = [Outcome(failure(), failed=True) for _ in jobs]
        return outcomes, time.perf_counter() - started

    def _hand_back(self, jobs: list[Job], asked: int, future: Future[tuple[list[Outcome], float]]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: self._finish(jobs, asked, *future.result()))

    def _finish(self, jobs: Sequence[Job], asked: int, outcomes: Sequence[Outcome], seconds: float) -> None:
        self._runs -= 1
        self._running_rows -= asked
        self._running_since = time.perf_counter()
        self.held_bytes -= sum([len(job.body) for job in jobs])
        rows = sum(outcome.rows for outcome in outcomes)
        if rows:
            self._seconds = _MEMORY * self._seconds + seconds
            self._rows = _MEMORY * self._rows + rows
            self.seconds_per_row = self._seconds / self._rows
            size = sum(len(j.body) for j, o in zip(jobs, outcomes, strict=True) if o.rows)
            self._bytes_per_row = _MEMORY * self._bytes_per_row + (1.0 - _MEMORY) * size / rows
        self._metrics.count(outcomes, rows)
        self._schedule()
        for job, outcome in zip(jobs, outcomes, strict=True):
            try:
                job.done(outcome.answer)
            except Exception as error:  # noqa: BLE001 - one broken connection must not keep others waiting
                log.error("an answer could not be handed back: %s", type(error).__name__)


def _without_overflow(
    rows: Decoded, options: Options, prediction: npt.NDArray[Any], schema: Schema
) -> Answer | None:  # Any: float32 or float64
    """Refuses the rows whose answer is larger than any number as those that break the schema are. The answer
    where that refuses the request."""
    numbers = np.array(rows.numbers, dtype=np.float64).reshape(rows.good, len(schema.numbers))
    rows.leave_out(overflow(prediction, numbers, schema))
    return refusal(rows.problems).answer if rows.single or not options.partial else None


@functools.cache
def overloaded(after_s: int, *, by_deadline: bool = False) -> Answer:
    """503: too many wait, or more than the caller's own deadline allows; another try may do in `after_s`
    seconds."""
    message, remedy = "an answer would come too late: too many wait", f"try again in {after_s} s"
    if by_deadline:
        message = "an answer would come later than X-Deadline-Ms allows"
        remedy = f"allow more than it says, or try again in {after_s} s"
    body = error_body("overloaded", message, remedy)
    return Answer(503, body, extra=(b"Retry-After: %d" % after_s,))


def failure() -> Answer:
    """500: the model failed."""
    return Answer(500, error_body("model_failed", "the model failed on this request", "see the server's log"))


def late() -> Answer:
    """503: the caller's deadline passed."""
    message = "the time that the request allowed passed while it waited"
    body = error_body("deadline_passed", message, "ask again, or allow more")
    return Answer(503, body, extra=(b"Retry-After: 1",))
