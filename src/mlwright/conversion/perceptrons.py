"""Neural networks of scikit-learn: layers of products, each with its activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number
from mlwright.conversion.frame import Frame

_ACTIVATIONS = {"identity": "", "logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "exp": "Exp"}


def perceptron(model: Any, frame: Frame) -> Answer:  # Any: an MLPClassifier or MLPRegressor
    g, out = frame.g, frame.numbers()
    last, inner = len(model.coefs_) - 1, _ACTIVATIONS[model.activation]
    for i, (weights, constant) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        out = g.node("MatMul", out, g.constant(np.asarray(weights, dtype=np.float64)))
        out = g.node("Add", out, g.constant(np.asarray(constant, dtype=np.float64)[None, :]))
        out = g.node(inner, out) if inner and i < last else out
    if not hasattr(model, "classes_"):
        if model.n_outputs_ > 1:
            raise ConversionRefused(
                "it answers several numbers at once", remedy="fit a model for each target"
            )
        ending = _ACTIVATIONS[model.out_activation_]
        return Number(g.node(ending, out) if ending else out)
    if model.out_activation_ == "logistic" and model.n_outputs_ > 1:
        raise ConversionRefused("it answers several labels at once", remedy="fit a model for each label")
    return Classes(model.classes_, margin=out)
