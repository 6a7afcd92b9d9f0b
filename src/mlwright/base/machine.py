"""What this process may use of the machine: CPUs by affinity and cgroup quota, memory by cgroup limit.

A process may sit in a group within groups, each with limits of its own: all of them hold. Both generations
of cgroups are read (Linux kernel documentation, admin-guide/cgroup-v1 and cgroup-v2); elsewhere the machine's
own figures stand.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path

CGROUP, PROC = Path("/sys/fs/cgroup"), Path("/proc")
BOUNDLESS = 2**60
"""Version 1 writes a number beyond this where no limit is set."""


IDLE_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "3000"}
"""How a library's idle OpenMP threads wait, for the environment: some microseconds awake, then asleep.

LightGBM, 200 rounds on two threads of two CPUs: 0.9 s so, 3.3 s asleep at once (each of its many short loops
has to wake the other thread), and, with two other processes at work, 2.4 s so, 4.8 s asleep at once and 40 s
awake as by default."""


FEWEST_CELLS_A_THREAD = 200_000
"""Below this many matrix cells a second thread costs more than it brings."""


def threads_for(cells: int, most: int) -> int:
    """How many of `most` threads a matrix of so many cells can keep busy.

    >>> threads_for(10_000, 8), threads_for(500_000, 8)
    (1, 2)
    """
    return max(1, min(most, cells // FEWEST_CELLS_A_THREAD))


def rest_idle_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets `IDLE_THREADS` for libraries that are loaded from now on, where the user set neither of them."""
    if not any(name in environment for name in IDLE_THREADS):
        environment.update(IDLE_THREADS)


def cpu_count(cgroup: Path = CGROUP, proc: Path = PROC) -> int:
    """CPUs that this process may use: affinity, capped by the cgroups' quotas, a part of one as one."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        count = os.cpu_count() or 1
    quotas = [math.ceil(q) for group in _groups(cgroup, proc, "cpu") if (q := _quota(group))]
    return max(1, min([count, *quotas]))


def memory_limit(cgroup: Path = CGROUP, proc: Path = PROC) -> int | None:
    """Bytes that this process may use, by its cgroups or else the machine; None where unknown."""
    limits = [limit for group in _groups(cgroup, proc, "memory") if (limit := _limit(group)) is not None]
    total = _meminfo(proc, "MemTotal")
    return min(limits if total is None else [*limits, total], default=None)


def memory_available(cgroup: Path = CGROUP, proc: Path = PROC) -> int | None:
    """Bytes that are free to take now, files that are only cached counted as free; None where unknown."""
    free = _meminfo(proc, "MemAvailable")
    left = [] if free is None else [free]
    for group in _groups(cgroup, proc, "memory"):
        limit = _limit(group)
        used = None if limit is None else _used(group)
        if limit is not None and used is not None:
            left.append(max(0, limit - used))
    return min(left, default=None)


def limit_data(more: int, proc: Path = PROC) -> None:
    """Lets this process take `more` bytes than it holds now, and no further; anew with each call.

    Beyond it allocations fail, as where memory has run out, but nobody is killed. Only on Linux.
    """
    held = _status(proc, "VmData")
    if sys.platform != "linux" or held is None:
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = held + more
    resource.setrlimit(
        resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


@contextlib.contextmanager
def memory_spared(share: float = 0.9) -> Iterator[None]:
    """Within it this process may take that share of the memory that is free now: beyond it allocations fail,
    with `MemoryError` or what a library makes of it, before the kernel would have to kill somebody."""
    free = memory_available()
    if sys.platform != "linux" or free is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    limit_data(int(share * free))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def peak_bytes(proc: Path = PROC) -> int:
    """The most memory that this process held, since its start or `forget_peak`; 0 where unknown."""
    return _status(proc, "VmHWM") or 0


def forget_peak(proc: Path = PROC) -> None:
    """Begins `peak_bytes` anew, where the system lets it."""
    try:
        (proc / "self" / "clear_refs").write_text("5")
    except OSError:
        return


def cpu_name() -> str:
    """The processor's model name, or its architecture where the name is unknown."""
    for line in _read(PROC / "cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine if hasattr(os, "uname") else "unknown"


def _groups(cgroup: Path, proc: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's own group for `controller` and of all groups around it.

    A container sees its own group as the root, or under a path that is not there: what is there counts.
    """
    seen = set()
    for line in ["0::/", f"1:{controller}:/", *_read(proc / "self" / "cgroup").splitlines()]:
        _, controllers, own = line.split(":", 2) if line.count(":") >= 2 else ("", "-", "")
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroup / controller if controllers else cgroup
        group = root / own.strip("/")
        while True:
            if group not in seen and group.is_dir():
                yield group
            seen.add(group)
            if group == root or ".." in own:
                break
            group = group.parent


def _quota(group: Path) -> float | None:
    quota, _, period = _read(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _limit(group: Path) -> int | None:
    limits = [_read(group / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
    return min((int(t) for t in limits if t.isdigit() and int(t) < BOUNDLESS), default=None)


def _used(group: Path) -> int | None:
    """What the group holds that is not merely a cached file."""
    used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes")
    if not used.isdigit():
        return None
    counts = dict(line.split() for line in _read(group / "memory.stat").splitlines() if line.count(" ") == 1)
    total = "total_" if "total_inactive_file" in counts else ""
    cached = sum(int(counts.get(f"{total}{which}_file", 0)) for which in ("inactive", "active"))
    return max(0, int(used) - cached)


def _meminfo(proc: Path, name: str) -> int | None:
    return _kilobytes(_read(proc / "meminfo"), name)


def _status(proc: Path, name: str) -> int | None:
    return _kilobytes(_read(proc / "self" / "status"), name)


def _kilobytes(text: str, name: str) -> int | None:
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
