"""Heads as an attacker or a broken client writes them, on raw sockets and against the parser itself."""

from __future__ import annotations

import pytest
from tests.serving.conftest import request

from mlwright.serving.answers import Refused
from mlwright.serving.parse import CHUNKED, MAX_HEAD_BYTES, check_unfinished, read_head

H = b"Host: localhost\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
POST_10 = POST.replace(b"1.1", b"1.0")
TE = b"Transfer-Encoding: chunked\r\n"
POST_10 = POST.replace(b"1.1", b"1.0")
TE = b"Transfer-Encoding: chunked\r\n"

BAD = {
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /health HTTP/1.1\r\n" + H + H + b"\r\n", 400),
    "two equal hosts in one": (b"GET /health HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n", 400),
    "empty host": (b"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "host with a path": (b"GET /health HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400),
    "host with a user": (b"GET /health HTTP/1.1\r\nHost: a@localhost\r\n\r\n", 400),
    "host with a worded port": (b"GET /health HTTP/1.1\r\nHost: localhost:http\r\n\r\n", 400),
    "another host": (b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "no host in 1.0": (b"GET /health HTTP/1.0\r\n\r\n", 400),
    "a blank before the colon": (b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "a tab before the colon": (b"GET /health HTTP/1.1\r\nHost\t: localhost\r\n\r\n", 400),
    "a folded header": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\r\n b\r\n\r\n", 400),
    "a folded header by tab": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\r\n\tb\r\n\r\n", 400),
    "a blank before the first header": (b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    "a bare LF after the request line": (b"GET /health HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    "a bare LF between headers": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\nY: b\r\n\r\n", 400),
    "bare LFs only": (b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    "a bare CR in a value": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\rb\r\n\r\n", 400),
    "CR CR LF": (b"GET /health HTTP/1.1\r\r\n" + H + b"\r\n", 400),
    "a NUL in a value": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\0b\r\n\r\n", 400),
    "a NUL in the target": (b"GET /hea\0lth HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a NUL in a name": (b"GET /health HTTP/1.1\r\n" + H + b"X\0: b\r\n\r\n", 400),
    "a control character": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\x01b\r\n\r\n", 400),
    "a delete character": (b"GET /health HTTP/1.1\r\n" + H + b"X: a\x7fb\r\n\r\n", 400),
    "an empty name": (b"GET /health HTTP/1.1\r\n" + H + b": b\r\n\r\n", 400),
    "a line without a colon": (b"GET /health HTTP/1.1\r\n" + H + b"nonsense\r\n\r\n", 400),
    "a name outside ASCII": (b"GET /health HTTP/1.1\r\n" + H + b"X\xc3\xa9: b\r\n\r\n", 400),
    "a name in brackets": (b"GET /health HTTP/1.1\r\n" + H + b"X[]: b\r\n\r\n", 400),
    "two blanks in the request line": (b"GET  /health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a blank behind the version": (b"GET /health HTTP/1.1 \r\n" + H + b"\r\n", 400),
    "a tab in the request line": (b"GET\t/health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "no version": (b"GET /health\r\n" + H + b"\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a lower-case version": (b"GET /health http/1.1\r\n" + H + b"\r\n", 400),
    "a leading empty line": (b"\r\nGET /health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a leading blank": (b" GET /health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "version 2.0": (b"GET /health HTTP/2.0\r\n" + H + b"\r\n", 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "version 1.2": (b"GET /health HTTP/1.2\r\n" + H + b"\r\n", 400),
    "version 0.9": (b"GET /health HTTP/0.9\r\n" + H + b"\r\n", 400),
    "version 1.10": (b"GET /health HTTP/1.10\r\n" + H + b"\r\n", 400),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "an unknown method": (b"BREW /health HTTP/1.1\r\n" + H + b"\r\n", 405),
    "a lower-case method": (b"get /health HTTP/1.1\r\n" + H + b"\r\n", 405),
    "a method in brackets": (b"G[T /health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 405),
    "a fragment": (b"GET /health#a HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a target outside ASCII": (b"GET /h\xc3\xa9alth HTTP/1.1\r\n" + H + b"\r\n", 400),
    "a target without a slash": (b"GET health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "an absolute target elsewhere": (b"GET http://evil.example/health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "another scheme": (b"GET ftp://localhost/health HTTP/1.1\r\n" + H + b"\r\n", 400),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "chunks in 1.0": (POST_10 + TE + b"\r\n0\r\n\r\n", 400),
    "chunks twice": (POST + TE + TE + b"\r\n0\r\n\r\n", 400),
    "chunks, then something": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "something, then chunks": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "chunked, nearly": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, quoted": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    "chunked, with a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, with a parameter": (POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n\r\n", 400),
    "chunked by underscore": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "two equal lengths": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "lengths in a list": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "a negative length": (POST + b"Content-Length: -2\r\n\r\n{}", 400),
    "a signed length": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "a broken length": (POST + b"Content-Length: 2 2\r\n\r\n{}", 400),
    "a decimal length": (POST + b"Content-Length: 2.0\r\n\r\n{}", 400),
    "an empty length": (POST + b"Content-Length:\r\n\r\n", 400),
    "a length of many digits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n{}", 400),
    "a worded length": (POST + b"Content-Length: two\r\n\r\n{}", 400),
    "a long length": (POST + b"Content-Length: 8388609\r\n\r\n{}", 413),
    "an unknown expectation": (POST + b"Content-Length: 2\r\nExpect: a-pony\r\n\r\n", 417),
    "two expectations": (POST + b"Content-Length: 2\r\nExpect: 100-continue\r\nExpect: x\r\n\r\n", 417),
    "65 headers": (b"GET /health HTTP/1.1\r\n" + H + b"X: y\r\n" * 64 + b"\r\n", 431),
    "a long head": (b"GET /health HTTP/1.1\r\n" + H + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    "a long target": (b"GET /" + b"y" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n" + H + b"\r\n", 431),
    "an endless head": (b"GET /health HTTP/1.1\r\nX: " + b"y" * (MAX_HEAD_BYTES + 4096), 431),
    "trailers": (POST + TE + b"\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", 400),
    "a chunk of no number": (POST + TE + b"\r\nxyz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk of a signed number": (POST + TE + b"\r\n+2\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk of 0x": (POST + TE + b"\r\n0x2\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk size with a blank": (POST + TE + b"\r\n2 \r\n{}\r\n0\r\n\r\n", 400),
    "a blank chunk size": (POST + TE + b"\r\n\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk of underscores": (POST + TE + b"\r\n0_2\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk size ending in LF": (POST + TE + b"\r\n2\n{}\r\n0\r\n\r\n", 400),
    "an extension with a bare LF": (POST + TE + b"\r\n2;x\nx\r\n{}\r\n0\r\n\r\n", 400),
    "an extension with a bare CR": (POST + TE + b"\r\n2;x\rx\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk longer than said": (POST + TE + b"\r\n1\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk ending in LF": (POST + TE + b"\r\n2\r\n{}\n0\r\n\r\n", 400),
    "a chunk size beyond 32 bits": (POST + TE + b"\r\n100000002\r\n{}", 400),
    "a chunk over the limit": (POST + TE + b"\r\n800001\r\n", 413),
    "a long chunk extension": (POST + TE + b"\r\n2;" + b"x" * 300, 400),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_head_that_could_be_read_in_two_ways_is_refused_and_ends_the_connection(connect, name):
    data, status = BAD[name]
    wire = connect()
    wire.send(data)
    reply = wire.reply()
    assert reply.status == status
    assert set(reply.json["error"]) >= {"code", "message", "remedy"}
    if status not in (421,):
        assert reply.headers["connection"] == "close"
        assert wire.is_closed()


@pytest.mark.parametrize("name", ["version 2.0", "the preface of HTTP/2", "version 1.2", "version 0.9"])
def test_another_version_of_http_is_the_callers_fault_and_is_called_by_its_name(ask, name):
    assert ask(BAD[name][0]).json["error"]["code"] == "http_version"


@pytest.mark.parametrize("name", BAD)
def test_nothing_behind_a_refused_head_is_answered(connect, name):
    data, status = BAD[name]
    if status == 421:
        pytest.skip("the head is well-formed and the connection stays usable")
    wire = connect()
    wire.send(data + request(path="/schema"))
    assert wire.reply().status == status
    assert wire.is_closed()


GOOD = {
    "1.0": b"GET /health HTTP/1.0\r\n" + H + b"\r\n",
    "a port in the host": b"GET /health HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
    "an IPv6 host": b"GET /health HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    "an upper-case host": b"GET /health HTTP/1.1\r\nHOST: LOCALHOST\r\n\r\n",
    "an absolute target": b"GET http://localhost/health HTTP/1.1\r\n" + H + b"\r\n",
    "an empty header": b"GET /health HTTP/1.1\r\n" + H + b"X-Empty:\r\n\r\n",
    "blanks around a value": b"GET /health HTTP/1.1\r\nHost: \t localhost \t \r\n\r\n",
    "a value in UTF-8": b"GET /health HTTP/1.1\r\n" + H + b"X: caf\xc3\xa9\r\n\r\n",
    "64 headers": b"GET /health HTTP/1.1\r\n" + H + b"X: y\r\n" * 63 + b"\r\n",
    "a query": b"GET /health?a=b&c=%20d HTTP/1.1\r\n" + H + b"\r\n",
    "an offer to upgrade": b"GET /health HTTP/1.1\r\n"
    + H
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an offer of HTTP/2": b"GET /health HTTP/1.1\r\n"
    + H
    + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "a length of nothing": b"GET /health HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n\r\n",
    "a body nobody needs": b"GET /health HTTP/1.1\r\n" + H + b"Content-Length: 3\r\n\r\nabc",
    "a chunked body nobody needs": b"GET /health HTTP/1.1\r\n"
    + H
    + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_rfc_9112_allows_is_answered(ask, name):
    assert ask(GOOD[name]).status == 200


def test_an_offer_to_upgrade_does_not_lose_the_body(ask):
    body = b'{"age": 4, "member": null, "city": "Oslo"}'
    data = request("POST", "/predict", body, Connection="Upgrade", Upgrade="h2c")
    assert ask(data).json["prediction"] == 8.0


def test_a_bare_lf_is_seen_at_once_also_behind_what_was_not_of_this_head():
    for data, at in ((b"\n", 0), (b"body\r\n", 5), (b"GET / HTTP/1.1\r\nA: b\n", 0)):
        with pytest.raises(Refused):
            check_unfinished(data, at)
    check_unfinished(b"\nGET / HTTP/1.1\r\nA:", 1)


def test_lengths_and_chunks_are_read_from_the_head():
    assert read_head(POST + b"Content-Length: 0012\r\n\r\n").length == 12
    assert read_head(POST + TE + b"\r\n").length == CHUNKED
    assert read_head(POST + b"\r\n").length == 0


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [("1.1", "", True), ("1.1", "close", False), ("1.1", "Keep-Alive, CLOSE", False), ("1.1", "closed", True),
     ("1.0", "", False), ("1.0", "keep-alive", False)],
)  # fmt: skip
def test_who_closes_follows_version_and_connection(version, connection, keeps):
    said = f"Connection: {connection}\r\n" if connection else ""
    assert read_head(f"GET / HTTP/{version}\r\nHost: a\r\n{said}\r\n".encode()).keeps_alive is keeps


def test_a_header_said_twice_has_no_single_value():
    head = read_head(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n")
    assert head.first(b"authorization") == b""
    assert head.first(b"absent") == b""


def test_every_byte_flipped_in_a_head_is_read_or_refused_but_never_raises_otherwise():
    raw = POST + b"Content-Length: 2\r\nAuthorization: Bearer abc\r\n\r\n"
    outcomes = set()
    for at in range(len(raw) - 4):
        for byte in (0, 9, 10, 13, 32, 44, 58, 127, 128, 255, raw[at] ^ 1, raw[at] ^ 32):
            changed = raw[:at] + bytes((byte,)) + raw[at + 1 :]
            if b"\r\n\r\n" in changed[:-4]:
                continue
            try:
                read_head(changed)
                outcomes.add("read")
            except Refused as refused:
                outcomes.add(refused.answer.status)
    assert outcomes >= {"read", 400, 405}
