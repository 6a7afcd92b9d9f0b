"""A crew of lanes: one candidate's folds in child processes, watched for crashes and for missed deadlines.

Hired by `trial` from the `pool`. A lane that crashes, or does not stop at its deadline, is an answer like any
other. It knows neither folds nor scores, nor what a candidate is worth.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlwright.base import machine
from mlwright.base.errors import EnvironmentProblem
from mlwright.learners import Job
from mlwright.training.crew import Event
from mlwright.training.exchange import (
    Begun,
    Done,
    Failed,
    Fit,
    Forget,
    Gone,
    Margins,
    Predict,
    Ready,
    Settled,
)
from mlwright.training.pool import Inbox, LaneProcess, Pool

Doubles = npt.NDArray[np.float64]

START_S = 60.0
"""A lane that has not started after this never will."""
LEAST_GRACE_S, GRACE = 3.0, 0.2
"""Beyond its deadline a fit may run so many seconds, or this share of the time it had, whichever is more."""
LOADING_S = 20.0
"""A lane that has not loaded a library after this never will."""
LEAST_PREDICTING_S, PREDICTING = 2.0, 0.5
"""The same for predictions, which have no deadline: a share of the time that the fit was given."""
MEMORY_SHARE = 0.9
"""Of the memory that is free, what the lanes of a crew may take together."""


@dataclass
class _Task:
    """What a lane was asked and has not answered yet."""

    handle: int
    data: bytes
    files: list[Path]
    due: float | None
    """When to end the lane that has not answered."""
    given_s: float | None = None
    fit: bool = True


class Lanes:
    """A crew of lanes, hired from the pool for one candidate."""

    def __init__(self, pool: Pool, size: int, threads: int) -> None:
        self.size, self.threads = size, threads
        self._pool = pool
        self._inbox: Inbox = queue.Queue()
        self._tasks: dict[LaneProcess, deque[_Task]] = {}
        self._home: dict[int, LaneProcess] = {}
        self._given: dict[int, float | None] = {}
        free = machine.memory_available()
        self._memory = None if free is None else int(MEMORY_SHARE * free / size)
        for _ in range(size):
            self._tasks[pool.lane(threads, self._inbox)] = deque()

    def free(self) -> bool:
        """See `Crew.free`. Raises `EnvironmentProblem` where no lane starts."""
        while not any(lane.ready for lane in self._tasks):
            if not self._tasks:
                raise EnvironmentProblem("the processes to fit in ended before they were asked to")
            self._await_start()
        return any(lane.ready and not tasks for lane, tasks in self._tasks.items())

    def fit(self, handle: int, job: Job, *, shape: bool) -> None:
        """See `Crew.fit`. Raises `OSError` where an array cannot be written for the lane to read."""
        data, files = self._pool.exchange.encode(Fit(handle, job, shape, self._memory))
        given = None if job.deadline is None else max(0.0, job.deadline - time.monotonic())
        due = None if given is None else time.monotonic() + LOADING_S + _allowed(given)
        free = [lane for lane, tasks in self._tasks.items() if lane.ready and not tasks]
        # A fold goes to the same lane as before, if it can: that lane may keep what it made of its rows.
        lane = free[0] if len(free) < self.size else free[handle % len(free)]
        self._home[handle], self._given[handle] = lane, given
        self._ask(lane, _Task(handle, data, files, due, given))

    def predict(self, handle: int, rounds: int | None, x: Doubles | None = None) -> None:
        """See `Crew.predict`. Raises `OSError` as `fit` does."""
        data, files = self._pool.exchange.encode(Predict(handle, rounds, x))
        lane, given = self._home[handle], self._given[handle]
        allowed = None if given is None else max(LEAST_PREDICTING_S, PREDICTING * given)
        queued = self._tasks[lane]
        before = queued[-1].due if queued else time.monotonic()
        due = None if allowed is None or before is None else before + allowed
        self._ask(lane, _Task(handle, data, files, due, allowed, fit=False))

    def next(self) -> Event:
        """See `Crew.next`."""
        while True:
            dues = [tasks[0].due for tasks in self._tasks.values() if tasks and tasks[0].due is not None]
            wait = max(0.0, min(dues) - time.monotonic()) if dues else None
            try:
                lane, answer = self._inbox.get(timeout=wait)
            except queue.Empty:
                late = self._end_the_late()
                if late is not None:
                    return late
                continue
            event = self._take(lane, answer)
            if event is not None:
                return event

    def close(self) -> None:
        """See `Crew.close`. Lanes that were busy, and lanes that a failed fit ran in, are ended."""
        for lane, tasks in self._tasks.items():
            for task in tasks:
                _remove(task.files)
            if tasks or lane.over:
                lane.kill()
            else:
                lane.send(self._pool.exchange.encode(Forget())[0])
                self._pool.give_back(lane)
        self._tasks.clear()

    def _ask(self, lane: LaneProcess, task: _Task) -> None:
        self._tasks[lane].append(task)
        lane.send(task.data)

    def _await_start(self) -> None:
        """Waits for one answer of a lane that has yet to start."""
        left = min(lane.started for lane in self._tasks) + START_S - time.monotonic()
        try:
            lane, _ = self._inbox.get(timeout=max(0.0, left))
        except queue.Empty:
            raise EnvironmentProblem(f"no process to fit in had started after {START_S:.0f} s") from None
        if lane in self._tasks and lane.over:
            raise EnvironmentProblem(f"a process to fit in did not start: {lane.death()}")

    def _take(self, lane: LaneProcess, answer: object) -> Event | None:
        """What an answer means to the caller; None where nothing."""
        tasks = self._tasks.get(lane)
        if tasks is None:  # it was ended before
            return None
        if isinstance(answer, Gone):
            self._replace(lane)
            return None
        if answer is None:
            del self._tasks[lane]
            for task in tasks:
                _remove(task.files)
            lane.kill()
            lost = [t.handle for t in tasks] + [h for h, home in self._home.items() if home is lane]
            return Failed(lost[0], lane.death()) if lost else None
        if isinstance(answer, Settled | Ready):
            return answer
        if isinstance(answer, Begun):
            if tasks and tasks[0].given_s is not None:
                tasks[0].due = time.monotonic() + _allowed(tasks[0].given_s)
            return None
        if isinstance(answer, Done | Margins | Failed):
            task = tasks.popleft()
            _remove(task.files)
            if tasks and tasks[0].given_s is not None:
                tasks[0].due = time.monotonic() + tasks[0].given_s
            lane.over = lane.over or isinstance(answer, Failed)
            return answer
        return None

    def _replace(self, lane: LaneProcess) -> None:
        """A lane that had just ended for want of work is followed by another, which gets its task."""
        tasks = self._tasks.pop(lane)
        lane.kill()
        fresh = self._pool.lane(self.threads, self._inbox)
        self._tasks[fresh] = deque()
        for task in tasks:
            self._home[task.handle] = fresh
            self._ask(fresh, task)

    def _end_the_late(self) -> Failed | None:
        now = time.monotonic()
        for lane, tasks in self._tasks.items():
            if tasks and tasks[0].due is not None and tasks[0].due <= now:
                task = tasks[0]
                lane.kill()
                what = "it did not stop at its deadline" if task.fit else "its predictions took too long"
                del self._tasks[lane]
                for each in tasks:
                    _remove(each.files)
                return Failed(task.handle, f"{what} and was ended ({task.given_s or 0:.1f} s were given)")
        return None


def _allowed(given: float) -> float:
    """Seconds after which a fit that was given so many is ended."""
    return given + max(LEAST_GRACE_S, GRACE * given)


def _remove(files: list[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
