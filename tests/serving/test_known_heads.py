"""Heads are read once, whatever ids their requests bear, and each answer has the id of its own request."""

from __future__ import annotations

import pytest
from tests.serving.conftest import ROW, Doubler, Wire, predict, request

from mlwright.serving import ServeSettings, issue_token, requests, running
from mlwright.serving.parse import read_head


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The heads that were read in full."""
    seen: list[bytes] = []

    def counted(raw: bytes):  # type: ignore[no-untyped-def]
        seen.append(raw)
        return read_head(raw)

    monkeypatch.setattr(requests, "read_head", counted)
    return seen


def test_requests_that_differ_in_their_id_alone_are_read_once(read) -> None:
    with running(Doubler()) as url, Wire(url) as wire:
        for i in range(20):
            wire.send(predict(ROW, X_Request_Id=f"job-{i}"))
            assert wire.reply().headers["x-request-id"] == f"job-{i}"
        wire.send(predict(ROW))
        own = wire.reply().headers["x-request-id"]
        wire.send(predict(ROW, X_Request_Id="last"))
        assert wire.reply().headers["x-request-id"] == "last"
    assert len(read) == 1 and not own.startswith("job-")


@pytest.mark.parametrize(
    "lines",
    [
        ["X-Request-Id: a b"],
        ["X-Request-Id: " + "a" * 129],
        ["X-Request-Id:"],
        ["X-Request-Id: one", "x-request-id: two"],
        ["x-request-id: two", "X-Request-Id: one"],
        ["X-Request-Id: one", "X-Request-Id: one"],
    ],
    ids=["blank", "long", "empty", "twice", "twice, turned", "twice alike"],
)
def test_an_id_that_is_none_or_said_twice_gets_another_however_often_it_comes(read, lines) -> None:
    plain = request("GET", "/health")
    odd = plain[:-2] + "\r\n".join(lines).encode() + b"\r\n\r\n"
    with running(Doubler()) as url, Wire(url) as wire:
        found = set()
        for asked in (plain, odd, plain, odd, odd):
            wire.send(asked)
            reply = wire.reply()
            assert reply.status == 200
            found.add(reply.headers["x-request-id"])
    assert len(found) == 5 and not found & {"one", "two"}


@pytest.mark.parametrize(
    "line",
    [
        b"X-Request-Id : a",
        b" X-Request-Id: a",
        b"X-Request-Id: a\r\n folded",
        b"X-Request-Id: a\nHost: b",
        b"X-Request-Id: a\r\nHost: localhost",
        b"X-Request-Id: a\r\nContent-Length: 3",
        b"X-Request-Id: a\r\nTransfer-Encoding: chunked",
    ],
    ids=["blank", "before", "folded", "bare LF", "two hosts", "two lengths", "coded"],
)
def test_a_known_head_hides_nothing_that_is_written_beside_an_id(line) -> None:
    plain = predict(ROW)
    head, _, body = plain.partition(b"\r\n\r\n")
    with running(Doubler()) as url, Wire(url) as wire:
        for known in (plain, predict(ROW, X_Request_Id="known")):
            wire.send(known)
            assert wire.reply().status == 200
        wire.send(head + b"\r\n" + line + b"\r\n\r\n" + body)
        assert wire.reply().status == 400 and wire.is_closed()


def test_a_token_that_was_withdrawn_lets_no_known_head_in(tmp_path, monkeypatch) -> None:
    from mlwright.serving import access

    tokens = tmp_path / "tokens"
    token = issue_token(tokens, ("predict",))
    monkeypatch.setattr(access, "RELOAD_S", 0.0)
    with running(Doubler(), ServeSettings(tokens_file=str(tokens))) as url, Wire(url) as wire:
        for i in range(2):
            wire.send(predict(ROW, Authorization=f"Bearer {token}", X_Request_Id=f"a{i}"))
            assert wire.reply().status == 200
        tokens.write_text("# nobody\n")
        wire.send(predict(ROW, Authorization=f"Bearer {token}", X_Request_Id="a3"))
        assert wire.reply().status == 401
