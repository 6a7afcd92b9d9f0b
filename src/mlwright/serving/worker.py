"""A worker: one process of a server that has several, started by `supervisor` and of no use to anybody else.

    python -m mlwright.serving.worker LINK LISTENER

Both are descriptors that it inherits. The models come as bytes over the link, so that a worker that is
started again answers as the others do, whatever became of the files. It ends when the link does.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import itertools
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable

import msgspec

from mlwright import artifact
from mlwright.base.errors import MlwrightError
from mlwright.serving.access import access_for
from mlwright.serving.answers import Answer, Refused
from mlwright.serving.control import Wish, prepared, rolled_back
from mlwright.serving.deployed import Deployed
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.front import Front
from mlwright.serving.link import Header, Link
from mlwright.serving.log import write_to_stderr
from mlwright.serving.routes import TEXT
from mlwright.serving.server import new_loop, serving
from mlwright.serving.settings import ServeSettings

log = logging.getLogger("mlwright.serving")


class Linked:
    """Control by way of the supervisor, who has every worker do it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._numbers = itertools.count()
        self._waiting: dict[int, Callable[[Answer], None]] = {}

    def carry_out(self, verb: str, name: str, body: bytes, done: Callable[[Answer], None]) -> None:
        self._ask({"do": "command", "verb": verb, "name": name}, body, done)

    def gather(self, text: bytes, done: Callable[[Answer], None]) -> None:
        self._ask({"do": "metrics"}, text, done)

    def answered(self, header: Header, data: bytes) -> None:
        """What the supervisor says to what was asked."""
        done = self._waiting.pop(header["number"], None)
        if done is not None:
            kind = TEXT if header.get("text") else Answer(0, b"").kind
            done(Answer(header["status"], data, kind))

    def _ask(self, header: Header, data: bytes, done: Callable[[Answer], None]) -> None:
        number = next(self._numbers)
        self._waiting[number] = done
        self._link.send(header | {"number": number}, data)


class Worker:
    """The process's end of the link, and what it is told."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._prepared: dict[str, Deployed] = {}
        self.front: Front | None = None

    def start(self, header: Header, data: bytes) -> Front:
        """The front that the first message describes. Raises what opening a model raises."""
        settings = msgspec.convert(header["settings"], ServeSettings)
        if settings.access_log:
            write_to_stderr()  # whatever the supervisor's process has its loggers do stays there
        access = access_for(header["on_loopback"], settings.tokens_file, settings.insecure)
        endpoints: dict[str, Endpoint] = {}
        at = 0
        for one in header["models"]:
            end = at + one["size"]
            endpoint = Endpoint(one["name"], artifact.load(data[at:end]), settings)
            at = end + one["size_before"]
            if one["size_before"]:
                endpoint.previous = Deployed(artifact.load(data[end:at]), settings, one["name"])
                endpoint.previous.warm()
            endpoints[one["name"]] = endpoint
        self.front = Front(endpoints, settings, access, on_loopback=header["on_loopback"])
        self.front.control = Linked(self._link)
        return self.front

    async def obey(self, stop: threading.Event) -> None:
        """Does what it is told until the link ends."""
        try:
            while (message := await self._link.receive()) is not None:
                header, data = message
                await self._do(header, data)
        finally:
            stop.set()

    async def _do(self, header: Header, data: bytes) -> None:
        front = self.front
        assert front is not None and isinstance(front.control, Linked)
        what, number = header["do"], header.get("number")
        if what == "answer":
            front.control.answered(header, data)
        elif what == "metrics":
            self._link.send({"do": "done", "number": number}, front.text().encode())
        elif what == "sign":
            self._link.send({"do": "done", "number": number})
        else:
            self._link.send({"do": "done", "number": number} | await self._changed(front, what, header, data))

    async def _changed(self, front: Front, what: str, header: Header, data: bytes) -> Header:
        endpoint = front.endpoints[header["name"]]
        try:
            if what == "prepare":
                load = functools.partial(artifact.load, data)
                wish, loop = Wish(header["force"]), asyncio.get_running_loop()
                self._prepared[endpoint.name] = await loop.run_in_executor(
                    None, prepared, endpoint, load, wish
                )
            elif what == "commit":
                endpoint.take(self._prepared.pop(endpoint.name))
            elif what == "abort":
                self._prepared.pop(endpoint.name, None)
            elif what == "rollback":
                rolled_back(endpoint)
        except Refused as refused:
            return {"status": refused.answer.status, "body": refused.answer.body.decode()}
        return {"status": 200}


async def run(link_socket: socket.socket, listener: socket.socket) -> None:
    """Serves on `listener` what the other end of `link_socket` says, until that ends or SIGTERM."""
    link = await Link.over(link_socket)
    first = await link.receive()
    if first is None:
        return
    worker = Worker(link)
    try:
        front = worker.start(*first)
    except MlwrightError as error:
        link.send({"do": "failed", "why": str(error)})
        return
    gc.collect()
    gc.freeze()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    obeying = asyncio.get_running_loop().create_task(worker.obey(stop))
    await serving(front, listener, lambda: link.send({"do": "ready"}), stop)
    obeying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await obeying


def main() -> None:
    """Runs with the two descriptors that the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor says when it is over
    link, listener = (socket.socket(fileno=int(text)) for text in sys.argv[1:3])
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run(link, listener))


if __name__ == "__main__":
    main()
