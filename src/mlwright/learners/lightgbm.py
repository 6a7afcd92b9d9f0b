"""LightGBM, and its text format as trees.

Thresholds are read from the booster's own text, which keeps every digit. NaN where training saw none counts
as 0 for LightGBM, so the branch that 0 takes is written as the branch of missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from mlwright.base.machine import rest_idle_threads
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.trees import LEQ, MEMBER, Doubles, Ints, Tree, Trees, tree_ensemble
from mlwright.learners.kept import kept
from mlwright.learners.pace import affordable, affordable_rate
from mlwright.learners.protocol import Abilities, Fitted, Job, Settings, useful_threads
from mlwright.learners.sound import soundly
from mlwright.learners.zone import Range, Zone

MOST_ROUNDS = 3000
MOST_RATE = 0.3
STEADY: Settings = {"min_sum_hessian_in_leaf": 1.0, "lambda_l2": 1.0, "max_delta_step": 1.0}
"""With many classes, one of them rare, leaves of tiny hessians make the loss run away (covertype at a rate
of 0.3: 1.78 without these, 0.24 with them)."""
CAREFUL: Settings = STEADY | {"learning_rate": 0.03, "max_delta_step": 0.5, "num_leaves": 8}
"""What is tried once where even so the loss on unseen rows is worse than the plain answer's."""
SECONDS_A_CELL = 1e-7
"""What binning takes at most, which cannot be stopped."""
BINNING = ("max_bin", "min_data_in_bin")
"""The settings on which a library's own form of the rows depends."""
ZONE: Zone = {
    "learning_rate": Range(0.005, 0.4, 0.05, by_factors=True),
    "num_leaves": Range(2, 1023, 31, by_factors=True, whole=True),
    "min_data_in_leaf": Range(1, 500, 20, by_factors=True, whole=True),
    "feature_fraction": Range(0.1, 1.0, 1.0),
    "bagging_fraction": Range(0.4, 1.0, 1.0),
    "lambda_l1": Range(0.0, 20.0, 0.0, by_factors=True),
    "lambda_l2": Range(0.0, 100.0, 0.0, by_factors=True),
    "extra_trees": Range(0, 1, 0, switch=True),
    "bagging_freq": Range(0, 20, 0, whole=True, varied=False),
    "max_bin": Range(7, 1023, 255, whole=True, varied=False),
    "max_depth": Range(-1, 64, -1, whole=True, varied=False),
    "min_sum_hessian_in_leaf": Range(0.0, 100.0, 1e-3, varied=False),
    "max_delta_step": Range(0.0, 10.0, 0.0, varied=False),
    "min_data_per_group": Range(1, 1000, 100, whole=True, varied=False),
    "cat_smooth": Range(0.0, 1000.0, 10.0, varied=False),
    "cat_l2": Range(0.0, 1000.0, 10.0, varied=False),
    "path_smooth": Range(0.0, 1000.0, 0.0, varied=False),
    "feature_fraction_bynode": Range(0.05, 1.0, 1.0, varied=False),
    "most_rounds": Range(1, 20_000, MOST_ROUNDS, whole=True, varied=False),
}
"""What may be varied, and what a file may bring: nothing that uses files or other machines."""


MANY_LEAVES, LEAF_IN_ROW_TREES = 100_000, 40
"""Trees beyond the processor's caches are slow in LightGBM (16 s for 93,000 rows and 700 trees of 1,023
leaves, where the graph takes 4 with being made); so many rows times trees pay for each leaf."""
CHUNK = 8192
"""Rows of one run of it."""


@dataclass(frozen=True)
class FittedLightGBM:
    """A booster, and the rounds that did best."""

    booster: Any  # lightgbm.Booster, which has no types
    classes: int
    rounds: int
    settled: Settings = field(default_factory=dict)
    threads: int = 1

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        rounds = rounds or self.rounds
        if rounds <= self.rounds and self._is_worth_a_graph(len(x)):
            return self._by_graph(x, rounds)
        raw = self.booster.predict(x, raw_score=True, num_iteration=rounds, num_threads=self.threads)
        return np.asarray(raw).reshape(len(x), -1)

    def trees(self) -> Trees:
        return self._trees

    @cached_property
    def _trees(self) -> Trees:
        return trees_of(self.booster.model_to_string(num_iteration=self.rounds))

    def _is_worth_a_graph(self, rows: int) -> bool:
        """Whether the graph's nodes answer sooner, with what it takes to make them."""
        trees: int = self.booster.num_trees()
        leaves: int = trees * int(self.booster.params.get("num_leaves", 31))
        return leaves > MANY_LEAVES and rows * trees > LEAF_IN_ROW_TREES * leaves

    def _by_graph(self, x: Doubles, rounds: int) -> Doubles:
        """The nodes that will serve answer, to the last bit as parity demands, several times as fast."""
        whole = self._trees
        first = slice(rounds * whole.outputs)
        some = replace(whole, trees=whole.trees[first], target=whole.target[first])
        g = GraphBuilder()
        matrix = g.input("matrix", "float64", x.shape[1])
        g.output("margin", tree_ensemble(g, some, matrix), "float64", whole.outputs)
        running = session(g.to_bytes(), threads=self.threads)
        parts = np.array_split(x, -(-len(x) // CHUNK))
        return np.concatenate([running.run(None, {"matrix": np.ascontiguousarray(p)})[0] for p in parts])

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return tree_ensemble(g, self.trees(), matrix)


class LightGBM:
    """Gradient boosting by histogram; settings are LightGBM's own parameters."""

    family = "lightgbm"
    abilities = Abilities(monotone=True, absolute=True, library="lightgbm", extra="train")
    zone = ZONE

    def fit(self, job: Job) -> Fitted:
        return soundly(job, _boosted, CAREFUL)


def _boosted(job: Job) -> FittedLightGBM:
    lgb = library()
    job = affordable(job, SECONDS_A_CELL / useful_threads(job))
    settled = dict(job.settings)
    limit = int(
        job.rounds
        or settled.pop("most_rounds", 0)
        or job.config.settings.get("most_rounds", 0)
        or MOST_ROUNDS
    )
    params = _params(job) | settled
    with kept(job, tuple(params.get(k) for k in BINNING), partial(_binned, job, params)) as (data, valid):
        if job.deadline is not None and "learning_rate" not in settled and job.rounds is None:
            run = partial(lgb.train, params, data)
            rate = float(params["learning_rate"])
            settled["learning_rate"] = affordable_rate(job.deadline, rate, MOST_RATE, 3, run)
            params |= settled
        job.settle(settled)
        callbacks: list[Callable[[Any], None]] = [stop_at(job.deadline)] if job.deadline is not None else []
        watched: dict[str, Any] = {}
        if valid is not None:
            watched["valid_sets"] = [valid]
            patience = int(np.clip(20 / float(params["learning_rate"]) ** 0.5, 30, 150))
            callbacks.append(lgb.early_stopping(patience, verbose=False))
        booster = lgb.train(
            params, data, num_boost_round=limit, callbacks=callbacks, keep_training_booster=True, **watched
        )
        # Every round is kept (by itself LightGBM keeps those up to the best): how many to use is decided
        # across folds, so that no fold's rows choose for themselves.
        booster.model_from_string(booster.model_to_string(num_iteration=-1)).free_dataset()
    best = booster.best_iteration if valid is not None and booster.best_iteration > 0 else 0
    rounds = best or booster.current_iteration()
    return FittedLightGBM(booster, job.classes, rounds, settled, useful_threads(job))


def _binned(job: Job, params: dict[str, Any]) -> tuple[Any, Any]:  # Any: lightgbm.Dataset
    """The training and validation rows in LightGBM's own form; the binning is most of a short fit's time."""
    lgb, train, valid = library(), job.train, job.valid
    alike: dict[str, Any] = {"categorical_feature": list(job.members), "params": params}
    data = lgb.Dataset(train.x, train.y, weight=train.weights, **alike).construct()
    if valid is None:
        return data, None
    beside = lgb.Dataset(valid.x, valid.y, weight=valid.weights, reference=data, **alike)
    return data, beside.construct()


def _params(job: Job) -> dict[str, Any]:  # Any: LightGBM's parameters are of many types
    given = {k: v for k, v in job.config.settings.items() if k != "most_rounds"}
    return {
        **_objective(job),
        "verbosity": -1,
        "num_threads": useful_threads(job),
        "seed": job.seed,
        "deterministic": True,
        "force_row_wise": True,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": int(np.clip(len(job.train) // 50, 2, 20)),
        "min_data_per_group": int(np.clip(len(job.train) // 50, 5, 100)),
        "feature_pre_filter": False,
        **given,
    }


def _objective(job: Job) -> dict[str, Any]:  # Any: LightGBM's parameters are of many types
    bound: dict[str, Any] = {}
    if any(job.monotone):
        bound = {"monotone_constraints": list(job.monotone), "monotone_constraints_method": "intermediate"}
    if job.classes > 2:
        return {
            "objective": "multiclass",
            "metric": "multi_logloss",
            "num_class": job.classes,
            **STEADY,
            **bound,
        }
    if job.classes:
        return {"objective": "binary", "metric": "binary_logloss", **bound}
    if job.loss == "squared":
        return {"objective": "regression", "metric": "l2", **bound}
    if bound:  # leaves that are refitted to medians would break a constraint, so LightGBM refuses it
        return {"objective": "huber", "alpha": 0.1, "metric": "l1", **bound}
    return {"objective": "regression_l1", "metric": "l1"}


def trees_of(text: str) -> Trees:
    """The trees of a booster's text (`Booster.model_to_string`, format v4)."""
    header, *blocks = text.split("\nTree=")
    per_round = int(_field(header, "num_tree_per_iteration") or 1)
    if blocks:
        blocks[-1] = blocks[-1].split("\nend of trees")[0]
    trees = tuple(_tree(b) for b in blocks)
    return Trees(trees, tuple(i % per_round for i in range(len(trees))), per_round, np.zeros(per_round))


def gains_of(fitted: Fitted, columns: int) -> Doubles:
    """How much each of X's columns lowered the training loss, by the gains of its splits; zeros where the
    plain answer was all that there was to learn."""
    if not isinstance(fitted, FittedLightGBM):
        return np.zeros(columns)
    return np.asarray(fitted.booster.feature_importance("gain", iteration=fitted.rounds), dtype=np.float64)


def library() -> Any:  # Any: lightgbm has no types
    """LightGBM, its idle threads soon asleep: spinning ones make a shared machine many times slower."""
    rest_idle_threads()  # read once, when the OpenMP runtime is loaded
    import lightgbm

    return lightgbm


def _tree(block: str) -> Tree:
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)

    def numbers(name: str, kind: type) -> Any:  # Any: an array of the kind asked for
        return np.array(fields.get(name, "").split(), dtype=kind)

    leaf = numbers("leaf_value", np.float64)
    if int(fields["num_leaves"]) == 1:
        none: Ints = np.zeros(0, dtype=np.int64)
        return Tree(none, np.zeros(0), none, none, none, none, leaf)
    decision = numbers("decision_type", np.int64)
    split = numbers("threshold", np.float64)
    categorical = (decision & 1) == 1
    missing_kind = (decision >> 2) & 3  # 0 none, 1 zero, 2 NaN
    default_left = (decision >> 1) & 1
    missing_true = np.where(missing_kind == 2, default_left, (split >= 0).astype(np.int64))
    missing_true = np.where(categorical, 0, missing_true)
    sets: list[Doubles] = []
    if categorical.any():
        bounds, words = numbers("cat_boundaries", np.int64), numbers("cat_threshold", np.uint32)
        for i in split[categorical].astype(np.int64):
            mask = words[bounds[i] : bounds[i + 1]]
            bits = (mask[:, None] >> np.arange(32, dtype=np.uint32)) & 1
            sets.append(np.flatnonzero(bits.ravel()).astype(np.float64))
    return Tree(
        feature=numbers("split_feature", np.int64),
        split=np.where(categorical, 0.0, split),
        mode=np.where(categorical, MEMBER, LEQ),
        true=numbers("left_child", np.int64),
        false=numbers("right_child", np.int64),
        missing_true=missing_true,
        leaf=leaf,
        sets=tuple(sets),
    )


def _field(header: str, name: str) -> str:
    return next((line.partition("=")[2] for line in header.splitlines() if line.startswith(name + "=")), "")


def stop_at(deadline: float) -> Callable[[Any], None]:
    lgb = library()

    def stop(env: Any) -> None:  # Any: lightgbm's callback environment
        if time.monotonic() > deadline:
            scores = env.evaluation_result_list or []
            raise lgb.callback.EarlyStopException(env.iteration, scores)

    stop.order = 90  # type: ignore[attr-defined]  # after early_stopping, so that its best round is known
    return stop
