"""Models that change and servers that stop while requests come: what fails, and how late the others are.

Run by `overload.py --changes`. A server as it is started from the command line is offered half of what a
closed loop reaches, in an open loop, in requests of 20 rows, so that the client takes a small part of a CPU.
Every two seconds one of two models is replaced by the other (`reload`, of a file that was moved into the
place of the old one) or comes back (`rollback`); and servers with two workers are told to end (SIGTERM).
Each answer is read and compared with what the model that it names answers to those rows when asked alone.

A request fails that is answered with anything but a 200 with the right body (a 503 is told apart: it was shed
for the SLO), is not answered, or was sent after the answer to one command and answered before the next by the
model that had left. Of a server that ends, all requests count that were handed to the system before the
signal, on connections that stay and on new ones. Those sent after it, on connections of which the client
could not know yet that they close, are counted apart: answered, shed, or told by the close that they were
not taken.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from overload import PIPELINED, TICK_S, peak

import mlwright as mw
from mlwright.serving import issue_token

SHARE = 0.5
PERIOD_S, WINDOW_S, WARM_S = 2.0, 1.0, 2.0
STOPS, BEFORE_S, AFTER_S, FRESH = 10, 1.5, 3.0, 200.0
ROWS, CLOSE_TO = 20, 1e-6
CONNECTIONS = 256
"""Under the cap for one address, so that commands find room beside them."""


@dataclass(slots=True)
class Asked:
    """One request: which of the bodies, when it was due, sent and answered, and what came."""

    body: int
    due: float
    sent: float
    came: float = float("inf")
    status: int = 0
    version: str = ""
    right: bool = False


class Truth:
    """The answers of each model to each row, asked alone."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        models = [mw.load(file) for file in files]
        rows = list(models[0].samples.rows)
        self.bodies = [[rows[(i + j) % len(rows)] for j in range(ROWS)] for i in range(len(rows))]
        self.versions = [model.digest[:12] for model in models]
        self._last = models[0].schema.target.classes[-1]
        self._answers: dict[str, np.ndarray] = {}
        for version, model in zip(self.versions, models, strict=True):
            alone = np.array([model.predict_proba(row)[0][-1] for row in rows])
            self._answers[version] = np.array(
                [np.roll(alone, -i)[np.arange(ROWS) % len(rows)] for i in range(len(rows))]
            )

    def judge(self, asked: Asked, body: bytes) -> None:
        """Whether the body is what the model that it names would say."""
        said = msgspec.json.decode(body, type=_Said)
        asked.version, expected = said.model, self._answers.get(said.model)
        told = [one.probability.get(self._last, 9.0) for one in said.predictions]
        asked.right = (
            expected is not None
            and len(told) == ROWS
            and bool(np.abs(expected[asked.body] - told).max() < CLOSE_TO)
        )


class _One(msgspec.Struct):
    probability: dict[str, float]


class _Said(msgspec.Struct):
    model: str
    predictions: list[_One]


class Line(asyncio.Protocol):
    """One connection: answers by the order of requests, and no request once the peer said that it closes."""

    def __init__(self, truth: Truth) -> None:
        self._truth, self._left = truth, b""
        self.waiting: deque[Asked] = deque()
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._now = asyncio.get_running_loop().time

    def send(self, request: bytes, asked: Asked) -> None:
        self.waiting.append(asked)
        self.transport.write(request)  # type: ignore[attr-defined]
        asked.sent = self._now()

    def data_received(self, data: bytes) -> None:
        data, at = self._left + data, 0
        while (end := data.find(b"\r\n\r\n", at)) >= 0:
            head = data[at:end].lower()
            length = int(head[head.rfind(b"content-length: ") + 16 :].split(b"\r\n")[0])
            if len(data) < end + 4 + length:
                break
            asked = self.waiting.popleft()
            asked.came, asked.status = self._now(), int(head[9:12])
            if asked.status == 200:
                self._truth.judge(asked, data[end + 4 : end + 4 + length])
            self.is_open = self.is_open and b"connection: close" not in head
            at = end + 4 + length
        self._left = data[at:]

    def eof_received(self) -> bool:
        self.is_open = False
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False


async def offered(
    port: int,
    requests: list[bytes],
    truth: Truth,
    rate: float,
    seconds: float,
    when: list[tuple[float, Any]],
    fresh: float = 0.0,
) -> tuple[list[Asked], float]:
    """Offers `rate` requests a second, `fresh` of them on connections of their own, and does what `when` says
    (seconds from the beginning, a call that gives a coroutine or None). Returns all requests that were sent,
    and when it began."""
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(lambda: Line(truth), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
    ]
    all_asked: list[Asked] = []
    short: list[Line] = []

    async def knock(body: int, at: float) -> None:
        try:
            line = (await loop.create_connection(lambda: Line(truth), "127.0.0.1", port))[1]
        except OSError:  # nobody listens any more
            return
        asked = Asked(body, at, 0.0)
        line.send(requests[body], asked)
        all_asked.append(asked)
        short.append(line)

    doing, upcoming = [], deque(when)
    began, due, number, knocks = loop.time(), 0, 0, 0
    free = deque(lines)
    while (now := loop.time() - began) < seconds:
        while upcoming and upcoming[0][0] <= now:
            coroutine = upcoming.popleft()[1]()
            doing += [] if coroutine is None else [loop.create_task(coroutine)]
        for line in [line for line in short if not line.waiting]:
            line.transport.close()  # type: ignore[attr-defined]
            short.remove(line)
        while knocks < int(fresh * now):
            knocks += 1
            doing.append(loop.create_task(knock(knocks % len(requests), loop.time())))
        due = int((rate - fresh) * now)
        for _ in range(len(free)):
            if number >= due:
                break
            line = free.popleft()
            free.append(line)
            if line.is_open and len(line.waiting) < PIPELINED:
                asked = Asked(number % len(requests), began + number / (rate - fresh), 0.0)
                line.send(requests[asked.body], asked)
                all_asked.append(asked)
                number += 1
        if not any(line.is_open for line in lines):
            break
        await asyncio.sleep(TICK_S)
    await asyncio.gather(*doing)
    for _ in range(500):
        if not any(line.waiting and line.is_open for line in lines + short):
            break
        await asyncio.sleep(0.01)
    for line in lines + short:
        line.transport.close()  # type: ignore[attr-defined]
    return all_asked, began


def measure(files: tuple[Path, Path], work: Path, seconds: float, slo_ms: float) -> None:
    """Prints both tables."""
    gc.disable()  # the client keeps every request; looking through them would stop it for a fifth of a second
    truth = Truth(files)
    token = issue_token(work / "tokens", ("predict", "admin"))
    requests = [_request("/predict", json.dumps(rows).encode(), token) for rows in truth.bodies]
    asyncio.run(_swaps(files, work, truth, requests, token, seconds, slo_ms))
    asyncio.run(_stops(files[0], work, truth, requests, slo_ms))


async def _swaps(
    files: tuple[Path, Path],
    work: Path,
    truth: Truth,
    requests: list[bytes],
    token: str,
    seconds: float,
    slo_ms: float,
) -> None:
    place = work / "served.mlw"
    for workers in (1, 2):
        shutil.copy(files[0], place)
        with _server(place, work, workers, slo_ms) as (port, _):
            top = await peak(port, requests, 2.0)
            swaps: list[tuple[str, float, float, str]] = []

            async def change(verb: str, port: int = port, swaps: list[Any] = swaps) -> None:
                if verb == "reload":
                    shutil.copy(files[1], work / "next.mlw")
                    (work / "next.mlw").replace(place)
                sent = asyncio.get_running_loop().time()
                version = await _command(port, f"/models/served/{verb}", token)
                swaps.append((verb, sent, asyncio.get_running_loop().time(), version))

            pairs = max(1, round(seconds / 2 / PERIOD_S))
            when = [
                (WARM_S + i * PERIOD_S, lambda v=verb: change(v))
                for i, verb in enumerate(("reload", "rollback") * pairs)
            ]
            length = WARM_S + 2 * pairs * PERIOD_S
            asked, began = await offered(port, requests, truth, SHARE * top, length, when)
        print(f"\nchanges, {workers} worker(s): {SHARE:g} of {top:,.0f} answers/s")
        _show(_told(asked, began, swaps))


def _told(asked: list[Asked], began: float, swaps: list[tuple[str, float, float, str]]) -> Iterator[Mapping]:
    due = np.array([a.due for a in asked])
    late = np.array([a.came for a in asked]) - due
    spans = [(sent, max(sent + WINDOW_S, done)) for _, sent, done, _ in swaps]
    changing = np.zeros(len(due), dtype=bool)
    for first, last in spans:
        changing |= (due >= first) & (due < last)
    stale = _stale(asked, swaps)
    failed = np.array([not (a.status == 200 and a.right) for a in asked]) | stale
    busy = np.array([a.status == 503 for a in asked])
    calm = ~changing & (due >= began + WINDOW_S)
    yield _line("steady", 0, float("nan"), calm, late, failed, busy)
    for verb in ("reload", "rollback"):
        chosen = np.zeros(len(due), dtype=bool)
        for (which, *_), (first, last) in zip(swaps, spans, strict=True):
            chosen |= (which == verb) & (due >= first) & (due < last)
        took = [1e3 * (done - sent) for which, sent, done, _ in swaps if which == verb]
        yield _line(f"second of a {verb}", len(took), float(np.median(took)), chosen, late, failed, busy)
    statuses = sorted({a.status for a in asked} - {200})
    print(f"{len(asked):,} requests, {int(failed.sum())} failed ({int(stale.sum())} stale), {statuses=}")


def _stale(asked: list[Asked], swaps: list[tuple[str, float, float, str]]) -> np.ndarray:
    """Requests that were sent between the answer to one command and the sending of the next, and answered
    by another model than the one that the command had named."""
    stale = np.zeros(len(asked), dtype=bool)
    for i, (_, _, done, version) in enumerate(swaps):
        end = swaps[i + 1][1] if i + 1 < len(swaps) else float("inf")
        for j, a in enumerate(asked):
            if done < a.sent and a.came < end and a.status == 200 and a.version != version:
                stale[j] = True
    return stale


def _line(
    name: str,
    count: int,
    took: float,
    chosen: np.ndarray,
    late: np.ndarray,
    failed: np.ndarray,
    busy: np.ndarray,
) -> Any:
    answered = late[chosen & ~busy & np.isfinite(late)] * 1e3
    return {
        "": name,
        "times": count or float("nan"),
        "command ms": took,
        "requests": float(chosen.sum()),
        "failed": float(failed[chosen].sum()),
        "of them 503": float(busy[chosen].sum()),
        **{f"p{q:g} ms": float(np.percentile(answered, q)) for q in (50, 99, 99.9)},
        "worst ms": float(answered.max()),
    }


async def _stops(file: Path, work: Path, truth: Truth, requests: list[bytes], slo_ms: float) -> None:
    lines = []
    for i in range(STOPS):
        with _server(file, work, 2, slo_ms) as (port, server):
            if not i:
                top = await peak(port, requests, 2.0)
            told: list[float] = []

            def stop(server: Any = server, told: list[float] = told) -> None:
                told.append(asyncio.get_running_loop().time())
                os.kill(server.pid, signal.SIGTERM)

            rate, length = SHARE * top, BEFORE_S + AFTER_S
            asked, _ = await offered(port, requests, truth, rate, length, [(BEFORE_S, stop)], FRESH)
            code = await asyncio.to_thread(server.wait, 30)
            gone = asyncio.get_running_loop().time()
        owed = [a for a in asked if a.sent < told[0]]
        waiting = [a for a in owed if a.came > told[0]]
        later = [a for a in asked if a.sent >= told[0]]
        late = 1e3 * np.array([a.came - a.due for a in waiting if a.came < float("inf")] or [float("nan")])
        lines.append(
            {
                "stop": i + 1,
                "sent before": len(owed),
                "of them waiting": len(waiting),
                "failed": sum(not (a.status == 200 and a.right) for a in owed),
                "of them 503": sum(a.status == 503 for a in owed),
                "worst ms": float(late.max()),
                "sent after": len(later),
                "answered": sum(a.status == 200 and a.right for a in later),
                "not taken": sum(a.status == 0 for a in later),
                "shed": sum(a.status == 503 for a in later),
                "wrong": sum(a.status not in (0, 503) and not a.right for a in later),
                "seconds to end": gone - told[0],
                "exit code": code,
            }
        )
    print(f"\nSIGTERM, 2 workers: {SHARE:g} of {top:,.0f} answers/s")
    _show(lines)


async def _command(port: int, path: str, token: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path, b"{}", token))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body = await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
    writer.close()
    if head[9:12] != b"200":
        raise RuntimeError(f"{path}: {body.decode()}")
    return str(json.loads(body)["version"])


@contextmanager
def _server(file: Path, work: Path, workers: int, slo_ms: float) -> Iterator[tuple[int, subprocess.Popen]]:
    command = [
        *(sys.executable, "-m", "mlwright", "serve", f"served={file}", "--port", "0", "--json"),
        *("--tokens-file", str(work / "tokens"), "--workers", str(workers), "--slo-ms", str(slo_ms)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = next(line for line in server.stdout if '"url"' in line)
            yield int(url.rpartition(":")[2].strip().strip('",')), server
        finally:
            server.terminate()
            server.wait(30)


def _request(path: str, body: bytes, token: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _show(lines: Any) -> None:
    lines = list(lines)
    print("| " + " | ".join(lines[0]) + " |\n|" + "---|" * len(lines[0]))
    for line in lines:
        print("| " + " | ".join(map(_cell, line.values())) + " |")


def _cell(value: object) -> str:
    if isinstance(value, str) or value != value:
        return value if isinstance(value, str) else ""
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"  # type: ignore[operator,str-format]
