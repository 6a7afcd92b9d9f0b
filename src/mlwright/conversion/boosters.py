"""Boosters of other libraries: their trees, read from their own formats."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number
from mlwright.conversion.encoders import hits
from mlwright.conversion.forests import summed
from mlwright.conversion.frame import Frame
from mlwright.conversion.names import is_missing

OF_CLASSES = ("binary", "cross_entropy", "multiclass")
"""Objectives whose answers are probabilities."""
_LOG_LINKS = ("poisson", "gamma", "tweedie")


def of_lightgbm(model: Any, frame: Frame) -> Answer:  # Any: a Booster, LGBMClassifier or LGBMRegressor
    """Trees over doubles, by the booster's text; categories of pandas as their numbers."""
    from mlwright.learners.lightgbm import trees_of

    booster = getattr(model, "booster_", model)
    best = booster.best_iteration if booster.best_iteration and booster.best_iteration > 0 else None
    text = booster.model_to_string(num_iteration=best)
    trees = trees_of(text)
    if "\naverage_output\n" in text:
        trees = trees.scaled(1 / max(1, len(trees.trees) // trees.outputs))
    objective = objective_of(text)
    out = summed(frame, trees, _numbered(booster, frame))
    if objective.startswith(OF_CLASSES):
        return _classes(model, out, objective, frame)
    if objective.split(" ")[0] in _LOG_LINKS:
        out = frame.g.node("Exp", out)
    elif "sqrt" in objective.split(" "):
        out = frame.g.node("Mul", frame.g.node("Sign", out), frame.g.node("Mul", out, out))
    elif objective.split(" ")[0] not in (
        "regression",
        "regression_l1",
        "huber",
        "fair",
        "quantile",
        "mape",
        "l2",
        "l1",
    ):
        raise ConversionRefused(
            f"the objective {objective or 'of its own'!r} is not converted",
            remedy="use regression, binary or multiclass",
        )
    return Number(out)


def of_xgboost(model: Any, frame: Frame) -> Answer:  # Any: an XGBClassifier or XGBRegressor
    """Trees over numbers that are rounded to float32, by the booster's JSON; the graph adds in doubles."""
    from mlwright.learners.xgboost import trees_of

    booster = model.get_booster()
    if not is_missing(model.missing):
        raise ConversionRefused("missing values are told by a number", remedy="let missing be numpy.nan")
    text = bytes(booster.save_raw("json"))
    learner = json.loads(text)["learner"]
    kind, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    grown = learner["gradient_booster"].get("model", {}).get("trees", [])
    if kind != "gbtree":
        raise ConversionRefused(f"the booster {kind!r} is not converted", remedy="use gbtree")
    if any(any(t.get("split_type", [])) for t in grown):
        raise ConversionRefused("splits by categories are not converted", remedy="encode them first")
    trees, _ = trees_of(text)
    best = getattr(model, "best_iteration", None)
    if best is not None:
        some = (int(best) + 1) * trees.outputs
        trees = replace(trees, trees=trees.trees[:some], target=trees.target[:some])
    exponential = objective in ("count:poisson", "reg:gamma", "reg:tweedie")
    if exponential:
        trees = replace(trees, bias=np.log(trees.bias))
    out = summed(frame, trees, frame.numbers())
    if objective in ("binary:logistic", "multi:softprob", "multi:softmax"):
        labels = getattr(model, "classes_", None)
        return Classes(np.arange(max(2, trees.outputs)) if labels is None else labels, margin=out)
    if exponential:
        return Number(frame.g.node("Exp", out))
    if objective not in (
        "reg:squarederror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
    ):
        raise ConversionRefused(
            f"the objective {objective!r} is not converted", remedy="use reg:squarederror"
        )
    return Number(out)


def of_catboost(model: Any, frame: Frame) -> Answer:  # Any: a CatBoostClassifier or CatBoostRegressor
    """Oblivious trees over numbers that are rounded to float32."""
    from mlwright.learners.catboost import trees_of

    if model.get_cat_feature_indices() or model.get_text_feature_indices():
        raise ConversionRefused(
            "CatBoost's own handling of categories and texts is not converted", remedy="encode them first"
        )
    loss = str(model.get_all_params().get("loss_function", "")).split(":")[0]
    out = summed(frame, trees_of(model, model.tree_count_), frame.numbers())
    if loss in ("Logloss", "CrossEntropy", "MultiClass"):
        return Classes(model.classes_, margin=out)
    if loss in ("Poisson", "Tweedie"):
        return Number(frame.g.node("Exp", out))
    if loss not in ("RMSE", "MAE", "Quantile", "Huber", "MAPE", "Expectile"):
        raise ConversionRefused(
            f"the loss {loss!r} is not converted", remedy="use RMSE, Logloss or MultiClass"
        )
    return Number(out)


def _classes(model: Any, out: str, objective: str, frame: Frame) -> Classes:  # Any: a LightGBM model
    labels = getattr(model, "classes_", None)
    if objective.startswith("multiclassova"):
        raise ConversionRefused("one tree a class against the rest is not converted", remedy="use multiclass")
    sigmoid = re.search(r"sigmoid:([0-9.eE+-]+)", objective)
    if sigmoid and float(sigmoid[1]) != 1.0:
        out = frame.g.node("Mul", out, frame.g.constant(float(sigmoid[1])))
    if labels is None:
        count = re.search(r"num_class:(\d+)", objective)
        labels = np.arange(int(count[1]) if count else 2)
    return Classes(labels, margin=out)


def objective_of(text: str) -> str:
    """The objective in a booster's text, with its parameters."""
    found = re.search(r"^objective=(.*)$", text.split("\nTree=")[0], re.MULTILINE)
    return found[1].strip() if found else ""


def _numbered(booster: Any, frame: Frame) -> str:  # Any: a Booster
    """The matrix; columns of pandas' categories as their places among those of training, others missing."""
    g, known = frame.g, list(booster.pandas_categorical or [])
    texts = [i for i, s in enumerate(frame.slots) if s.words is not None]
    if len(known) != len(texts):
        if not known:
            return frame.numbers()
        raise ConversionRefused(
            f"the booster has {len(known)} columns of categories, the example {len(texts)}",
            remedy="give example rows with the very types that the model was fitted on",
        )
    if not texts:
        return frame.numbers()
    some = frame.pick(texts)
    found = hits(some, known)
    places = np.zeros((found.total, len(texts)))
    for j, span in enumerate(found.spans):
        places[span, j] = np.arange(span.stop - span.start)
    seen = g.node("Greater", found.known(), g.constant(0.5))
    codes = g.node("Where", seen, found.times(places), g.constant(np.nan))
    numbered = some.made(codes, some.names)
    slots = list(frame.slots)
    for slot, i in zip(numbered.slots, texts, strict=True):
        slots[i] = slot
    return Frame(g, frame.words, tuple(slots)).numbers()
