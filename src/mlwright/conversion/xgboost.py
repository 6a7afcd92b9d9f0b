"""XGBoost's models: trees in float32, added in the order in which XGBoost adds them, and its linear booster.

XGBoost rounds numbers to float32, starts from its base score and adds one tree's leaf after another in
float32. One ensemble node of float32 does the same on one thread, so that sums are equal to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number
from mlwright.conversion.encoders import numbered
from mlwright.conversion.frame import Frame
from mlwright.conversion.names import is_missing
from mlwright.graph.trees import LEQ, MEMBER, Doubles, Tree, Trees, tree_ensemble

ROUNDED = 1e-6
"""XGBoost makes probabilities and exponentials of its sums in float32; the graph makes them in doubles."""
SUMMED = 1e-5
"""Linear boosters and trees with dropout are added by float32 operations whose order is not repeated."""
OF_CLASSES = ("binary:logistic", "multi:softprob", "multi:softmax")
"""Objectives whose answers are probabilities."""
_PLAIN = (
    "reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror",
    "reg:quantileerror",
)  # fmt: skip
_EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie")
_NOT_THE_TARGET = {
    "rank:": "it orders the rows of a group, and answers no number of the target",
    "survival:": "it answers a hazard, or a time that may lie beyond what was seen, not the target",
    "binary:hinge": "it has labels and no probabilities",
    "binary:logitraw": "it answers scores in place of probabilities",
}
_MISSING, _LARGEST = 2.0**25, 2.0**24
"""Of categories: the code of a missing one, and the end of those that XGBoost knows."""


def of_xgboost(model: Any, frame: Frame) -> Answer:  # Any: a Booster, or an estimator of XGBoost
    """What the booster's JSON says: trees over float32 numbers and categories, or a linear sum."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective, of = learner["objective"]["name"], learner["learner_model_param"]
    _check(objective, of)
    outputs, boosted = max(1, int(of["num_class"])), learner["gradient_booster"]
    bias = np.resize(_margin(objective, of["base_score"]), outputs)
    g, matrix = frame.g, _matrix(learner, getattr(model, "missing", np.nan), frame)
    if boosted["name"] == "gblinear":
        frame.words.allow(SUMMED)
        weights = np.array(boosted["model"]["weights"], dtype=np.float64).reshape(-1, outputs)
        start = weights[-1] + bias[0]  # of the base scores of several classes it takes the first for all
        present = g.node("Where", g.node("IsNaN", matrix), g.constant(_single(0.0)), matrix)
        out = g.node("MatMul", g.node("Cast", present, to=11), g.constant(weights[:-1]))
        out = g.node("Add", out, g.constant(start[None, :]))
    else:
        if boosted["name"] == "dart":
            frame.words.allow(SUMMED)
        # An estimator answers with the rounds that did best, a Booster with all.
        best = None if booster is model else getattr(model, "best_iteration", None)
        trees = _trees(boosted, outputs, bias, best)
        out = g.node("Cast", tree_ensemble(g, trees, matrix, single=True), to=11)
    if objective in _PLAIN:
        return Number(out)
    frame.words.allow(ROUNDED)
    if objective in OF_CLASSES:
        labels = getattr(model, "classes_", None)
        return Classes(np.arange(max(2, outputs)) if labels is None else labels, margin=out)
    return Number(g.node("Exp" if objective in _EXPONENTIAL else "Sigmoid", out))


def _check(objective: str, of: Mapping[str, str]) -> None:
    why = next((why for name, why in _NOT_THE_TARGET.items() if objective.startswith(name)), None)
    if why is not None:
        raise ConversionRefused(
            f"the objective {objective!r} is not converted: {why}",
            remedy="use an objective of classes or of numbers, such as binary:logistic or reg:squarederror",
        )
    if objective not in (*OF_CLASSES, *_PLAIN, *_EXPONENTIAL, "reg:logistic"):
        raise ConversionRefused(
            f"the objective {objective!r} is not converted", remedy="use reg:squarederror or binary:logistic"
        )
    if int(of.get("num_target", 1)) > 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")


def _single(value: float) -> npt.NDArray[np.float32]:
    return np.array(value, dtype=np.float32)


def _margin(objective: str, said: str) -> Doubles:
    """The base score as a margin, in float32 as XGBoost does it."""
    base = np.atleast_1d(np.float32(json.loads(said)))
    if objective in ("binary:logistic", "reg:logistic"):
        one = np.float32(1.0)
        return -np.log((one / base - one).astype(np.float64)).astype(np.float32).astype(np.float64)
    if objective in _EXPONENTIAL:
        return np.log(base.astype(np.float64)).astype(np.float32).astype(np.float64)
    return base.astype(np.float64)


def _matrix(learner: Mapping[str, Any], missing: Any, frame: Frame) -> str:  # Any: JSON; a number or None
    """The columns in float32; categories as whole numbers by their place in training."""
    kinds = list(learner["feature_types"]) or ["float"] * len(frame)
    of_categories = [i for i, kind in enumerate(kinds) if kind == "c"]
    named = {i: _names(learner, i, frame) for i in of_categories if frame.slots[i].words is not None}
    # XGBoost 3.2 refuses an unknown text or takes it for the next one of the alphabet: no file does that.
    frame.words.closed.update(frame.slots[i].words or "" for i in named)
    g, frame = frame.g, numbered(frame, named)
    matrix = g.node("Cast", frame.numbers(), to=1)
    if not is_missing(missing):
        marked = g.node("Equal", matrix, g.constant(_single(missing)))
        matrix = g.node("Where", marked, g.constant(_single(np.nan)), matrix)
    if not of_categories:
        return matrix
    # A code is cut to a whole number; beyond those that XGBoost knows all are alike, and no set has them.
    codes = g.node("Min", g.node("Floor", matrix), g.constant(_single(_LARGEST)))
    codes = g.node("Where", g.node("IsNaN", matrix), g.constant(_single(_MISSING)), codes)
    categorical = np.isin(np.arange(len(kinds)), of_categories)[None, :]
    return g.node("Where", g.constant(categorical), codes, matrix)


def _names(learner: Mapping[str, Any], column: int, frame: Frame) -> list[str]:  # Any: JSON values
    """The texts of a column's categories by their numbers, which XGBoost keeps from 3.1 on."""
    model = learner["gradient_booster"].get("gbtree", learner["gradient_booster"]).get("model", {})
    kept = model.get("cats", {}).get("enc", [])
    entry = kept[column] if column < len(kept) else {}
    if "offsets" in entry and len(entry["offsets"]) > 1:
        text, ends = bytes(b % 256 for b in entry["values"]), entry["offsets"]
        return [text[a:b].decode() for a, b in pairwise(ends)]
    if entry.get("values") and "offsets" not in entry:
        return [str(value) for value in entry["values"]]
    raise ConversionRefused(
        f"the categories of {frame.names[column]!r} have no names in the model",
        remedy="fit it with XGBoost 3.1 or later on a column of pandas' category type, or encode them first",
    )


def _trees(boosted: Mapping[str, Any], outputs: int, bias: Doubles, best: int | None) -> Trees:
    """The trees of the first rounds up to `best`, or of all; weighted where some were dropped in training.
    Any: JSON values."""
    model = boosted.get("gbtree", boosted)["model"]
    count = len(model["trees"]) if best is None else int(model["iteration_indptr"][int(best) + 1])
    grown = [_tree(t) for t in model["trees"][:count]]
    for i, weight in enumerate(boosted.get("weight_drop", [])[:count]):
        grown[i] = Trees((grown[i],), (0,), 1).scaled(weight).trees[0]
    return Trees(tuple(grown), tuple(model["tree_info"][:count]), outputs, bias)


def _tree(entry: Mapping[str, Any]) -> Tree:  # Any: JSON values
    """One tree over float32: left goes what is less, which is not above the number before; right goes what is
    in the set of categories. A missing category is one of them where it goes right."""
    if int(entry["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise ConversionRefused("its leaves hold several numbers", remedy="fit a model for each target")
    left, right = (np.array(entry[k], dtype=np.int64) for k in ("left_children", "right_children"))
    condition = np.array(entry["split_conditions"], dtype=np.float32)
    inner, leaves = np.flatnonzero(left >= 0), np.flatnonzero(left < 0)
    place = np.zeros(len(left), dtype=np.int64)
    place[inner], place[leaves] = np.arange(len(inner)), ~np.arange(len(leaves))
    by_set = np.array(entry.get("split_type", [0] * len(left)), dtype=np.int64)[inner] == 1
    to_left = np.array(entry["default_left"], dtype=np.int64)[inner]
    before = np.nextafter(condition[inner], np.float32(-np.inf), dtype=np.float32).astype(np.float64)
    return Tree(
        feature=np.array(entry["split_indices"], dtype=np.int64)[inner],
        split=np.where(by_set, 0.0, before),
        mode=np.where(by_set, MEMBER, LEQ),
        true=place[np.where(by_set, right[inner], left[inner])],
        false=place[np.where(by_set, left[inner], right[inner])],
        missing_true=np.where(by_set, 0, to_left),
        leaf=condition[leaves].astype(np.float64),
        sets=tuple(_sets(entry, inner[by_set].tolist(), to_left[by_set].tolist())),
    )


def _sets(entry: Mapping[str, Any], nodes: Sequence[int], to_left: Sequence[int]) -> list[Doubles]:
    """For each of `nodes`, the categories that go right. Any: JSON values."""
    known = dict(zip(entry["categories_nodes"], range(len(entry["categories_nodes"])), strict=True))
    found = []
    for node, stays in zip(nodes, to_left, strict=True):
        at = known[node]
        start = entry["categories_segments"][at]
        members = entry["categories"][start : start + entry["categories_sizes"][at]]
        found.append(np.array([*members, *([] if stays else [_MISSING])], dtype=np.float64))
    return found
