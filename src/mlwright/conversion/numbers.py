"""Steps on numbers of scikit-learn: imputing, scaling, cutting, selecting, turning.

Each does in doubles what the fitted transformer does, in the same order of operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused
from mlwright.conversion.frame import MISSING, Frame
from mlwright.conversion.functions import log1p
from mlwright.conversion.names import is_missing

Doubles = npt.NDArray[np.float64]


def _row(values: Any) -> Doubles:  # Any: an array of a fitted estimator
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


def imputed(imputer: Any, frame: Frame) -> Frame:  # Any: a SimpleImputer
    """Missing values replaced; with `add_indicator`, columns that say where."""
    g = frame.g
    fills = list(imputer.statistics_)
    kept = [
        j
        for j, fill in enumerate(fills)
        if getattr(imputer, "keep_empty_features", False)
        or not is_missing(fill)
        or imputer.strategy == "constant"
    ]
    parts: list[Frame] = []
    texts = [j for j in kept if frame.slots[j].words is not None]
    marks = is_missing(imputer.missing_values)
    if texts:
        if not marks:
            raise ConversionRefused(
                f"texts that are missing where they are {imputer.missing_values!r} are not converted",
                remedy="let missing_values be numpy.nan or None",
            )
        some, tensor = frame.pick(texts), frame.pick(texts).tensor()
        names = [(s.words or "", category_of(fills[j])) for s, j in zip(some.slots, texts, strict=True)]
        frame.words.fills.update(names)
        codes = _row([frame.words.code(column, text) for column, text in names])
        filled = g.node("Where", g.node("Equal", tensor, g.constant(MISSING)), g.constant(codes), tensor)
        slots = tuple(
            replace(
                slot,
                tensor=filled,
                place=i,
                width=len(texts),
                text=slot.text and partial(_filled_text, frame, slot.text, text),
            )
            for i, (slot, (_, text)) in enumerate(zip(some.slots, names, strict=True))
        )
        parts.append(replace(frame, slots=slots))
    of_numbers = [j for j in kept if frame.slots[j].words is None]
    if of_numbers:
        some = frame.pick(of_numbers)
        values = some.numbers()
        at = _missing(some, values, imputer.missing_values)
        row = _row([float(fills[j]) for j in of_numbers])
        parts.append(some.made(g.node("Where", at, g.constant(row), values), some.names))
    order = {j: i for i, j in enumerate([*texts, *of_numbers])}
    together = parts[0].beside(parts[1:]) if parts else frame.pick([])
    out = together.pick(order[j] for j in kept)
    if imputer.add_indicator:
        out = out.beside([indicated(imputer.indicator_, frame)])
    return out


def _filled_text(frame: Frame, text: Callable[[], str], fill: str) -> str:
    g, texts = frame.g, text()
    none, other = (g.constant(np.array([t], dtype=object)) for t in ("", fill))
    return g.node("Where", g.node("Equal", texts, none), other, texts)


def indicated(indicator: Any, frame: Frame) -> Frame:  # Any: a MissingIndicator
    """1 where a value is missing, of the columns that had missing ones."""
    which = [int(j) for j in indicator.features_]
    some, g = frame.pick(which), frame.g
    if not which:
        return some
    texts = [s.words is not None for s in some.slots]
    tensor = some.tensor()
    at = _missing(some, tensor, indicator.missing_values)
    if any(texts):
        nothing = g.node("Equal", tensor, g.constant(MISSING))
        at = g.node("Where", g.constant(np.array([texts])), nothing, at)
    return some.made(g.node("Cast", at, to=11), [f"missingindicator_{n}" for n in some.names])


def _missing(frame: Frame, tensor: str, marker: Any) -> str:  # Any: whatever stands for missing
    g = frame.g
    return (
        g.node("IsNaN", tensor) if is_missing(marker) else g.node("Equal", tensor, g.constant(float(marker)))
    )


def standardised(scaler: Any, frame: Frame) -> Frame:  # Any: a StandardScaler
    return _shifted(
        frame, scaler.mean_ if scaler.with_mean else None, scaler.scale_ if scaler.with_std else None
    )


def robustly(scaler: Any, frame: Frame) -> Frame:  # Any: a RobustScaler
    middle = scaler.center_ if scaler.with_centering else None
    return _shifted(frame, middle, scaler.scale_ if scaler.with_scaling else None)


def by_largest(scaler: Any, frame: Frame) -> Frame:  # Any: a MaxAbsScaler
    out = _shifted(frame, None, scaler.scale_)
    if not getattr(scaler, "clip", False):  # scikit-learn 1.8 and later
        return out
    return frame.made(_clipped(frame, out.tensor(), -1.0, 1.0), frame.names)


def _shifted(frame: Frame, middle: Any, scale: Any) -> Frame:  # Any: arrays, or None
    g, out = frame.g, frame.numbers()
    if middle is not None:
        out = g.node("Sub", out, g.constant(_row(middle)))
    if scale is not None:
        out = g.node("Div", out, g.constant(_row(scale)))
    return frame.made(out, frame.names)


def between(scaler: Any, frame: Frame) -> Frame:  # Any: a MinMaxScaler
    g = frame.g
    out = g.node("Mul", frame.numbers(), g.constant(_row(scaler.scale_)))
    out = g.node("Add", out, g.constant(_row(scaler.min_)))
    if scaler.clip:
        low, high = scaler.feature_range
        out = _clipped(frame, out, float(low), float(high))
    return frame.made(out, frame.names)


def _clipped(frame: Frame, tensor: str, low: float, high: float) -> str:
    """Within bounds, NaN left as it is (which Clip does not promise)."""
    g = frame.g
    out = g.node("Where", g.node("Less", tensor, g.constant(low)), g.constant(low), tensor)
    return g.node("Where", g.node("Greater", out, g.constant(high)), g.constant(high), out)


def of_length_one(normalizer: Any, frame: Frame) -> Frame:  # Any: a Normalizer
    g, x, axis = frame.g, frame.numbers(), frame.g.constant(np.array([1]))
    if normalizer.norm == "l2":
        size = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", x, x), axis, keepdims=1))
    else:
        over = "ReduceSum" if normalizer.norm == "l1" else "ReduceMax"
        size = g.node(over, g.node("Abs", x), axis, keepdims=1)
    # scikit-learn takes so short a row for one of no length
    none = g.node("Less", size, g.constant(10 * np.finfo(np.float64).eps))
    size = g.node("Where", none, g.constant(1.0), size)
    return frame.made(g.node("Div", x, size), frame.names)


def above(binarizer: Any, frame: Frame) -> Frame:  # Any: a Binarizer
    g = frame.g
    over = g.node("Greater", frame.numbers(), g.constant(float(binarizer.threshold)))
    return frame.made(g.node("Cast", over, to=11), frame.names)


def products(features: Any, frame: Frame) -> Frame:  # Any: a PolynomialFeatures
    """Products of powers, each as a chain of multiplications."""
    g, x = frame.g, frame.numbers()
    powers = np.asarray(features.powers_, dtype=np.int64)
    ones = g.node("Add", g.node("Mul", g.columns(x, [0], len(frame)), g.constant(0.0)), g.constant(1.0))
    padded, width = g.concat([x, ones]), len(frame)
    factors = [[j for j, p in enumerate(row) for _ in range(p)] for row in powers.tolist()]
    deep = max((len(f) for f in factors), default=1) or 1
    out = ""
    for d in range(deep):
        at = np.array([f[d] if d < len(f) else width for f in factors], dtype=np.int64)
        part = g.node("Gather", padded, g.constant(at), axis=1)
        out = g.node("Mul", out, part) if out else part
    return frame.made(out, list(features.get_feature_names_out(list(frame.names))))


def selected(selector: Any, frame: Frame) -> Frame:  # Any: whatever has get_support()
    return frame.pick(int(j) for j in np.flatnonzero(selector.get_support()))


def projected(pca: Any, frame: Frame) -> Frame:  # Any: a PCA or TruncatedSVD
    g, out = frame.g, frame.numbers()
    if getattr(pca, "mean_", None) is not None:
        out = g.node("Sub", out, g.constant(_row(pca.mean_)))
    out = g.node(
        "MatMul", out, g.constant(np.ascontiguousarray(np.asarray(pca.components_, dtype=np.float64).T))
    )
    if getattr(pca, "whiten", False):
        spread = np.sqrt(np.asarray(pca.explained_variance_, dtype=np.float64))
        out = g.node("Div", out, g.constant(_row(np.maximum(spread, np.finfo(np.float64).eps))))
    return frame.made(out, [f"component{i}" for i in range(len(pca.components_))])


_PLAIN = {
    "log": ("Log",), "exp": ("Exp",), "sqrt": ("Sqrt",), "absolute": ("Abs",), "negative": ("Neg",),
    "sign": ("Sign",), "floor": ("Floor",), "ceil": ("Ceil",), "tanh": ("Tanh",),
    "reciprocal": ("Reciprocal",),
}  # fmt: skip


def by_function(step: Any, frame: Frame) -> Frame:  # Any: a FunctionTransformer
    """Functions of numpy alone: what another does cannot be read out of it."""
    g, function = frame.g, step.func
    checks = getattr(function, "func", None)  # scikit-learn's own, as histogram boosting uses it on numbers
    if function is None or (checks is not None and _whole_name(checks) == "sklearn.check_array"):
        return frame
    name = getattr(function, "__name__", "")
    if name in ("ravel", "squeeze") and function.__module__ == "numpy" and len(frame) == 1:
        return frame  # one column, which a step that takes texts apart wants by itself
    if not isinstance(function, np.ufunc) or step.kw_args:
        raise ConversionRefused(
            f"the function {name or function!r} is code, which a graph cannot look into",
            remedy="use a function of numpy such as numpy.log1p, or do it before the model",
        )
    if name == "square":
        _refuse_whole(frame)
    x = frame.numbers()
    if name == "log1p":
        return frame.made(log1p(g, x), frame.names)
    if name == "square":
        return frame.made(g.node("Mul", x, x), frame.names)
    if name not in _PLAIN:
        raise ConversionRefused(f"numpy.{name} is not converted", remedy=f"one of {', '.join(_PLAIN)} is")
    return frame.made(g.node(*_PLAIN[name], x), frame.names)


def _refuse_whole(frame: Frame) -> None:
    """Raises `ConversionRefused` for columns of whole numbers, whose squares numpy lets run over."""
    for slot in frame.slots:
        source = frame.words.source(slot)
        given = [] if source is None else frame.words.given(source)
        if given and all(isinstance(v, int) and not isinstance(v, bool) for v in given):
            raise ConversionRefused(
                f"the squares of {slot.name!r}, whole numbers, turn negative where they grow too large",
                remedy="fit on a column of floats, as astype(float) makes it, or scale it before",
            )


def _whole_name(function: Any) -> str:  # Any: a function
    return f"{function.__module__.split('.')[0]}.{getattr(function, '__qualname__', '')}"
