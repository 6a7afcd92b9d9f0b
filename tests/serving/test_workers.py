"""Several processes behind one port: spreading, dying, swapping together, counting as one, draining."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
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

    settings = ServeSettings(
        workers=int(sys.argv[3]), tokens_file=sys.argv[2], slo_ms=1e6,
        worker_silence_s=float((*sys.argv, "30")[4]),
    )
    serve({"shop": sys.argv[1]}, port=0, settings=settings, started=lambda url: print(url, flush=True))
    print("stopped", flush=True)
"""


class Served:
    """A server of several workers, its file, and ways to ask it."""

    def __init__(self, folder: Path, workers: int = 3, path: str = "", silence_s: float = 30.0) -> None:
        """`path` goes before the folders in which its Python looks for modules."""
        self.file = folder / "shop.mlw"
        self.file.write_bytes(small_model(2.0))
        self.token = issue_token(folder / "tokens", ("predict", "metrics", "admin"))
        said = [str(_script(folder)), str(self.file), str(folder / "tokens"), str(workers), str(silence_s)]
        environment = os.environ | {"PYTHONPATH": path + os.pathsep + os.environ.get("PYTHONPATH", "")}
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", *said], stdout=subprocess.PIPE, stderr=log, text=True,
                env=environment,
            )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.log

    @property
    def log(self) -> str:
        """What it has written to its standard error."""
        return self._log.read_text()

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

    def owner(self, wire: Wire) -> int:
        """The process id of the worker at the other end; 0 where none has accepted it yet."""
        ours, theirs = (f"{end[1]:04X}" for end in (wire.socket.getsockname(), wire.socket.getpeername()))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{theirs}") and fields[2].endswith(f":{ours}"):
                held = f"socket:[{fields[9]}]"
                return next((pid for pid in self.workers if held in _open_files(pid)), 0)
        return 0


def _open_files(pid: int) -> set[str]:
    files = set()
    for file in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            files.add(str(file.readlink()))
    return files


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
    out, _ = served.process.communicate(timeout=30)
    assert (served.process.returncode, out) == (0, "stopped\n"), served.log
    assert "SIGKILL" in served.log


ONLY_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks Linux whose a socket is")


class Load:
    """Connections that ask without end, each in a thread; a lost one comes again."""

    def __init__(self, served: Served, count: int) -> None:
        self.lost, self.wrong, self.answered = [0] * count, [], [0] * count
        self.wires = [Wire(served.url) for _ in range(count)]
        self._stop = threading.Event()
        self._asked = request(
            "POST", "/predict", json.dumps(ROW).encode(), Authorization=f"Bearer {served.token}"
        )
        self._url = served.url
        self._threads = [threading.Thread(target=self._ask, args=(at,)) for at in range(count)]
        for at, wire in enumerate(self.wires):  # each is accepted before anything happens
            wire.send(self._asked)
            self._look(at, wire)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)
        for wire in self.wires:
            wire.close()

    def go_on(self) -> None:
        """Until every connection has been answered some more."""
        before = list(self.answered)
        until(lambda: all(now > was + 3 for now, was in zip(self.answered, before, strict=True)))

    def _ask(self, at: int) -> None:
        while not self._stop.is_set():
            try:
                self.wires[at].send(self._asked)
                self._look(at, self.wires[at])
            except (OSError, EOFError):  # its worker was killed
                self.lost[at] += 1
                self.wires[at].close()
                self.wires[at] = Wire(self._url)

    def _look(self, at: int, wire: Wire) -> None:
        reply = wire.reply()
        if reply.status != 200 or reply.json["prediction"] != 80.0:
            self.wrong.append(reply)
        self.answered[at] += 1


@ONLY_LINUX
def test_a_worker_that_is_killed_again_and_again_costs_its_own_connections_only(tmp_path):
    served = Served(tmp_path, workers=2)
    try:
        load = Load(served, 10)
        survivor, killed = served.workers
        theirs = [at for at, wire in enumerate(load.wires) if served.owner(wire) == survivor]
        with load:
            for _ in range(3):
                load.go_on()
                os.kill(killed, signal.SIGKILL)
                until(lambda dead=killed: dead not in served.workers and len(served.workers) == 2)
                killed = next(pid for pid in served.workers if pid != survivor)
                load.go_on()
        assert load.wrong == []
        assert [load.lost[at] for at in theirs] == [0] * len(theirs)
        assert served.log.count("ended with signal SIGKILL") == 3
    finally:
        served.process.kill()
        served.process.communicate()


SABOTAGE = """
import os, pathlib, sys

if "mlwright.serving.worker" in sys.orig_argv and pathlib.Path(__file__).with_name("broken").exists():
    os._exit(7)
"""


@ONLY_LINUX
def test_while_a_worker_cannot_be_started_again_the_other_answers_all(tmp_path):
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(SABOTAGE)
    served = Served(tmp_path, workers=2, path=str(tmp_path / "path"))
    try:
        survivor, killed = served.workers
        (tmp_path / "path" / "broken").touch()
        os.kill(killed, signal.SIGKILL)
        until(lambda: served.log.count("ended with exit code 7") >= 3)
        assert served.predicted(40) == {80.0}  # none waits for a worker that may never come
        assert served.ask("/ready") == (200, {"ready": True})
        served.file.write_bytes(small_model(3.0))
        assert served.ask("/models/shop/reload", {})[0] == 200
        pauses = [
            float(text) for text in re.findall(r"exit code 7; it is started again in ([0-9.]+) s", served.log)
        ]
        assert pauses == sorted(set(pauses)) and pauses[0] > 0.0

        (tmp_path / "path" / "broken").unlink()
        seen: set[int] = set()

        def both_answer() -> bool:
            with Wire(served.url) as wire:
                wire.send(request())
                wire.reply()
                seen.add(served.owner(wire))
            return len(seen) == 2

        until(both_answer)
        assert survivor in seen and killed not in seen
        assert served.predicted(20) == {120.0}
    finally:
        served.process.kill()
        served.process.communicate()


def test_a_worker_that_stands_still_is_started_again(tmp_path):
    served = Served(tmp_path, workers=2, silence_s=2.0)
    try:
        still, well = served.workers
        os.kill(still, signal.SIGSTOP)
        until(lambda: still not in served.workers and len(served.workers) == 2)
        until(lambda: served.log.count("stands still") == 1)
        assert well in served.workers  # which gave its signs
        assert served.predicted() == {80.0}  # none waits for the one that stood still
    finally:
        served.process.kill()
        served.process.communicate()


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
    command = [sys.executable, str(_script(tmp_path)), str(file), str(tmp_path / "tokens"), "3"]
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
    command = [sys.executable, str(_script(tmp_path)), str(file), str(tmp_path / "tokens"), "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: _children(process.pid))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "stopped\n"), err


def _children(pid: int) -> bool:
    """Whether the supervisor has begun a worker: from then on it listens to signals."""
    listed = subprocess.run(["ps", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True)
    return "serving.worker" in listed.stdout
