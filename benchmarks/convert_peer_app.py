"""Packages fitted pipelines as MLflow or BentoML do, and asks what they load: `python ... mlflow|bentoml`.

Runs in the peer's own environment, started by `convert_peers.py`: a folder a line comes in, JSON a line goes
out.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

WARM, MOST_CALLS, MOST_S = 3, 60, 2.0
Way = Callable[[Path], tuple[Any, Path]]
"""Saves below a folder; gives back what was loaded again, and where it lies."""
Peer = Callable[[Any, pd.DataFrame], dict[str, Way]]


def main() -> None:
    """Answers each folder that comes in."""
    answers, peer = sys.stdout, {"mlflow": of_mlflow, "bentoml": of_bentoml}[sys.argv[1]]
    sys.stdout = sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        try:
            said = asked(Path(line.strip()), peer)
        except Exception as error:
            traceback.print_exc()
            said = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


def asked(folder: Path, peer: Peer) -> dict[str, Any]:
    """Packages the pipeline, loads it again, and asks it all rows, then row by row: in the first of the
    peer's ways that succeeds."""
    fitted, held = joblib.load(folder / "pipeline.joblib"), rows_of(folder / "held.parquet")
    expected = np.load(folder / "answers.npy", allow_pickle=True)
    failed = []
    for how, way in peer(fitted, held).items():
        with tempfile.TemporaryDirectory() as place:
            try:
                loaded, saved = way(Path(place))
                answer = np.asarray(loaded.predict(held)).reshape(len(held))
                us = cpu_us(loaded.predict, [held.iloc[[i]] for i in range(20)])
            except Exception as error:
                traceback.print_exc()
                failed.append(f"{how}: {type(error).__name__}: {str(error)[-200:]}")
                continue
            size = sum(p.stat().st_size for p in saved.rglob("*") if p.is_file())
            return compared(answer, expected) | {"kib": size / 1024, "us": us, "how": how, "before": failed}
    return {"failed": "; ".join(failed)}


def compared(answer: Any, expected: Any) -> dict[str, Any]:
    """How many answers are others."""
    if expected.dtype.kind == "f":
        different = int((np.abs(answer - expected) > 1e-9 * np.maximum(np.abs(expected), 1e-9)).sum())
    else:
        different = int((answer.astype(str) != expected.astype(str)).sum())
    same = "yes" if not different else f"no ({different})"
    return {"different": different, "same": same}


def rows_of(path: Path) -> pd.DataFrame:
    """The rows, with missing texts as scikit-learn takes them."""
    frame = pd.read_parquet(path)
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = frame[name].where(frame[name].notna(), np.nan)
    return frame


def of_mlflow(fitted: Any, held: pd.DataFrame) -> dict[str, Way]:
    """Saved by the flavour of its library with a signature, as the guide has it; in another format, or
    without the signature, where that fails. Loaded as a python function."""
    import mlflow

    signature = mlflow.models.infer_signature(held, fitted.predict(held.head(20)))
    name = type(fitted).__module__.partition(".")[0]
    flavour = importlib.import_module(f"mlflow.{name}")

    def way(**options: Any) -> Way:
        def saved(place: Path) -> tuple[Any, Path]:
            folder = place / "model"
            flavour.save_model(fitted, path=folder, pip_requirements=[name], **options)
            return mlflow.pyfunc.load_model(str(folder)), folder

        return saved

    ways = {"as it comes": way(signature=signature)}
    if name == "sklearn":
        ways["as a pickle"] = way(signature=signature, serialization_format="cloudpickle")
        ways["as a pickle, no signature"] = way(serialization_format="cloudpickle")
    else:
        ways["no signature"] = way()
    return ways


def of_bentoml(fitted: Any, held: pd.DataFrame) -> dict[str, Way]:
    """Saved into a store of its own, loaded as a service would."""
    os.environ["BENTOML_HOME"] = str(HOME)
    import bentoml

    own = bentoml.catboost if type(fitted).__module__.startswith("catboost") else bentoml.sklearn

    def saved(place: Path) -> tuple[Any, Path]:
        tag = own.save_model("prototype", fitted).tag
        return own.load_model(tag), Path(bentoml.models.get(tag).path)

    return {"as it comes": saved}


def cpu_us(call: Callable[[Any], object], rows: list[Any]) -> float:
    """The median CPU time of a call in microseconds, all threads counted."""
    times: list[int] = []
    began = time.perf_counter()
    while len(times) < WARM + MOST_CALLS and (len(times) < 2 * WARM or time.perf_counter() - began < MOST_S):
        row = rows[len(times) % len(rows)]
        start = time.process_time_ns()
        call(row)
        times.append(time.process_time_ns() - start)
    return statistics.median(times[WARM:]) / 1e3


HOME = Path(tempfile.mkdtemp(prefix="bentoml-"))

if __name__ == "__main__":
    main()
