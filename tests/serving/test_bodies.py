"""Bodies: cut anywhere, too long, too slow, unwanted, compressed, announced and not sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serving.conftest import Doubler, Wire, predict, request, row

from mlwright.serving import ServeSettings, running
from mlwright.serving.answers import Refused
from mlwright.serving.parse import ChunkedBody, FixedBody

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunks(body: bytes, sizes: list[int]) -> bytes:
    """`body` in chunks of `sizes`, the last of them again and again."""
    out, at = [], 0
    for size in [*sizes, *[sizes[-1]] * len(body)]:
        piece = body[at : at + size]
        if piece:
            out.append(b"%X\r\n%s\r\n" % (len(piece), piece))
        at += size
    return b"".join(out) + b"0\r\n\r\n"


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), min_size=1), st.lists(st.integers(0, 2000)))
def test_a_chunked_body_is_the_same_wherever_it_is_cut(body, sizes, cuts):
    data = chunks(body, sizes) + b"NEXT"
    reader, rest, last = ChunkedBody(1000), b"", 0
    for cut in sorted({*(c for c in cuts if c < len(data)), len(data)}):
        rest += data[last:cut]
        last = cut
        rest = rest[reader.feed(rest, 0) :]
    assert reader.complete
    assert (bytes(reader.body), rest) == (body, b"NEXT")


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_chunked_body_with_a_byte_changed_never_raises_anything_but_a_refusal(body, data):
    framed = bytearray(chunks(body, [7]))
    framed[data.draw(st.integers(0, len(framed) - 1))] = data.draw(st.integers(0, 255))
    reader = ChunkedBody(1000)
    try:
        reader.feed(bytes(framed), 0)
    except Refused as refused:
        assert refused.answer.status in (400, 413)
    assert len(reader.body) <= 1000


@given(st.binary(max_size=100), st.lists(st.integers(0, 100)))
def test_a_fixed_body_takes_exactly_its_length(body, cuts):
    reader, data, at = FixedBody(len(body)), body + b"NEXT", 0
    for cut in sorted({*(c for c in cuts if c < len(data)), len(data)}):
        at = reader.feed(data[:cut], at)
    assert reader.complete
    assert (bytes(reader.body), data[at:]) == (body, b"NEXT")


def test_framing_longer_than_the_body_is_refused():
    reader = ChunkedBody(1 << 20)
    with pytest.raises(Refused, match="longer than the body"):
        reader.feed(b"1;" + b"x" * 200 + b"\r\na\r\n", 0)
        reader.feed((b"1;" + b"x" * 200 + b"\r\na\r\n") * 50, 0)


def test_a_chunked_row_is_predicted_byte_by_byte(connect):
    wire = connect()
    for byte in CHUNKED + chunks(json.dumps(row(21)).encode(), [3]):
        wire.send(bytes((byte,)))
    assert wire.reply().json["prediction"] == 42.0


def test_a_body_over_the_limit_is_413_before_it_is_sent(connect):
    wire = connect()
    wire.send(HEAD + b"Content-Length: 8388609\r\n\r\n")
    reply = wire.reply()
    assert (reply.status, reply.json["error"]["code"]) == (413, "body_too_large")
    assert wire.is_closed()


def test_the_answer_to_a_refused_body_arrives_although_the_body_was_on_its_way(connect):
    wire = connect()
    wire.send(HEAD + b"Content-Length: 9000000\r\n\r\n" + b"x" * 60_000)
    assert wire.reply().status == 413


def test_chunks_over_the_limit_are_413():
    with running(Doubler(), ServeSettings(max_body_bytes=1000)) as url, Wire(url) as wire:
        wire.send(CHUNKED + chunks(b" " * 1200, [100]))
        assert wire.reply().status == 413
        assert wire.is_closed()


def test_a_short_unwanted_body_is_read_past_and_the_connection_lives(connect):
    wire = connect()
    wire.send(request("POST", "/nowhere", b"x" * 5000) + predict(row(3)))
    assert wire.reply().status == 404
    assert wire.reply().json["prediction"] == 6.0


def test_a_long_unwanted_body_ends_the_connection(connect):
    wire = connect()
    wire.send(request("POST", "/nowhere", b"x" * 70_000))
    reply = wire.reply()
    assert (reply.status, reply.headers["connection"]) == (404, "close")


def test_compressed_bodies_are_refused(ask):
    reply = ask(request("POST", "/predict", b"abc", Content_Encoding="gzip"))
    assert (reply.status, reply.json["error"]["code"]) == (415, "content_encoding")
    assert (
        ask(request("POST", "/predict", json.dumps(row(1)).encode(), Content_Encoding="identity")).status
        == 200
    )


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_page_of_another_site_cannot_post_rows_without_asking(ask, kind):
    assert ask(request("POST", "/predict", json.dumps(row(1)).encode(), Content_Type=kind)).status == 415


def test_json_with_a_charset_is_json(ask):
    data = request(
        "POST", "/predict", json.dumps(row(1)).encode(), Content_Type="Application/JSON; charset=utf-8"
    )
    assert ask(data).status == 200


def test_continue_is_said_after_admission_and_before_the_body(connect):
    body = json.dumps(row(4)).encode()
    wire = connect()
    wire.send(HEAD + b"Expect: 100-Continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert wire.reply().status == 100
    wire.send(body)
    assert wire.reply().json["prediction"] == 8.0


def test_continue_waits_for_the_answers_before_it(connect):
    body = json.dumps(row(4)).encode()
    wire = connect()
    wire.send(predict(row(1)) + HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert [wire.reply().status, wire.reply().status] == [200, 100]
    wire.send(body)
    assert wire.reply().json["prediction"] == 8.0


def test_continue_is_not_said_where_the_request_is_refused(connect):
    wire = connect()
    wire.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
    assert wire.reply().status == 413
    assert wire.is_closed()


def test_an_expectation_in_http_1_0_is_ignored(ask):
    body = json.dumps(row(4)).encode()
    head = HEAD.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    reply = ask(head + body)
    assert (reply.status, reply.headers["connection"]) == (200, "close")


def test_a_body_that_ends_early_is_told_so(connect):
    wire = connect()
    wire.send(predict(row(1)) + HEAD + b"Content-Length: 50\r\n\r\n{")
    wire.socket.shutdown(1)
    assert wire.reply().status == 200
    assert wire.reply().json["error"]["code"] == "incomplete_body"
    assert wire.is_closed()


def test_a_peer_that_sends_no_more_still_gets_its_answers(connect):
    wire = connect()
    wire.send(predict(row(1)) * 5)
    wire.socket.shutdown(1)
    assert [wire.reply().json["prediction"] for _ in range(5)] == [2.0] * 5
    assert wire.is_closed()


def test_a_head_that_a_peer_who_sends_no_more_has_begun_is_not_waited_for():
    with running(Doubler(seconds=0.2), ServeSettings(head_s=60.0, slo_ms=1e6)) as url, Wire(url) as wire:
        wire.send(predict(row(1)) + b"GET /heal")
        wire.socket.shutdown(1)
        assert wire.reply().json["prediction"] == 2.0
        assert wire.is_closed()


SLOW = {
    "a head that stops": (b"GET /health HTTP/1.1\r\nHo", 408),
    "a body that stops": (HEAD + b"Content-Length: 100\r\n\r\n{", 408),
    "chunks that stop": (CHUNKED + b"5\r\n{", 408),
    "an unwanted body that stops": (request("POST", "/nowhere", b"x" * 100)[:-50], 404),
    "silence": (b"", None),
    "silence after an answer": (request(), 200),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_peer_that_stops_is_not_waited_for(name):
    data, status = SLOW[name]
    with running(Doubler(), ServeSettings(head_s=0.2, idle_s=0.4)) as url, Wire(url) as wire:
        wire.send(data)
        if status is not None:
            assert wire.reply().status == status
        assert wire.is_closed()


def test_a_head_that_drips_is_not_waited_for():
    with running(Doubler(), ServeSettings(head_s=0.3)) as url, Wire(url) as wire:
        wire.socket.settimeout(0.05)
        for byte in b"GET /health HTTP/1.1\r\nX: " + b"y" * 400:
            try:
                wire.send(bytes((byte,)))
                reply = wire.more()
                break
            except TimeoutError:
                continue
        assert reply.startswith(b"HTTP/1.1 408 ")


def test_a_peer_that_takes_no_answers_is_cut_off():
    with running(Doubler(), ServeSettings(write_stall_s=0.3, slo_ms=1e6)) as url:
        with Wire(url) as wire:
            wire.socket.settimeout(10)
            many = predict([row(i) for i in range(2000)])
            with pytest.raises((ConnectionError, TimeoutError)):  # what it asks is never read
                for _ in range(1000):
                    wire.send(many)
        with Wire(url) as other:
            other.send(request())
            assert other.reply().status == 200
