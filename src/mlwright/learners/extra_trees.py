"""Extremely randomised trees (Geurts et al. 2006): an average of trees whose splits are drawn, not sought.

LightGBM grows them (`boosting=rf`, `extra_trees`) by squares on the number or on an indicator a class, so
that their sum is linear in the leaves and stands beside other trees in one node; slope and shift make margins
of it, fitted on rows to judge by. Few trees of few leaves: as a member it must be worth its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize

from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees, tree_ensemble
from mlwright.learners.lightgbm import SECONDS_A_CELL, library, stop_at, trees_of
from mlwright.learners.pace import affordable
from mlwright.learners.protocol import Abilities, Doubles, Fitted, Job, Part, Settings, useful_threads
from mlwright.learners.sound import soundly
from mlwright.learners.zone import Range, Zone
from mlwright.statistics.links import logsumexp, softmax

MOST_TREES, FEWEST_TREES = 100, 20
"""For a number or two classes, and a class where there are many."""
CAREFUL: Settings = {"min_data_in_leaf": 40}
ZONE: Zone = {
    "num_leaves": Range(8, 256, 64, by_factors=True, whole=True),
    "min_data_in_leaf": Range(1, 200, 5, by_factors=True, whole=True),
    "feature_fraction_bynode": Range(0.1, 1.0, 0.5),
}


@dataclass(frozen=True)
class FittedExtraTrees:
    """One forest an output, their means scaled to margins."""

    forests: tuple[Any, ...]  # lightgbm.Booster, which has no types
    slope: float
    shift: Doubles
    """[M]."""
    settled: Settings = field(default_factory=dict)
    rounds: int = 0
    threads: int = 1

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        return _scores(self.forests, x, self.threads) * self.slope + self.shift

    def trees(self) -> Trees:
        grown = [trees_of(f.model_to_string()) for f in self.forests]
        return Trees(
            tuple(t for f in grown for t in f.scaled(self.slope / len(f.trees)).trees),
            tuple(k for k, f in enumerate(grown) for _ in f.trees),
            len(grown),
            self.shift,
        )

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return tree_ensemble(g, self.trees(), matrix)


class ExtraTrees:
    """Randomised trees; settings are LightGBM's own parameters."""

    family = "extra-trees"
    abilities = Abilities(most_classes=20, view="", library="lightgbm", extra="train")
    zone = ZONE

    def fit(self, job: Job) -> Fitted:
        return soundly(job, _grown, CAREFUL)


def _grown(job: Job) -> FittedExtraTrees:
    lgb = library()
    job = affordable(job, SECONDS_A_CELL / useful_threads(job))
    train, params = job.train, _params(job)
    outputs = job.classes if job.classes > 2 else 1
    count = max(FEWEST_TREES, MOST_TREES * 2 // max(outputs, 2))
    callbacks = [] if job.deadline is None else [stop_at(job.deadline)]
    alike: dict[str, Any] = {"categorical_feature": list(job.members), "params": params}
    binned = lgb.Dataset(train.x, train.y, weight=train.weights, free_raw_data=False, **alike)
    forests = []
    for k in range(outputs):
        label = train.y if not job.classes else (train.y == (k if outputs > 1 else 1)).astype(np.float64)
        forests.append(lgb.train(params, binned.set_label(label), num_boost_round=count, callbacks=callbacks))
    settled = dict(job.settings)
    if job.classes and "slope" not in settled:
        judge = job.valid if job.valid is not None and len(job.valid) else train
        settled |= _calibrated(job, judge, _scores(tuple(forests), judge.x, useful_threads(job)))
    slope = float(settled.get("slope", 1.0))
    shift = np.array([float(settled.get(f"shift_{k}", 0.0)) for k in range(outputs)])
    return FittedExtraTrees(tuple(forests), slope, shift, settled, threads=useful_threads(job))


def _params(job: Job) -> dict[str, Any]:  # Any: LightGBM's parameters are of many types
    settings = {k: v for k, v in job.settings.items() if k in ZONE}
    return {
        "objective": "regression",
        "boosting": "rf",
        "extra_trees": True,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction_bynode": 0.5,
        "num_leaves": 64,
        "min_data_in_leaf": int(np.clip(len(job.train) // 300, 3, 20)),
        "min_data_per_group": int(np.clip(len(job.train) // 50, 5, 100)),
        "feature_pre_filter": False,
        "verbosity": -1,
        "num_threads": useful_threads(job),
        "seed": job.seed,
        "deterministic": True,
        "force_row_wise": True,
        **job.config.settings,
        **settings,
    }


def _scores(forests: tuple[Any, ...], x: Doubles, threads: int) -> Doubles:  # Any: lightgbm.Booster
    return np.column_stack([np.asarray(f.predict(x, num_threads=threads)) for f in forests])


def _calibrated(job: Job, part: Part, scores: Doubles) -> Settings:
    """The slope and the shift of each output that make margins of shares, by log loss."""
    outputs, label = scores.shape[1], part.y.astype(np.int64)
    w = np.full(len(part), 1 / len(part)) if part.weights is None else part.weights / part.weights.sum()

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        margin = scores * theta[0] + theta[1:]
        if outputs == 1:
            margin = np.concatenate([np.zeros_like(margin), margin], axis=1)
        delta = softmax(margin)
        value = float(w @ (logsumexp(margin) - margin[np.arange(len(part)), label]))
        delta[np.arange(len(part)), label] -= 1
        delta = delta[:, -outputs:] * w[:, None]
        gradient = np.concatenate([[float((delta * scores).sum())], delta.sum(axis=0)])
        return value + 1e-4 * float((theta**2).sum()), gradient + 2e-4 * theta

    start = np.concatenate([[4.0], np.zeros(outputs)])
    bounds = [(0.0, 30.0)] + [(None, None)] * outputs
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    settled: Settings = {"slope": float(found[0])}
    return settled | {f"shift_{k}": float(found[1 + k]) for k in range(outputs)}
