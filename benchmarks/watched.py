"""A command run under watch: its seconds, memory and CPU time with all its descendants, and what else ran.

For benchmarks on Linux. Descendants are followed also when their parents are gone (Ray and Java leave some),
and nothing of them is left running. It knows processes, never what they compute.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
LOOK_S, GOING_S = 0.5, 20.0


@dataclass(frozen=True)
class Watched:
    """How a command ran."""

    code: int | None
    """Its exit code; None where it was killed for taking too long."""
    seconds: float
    output: str
    """The last of what it printed, both streams."""
    peak_mib: float
    """The most memory of its own that it and its descendants held together (seen twice a second)."""
    others: float
    """CPUs that the rest of the machine used meanwhile, on average: 0 on a quiet machine."""
    load: float
    """The machine's load average of one minute at the end."""


def watch(command: Sequence[str], log: Path, limit_s: float) -> Watched:
    """Runs a command to its end or for `limit_s` seconds; its output goes to the file `log`."""
    began, busy, ended = time.monotonic(), busy_s(), ended_s()
    family: dict[tuple[int, int], float] = {}
    peak, killed = 0.0, False
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while process.poll() is None:
                peak = max(peak, look(process.pid, family))
                if time.monotonic() - began > limit_s:
                    killed = True
                    break
                time.sleep(LOOK_S)
        finally:  # also when the benchmark itself is stopped
            look(process.pid, family)
            end(family)
            process.wait()
    seconds = time.monotonic() - began
    own = max(sum(family.values()), ended_s() - ended)  # what lives shorter than a look, or is orphaned
    others = max(0.0, busy_s() - busy - own) / seconds
    output = log.read_text(errors="replace")[-4000:]
    code = None if killed else process.returncode
    return Watched(code, seconds, output, peak, others, os.getloadavg()[0])


def look(root: int, family: dict[tuple[int, int], float]) -> float:
    """Adds descendants and their CPU seconds to `family`; returns the MiB that the living hold."""
    seen = {p.pid: p for p in _processes()}
    known = {p.pid for p in seen.values() if p.pid == root or (p.pid, p.started) in family}
    grown = True
    while grown:
        new = {p.pid for p in seen.values() if p.parent in known and p.pid not in known}
        known |= new
        grown = bool(new)
    for pid in known:
        family[pid, seen[pid].started] = seen[pid].cpu_s
    return sum(seen[pid].mib for pid in known)


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    started: int
    alive: bool
    """False for what has ended and has not been waited for."""
    cpu_s: float
    mib: float


def _processes() -> Iterator[_Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                memory = (folder / "statm").read_text().split()
            except OSError:  # it ended meanwhile
                continue
            cpu = (int(stat[11]) + int(stat[12])) / TICK
            own = (int(memory[1]) - int(memory[2])) * PAGE / 2**20  # without files and shared memory
            yield _Process(int(folder.name), int(stat[1]), int(stat[19]), stat[0] not in "ZX", cpu, own)


def end(family: Mapping[tuple[int, int], float]) -> None:
    """Kills what is left, and waits until it is gone, so that it does not run beside what comes next."""
    until = time.monotonic() + GOING_S
    while time.monotonic() < until:
        left = [p.pid for p in _processes() if (p.pid, p.started) in family and p.alive]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def ended_s() -> float:
    """CPU seconds of the children that have ended, and of those children of theirs that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy_s() -> float:
    """CPU seconds that the machine has worked since it started, and those that its host took from it."""
    user, nice, system, _idle, _wait, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / TICK
