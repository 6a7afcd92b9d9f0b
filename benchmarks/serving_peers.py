"""The servers that `serving.py` compares: their pinned environments, how each is started and what it answers.

Each is set up as its own documentation advises for one plain, fast worker: access logs, usage statistics and
tracing off, one thread for numerics, uvloop and httptools where it can use them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from environments import HOME, made
from tabular_sets import Facts, listed, prepared

import mlwright as mw

APPS = Path(__file__).resolve().parent / "serving_apps"
SET, BODIES, SEED = "adult", 500, 20_261_129
_ORT = ("onnxruntime==1.32.0", "numpy==2.4.6")
_LOOP = ("uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0")
_FOREST = ("lightgbm==4.7.0", "pyarrow")
PINS: dict[str, tuple[str, ...]] = {
    "fastapi": ("fastapi==0.165.0", *_LOOP, *_ORT, "scikit-learn==1.9.1", "pandas==3.1.1", *_FOREST),
    "litserve": ("litserve==0.2.19", *_LOOP, *_ORT),
    "bentoml": ("bentoml==1.4.39", *_LOOP, *_ORT),
    "ray": ("ray[serve]==2.60.0", *_ORT),
    "mlflow": ("mlflow==3.17.2", *_LOOP, "scikit-learn", "pandas", *_FOREST),
}
"""MLflow says itself which scikit-learn and pandas it can be had with."""


@dataclass(frozen=True)
class Place:
    """Where a server finds what it serves, and where it may write."""

    kept: Path
    """The model, its graph, the pipelines: made once, outside of the repository."""
    passing: Path
    """A folder that goes with the benchmark."""
    facts: Facts
    token: str = ""

    @property
    def model(self) -> Path:
        return self.kept / f"{SET}.mlw"

    @property
    def tokens(self) -> Path:
        return self.passing / "tokens"

    def variables(self, python: Path) -> dict[str, str]:
        """The environment of every server; who does not know a variable does not look at it."""
        return {
            **os.environ,
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(APPS),
            "BENCHMARK_FOLDER": str(self.kept),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(self.passing),
            "BENTOML_HOME": str(self.passing / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "UVICORN_ACCESS_LOG": "false",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        }


@dataclass(frozen=True)
class System:
    """One server."""

    name: str
    environment: str
    """Of those in `PINS`; "" for the one that this runs in."""
    packages: tuple[str, ...]
    """Whose versions are reported."""
    command: Callable[[Path, Place, int], list[str]]
    """From its Python, the place and the port."""
    probability: Callable[[Any], float | None] = lambda answer: answer["probability"]
    """Of the positive class, from its parsed answer; None where it knows no model."""
    is_same_model: bool = True
    """Whether its answers must be mlwright's own."""
    path: str = "/predict"
    body: Callable[[str], str] = str
    """A row's JSON as this server wants it."""
    fits: str = ""
    """How `pipeline.py` keeps the pipeline that it serves."""

    @property
    def python(self) -> Path:
        """Its Python; the environment is made on first use. Raises `RuntimeError` where it cannot be."""
        if not self.environment:
            return Path(sys.executable)
        return made(f"serving-{self.environment}", PINS[self.environment])

    def versions(self) -> dict[str, str]:
        """Of its packages, as they are installed."""
        code = "import importlib.metadata, sys; print(*map(importlib.metadata.version, sys.argv[1:]))"
        done = subprocess.run(
            [self.python, "-c", code, *self.packages], check=True, capture_output=True, text=True
        )
        return dict(zip(self.packages, done.stdout.split(), strict=True))

    def fit(self, place: Place) -> None:
        """Fits the pipeline that it serves, if it serves one. Raises `RuntimeError` where that fails."""
        if not self.fits:
            return
        command = [self.python, APPS / "pipeline.py", Path(place.facts.folder) / "train.parquet", self.fits]
        variables = place.variables(self.python)
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"its pipeline could not be fitted:\n{done.stderr[-2000:]}")


def _mlwright(python: Path, place: Place, port: int) -> list[str]:
    tokens = ["--tokens-file", str(place.tokens)]
    return [str(python), "-m", "mlwright", "serve", str(place.model), "--port", str(port), *tokens]


def _uvicorn(app: str) -> Callable[[Path, Place, int], list[str]]:
    options = ["--workers", "1", "--loop", "uvloop", "--http", "httptools", "--log-level", "warning"]

    def command(python: Path, place: Place, port: int) -> list[str]:
        return [str(python), "-m", "uvicorn", f"{app}:app", "--port", str(port), *options]

    return command


def _script(name: str) -> Callable[[Path, Place, int], list[str]]:
    return lambda python, place, port: [str(python), str(APPS / name), str(port)]


def _bentoml(python: Path, place: Place, port: int) -> list[str]:
    where = ["--working-dir", str(APPS), "--host", "127.0.0.1", "--port", str(port)]
    return [str(python), "-m", "bentoml", "serve", "bento_ort:Scorer", *where]


def _mlflow(python: Path, place: Place, port: int) -> list[str]:
    how = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    model = str(place.kept / "pipeline.mlflow")
    return [str(python), "-m", "mlflow", "models", "serve", "--model-uri", model, *how]


SYSTEMS = (
    System(
        "mlwright", "", ("mlwright", "onnxruntime", "uvloop", "httptools", "msgspec"), _mlwright,
        probability=lambda answer: list(answer["probability"].values())[-1],
    ),
    System("floor", "", ("uvloop", "httptools"), _script("floor.py"), probability=lambda answer: None),
    System("fastapi-onnxruntime", "fastapi", ("fastapi", "uvicorn", "onnxruntime"), _uvicorn("fastapi_ort")),
    System(
        "fastapi-pandas", "fastapi", ("fastapi", "uvicorn", "pandas", "scikit-learn", "lightgbm"),
        _uvicorn("fastapi_pandas"), is_same_model=False, fits="joblib",
    ),
    System("litserve", "litserve", ("litserve", "onnxruntime"), _script("lit_ort.py")),
    System("bentoml", "bentoml", ("bentoml", "onnxruntime"), _bentoml),
    System("ray", "ray", ("ray", "onnxruntime"), _script("ray_ort.py")),
    System(
        "mlflow", "mlflow", ("mlflow", "pandas", "scikit-learn", "lightgbm"), _mlflow, is_same_model=False,
        probability=lambda answer: answer["predictions"][0][1], path="/invocations",
        body=lambda row: f'{{"dataframe_records":[{row}]}}', fits="mlflow",
    ),
)  # fmt: skip


def placed(passing: Path) -> Place:
    """The one model, trained on first use, its graph and columns beside it, and a token for its server."""
    place = Place(HOME / "serving", passing, prepared(listed([SET])[0]))
    place.kept.mkdir(parents=True, exist_ok=True)
    facts = place.facts
    if not place.model.exists():
        print(f"  fitting {place.model}", flush=True)
        train = Path(facts.folder) / "train.parquet"
        mw.fit(str(train), target=facts.target, metric=facts.metric, time_limit=30, max_latency="40us").save(
            place.model
        )
    model = mw.load(place.model)
    model.to_onnx(place.kept / "graph.onnx", named_inputs=True)
    schema = model.schema
    columns = {
        "all": [c.name for c in schema.features],
        "numbers": [c.name for c in schema.numbers],
        "strings": [c.name for c in schema.strings],
        "target": facts.target,
        "positive": facts.classes[-1],
    }
    (place.kept / "columns.json").write_text(json.dumps(columns))
    command = [sys.executable, "-m", "mlwright", "token", str(place.tokens), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Place(place.kept, passing, facts, json.loads(done.stdout)["token"])


def rows_asked(place: Place) -> tuple[list[str], list[float]]:
    """Distinct rows to test on as JSON, missing values null, and mlwright's own answer to each."""
    test = pd.read_parquet(Path(place.facts.folder) / "test.parquet")
    order = np.random.default_rng(SEED).permutation(len(test))[: 2 * BODIES]
    lines = dict.fromkeys(test.iloc[order].to_json(orient="records", lines=True).splitlines())
    rows = list(lines)[:BODIES]
    model = mw.load(place.model)
    return rows, model.predict_proba([json.loads(r) for r in rows])[:, -1].tolist()
