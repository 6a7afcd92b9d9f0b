"""Several processes behind one port: spreading, dying, swapping together, counting as one, draining."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_models import ROW, small_model
from tests.serving.conftest import Wire, request, until

from mlwright.serving import ServeSettings, issue_token
from mlwright.serving.answers import Answer
from mlwright.serving.merged_metrics import Totals
from mlwright.serving.supervisor import Child, Held, Supervisor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="several workers need SO_REUSEPORT")

SCRIPT = """
    import sys
    from mlwright.serving import ServeSettings, serve

    settings = ServeSettings(workers=3, tokens_file=sys.argv[2], slo_ms=1e6)
    serve({"shop": sys.argv[1]}, port=0, settings=settings, started=lambda url: print(url, flush=True))
    print("stopped", flush=True)
"""


class Served:
    """A server of three workers, its file, and ways to ask it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shop.mlw"
        self.file.write_bytes(small_model(2.0))
        self.token = issue_token(folder / "tokens", ("predict", "metrics", "admin"))
        command = [
            sys.executable,
            "-W",
            "error",
            str(_script(folder)),
            str(self.file),
            str(folder / "tokens"),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.communicate()[1]

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """On a connection of its own, so that any worker may answer."""
        method = "GET" if body is None else "POST"
        data = b"" if body is None else json.dumps(body).encode()
        with Wire(self.url) as wire:
            wire.send(request(method, path, data, Authorization=f"Bearer {self.token}"))
            reply = wire.reply()
        return reply.status, reply.json if reply.body[:1] == b"{" else reply.body.decode()

    def predicted(self, times: int = 30) -> set[float]:
        return {self.ask("/predict", ROW)[1]["prediction"] for _ in range(times)}

    @property
    def workers(self) -> list[int]:
        """Their process ids."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if "serving.worker" in line]


def _script(folder: Path) -> Path:
    import textwrap

    path = folder / "serve.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.process.kill()
    server.process.communicate()


def count(served: Served, series: str) -> float:
    lines = served.ask("/metrics")[1].splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def test_requests_are_spread_swapped_counted_and_drained_as_one(served):
    assert len(served.workers) == 3
    assert served.predicted() == {80.0}
    assert count(served, 'mlwright_rows_total{model="shop"}') == 30.0 + 3 * 0
    first = served.ask("/models/shop")[1]["version"]

    served.file.write_bytes(small_model(3.0))
    status, state = served.ask("/models/shop/reload", {})
    assert (status, state["previous"]) == (200, first)
    assert served.predicted() == {120.0}

    served.file.write_bytes(small_model(4.0, wrong=True))
    status, answer = served.ask("/models/shop/reload", {})
    assert (status, answer["error"]["code"]) == (409, "swap_refused")
    assert served.predicted() == {120.0}

    assert served.ask("/models/shop/rollback", {})[1]["version"] == first
    assert served.predicted() == {80.0}

    killed = served.workers[0]
    served.file.unlink()  # a worker that is started again needs no file
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in served.workers and len(served.workers) == 3)
    assert served.predicted(60) == {80.0}
    assert served.ask("/models/shop/rollback", {})[1]["previous"] == first  # it has the one before, too
    assert served.predicted() == {120.0}

    served.process.send_signal(signal.SIGTERM)
    out, err = served.process.communicate(timeout=30)
    assert (served.process.returncode, out) == (0, "stopped\n"), err
    assert "SIGKILL" in err


def test_a_worker_that_dies_costs_its_own_connections_only(served):
    failures: list[str] = []
    stop = threading.Event()

    def load() -> None:
        wire = Wire(served.url)
        while not stop.is_set():
            try:
                wire.send(
                    request(
                        "POST", "/predict", json.dumps(ROW).encode(), Authorization=f"Bearer {served.token}"
                    )
                )
                assert wire.reply().status == 200
            except (
                OSError,
                EOFError,
            ):  # its worker was killed: a new connection finds another, or a successor
                failures.append("lost")
                wire.close()
                wire = Wire(served.url)
        wire.close()

    threads = [threading.Thread(target=load) for _ in range(9)]
    for thread in threads:
        thread.start()
    before = served.workers
    os.kill(before[1], signal.SIGKILL)
    until(lambda: before[1] not in served.workers and len(served.workers) == 3)
    time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(failures) < len(threads)


def test_workers_end_when_their_supervisor_is_killed(served):
    workers = served.workers
    served.process.kill()
    until(lambda: not any(_lives(pid) for pid in workers))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_hangup_reads_the_files_anew(served):
    served.file.write_bytes(small_model(5.0))
    served.process.send_signal(signal.SIGHUP)
    until(lambda: served.predicted(9) == {200.0})


@pytest.mark.parametrize(
    ("change", "part"),
    [(lambda f: f.write_bytes(b"no model"), "not a model file"), (lambda f: f.unlink(), "no such file")],
)
def test_workers_do_not_start_on_what_is_no_model(
    tmp_path: Path, change: Callable[[Path], object], part: str
):
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(2.0))
    change(file)
    issue_token(tmp_path / "tokens")
    command = [sys.executable, str(_script(tmp_path)), str(file), str(tmp_path / "tokens")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and part in done.stderr


def test_sums_keep_what_ended_workers_had_counted():
    text = (
        '# HELP a n.\n# TYPE a counter\na{x="1"} %d\n# TYPE g gauge\ng %d\n# TYPE h histogram\nh_count %d\n'
    )
    totals = Totals()
    totals.depart((text % (5, 7, 2)).encode() + b'# TYPE only counter\nonly{y="z"} 3\n')
    merged = totals.with_all(
        [(text % (1, 2, 3)).encode() + b"# TYPE only counter\n", (text % (10, 20, 30)).encode()]
    )
    lines = merged.decode().splitlines()
    assert 'a{x="1"} 16' in lines and "g 22" in lines and "h_count 35" in lines and 'only{y="z"} 3' in lines
    assert lines.count("# TYPE a counter") == 1


class Silent(Supervisor):
    """Whose workers do not answer."""

    async def _ask(self, child, header, data=b"", within_s=0.0):
        self.asked.append(header["do"])
        return None


def test_a_model_that_workers_do_not_survive_takes_over_nowhere(tmp_path: Path):
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(2.0))
    held = Held("shop", file, file.read_bytes())
    version = held.version
    file.write_bytes(small_model(3.0))
    killed: list[int] = []

    async def swap(children: int) -> Answer:
        supervisor = Silent({"shop": held}, [], ServeSettings(), on_loopback=True)
        supervisor.asked = []
        for i in range(children):
            child = Child(i, SimpleNamespace(kill=lambda i=i: killed.append(i)), None)
            child.is_ready = True
            supervisor._children[i] = child
        answer = await supervisor._commanded("reload", "shop", b"{}")
        assert "commit" not in supervisor.asked
        return answer

    assert asyncio.run(swap(3)).status == 409
    assert asyncio.run(swap(0)).status == 409  # nobody could replay its samples
    assert (held.version, held.before, killed) == (version, b"", [0, 1, 2])


def test_a_reload_while_a_worker_starts_leaves_none_behind(served):
    for factor in (3.0, 4.0):
        served.file.write_bytes(small_model(factor))
        before = set(served.workers)
        os.kill(min(before), signal.SIGKILL)
        until(
            lambda was=before: len(set(served.workers) - was) == 1
        )  # its successor exists, and is not ready yet
        until(lambda: served.ask("/models/shop/reload", {})[0] == 200)
        time.sleep(2.0)
        assert served.predicted(45) == {40.0 * factor}


def test_a_server_that_is_stopped_while_its_workers_start_ends_well(tmp_path: Path):
    file = tmp_path / "shop.mlw"
    file.write_bytes(small_model(2.0))
    issue_token(tmp_path / "tokens")
    command = [sys.executable, str(_script(tmp_path)), str(file), str(tmp_path / "tokens")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: _children(process.pid))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "stopped\n"), err


def _children(pid: int) -> bool:
    """Whether the supervisor has begun a worker: from then on it listens to signals."""
    listed = subprocess.run(["ps", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True)
    return "serving.worker" in listed.stdout
