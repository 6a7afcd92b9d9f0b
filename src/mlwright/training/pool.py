"""The lanes of this process: how they are started, kept between fits, listened to, and ended.

Asked by `lanes` for one candidate's crew, and by `fit` to start some ahead. What is said to them and what it
means is not its business.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

from mlwright.base import interpreter
from mlwright.base.machine import rest_idle_threads
from mlwright.training import exchange
from mlwright.training.exchange import Exchange, Gone, Ready

SHUT_S = 5.0
"""How long to wait for the end of a process that was killed."""
LAST_WORDS_S = 1.0
"""How long the end of what a dead process printed is waited for: a child of its own may hold the pipe."""
TAIL = 4096
"""Bytes kept of what a lane prints: its last words are why it died."""

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
    printing: threading.Thread | None = None
    """Reads what it prints."""
    started: float = field(default_factory=time.monotonic)

    def listen(self) -> None:
        """Begins to read what it answers and prints, in threads that end with it."""
        threading.Thread(target=self._answers, args=(self.process.stdout,), daemon=True).start()
        self.printing = threading.Thread(target=self._prints, args=(self.process.stderr,), daemon=True)
        self.printing.start()

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
        if self.printing is not None:
            self.printing.join(LAST_WORDS_S)
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
            lane.inbox = None  # its end is no news to the crew
            lane.kill()

    def give_back(self, lane: LaneProcess) -> None:
        """Keeps a lane for the next crew."""
        lane.inbox = None
        with self._lock:
            self._idle.append(lane)

    def unable(self) -> str:
        """Why no lane can be started in this process; empty where one can."""
        return interpreter.unable() or self.broken

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
        # A lane finds a stranger's learner in the same places as this process.
        return (threads, str(self.exchange.folder), *interpreter.module_path())

    def _started(self, kind: tuple[object, ...], threads: int, inbox: Inbox | None = None) -> LaneProcess:
        command = interpreter.command("-m", "mlwright.training.lane", str(self.exchange.folder))
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


def _environment(threads: int) -> dict[str, str]:
    """One thread for linear algebra, as in training itself, and so many for learners' own loops."""
    few = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    environment = interpreter.environment(**few, OMP_NUM_THREADS=str(threads))
    rest_idle_threads(environment)
    return environment


POOL = Pool()
atexit.register(POOL.close)
