"""HTTPS: the same endpoint behind a certificate of our own."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.serving.conftest import Doubler, row

from mlwright.base.errors import EnvironmentProblem
from mlwright.serving import ServeSettings, running

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
