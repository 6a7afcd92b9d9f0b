"""A server under steady mixed traffic for long: what grows, of memory, files, threads and connections.

    python benchmarks/soak.py [--model FILE --model FILE] [--seconds 600] [--rate 3000] [--swap-every 1]

Good rows, bad rows, batches, CSV, broken JSON, looks at metrics, peers that go in the middle of a request or
before their answer, and again and again another model that takes over. Samples of the server, every
2 s, are printed at the end as a line through them after the warm-up: what it says an hour, and for a million
requests. Every answer is held to the status that its request should get. The heap needs some fifty swaps to
settle, so that the warm-up should hold as many.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tabular_sets import listed, prepared

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.serving import issue_token

LANES, SAMPLE_S, BATCH, SEED = 32, 2.0, 50, 20_261_129
NAME, GROWS = "adult", 0.02
"""A line that rises by more than this share of the memory, from the warm-up to the end, is growth."""
MORE = 2
"""So are more files (beside those of connections) or threads than this, from the first half to the second."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LENGTH = re.compile(rb"content-length: (\d+)", re.I)
SHARES = {
    "row": 60, "bad row": 10, "batch": 6, "csv": 4, "broken": 4, "metrics": 1,
    "anew": 5, "half": 5, "unheard": 5,
}  # fmt: skip
"""Of a hundred requests; the last three: a connection of its own, one that ends in its request, or unread."""


@dataclass
class Seen:
    """Samples of the server and what was answered."""

    at_s: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    """Requests answered until each sample."""
    count: int = 0
    swaps: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    """What was answered as it should not be."""


class Traffic:
    """The requests of one model and the statuses that they should get."""

    def __init__(self, model: mw.Model, token: str) -> None:
        self._head = f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n".encode()
        self._rows = [dict(row) for row in model.samples.rows]

    def request(self, kind: str, draw: random.Random) -> tuple[bytes, int]:
        """A request and its status."""
        if kind == "metrics":
            return self.get(b"/metrics"), 200
        row = draw.choice(self._rows)
        if kind == "bad row":
            bad = {**row, draw.choice(list(row)): [1], f"x{draw.randrange(10**9)}": 1}
            return self.post(b"/predict", json.dumps(bad).encode()), 422
        if kind == "broken":
            return self.post(b"/predict", json.dumps(row).encode()[:-9]), 400
        if kind == "batch":
            rows = [draw.choice(self._rows) for _ in range(BATCH)]
            return self.post(b"/predict", json.dumps(rows).encode()), 200
        if kind == "csv":
            lines = [",".join(row), ",".join("" if v is None else str(v) for v in row.values())]
            return self.post(b"/predict", "\n".join(lines).encode(), b"text/csv"), 200
        return self.post(b"/predict", json.dumps(row).encode()), 200

    def get(self, path: bytes) -> bytes:
        return b"GET " + path + self._head + b"\r\n"

    def post(self, path: bytes, body: bytes, kind: bytes = b"application/json") -> bytes:
        length = b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
        return b"POST " + path + self._head + length + body


class Line:
    """One connection that is made when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        await self.send(request)
        assert self._streams is not None
        reader = self._streams[0]
        head = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        assert found is not None
        return int(head[9:12]), await reader.readexactly(int(found[1]))

    async def send(self, request: bytes) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        self._streams[1].write(request)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None


async def lane(port: int, traffic: Traffic, seen: Seen, number: int, asked: argparse.Namespace) -> None:
    """One client: a request whenever one is due, one after the other."""
    draw, line, loop = random.Random(SEED + number), Line(port), asyncio.get_running_loop()
    kinds, shares = list(SHARES), list(SHARES.values())
    began = loop.time() + number / asked.rate
    for turn in itertools.count():
        due = began + turn * LANES / asked.rate
        if due - began > asked.seconds:
            break
        await asyncio.sleep(max(0.0, due - loop.time()))
        kind = draw.choices(kinds, shares)[0]
        request, expected = traffic.request(kind, draw)
        if kind in ("half", "unheard"):
            await line.send(request[: draw.randrange(len(request))] if kind == "half" else request)
            await asyncio.sleep(0)
            await line.close()
            continue
        if kind == "anew":
            await line.close()
        try:
            status, _ = await line.ask(request)
        except (OSError, EOFError) as error:
            seen.wrong[f"{kind}: {type(error).__name__}"] += 1
            await line.close()
            continue
        seen.count += 1
        if status != expected:
            seen.wrong[f"{kind}: {status}"] += 1
    await line.close()


async def swaps(port: int, traffic: Traffic, seen: Seen, served: Path, asked: argparse.Namespace) -> None:
    """Has one model after the other take over."""
    line = Line(port)
    for file in itertools.cycle(asked.model[::-1]):
        await asyncio.sleep(asked.swap_every)
        coming = served.with_suffix(".new")
        coming.write_bytes(file.read_bytes())
        coming.replace(served)
        status, _ = await line.ask(traffic.post(b"/models/%s/reload" % NAME.encode(), b"{}"))
        seen.swaps += 1
        if status != 200:
            seen.wrong[f"reload: {status}"] += 1


async def samples(port: int, traffic: Traffic, seen: Seen, root: int) -> None:
    """Looks at the server's processes again and again."""
    line, loop = Line(port), asyncio.get_running_loop()
    began = loop.time()
    while True:
        await asyncio.sleep(SAMPLE_S)
        _, text = await line.ask(traffic.get(b"/metrics"))
        open_now = re.search(rb"^mlwright_connections ([0-9.]+)", text, re.M)
        looks = [_look(pid) for pid in (root, *_children(root))]
        seen.at_s.append(loop.time() - began)
        seen.rss_mib.append(sum(look[0] for look in looks))
        seen.files.append(sum(look[1] for look in looks))
        seen.threads.append(sum(look[2] for look in looks))
        seen.connections.append(float(open_now[1]) if open_now else float("nan"))
        seen.answered.append(seen.count)


def _look(pid: int) -> tuple[float, int, int]:
    """Resident MiB, open files and threads of a process."""
    folder = Path(f"/proc/{pid}")
    resident = int((folder / "statm").read_text().split()[1]) * _PAGE / 2**20
    return resident, len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def soaked(port: int, traffic: Traffic, work: Path, root: int, asked: argparse.Namespace) -> Seen:
    seen = Seen()
    served = work / f"{NAME}.mlw"
    beside = [
        asyncio.ensure_future(swaps(port, traffic, seen, served, asked)),
        asyncio.ensure_future(samples(port, traffic, seen, root)),
    ]
    await asyncio.gather(*(lane(port, traffic, seen, n, asked) for n in range(LANES)))
    for task in beside:
        if task.done():
            task.result()
        task.cancel()
    return seen


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Of the line through the points by least squares, and its standard error."""
    x = x - x.mean()
    steep = float((x * y).sum() / (x * x).sum())
    rest = y - y.mean() - steep * x
    return steep, float(np.sqrt((rest * rest).sum() / max(1, len(x) - 2) / (x * x).sum()))


def _show(seen: Seen, warm_s: float) -> bool:
    """Prints the figures; whether nothing grew and nothing was wrong."""
    at = np.array(seen.at_s)
    warm = at >= warm_s
    rss, answered = np.array(seen.rss_mib)[warm], np.array(seen.answered)[warm]
    print("| s | answered | RSS MiB | files | threads | connections |\n|---|---|---|---|---|---|")
    for i in np.linspace(0, len(at) - 1, min(13, len(at))).astype(int):
        counts = f"{seen.files[i]} | {seen.threads[i]} | {seen.connections[i]:.0f}"
        print(f"| {at[i]:.0f} | {seen.answered[i]:,} | {seen.rss_mib[i]:.1f} | {counts} |")
    by_hour, error = slope(at[warm] / 3600.0, rss)
    by_million, error_by_million = slope(answered / 1e6, rss)
    print(f"after {warm_s:.0f} s: {by_hour:+.2f} MiB an hour (standard error {error:.2f}),"
          f" {by_million:+.3f} MiB for a million requests ({error_by_million:.3f})")  # fmt: skip
    print(f"{seen.count:,} answers, {seen.swaps} swaps; wrong: {dict(seen.wrong) or 'none'}")
    grows = by_hour * (at[-1] - warm_s) / 3600.0 > GROWS * rss.mean()
    counted = {"files": np.array(seen.files) - np.array(seen.connections), "threads": np.array(seen.threads)}
    parted = {name: np.array_split(values[warm], 2) for name, values in counted.items()}
    more = [n for n, (first, last) in parted.items() if np.median(last) - np.median(first) > MORE]
    verdict = [*(["memory"] if grows else []), *more]
    print(f"grows: {', '.join(verdict) or 'nothing'}")
    return not verdict and not seen.wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, action="append", help="default: two of adult, fitted for 20 s")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--warm", type=float, default=0.0, help="default: a quarter of the seconds")
    parser.add_argument("--rate", type=float, default=3000.0, help="requests a second")
    parser.add_argument("--swap-every", type=float, default=1.0, help="seconds from one model to another")
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        work = Path(text)
        asked.model = asked.model or _fitted(work)
        (work / f"{NAME}.mlw").write_bytes(asked.model[0].read_bytes())
        token = issue_token(work / "tokens", ("predict", "metrics", "admin"))
        traffic = Traffic(mw.load(asked.model[0]), token)
        served, tokens = f"{NAME}={work / NAME}.mlw", str(work / "tokens")
        flags = ["--port", "0", "--json", "--slo-ms", "1e6", "--workers", str(asked.workers)]
        command = [sys.executable, "-m", "mlwright", "serve", served, "--tokens-file", tokens, *flags]
        print(f"{cpu_name()}, {cpu_count()} CPUs, {asked.rate:,.0f} requests/s for {asked.seconds:.0f} s")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = next(line for line in server.stdout if '"url"' in line).split('"')[3]
            port = int(url.rpartition(":")[2])
            began = time.monotonic()
            try:
                seen = asyncio.run(soaked(port, traffic, work, server.pid, asked))
            finally:
                os.kill(server.pid, signal.SIGTERM)
                print(f"the server ended with {server.wait(60)} after {time.monotonic() - began:.0f} s")
        sys.exit(0 if _show(seen, asked.warm or asked.seconds / 4) else 1)


def _fitted(work: Path) -> list[Path]:
    facts = prepared(listed([NAME])[0])
    table = Path(facts.folder) / "train.parquet"
    return [
        mw.fit(table, target=facts.target, time_limit=20, seed=seed).save(work / f"{seed}.mlw")
        for seed in range(2)
    ]


if __name__ == "__main__":
    main()
