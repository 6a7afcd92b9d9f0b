"""Virtual environments for the tools that benchmarks compare with: made once, outside of the repository.

They lie in MLWRIGHT_PEERS or else in the user's cache folder. Each holds the pip arguments it was made of
and is made again when they change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

HOME = Path(os.environ.get("MLWRIGHT_PEERS", Path.home() / ".cache" / "mlwright-peers"))


def made(name: str, packages: Sequence[str]) -> Path:
    """The Python of the environment `name` with these packages; it is made where it is not there.

    Raises `RuntimeError` with pip's own words where they cannot be installed.
    """
    folder = HOME / name
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = "\n".join(packages)
    if not ready.exists() or ready.read_text() not in ("", wanted):
        print(f"  installing {', '.join(packages)} into {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", *packages]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder)
            raise RuntimeError(f"the environment {name} could not be made:\n{done.stderr[-2000:]}")
        ready.write_text(wanted)
    return python


def mebibytes(name: str) -> float:
    """What the environment takes on disk."""
    files = (p for p in (HOME / name).rglob("*") if p.is_file() and not p.is_symlink())
    return sum(p.stat().st_size for p in files) / 2**20
