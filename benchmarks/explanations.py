"""Explanations: exactness against every coalition, and the time of a row beside `shap`.

`python benchmarks/explanations.py [SET ...]` fits LightGBM on each set of two classes (rounds fixed, one
feature for each raw column, since shap's players are the booster's columns; no sets of categories, which its
interventional explainer refuses) and explains the same rows of the same trees against the same background:
ours through the graph, shap's `TreeExplainer` (interventional, exact, C++) over the booster's matrix. shap's
values are the truth: `off` is our root mean square error in units of the root mean square of the errors told.

`--model FILE ...` explains rows of model files instead: CPU milliseconds a row, the error told beside the
contributions, and the truth by every coalition (up to 14 columns) on a background of 6 rows. Times are CPU
time of one thread, medians over rows; ours and shap's take turns where both run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from environments import made
from tables import typed
from tabular_sets import listed

import mlwright as mw
from mlwright.artifact import Decoded, Explainer, draw_rows
from mlwright.base.machine import cpu_name
from mlwright.evaluation.calibration import Calibrator
from mlwright.graph.scan import scan
from mlwright.learners import Config, Job, families
from mlwright.packaging.blend import Blend, Member
from mlwright.packaging.package import without
from mlwright.tasks import Asked, kind_named
from mlwright.training.prepared import fit_plan, part_of

SETS = ("adult", "telco_churn", "bank_marketing")
MOST_ROWS, ROUNDS, BACKGROUND, EXPLAINED = 20_000, 300, 64, 40
MOST_COLUMNS, FEW, JUDGED = 14, 6, 12
CONFIG = Config("lightgbm", "lightgbm", "tree", {"learning_rate": 0.05})
PACKAGES = ("shap==0.51.0", "lightgbm==4.7.0")
PEER = """
import json, sys, time
import lightgbm, numpy as np, shap
folder = sys.argv[1]
booster = lightgbm.Booster(model_file=f"{folder}/model.txt")
background, rows = np.load(f"{folder}/background.npy"), np.load(f"{folder}/rows.npy")
started = time.process_time()
explainer = shap.TreeExplainer(booster, background, feature_perturbation="interventional", model_output="raw")
made = time.process_time() - started
explainer.shap_values(rows[:1])
times, values = [], []
for row in rows:
    started = time.process_time()
    values.append(np.asarray(explainer.shap_values(row[None], check_additivity=False))[0])
    times.append(time.process_time() - started)
started = time.process_time()
explainer.shap_values(rows, check_additivity=False)
together = (time.process_time() - started) / len(rows)
np.save(f"{folder}/values.npy", np.array(values))
json.dump({"times": times, "made": made, "together": together}, open(f"{folder}/times.json", "w"))
"""


def of_one_learner(name: str) -> tuple[Blend, mw.Dataset, Any, list[int]]:
    """A model of LightGBM alone, its rows, the booster, and of each column of its matrix the raw column."""
    entry = listed([name])[0]
    frame = typed(entry)
    frame = frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, seed=0)
    dataset = mw.read(frame, target=entry["target"])
    problem, _ = kind_named("tabular").problem(
        dataset, Asked(task=None, metric=None, test=None, seed=0, threads=1)
    )
    rows = np.arange(len(problem.y))
    plan = fit_plan(problem, rows)
    part = part_of(problem, plan.matrix(CONFIG.view, problem.table, training=True), rows)
    job = Job(config=CONFIG, classes=problem.classes, train=part, rounds=ROUNDS, members=(), settings={})
    fitted = families()[CONFIG.family].fit(job)
    blend = Blend(plan, (Member(CONFIG, fitted, 1.0),), Calibrator(), problem.target, problem.shift)
    schema = problem.table.schema
    columns = [*schema.numbers, *schema.strings]
    place = {c.name: i for i, c in enumerate(columns)}
    owners = []
    for feature in plan.layout(CONFIG.view):
        inputs = plan.inputs_of([feature])
        names = {schema.numbers[i].name for i in inputs.numbers} | {
            schema.strings[i].name for i in inputs.strings
        }
        if len(names) != 1:
            raise SystemExit(f"{name}: a feature is of {len(names)} raw columns")
        owners.append(place[names.pop()])
    if len(set(owners)) < len(owners):  # shap's players are the matrix's columns, ours the table's
        raise SystemExit(f"{name}: a raw column has several features")
    return blend, dataset.with_schema(schema), fitted, owners


def beside_shap(name: str) -> dict[str, Any]:
    """Figures of one set."""
    blend, dataset, fitted, owners = of_one_learner(name)
    rng = np.random.default_rng(0)
    picked = rng.choice(len(dataset), BACKGROUND + EXPLAINED, replace=False)
    at, of = np.sort(picked[:BACKGROUND]), np.sort(picked[BACKGROUND:])
    graph, known = blend.graph(), blend.plan.table.schema
    schema = without(known, blend.unused)
    background, rows = (dataset.rows(i).with_schema(schema) for i in (at, of))
    none = np.zeros(BACKGROUND, dtype=bool)
    held = Decoded(background.numbers(), background.strings(), (), none)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "model.txt").write_text(_booster_of(fitted))
        for what, i in (("background", at), ("rows", of)):
            np.save(folder / f"{what}.npy", blend.plan.matrix(CONFIG.view, blend.plan.table.rows(i)))
        python = made("explanations", PACKAGES)
        times, parts = [], []
        numbers, strings = rows.numbers(), rows.strings()
        for i in range(EXPLAINED):
            if not i % 5:  # rows of one seed share their luck
                explainer = Explainer(graph, scan(graph), schema, held, i)
                explainer.of(numbers[:1], strings[:1])
            started = time.process_time()
            parts.append(explainer.of(numbers[i : i + 1], strings[i : i + 1]))
            times.append(time.process_time() - started)
        subprocess.run([str(python), "-c", PEER, place], check=True, capture_output=True)
        theirs, told = np.load(folder / "values.npy"), json.loads((folder / "times.json").read_text())
    ours = explainer.joined(parts)
    columns = [*known.numbers, *known.strings]
    truth = np.zeros((EXPLAINED, len(columns)))
    np.add.at(truth.T, owners, theirs.T)
    places = [ours.names.index(c.name) for c in columns]
    sign = 1.0 if not blend.classes or blend.target.positive in (None, blend.target.classes[1]) else -1.0
    off = ours.contributions[:, places] - sign * truth
    error = ours.error[:, places]
    return {
        "set": name,
        "columns": len(schema.features),
        "trees": len(fitted.trees().trees),
        "ours_ms": 1e3 * float(np.median(times)),
        "shap_ms": 1e3 * float(np.median(told["times"])),
        "shap_together_ms": 1e3 * told["together"],
        "rms_error": float(np.sqrt((off**2).mean())),
        "rms_told": float(np.sqrt((error**2).mean())),
        "mean_size": float(np.abs(truth).mean()),
        "exact": ours.exact,
    }


def _booster_of(fitted: Any) -> str:  # Any: a fitted LightGBM
    return str(fitted.booster.model_to_string(num_iteration=fitted.rounds))


def of_file(path: Path) -> dict[str, Any]:
    """Figures of a model file, against the background of its own and against every coalition."""
    model = mw.load(path)
    rows = draw_rows(model.schema, model.profile, EXPLAINED, seed=1)
    model.explain(rows[:1])
    times, parts = [], []
    for row in rows:
        started = time.process_time()
        parts.append(model.explain(row))
        times.append(time.process_time() - started)
    told = np.sqrt(np.mean([p.error**2 for p in parts]))
    size = np.mean([np.abs(p.contributions).mean() for p in parts])
    figures = {
        "file": path.name,
        "columns": len(model.schema.features),
        "background": parts[0].background,
        "ms": 1e3 * float(np.median(times)),
        "told_of_mean_size": float(told / size),
        "exact": all(p.exact for p in parts),
    }
    if len(model.schema.features) <= MOST_COLUMNS and model.task != "multiclass":
        background = rows[:FEW]
        found = model.explain(rows[FEW : FEW + JUDGED], background=background)
        truth = np.array([by_force(model, row, background) for row in rows[FEW : FEW + JUDGED]])
        used = [found.names.index(c.name) for c in model.schema.features]
        off, error = found.contributions[:, used] - truth, found.error[:, used]
        if error.any():
            figures["off_in_told_errors"] = float(np.sqrt((off**2).mean() / (error**2).mean()))
        figures["largest_off"] = float(np.abs(off).max())
    return figures


def by_force(model: mw.Model, row: dict[str, Any], background: list[dict[str, Any]]) -> np.ndarray:
    """Shapley values by the worth of every coalition, as they are defined."""
    names = [c.name for c in model.schema.features]
    width = len(names)
    masks = list(itertools.product((False, True), repeat=width))
    worth = np.zeros(2**width)
    for other in background:
        columns: dict[str, list[Any]] = {
            n: [row[n] if mask[j] else other[n] for mask in masks] for j, n in enumerate(names)
        }
        decoded = model.decode(columns)
        outputs = model.run(decoded.numbers, decoded.strings)
        if outputs.margin is None:
            answers = np.asarray(outputs.prediction)
        else:
            positive = model.target.classes.index(model.target.positive or model.target.classes[1])
            answers = outputs.margin[:, positive] - outputs.margin[:, 1 - positive]
        worth += answers / len(background)
    member = np.array(masks)
    size = member.sum(axis=1)
    weight = np.array([1.0 / (width * math.comb(width - 1, s)) for s in range(width)])
    coefficients = np.where(
        member, weight[np.maximum(size - 1, 0)][:, None], -weight[np.minimum(size, width - 1)][:, None]
    )
    return np.asarray(worth @ coefficients)


def main() -> None:
    """Prints a line for each set or file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--model", nargs="*", type=Path, default=[])
    asked = parser.parse_args()
    print(cpu_name(), flush=True)
    for path in asked.model:
        print(json.dumps({k: _brief(v) for k, v in of_file(path).items()}), flush=True)
    for name in () if asked.model else asked.sets:
        f = beside_shap(name)
        f["ratio"] = f["ours_ms"] / f["shap_ms"]
        f["off"] = f["rms_error"] / f["rms_told"] if f["rms_told"] else 0.0
        print(json.dumps({k: _brief(v) for k, v in f.items()}), flush=True)


def _brief(value: Any) -> Any:  # Any: a figure, or what it is of
    return float(f"{value:.3g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
