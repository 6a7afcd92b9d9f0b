"""How MLflow and BentoML package the pipelines that `convert.py` converts: each in an environment of its own.

The environments hold the libraries that the pipelines were fitted with, in the same versions, since both
packages are pickles of Python objects. `convert_peer_app.py` runs there and is asked line by line.
"""

from __future__ import annotations

import atexit
import json
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from environments import HOME, made, mebibytes

APP = Path(__file__).with_name("convert_peer_app.py")
FITTED_WITH = ("numpy", "scipy", "scikit-learn", "joblib", "lightgbm", "catboost", "xgboost-cpu", "xgboost")
PEERS = {"mlflow": ("mlflow>=3.1,<4",), "bentoml": ("bentoml>=1.4,<2",)}


@cache
def python(peer: str) -> Path:
    """The Python of a peer's environment, which is made where it is not there."""
    return made(f"convert-{peer}", (*PEERS[peer], "pandas>=2.2,<3", "pyarrow", *_same()))


def _same() -> tuple[str, ...]:
    found = []
    for package in FITTED_WITH:
        try:
            found.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue
    return tuple(found)


def packaged(peer: str, folder: Path) -> dict[str, Any]:
    """What a peer makes of the pipeline in `folder` (pipeline.joblib, held.parquet, answers.npy): bytes on
    disk, CPU microseconds of a one-row call, the largest difference, labels that differ; or why it failed."""
    process = _running(peer)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{folder}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        _running.cache_clear()
        return {"failed": f"the process ended with {process.wait()}"}
    answer: dict[str, Any] = json.loads(line)
    return answer


@cache
def _running(peer: str) -> subprocess.Popen[str]:
    command = [str(python(peer)), "-W", "ignore", str(APP), peer]
    log = (HOME / f"convert-{peer}.log").open("w")
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=HOME
    )
    atexit.register(process.kill)
    return process


def described(peer: str) -> str:
    """The peer's version and what its environment takes on disk."""
    code = f"import importlib.metadata as m; print(m.version({peer!r}))"
    said = subprocess.run([python(peer), "-c", code], capture_output=True, text=True, check=True)
    return f"{peer} {said.stdout.strip()} (environment {mebibytes(f'convert-{peer}'):,.0f} MiB)"
