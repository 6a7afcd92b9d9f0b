"""HTTPS: the same endpoint behind a certificate of our own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from tests.serving.conftest import Doubler, Wire, row, until

from mlwright.base.errors import EnvironmentProblem
from mlwright.serving import ServeSettings, running, server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", key, "-out", certificate,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def test_rows_are_answered_over_https_and_plain_http_is_not(certificate):
    settings = ServeSettings(tls_certificate=str(certificate[0]), tls_key=str(certificate[1]))
    trust = ssl.create_default_context(cafile=certificate[0])
    with running(Doubler(), settings) as url:
        assert url.startswith("https://")
        asked = urllib.request.Request(
            f"{url}/predict", json.dumps(row(4)).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, context=trust) as answer:
            assert json.load(answer)["prediction"] == 8.0
        host, _, port = url.removeprefix("https://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" not in plain.recv(1000)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(certificate[0])
        assert trust.minimum_version >= ssl.TLSVersion.TLSv1_2
        with urllib.request.urlopen(f"{url}/ready", context=old) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("loop", [server.new_loop, asyncio.SelectorEventLoop], ids=["default", "asyncio"])
def test_who_does_not_finish_a_handshake_is_cut_off_in_the_time_of_a_head(
    certificate, made, loop, monkeypatch
):
    monkeypatch.setattr(server, "new_loop", loop)
    trust = ssl.create_default_context(cafile=certificate[0])
    settings = ServeSettings(tls_certificate=str(certificate[0]), tls_key=str(certificate[1]), head_s=0.5)
    with running(Doubler(), settings) as url:
        ready = partial(urllib.request.urlopen, f"{url}/ready", context=trust)
        with ready() as answer:
            assert answer.status == 200
        until(lambda: not made[0].connections)
        before = _open_files()
        greeting = _greeting(trust)
        silent = [Wire(url.replace("https", "http")) for _ in range(30)]
        for at, wire in enumerate(silent):
            wire.send(greeting[: at * len(greeting) // 30])
        with ready() as answer:  # beside them all
            assert answer.status == 200
        for wire in silent:
            while not wire.is_closed():  # it may say why
                continue
            wire.close()
        until(lambda: _open_files() <= before)


def test_handshakes_count_among_the_connections_of_their_peer(certificate, made):
    trust = ssl.create_default_context(cafile=certificate[0])
    settings = ServeSettings(
        tls_certificate=str(certificate[0]), tls_key=str(certificate[1]), head_s=2.0,
        max_connections_per_peer=4, reserved_connections=2,
    )  # fmt: skip
    with running(Doubler(), settings) as url:
        plain = url.replace("https", "http")
        silent = [Wire(plain) for _ in range(6)]
        silent[0].send(_greeting(trust)[:5])
        with Wire(plain) as beyond:
            assert beyond.is_closed()
        assert made[0].metrics.connections_refused == 1
        for wire in silent:
            while not wire.is_closed():
                continue
            wire.close()
        with urllib.request.urlopen(f"{url}/ready", context=trust) as answer:  # their time is up
            assert answer.status == 200


def _greeting(trust: ssl.SSLContext) -> bytes:
    """What a client of TLS says first."""
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        trust.wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost").do_handshake()
    return said.read()


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


@pytest.mark.parametrize("wrong", ["absent", "swapped", "nonsense"])
def test_files_that_are_no_certificate_do_not_start(certificate, tmp_path, wrong):
    first, second = str(certificate[0]), str(certificate[1])
    if wrong == "absent":
        first = str(tmp_path / "none.pem")
    elif wrong == "swapped":
        first, second = second, first
    else:
        nonsense = tmp_path / "x.pem"
        nonsense.write_text("nonsense")
        second = str(nonsense)
    settings = ServeSettings(tls_certificate=first, tls_key=second)
    with pytest.raises(EnvironmentProblem, match="certificate or its key"), running(Doubler(), settings):
        pytest.fail("it must not start")
