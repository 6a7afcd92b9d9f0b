"""What this process may use of the machine: CPUs by affinity and cgroup quota, memory by cgroup limit."""

from __future__ import annotations

import math
import os
from pathlib import Path


def cpu_count(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """CPUs that this process may use: affinity, capped by the cgroup quota (v2, then v1); at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        count = os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(count, math.ceil(quota) if quota else count))


def memory_limit(cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process may use, by its cgroup or else the machine; None where unknown."""
    limits = []
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(cgroup / name)
        if text.isdigit() and int(text) < 2**60:
            limits.append(int(text))
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemTotal:"):
            limits.append(int(line.split()[1]) * 1024)
    return min(limits, default=None)


def cpu_name() -> str:
    """The processor's model name, or its architecture where the name is unknown."""
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine if hasattr(os, "uname") else "unknown"


def _quota(cgroup: Path) -> float | None:
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        return int(quota) / int(period)
    v1 = _read(cgroup / "cpu" / "cpu.cfs_quota_us"), _read(cgroup / "cpu" / "cpu.cfs_period_us")
    if all(t.isdigit() and int(t) > 0 for t in v1):
        return int(v1[0]) / int(v1[1])
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
