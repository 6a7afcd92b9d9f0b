"""A fake model whose answers tell which row they belong to, and raw sockets to ask a running endpoint."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlwright.base.schema import Column, Schema, Target
from mlwright.serving import ServeSettings, running, server
from mlwright.serving.front import Front

SCHEMA = Schema(
    columns=(
        Column(name="id", kind="id", role="id"),
        Column(name="age", kind="numeric", nullable=False),
        Column(name="member", kind="boolean", true=("yes",), false=("no",)),
        Column(name="joined", kind="datetime", optional=True),
        Column(name="city", kind="categorical", codes=True, missing=("?",)),
        Column(name="note", kind="text", optional=True),
        Column(name="price", kind="numeric", role="target"),
    ),
    target=Target(name="price", task="regression"),
)
ROW = {"age": 41, "member": True, "city": "Oslo"}


class Doubler:
    """A regression that answers twice the age, after `seconds`."""

    def __init__(self, schema: Schema = SCHEMA, seconds: float = 0.0) -> None:
        self.schema = schema
        self.digest = "0123456789abcdef" * 4
        self.samples = SimpleNamespace(rows=(ROW,))
        self.seconds = seconds
        self.batches: list[int] = []
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []

    def run(self, numbers: np.ndarray, strings: np.ndarray) -> Any:
        self.batches.append(len(numbers))
        self.seen.append((numbers, strings))
        if self.seconds:
            time.sleep(self.seconds)
        return SimpleNamespace(probability=None, label=None, prediction=numbers[:, 0] * 2.0)


class Gated(Doubler):
    """Waits in each run until `gate` is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def run(self, numbers: np.ndarray, strings: np.ndarray) -> Any:
        assert self.gate.wait(20)
        return super().run(numbers, strings)


def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that a running endpoint will do."""
    for _ in range(2000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came about")


class Reply(SimpleNamespace):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One raw connection."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=20)
        self._left = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def more(self) -> bytes:
        return self.socket.recv(1 << 16)

    def reply(self, *, head_only: bool = False) -> Reply:
        """The next answer; interim ones are answers too. Raises EOFError at the end."""
        while b"\r\n\r\n" not in self._left:
            data = self.more()
            if not data:
                raise EOFError(self._left)
            self._left += data
        head, _, rest = self._left.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        size = 0 if head_only else int(headers.get("content-length", 0))
        while len(rest) < size:
            data = self.more()
            if not data:
                raise EOFError(rest)
            rest += data
        self._left = rest[size:]
        return Reply(status=int(lines[0].split()[1]), headers=headers, body=rest[:size])

    def is_closed(self) -> bool:
        """Whether the peer ends the connection, with nothing more to say."""
        try:
            return self._left == b"" and self.more() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request(method: str = "GET", path: str = "/health", body: bytes = b"", **headers: str) -> bytes:
    """A plain request; headers' underscores are hyphens."""
    said = {"Host": "localhost"} | {k.replace("_", "-"): v for k, v in headers.items()}
    if body:
        said = {"Content-Type": "application/json", "Content-Length": str(len(body))} | said
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in said.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def predict(rows: object, query: str = "", **headers: str) -> bytes:
    return request("POST", f"/predict{query}", json.dumps(rows).encode(), **headers)


def row(age: float) -> dict[str, object]:
    return ROW | {"age": age}


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """An endpoint with the default settings but for short waits."""
    arrow = find_spec("pyarrow") is not None
    with running(Doubler(), ServeSettings(slo_ms=10_000.0, arrow=arrow)) as where:
        yield where


@pytest.fixture
def connect(url: str) -> Iterator[Callable[[], Wire]]:
    wires: list[Wire] = []

    def make() -> Wire:
        wires.append(Wire(url))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


@pytest.fixture
def ask(connect: Callable[[], Wire]) -> Callable[[bytes], Reply]:
    """Sends one request on a connection of its own and returns the answer."""

    def send(data: bytes) -> Reply:
        wire = connect()
        wire.send(data)
        return wire.reply()

    return send


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Front]:
    """The fronts that servers make in this test, for looking inside."""
    fronts: list[Front] = []
    make = server.make_front

    def keep(*arguments: Any) -> Front:
        fronts.append(make(*arguments))
        return fronts[-1]

    monkeypatch.setattr(server, "make_front", keep)
    return fronts
