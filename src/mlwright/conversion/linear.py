"""Linear models of scikit-learn: one product with a matrix, and the link of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, Number, both
from mlwright.conversion.frame import Frame
from mlwright.graph.build import GraphBuilder


def sums(model: Any, frame: Frame) -> str:  # Any: whatever has coef_ and intercept_
    """[N, outputs]: the columns times their coefficients, and the intercept."""
    g = frame.g
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    constant = np.asarray(model.intercept_, dtype=np.float64).reshape(1, -1)
    out = g.node("MatMul", frame.numbers(), g.constant(np.ascontiguousarray(weights.T)))
    return g.node("Add", out, g.constant(constant))


def number(model: Any, frame: Frame) -> Number:  # Any: a linear regression
    if np.asarray(model.coef_).ndim > 1 and len(model.coef_) > 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")
    return Number(sums(model, frame))


def centred(model: Any, frame: Frame) -> Number:  # Any: a PLSRegression, PLSCanonical or CCA
    """Of columns less their means."""
    means = np.asarray(model._x_mean, dtype=np.float64)[None, :]
    moved = frame.made(frame.g.node("Sub", frame.numbers(), frame.g.constant(means)), frame.names)
    return number(model, moved)


def exponential(model: Any, frame: Frame) -> Number:  # Any: a generalised linear model with a log link
    from_log = type(model._base_loss.link).__name__ == "LogLink"  # as fitted, whatever its settings say now
    out = sums(model, frame)
    return Number(frame.g.node("Exp", out) if from_log else out)


def log_odds(model: Any, frame: Frame) -> Classes:  # Any: a logistic regression, or a discriminant
    """Two classes: the score is the log-odds; more: scores of a softmax, or one against the rest."""
    out, labels = sums(model, frame), model.classes_
    if len(labels) == 2 and getattr(model, "multi_class", "") == "multinomial":  # until scikit-learn 1.7
        doubled = frame.g.node("Mul", out, frame.g.constant(2.0))  # a softmax of -x and x
        return Classes(labels, margin=out, probability=both(frame.g, frame.g.node("Sigmoid", doubled)))
    if len(labels) == 2:
        return Classes(labels, margin=out)
    separate = getattr(model, "solver", "") == "liblinear" or getattr(model, "multi_class", "") == "ovr"
    return one_against_rest(frame, out, labels) if separate else Classes(labels, margin=out)


def by_gradient(model: Any, frame: Frame) -> Classes:  # Any: an SGDClassifier
    out, labels, g = sums(model, frame), model.classes_, frame.g
    if model.loss == "log_loss":
        return Classes(labels, margin=out) if len(labels) == 2 else one_against_rest(frame, out, labels)
    if model.loss == "modified_huber":
        p = g.node("Div", g.node("Add", _within_one(frame, out), g.constant(1.0)), g.constant(2.0))
        if len(labels) == 2:
            return Classes(labels, probability=g.concat([g.node("Sub", g.constant(1.0), p), p]))
        best = g.node("ArgMax", out, axis=1, keepdims=0)
        return Classes(labels, probability=shared_out(g, p, len(labels)), best=best)
    return scored(frame, out, labels)


def scores(model: Any, frame: Frame) -> Classes:  # Any: a linear classifier without probabilities
    return scored(frame, sums(model, frame), model.classes_)


def scored(frame: Frame, out: str, labels: Any) -> Classes:  # Any: an array of labels
    """The label is that of the greatest score; of two, the second where its score is above 0."""
    return Classes(labels, margin=out, scores_only=True)


def one_against_rest(frame: Frame, out: str, labels: Any) -> Classes:  # Any: an array of labels
    """Each class's own probability, brought to a sum of one."""
    g = frame.g
    best = g.node("ArgMax", out, axis=1, keepdims=0)
    return Classes(labels, probability=shared_out(g, g.node("Sigmoid", out), len(labels)), best=best)


def shared_out(g: GraphBuilder, p: str, classes: int, empty: float | None = None) -> str:
    """Each row of `p` [N, K] divided by its sum; where that is 0, all `empty`, or else all alike."""
    total = g.node("ReduceSum", p, g.constant(np.array([1])), keepdims=1)
    none = g.node("Equal", total, g.constant(0.0))
    safe = g.node("Where", none, g.constant(1.0), total)
    return g.node(
        "Where", none, g.constant(1.0 / classes if empty is None else empty), g.node("Div", p, safe)
    )


def _within_one(frame: Frame, tensor: str) -> str:
    g = frame.g
    return g.node("Max", g.node("Min", tensor, g.constant(1.0)), g.constant(-1.0))
