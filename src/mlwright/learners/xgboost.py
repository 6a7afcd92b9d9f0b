"""XGBoost, and its JSON form as trees: a family where the extra `xgboost` is installed.

It compares `float32(x) < float32(split)`; its splits are written as the doubles that decide alike. Leaves
are float32; its own prediction adds them in float32 too, so `margin` asks it for leaves and adds in doubles.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from mlwright.base.machine import rest_idle_threads
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Doubles, Ints, Tree, Trees, above_float32, tree_ensemble
from mlwright.learners.kept import kept
from mlwright.learners.pace import affordable, affordable_rate
from mlwright.learners.protocol import Abilities, Fitted, Job, Settings, useful_threads
from mlwright.learners.sound import soundly
from mlwright.learners.zone import Range, Zone

MOST_ROUNDS = 2000
MOST_RATE = 0.3
MOST_LEAF_CELLS = 4_000_000
CAREFUL: Settings = {"eta": 0.03, "max_depth": 3, "min_child_weight": 5.0, "max_delta_step": 0.5}
"""What is tried once where the loss on unseen rows is worse than the plain answer's."""
SECONDS_A_CELL = 1e-7
ZONE: Zone = {
    "eta": Range(0.005, 0.4, 0.06, by_factors=True),
    "max_depth": Range(2, 10, 6, whole=True),
    "min_child_weight": Range(0.1, 100, 1.0, by_factors=True),
    "subsample": Range(0.5, 1.0, 0.8),
    "colsample_bytree": Range(0.2, 1.0, 0.8),
    "lambda": Range(0, 50, 1.0, by_factors=True),
    "alpha": Range(0, 10, 0.0, by_factors=True),
}


@dataclass(frozen=True)
class FittedXGBoost:
    """A booster, cut at the rounds that did best, and its trees."""

    booster: Any  # xgboost.Booster, which has no types
    grown: Trees
    """Of every round."""
    leaf_of_node: tuple[Ints, ...]
    """For each tree, which leaf a node of XGBoost's numbering is."""
    rounds: int
    settled: Settings = field(default_factory=dict)
    threads: int = 1

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        import xgboost as xgb

        first = self._first(rounds or self.rounds)
        last = len(first.trees) // first.outputs
        out = np.tile(np.broadcast_to(first.bias, (first.outputs,)), (len(x), 1))
        most = max(1, MOST_LEAF_CELLS // max(len(first.trees), 1))
        for at in range(0, len(x), most):
            data = xgb.DMatrix(_float32(x[at : at + most]), nthread=self.threads)
            nodes = self.booster.predict(data, pred_leaf=True, iteration_range=(0, last))
            nodes = np.asarray(nodes, dtype=np.int64).reshape(data.num_row(), -1)
            for i, (tree, target) in enumerate(zip(first.trees, first.target, strict=True)):
                out[at : at + most, target] += tree.leaf[self.leaf_of_node[i][nodes[:, i]]]
        return out

    def trees(self) -> Trees:
        return self._first(self.rounds)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return tree_ensemble(g, self.trees(), matrix)

    def _first(self, rounds: int) -> Trees:
        count = rounds * self.grown.outputs
        return replace(self.grown, trees=self.grown.trees[:count], target=self.grown.target[:count])


class XGBoost:
    """Gradient boosting by histogram; settings are XGBoost's own parameters."""

    family = "xgboost"
    abilities = Abilities(monotone=True, absolute=True, most_classes=50, library="xgboost", extra="xgboost")
    zone = ZONE

    def fit(self, job: Job) -> Fitted:
        return soundly(job, _boosted, CAREFUL)


def _boosted(job: Job) -> FittedXGBoost:
    rest_idle_threads()
    import xgboost as xgb

    job = affordable(job, SECONDS_A_CELL / useful_threads(job))
    settled = dict(job.settings)
    params = _params(job) | settled
    with kept(job, (), partial(_binned, job)) as (data, valid):
        if job.deadline is not None and "eta" not in settled and job.rounds is None:
            run = partial(_some_rounds, params, data)
            settled["eta"] = affordable_rate(job.deadline, float(params["eta"]), MOST_RATE, 3, run)
            params |= settled
        job.settle(settled)
        callbacks: list[Any] = []  # Any: xgboost's callbacks
        if valid is not None:
            patience = int(np.clip(20 / float(params["eta"]) ** 0.5, 30, 100))
            callbacks.append(xgb.callback.EarlyStopping(rounds=patience))
        if job.deadline is not None:
            callbacks.append(_stop_at(job.deadline))  # last, so that the best round is known when it stops
        watched = [] if valid is None else [(valid, "valid")]
        rounds = int(job.rounds or MOST_ROUNDS)
        booster = xgb.train(
            params, data, num_boost_round=rounds, evals=watched, verbose_eval=False, callbacks=callbacks
        )
        best = booster.best_iteration + 1 if valid is not None else booster.num_boosted_rounds()
    grown, places = trees_of(bytes(booster.save_raw("json")))
    return FittedXGBoost(booster, grown, places, best, settled, useful_threads(job))


def _some_rounds(params: dict[str, Any], data: Any, rounds: int) -> None:  # Any: xgboost's own types
    import xgboost as xgb

    xgb.train(params, data, num_boost_round=rounds)


def trees_of(text: bytes) -> tuple[Trees, tuple[Ints, ...]]:
    """The trees of a model's JSON form, and for each which leaf a node of its numbering is."""
    learner = json.loads(text)["learner"]
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    base = np.atleast_1d(np.float32(json.loads(learner["learner_model_param"]["base_score"])))
    bias = np.broadcast_to(base.astype(np.float64), (outputs,)).copy()
    if learner["objective"]["name"] == "binary:logistic":
        bias = np.log(bias / (1 - bias))
    model = learner["gradient_booster"]["model"]
    pairs = [_tree(t) for t in model["trees"]]
    trees = Trees(tuple(t for t, _ in pairs), tuple(model["tree_info"]), outputs, bias)
    return trees, tuple(places for _, places in pairs)


def _tree(entry: dict[str, Any]) -> tuple[Tree, Ints]:  # Any: JSON values
    left, right = (np.array(entry[k], dtype=np.int64) for k in ("left_children", "right_children"))
    condition = np.array(entry["split_conditions"], dtype=np.float32)
    inner = np.flatnonzero(left >= 0)
    leaves = np.flatnonzero(left < 0)
    place = np.zeros(len(left), dtype=np.int64)
    place[inner], place[leaves] = np.arange(len(inner)), ~np.arange(len(leaves))
    # Right goes what is not less: above the number before the split.
    split, mode = above_float32(np.nextafter(condition[inner], np.float32(-np.inf), dtype=np.float32))
    tree = Tree(
        feature=np.array(entry["split_indices"], dtype=np.int64)[inner],
        split=split,
        mode=mode,
        true=place[right[inner]],
        false=place[left[inner]],
        missing_true=1 - np.array(entry["default_left"], dtype=np.int64)[inner],
        leaf=condition[leaves].astype(np.float64),
    )
    return tree, np.where(place < 0, ~place, 0)


def _params(job: Job) -> dict[str, Any]:  # Any: XGBoost's parameters are of many types
    bound: dict[str, Any] = {}
    if any(job.monotone):
        bound = {"monotone_constraints": "(" + ",".join(map(str, job.monotone)) + ")"}
    return {
        **_objective(job),
        "tree_method": "hist",
        "verbosity": 0,
        "nthread": useful_threads(job),
        "seed": job.seed,
        "eta": 0.06,
        "max_depth": 6,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        **bound,
        **job.config.settings,
    }


def _objective(job: Job) -> dict[str, Any]:  # Any: XGBoost's parameters are of many types
    if job.classes > 2:
        return {"objective": "multi:softprob", "num_class": job.classes, "eval_metric": "mlogloss"}
    if job.classes:
        return {"objective": "binary:logistic", "eval_metric": "logloss"}
    if job.loss == "squared":
        return {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if any(job.monotone):  # leaves that are refitted to medians would break a constraint
        return {"objective": "reg:pseudohubererror", "huber_slope": 0.1, "eval_metric": "mae"}
    return {"objective": "reg:absoluteerror", "eval_metric": "mae"}


def _binned(job: Job) -> tuple[Any, Any]:  # Any: xgboost.QuantileDMatrix
    import xgboost as xgb

    threads = useful_threads(job)
    train, valid = job.train, job.valid
    data = xgb.QuantileDMatrix(_float32(train.x), train.y, weight=train.weights, nthread=threads)
    if valid is None:
        return data, None
    beside = {"weight": valid.weights, "nthread": threads, "ref": data}
    return data, xgb.QuantileDMatrix(_float32(valid.x), valid.y, **beside)


def _stop_at(deadline: float) -> Any:  # Any: xgboost's callback
    import xgboost as xgb

    class StopAt(xgb.callback.TrainingCallback):  # it has no types
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # Any: xgboost's types
            return time.monotonic() > deadline

    return StopAt()


def _float32(x: Doubles) -> Any:  # Any: a float32 array; XGBoost refuses infinity
    most = float(np.finfo(np.float32).max)
    return np.clip(x, -most, most).astype(np.float32)
