"""Who fits a candidate's folds: the contract of a crew, and the crew that is this process itself.

Asked by `trial`; the crew of child processes is in `lanes`. A crew answers with what happened next, and what
a learner raises is an answer like any other. It knows jobs by numbers, nothing of folds and scores.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlwright.base.machine import memory_spared
from mlwright.learners import Fitted, Job, Learner
from mlwright.learners.protocol import Settings
from mlwright.training.exchange import Done, Failed, Fit, Margins, Ready, Settled
from mlwright.training.lane import reason_of, shape_of

Doubles = npt.NDArray[np.float64]
Event = Ready | Settled | Done | Margins | Failed


class Crew(Protocol):
    """Who fits one candidate: some lanes, or this process. `handle` is the caller's number for a fit."""

    size: int
    threads: int
    """How many threads each fit may use."""

    def free(self) -> bool:
        """Whether a fit could begin now; waits until any lane has started."""

    def fit(self, handle: int, job: Job, *, shape: bool) -> None:
        """Begins a fit."""

    def predict(self, handle: int, rounds: int | None, x: Doubles | None = None) -> None:
        """Asks the finished fit for margins of `x`, or of its job's validation rows."""

    def next(self) -> Event:
        """Waits for what happens next among all that was begun; `Ready` where one more could begin."""

    def close(self) -> None:
        """Stops what still runs and forgets the fits."""


class Here:
    """A crew of this process alone: what it is asked to do is done when `next` is called.

    `learner` is fitted where lanes could not find it, or where there are none.
    """

    size = 1

    def __init__(self, learner: Learner, threads: int) -> None:
        self.threads = threads
        self._learner = learner
        self._todo: deque[Callable[[], Event]] = deque()
        self._events: deque[Event] = deque()
        self._fits: dict[int, tuple[Fitted, Job]] = {}

    def free(self) -> bool:
        """See `Crew.free`."""
        return not self._todo

    def fit(self, handle: int, job: Job, *, shape: bool) -> None:
        """See `Crew.fit`."""
        self._todo.append(lambda: self._fit(Fit(handle, job, shape, None)))

    def predict(self, handle: int, rounds: int | None, x: Doubles | None = None) -> None:
        """See `Crew.predict`."""

        def margins() -> Event:
            fitted, job = self._fits[handle]
            rows = x if x is not None or job.valid is None else job.valid.x
            assert rows is not None  # who has no validation rows asks with a matrix
            margin = np.ascontiguousarray(fitted.margin(rows, rounds), dtype=np.float64)
            return Margins(handle, (margin.shape[0], margin.shape[1]), margin.tobytes())

        self._todo.append(lambda: _caught(handle, margins))

    def next(self) -> Event:
        """See `Crew.next`."""
        if not self._events:
            self._events.append(self._todo.popleft()())
        return self._events.popleft()

    def fitted(self, handle: int) -> Fitted:
        """The finished fit itself, which no other crew could hand over."""
        return self._fits[handle][0]

    def close(self) -> None:
        """See `Crew.close`."""
        self._todo.clear()
        self._fits.clear()

    def _fit(self, message: Fit) -> Event:
        def settle(settings: Settings) -> None:
            self._events.append(Settled(message.handle, dict(settings)))

        def done() -> Event:
            began, busy = time.monotonic(), time.process_time()
            with memory_spared():
                fitted = self._learner.fit(replace(message.job, settle=settle))
            self._fits[message.handle] = fitted, message.job
            spent = time.monotonic() - began, time.process_time() - busy
            shape = shape_of(fitted, message)
            return Done(message.handle, fitted.rounds, dict(fitted.settled), shape, *spent, 0)

        return _caught(message.handle, done)


def _caught(handle: int, work: Callable[[], Event]) -> Event:
    try:
        return work()
    except Exception as problem:  # noqa: BLE001  # a stranger's learner may raise anything: it costs this candidate alone
        return Failed(handle, reason_of(problem))
