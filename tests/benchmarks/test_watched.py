"""A watched command leaves nothing running, and says how it ended."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/stat").exists(), reason="processes are watched on Linux alone"
)


def loaded() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "watched.py"
    spec = importlib.util.spec_from_file_location("watched", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["watched"] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


def test_what_takes_too_long_is_ended_with_its_detached_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"pathlib.Path({str(child)!r}).write_text(str(child.pid))\n"
        "print('begun', flush=True)\n"
        "time.sleep(600)\n"
    )
    ran = loaded().watch([sys.executable, "-c", code], tmp_path / "log", limit_s=2.0)
    assert ran.code is None and ran.output == "begun\n"
    stat = Path(f"/proc/{child.read_text()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_ends_by_itself_tells_its_exit_code_and_memory(tmp_path: Path) -> None:
    code = "import sys, time; held = bytearray(200 << 20); time.sleep(1.5); sys.exit(3)"
    ran = loaded().watch([sys.executable, "-c", code], tmp_path / "log", limit_s=60.0)
    assert ran.code == 3 and 200 < ran.peak_mib < 400
