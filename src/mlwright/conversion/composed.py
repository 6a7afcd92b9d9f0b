"""Steps made of steps: Pipeline, ColumnTransformer, FeatureUnion, and models made of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, cast

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number, both, chosen, probability_of
from mlwright.conversion.frame import Frame
from mlwright.conversion.functions import expm1
from mlwright.conversion.linear import shared_out
from mlwright.conversion.registry import ended, stepped
from mlwright.graph.build import GraphBuilder


def in_turn(pipeline: Any, frame: Frame) -> Frame:  # Any: a Pipeline of transformers
    for name, step in pipeline.steps:
        frame = stepped(step, frame, name)
    return frame


def in_turn_to_the_end(pipeline: Any, frame: Frame) -> Answer:  # Any: a Pipeline
    *before, (name, last) = pipeline.steps
    for called, step in before:
        frame = stepped(step, frame, called)
    return ended(last, frame, name)


def by_columns(transformer: Any, frame: Frame) -> Frame:  # Any: a ColumnTransformer
    """Each part with its own columns, one after another, as the fitted transformer lays them out."""
    parts: list[Frame] = []
    for name, step, columns in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if which := places_of(columns, frame.names):
            parts.append(stepped(step, frame.pick(which), name))
    return parts[0].beside(parts[1:]) if parts else frame.pick([])


def places_of(columns: Any, names: Sequence[str]) -> list[int]:  # Any: names, places, a slice or flags
    """Which of the columns `names` a part of a ColumnTransformer asks for."""
    if isinstance(columns, str):
        columns = [columns]
    if isinstance(columns, slice):
        start, stop = ((_place(c, names) if isinstance(c, str) else c) for c in (columns.start, columns.stop))
        if isinstance(columns.stop, str):
            stop += 1  # by name, the last one is among them
        return list(range(len(names)))[slice(start, stop, columns.step)]
    if np.isscalar(columns):
        columns = [columns]
    listed = list(columns)
    if listed and all(isinstance(c, (bool, np.bool_)) for c in listed):
        return [i for i, wanted in enumerate(listed) if wanted]
    return [_place(c, names) if isinstance(c, str) else range(len(names))[int(c)] for c in listed]


def _place(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ConversionRefused(f"it asks for the column {name!r}, which it is not given")
    return list(names).index(name)


def side_by_side(union: Any, frame: Frame) -> Frame:  # Any: a FeatureUnion
    parts = []
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = stepped(step, frame, name)
        weight = (union.transformer_weights or {}).get(name)
        if weight is not None:
            g = frame.g
            part = part.made(g.node("Mul", part.numbers(), g.constant(float(weight))), part.names)
        parts.append(part)
    return parts[0].beside(parts[1:])


def best_found(search: Any, frame: Frame) -> Answer:  # Any: a GridSearchCV and the like
    return ended(search.best_estimator_, frame)


def target_turned(model: Any, frame: Frame) -> Number:  # Any: a TransformedTargetRegressor
    """A model of a function of the target, undone at the end."""
    inner = ended(model.regressor_, frame)
    assert isinstance(inner, Number)
    whole = Frame(frame.g, frame.words, ()).made(inner.tensor, ["prediction"])
    return Number(undone(model.transformer_, whole).numbers())


def undone(step: Any, frame: Frame) -> Frame:  # Any: a fitted transformer of the target
    """The inverse of a transformer of numbers."""
    g, kind = frame.g, type(step).__name__
    x = frame.numbers()
    if kind == "StandardScaler":
        if step.with_std:
            x = g.node("Mul", x, g.constant(np.asarray(step.scale_, dtype=np.float64).reshape(1, -1)))
        if step.with_mean:
            x = g.node("Add", x, g.constant(np.asarray(step.mean_, dtype=np.float64).reshape(1, -1)))
        return frame.made(x, frame.names)
    inverse = getattr(getattr(step, "inverse_func", None), "__name__", "")
    if kind == "FunctionTransformer" and inverse == "expm1":
        return frame.made(expm1(g, x), frame.names)
    if kind == "FunctionTransformer" and inverse == "exp":
        return frame.made(g.node("Exp", x), frame.names)
    if kind == "FunctionTransformer" and step.inverse_func is None:
        return frame
    raise ConversionRefused(
        f"the target was turned by {kind} {inverse}, which is not undone in a graph",
        remedy="use numpy.log1p and numpy.expm1, numpy.log and numpy.exp, or StandardScaler",
    )


def voted(model: Any, frame: Frame) -> Answer:  # Any: a VotingClassifier or VotingRegressor
    """The weighted mean of answers, or the label that most answer."""
    given = model.weights or [None] * len(model.estimators)
    weights = [w for (_, e), w in zip(model.estimators, given, strict=True) if e != "drop"]
    answers = [ended(e, frame) for e in model.estimators_]
    g = frame.g
    if not hasattr(model, "classes_"):
        return Number(_mean(g, [cast(Number, a).tensor for a in answers], weights))
    by_labels = model.voting != "soft"
    shares = [
        _vote(g, cast(Classes, a)) if by_labels else probability_of(g, cast(Classes, a)) for a in answers
    ]
    return Classes(model.classes_, probability=_mean(g, shares, weights), scores_only=by_labels)


def _vote(g: GraphBuilder, answer: Classes) -> str:
    """[N, K]: 1 for the class that is answered."""
    return g.node("Gather", g.constant(np.eye(len(answer.labels))), chosen(g, answer), axis=0)


def _mean(g: GraphBuilder, tensors: list[str], weights: Sequence[float | None] = ()) -> str:
    """The mean, or that by weight: added first and divided then, as numpy does, so that ties stay ties."""
    parts = [
        tensor if weight is None else g.node("Mul", tensor, g.constant(float(weight)))
        for tensor, weight in zip(tensors, weights or [None] * len(tensors), strict=True)
    ]
    total = sum(1.0 if w is None else float(w) for w in weights) if weights else float(len(tensors))
    summed = reduce(lambda before, part: g.node("Add", before, part), parts)
    return g.node("Div", summed, g.constant(total))


def stacked(model: Any, frame: Frame) -> Answer:  # Any: a StackingClassifier or StackingRegressor
    """The last model on what the first ones answer."""
    g, parts = frame.g, []
    for e, method in zip(model.estimators_, model.stack_method_, strict=True):
        answer = ended(e, frame)
        if method == "predict" and isinstance(answer, Number):
            tensor, width = answer.tensor, 1
        elif method == "predict_proba" and isinstance(answer, Classes):
            tensor, width = probability_of(g, answer), len(answer.labels)
            if width == 2:
                tensor, width = g.columns(tensor, [1], 2), 1
        elif method == "decision_function" and isinstance(answer, Classes) and answer.margin:
            tensor, width = answer.margin, 1 if len(answer.labels) == 2 else len(answer.labels)
        else:
            raise ConversionRefused(f"stacking by {method} of this model is not converted")
        parts.append(frame.made(tensor, [f"{type(e).__name__}{k}" for k in range(width)]))
    if model.passthrough:
        parts.append(frame)
    last = ended(model.final_estimator_, parts[0].beside(parts[1:]))
    # The last model was fitted on the classes' numbers.
    return replace(last, labels=model.classes_) if isinstance(last, Classes) else last


def calibrated(model: Any, frame: Frame) -> Classes:  # Any: a CalibratedClassifierCV
    """The mean of its calibrated copies: each class by Platt's line or isotonic steps, brought to a sum of
    one."""
    g, labels = frame.g, model.classes_
    parts = []
    for one in model.calibrated_classifiers_:
        if list(one.classes) != list(labels) or list(one.estimator.classes_) != list(labels):
            raise ConversionRefused("a copy was fitted without one of the classes")
        answer = cast(Classes, ended(one.estimator, frame))
        if hasattr(one.estimator, "decision_function") and answer.margin:
            scores = answer.margin
        elif hasattr(one.estimator, "decision_function"):
            raise ConversionRefused("calibration of this model's scores is not converted")
        else:
            scores = probability_of(g, answer)
            scores = g.columns(scores, [1], 2) if len(labels) == 2 else scores
        if len(labels) == 2:
            [calibrator] = one.calibrators
            p = _calibrator(calibrator, frame, scores)
            parts.append(both(g, p))
            continue
        each = [
            _calibrator(calibrator, frame, g.columns(scores, [k], len(labels)))
            for k, calibrator in enumerate(one.calibrators)
        ]
        parts.append(shared_out(g, g.concat(each), len(labels)))
    return Classes(labels, probability=_mean(g, parts))


def _calibrator(calibrator: Any, frame: Frame, score: str) -> str:  # Any: a fitted calibrator of one class
    g = frame.g
    if hasattr(calibrator, "a_"):
        line = g.node(
            "Add", g.node("Mul", score, g.constant(float(calibrator.a_))), g.constant(float(calibrator.b_))
        )
        return g.node("Sigmoid", g.node("Neg", line))
    return broken_line(frame, score, calibrator.X_thresholds_, calibrator.y_thresholds_)


def rising(model: Any, frame: Frame) -> Number:  # Any: an IsotonicRegression
    """A line through the knots that it found."""
    if model.out_of_bounds != "clip":
        raise ConversionRefused(
            "it answers nothing for numbers beyond those that it was fitted on",
            remedy="fit it with out_of_bounds='clip'",
        )
    return Number(broken_line(frame, frame.numbers(), model.X_thresholds_, model.y_thresholds_))


def broken_line(frame: Frame, x: str, at: Any, value: Any) -> str:  # Any: arrays of knots
    """A line through knots, level beyond them, of [N, 1]."""
    g = frame.g
    at, value = np.asarray(at, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if len(at) == 1:
        return g.node("Add", g.node("Mul", x, g.constant(0.0)), g.constant(float(value[0])))
    inside = g.node("Max", g.node("Min", x, g.constant(float(at[-1]))), g.constant(float(at[0])))
    above = (
        g.node("Cast", g.node("GreaterOrEqual", inside, g.constant(at[None, 1:-1])), to=11)
        if len(at) > 2
        else ""
    )
    if not above:
        place = g.node("Mul", inside, g.constant(0.0))
    else:
        place = g.node("ReduceSum", above, g.constant(np.array([1])), keepdims=1)
    index = g.node("Cast", g.node("Reshape", place, g.constant(np.array([-1]))), to=7)
    rows = np.stack([at[:-1], value[:-1], np.diff(value) / np.diff(at)], axis=1)
    found = g.node("Gather", g.constant(rows), index, axis=0)
    start, height, slope = (g.columns(found, [i], 3) for i in range(3))
    return g.node("Add", height, g.node("Mul", slope, g.node("Sub", inside, start)))
