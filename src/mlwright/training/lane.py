"""A lane: a child process in which candidates are fitted, so that one that crashes takes nothing with it.

Started by `lanes` as `python -m mlwright.training.lane`; it answers requests on its standard input until
that closes, which it does when its parent dies, or until it has had nothing to do for a while. Fits stay
here; what leaves is margins and what they cost. It knows learners and one job at a time, nothing of folds or
limits of time: who sends a job ends the lane that does not stop in time.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mlwright.base import machine
from mlwright.graph.shared_trees import served, served_shape
from mlwright.graph.trees import Shape
from mlwright.learners import Fitted, Job, families
from mlwright.learners.protocol import Settings, abilities_of
from mlwright.training import exchange
from mlwright.training.exchange import (
    Answer,
    Begun,
    Done,
    Failed,
    Fit,
    Forget,
    Gone,
    Margins,
    Predict,
    Settled,
)

IDLE_S = 60.0
FIRST_TO_GO = "500"
"""What the kernel adds to a lane's score where memory runs out: the lane is what goes, not its parent."""
UNASKED = ("IPython", "matplotlib", "pandas", "pyarrow", "sklearn")
"""What boosters import where it is installed, to take its tables and to look like its estimators: nearly all
of the second that loading one takes. Here they are given arrays alone."""
ORPHAN_S = 3.0
"""How long a lane waits to see that its parent is gone, before it leaves the shared folder alone."""


class Lane:
    """One child process's work: jobs in, what became of them out."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._known = families()
        self._fits: dict[int, tuple[Fitted, Job]] = {}
        self.say(exchange.Ready(sorted(self._known)))

    def say(self, answer: Answer) -> None:
        """Sends one answer."""
        exchange.send(self._out, exchange.encode_answer(answer))

    def serve(self, inbox: queue.Queue[bytes], idle_s: float = IDLE_S) -> None:
        """Answers requests until none has come for `idle_s` while no fit is kept."""
        while True:
            try:
                data = inbox.get(timeout=None if self._fits else idle_s)
            except queue.Empty:
                self.say(Gone())
                return
            message = exchange.decode_request(data)
            if isinstance(message, Forget):
                self._fits.clear()
                continue
            try:
                self.say(self._fit(message) if isinstance(message, Fit) else self._margins(message))
            except (Exception, SystemExit) as problem:  # noqa: BLE001  # a stranger's learner may raise anything: it costs this candidate alone
                self.say(Failed(message.handle, reason_of(problem)))

    def load(self, library: str) -> None:
        """Imports a learner's library, without what it would import for others where it can do without."""
        # A stranger's learner might use a booster as an estimator: then it is loaded whole.
        ours = all(type(known).__module__.startswith("mlwright.") for known in self._known.values())
        with _unseen(UNASKED if ours else ()):
            importlib.import_module(library)

    def _fit(self, message: Fit) -> Done:
        def settle(settings: Settings) -> None:
            self.say(Settled(message.handle, dict(settings)))

        job = replace(message.job, settle=settle)
        learner, began = self._known[job.config.family], time.monotonic()
        if library := abilities_of(learner).library:
            self.load(library)
        if job.deadline is not None:
            job = replace(job, deadline=job.deadline + time.monotonic() - began)
        self.say(Begun(message.handle))
        machine.forget_peak()
        if message.memory is not None:
            machine.limit_data(message.memory)
        began, busy = time.monotonic(), time.process_time()
        fitted = learner.fit(job)
        spent = time.monotonic() - began, time.process_time() - busy
        self._fits[message.handle] = fitted, job
        return Done(message.handle, fitted.rounds, dict(fitted.settled), shape_of(fitted, message), *spent,
                    machine.peak_bytes())  # fmt: skip

    def _margins(self, message: Predict) -> Margins:
        fitted, job = self._fits[message.handle]
        x = message.x
        if x is None:
            assert job.valid is not None  # who has none asks with a matrix
            x = job.valid.x
        margin = np.ascontiguousarray(fitted.margin(x, message.rounds), dtype=np.float64)
        rows, columns = margin.shape
        return Margins(message.handle, (rows, columns), margin.tobytes())


def reason_of(problem: BaseException) -> str:
    """One line that says what was raised.

    >>> reason_of(MemoryError("no room for 80 GiB\\nat all"))
    'MemoryError: no room for 80 GiB'
    """
    said = str(problem).strip()
    return f"{type(problem).__name__}: {said}".split("\n")[0].removesuffix(": ")[:200]


def shape_of(fitted: Fitted, message: Fit) -> Shape | None:
    """How large the trees are in a graph, where that is asked for and there are any."""
    trees = fitted.trees() if message.shape else None
    return None if trees is None else served_shape(*served(trees))


@contextlib.contextmanager
def _unseen(names: Collection[str]) -> Iterator[None]:
    """What is imported within finds none of these packages, as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None says: not found
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def main() -> None:
    """The whole life of a lane."""
    parent, folder = os.getppid(), Path(sys.argv[1])
    inbox: queue.Queue[bytes] = queue.Queue()
    requests, answers = _streams()
    threading.Thread(target=_listen, args=(requests, inbox, parent, folder), daemon=True).start()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    # Nobody reads any more: the parent is gone, or has no use for this lane.
    with contextlib.suppress(BrokenPipeError):
        Lane(answers).serve(inbox)
    os._exit(0)  # without the farewells of libraries, some of which hang


def _streams() -> tuple[BinaryIO, BinaryIO]:
    """Requests and answers on descriptors of their own: what a learner prints goes to the standard error,
    and one that reads its standard input finds it empty."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers


def _listen(requests: BinaryIO, inbox: queue.Queue[bytes], parent: int, folder: Path) -> None:
    """Passes requests on. When they end, the lane does, in the middle of a fit as well."""
    while (data := exchange.receive(requests)) is not None:
        inbox.put(data)
    waited = time.monotonic()
    while os.name == "posix" and time.monotonic() - waited < ORPHAN_S:
        if os.getppid() != parent:
            shutil.rmtree(folder, ignore_errors=True)  # the one that would have done so was killed
            break
        time.sleep(0.05)
    os._exit(0)


if __name__ == "__main__":
    main()
