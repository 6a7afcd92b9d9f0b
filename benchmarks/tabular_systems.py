"""The systems compared on tables, each asked in its own way: run as a script in the system's own environment.

    python tabular_systems.py REQUEST.json

fits one system on one table, as its documentation advises a careful user, writes its answers to the test rows
and then measures them: one row, a batch, the deployable files. `tabular.py` writes the request and judges the
answers; nothing here sees the truth. All are told the same: columns, target, metric, seconds, and what
orders rows in time, where they can be told. Importing a system and reading the table come before its clock
starts, but mlwright reads within its limit.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROW_CALLS, ROWS_SAID_S, BATCH = 200, 20.0, 10_000


@dataclass(frozen=True)
class System:
    """How a system is asked: its environment (see peers_tabular), its function here, and what it is told."""

    environment: str
    fit: Callable[[Problem, dict[str, Any]], Fitted]
    options: dict[str, Any]
    packages: tuple[str, ...]
    """Whose versions are reported."""


class Problem:
    """What a system is given; texts are objects with None, numbers and dates as pandas has them."""

    def __init__(self, request: dict[str, Any]) -> None:
        facts = request["facts"]
        self.task, self.metric, self.classes = facts["task"], facts["metric"], list(facts["classes"])
        self.target, self.time, self.ordered, self.text = (
            facts[k] for k in ("target", "time", "ordered", "text")
        )
        self.limit_s, self.folder = float(request["limit_s"]), Path(request["folder"])
        self.path = Path(facts["folder"]) / "train.parquet"
        self.table, self.rows = (pd.read_parquet(p) for p in (self.path, self.path.with_name("test.parquet")))
        self.logarithm = self.metric == "rmsle"
        """Peers without this metric are given the logarithm to fit by squares, which is the same."""
        if self.logarithm:
            self.table[self.target] = np.log1p(self.table[self.target])

    @property
    def features(self) -> pd.DataFrame:
        return self.table.drop(columns=self.target)

    @property
    def y(self) -> pd.Series:
        return self.table[self.target]

    def back(self, prediction: np.ndarray) -> np.ndarray:
        """Predicted numbers in the target's own unit."""
        return np.expm1(prediction) if self.logarithm else np.asarray(prediction, dtype=np.float64)

    def in_order(self, proba: np.ndarray, said: Any) -> np.ndarray:
        """Probabilities in the order of `classes`; a class that the system never saw has none."""
        ordered = np.zeros((len(proba), len(self.classes)))
        for k, name in enumerate(said):
            ordered[:, self.classes.index(str(name))] = np.asarray(proba)[:, k]
        return ordered

    def last_tenth(self) -> np.ndarray:
        """The rows to stop early on: the last tenth where time orders them, else drawn from each class."""
        chosen = np.zeros(len(self.table), dtype=bool)
        if self.ordered:
            chosen[round(0.9 * len(chosen)) :] = True
            return chosen
        random = np.random.default_rng(0)
        parts = [np.arange(len(chosen))]
        if self.task != "regression":
            parts = [np.flatnonzero(self.y == c) for c in self.y.unique()]
        for rows in parts:
            chosen[random.permutation(rows)[: round(0.1 * len(rows))]] = True
        return chosen


@dataclass
class Fitted:
    """A fitted system, ready to be asked."""

    answer: Callable[[Any], np.ndarray]
    """Rows in, probabilities [N, K] in the order of `Problem.classes` or predicted numbers [N] out."""
    save: Callable[[Path], Path]
    """Writes what has to be deployed, and returns the file or folder."""
    labels: Callable[[Any], np.ndarray] | None = None
    """Rows in, labels [N] out, where they are not those of the greatest probability."""
    ready: Callable[[], None] = lambda: None
    """Loads what prediction needs, as a server would at its start."""
    row: Callable[[pd.DataFrame, int], Any] = lambda frame, i: frame.iloc[[i]]
    """One row in the form in which the system is asked for one."""
    note: str = ""


# mlwright -------------------------------------------------------------------------------------------------


def mlwright(problem: Problem, options: dict[str, Any]) -> Fitted:
    import mlwright as mw

    named = {"time": problem.time} if problem.time else {}
    model = mw.fit(
        problem.path, target=problem.target, task=problem.task, metric=problem.metric,
        time_limit=problem.limit_s, **named, **options,
    )  # fmt: skip

    def answer(rows: Any) -> np.ndarray:
        if problem.task == "regression":
            return model.predict(rows)
        return problem.in_order(model.predict_proba(rows), model.target.classes)

    return Fitted(
        answer, lambda folder: model.save(folder / "model.mlw"),
        labels=model.predict if problem.task != "regression" else None,
        ready=model.warm, row=lambda frame, i: _plain(frame.iloc[i].to_dict()),
        note=f"{sum(e.weight > 0 for e in model.leaderboard)} of {len(model.leaderboard)} candidates; "
        f"graph {model.timings.cpu_us_p50:.0f} us",
    )  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a request would bring it: missing values are None, numbers are Python's."""
    plain = {k: None if pd.isna(v) else v.item() if hasattr(v, "item") else v for k, v in row.items()}
    return {k: v.isoformat() if isinstance(v, pd.Timestamp) else v for k, v in plain.items()}


# AutoGluon ------------------------------------------------------------------------------------------------

AUTOGLUON_METRICS = {"rmse": "root_mean_squared_error", "rmsle": "root_mean_squared_error"}


def autogluon(problem: Problem, options: dict[str, Any]) -> Fitted:
    predictor_class = _imported("autogluon.tabular").TabularPredictor
    told = dict(options)
    if problem.time:
        told["validation_structure"] = {"time_on": problem.time}
    predictor = predictor_class(
        label=problem.target, problem_type=problem.task, path=str(problem.folder / "autogluon"), verbosity=2,
        eval_metric=AUTOGLUON_METRICS.get(problem.metric, problem.metric),
    )  # fmt: skip
    predictor.fit(problem.table, time_limit=problem.limit_s, **told)

    def answer(rows: Any) -> np.ndarray:
        if problem.task == "regression":
            return problem.back(predictor.predict(rows).to_numpy())
        said = predictor.predict_proba(rows, as_multiclass=True)
        return problem.in_order(said.to_numpy(), said.columns)

    def save(folder: Path) -> Path:
        small = predictor.clone_for_deployment(str(folder / "deployed"), return_clone=True)
        small.save_space()
        return folder / "deployed"

    board = predictor.leaderboard(display=False)
    return Fitted(
        answer, save, ready=predictor.persist, note=f"{predictor.model_best}; {len(board)} models",
        labels=(lambda rows: predictor.predict(rows).to_numpy()) if problem.task != "regression" else None,
    )  # fmt: skip


# FLAML ----------------------------------------------------------------------------------------------------


def flaml(problem: Problem, options: dict[str, Any]) -> Fitted:
    metrics = {"average_precision": "ap", "rmsle": "rmse"}
    automl = _imported("flaml").AutoML()
    told = {"split_type": "time"} if problem.ordered else {}
    classes = problem.task != "regression"
    automl.fit(
        X_train=problem.features, y_train=problem.y, task="classification" if classes else "regression",
        metric=metrics.get(problem.metric, problem.metric), time_budget=problem.limit_s, seed=0, verbose=0,
        **told, **options,
    )  # fmt: skip
    if automl.model is None:
        raise RuntimeError("no model within the limit")

    def answer(rows: Any) -> np.ndarray:
        if not classes:
            return problem.back(automl.predict(rows))
        return problem.in_order(automl.predict_proba(rows), automl.classes_)

    def save(folder: Path) -> Path:
        with (folder / "automl.pkl").open("wb") as file:
            import pickle

            pickle.dump(automl, file, pickle.HIGHEST_PROTOCOL)
        return folder / "automl.pkl"

    return Fitted(answer, save, labels=automl.predict if classes else None, note=automl.best_estimator)


# Single boosters --------------------------------------------------------------------------------------------


def lightgbm(problem: Problem, options: dict[str, Any]) -> Fitted:
    lgb = _imported("lightgbm")
    began = time.monotonic()
    frame = _dates(problem.features.drop(columns=problem.text))
    named = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    known = {c: pd.CategoricalDtype(sorted(frame[c].dropna().unique())) for c in named}
    stop, classes = problem.last_tenth(), problem.task != "regression"
    model = (lgb.LGBMClassifier if classes else lgb.LGBMRegressor)(**options, random_state=0, verbosity=-1)

    def within(environment: Any) -> None:
        if time.monotonic() - began > problem.limit_s:
            raise lgb.callback.EarlyStopException(environment.iteration, environment.evaluation_result_list)

    def ready(rows: pd.DataFrame) -> pd.DataFrame:
        return _dates(rows.drop(columns=problem.text)).astype(known)

    frame = frame.astype(known)
    model.fit(
        frame[~stop], problem.y[~stop], eval_set=[(frame[stop], problem.y[stop])],
        callbacks=[lgb.early_stopping(50, verbose=False), within],
    )  # fmt: skip

    def answer(rows: pd.DataFrame) -> np.ndarray:
        if not classes:
            return problem.back(model.predict(ready(rows)))
        return problem.in_order(model.predict_proba(ready(rows)), model.classes_)

    def save(folder: Path) -> Path:
        model.booster_.save_model(folder / "model.txt")  # its file holds the categories too
        return folder / "model.txt"

    return Fitted(answer, save, note=f"{model.best_iteration_} rounds")


def catboost(problem: Problem, options: dict[str, Any]) -> Fitted:
    cat = _imported("catboost")
    began = time.monotonic()
    classes = problem.task != "regression"
    text = [c for c in problem.text if classes]  # its regression takes no text

    def ready(rows: pd.DataFrame) -> pd.DataFrame:
        rows = _dates(rows.drop(columns=[c for c in problem.text if c not in text]))
        named = [c for c in rows.columns if not pd.api.types.is_numeric_dtype(rows[c])]
        return rows.assign(
            **{c: rows[c].astype(object).where(rows[c].notna(), "").astype(str) for c in named}
        )

    class Within:
        def after_iteration(self, info: Any) -> bool:
            return time.monotonic() - began < problem.limit_s

    frame, stop = ready(problem.features), problem.last_tenth()
    named = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c]) and c not in text]
    pools = [
        cat.Pool(frame[part], problem.y[part], cat_features=named, text_features=text)
        for part in (~stop, stop)
    ]
    model = (cat.CatBoostClassifier if classes else cat.CatBoostRegressor)(
        **options, random_seed=0, verbose=False, allow_writing_files=False
    )
    model.fit(pools[0], eval_set=pools[1], callbacks=[Within()])

    def answer(rows: pd.DataFrame) -> np.ndarray:
        if not classes:
            return problem.back(model.predict(ready(rows)))
        return problem.in_order(model.predict_proba(ready(rows)), model.classes_)

    def save(folder: Path) -> Path:
        model.save_model(str(folder / "model.cbm"))
        return folder / "model.cbm"

    return Fitted(answer, save, note=f"{model.tree_count_} trees")


def _dates(rows: pd.DataFrame) -> pd.DataFrame:
    """Dates as the numbers that a careful user makes of them."""
    for name in rows.select_dtypes("datetime").columns:
        at = rows[name].dt
        made = {"year": at.year, "month": at.month, "day": at.day, "weekday": at.weekday, "hour": at.hour}
        seconds = (rows[name] - pd.Timestamp(1970, 1, 1)).dt.total_seconds()
        rows = rows.drop(columns=name).assign(
            **{f"{name} {k}": v for k, v in made.items()}, **{f"{name} seconds": seconds}
        )
    return rows


# H2O --------------------------------------------------------------------------------------------------------


def h2o(problem: Problem, options: dict[str, Any]) -> Fitted:
    library, automl = _imported("h2o"), _imported("h2o.automl").H2OAutoML(
        max_runtime_secs=int(problem.limit_s), seed=1, verbosity=None, **options,
        sort_metric={"roc_auc": "AUC", "average_precision": "AUCPR", "log_loss": "logloss", "rmse": "RMSE",
                     "rmsle": "RMSE", "accuracy": "logloss"}[problem.metric],
    )  # fmt: skip
    classes = problem.task != "regression"
    letters = {"O": "enum", "M": "time"}  # said for all: one row does not show what a column holds
    kinds = {c: letters.get(t.kind, "numeric") for c, t in problem.features.dtypes.items()}
    kinds.update(dict.fromkeys(problem.text, "string"))
    if classes:
        kinds[problem.target] = "enum"
    frame = library.H2OFrame(problem.table, column_types=kinds)
    automl.train(y=problem.target, training_frame=frame)
    if automl.leader is None:
        raise RuntimeError("no model within the limit")
    # H2O's classes of whole numbers end in .0.
    names = [n.removesuffix(".0") for n in frame[problem.target].levels()[0]] if classes else []

    def asked(rows: pd.DataFrame) -> pd.DataFrame:
        given = library.H2OFrame(rows, column_types={c: k for c, k in kinds.items() if c != problem.target})
        return automl.leader.predict(given).as_data_frame(use_multi_thread=True)

    def answer(rows: pd.DataFrame) -> np.ndarray:
        said = asked(rows)
        if not classes:
            return problem.back(said["predict"].to_numpy())
        return problem.in_order(said.drop(columns="predict").to_numpy(), names)

    return Fitted(
        answer, lambda folder: Path(library.save_model(automl.leader, str(folder), force=True)),
        note=automl.leader.algo,  # its own labels are for the greatest F1: the likeliest class is better here
    )  # fmt: skip


# What is asked ----------------------------------------------------------------------------------------------

_FLAT = {"dynamic_stacking": False, "num_stack_levels": 0}
_ONE_BY_ONE = {"ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"}}
_OURS = ("mlwright", "lightgbm", "catboost", "onnxruntime", "polars")
_AUTOGLUON = ("autogluon.tabular", "lightgbm", "catboost", "xgboost-cpu", "torch", "fastai", "ray")


def _autogluon(preset: str, **options: Any) -> System:
    return System("autogluon", autogluon, {"presets": preset, **options}, _AUTOGLUON)


SYSTEMS = {
    "mlwright": System("", mlwright, {}, _OURS),
    "mlwright-50us": System("", mlwright, {"max_latency": "50us"}, _OURS),
    "autogluon-best": _autogluon("best_quality"),
    "autogluon-best-flat": _autogluon("best_quality", **_FLAT),
    "autogluon-best-sequential": _autogluon("best_quality", **_FLAT, **_ONE_BY_ONE),
    "autogluon-best-v150": _autogluon("best_quality_v150", dynamic_stacking=False, **_ONE_BY_ONE),
    "autogluon-high": _autogluon("high_quality"),
    "autogluon-medium": _autogluon("medium_quality"),
    "flaml": System("flaml", flaml, {}, ("flaml", "lightgbm", "xgboost-cpu", "catboost", "scikit-learn")),
    "lightgbm": System(
        "boosters", lightgbm, {"learning_rate": 0.05, "n_estimators": 10_000}, ("lightgbm", "pandas")
    ),
    "catboost": System("boosters", catboost, {"early_stopping_rounds": 50}, ("catboost", "pandas")),
    "h2o": System("h2o", h2o, {}, ("h2o",)),
}
"""`best-sequential` fits folds one after the other instead of starting Ray; `best-v150` is AutoGluon's newer
list of models for CPUs, without stacking, fitted so too: on few cores each may be its strongest setting."""


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    system, folder = SYSTEMS[request["system"]], Path(request["folder"])
    said: dict[str, Any] = {"versions": {p: importlib.metadata.version(p) for p in system.packages}}
    try:
        problem = Problem(request)
        _load(request["system"])
        began = time.monotonic()
        fitted = system.fit(problem, system.options)
        said |= {"seconds": time.monotonic() - began, "note": fitted.note}
        _answers(problem, fitted, folder)
    except Exception as met:  # a system that fails is a result
        traceback.print_exc()
        _say(folder, said | {"failure": f"{type(met).__name__}: {met}"})
        return
    _say(folder, said)  # so far, in case that measuring takes too long
    try:
        said |= _measured(problem, fitted, folder)
    except Exception as met:  # its score stands
        traceback.print_exc()
        said["note"] += f"; its costs could not be measured ({type(met).__name__}: {met})"
    _say(folder, said)


def _answers(problem: Problem, fitted: Fitted, folder: Path) -> None:
    fitted.ready()
    answer = fitted.answer(problem.rows)
    if problem.task == "regression":
        np.savez(folder / "answers.npz", prediction=answer)
        return
    label = answer.argmax(axis=1)
    if fitted.labels is not None:
        label = np.array([problem.classes.index(str(v)) for v in fitted.labels(problem.rows)])
    np.savez(folder / "answers.npz", probability=answer, label=label)


def _measured(problem: Problem, fitted: Fitted, folder: Path) -> dict[str, Any]:
    """The median of one-row calls in microseconds, rows a second of a batch, bytes to deploy."""
    rows = [fitted.row(problem.rows, i % len(problem.rows)) for i in range(ROW_CALLS)]
    for row in rows[:3]:
        fitted.answer(row)
    seconds: list[float] = []
    while len(seconds) < ROW_CALLS and (len(seconds) < 5 or sum(seconds) < ROWS_SAID_S):
        began = time.perf_counter()
        fitted.answer(rows[len(seconds)])
        seconds.append(time.perf_counter() - began)
    batch, took = problem.rows.head(BATCH), []
    for _ in range(3):
        began = time.perf_counter()
        fitted.answer(batch)
        took.append(time.perf_counter() - began)
        if sum(took) > ROWS_SAID_S:
            break
    deployed = folder / "deployed_files"
    deployed.mkdir()
    kept = fitted.save(deployed)
    files = [kept] if kept.is_file() else [p for p in kept.rglob("*") if p.is_file()]
    return {
        "row_us": statistics.median(seconds) * 1e6,
        "rows_per_s": len(batch) / statistics.median(took),
        "size_bytes": sum(p.stat().st_size for p in files),
    }


def _imported(name: str) -> Any:
    import importlib

    return importlib.import_module(name)


def _load(system: str) -> None:
    """Imports the system before its clock starts; H2O's Java is started too."""
    name = system.partition("-")[0]
    module = {"autogluon": "autogluon.tabular"}.get(name, name)
    library = _imported(module)
    if system == "h2o":
        if shutil.which("java") is None:
            raise RuntimeError("there is no Java here")
        library.init(strict_version_check=False)


def _say(folder: Path, said: dict[str, Any]) -> None:
    (folder / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
