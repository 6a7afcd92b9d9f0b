"""Lanes from the side that uses them: child processes, started early, kept between fits, ended if they stray.

`trial` hires a crew of them for one candidate, `fit` starts them ahead. A crew answers with what happened
next; a lane that crashes, or does not stop at its deadline, is an answer like any other. Where no child can
be started the crew is this process itself. Nothing here knows folds, scores or what a candidate is worth.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.base import machine
from mlwright.base.errors import EnvironmentProblem
from mlwright.learners import Fitted, Job, Learner
from mlwright.learners.protocol import Settings
from mlwright.training import exchange
from mlwright.training.exchange import (
    Done,
    Exchange,
    Failed,
    Fit,
    Forget,
    Gone,
    Margins,
    Predict,
    Ready,
    Settled,
)
from mlwright.training.lane import reason_of, shape_of

Doubles = npt.NDArray[np.float64]
Event = Ready | Settled | Done | Margins | Failed

START_S = 60.0
"""A lane that has not started after this never will."""
LEAST_GRACE_S, GRACE = 1.0, 0.2
"""Beyond its deadline a fit may run so many seconds, or this share of the time it had, whichever is more."""
LEAST_PREDICTING_S, PREDICTING = 2.0, 0.5
"""The same for predictions, which have no deadline: a share of the time that the fit was given."""
MEMORY_SHARE = 0.9
"""Of the memory that is free, what the lanes of a crew may take together."""
SHUT_S = 5.0
"""How long to wait for the end of a process that was killed."""
TAIL = 4096
"""Bytes kept of what a lane prints: its last words are why it died."""


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

    def close(self) -> None:
        """See `Crew.close`."""
        self._todo.clear()
        self._fits.clear()

    def _fit(self, message: Fit) -> Event:
        def settle(settings: Settings) -> None:
            self._events.append(Settled(message.handle, dict(settings)))

        def done() -> Event:
            began, busy = time.monotonic(), time.process_time()
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


Inbox: TypeAlias = "queue.Queue[tuple[LaneProcess, object]]"


@dataclass(eq=False)
class LaneProcess:
    """One lane's process. Its answers go to whatever queue `inbox` is at the time."""

    process: subprocess.Popen[bytes]
    kind: tuple[object, ...]
    """What it was started with: lanes of one kind are alike."""
    ready: bool = False
    over: bool = False
    """It ended, or said that it is about to."""
    inbox: Inbox | None = None
    said: bytes = b""
    """The last that it printed."""
    started: float = field(default_factory=time.monotonic)

    def listen(self) -> None:
        """Begins to read what it answers and prints, in threads that end with it."""
        for work, stream in ((self._answers, self.process.stdout), (self._prints, self.process.stderr)):
            threading.Thread(target=work, args=(stream,), daemon=True).start()

    def send(self, data: bytes) -> None:
        """Sends a request; one that is gone answers that it is over."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died: its end is on the way as an answer
            exchange.send(self.process.stdin, data)  # type: ignore[arg-type]  # IO[bytes] is a BinaryIO

    def kill(self) -> None:
        """Ends it at once."""
        self.over = True
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SHUT_S)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def death(self) -> str:
        """What ended it, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SHUT_S)
        code = self.process.returncode
        lines = self.said.decode("utf-8", errors="replace").strip().splitlines()
        words = f": {lines[-1].strip()[:160]}" if lines else ""
        if code is None or code >= 0:
            return f"its process ended itself with exit code {code}{words}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        why = ", as the system does where memory runs out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{why}{words}"

    def _answers(self, stream: BinaryIO) -> None:
        with stream:
            while (data := exchange.receive(stream)) is not None:
                answer = exchange.decode_answer(data)
                self.ready = self.ready or isinstance(answer, Ready)
                self.over = self.over or isinstance(answer, Gone)
                self._pass_on(answer)
        self.over = True
        self._pass_on(None)

    def _prints(self, stream: BinaryIO) -> None:
        with stream:
            while chunk := stream.read(TAIL):
                self.said = (self.said + chunk)[-TAIL:]

    def _pass_on(self, answer: object) -> None:
        inbox = self.inbox
        if inbox is not None:
            inbox.put((self, answer))


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
        due = (
            None
            if given is None or job.deadline is None
            else job.deadline + max(LEAST_GRACE_S, GRACE * given)
        )
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
        if lane.over:
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


class Pool:
    """The lanes of this process: those that are idle, and how more are started."""

    def __init__(self) -> None:
        self._idle: list[LaneProcess] = []
        self._lock = threading.Lock()
        self._exchange: Exchange | None = None
        self._owner = os.getpid()
        self.broken = ""
        """Why there are no lanes here; empty where there are."""

    @property
    def exchange(self) -> Exchange:
        """The folder through which arrays go. Raises `OSError`."""
        with self._lock:
            self._forget_the_parents()
            if self._exchange is None or not self._exchange.folder.is_dir():
                self._exchange = Exchange()
            return self._exchange

    def start(self, size: int, threads: int) -> None:
        """Starts lanes ahead, so that they load their libraries while other work goes on."""
        if self.unable():
            return
        kind = self._kind(threads)
        with self._lock:
            missing = size - sum(lane.kind == kind and not lane.over for lane in self._idle)
        for _ in range(missing):
            with contextlib.suppress(OSError):
                self.give_back(self._started(kind, threads))

    def crew(self, size: int, threads: int) -> Lanes:
        """Hires lanes. Raises `OSError` and `EnvironmentProblem` where none can be started."""
        return Lanes(self, size, threads)

    def lane(self, threads: int, inbox: Inbox) -> LaneProcess:
        """An idle lane, or a new one, that answers to `inbox`. Raises `OSError`."""
        kind = self._kind(threads)
        while True:
            with self._lock:
                self._forget_the_parents()
                lane = self._idle.pop(0) if self._idle else None
            if lane is None:
                return self._started(kind, threads, inbox)
            lane.inbox = inbox
            # Asked only now: an end that came before nobody listened would never be heard of.
            if not lane.over and lane.kind == kind:
                return lane
            lane.kill()

    def give_back(self, lane: LaneProcess) -> None:
        """Keeps a lane for the next crew."""
        lane.inbox = None
        with self._lock:
            self._idle.append(lane)

    def unable(self) -> str:
        """Why no lane can be started in this process; empty where one can."""
        name = Path(sys.executable or "").name.lower()
        if getattr(sys, "frozen", False) or not name.startswith(("python", "pypy")):
            return "this program is not run by a Python that could be started again"
        return self.broken

    def close(self) -> None:
        """Ends all idle lanes and removes the folder of arrays."""
        with self._lock:
            self._forget_the_parents()
            idle, self._idle = self._idle, []
            folder, self._exchange = self._exchange, None
        for lane in idle:
            lane.kill()
        if folder is not None:
            folder.close()

    def _kind(self, threads: int) -> tuple[object, ...]:
        return (threads, str(self.exchange.folder), *_path())

    def _started(self, kind: tuple[object, ...], threads: int, inbox: Inbox | None = None) -> LaneProcess:
        command = [sys.executable, "-P", "-m", "mlwright.training.lane", str(self.exchange.folder)]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        # In a session of its own, Ctrl-C at the terminal is for its parent alone.
        apart = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x08000200}
        process = subprocess.Popen(command, bufsize=0, env=_environment(threads), **streams, **apart)  # type: ignore[call-overload]
        lane = LaneProcess(process, kind, inbox=inbox)
        lane.listen()
        return lane

    def _forget_the_parents(self) -> None:
        """After a fork, the lanes are those of the process that was forked."""
        if self._owner != os.getpid():
            self._idle, self._exchange, self._owner = [], None, os.getpid()


def _path() -> list[str]:
    """Where this process finds modules: a lane finds a stranger's learner in the same places."""
    return [p or str(Path.cwd()) for p in sys.path]


def _environment(threads: int) -> dict[str, str]:
    """One thread for linear algebra, as in training itself, and so many for learners' own loops."""
    few = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return {
        **os.environ, **few, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive",
        "PYTHONPATH": os.pathsep.join(_path()), "PYTHONUTF8": "1",
    }  # fmt: skip


def _remove(files: list[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


POOL = Pool()
atexit.register(POOL.close)
