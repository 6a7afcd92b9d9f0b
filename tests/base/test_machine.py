"""What a process may use, read from the files that containers and services of several kinds show."""

import os
import subprocess
import sys

import pytest

from mlwright.base import machine
from mlwright.base.machine import BOUNDLESS

GIB = 1 << 30


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes fake system files, and answers with the folders of cgroups and of processes; affinity is 64."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)

    def make(files, own="0::/\n", available=32 * GIB):
        proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
        lines = {"MemTotal": 64 * GIB, "MemAvailable": available}
        files = {f"cgroup/{k}": v for k, v in files.items()} | {
            "proc/self/cgroup": own,
            "proc/meminfo": "".join(f"{k}:  {v // 1024} kB\n" for k, v in lines.items()),
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return cgroup, proc

    return make


@pytest.mark.parametrize(
    ("files", "own", "count"),
    [
        ({}, "0::/\n", 64),
        ({"cpu.max": "max 100000\n"}, "0::/\n", 64),
        ({"cpu.max": "100000 100000\n"}, "0::/\n", 1),
        ({"cpu.max": "50000 100000\n"}, "0::/\n", 1),
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 2),
        ({"cpu.max": "40000000 100000\n"}, "0::/\n", 64),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu,cpuacct:/\n", 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu,cpuacct:/\n", 64),
        # A service within a slice: both have quotas, the narrower one holds.
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, "0::/a/b\n", 2),
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "100000 100000\n"}, "0::/a/b\n", 1),
        # Version 1 within its container: the path is the host's, the files are at the root.
        (
            {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            "4:cpu,cpuacct:/docker/0123\n",
            3,
        ),
        # A path out of a namespace leads nowhere and does no harm.
        ({"cpu.max": "100000 100000\n"}, "0::/../elsewhere\n", 1),
        ({"cpu.max": "no numbers\n"}, "not a cgroup file\n", 64),
    ],
)
def test_cpus_are_those_of_affinity_and_of_every_quota_around(system, files, own, count):
    assert machine.cpu_count(*system(files, own)) == count


def test_affinity_counts_where_it_is_narrower_than_a_quota(system, monkeypatch):
    where = system({"cpu.max": "800000 100000\n"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert machine.cpu_count(*where) == 2


@pytest.mark.parametrize(
    ("files", "own", "limit"),
    [
        ({}, "0::/\n", 64 * GIB),
        ({"memory.max": "max\n"}, "0::/\n", 64 * GIB),
        ({"memory.max": f"{2 * GIB}\n"}, "0::/\n", 2 * GIB),
        ({"memory/memory.limit_in_bytes": f"{3 * GIB}\n"}, "5:memory:/\n", 3 * GIB),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, "5:memory:/\n", 64 * GIB),
        ({"a/memory.max": f"{4 * GIB}\n", "a/b/memory.max": "max\n"}, "0::/a/b\n", 4 * GIB),
        ({"memory.max": f"{4 * GIB}\n", "memory.high": f"{1 * GIB}\n"}, "0::/\n", 1 * GIB),
    ],
)
def test_memory_is_limited_by_every_group_around(system, files, own, limit):
    assert machine.memory_limit(*system(files, own)) == limit


def test_available_memory_counts_cached_files_as_free(system):
    stat = f"anon {GIB}\ninactive_file {GIB // 2}\nactive_file {GIB // 2}\n"
    where = system({"memory.max": f"{4 * GIB}", "memory.current": f"{2 * GIB}", "memory.stat": stat})
    assert machine.memory_available(*where) == 3 * GIB


def test_available_memory_of_version_1_counts_groups_within_as_well(system):
    stat = f"inactive_file 0\nactive_file 0\ntotal_inactive_file {GIB}\ntotal_active_file 0\n"
    files = {"limit_in_bytes": f"{4 * GIB}", "usage_in_bytes": f"{2 * GIB}", "stat": stat}
    where = system({f"memory/memory.{k}": v for k, v in files.items()}, "5:memory:/\n")
    assert machine.memory_available(*where) == 3 * GIB


def test_available_memory_is_the_machines_where_no_group_says_less(system):
    assert machine.memory_available(*system({"memory.max": "max"}, available=5 * GIB)) == 5 * GIB


def test_a_group_is_asked_once_and_what_it_holds_only_where_it_has_a_limit(system, monkeypatch):
    own = "5:memory:/a\n3:cpu:/\n1:name=systemd:/\n0::/\n"
    where = system({"memory/memory.limit_in_bytes": f"{BOUNDLESS + 1}", "memory/a/x": "", "x": ""}, own)
    asked, read = [], machine._read
    monkeypatch.setattr(machine, "_read", lambda path: asked.append(path) or read(path))
    assert machine.memory_available(*where) == 32 * GIB
    assert len(asked) == len(set(asked)) and not [path for path in asked if path.name == "memory.stat"]


def test_a_system_that_says_nothing_leaves_memory_unknown(tmp_path):
    assert machine.memory_limit(tmp_path, tmp_path) is machine.memory_available(tmp_path, tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits data")
def test_beyond_its_limit_a_process_is_refused_memory_and_lives():
    code = """
from mlwright.base import machine
from mlwright.base.machine import BOUNDLESS
machine.limit_data(64 << 20)
held = bytearray(32 << 20)
try:
    bytearray(256 << 20)
except MemoryError:
    print("refused")
machine.limit_data(512 << 20)
print(len(bytearray(256 << 20)) >> 20, machine.peak_bytes() > 256 << 20)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", "256", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits data")
def test_more_memory_than_there_is_fails_and_the_limit_goes_with_what_it_was_for():
    code = """
from mlwright.base import machine
from mlwright.base.machine import BOUNDLESS
machine.memory_available = lambda: 64 << 20
try:
    with machine.memory_spared():
        bytearray(256 << 20)
except MemoryError:
    print("refused", len(bytearray(256 << 20)) >> 20)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", "256"]


def test_idle_threads_rest_soon_unless_the_user_said_how_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in machine.IDLE_THREADS:
        monkeypatch.delenv(name, raising=False)
    machine.rest_idle_threads()
    assert {name: os.environ[name] for name in machine.IDLE_THREADS} == machine.IDLE_THREADS
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    machine.rest_idle_threads()
    assert os.environ["OMP_WAIT_POLICY"] == "active" and "GOMP_SPINCOUNT" not in os.environ
