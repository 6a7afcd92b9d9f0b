"""More requests than a server can answer: what gets through, how late, and what is turned away how soon.

    python benchmarks/overload.py [--model FILE] [--seconds 6] [--slo-ms 50] [--loads 1,2,5,10]
    python benchmarks/overload.py --changes [--model FILE --other FILE] [--seconds 20]

Open loop: requests leave by a schedule, whether answers came or not, and latency counts from the scheduled
moment, so that a server that stands still cannot hide it (coordinated omission). The model is slowed to 0.3
ms a row, so that one core of client can offer ten times what the server can answer. Printed for each load,
as a multiple of the rate that a closed loop reaches: goodput (answers within the SLO) over the peak, the
latencies of what was accepted and of refusals; then how long after a spike goodput is back.

With `--changes`, models change and servers stop while half the peak is offered: see `overload_changes.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tabular_sets import listed, prepared
from uvloop import run

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.serving import ServeSettings, serve

ROW_S, CONNECTIONS, PIPELINED, TICK_S = 0.0003, 512, 16, 0.001
SPIKES, SPIKE_S, WINDOW_S, BACK = (2.0, 5.0, 10.0), 2.0, 0.1, 0.9


class Slowed:
    """A model that takes ROW_S for each row, by hashing: it works as a graph does, and lets go of the
    interpreter meanwhile as a graph does, once for all rows of a run."""

    def __init__(self, model: mw.Model) -> None:
        self._model = model
        self.schema, self.digest, self.samples = model.schema, model.digest, model.samples
        rounds = 20_000
        began = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
        self._row_rounds = ROW_S / (time.perf_counter() - began) * rounds

    def run(self, numbers: Any, strings: Any) -> Any:
        hashlib.pbkdf2_hmac("sha256", b"", b"", max(1, int(self._row_rounds * len(numbers))))
        return self._model.run(numbers, strings)


@dataclass
class Seen:
    """Answers of one run: when each was due and came, in seconds, and its status."""

    due: list[float] = field(default_factory=list)
    came: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    unanswered: int = 0

    def late(self, *statuses: int) -> np.ndarray:
        """Seconds from due to answered, of these statuses."""
        chosen = np.isin(self.status, statuses)
        return (np.array(self.came) - np.array(self.due))[chosen]


class Line(asyncio.Protocol):
    """One connection: requests in the order in which they were sent, answers told by their status. It goes
    back to the free ones once all are answered."""

    def __init__(self, answered: Callable[[float, int], None], free: deque[Line]) -> None:
        self._answered, self._free, self._left = answered, free, b""
        self.due: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due.append(due)
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        at = 0
        while True:
            end = data.find(b"\r\n\r\n", at)
            if end < 0:
                break
            head = data[at:end]
            length = int(head[head.rfind(b"Content-Length: ") + 16 :].split(b"\r\n")[0])
            if len(data) < end + 4 + length:
                break
            self._answered(self.due.popleft(), int(head[9:12]))
            if not self.due:
                self._free.append(self)
            at = end + 4 + length
        self._left = data[at:]


async def offered(port: int, requests: list[bytes], rates: list[tuple[float, float]]) -> Seen:
    """Offers so many requests a second for so many seconds, one stretch after the other."""
    loop, seen = asyncio.get_running_loop(), Seen()

    def answered(due: float, status: int) -> None:
        seen.due.append(due)
        seen.came.append(loop.time())
        seen.status.append(status)

    lines: list[Line] = []
    free: deque[Line] = deque()
    for _ in range(CONNECTIONS):
        line = Line(answered, free)
        await loop.create_connection(lambda line=line: line, "127.0.0.1", port)
        lines.append(line)
    free.extend(lines)
    began, number, waiting = loop.time(), 0, deque[float]()
    schedule = _schedule(rates)
    upcoming = next(schedule, None)
    while upcoming is not None or waiting:
        now = loop.time() - began
        while upcoming is not None and upcoming <= now:
            waiting.append(upcoming)
            upcoming = next(schedule, None)
        while waiting and free:  # as clients do, none asks again before it is answered
            free.popleft().send(requests[number % len(requests)], began + waiting.popleft())
            number += 1
        if upcoming is None and loop.time() - began > sum(s for _, s in rates) + 2.0:
            break
        # Not by the loop, which each answer would wake: the server, on the same CPUs, would spend two thirds
        # of its time on that. It costs the latencies up to a tick.
        time.sleep(TICK_S)
        await asyncio.sleep(0)
    for _ in range(300):
        if not any(line.due for line in lines):
            break
        await asyncio.sleep(0.01)
    seen.unanswered = sum(len(line.due) for line in lines) + len(waiting)
    for line in lines:
        line.transport.close()  # type: ignore[attr-defined]
    return seen


def _schedule(rates: list[tuple[float, float]]) -> Any:
    start = 0.0
    for rate, seconds in rates:
        for i in range(int(rate * seconds)):
            yield start + i / rate
        start += seconds


async def peak(port: int, requests: list[bytes], seconds: float) -> float:
    """Answers a second in a closed loop: 64 connections that always wait for one."""
    loop, count = asyncio.get_running_loop(), [0, 0]
    lines: list[Line] = []

    def again(line: int) -> Callable[[float, int], None]:
        def answered(due: float, status: int) -> None:
            count[0] += status == 200
            count[1] += 1
            lines[line].send(requests[count[1] % len(requests)], 0.0)

        return answered

    for i in range(64):
        made = Line(again(i), deque())
        lines.append((await loop.create_connection(lambda made=made: made, "127.0.0.1", port))[1])
    for line in lines:
        line.send(requests[0], 0.0)
    await asyncio.sleep(1.0)
    before, began = count[0], loop.time()
    await asyncio.sleep(seconds)
    rate = (count[0] - before) / (loop.time() - began)
    for line in lines:
        line.transport.close()  # type: ignore[attr-defined]
    return rate


def told(seen: Seen, multiple: float, top: float, slo_s: float, seconds: float) -> Mapping[str, float]:
    """One line of the table."""
    accepted, refused = seen.late(200) * 1e3, seen.late(503) * 1e3
    other = [s for s in seen.status if s not in (200, 503)]
    good = float((seen.late(200) <= slo_s).sum()) / seconds
    nan = float("nan")
    return {
        "load": multiple,
        "offered/s": len(seen.due) / seconds,
        "good/s": good,
        "of peak": good / top,
        "p50 ms": float(np.percentile(accepted, 50)) if len(accepted) else nan,
        "p99 ms": float(np.percentile(accepted, 99)) if len(accepted) else nan,
        "refused/s": len(refused) / seconds,
        "refused p99 ms": float(np.percentile(refused, 99)) if len(refused) else nan,
        "failed": float(len(other) + seen.unanswered),
    }


def recovery_s(seen: Seen, began: float, end_of_spike: float, top: float, slo_s: float) -> float:
    """Seconds after a spike until a window's answers are within the SLO again, at nearly the offered rate."""
    due = np.array(seen.due) - began
    late = np.array(seen.came) - np.array(seen.due)
    good = (np.array(seen.status) == 200) & (late <= slo_s)
    for at in np.arange(end_of_spike, due.max() - WINDOW_S, WINDOW_S / 2):
        window = (due >= at) & (due < at + WINDOW_S)
        if window.any() and good[window].mean() >= BACK:
            return float(at - end_of_spike)
    return float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="default: one of adult, fitted for 20 s")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--slo-ms", type=float, default=50.0)
    parser.add_argument("--loads", default="1,2,5,10")
    parser.add_argument("--changes", action="store_true", help="models change, servers stop")
    parser.add_argument("--other", type=Path, help="a model of the same rows, to change to")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        settings = ServeSettings(slo_ms=asked.slo_ms, max_connections=2048, max_connections_per_peer=2048)
        serve(Slowed(mw.load(asked.model)), port=0, settings=settings, started=lambda u: print(u, flush=True))
        return
    with tempfile.TemporaryDirectory() as work:
        file = asked.model or _fitted(Path(work), 0)
        if asked.changes:
            from overload_changes import measure

            print(f"{cpu_name()}, {cpu_count()} CPUs, SLO {asked.slo_ms:g} ms")
            measure((file, asked.other or _fitted(Path(work), 1)), Path(work), asked.seconds, asked.slo_ms)
            return
        _measure(file, asked)


def _fitted(work: Path, seed: int) -> Path:
    facts = prepared(listed(["adult"])[0])
    table = Path(facts.folder) / "train.parquet"
    return mw.fit(table, target=facts.target, time_limit=20, seed=seed).save(work / f"adult-{seed}.mlw")


def _measure(file: Path, asked: argparse.Namespace) -> None:
    model = mw.load(file)
    rows = list(model.samples.rows)
    requests = [_request(json.dumps(row).encode()) for row in rows]
    command = [sys.executable, __file__, "--serve", "--model", str(file), "--slo-ms", str(asked.slo_ms)]
    print(f"{cpu_name()}, {cpu_count()} CPUs, SLO {asked.slo_ms:g} ms, {CONNECTIONS} connections")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2])
        try:
            top = run(peak(port, requests, asked.seconds))
            print(f"peak in a closed loop: {top:,.0f}/s")
            lines = []
            for multiple in (float(n) for n in asked.loads.split(",")):
                before = _cpu_s(server.pid), time.process_time(), time.perf_counter()
                seen = run(offered(port, requests, [(top * multiple, asked.seconds)]))
                took = time.perf_counter() - before[2]
                busy = (_cpu_s(server.pid) - before[0]) / took, (time.process_time() - before[1]) / took
                line = told(seen, multiple, top, asked.slo_ms / 1e3, asked.seconds)
                lines.append({**line, "server CPUs": busy[0], "client CPUs": busy[1]})
            _show(lines)
            calm = 0.7 * top
            for spike in SPIKES:
                stretches = [(calm, 2.0), (spike * top, SPIKE_S), (calm, 3.0)]
                seen = run(offered(port, requests, stretches))
                back = recovery_s(seen, min(seen.due), 2.0 + SPIKE_S, top, asked.slo_ms / 1e3)
                print(
                    f"after {SPIKE_S:g} s of {spike:g} times the peak: {back:.2f} s until 90 % are good again"
                )
            print(f"memory at the end: {_resident_mib(server.pid):,} MiB")
        finally:
            os.kill(server.pid, signal.SIGTERM)
            print(f"the server ended with {server.wait(30)}")


def _show(lines: list[Mapping[str, float]]) -> None:
    heads = list(lines[0])
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for line in lines:
        print("| " + " | ".join(f"{v:,.3g}" if v < 100 else f"{v:,.0f}" for v in line.values()) + " |")


def _request(body: bytes) -> bytes:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d"
    )
    return head % len(body) + b"\r\n\r\n" + body


def _cpu_s(pid: int) -> float:
    """Seconds of CPU, user and system, that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    main()
