"""CatBoost, and its oblivious trees as ordinary ones.

Its own handling of categories does not export, so it is given encoded numbers. It compares in float32; its
borders are written as the doubles that decide alike (`graph.trees.above_float32`), so that its trees stand
beside others' over one matrix.
"""

from __future__ import annotations

import io
import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Doubles, Tree, Trees, above_float32, tree_ensemble
from mlwright.learners.kept import kept
from mlwright.learners.pace import affordable, affordable_rate
from mlwright.learners.protocol import Abilities, Fitted, Job, Settings, useful_threads
from mlwright.learners.sound import soundly
from mlwright.learners.zone import Range, Zone

MOST_ROUNDS = 1000
MOST_RATE = 0.4
CAREFUL: Settings = {"learning_rate": 0.03, "depth": 3, "l2_leaf_reg": 20.0}
"""What is tried once where the loss on unseen rows is worse than the plain answer's."""
MOST_BORDERS, MOST_COLUMNS = 127_000, 500
"""Borders in all, and columns a level: beyond 500 columns both are cut, to keep a round affordable."""
SECONDS_A_CELL = 2e-7
"""What quantising takes, which cannot be stopped: 3 s for 10 million cells on two busy cores."""
FEWEST_ROUNDS, SHALLOW = 20, 4
ONE_AT_A_TIME = threading.Lock()
"""In one process: it refuses a second fit whose messages are caught in another thread."""
ZONE: Zone = {
    "learning_rate": Range(0.005, 0.5, 0.06, by_factors=True),
    "depth": Range(1, 10, 6, whole=True),
    "l2_leaf_reg": Range(0.1, 100.0, 3.0, by_factors=True),
    "rsm": Range(0.1, 1.0, 1.0),
    "subsample": Range(0.3, 1.0, 0.8),
    "random_strength": Range(0.0, 20.0, 1.0, by_factors=True),
    "border_count": Range(8, 255, 254, whole=True, varied=False),
    "leaf_estimation_iterations": Range(1, 20, 1, whole=True, varied=False),
}
"""What may be varied, and what a file may bring: nothing that reads or writes files."""


@dataclass(frozen=True)
class FittedCatBoost:
    """A CatBoost model of `rounds` rounds."""

    model: Any  # catboost.CatBoost, which has no types
    classes: int
    rounds: int
    settled: Settings = field(default_factory=dict)
    threads: int = 1

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        end = min(rounds or self.rounds, self.model.tree_count_)
        raw = self.model.predict(
            _float32(x), prediction_type="RawFormulaVal", ntree_end=end, thread_count=self.threads
        )
        return np.asarray(raw).reshape(len(x), -1)

    def trees(self) -> Trees:
        return trees_of(self.model, self.rounds)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return tree_ensemble(g, self.trees(), matrix)


class CatBoost:
    """Boosting of oblivious trees; settings are CatBoost's own parameters."""

    family = "catboost"
    zone = ZONE
    # Its trees are written once a class: beyond a few the graph would be slow and large.
    abilities = Abilities(monotone=True, absolute=True, most_classes=12, library="catboost", extra="train")

    def fit(self, job: Job) -> Fitted:
        return soundly(job, _boosted, CAREFUL)


def _boosted(job: Job) -> FittedCatBoost:
    import catboost as cb

    job = affordable(job, SECONDS_A_CELL / useful_threads(job))
    settled = dict(job.settings)
    params = _params(job) | settled
    borders = int(params["border_count"])
    with kept(job, (borders,), partial(_quantised, job, borders)) as (pool, valid):
        if job.deadline is not None and "learning_rate" not in settled and job.rounds is None:
            settled |= _affordable_settings(params, pool, job.deadline)
            params |= settled
        params["iterations"] = int(job.rounds or MOST_ROUNDS)
        watched: dict[str, Any] = {}
        if valid is not None:
            watched["eval_set"] = valid
            patience = int(np.clip(20 / float(params["learning_rate"]) ** 0.5, 30, 100))
            watched["early_stopping_rounds"] = patience
            params["use_best_model"] = False  # keep every round: how many to use is decided across folds
        if job.deadline is not None:
            watched["callbacks"] = [_StopAt(job.deadline)]
        model = cb.CatBoost(params)
        # Its warnings, such as of a class that a fold lacks, would run into the user's terminal.
        with ONE_AT_A_TIME:
            model.fit(pool, **watched, log_cout=io.StringIO(), log_cerr=io.StringIO())
        best = model.get_best_iteration() if valid is not None else None
    rounds = model.tree_count_ if best is None else best + 1
    return FittedCatBoost(model, job.classes, rounds, settled, useful_threads(job))


def _params(job: Job) -> dict[str, Any]:  # Any: CatBoost's parameters are of many types
    plain = "MAE" if job.loss == "absolute" else "RMSE"
    width = job.train.x.shape[1]
    return {
        "loss_function": plain if not job.classes else "Logloss" if job.classes == 2 else "MultiClass",
        "learning_rate": 0.06,
        "depth": 6,
        # A round costs columns times borders times leaves, however few the rows are.
        "border_count": int(np.clip(MOST_BORDERS // max(width, 1), 32, 254)),
        "rsm": float(np.clip(MOST_COLUMNS / max(width, 1), 0.1, 1.0)),
        "thread_count": useful_threads(job),
        "random_seed": job.seed,
        "boosting_type": "Plain",
        "bootstrap_type": "Bernoulli",
        "subsample": 0.8,
        "verbose": False,
        "allow_writing_files": False,
        **({"classes_count": job.classes} if job.classes > 2 else {}),
        # It knows no constraints for more than two classes, where a margin alone means nothing.
        **({"monotone_constraints": list(job.monotone)} if any(job.monotone) and job.classes < 3 else {}),
        **job.config.settings,
    }


def _quantised(job: Job, borders: int) -> tuple[Any, Any]:  # Any: catboost.Pool
    import catboost as cb

    pool = cb.Pool(_float32(job.train.x), job.train.y, weight=job.train.weights)
    pool.quantize(border_count=borders)
    if job.valid is None:
        return pool, None
    return pool, cb.Pool(_float32(job.valid.x), job.valid.y, weight=job.valid.weights)


def _affordable_settings(params: dict[str, Any], pool: Any, deadline: float) -> Settings:  # Any: CatBoost's
    """The learning rate, and a lesser depth where even so the time would end after a few rounds."""
    began = time.monotonic()
    _timed(params, pool, 1)
    each, left = time.monotonic() - began, deadline - time.monotonic()
    if left > 0 and each * FEWEST_ROUNDS > left and int(params["depth"]) > SHALLOW:
        return _affordable_settings(params | {"depth": SHALLOW}, pool, deadline) | {"depth": SHALLOW}
    trial = partial(_timed, params, pool)
    return {"learning_rate": affordable_rate(deadline, float(params["learning_rate"]), MOST_RATE, 2, trial)}


def trees_of(model: Any, rounds: int) -> Trees:  # Any: catboost.CatBoost
    """The first `rounds` oblivious trees of a model, as ordinary trees."""
    return trees_in(content_of(model), rounds)


def content_of(model: Any) -> dict[str, Any]:  # Any: catboost.CatBoost; JSON values
    """What a model says in its JSON form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # Any: as above
    return content


def trees_in(content: dict[str, Any], rounds: int) -> Trees:  # Any: JSON values
    """The first `rounds` oblivious trees of a model's JSON form.

    A tree of several outputs is written once an output: the operator's leaves hold one number each.
    """
    scale, bias = content["scale_and_bias"]
    bias = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    trees: list[Tree] = []
    targets: list[int] = []
    outputs = 1
    for entry in content["oblivious_trees"][:rounds]:
        splits = entry["splits"] or []
        leaves = np.asarray(entry["leaf_values"], dtype=np.float64) * scale
        outputs = len(leaves) >> len(splits)
        for k in range(outputs):
            trees.append(_unfolded(splits, leaves[k::outputs]))
            targets.append(k)
    if len(bias) < outputs:
        bias = np.broadcast_to(bias, (outputs,)).copy()
    return Trees(tuple(trees), tuple(targets), outputs, bias)


def _unfolded(splits: list[dict[str, Any]], leaves: Doubles) -> Tree:
    """An oblivious tree in which level i of the walk asks for split d-1-i, so that bit i of a leaf's number
    is split i."""
    depth = len(splits)
    count = (1 << depth) - 1
    heap = np.arange(count, dtype=np.int64)
    level = np.floor(np.log2(heap + 1)).astype(np.int64) if count else heap
    asked = depth - 1 - level
    feature = np.array([s["float_feature_index"] for s in splits], dtype=np.int64)
    border, mode = above_float32(np.array([s["border"] for s in splits], dtype=np.float32))
    left, right = 2 * heap + 1, 2 * heap + 2

    def child(node: Any) -> Any:  # Any: integer arrays
        return np.where(node >= count, ~(node - count), node)

    return Tree(
        feature=feature[asked] if count else heap,
        split=border[asked] if count else np.zeros(0),
        mode=mode[asked] if count else heap,
        true=child(right),
        false=child(left),
        missing_true=np.zeros(count, dtype=np.int64),
        leaf=leaves,
    )


class _StopAt:
    """CatBoost's callback: answers whether to go on."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def after_iteration(self, info: Any) -> bool:  # Any: catboost's iteration record
        return time.monotonic() < self.deadline


def _float32(x: Doubles) -> Any:  # Any: a float32 array, C order as CatBoost wants it
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(x, dtype=np.float32)


def _timed(params: dict[str, Any], pool: Any, rounds: int) -> None:  # Any: catboost's own types
    import catboost as cb

    model = cb.CatBoost(params | {"iterations": rounds})
    model.fit(pool, log_cout=io.StringIO(), log_cerr=io.StringIO())
