"""What is counted, and that nothing a caller sends becomes a label."""

from __future__ import annotations

import re

import pytest
from tests.serving.conftest import Doubler, Wire, predict, request, row

from mlwright.serving import running
from mlwright.serving.metrics import BUCKETS_S, Metrics

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [0-9.e+-]+')


def counted(text: str) -> dict[str, float]:
    return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


@pytest.fixture
def text():
    """The metrics after a known sequence of requests."""
    sent = [
        predict([row(i) for i in range(5)]), predict(row(1)), predict(row("x")), predict([row(1), row(None)]),
        predict({"age": 1, "member": 3, "City": 1}), request(), request(path="/nowhere"),
        request("PUT", "/evil\"\\"),
    ]  # fmt: skip
    with running(Doubler()) as url, Wire(url) as wire:
        wire.send(b"".join(sent))
        for _ in sent:
            wire.reply()
        wire.send(request(path="/metrics"))
        reply = wire.reply()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return reply.body.decode()


def test_requests_rows_and_refusals_are_counted(text):
    found = counted(text)
    assert found['mlwright_requests_total{route="/predict",status="200"}'] == 2
    assert found['mlwright_requests_total{route="/predict",status="422"}'] == 3
    assert found['mlwright_requests_total{route="/health",status="200"}'] == 1
    assert found['mlwright_requests_total{route="other",status="404"}'] == 2
    assert found['mlwright_rows_total{model="model"}'] == 6
    assert found['mlwright_rows_refused_total{model="model"}'] == 3
    assert found['mlwright_rows_refused_by_column_total{model="model",column="age"}'] == 2
    assert found['mlwright_rows_refused_by_column_total{model="model",column="member"}'] == 1
    assert found['mlwright_rows_refused_by_column_total{model="model",column="(no such column)"}'] == 1
    assert found["mlwright_connections"] == 1
    assert found["mlwright_requests_in_flight"] == 1  # the one that asks
    assert f'digest="{"0123456789abcdef" * 4}"' in text


def test_the_text_is_what_prometheus_reads(text):
    families = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            families.add(line.split()[2])
        elif not line.startswith("# HELP "):
            assert LINE.fullmatch(line), line
            name = re.match("[a-z_]+", line)[0]
            assert name in families or re.sub("_(bucket|sum|count)$", "", name) in families
    assert "evil" not in text


def test_latency_falls_into_cumulative_buckets():
    metrics = Metrics()
    for seconds in (0.0001, 0.0005, 0.002, 99.0):
        metrics.answered("/predict", 200, seconds)
    found = counted(metrics.text({}))
    name = 'mlwright_request_seconds_bucket{route="/predict",le='
    assert [found[f'{name}"{le}"}}'] for le in BUCKETS_S] == [2, 2] + [3] * (len(BUCKETS_S) - 2)
    assert found[f'{name}"+Inf"}}'] == found['mlwright_request_seconds_count{route="/predict"}'] == 4
    assert found['mlwright_request_seconds_sum{route="/predict"}'] == pytest.approx(99.0026)
