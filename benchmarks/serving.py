"""One row a request over HTTP: mlwright's server beside others, one worker each, on this machine.

    python benchmarks/serving.py [--only mlwright,floor] [--seconds 4] [--connections 8,64,512] [--rounds 2]

`wrk` on one thread cycles 500 distinct rows over kept-open connections. mlwright checks a token and counts
for its metrics as it does for its users; the floor is the same loop and parser with a fixed answer and no
model. Systems take turns within each round, so that a busy machine is as busy for each; the figures are
medians over rounds. CPU time a request, of a server's whole process tree, suffers least from other work.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from serving_peers import SYSTEMS, Place, System, placed, rows_asked
from watched import LOOK_S, busy_s, end, ended_s, look

import mlwright as mw
from mlwright.base.machine import cpu_name

RESULTS = Path(__file__).resolve().parent / "results" / "serving.json"
START_S, STOP_S, SETTLE_S, WARM_S = 120.0, 15.0, 30.0, 1
CHECKED, NEAR = 20, 1e-6
QUIET = 0.3
"""CPUs: a server that uses less has answered what earlier load left in its queue; Ray's never rests."""
LOAD = """
local bodies, requests, at = {}, {}, 0
function init(args)
   for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
   local headers = {["Content-Type"] = "application/json"}
   if args[2] then headers["Authorization"] = args[2] end
   for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end
function request()
   at = at % #requests + 1
   return requests[at]
end
function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      '\\n{"answers":%d,"us":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass
class Cell:
    """One server under the load of so many connections, once."""

    per_s: float
    """Answers a second, of status 200 only."""
    p50_ms: float
    p99_ms: float
    """Of what was answered while the load lasted; see `_latency`."""
    cpu_us: float
    """CPU time of the server an answer, user and system."""
    rss_mib: float
    pss_mib: float
    """As RSS, but pages that processes share count once."""
    refused: int
    """Answers of another status."""
    broken: int
    """Connections that failed."""
    others: float
    """CPUs that the rest of the machine used meanwhile."""


@dataclass
class Run:
    """All rounds of one system."""

    cold_s: list[float] = field(default_factory=list)
    """From its start to its first good answer."""
    cells: dict[int, list[Cell]] = field(default_factory=dict)
    """By connections."""

    def median(self, connections: int) -> Cell:
        rounds = self.cells[connections]
        return Cell(**{n: statistics.median(getattr(c, n) for c in rounds) for n in vars(rounds[0])})


class Server:
    """A server's processes, from their start on."""

    def __init__(self, system: System, place: Place) -> None:
        self.system, self.place = system, place
        self.port = _free_port()
        self.log = place.passing / f"{system.name}.log"
        self.family: dict[tuple[int, int], float] = {}
        command = system.command(system.python, place, self.port)
        self.began = time.monotonic()
        with self.log.open("w") as stream:
            self._process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
                env=place.variables(system.python), cwd=place.passing,
            )  # fmt: skip

    def cold_s(self, row: str) -> float:
        """The seconds from its start to its first good answer. Raises `RuntimeError` where none comes."""
        looked = self.began
        while time.monotonic() - self.began < START_S and self._process.poll() is None:
            with suppress(OSError):  # it does not listen yet
                if self.ask(row)[0] == 200:
                    return time.monotonic() - self.began
            if time.monotonic() - looked > LOOK_S:  # children whose parents end early are seen in time
                self.cpu_s()
                looked = time.monotonic()
            time.sleep(0.01)
        raise RuntimeError(f"it does not answer:\n{self.log.read_text()[-2000:]}")

    def ask(self, row: str, token: bool = True) -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        try:
            connection.request("POST", self.system.path, self.system.body(row), self._headers(token))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def _headers(self, token: bool) -> dict[str, str]:
        authorized = {"Authorization": self.authorization} if token and self.authorization else {}
        return {"Content-Type": "application/json", **authorized}

    @property
    def authorization(self) -> str:
        """The header that its callers send; "" where it asks for none."""
        return f"Bearer {self.place.token}" if self.system.name == "mlwright" else ""

    def cpu_s(self) -> float:
        """CPU seconds that its processes have used, the ended ones too as far as they were seen."""
        look(self._process.pid, self.family)
        return sum(self.family.values())

    def memory_mib(self) -> tuple[float, float]:
        """RSS and PSS of its processes."""
        sums = {"Rss:": 0, "Pss:": 0}
        for pid, _ in self.family:
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            except OSError:  # it has ended
                continue
            for word, kib, *_ in map(str.split, lines):
                if word in sums:
                    sums[word] += int(kib)
        return sums["Rss:"] / 1024, sums["Pss:"] / 1024

    def settle(self) -> None:
        """Waits until it has done what the last load left it: requests whose callers are gone."""
        until = time.monotonic() + SETTLE_S
        while time.monotonic() < until:
            before = self.cpu_s()
            time.sleep(0.5)
            if self.cpu_s() - before < 0.5 * QUIET:
                return

    def stop(self) -> None:
        """Ends it as its users would, then whatever is left of it."""
        self.cpu_s()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):  # what does not end is killed below
            self._process.wait(STOP_S)
        self.cpu_s()
        end(self.family)
        self._process.wait()


@contextmanager
def started(system: System, place: Place) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(system, place)
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    asked = _asked()
    if not shutil.which("wrk"):
        raise SystemExit("this needs wrk, which makes the load: apt-get install wrk")
    systems = [s for s in SYSTEMS if not asked.only or s.name in asked.only]
    runs: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    versions: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="sv-", ignore_cleanup_errors=True) as folder:
        place = placed(Path(folder))
        rows, own = rows_asked(place)
        for system in systems:
            with _leaving_out(system, left_out):
                versions[system.name] = system.versions() if system.python else {}
                system.fit(place)
                runs[system.name] = Run()
        for number in range(asked.rounds):
            for system in systems:
                if system.name not in left_out:
                    with _leaving_out(system, left_out):
                        print(f"  round {number + 1}: {system.name}", flush=True)
                        one_round(system, place, rows, own, runs[system.name], asked)
    runs = {n: r for n, r in runs.items() if len(r.cold_s) == asked.rounds and n not in left_out}
    write(asked, str(mw.load(place.model)), runs, left_out, versions)
    print(table(runs, asked.connections, asked.seconds))
    print(ratios(runs, asked.connections))
    for name, why in left_out.items():
        print(f"\n{name} is left out: {why}")


def one_round(
    system: System,
    place: Place,
    rows: Sequence[str],
    own: Sequence[float],
    run: Run,
    asked: argparse.Namespace,
) -> None:
    """Starts a server, checks its answers, warms it up, measures it at each number of connections."""
    with started(system, place) as server:
        cold_s = server.cold_s(rows[0])
        check(server, rows[:CHECKED], own)
        load(server, rows, 8, WARM_S)
        run.cold_s.append(cold_s)
        for connections in asked.connections:
            server.settle()
            run.cells.setdefault(connections, []).append(load(server, rows, connections, asked.seconds))


def check(server: Server, rows: Sequence[str], own: Sequence[float]) -> None:
    """Raises `RuntimeError` for answers that are not its model's."""
    system = server.system
    for row, expected in zip(rows, own, strict=False):
        status, answer = server.ask(row)
        if status != 200:
            raise RuntimeError(f"status {status}: {answer[:500]!r}")
        said = system.probability(json.loads(answer))
        if said is None:
            return
        if not 0 <= said <= 1 or (system.is_same_model and abs(said - expected) > NEAR):
            raise RuntimeError(f"it answers {said}, and mlwright {expected}, to {row}")
    if server.authorization and server.ask(rows[0], token=False)[0] != 401:
        raise RuntimeError("it answers callers without a token")


def load(server: Server, rows: Sequence[str], connections: int, seconds: int) -> Cell:
    """So many connections for so many seconds, each asking as soon as it is answered."""
    folder = server.place.passing
    script, bodies = folder / "load.lua", folder / "bodies"
    script.write_text(LOAD)
    bodies.write_text("\n".join(map(server.system.body, rows)))
    url = f"http://127.0.0.1:{server.port}{server.system.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), url]
    command += ["--", str(bodies), *([server.authorization] if server.authorization else [])]
    began, busy, used, own = time.monotonic(), busy_s(), server.cpu_s(), _own_s()
    done = subprocess.run(command, capture_output=True, text=True)
    cpu = server.cpu_s() - used
    others = (busy_s() - busy - cpu - (_own_s() - own)) / (time.monotonic() - began)
    if done.returncode:
        raise RuntimeError(f"wrk ended with {done.returncode}: {done.stderr[-500:]}")
    said = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    rss, pss = server.memory_mib()
    return Cell(
        per_s=(said["answers"] - said["refused"]) / said["us"] * 1e6,
        p50_ms=said["p50"] / 1e3, p99_ms=said["p99"] / 1e3,
        cpu_us=cpu / max(1, said["answers"]) * 1e6, rss_mib=rss, pss_mib=pss,
        refused=said["refused"], broken=said["broken"], others=max(0.0, others),
    )  # fmt: skip


def table(runs: dict[str, Run], connections: Sequence[int], seconds: int) -> str:
    """One line for each server and number of connections, as Markdown."""
    lines = [
        "| server | connections | answers/s | p50 ms | p99 ms | CPU us | RSS MiB | PSS MiB | cold s "
        "| refused | broken | others |",
        "|---|" + "---:|" * 11,
    ]
    for name, run in runs.items():
        for c in connections:
            cell = run.median(c)
            numbers = (
                f"{cell.per_s:,.0f}", _latency(cell.p50_ms, seconds), _latency(cell.p99_ms, seconds),
                f"{cell.cpu_us:,.1f}", f"{cell.rss_mib:,.0f}", f"{cell.pss_mib:,.0f}",
                f"{statistics.median(run.cold_s):.2f}", f"{cell.refused:,.0f}", f"{cell.broken:,.0f}",
                f"{cell.others:.2f}",
            )  # fmt: skip
            lines.append(f"| {name} | {c} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def ratios(runs: dict[str, Run], connections: Sequence[int]) -> str:
    """mlwright's answers a second by each other server's, and the other's CPU time by mlwright's."""
    if "mlwright" not in runs or len(runs) == 1:
        return ""
    heads = [f"answers/s at {c}" for c in connections] + [f"CPU at {c}" for c in connections]
    lines = ["", f"| mlwright by | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for name, run in runs.items():
        if name != "mlwright":
            pairs = [(runs["mlwright"].median(c), run.median(c)) for c in connections]
            more = [own.per_s / max(other.per_s, 1e-9) for own, other in pairs]
            less = [other.cpu_us / max(own.cpu_us, 1e-9) for own, other in pairs]
            lines.append(f"| {name} | {' | '.join(f'{r:,.2f}' for r in more + less)} |")
    return "\n".join(lines)


def write(
    asked: argparse.Namespace,
    model: str,
    runs: dict[str, Run],
    left_out: dict[str, str],
    versions: dict[str, dict[str, str]],
) -> None:
    """Everything measured, round by round, with what it was measured on."""
    cells = [
        {"system": name, "connections": c, "cold_s": run.cold_s, **_by_round(run.cells[c])}
        for name, run in runs.items()
        for c in asked.connections
    ]
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cpu_name()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "model": model,
        "load": "one row a request, wrk -t1, loopback, one worker",
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "versions": {n: v for n, v in versions.items() if n in runs},
        "left_out": left_out,
    }
    lines = ",\n".join(json.dumps(c) for c in cells)
    head = json.dumps(about, indent=1)[:-2]
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(f'{head},\n "cells": [\n{lines}\n]}}\n')


def _by_round(cells: Sequence[Cell]) -> dict[str, list[float]]:
    return {n: [float(f"{getattr(c, n):.5g}") for c in cells] for n in vars(cells[0])}


@contextmanager
def _leaving_out(system: System, left_out: dict[str, str]) -> Iterator[None]:
    """A server that cannot be had, or does not do what it should, is left out; the others are compared."""
    try:
        yield
    except (RuntimeError, subprocess.CalledProcessError, OSError, KeyError, ValueError) as error:
        print(f"  {system.name}: {error}", flush=True)
        lines = str(error).splitlines() or [type(error).__name__]
        left_out[system.name] = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [s.name for s in SYSTEMS]
    parser.add_argument("--only", type=lambda t: t.split(","), help=f"some of {','.join(names)}")
    parser.add_argument("--seconds", type=int, default=4, help="of load for each number of connections")
    parser.add_argument("--connections", type=lambda t: [int(c) for c in t.split(",")], default=[8, 64, 512])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, default=RESULTS)
    asked = parser.parse_args()
    unknown = sorted(set(asked.only or ()) - set(names))
    if unknown:
        parser.error(f"no such server: {', '.join(unknown)}; there are {', '.join(names)}")
    return asked


def _latency(ms: float, seconds: int) -> str:
    """Marked where it comes near the length of the load: what was not answered by its end would raise it."""
    return f"{'≥ ' if ms > 500 * seconds else ''}{ms:,.2f}"


def _own_s() -> float:
    """CPU seconds of this process, and of wrk's once it has ended."""
    return time.process_time() + ended_s()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


if __name__ == "__main__":
    main()
