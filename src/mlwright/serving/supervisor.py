"""The supervisor: several processes behind one port. It holds sockets and the files' bytes and runs no model.

Each worker listens on a socket of its own, bound to the same port; the system spreads connections over them.
The sockets are the supervisor's, so that what arrives while a worker is started again waits for it; where it
cannot be started, the others get what would wait in vain. A swap has two phases: every worker loads and
verifies the same bytes, and only if all can, all take them. Called by `server` where settings ask for more
than one worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlwright.artifact import judge, read_file
from mlwright.base.errors import EnvironmentProblem, Misuse, MlwrightError
from mlwright.serving.access import access_for
from mlwright.serving.answers import Answer, Refused, json_answer
from mlwright.serving.control import wish_of
from mlwright.serving.libraries import need_libraries
from mlwright.serving.link import Header, Link
from mlwright.serving.merged_metrics import Totals
from mlwright.serving.server import secured
from mlwright.serving.settings import ServeSettings, is_loopback

log = logging.getLogger("mlwright.serving")
START_S, ANSWER_S, METRICS_S = 60.0, 60.0, 1.0
"""How long a worker may take to start, to do what it is told, and to say what it counted."""
_SOON_S, _MOST_PAUSE_S = 10.0, 10.0
"""A worker that dies sooner than this is started again after a pause, which doubles up to the most."""
_GRACE_S, _LOOK_S = 5.0, 5.0


class Held:
    """What is served under a name: bytes of the model that answers and of the one before."""

    def __init__(self, name: str, path: Path | None, data: bytes) -> None:
        self.name, self.path = name, path
        self.data, self.before = data, b""
        self.version, self.version_before = _version(data), ""

    def take(self, data: bytes) -> None:
        """`data` answers from now on."""
        version = _version(data)
        if version != self.version:
            self.before, self.version_before = self.data, self.version
        self.data, self.version = data, version

    def go_back(self) -> None:
        """The two change places."""
        self.data, self.before = self.before, self.data
        self.version, self.version_before = self.version_before, self.version

    def state(self) -> Answer:
        """What answers now, and what did before."""
        state = {"name": self.name, "version": self.version, "previous": self.version_before or None}
        return json_answer(state)


class Child:
    """One worker process and the link to it."""

    def __init__(self, index: int, process: subprocess.Popen[bytes], link: Link) -> None:
        self.index, self.process, self.link = index, process, link
        self.started_at = time.monotonic()
        self.is_ready = self.is_watched = False
        self.has_failed = True
        """Whether it never came to answer, through its own fault."""
        self.why = ""
        """Why it could not start, in its own words."""
        self.waiting: dict[int, asyncio.Future[tuple[Header, bytes]]] = {}
        self.counted = b""
        self.sent: dict[str, tuple[str, str]] = {}
        """By name, the versions of the models that it was started with."""


class Supervisor:
    """Starts workers, starts them again, and has all of them do what one was asked to."""

    def __init__(
        self, held: Mapping[str, Held], listeners: list[socket.socket], settings: ServeSettings, *,
        on_loopback: bool,
    ) -> None:  # fmt: skip
        self._held, self._listeners, self._settings = dict(held), listeners, settings
        self._on_loopback = on_loopback
        self._children: dict[int, Child] = {}
        self._turn = asyncio.Lock()
        """Commands, and starts that need to know what is served, one at a time."""
        self._numbers = itertools.count()
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()  # Any: whatever they give
        self._totals = Totals()
        self._was_ready: dict[int, bool] = {}
        """Workers by index that were ready once: from then on they are started again whatever happens."""

    async def run(self, started: Callable[[], None]) -> None:
        """Serves until `stop`. Raises `EnvironmentProblem` where the workers cannot start."""
        keepers = [self._soon(self._keep(i)) for i in range(len(self._listeners))]
        try:
            if await self._all_ready(keepers):
                started()
                self._soon(self._watch())
            await self._stopping.wait()
        finally:
            self._stopping.set()
            await self._end(keepers)

    def stop(self) -> None:
        """Begins the end: no connection is taken any more, and what was accepted is answered."""
        self._stopping.set()

    def reload_all(self) -> None:
        """Reads every file anew, as SIGHUP asks."""
        for name in self._held:
            self._soon(self._commanded("reload", name, b""))

    async def _all_ready(self, keepers: list[asyncio.Task[None]]) -> bool:
        """Waits for all workers; False where it was told to stop before."""
        deadline = time.monotonic() + START_S
        while not all(i in self._children and self._children[i].is_ready for i in range(len(keepers))):
            why = next((c.why for c in self._children.values() if c.why), "")
            if self._stopping.is_set():
                return False
            if why or time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"the workers did not start{f': {why}' if why else ''}", remedy="try with one worker"
                )
            await asyncio.sleep(0.01)
        return True

    async def _watch(self) -> None:
        """Ends workers that stand still: what comes to their sockets would wait for ever."""
        silence_s = self._settings.worker_silence_s
        while not self._stopping.is_set():
            await asyncio.sleep(min(_LOOK_S, silence_s / 4))
            if self._turn.locked():
                continue  # a worker that loads a model answers after it
            for child in self._children.values():
                if child.is_ready and not child.is_watched:
                    self._soon(self._listen_for_a_sign(child, silence_s))
                elif not child.is_ready and time.monotonic() - child.started_at > START_S:
                    log.error("worker %d does not start", child.index)
                    child.process.kill()

    async def _listen_for_a_sign(self, child: Child, silence_s: float) -> None:
        child.is_watched = True
        said = await self._ask(child, {"do": "sign"}, within_s=silence_s)
        child.is_watched = False
        if said is None and child.is_ready and not self._stopping.is_set():
            log.error("worker %d stands still", child.index)
            child.process.kill()

    async def _keep(self, index: int) -> None:
        """Keeps one worker running."""
        pause = 0.0
        while not self._stopping.is_set():
            async with self._turn:
                child = await self._start(index)
            await self._listen_to(child)
            code = await _ended(child.process)
            self._depart(child)
            if self._stopping.is_set() or (child.why and not self._was_ready.get(index)):
                return
            if child.why:
                log.error("worker %d could not start: %s", index, child.why)
            if child.has_failed:
                self._listeners[index] = _in_place_of(self._listeners[index])
            lasted = time.monotonic() - child.started_at
            pause = min(max(2 * pause, 0.1), _MOST_PAUSE_S) if lasted < _SOON_S else 0.0
            log.error("worker %d ended with %s; it is started again in %.1f s", index, _said(code), pause)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause or 0.001)

    async def _start(self, index: int) -> Child:
        ours, theirs = socket.socketpair()
        listener = self._listeners[index]
        command = [
            sys.executable,
            "-m",
            "mlwright.serving.worker",
            str(theirs.fileno()),
            str(listener.fileno()),
        ]
        with theirs:
            # A session of its own: Ctrl-C in a terminal goes to the supervisor alone.
            process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(), listener.fileno()), start_new_session=True
            )
        child = Child(index, process, await Link.over(ours))
        models = [
            {"name": h.name, "size": len(h.data), "size_before": len(h.before)} for h in self._held.values()
        ]
        header = {
            "do": "start", "settings": msgspec.to_builtins(self._settings),
            "on_loopback": self._on_loopback, "models": models,
        }  # fmt: skip
        child.link.send(header, b"".join(h.data + h.before for h in self._held.values()))
        child.sent = _versions(self._held)
        self._children[index] = child
        return child

    async def _listen_to(self, child: Child) -> None:
        while (message := await child.link.receive()) is not None:
            header, data = message
            what = header["do"]
            if what == "ready":
                child.has_failed = False
                if child.sent != _versions(self._held):
                    child.process.kill()  # a swap came while it started; its successor knows of it
                    continue
                child.is_ready = self._was_ready[child.index] = True
            elif what == "failed":
                child.why = header["why"]
            elif what == "done":
                future = child.waiting.pop(header["number"], None)
                if future is not None and not future.done():
                    future.set_result((header, data))
            elif what == "metrics":
                self._soon(self._tell_metrics(child, header["number"], data))
            elif what == "command":
                self._soon(self._tell(child, header["number"], header["verb"], header["name"], data))
        child.is_ready = False
        for future in child.waiting.values():
            if not future.done():
                future.cancel()

    def _depart(self, child: Child) -> None:
        child.link.close()
        self._totals.depart(child.counted)
        if self._children.get(child.index) is child:
            del self._children[child.index]

    async def _tell(self, child: Child, number: int, verb: str, name: str, body: bytes) -> None:
        answer = await self._commanded(verb, name, body)
        child.link.send({"do": "answer", "number": number, "status": answer.status}, answer.body)

    async def _commanded(self, verb: str, name: str, body: bytes) -> Answer:
        try:
            async with self._turn:
                if verb == "rollback":
                    return await self._roll_back(self._held[name])
                return await self._reload(self._held[name], wish_of(body).force)
        except Refused as refused:
            return refused.answer

    async def _reload(self, held: Held, force: bool) -> Answer:
        if held.path is None:
            raise Refused(409, "no_source", "this model was not read from a file", "restart the server")
        try:
            data = await asyncio.get_running_loop().run_in_executor(None, _judged, held.path)
        except MlwrightError as error:
            log.error("%s stays as it is: %s", held.name, error.message)
            message = f"the model stays as it is: {error.message}"
            raise Refused(409, "swap_refused", message, error.remedy or "mend the file") from error
        children = self._ready()
        header = {"do": "prepare", "name": held.name, "force": force}
        said = await asyncio.gather(*(self._ask(c, header, data, ANSWER_S) for c in children))
        if not children or not all(s is not None and s[0]["status"] == 200 for s in said):
            for child, answer in zip(children, said, strict=True):
                if answer is None:
                    child.process.kill()  # it stands still, or died of it; its successor has the old one
            able = [c for c, s in zip(children, said, strict=True) if s is not None]
            await asyncio.gather(*(self._ask(c, {"do": "abort", "name": held.name}) for c in able))
            refusals = [s[0] for s in said if s is not None and s[0]["status"] != 200]
            raise _as_said(refusals[0]) if refusals else _unable()
        held.take(data)
        done = await asyncio.gather(*(self._ask(c, {"do": "commit", "name": held.name}) for c in children))
        for child, answer in zip(children, done, strict=True):
            if answer is None or answer[0]["status"] != 200:
                child.process.kill()  # it may answer with the old model; its successor will not
        return held.state()

    async def _roll_back(self, held: Held) -> Answer:
        if not held.before:
            raise Refused(
                409, "no_previous", "no model answered before this one", "reload another file first"
            )
        held.go_back()
        children = self._ready()
        said = await asyncio.gather(*(self._ask(c, {"do": "rollback", "name": held.name}) for c in children))
        for child, answer in zip(children, said, strict=True):
            if answer is None or answer[0]["status"] != 200:
                child.process.kill()  # its successor answers as the others do
        return held.state()

    async def _tell_metrics(self, asking: Child, number: int, text: bytes) -> None:
        asking.counted = text
        others = [c for c in self._ready() if c is not asking]
        said = await asyncio.gather(*(self._ask(c, {"do": "metrics"}, within_s=METRICS_S) for c in others))
        for child, answer in zip(others, said, strict=True):
            if answer is not None:
                child.counted = answer[1]
        merged = self._totals.with_all([c.counted for c in self._children.values()])
        header = {"do": "answer", "number": number, "status": 200, "text": True}
        asking.link.send(header, merged)

    def _ready(self) -> list[Child]:
        return [c for c in self._children.values() if c.is_ready]

    async def _ask(
        self, child: Child, header: Header, data: bytes = b"", within_s: float = ANSWER_S
    ) -> tuple[Header, bytes] | None:
        """What a worker answers; None where it does not in time, or ends."""
        number = next(self._numbers)
        future: asyncio.Future[tuple[Header, bytes]] = asyncio.get_running_loop().create_future()
        child.waiting[number] = future
        child.link.send(header | {"number": number}, data)
        done, _ = await asyncio.wait([future], timeout=within_s)
        child.waiting.pop(number, None)
        return future.result() if done and not future.cancelled() else None

    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        for listener in self._listeners:
            listener.close()  # the workers' own are the last: what they have accepted is answered
        for child in self._children.values():
            child.process.terminate()
        if self._children:
            await asyncio.wait(keepers, timeout=self._settings.drain_s + _GRACE_S)
        for child in self._children.values():
            log.error("worker %d did not end in time", child.index)
            child.process.kill()
        for task in [*keepers, *self._tasks]:
            task.cancel()
        await asyncio.gather(*keepers, *self._tasks, return_exceptions=True)

    def _soon(self, doing: Any) -> asyncio.Task[Any]:  # Any: a coroutine and what it gives
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _versions(held: Mapping[str, Held]) -> dict[str, tuple[str, str]]:
    return {h.name: (h.version, h.version_before) for h in held.values()}


def supervise(
    models: Mapping[str, Any],  # Any: a path, or an opened model that knows its bytes
    host: str,
    port: int,
    settings: ServeSettings,
    started: Callable[[str], None],
) -> None:
    """Serves `models` by name with `settings.workers` processes until SIGTERM or SIGINT; SIGHUP reads files
    anew. Raises what `serve` raises."""
    if not hasattr(socket, "SO_REUSEPORT") or not hasattr(os, "fork"):
        raise Misuse("several workers need a system with SO_REUSEPORT", remedy="use one worker")
    need_libraries(settings)  # refused now rather than by workers
    access_for(is_loopback(host), settings.tokens_file, settings.insecure)
    held = {name: _held(name, model) for name, model in models.items()}
    scheme = "https" if secured(settings) else "http"
    listeners = _bound(host, port, settings.workers)
    where = listeners[0].getsockname()
    shown_host = f"[{where[0]}]" if ":" in where[0] else where[0]
    asyncio.run(
        _supervise(held, listeners, settings, host, lambda: started(f"{scheme}://{shown_host}:{where[1]}"))
    )


async def _supervise(
    held: Mapping[str, Held],
    listeners: list[socket.socket],
    settings: ServeSettings,
    host: str,
    started: Callable[[], None],
) -> None:
    supervisor = Supervisor(held, listeners, settings, on_loopback=is_loopback(host))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    loop.add_signal_handler(signal.SIGHUP, supervisor.reload_all)
    await supervisor.run(started)


def _bound(host: str, port: int, count: int) -> list[socket.socket]:
    """So many sockets that listen on one port. Raises `EnvironmentProblem`."""
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = next((f for f in found if f[0] == socket.AF_INET), found[0])
        _check_free(family, address)
        for _ in range(count):
            listeners.append(_socket(family))
            listeners[-1].bind(address)
            listeners[-1].listen(1024)
            address = listeners[-1].getsockname()
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise EnvironmentProblem(
            f"port {port} on {host} cannot be had: {error.strerror or error}",
            remedy="stop what uses it, or choose another port (0 takes a free one)",
        ) from error
    return listeners


def _socket(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setblocking(False)
    return made


def _in_place_of(listener: socket.socket) -> socket.socket:
    """A socket on the same port that gets no connection before a worker listens on it. Those that waited on
    the old one are turned away: asked again, they find another worker."""
    made = _socket(listener.family)
    made.bind(listener.getsockname())  # while the old one holds the port
    listener.close()
    return made


def _check_free(family: int, address: Any) -> None:  # Any: as the family has it
    """Raises OSError where somebody listens there: SO_REUSEPORT would share the port with them unseen."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _held(name: str, model: Any) -> Held:  # Any: a path, or an opened model
    if isinstance(model, (str, Path)):
        return Held(name, Path(model), _judged(Path(model)))
    if not hasattr(model, "to_bytes"):
        raise Misuse("several workers need models that know their bytes", remedy="use one worker")
    data: bytes = model.to_bytes()
    return Held(name, getattr(model, "path", None), data)


def _judged(path: Path) -> bytes:
    """The bytes of a model file that is one. Raises a `ModelFileProblem`."""
    data = read_file(path)
    judge(data)
    return data


def _version(data: bytes) -> str:
    digest: str = judge(data).manifest.digest
    return digest[:12]


def _unable() -> Refused:
    message = "the model stays as it is: a worker did not survive the new one, or none was ready"
    return Refused(409, "swap_refused", message, "try again; if it happens again, make the file again")


def _as_said(header: Header) -> Refused:
    """A worker's refusal, as it said it."""
    error = msgspec.json.decode(header["body"])["error"]
    return Refused(header["status"], error["code"], error["message"], error["remedy"])


async def _ended(process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        await asyncio.sleep(0.02)
    return process.returncode


def _said(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
