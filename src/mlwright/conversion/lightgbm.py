"""LightGBM's models: trees over doubles, by the booster's own text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number
from mlwright.conversion.encoders import numbered
from mlwright.conversion.forests import summed
from mlwright.conversion.frame import Frame
from mlwright.graph.trees import MEMBER, Trees

OF_CLASSES = ("binary", "multiclass")
"""Objectives whose answers are probabilities of classes, with those that LightGBM knows by other names."""
_PLAIN = ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "l2", "l1")
_LOG_LINKS = ("poisson", "gamma", "tweedie")
_RANKS = ("lambdarank", "rank_xendcg")


def of_lightgbm(model: Any, frame: Frame) -> Answer:  # Any: a Booster, or an estimator of LightGBM
    """The sums of trees, and what the objective makes of them."""
    from mlwright.learners.lightgbm import trees_of

    g, booster = frame.g, getattr(model, "booster_", model)
    best = booster.best_iteration if booster.best_iteration and booster.best_iteration > 0 else None
    text = booster.model_to_string(num_iteration=best)
    objective = objective_of(text)
    kind = objective.split(" ")[0]
    _check(text, objective)
    trees = trees_of(text)
    if "\naverage_output\n" in text:
        trees = trees.scaled(1 / max(1, len(trees.trees) // trees.outputs))
    out = summed(frame, trees, _matrix(booster, trees, frame))
    labels = getattr(model, "classes_", None)
    if kind in OF_CLASSES or (kind == "cross_entropy" and labels is not None):
        count = re.search(r"num_class:(\d+)", objective)
        known = np.arange(int(count[1]) if count else 2) if labels is None else labels
        return Classes(known, margin=_steeper(out, objective, frame))
    if kind == "cross_entropy":  # a share between 0 and 1
        return Number(g.node("Sigmoid", out))
    if kind in _LOG_LINKS:
        return Number(g.node("Exp", out))
    if "sqrt" in objective.split(" "):
        return Number(g.node("Mul", g.node("Sign", out), g.node("Mul", out, out)))
    return Number(out)


def _check(text: str, objective: str) -> None:
    kind = objective.split(" ")[0]
    if kind in ("", "custom", "none"):
        raise ConversionRefused(
            "its objective is code: what its sums mean is known to that code alone",
            remedy="fit it with an objective of LightGBM's, such as regression or binary",
        )
    if kind in _RANKS:
        raise ConversionRefused(
            f"the objective {kind!r} orders the rows of a group, and answers no number of the target",
            remedy="use an objective of classes or of numbers",
        )
    if kind == "multiclassova":
        raise ConversionRefused("one tree a class against the rest is not converted", remedy="use multiclass")
    if kind not in (*OF_CLASSES, *_PLAIN, *_LOG_LINKS, "cross_entropy"):
        raise ConversionRefused(
            f"the objective {kind!r} is not converted", remedy="use regression, binary or multiclass"
        )
    if "\nis_linear=1" in text:
        raise ConversionRefused(
            "its leaves hold linear models, and a graph's trees hold numbers",
            remedy="fit it without linear_tree",
        )
    decisions = (int(d) for line in re.findall(r"^decision_type=(.*)$", text, re.M) for d in line.split())
    if any((d >> 2) & 3 == 1 and not d & 1 for d in decisions):
        raise ConversionRefused("it takes zeros for missing", remedy="fit it without zero_as_missing")


def objective_of(text: str) -> str:
    """The objective in a booster's text, with its parameters."""
    found = re.search(r"^objective=(.*)$", text.split("\nTree=")[0], re.MULTILINE)
    return found[1].strip() if found else ""


def _steeper(out: str, objective: str, frame: Frame) -> str:
    """Margins times the slope that the objective was given."""
    sigmoid = re.search(r"sigmoid:([0-9.eE+-]+)", objective)
    if sigmoid and float(sigmoid[1]) != 1.0:
        return frame.g.node("Mul", out, frame.g.constant(float(sigmoid[1])))
    return out


def _matrix(booster: Any, trees: Trees, frame: Frame) -> str:  # Any: a Booster
    """The columns; pandas' categories as their numbers in training, numbers that are categories cut to
    whole ones."""
    known = list(booster.pandas_categorical or [])
    texts = [i for i, s in enumerate(frame.slots) if s.words is not None]
    if known and len(known) != len(texts):
        raise ConversionRefused(
            f"the booster has {len(known)} columns of categories, the example {len(texts)}",
            remedy="give example rows with the very types that the model was fitted on",
        )
    g, matrix = frame.g, numbered(frame, dict(zip(texts, known, strict=False))).numbers()
    by_set = {int(j) for t in trees.trees for j in t.feature[t.mode == MEMBER]} - set(texts)
    if not by_set:
        return matrix
    below = g.node("Less", matrix, g.constant(0.0))
    whole = g.node("Where", below, g.node("Ceil", matrix), g.node("Floor", matrix))
    categorical = np.isin(np.arange(len(frame)), sorted(by_set))[None, :]
    return g.node("Where", g.constant(categorical), whole, matrix)
