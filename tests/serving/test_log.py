"""Request ids and the access log: what is written, how much of it, and never what was sent."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import ROW, small_model
from tests.serving.conftest import Doubler, Wire, predict, request, row
from tests.serving.test_batch import Failing

from mlwright.serving import ServeSettings, issue_token, running


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(r.message) for r in caplog.records if r.name == "mlwright.access"]


def test_every_answer_has_an_id_and_a_plain_one_of_the_client_comes_back(ask):
    first, second = (ask(request()).headers["x-request-id"] for _ in range(2))
    assert first != second and re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", first)
    assert ask(request(X_Request_Id="job-7:a.b_c")).headers["x-request-id"] == "job-7:a.b_c"
    for odd in ("a b", "x" * 129, "a\tb", "<i>"):
        assert ask(request(X_Request_Id=odd)).headers["x-request-id"] != odd
    assert ask(b"nonsense\r\n\r\n").headers["x-request-id"]


def test_a_log_of_all_says_who_asked_what_and_holds_no_value(tmp_path, caplog):
    token = issue_token(tmp_path / "tokens", ("predict",))
    settings = ServeSettings(tokens_file=str(tmp_path / "tokens"), access_log=1.0)
    with caplog.at_level(logging.INFO), running({"shop": Doubler()}, settings) as url, Wire(url) as wire:
        for more in ({"X-Request-Id": "r1"}, {}):
            body = json.dumps(row(77.125) | {"city": "Secret Street"}).encode()
            wire.send(request("POST", "/models/shop/predict", body, Authorization=f"Bearer {token}", **more))
            wire.reply()
        wire.send(request(path="/nowhere?Secret"))
        wire.reply()
    first, second, third = lines(caplog)
    assert first.items() >= {
        "id": "r1", "peer": "127.0.0.1", "token": token.split("_")[1], "route": "/models/{name}/predict",
        "model": "shop", "status": 200,
    }.items()  # fmt: skip
    assert first["ms"] > 0 and first["bytes"] > 0 and second["id"] != "r1"
    assert (third["route"], third["status"]) == ("other", 401) and "token" not in third
    assert "Secret" not in caplog.text and "77.125" not in caplog.text
    assert token not in caplog.text and token.rpartition("_")[2] not in caplog.text


def test_a_share_is_written_and_every_failure(caplog):
    caplog.set_level(logging.INFO)
    with running(Failing(), ServeSettings(access_log=0.0001)) as url, Wire(url) as wire:
        for age in [1] * 20 + [13] * 3:
            wire.send(predict(row(age)))
            wire.reply()
    written = [line["status"] for line in lines(caplog)]
    assert written.count(500) == 3 and len(written) < 10


def test_nothing_is_written_unless_asked(caplog, ask):
    with caplog.at_level(logging.INFO):
        ask(predict(row(1)))
    assert not lines(caplog)


def logged(tmp_path: Path, log: Path, workers: int) -> None:
    """A thousand rows asked of a server whose log goes to `log`, from its start to its end."""
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(2.0))
    flags = ["--port", "0", "--json", "--access-log", "1", "--slo-ms", "1e6", "--workers", str(workers)]
    command = [sys.executable, "-m", "mlwright", "serve", str(file), *flags]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url = next(line for line in server.stdout if '"url"' in line).split('"')[3]
            rows = request("POST", "/predict", json.dumps(ROW).encode()) * 100
            for _ in range(10):
                with Wire(url) as wire:
                    wire.send(rows)
                    assert [wire.reply().json["prediction"] for _ in range(100)] == [80.0] * 100
            server.terminate()
            assert server.wait(30) == 0
        finally:
            server.kill()


WORKERS = pytest.param(2, marks=pytest.mark.skipif(sys.platform == "win32", reason="SO_REUSEPORT"))


@pytest.mark.parametrize("workers", [1, WORKERS])
def test_all_workers_write_the_log(tmp_path, workers):
    logged(tmp_path, tmp_path / "log", workers)
    assert (
        sum(json.loads(line)["status"] for line in (tmp_path / "log").read_text().splitlines()) == 200 * 1000
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("workers", [1, WORKERS])
def test_a_log_that_the_disk_has_no_room_for_costs_no_answer(tmp_path, workers):
    logged(tmp_path, Path("/dev/full"), workers)  # more lines than any buffer holds
