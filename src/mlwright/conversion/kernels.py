"""Support vectors and kernel ridge of scikit-learn: a sum over the points that a model keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, Number, flat, inside_or_out
from mlwright.conversion.coupling import MOST_CLASSES, coupled
from mlwright.conversion.distances import FEWER, FITTED, VECTORS, cosines, kept, manhattan, products, squared
from mlwright.conversion.frame import Frame
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]


def similarity(
    frame: Frame, points: Doubles, kernel: Any, settings: dict[str, float]
) -> str:  # Any: a name or code
    """[N, M]: the kernel of each row and each point."""
    g, x = frame.g, frame.numbers()
    gamma = settings["gamma"]
    if kernel == "linear":
        return products(g, x, points)
    if kernel == "rbf":
        return g.node("Exp", g.node("Mul", squared(g, x, points), g.constant(-gamma)))
    if kernel == "laplacian":
        return g.node("Exp", g.node("Mul", manhattan(g, x, points), g.constant(-gamma)))
    if kernel == "cosine":
        return cosines(g, x, points)
    if kernel in ("poly", "polynomial", "sigmoid"):
        scaled = g.node("Mul", products(g, x, points), g.constant(gamma))
        moved = g.node("Add", scaled, g.constant(settings["coef0"]))
        if kernel == "sigmoid":
            return g.node("Tanh", moved)
        return _power(g, moved, settings["degree"])
    named = f"the kernel {kernel!r}" if isinstance(kernel, str) else "a kernel that is code"
    raise ConversionRefused(
        f"{named} is not converted", remedy="let kernel be 'rbf', 'poly', 'sigmoid', 'linear' or 'laplacian'"
    )


def _power(g: GraphBuilder, x: str, degree: float) -> str:
    """Whole powers as products, as libsvm does them."""
    if not float(degree).is_integer() or not 0 <= degree <= 16:
        return g.node("Pow", x, g.constant(float(degree)))
    if degree == 0:
        return g.node("Add", g.node("Mul", x, g.constant(0.0)), g.constant(1.0))
    out = x
    for _ in range(int(degree) - 1):
        out = g.node("Mul", out, x)
    return out


def ridge(model: Any, frame: Frame) -> Number:  # Any: a KernelRidge
    weights = np.asarray(model.dual_coef_, dtype=np.float64)
    if weights.ndim > 1 and weights.shape[1] > 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")
    points = kept(frame, model.X_fit_, FITTED, FEWER)
    gamma = 1.0 / points.shape[1] if model.gamma is None else float(model.gamma)
    settings = {"gamma": gamma, "degree": float(model.degree), "coef0": float(model.coef0)}
    alike = similarity(frame, points, model.kernel, settings)
    return Number(frame.g.node("MatMul", alike, frame.g.constant(weights.reshape(-1, 1))))


def vectors_number(model: Any, frame: Frame) -> Number:  # Any: an SVR or NuSVR
    return Number(_decisions(model, frame, _dense(model._dual_coef_).T))


def vectors_outliers(model: Any, frame: Frame) -> Classes:  # Any: a OneClassSVM
    return inside_or_out(frame.g, _decisions(model, frame, _dense(model._dual_coef_).T), 0.0)


def line_outliers(model: Any, frame: Frame) -> Classes:  # Any: an SGDOneClassSVM
    g, weights = frame.g, np.asarray(model.coef_, dtype=np.float64).reshape(-1, 1)
    score = g.node("MatMul", frame.numbers(), g.constant(weights))
    return inside_or_out(frame.g, score, float(np.ravel(model.offset_)[0]))


def vectors_classes(model: Any, frame: Frame) -> Classes:  # Any: an SVC or NuSVC
    """Each pair of classes decides, and the label is that which wins most; the first of several."""
    g, labels = frame.g, model.classes_
    decided = _decisions(model, frame, _by_pair(model))
    p = _platt(model, g, decided) if _has_probabilities(model) else ""
    if len(labels) == 2:
        margin = g.node("Neg", decided)
        best = flat(g, g.node("Cast", g.node("LessOrEqual", decided, g.constant(0.0)), to=7))
        return Classes(labels, margin=margin, probability=p, best=best, scores_only=not p)
    won, votes = pairs(g, decided, len(labels))
    by_score = model.break_ties and model.decision_function_shape == "ovr"
    best = g.node("ArgMax", won if by_score else votes, axis=1, keepdims=0)
    return Classes(labels, margin=won, probability=p, best=best, scores_only=not p)


def pairs(g: GraphBuilder, decided: str, classes: int, first_won: str = "") -> tuple[str, str]:
    """From what each pair decides [N, pairs], above 0 for the first of both, unless `first_won` says so with
    1 and 0: scores [N, K], which are votes and within a third how clear they were, as scikit-learn adds them
    up; and the votes [N, K]."""
    each = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    first, second = np.zeros((len(each), classes)), np.zeros((len(each), classes))
    for row, (i, j) in enumerate(each):
        first[row, i] = second[row, j] = 1.0
    for_first = first_won or g.node("Cast", g.node("Greater", decided, g.constant(0.0)), to=11)
    for_second = g.node("Sub", g.constant(1.0), for_first)
    votes = g.node(
        "Add",
        g.node("MatMul", for_first, g.constant(first)),
        g.node("MatMul", for_second, g.constant(second)),
    )
    clear = g.node("MatMul", decided, g.constant(first - second))
    size = g.node("Mul", g.node("Add", g.node("Abs", clear), g.constant(1.0)), g.constant(3.0))
    return g.node("Add", votes, g.node("Div", clear, size)), votes


def _decisions(model: Any, frame: Frame, weights: Doubles) -> str:  # Any: a model of libsvm
    """[N, outputs]: the weighted sum over support vectors, for weights [M, outputs]."""
    points = kept(frame, model.support_vectors_, VECTORS, FEWER)
    settings = {"gamma": float(model._gamma), "degree": float(model.degree), "coef0": float(model.coef0)}
    alike = similarity(frame, points, model.kernel, settings)
    g = frame.g
    constant = np.asarray(model._intercept_, dtype=np.float64).reshape(1, -1)
    return g.node(
        "Add", g.node("MatMul", alike, g.constant(np.ascontiguousarray(weights))), g.constant(constant)
    )


def _by_pair(model: Any) -> Doubles:  # Any: an SVC or NuSVC
    """Weights [M, pairs]: libsvm keeps for each vector one of each other class."""
    dual, ends = _dense(model._dual_coef_), np.cumsum(model._n_support)
    of = [slice(int(e - n), int(e)) for e, n in zip(ends, model._n_support, strict=True)]
    classes, columns = len(of), []
    for i in range(classes):
        for j in range(i + 1, classes):
            column = np.zeros(dual.shape[1])
            column[of[i]], column[of[j]] = dual[j - 1, of[i]], dual[i, of[j]]
            columns.append(column)
    return np.stack(columns, axis=1)


def _has_probabilities(model: Any) -> bool:  # Any: an SVC or NuSVC
    return bool(getattr(model, "_effective_probability", getattr(model, "probability", False) is True))


def _platt(model: Any, g: GraphBuilder, decided: str) -> str:  # Any: an SVC or NuSVC
    """Platt's line through the scores of each pair, kept from 0 and 1, and coupled."""
    classes = len(model.classes_)
    if classes > MOST_CLASSES:
        raise ConversionRefused(
            f"the probabilities of {classes} classes come from those of pairs; {MOST_CLASSES} are allowed",
            remedy="fit CalibratedClassifierCV(SVC(), ensemble=False) instead of SVC(probability=True)",
        )
    slopes, constants = (np.asarray(v, dtype=np.float64)[None, :] for v in (model._probA, model._probB))
    line = g.node("Add", g.node("Mul", decided, g.constant(slopes)), g.constant(constants))
    p = g.node("Sigmoid", g.node("Neg", line))
    kept_in = g.node("Min", g.node("Max", p, g.constant(1e-7)), g.constant(1 - 1e-7))
    return coupled(g, kept_in, classes)


def _dense(weights: Any) -> Doubles:  # Any: an array, or a sparse one
    return np.asarray(weights.toarray() if hasattr(weights, "toarray") else weights, dtype=np.float64)
