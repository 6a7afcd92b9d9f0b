"""The same endpoint inside another server: routes, tokens, batches and refusals as with `serve`."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from small_models import ROW, small_model
from tests.serving.conftest import Doubler, row

import mlwright as mw
from mlwright.base.errors import Misuse
from mlwright.serving import ServeSettings, asgi, issue_token

OPEN = ServeSettings(insecure=True)
JSON = [(b"content-type", b"application/json"), (b"host", b"example.org")]


async def asked(app: Any, method: str, path: str, body: bytes = b"", **more: Any) -> tuple[int, dict, bytes]:
    pieces = [body[i : i + 10] for i in range(0, len(body), 10)] or [b""]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": JSON, "client": ("10.0.0.9", 5), "root_path": "",
    } | more  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


def run(app: Any, *calls: tuple[Any, ...], **more: Any) -> list[tuple[int, dict, bytes]]:
    async def body() -> list[Any]:
        return list(await asyncio.gather(*(asked(app, *call, **more) for call in calls)))

    try:
        return asyncio.run(body())
    finally:
        app.close()


def test_the_access_log_is_written_there_too_and_requests_in_flight_end(caplog):
    caplog.set_level(logging.INFO)
    app = asgi({"shop": Doubler()}, ServeSettings(insecure=True, access_log=1.0))
    run(app, ("POST", "/predict", json.dumps(row(3)).encode()), ("GET", "/nowhere"))
    lines = [json.loads(r.message) for r in caplog.records if r.name == "mlwright.access"]
    assert sorted((line["route"], line["status"]) for line in lines) == [("/predict", 200), ("other", 404)]
    assert {line["peer"] for line in lines} == {"10.0.0.9"} and app.front.metrics.in_flight == 0


def test_requests_of_one_wake_up_share_a_run():
    model = Doubler()
    app = asgi(model, OPEN)
    calls = [("POST", "/predict", json.dumps(row(i)).encode()) for i in range(20)]
    answers = run(app, *calls)
    assert [json.loads(body)["prediction"] for _, _, body in answers] == [2.0 * i for i in range(20)]
    assert model.batches[-1] > 1 and sum(model.batches[5:]) == 20


def test_a_file_is_served_from_a_path_below_another_application(tmp_path):
    path = tmp_path / "shop.mlw"
    path.write_bytes(small_model(2.0))
    app = mw.asgi(path, settings=OPEN)
    body = json.dumps(ROW).encode()
    answers = run(
        app,
        ("POST", "/ml/models/shop/predict", body),
        ("GET", "/ml/ready"),
        ("HEAD", "/ml/schema"),
        ("GET", "/ml/nowhere"),
        ("POST", "/ml/predict?proba=maybe", body),
        ("PUT", "/ml/predict", body),
        root_path="/ml",
    )
    assert [status for status, _, _ in answers] == [200, 200, 200, 404, 400, 405]
    assert json.loads(answers[0][2])["prediction"] == 80.0
    assert answers[2][2] == b"" and int(answers[2][1]["content-length"]) > 0
    assert answers[5][1]["allow"] == "POST"
    assert all(
        headers["x-request-id"] and headers["cache-control"] == "no-store" for _, headers, _ in answers
    )


def test_tokens_are_asked_for_and_an_open_application_must_be_wanted(tmp_path, monkeypatch):
    monkeypatch.delenv("MLWRIGHT_TOKENS_FILE", raising=False)
    with pytest.raises(Misuse, match="without access tokens"):
        asgi(Doubler())
    token = issue_token(tmp_path / "tokens", ("predict",))
    app = asgi(Doubler(), ServeSettings(tokens_file=str(tmp_path / "tokens")))
    body = json.dumps(row(1)).encode()

    async def both() -> tuple[int, int]:
        without = await asked(app, "POST", "/predict", body)
        said = [*JSON, (b"authorization", f"Bearer {token}".encode())]
        return without[0], (await asked(app, "POST", "/predict", body, headers=said))[0]

    assert asyncio.run(both()) == (401, 200)
    app.close()


def test_a_long_body_and_a_client_that_goes_are_refused():
    app = asgi(Doubler(), ServeSettings(insecure=True, max_body_bytes=50))
    assert [status for status, _, _ in run(app, ("POST", "/predict", b"x" * 60))] == [413]


def test_lifespan_begins_and_ends_it():
    app = asgi(Doubler(), OPEN)
    told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return told.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert app.front.why_not_ready == "shutting down"
