"""Spans of OpenTelemetry: what they say, below whose they lie, and that they hold up nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.serving.conftest import Doubler, Wire, predict, request, row
from tests.serving.test_asgi import run
from tests.serving.test_batch import Failing

from mlwright.base.errors import EnvironmentProblem
from mlwright.serving import ServeSettings, asgi, issue_token, running

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED = ServeSettings(traces=True)


class Collector:
    """Takes spans as a collector on this machine does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resource: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        assert path == "/v1/traces"
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = {a.key: a.value.string_value for a in of_resource.resource.attributes}
            for scope in of_resource.scope_spans:
                self.spans += scope.spans


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def told(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def test_each_answer_is_a_span_below_that_of_its_caller(collector, tmp_path):
    token = issue_token(tmp_path / "tokens", ("predict",))
    settings = ServeSettings(traces=True, tokens_file=str(tmp_path / "tokens"))
    with running({"shop": Doubler()}, settings) as url, Wire(url) as wire:
        more = {"Authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        wire.send(predict(row(77.125), **more))
        assert wire.reply().status == 200
        wire.send(request(path="/nowhere?Secret"))
        assert wire.reply().status == 401
    first, second = collector.spans
    assert (first.name, first.trace_id.hex(), first.parent_span_id.hex()) == ("POST /predict", TRACE, PARENT)
    assert first.kind == 2 and first.start_time_unix_nano < first.end_time_unix_nano
    assert told(first).items() >= {
        "http.request.method": "POST", "http.route": "/predict", "http.response.status_code": 200,
        "client.address": "127.0.0.1", "mlwright.model": "shop", "mlwright.token": token.split("_")[1],
        "mlwright.model.version": Doubler().digest[:12],
    }.items()  # fmt: skip
    assert (second.name, told(second)["http.response.status_code"]) == ("GET", 401)
    assert not second.parent_span_id and second.trace_id != first.trace_id
    assert collector.resource["service.name"] == "mlwright"
    seen = str(collector.spans)
    assert "77.125" not in seen and "Secret" not in seen and token.rpartition("_")[2] not in seen


def test_a_failure_of_the_server_is_an_error_and_one_of_the_caller_is_not(collector, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-api")
    with running(Failing(), TRACED) as url, Wire(url) as wire:
        for age in ("x", 13):
            wire.send(predict(row(age)))
            wire.reply()
    states = [(told(span)["http.response.status_code"], span.status.code) for span in collector.spans]
    assert states == [(422, 0), (500, 2)]
    assert collector.resource["service.name"] == "shop-api"


def test_a_caller_who_does_not_trace_is_not_traced(collector):
    with running(Doubler(), TRACED) as url, Wire(url) as wire:
        wire.send(predict(row(1), traceparent=f"00-{TRACE}-{PARENT}-00"))
        assert wire.reply().status == 200
    assert collector.spans == []


def test_heads_that_differ_by_their_trace_push_no_others_out(collector, made):
    with running(Doubler(), TRACED) as url, Wire(url) as wire:
        for n in range(30):
            wire.send(predict(row(n), traceparent=f"00-{TRACE}-{n + 1:016x}-01"))
            assert wire.reply().json["prediction"] == 2.0 * n
        assert len(made[0].heads._known) == 0
    assert [span.parent_span_id.hex() for span in collector.spans] == [f"{n + 1:016x}" for n in range(30)]


def test_inside_another_server_too(collector):
    app = asgi(Doubler(), ServeSettings(traces=True, insecure=True))
    run(app, ("GET", "/health"))
    assert [span.name for span in collector.spans] == ["GET /health"]


def test_a_collector_that_is_away_costs_no_answer(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with running(Doubler(), TRACED) as url, Wire(url) as wire:
        for n in range(5):
            wire.send(predict(row(n)))
            assert wire.reply().status == 200
    assert "127.0.0.1" in caplog.text  # the library says so, and the server has stopped all the same


def test_a_protocol_that_is_not_spoken_is_said_at_the_start(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(EnvironmentProblem, match="http/protobuf"), running(Doubler(), TRACED):
        raise AssertionError
