"""Many requests on one connection: each gets its own answer, in order, wherever the bytes are cut."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import small_model
from tests.serving.conftest import Doubler, Wire, predict, request, row

from mlwright import artifact
from mlwright.serving import ServeSettings, running

COUNT = 10_000


def pipelined(wire: Wire, parts: list[bytes], answers: int) -> list[float]:
    """Sends in one thread and reads in another; the predictions in the order of the answers."""

    def send() -> None:
        for part in parts:
            wire.send(part)

    sender = threading.Thread(target=send)
    sender.start()
    predictions = []
    for _ in range(answers):
        reply = wire.reply()
        assert reply.status == 200, reply.body
        predictions.append(reply.json["prediction"])
    sender.join()
    return predictions


def cut(data: bytes, source: random.Random, longest: int) -> list[bytes]:
    parts, at = [], 0
    while at < len(data):
        size = source.randint(1, longest)
        parts.append(data[at : at + size])
        at += size
    return parts


@pytest.mark.parametrize("longest", [97, 3000, 200_000])
def test_thousands_of_requests_cut_anywhere_get_their_own_answers_in_order(connect, longest):
    source = random.Random(longest)
    count = COUNT if longest > 97 else COUNT // 10
    parts = cut(b"".join(predict(row(i)) for i in range(count)), source, longest)
    assert pipelined(connect(), parts, count) == [2.0 * i for i in range(count)]


def test_connections_side_by_side_never_get_each_others_answers(url):
    failures = []

    def client(number: int) -> None:
        with Wire(url) as wire:
            data = b"".join(predict(row(1000 * number + i)) for i in range(300))
            got = pipelined(wire, cut(data, random.Random(number), 5000), 300)
            if got != [2.0 * (1000 * number + i) for i in range(300)]:
                failures.append(number)

    clients = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert failures == []


CHUNKED_HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"  # noqa: E501 - one head


def chunked(number: int) -> bytes:
    body = json.dumps(row(number)).encode()
    return CHUNKED_HEAD + b"5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_mixture_of_requests_is_answered_alike_at_any_cut(url, data):
    kinds = data.draw(
        st.lists(st.sampled_from(["row", "chunks", "health", "nowhere", "bad row"]), max_size=30)
    )
    made = {
        "row": (lambda i: predict(row(i)), 200),
        "chunks": (chunked, 200),
        "health": (lambda i: request(), 200),
        "nowhere": (lambda i: request("POST", "/nowhere", b"GET / HTTP/1.1\r\n\r\n"), 404),
        "bad row": (lambda i: predict({"age": "x"}), 422),
    }
    stream = b"".join(made[kind][0](i) for i, kind in enumerate(kinds))
    cuts = data.draw(st.lists(st.integers(0, max(0, len(stream) - 1)), max_size=12))
    with Wire(url) as wire:
        last = 0
        for at in sorted({*cuts, len(stream)}):
            wire.send(stream[last:at])
            last = at
        for i, kind in enumerate(kinds):
            reply = wire.reply()
            assert reply.status == made[kind][1]
            if kind in ("row", "chunks"):
                assert reply.json["prediction"] == 2.0 * i


def test_quick_answers_wait_their_turn_behind_slow_ones():
    with running(Doubler(seconds=0.2), ServeSettings(slo_ms=1e6)) as url, Wire(url) as wire:
        wire.send(predict(row(5)) + request() + predict(row(6)))
        assert wire.reply().json["prediction"] == 10.0
        assert wire.reply().json == {"status": "ok"}
        assert wire.reply().json["prediction"] == 12.0


def test_at_most_so_many_requests_of_one_connection_wait():
    model = Doubler(seconds=0.05)
    with running(model, ServeSettings(pipelined=4, slo_ms=1e6)) as url, Wire(url) as wire:
        wire.send(predict(row(1)) * 20)
        assert [wire.reply().status for _ in range(20)] == [200] * 20
    assert max(model.batches) <= 4


def test_requests_behind_connection_close_are_not_answered(connect):
    wire = connect()
    wire.send(request(Connection="close") + request(path="/schema"))
    reply = wire.reply()
    assert (reply.json, reply.headers["connection"]) == ({"status": "ok"}, "close")
    assert wire.is_closed()


def test_requests_of_one_wake_up_share_one_run():
    model = Doubler()
    with running(model) as url, Wire(url) as wire:
        before = len(model.batches)
        wire.send(b"".join(predict(row(i)) for i in range(10)))
        assert [wire.reply().json["prediction"] for _ in range(10)] == [2.0 * i for i in range(10)]
    assert len(model.batches) - before < 10
    assert sum(model.batches[before:]) == 10


SERVE = """
import sys
from mlwright.serving import ServeSettings, serve

serve(sys.argv[1], port=0, settings=ServeSettings(slo_ms=1e6), started=lambda url: print(url, flush=True))
"""
LINES, BLOCK = 8, 500


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A model file and the URL at which a process of its own serves it."""
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(1.1))
    command = [sys.executable, "-c", SERVE, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield file, server.stdout.readline().strip()
        server.terminate()


class Flood(asyncio.Protocol):
    """One connection that always has some blocks of requests under way, and holds each answer to its row."""

    def __init__(self, model: artifact.Model, numbers: range) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self.answered = 0
        self._model, self._numbers, self._next = model, numbers, 0
        self._source = random.Random(numbers.start)
        self._expected: deque[float] = deque()
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()
        self._send()

    def _send(self) -> None:
        """The next block, in writes of random lengths."""
        block = self._numbers[self._next : self._next + BLOCK]
        self._next += len(block)
        if not block:
            return
        rows = [{"age": number / 8, "member": number % 3 == 0} for number in block]
        self._expected.extend(self._model.predict(rows).tolist())
        data = b"".join(request("POST", "/predict", json.dumps(one).encode()) for one in rows)
        for part in cut(data, self._source, self._source.choice((90, 2000, 40_000))):
            self._transport.write(part)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        data, at = self._left + data, 0
        while (end := data.find(b"\r\n\r\n", at)) >= 0:
            length = int(data[data.rfind(b"Content-Length: ", at, end) + 16 : end])
            if len(data) < end + 4 + length:
                break
            answer = data[at : end + 4 + length]
            got = answer[answer.rfind(b'"prediction":') + 13 : answer.rfind(b',"model"')]
            if not answer.startswith(b"HTTP/1.1 200 ") or float(got) != self._expected[0]:
                self._fail(f"answer {self.answered} should be {self._expected[0]}: {answer!r}")
                return
            self._expected.popleft()
            self.answered += 1
            at = end + 4 + length
            if len(self._expected) == BLOCK:
                self._send()
        self._left = data[at:]
        if self.answered == len(self._numbers) and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection ended after {self.answered} answers")

    def close(self) -> None:
        self._transport.close()

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(why))
            self._transport.abort()  # type: ignore[attr-defined]


def flooded(file: Path, url: str, count: int) -> None:
    """Sends so many requests of distinct rows through several connections, and looks at every answer."""
    model, (host, _, port) = artifact.load(file), url.removeprefix("http://").rpartition(":")

    async def all_lines() -> int:
        loop, floods = asyncio.get_running_loop(), []
        for at in range(LINES):
            flood = Flood(model, range(at, count, LINES))
            await loop.create_connection(lambda flood=flood: flood, host, int(port))
            floods.append(flood)
        await asyncio.gather(*(flood.done for flood in floods))
        for flood in floods:
            flood.close()
        await asyncio.sleep(0)
        return sum(flood.answered for flood in floods)

    assert asyncio.run(all_lines()) == count


def test_each_of_very_many_pipelined_rows_gets_the_prediction_that_the_model_makes_of_it(process):
    flooded(*process, 20_000)


@pytest.mark.slow
def test_each_of_a_million_pipelined_rows_gets_the_prediction_that_the_model_makes_of_it(process):
    flooded(*process, 1_000_000)
