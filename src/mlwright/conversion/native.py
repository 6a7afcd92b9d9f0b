"""Boosters of the libraries' own interfaces, asked: they know no `predict_proba`, and labels are numbers.

Called by `original`, with rows as their owner holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.conversion import catboost, lightgbm, xgboost
from mlwright.conversion.names import kind_of
from mlwright.conversion.networks import Network

Doubles = npt.NDArray[np.float64]
Told = tuple[Doubles | None, npt.NDArray[Any]]
"""Probabilities [N, K], None of a model of numbers; and labels or numbers. Any: of the model's type."""


def _of_lightgbm(booster: Any, rows: Any) -> Told:  # Any: a LightGBM Booster; rows as it takes them
    answer = np.asarray(booster.predict(rows), dtype=np.float64)
    kind = lightgbm.objective_of(booster.model_to_string(num_iteration=1)).split(" ")[0]
    return _shared(answer) if kind in lightgbm.OF_CLASSES else (None, answer)


def _matrix(booster: Any, rows: Any) -> Any:  # Any: an XGBoost Booster; its rows; a DMatrix
    from xgboost import DMatrix

    named: dict[str, Any] = {}  # Any: settings of a DMatrix
    if isinstance(rows, np.ndarray):  # which has no names and types of its own
        named = {"feature_names": booster.feature_names, "feature_types": booster.feature_types}
    return DMatrix(rows, enable_categorical=True, **named)


def _of_xgboost(booster: Any, rows: Any) -> Told:  # Any: an XGBoost Booster; a pandas frame or an array
    import json

    data = _matrix(booster, rows)
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective == "multi:softmax":
        margin = np.asarray(booster.predict(data, output_margin=True), dtype=np.float64)
        share = np.exp(margin - margin.max(axis=1, keepdims=True))
        return share / share.sum(axis=1, keepdims=True), booster.predict(data).astype(np.int64)
    answer = np.asarray(booster.predict(data), dtype=np.float64)
    return _shared(answer) if objective in xgboost.OF_CLASSES else (None, answer)


def _of_catboost(model: Any, rows: Any) -> Told:  # Any: a CatBoost; rows as it takes them
    loss = catboost.loss_of(model)
    if loss in catboost.OF_CLASSES:
        share = np.asarray(model.predict(rows, prediction_type="Probability"), dtype=np.float64)
        return share, np.asarray(model.predict(rows, prediction_type="Class")).reshape(len(share))
    kind = "Exponent" if loss in catboost.EXPONENTIAL else "RawFormulaVal"
    return None, np.asarray(model.predict(rows, prediction_type=kind), dtype=np.float64)


def _shared(answer: Doubles) -> Told:
    both = np.stack([1 - answer, answer], axis=1) if answer.ndim == 1 else answer
    return both, both.argmax(axis=1)


ASKED: MappingProxyType[str, Callable[[Any, Any], Told]] = MappingProxyType(
    {
        "catboost.CatBoost": _of_catboost,
        "lightgbm.Booster": _of_lightgbm,
        "xgboost.Booster": _of_xgboost,
    }
)
"""By class, how to ask. Any: a model; rows as it takes them."""


def call(model: Any, rows: Any) -> None:  # Any: any fitted model; rows as it takes them
    """Asks once, as its owner would serve it."""
    if isinstance(model, Network):
        model.said(rows)
    elif kind_of(model) == "xgboost.Booster":
        model.predict(_matrix(model, rows))
    elif hasattr(model, "predict_proba"):
        model.predict_proba(rows)
    else:
        model.predict(rows)
