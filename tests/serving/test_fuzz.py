"""Anything sent to a server, by seeds: no answer is a failure of the server's, none is badly written, nothing
is left behind, and whoever asks rightly meanwhile is answered rightly.

Most streams go to connections in this process, some through sockets. The long runs are marked slow.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from raw_requests import Maker, Stream
from strict_answers import Got, NotAnAnswer, answers_in
from tests.serving.conftest import Doubler, predict, row

import mlwright as mw
from mlwright.serving import ServeSettings, issue_token, running, server
from mlwright.serving.answers import Answer
from mlwright.serving.front import Front
from mlwright.serving.protocol import Connection

LANES = 4
ROWS = [row(a / 8) | {"joined": f"2020-01-{i % 28 + 1:02d}"} for i, a in enumerate(range(-9, 900))]
ANSWERS = [2.0 * float(r["age"]) for r in ROWS]
FAR = 1e9
"""Seconds after which every time of a connection is up."""


class Bounded(Doubler):
    """Finite for every number, as graphs made by mlwright are."""

    def run(self, numbers: np.ndarray, strings: np.ndarray) -> Any:
        doubled = np.clip(numbers[:, 0], -1e300, 1e300) * 2.0
        return SimpleNamespace(probability=None, label=None, prediction=doubled)


class Pipe(asyncio.Transport):
    """The server's end of a socket that is not there; what is written to it is kept."""

    def __init__(self, connection: Connection) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000)})
        self.sent = bytearray()
        self.is_reading, self.is_closed = True, False
        self._is_lost, self._is_ended = False, False
        self._connection = connection
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self._is_lost or not (self.is_closed or self._is_ended), "written after its end"
        self.sent += b"" if self._is_lost else data

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    abort = close

    def lose(self) -> None:
        """The peer is gone; the server hears of it in the loop's next turn."""
        self._is_lost = True
        self.close()

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._is_ended = True

    def get_write_buffer_size(self) -> int:
        return 0


async def came(is_so: Callable[[], bool]) -> None:
    """Lets the loop turn until something is so."""
    for turn in range(20_000):
        if is_so():
            return
        await asyncio.sleep(0 if turn < 1000 else 0.001)
    raise AssertionError("it never came about")


async def played(front: Front, stream: Stream, draw: random.Random) -> list[Got]:
    """The answers to a stream whose peer ends as it says."""
    connection = Connection(front)
    pipe = Pipe(connection)
    requests = connection._requests
    for data in stream.writes:
        if draw.random() < 0.02:  # the peer is slow to take its answers
            connection.pause_writing()
            await asyncio.sleep(0)
            connection.resume_writing()
        await came(lambda: pipe.is_reading or pipe.is_closed)
        if pipe.is_closed:
            break
        connection.data_received(data)
        if draw.random() < 0.3:
            await asyncio.sleep(0)
    await came(lambda: pipe.is_reading or pipe.is_closed)  # a transport that does not read sees no end
    if stream.end == "lost":
        pipe.lose()
    elif stream.end == "half-closed" and not pipe.is_closed and not connection.eof_received():
        pipe.close()
    if stream.end == "silent":
        await came(lambda: not any(e.answer is None for e in requests.exchanges) or requests.phase == "body")
        for _ in range(4):  # late, lingering, gone
            await came(lambda: pipe.is_closed or pipe.is_reading)
            connection.check(front.now + FAR)
            await asyncio.sleep(0)
    await came(lambda: pipe.is_closed and connection not in front.connections)
    return answers_in(bytes(pipe.sent), sent=stream.data)


def held_to(stream: Stream, answers: list[Got], output: str) -> None:
    """Asserts what is known of a stream: up to the first doubtful request each has its own answer."""
    if stream.end == "lost":
        answers = answers[: len(stream.requests)]
    for at, request in enumerate(stream.requests):
        if not request.is_framed:
            return
        if at == len(answers) and stream.end == "lost":
            return
        assert at < len(answers), "an answer is missing"
        if request.expected is not None:
            assert answers[at].status == 200, answers[at].body
            assert predictions(answers[at], output) == list(request.expected)
    assert len(answers) == len(stream.requests)


def predictions(answer: Got, output: str) -> list[Any]:
    """What an answer of any dialect predicts."""
    told = answer.json
    if told is None:
        lines = answer.body.decode().splitlines()
        column = lines[0].split(",").index(output)
        read: Callable[[str], Any] = float if output == "prediction" else str
        return [read(line.split(",")[column]) for line in lines[1:]]
    if "outputs" in told:
        return list(next(o["data"] for o in told["outputs"] if o["name"] == output))
    if "predictions" not in told:
        return [told[output]]
    return [p[output] if isinstance(p, dict) else p for p in told["predictions"]]


BUSY = 503
SHAPES = {
    "open": ServeSettings(slo_ms=1e6),
    "narrow": ServeSettings(
        slo_ms=1e6, max_body_bytes=2000, max_rows=3, pipelined=2, max_held_bytes=3000, max_connections=9,
        inline_body_bytes=400, batch_rows=2,
    ),
}  # fmt: skip


def fuzzed(shape: str, folder: Path, seed: int, streams: int) -> None:
    """So many streams, some side by side, each followed by a right request on a connection that lives on."""
    settings, token = SHAPES[shape], ""
    if shape == "narrow":
        token = issue_token(folder / "tokens", ("predict", "metrics", "admin"))
        settings = msgspec.structs.replace(settings, tokens_file=str(folder / "tokens"))
    maker = Maker(ROWS, ANSWERS, name="shop", seed=seed, token=token)
    failures: list[dict[str, Any]] = []

    async def lane(front: Front, numbers: range) -> None:
        witness = Pipe(Connection(front))
        for number in numbers:
            stream, draw = maker.stream(number), random.Random(number)
            try:
                answers = await played(front, stream, draw)
                if shape == "open":
                    held_to(stream, answers, "prediction")
                await asked(witness, number)
            except BaseException as error:
                error.add_note(f"seed {seed}, stream {number}: {stream}"[:4000])
                raise
        witness.close()

    async def asked(witness: Pipe, number: int) -> None:
        data = predict(row(number))
        if token:
            data = data.replace(b"\r\n", f"\r\nAuthorization: Bearer {token}\r\n".encode(), 1)
        for _ in range(1000):  # what the others sent may fill the memory that they have
            witness.sent.clear()
            witness._connection.data_received(data)
            await came(lambda: bool(witness.sent) or witness.is_closed)
            (answer,) = answers_in(bytes(witness.sent), sent=b"")
            if answer.status != BUSY or shape != "narrow":
                break
            await asyncio.sleep(0.001)  # the loop must turn, or theirs are never answered
        assert predictions(answer, "prediction") == [2.0 * number], answer

    async def all_lanes() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        front = server.make_front({"shop": Bounded()}, "127.0.0.1", settings)
        front.attach(loop)
        front.warm()
        async with asyncio.TaskGroup() as group:
            for at in range(LANES):
                group.create_task(lane(front, range(at, streams, LANES)))
        await asyncio.sleep(0)
        assert (front.metrics.in_flight, front.held_bytes) == (0, 0)
        assert (set(front.connections), dict(front.peers)) == (set(), {})
        front.close()

    asyncio.run(all_lanes())
    assert failures == []


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_that_is_sent_makes_the_server_fail(shape, tmp_path, caplog):
    with caplog.at_level(logging.ERROR):
        fuzzed(shape, tmp_path, seed=1, streams=2000)
    assert caplog.records == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_of_very_much_that_is_sent_makes_the_server_fail(shape, part, tmp_path, caplog):
    with caplog.at_level(logging.ERROR):
        fuzzed(shape, tmp_path, seed=100 + part, streams=15_000 if shape == "open" else 7500)
    assert caplog.records == []


def through_a_socket(url: str, stream: Stream) -> tuple[list[Got], bool]:
    """The answers, and whether all that was sent arrived and all that was answered came back."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    got, is_whole = bytearray(), True
    with socket.create_connection((host, int(port)), timeout=30) as wire:
        try:
            for data in stream.writes:
                wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
        except OSError:  # it was told enough
            is_whole = False
        if stream.end == "lost":
            return [], False
        try:
            while data := wire.recv(1 << 16):
                got += data
        except ConnectionResetError:
            is_whole = False
    return answers_in(bytes(got), sent=stream.data, is_whole=is_whole), is_whole


def through_sockets(url: str, maker: Maker, streams: int, output: str) -> None:
    """So many streams through connections side by side, and a right request after each."""
    failed: list[str] = []
    whole = [0] * LANES

    def lane(at: int) -> None:
        for number in range(at, streams, LANES):
            stream = maker.stream(number)
            try:
                answers, is_whole = through_a_socket(url, stream)
                whole[at] += is_whole
                if is_whole:
                    held_to(stream, answers, output)
                right = maker.right(random.Random(number))
                after = Stream((right,), (right.data,), "half-closed")
                held_to(after, through_a_socket(url, after)[0], output)
            except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
                failed.append(f"{type(error).__name__} {error}, stream {number}: {stream}"[:4000])
                return

    lanes = [threading.Thread(target=lane, args=(at,)) for at in range(LANES)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert failed == []
    assert sum(whole) > streams / 2  # most were played to their end


def test_nothing_that_is_sent_through_sockets_makes_the_server_fail(caplog, made):
    with (
        caplog.at_level(logging.ERROR),
        running({"shop": Bounded()}, ServeSettings(slo_ms=1e6)) as url,
    ):
        through_sockets(url, Maker(ROWS, ANSWERS, name="shop", seed=7), 600, "prediction")
    assert caplog.records == []
    assert (made[0].metrics.in_flight, made[0].held_bytes, len(made[0].connections)) == (0, 0, 0)


@pytest.mark.slow
def test_nothing_that_is_sent_through_sockets_makes_a_trained_model_fail(demo_folder, caplog):
    model = mw.load(demo_folder / "bank.mlw")
    rows = [dict(r) for r in model.samples.rows]
    with caplog.at_level(logging.ERROR), running({"bank": model}, ServeSettings(slo_ms=1e6)) as url:
        maker = Maker(rows, list(model.predict(rows)), name="bank", seed=8)
        through_sockets(url, maker, 10_000, "label")
    assert caplog.records == []


GOOD = Answer(200, b'{"a":1}').to_bytes(b"Sun, 29 Nov 2026 09:00:00 GMT", b"r1", close=False)
BAD = {
    "a failure": (b"200 OK", b"500 Internal Server Error"),
    "a body cut": (b'{"a":1}', b'{"a":1'),
    "a body too long": (b'{"a":1}', b'{"a":1}\n'),
    "no JSON": (b'{"a":1}', b'{"a":N}'),
    "a constant": (b'{"a":1}', b'{"":NaN'),
    "a key twice": (b'Content-Length: 7\r\n\r\n{"a":1}', b'Content-Length: 13\r\n\r\n{"a":1,"a":1}'),
    "two lengths": (b"Content-Length: 7", b"Content-Length: 7\r\nContent-Length: 7"),
    "a bare line end": (b"\r\nX-Request", b"\nX-Request"),
    "no date": (b"Date: Sun,", b"Date: now,"),
    "busy for ever": (b"200 OK", b"503 Service Unavailable"),
    "an error that says nothing": (b"200 OK", b"404 Not Found"),
    "more than the last": (b"\r\nContent-Length", b"\r\nConnection: close\r\nContent-Length"),
}


@pytest.mark.parametrize("name", BAD)
def test_the_reader_of_answers_finds_out_a_bad_one(name):
    assert [got.json for got in answers_in(GOOD * 2, sent=b"")] == [{"a": 1}] * 2
    assert BAD[name][0] in GOOD
    with pytest.raises(NotAnAnswer):
        answers_in(GOOD.replace(*BAD[name]) * 2, sent=b"")


def test_equal_seeds_make_equal_streams_and_others_do_not():
    makers = [Maker(ROWS, ANSWERS, name="shop", seed=seed) for seed in (1, 1, 2)]
    first, again, other = ([maker.stream(i) for i in range(50)] for maker in makers)
    assert first == again and first != other
