"""Both clients as one: each test that takes `make` runs with the plain client and with the one of asyncio."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.serving.conftest import Doubler
from tests.serving.conftest import made as fronts  # noqa: F401 - a fixture
from tests.serving.test_real_model import file  # noqa: F401 - a fixture
from tests.serving.test_tls import certificate  # noqa: F401 - a fixture

from mlwright.client import AsyncClient, Client
from mlwright.serving import ServeSettings, running


class Awaited:
    """An `AsyncClient` whose answers are waited for, in a loop of its own."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._runner = asyncio.Runner()
        self.inner = AsyncClient(*arguments, **more)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)

        def call(*arguments: Any, **more: Any) -> Any:
            made = found(*arguments, **more)
            if inspect.isasyncgen(made):
                return self._each(made)
            return self._runner.run(_awaited(made)) if inspect.isawaitable(made) else made

        return call if callable(found) else found

    def __repr__(self) -> str:
        return repr(self.inner)

    def _each(self, made: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._runner.run(_awaited(anext(made)))
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(made.aclose())

    def end(self) -> None:
        self._runner.run(self.inner.close())
        self._runner.close()


async def _awaited(made: Any) -> Any:
    return await made


Make = Callable[..., Any]


@pytest.fixture(params=["plain", "asyncio"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes clients, which are closed at the end."""
    made: list[Any] = []

    def one(*arguments: Any, **more: Any) -> Any:
        made.append((Client if request.param == "plain" else Awaited)(*arguments, **more))
        return made[-1]

    yield one
    for client in made:
        client.end() if isinstance(client, Awaited) else client.close()


def pauses(client: Any, then: Callable[[], None] = lambda: None) -> list[float]:
    """The pauses between tries of `client`, none of which is slept; at each, something is done."""
    noted: list[float] = []

    def pause(seconds: float) -> None:
        noted.append(seconds)
        then()

    async def pause_in_a_loop(seconds: float) -> None:
        pause(seconds)

    if isinstance(client, Awaited):
        client.inner._sleep = pause_in_a_loop
    else:
        client._sleep = pause
    return noted


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An endpoint that doubles ages."""
    with running(Doubler(), ServeSettings(slo_ms=10_000.0)) as url:
        yield url


class Canned:
    """Says what it is told to, whatever is asked: an answer a connection, then an end. Not one of ours: what
    stands between a client and an endpoint, or breaks."""

    def __init__(self, *answers: bytes) -> None:
        self.heard: list[bytes] = []
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                self.heard.append(peer.recv(1 << 16))
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(1 << 16):
                    continue

    def __enter__(self) -> Canned:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(10)


def said(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer of HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
