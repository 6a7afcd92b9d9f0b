"""Many requests on one connection: each gets its own answer, in order, wherever the bytes are cut."""

from __future__ import annotations

import json
import os
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.conftest import Doubler, Wire, predict, request, row

from mlwright.serving import ServeSettings, running

COUNT = int(os.environ.get("MLWRIGHT_PIPELINED", "10000"))


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
