"""Starting and stopping: ports, signals, draining without loss, caps on connections, both event loops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from tests.serving.conftest import Doubler, Gated, Wire, predict, request, row, until

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.serving import ServeSettings, running, server

SCRIPT = """
    import sys
    from types import SimpleNamespace
    from mlwright.base.schema import Column, Schema, Target
    from mlwright.serving import ServeSettings, serve

    class Doubler:
        schema = Schema(
            columns=(Column(name="age", kind="numeric"), Column(name="member", kind="boolean"),
                     Column(name="city", kind="categorical")),
            target=Target(name="y", task="regression"),
        )
        digest = "0" * 64
        samples = SimpleNamespace(rows=({"age": 1, "member": True, "city": "x"},))

        def run(self, numbers, strings):
            return SimpleNamespace(probability=None, label=None, prediction=numbers[:, 0] * 2.0)

    serve(Doubler(), port=0, settings=ServeSettings(slo_ms=1e6), started=lambda url: print(url, flush=True))
    print("stopped", flush=True)
"""


@pytest.fixture
def process():
    """A server in a process of its own, and its URL."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started, started.stdout.readline().strip()
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_cleanly(process, number):
    server_process, url = process
    with Wire(url) as wire:
        wire.send(predict(row(2)))
        assert wire.reply().json["prediction"] == 4.0
        server_process.send_signal(number)
        out, err = server_process.communicate(timeout=20)
        assert wire.is_closed()
    assert (server_process.returncode, out, err) == (0, "stopped\n", "")


def test_no_accepted_request_is_lost_when_the_server_is_told_to_stop(process):
    server_process, url = process
    lost, answered, closed = [], [0] * 8, []

    def client(number: int) -> None:
        with Wire(url) as wire:
            for i in range(1_000_000):
                age = 1000 * number + i
                try:
                    wire.send(predict(row(age)))
                    reply = wire.reply()
                except (EOFError, OSError) as error:
                    lost.append((number, i, repr(error)))
                    return
                if reply.status != 200 or reply.json["prediction"] != 2.0 * age:
                    lost.append((number, i, reply.body))
                answered[number] += 1
                if reply.headers.get("connection") == "close":
                    closed.append(number)
                    return

    clients = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for thread in clients:
        thread.start()
    while min(answered) < 20:
        time.sleep(0.01)
    server_process.send_signal(signal.SIGTERM)
    for thread in clients:
        thread.join()
    server_process.communicate(timeout=20)
    assert lost == []
    assert sorted(closed) == list(range(8))
    assert server_process.returncode == 0


def test_pipelined_requests_that_were_sent_before_the_signal_are_all_answered(process):
    server_process, url = process
    with Wire(url) as wire:
        wire.send(b"".join(predict(row(i)) for i in range(500)))
        first = wire.reply()
        server_process.send_signal(signal.SIGTERM)
        replies = [first, *(wire.reply() for _ in range(499))]
        assert [reply.json["prediction"] for reply in replies] == [2.0 * i for i in range(500)]
        assert wire.is_closed()
    server_process.communicate(timeout=20)


def test_ready_says_no_while_stopping_and_health_says_yes():
    model = Gated()
    seen = []

    def look() -> None:
        while not seen or seen[-1].status == 200:  # the block below ends at once, and stopping begins
            probe.send(request(path="/ready"))
            seen.append(probe.reply())
        known.send(request())
        seen.append(known.reply())
        model.gate.set()
        seen.append(busy.reply())

    with running(model, ServeSettings(slo_ms=1e6, drain_idle_s=20.0)) as url:
        model.gate.clear()
        busy, known, probe = Wire(url), Wire(url), Wire(url)
        busy.send(predict([row(i) for i in range(5000)]))  # many enough for the worker thread
        watcher = threading.Thread(target=look)
        watcher.start()
    watcher.join()
    for wire in (busy, known, probe):
        wire.close()
    ready, health, busy_reply = seen[-3:]
    assert (ready.status, ready.json["why"]) == (503, "shutting down")
    assert (health.json, health.headers["connection"]) == ({"status": "ok"}, "close")
    assert len(busy_reply.json["predictions"]) == 5000


def test_a_silent_connection_does_not_hold_up_stopping():
    with running(Doubler(), ServeSettings(drain_idle_s=0.2, drain_s=60.0)) as url:
        wire = Wire(url)
        wire.send(request())
        assert wire.reply().status == 200
    with wire:
        assert wire.is_closed()


def test_an_endless_request_does_not_hold_up_stopping():
    with running(Doubler(), ServeSettings(drain_s=0.3, head_s=60.0)) as url:
        wire = Wire(url)
        wire.send(b"POST /predict HTTP/1.1\r\nHo")
        time.sleep(0.1)
    with wire:
        assert wire.is_closed()


def test_a_port_in_use_is_said_with_a_way_out():
    with running(Doubler()) as url:
        port = int(url.rpartition(":")[2])
        with (
            pytest.raises(EnvironmentProblem, match=f"port {port} on 127.0.0.1") as problem,
            running(Doubler(), port=port),
        ):
            pytest.fail("two servers on one port")
    assert "another port" in problem.value.remedy


def test_an_unknown_host_is_said():
    with (
        pytest.raises(EnvironmentProblem, match="not known"),
        running(Doubler(), ServeSettings(insecure=True), host="no-such-host.invalid"),
    ):
        pytest.fail("it must not start")


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(Misuse, match="max_rows must be above 0"):
        ServeSettings(max_rows=0)


def test_an_error_in_the_block_stops_the_server_and_passes_on():
    with pytest.raises(ZeroDivisionError), running(Doubler()) as url:
        1 / 0
    with pytest.raises(OSError):
        Wire(url).close()


def test_it_serves_on_plain_asyncio_too(monkeypatch):
    monkeypatch.setattr(server, "new_loop", asyncio.SelectorEventLoop)
    with running(Doubler(), ServeSettings(slo_ms=1e6)) as url, Wire(url) as wire:
        wire.send(b"".join(predict(row(i)) for i in range(200)))
        assert [wire.reply().json["prediction"] for _ in range(200)] == [2.0 * i for i in range(200)]
        wire.send(b"nonsense\r\n\r\n")
        assert wire.reply().status == 400
        assert wire.is_closed()


def test_connections_over_the_cap_may_ask_for_health_only(made):
    limits = ServeSettings(max_connections=3, reserved_connections=1)
    with running(Doubler(), limits) as url:
        inside = [Wire(url) for _ in range(3)]
        for wire in inside:
            wire.send(request())
            assert wire.reply().status == 200
        lane = Wire(url)
        until(lambda: len(made[0].connections) == 4)
        beyond = Wire(url)
        assert beyond.is_closed()
        lane.send(predict(row(1)))
        reply = lane.reply()
        assert (reply.status, reply.headers["connection"], "retry-after" in reply.headers) == (
            503,
            "close",
            True,
        )
        lane.close()
        until(lambda: len(made[0].connections) == 3)
        with Wire(url) as healthy:
            healthy.send(request())
            assert healthy.reply().status == 200
            assert healthy.is_closed()
        inside[0].send(predict(row(1)))
        assert inside[0].reply().status == 200
        for wire in (*inside, beyond):
            wire.close()


@pytest.mark.parametrize(("proxies", "status"), [((), 503), (("127.0.0.1",), 200)])
def test_one_peer_cannot_take_all_connections_unless_it_is_a_trusted_proxy(proxies, status):
    limits = ServeSettings(max_connections_per_peer=2, trusted_proxies=proxies)
    with running(Doubler(), limits) as url:
        wires = [Wire(url) for _ in range(3)]
        for wire in wires:
            wire.send(predict(row(1)))
        assert [wire.reply().status for wire in wires] == [200, 200, status]
        for wire in wires:
            wire.close()


def test_bodies_of_all_connections_together_are_capped(made):
    limits = ServeSettings(max_held_bytes=100_000)
    head = request("POST", "/predict", Content_Type="application/json", Content_Length="90000")
    with running(Doubler(), limits) as url, Wire(url) as first, Wire(url) as second, Wire(url) as third:
        first.send(head + b" " * 60_000)
        until(lambda: made[0].held_bytes == 60_000)
        second.send(head + b" " * 60_000)
        assert second.reply().status == 503
        first.close()
        until(lambda: made[0].held_bytes == 0)
        third.send(head + b" " * 60_000)
        until(lambda: made[0].held_bytes == 60_000)
        third.send(b" " * 30_000)
        assert third.reply().status == 400  # received whole, and blank


def test_bodies_that_wait_for_an_answer_count_among_those_in_memory(made):
    model, body = Gated(), json.dumps([row(1)] * 40).encode()
    limits = ServeSettings(max_held_bytes=int(2.5 * len(body)), slo_ms=1e6, inline_ms=1e-9)
    with running(model, limits) as url, Wire(url) as wire:
        model.gate.clear()
        for _ in range(3):  # whole in one piece each: two wait, the third is too much
            wire.send(request("POST", "/predict", body, Content_Type="application/json"))
        until(lambda: made[0].metrics.in_flight == 3)
        assert made[0].held_bytes == 2 * len(body)
        model.gate.set()
        assert [wire.reply().status for _ in range(3)] == [200, 200, 503]
        assert made[0].held_bytes == 0
        wire.send(request("POST", "/predict", body, Content_Type="application/json"))
        assert wire.reply().status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_there_is_a_file_for_each_connection_or_a_warning():
    code = """
        import logging, resource, sys
        from mlwright.serving import ServeSettings
        from mlwright.serving.server import _make_room

        logging.basicConfig(format="%(message)s")
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 600))
        for connections in (300, 5000):
            _make_room(ServeSettings(max_connections=connections))
            print(resource.getrlimit(resource.RLIMIT_NOFILE))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["(444, 600)", "(600, 600)"]
    assert done.stderr == "the system allows 600 files: too few for 5000 connections\n"


def test_connections_and_requests_are_counted_back_to_nothing(made):
    with running(Doubler(seconds=0.05), ServeSettings(slo_ms=1e6)) as url:
        for data in (
            predict(row(1)),
            predict(row(1))[:-5],
            b"GET /hea",
            b"nonsense\r\n\r\n",
            request("POST", "/x", b"y" * 9),
        ):
            wire = Wire(url)
            wire.send(data)
            time.sleep(0.02)
            wire.close()
    endpoint = made[0]
    assert (endpoint.metrics.in_flight, endpoint.held_bytes) == (0, 0)
    assert (len(endpoint.connections), endpoint.metrics.connections, dict(endpoint.peers)) == (0, 0, {})


def test_importing_serving_loads_no_learning_library():
    libraries = ("polars", "lightgbm", "catboost", "onnxruntime")
    code = f"import sys, mlwright.serving; print([m for m in {libraries} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("port", [99_999, 65_536, -1])
def test_what_is_no_port_is_refused_before_anything_listens(port):
    with pytest.raises(Misuse, match="a port is 0 to 65535"), running(Doubler(), port=port):
        raise AssertionError("it listens")
    with pytest.raises(Misuse, match="a port is 0 to 65535"):
        server.serve(Doubler(), port=port)
