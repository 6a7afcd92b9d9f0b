"""The tables that systems are compared on: read and typed once, parted once, written for all of them alike.

Which tables, targets, metrics and columns to leave out is what datasets.json says. The part to test on is the
set's own test file; else the latest fifth of its rows where time orders them; else a fifth drawn by a fixed
seed, of each class alike. Systems get `train.parquet` and `test.parquet` (without the target); only `scored`
sees the truth.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from environments import HOME
from tables import DATA

from mlwright.evaluation.metrics import METRICS, error_of

SHARE, SEED = 0.2, 20_261_122
BY_ROW_ORDER = ("electricity_nsw",)
"""Ordered by time without a column for it: what datasets.json says in its notes."""
MOMENTS = 20
"""A time column with fewer moments is told to no system: no split within the rows can be made by it."""
VERSION = 2
"""To be raised when anything here changes what is written."""
KINDS = ("tabular", "tabular with free text")
RESAMPLES = 100


@dataclass(frozen=True)
class Facts:
    """What every system is told about a table, and where the table lies."""

    name: str
    kind: str
    target: str
    task: str
    metric: str
    classes: tuple[str, ...]
    """In the order of the columns of probabilities; the last of two is the positive one."""
    time: str | None
    """The column that orders the rows; later ones are tested on. None where it has few moments."""
    ordered: bool
    """Whether rows are ordered by time, be it by a column or by their place."""
    text: tuple[str, ...]
    """Columns of free text."""
    folder: str
    version: int = VERSION


def listed(only: list[str], kinds: tuple[str, ...] = KINDS) -> list[dict[str, Any]]:
    """The entries of datasets.json of these kinds, or those named. Ends the program for an unknown name."""
    entries = [e for e in json.loads((DATA / "datasets.json").read_text()) if e["kind"] in kinds]
    unknown = set(only) - {e["name"] for e in entries}
    if unknown:
        raise SystemExit(
            f"no such set: {', '.join(sorted(unknown))}; there are {[e['name'] for e in entries]}"
        )
    return [e for e in entries if not only or e["name"] in only]


def prepared(entry: dict[str, Any]) -> Facts:
    """The table's facts; its parts are written, outside of the repository, where they are not yet."""
    folder = HOME / "tabular" / entry["name"]
    said = folder / "facts.json"
    if said.exists():
        known = json.loads(said.read_text())
        if known["version"] == VERSION:
            return Facts(**{**known, "classes": tuple(known["classes"]), "text": tuple(known["text"])})
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train, test = parted(entry)
    target, task = entry["target"], entry["task"]
    classes: tuple[str, ...] = ()
    truth = test[target].to_numpy()
    if task != "regression":
        classes = tuple(str(c) for c in sorted(set(train[target]) | set(test[target])))
        truth = np.array([classes.index(str(v)) for v in truth])
    facts = Facts(
        name=entry["name"], kind=entry["kind"], target=target, task=task,
        metric=entry["metric"].split(" ")[0], classes=classes,
        time=_time_told(entry, train), ordered=_ordered(entry),
        text=tuple(c for c in train.columns if c != target and _is_text(train[c])), folder=str(folder),
    )  # fmt: skip
    train.to_parquet(folder / "train.parquet", index=False)
    test.drop(columns=target).to_parquet(folder / "test.parquet", index=False)
    np.save(folder / "truth.npy", truth)
    said.write_text(json.dumps(asdict(facts)))  # last: a folder without it is made again
    return facts


def scored(facts: Facts, predicted: Path) -> tuple[float, float, float]:
    """Value, error (0 is perfect) and the error's standard deviation by resampled test rows.

    `predicted` holds `probability` [N, K] and `label` [N], or `prediction` [N]: one function for all systems.
    """
    truth = np.load(Path(facts.folder) / "truth.npy")
    metric = METRICS[facts.metric]
    with np.load(predicted, allow_pickle=False) as answers:
        output = answers[metric.needs]
    if output.shape[0] != len(truth) or not np.isfinite(output).all():
        raise ValueError(f"{output.shape[0]} answers for {len(truth)} rows, or answers that are no numbers")
    if metric.needs == "probability":
        output = output / output.sum(axis=1, keepdims=True)
    if facts.metric == "rmsle":
        output = np.maximum(output, 0.0)
    on = metric.on(truth, output)
    random = np.random.default_rng(SEED)
    draws = (random.multinomial(len(truth), np.full(len(truth), 1 / len(truth))) for _ in range(RESAMPLES))
    errors = [error_of(metric, on(d.astype(np.float64))) for d in draws]
    value = on(None)
    return value, error_of(metric, value), float(np.std(errors))


def parted(entry: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to train on and to test on, typed alike."""
    target = entry["target"]
    if "test_file" in entry:
        own = [_read(DATA / entry[key], entry) for key in ("file", "test_file")]
        own[1][target] = own[1][target].str.rstrip(".")  # adult's labels end so in its test file
        table = typed(pd.concat(own, ignore_index=True))
        return table[: len(own[0])].reset_index(drop=True), table[len(own[0]) :].reset_index(drop=True)
    table = typed(_read(DATA / entry["file"], entry))
    time = entry.get("time_column")
    if time:
        table = table.sort_values(time, kind="stable", ignore_index=True)
    late = drawn(table[target], entry["task"]) if not _ordered(entry) else _latest(table, time)
    return table[~late].reset_index(drop=True), table[late].reset_index(drop=True)


def drawn(target: pd.Series, task: str) -> np.ndarray:
    """A fifth of the rows, and of each class, by the fixed seed; True: to test on. Rows keep their order."""
    random = np.random.default_rng(SEED)
    chosen = np.zeros(len(target), dtype=bool)
    groups = [np.arange(len(target))] if task == "regression" else [
        np.flatnonzero(target == c) for c in sorted(target.unique())
    ]  # fmt: skip
    for rows in groups:
        chosen[random.permutation(rows)[: round(SHARE * len(rows))]] = True
    return chosen


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Texts that are numbers or dates become such, as a careful user has them; empty texts are missing."""
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            continue
        column = column.astype(object).where(column.notna(), None)
        column = column.map(lambda v: (str(v).strip() or None) if v is not None else None)
        known = column.dropna()
        if len(known) and pd.to_numeric(known, errors="coerce").notna().all():
            table[name] = pd.to_numeric(column)
        elif len(known) and known.str.fullmatch(r"\d{4}-\d\d-\d\d.*").all():
            table[name] = pd.to_datetime(column).dt.tz_localize(None)
        else:
            table[name] = column
    return table


def _read(path: Path, entry: dict[str, Any]) -> pd.DataFrame:
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, **entry["read"])
    table = table.drop(columns=entry["drop"])
    return table[table[entry["target"]].notna()].reset_index(drop=True)


def _ordered(entry: dict[str, Any]) -> bool:
    return bool(entry.get("time_column")) or entry["name"] in BY_ROW_ORDER


def _time_told(entry: dict[str, Any], train: pd.DataFrame) -> str | None:
    time = entry.get("time_column")
    return time if time and train[time].nunique() >= MOMENTS else None


def _latest(table: pd.DataFrame, time: str | None) -> np.ndarray:
    """The latest fifth; rows of one moment stay together."""
    first = round((1 - SHARE) * len(table))
    if time is None:
        return np.arange(len(table)) >= first
    return (table[time] >= table[time].iloc[first]).to_numpy()


def _is_text(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    known = column.dropna()
    return known.nunique() > 100 and known.str.split().str.len().mean() >= 3
