"""Models of scikit-learn that ask other models: bagging, boosting by weights, one against the others,
thresholds, and those that only hand on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number, both, chosen, flat, likeliest, probability_of
from mlwright.conversion.distances import squared
from mlwright.conversion.forests import (
    TREES_OF_CLASSES,
    TREES_OF_NUMBERS,
    bagged_classes,
    grown,
    single,
    summed,
)
from mlwright.conversion.frame import Frame
from mlwright.conversion.kernels import pairs
from mlwright.conversion.linear import shared_out
from mlwright.conversion.names import kind_of
from mlwright.conversion.registry import ended
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees

Doubles = npt.NDArray[np.float64]


def handed_on(model: Any, frame: Frame) -> Answer:  # Any: what asks one fitted model
    inner = getattr(model, "estimator_", None)
    return ended(inner if inner is not None else model.estimator, frame)


def of_selected(model: Any, frame: Frame) -> Answer:  # Any: an RFE or RFECV as a predictor
    return ended(model.estimator_, frame.pick(int(j) for j in np.flatnonzero(model.support_)))


def bagged(model: Any, frame: Frame) -> Answer:  # Any: a BaggingClassifier or BaggingRegressor
    """The mean of what copies answer, each on columns of its own; of classes without probabilities, votes."""
    if {kind_of(e) for e in model.estimators_} <= TREES_OF_CLASSES:
        return bagged_classes(model, frame)
    g, parts = frame.g, []
    classes = len(model.classes_) if hasattr(model, "classes_") else 0
    for e, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        answer = ended(e, frame.pick(int(j) for j in columns))
        if isinstance(answer, Number):
            parts.append(answer.tensor)
        elif hasattr(e, "predict_proba"):
            parts.append(_placed(g, probability_of(g, answer), e.classes_, classes))
        else:
            votes = g.node("Gather", g.constant(np.eye(len(answer.labels))), chosen(g, answer), axis=0)
            parts.append(_placed(g, votes, e.classes_, classes))
    mean = g.node("Div", _total(g, parts), g.constant(float(len(parts))))
    return Classes(model.classes_, probability=mean) if classes else Number(mean)


def _placed(g: GraphBuilder, shares: str, known: Any, classes: int) -> str:  # Any: numbers of classes
    """Shares [N, known] as [N, classes]: copies were fitted on the classes' numbers, perhaps not on all."""
    if len(known) == classes:
        return shares
    places = np.zeros((len(known), classes))
    places[np.arange(len(known)), np.asarray(known, dtype=np.int64)] = 1.0
    return g.node("MatMul", shares, g.constant(places))


def _total(g: GraphBuilder, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else g.node("Sum", *parts)


def boosted_classes(model: Any, frame: Frame) -> Classes:  # Any: an AdaBoostClassifier
    """Weighted votes for a class, and against all others."""
    g, labels, classes = frame.g, model.classes_, len(model.classes_)
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        raise ConversionRefused("the algorithm SAMME.R is not converted", remedy="fit it with 'SAMME'")
    if classes < 2:
        raise ConversionRefused("it knows only one class", remedy="fit it on rows of at least two classes")
    weights = np.asarray(model.estimator_weights_, dtype=np.float64)[: len(model.estimators_)]
    shares = weights / np.asarray(model.estimator_weights_).sum()
    tables = []
    for e, share in zip(model.estimators_, shares, strict=True):
        table = np.full((len(e.classes_), classes), -share / (classes - 1))
        for i, label in enumerate(e.classes_):
            table[i, np.flatnonzero(labels == label)] = share
        tables.append(table)
    if {kind_of(e) for e in model.estimators_} <= TREES_OF_CLASSES:
        trees = []
        for e, table in zip(model.estimators_, tables, strict=True):
            trees += grown(e.tree_, table[e.tree_.value[:, 0, :].argmax(axis=1)])
        targets = tuple(range(classes)) * len(tables)
        scores = summed(frame, Trees(tuple(trees), targets, classes, np.zeros(classes)), single(frame))
    else:
        parts = []
        for e, table in zip(model.estimators_, tables, strict=True):
            place = chosen(g, cast(Classes, ended(e, frame)))
            parts.append(g.node("Gather", g.constant(table), place, axis=0))
        scores = _total(g, parts)
    if classes == 2:
        return likeliest(g, scores, labels)
    return Classes(labels, margin=g.node("Div", scores, g.constant(float(classes - 1))))


def boosted_number(model: Any, frame: Frame) -> Number:  # Any: an AdaBoostRegressor
    """The median of what its models answer, by weight."""
    g, count = frame.g, len(model.estimators_)
    if {kind_of(e) for e in model.estimators_} <= TREES_OF_NUMBERS:
        trees = [t for e in model.estimators_ for t in grown(e.tree_, e.tree_.value[:, 0, :])]
        made = Trees(tuple(trees), tuple(range(count)), count, np.zeros(count))
        said = summed(frame, made, single(frame))
    else:
        said = g.concat([cast(Number, ended(e, frame)).tensor for e in model.estimators_])
    if count == 1:
        return Number(said)
    values, places = g.nodes(
        "TopK", said, g.constant(np.array([count], dtype=np.int64)), outputs=2, axis=1, largest=0, sorted=1
    )
    weights = np.asarray(model.estimator_weights_, dtype=np.float64)[:count]
    in_turn = g.node("Gather", g.constant(weights), places, axis=0)
    below = g.node("MatMul", in_turn, g.constant(np.triu(np.ones((count, count)))))
    half = g.node("Mul", g.columns(below, [count - 1], count), g.constant(0.5))
    enough = g.node("Cast", g.node("GreaterOrEqual", below, half), to=11)
    middle = g.node("ArgMax", enough, axis=1, keepdims=1)
    return Number(g.node("GatherElements", values, middle, axis=1))


def one_against_others(model: Any, frame: Frame) -> Classes:  # Any: a OneVsRestClassifier
    """Each class's own model; the greatest score answers."""
    g, labels = frame.g, model.classes_
    if model.multilabel_:
        raise ConversionRefused("it answers several labels at once", remedy="fit a model for each label")
    answers = [_asked(e, frame) for e in model.estimators_]
    if len(answers) == 1:
        return replace(cast(Classes, answers[0]), labels=labels)
    together = g.concat([_score(g, e, a) for e, a in zip(model.estimators_, answers, strict=True)])
    best = g.node("ArgMax", together, axis=1, keepdims=0)
    if not hasattr(model, "predict_proba"):
        return Classes(labels, margin=together, best=best, scores_only=True)
    each = g.concat([g.columns(probability_of(g, cast(Classes, a)), [1], 2) for a in answers])
    return Classes(labels, probability=shared_out(g, each, len(labels), empty=0.0), best=best)


def one_against_one(model: Any, frame: Frame) -> Classes:  # Any: a OneVsOneClassifier
    """Each pair of classes has a model; the label is that which wins most, and most clearly."""
    g, labels = frame.g, model.classes_
    if model.pairwise_indices_ is not None:
        raise ConversionRefused("pairs by a given kernel are not converted", remedy="let kernel be 'rbf'")
    answers = [_asked(e, frame) for e in model.estimators_]
    scores = [_score(g, e, a) for e, a in zip(model.estimators_, answers, strict=True)]
    won = [_won(g, a) for a in answers]
    first_won = g.node("Sub", g.constant(1.0), g.concat(won))
    said, _ = pairs(g, g.node("Neg", g.concat(scores)), len(labels), first_won)
    if len(labels) > 2:
        best = g.node("ArgMax", said, axis=1, keepdims=0)
        return Classes(labels, margin=said, best=best, scores_only=True)
    second = g.columns(said, [1], 2)
    above = g.node("Greater", second, g.constant(_halfway(model.estimators_[0])))
    best = flat(g, g.node("Cast", above, to=7))
    return Classes(labels, margin=second, best=best, scores_only=True)


def by_code(model: Any, frame: Frame) -> Classes:  # Any: an OutputCodeClassifier
    """Each class has a code of bits, each bit a model; the nearest code answers."""
    g, labels = frame.g, model.classes_
    bits = g.concat([_score(g, e, _asked(e, frame)) for e in model.estimators_])
    near = g.node("Neg", g.node("Sqrt", squared(g, bits, np.asarray(model.code_book_, dtype=np.float64))))
    best = g.node("ArgMax", near, axis=1, keepdims=0)
    return Classes(labels, margin=likeliest(g, near, labels).margin, best=best, scores_only=True)


def above_threshold(model: Any, frame: Frame) -> Classes:  # Any: a FixedThresholdClassifier or the tuned one
    """The label by a threshold of its own; probabilities stay those of the model."""
    g, labels = frame.g, model.classes_
    inner = getattr(model, "estimator_", None) or model.estimator
    answer = cast(Classes, ended(inner, frame))
    tuned = hasattr(model, "best_threshold_")
    positive = model._curve_scorer._get_pos_label() if tuned else model.pos_label
    place = 1 if positive is None else int(np.flatnonzero(labels == positive)[0])
    method = model.response_method
    if method == "auto":
        method = "predict_proba" if hasattr(inner, "predict_proba") else "decision_function"
    if method == "predict_proba":
        score = g.columns(probability_of(g, answer), [place], 2)
    else:
        score = _decided(answer)
        score = score if place else g.node("Neg", score)
    threshold = model.best_threshold_ if tuned else model.threshold
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    above = g.node("Cast", g.node("GreaterOrEqual", score, g.constant(float(threshold))), to=7)
    to = g.constant(np.array([1 - place, place], dtype=np.int64))
    return replace(answer, labels=labels, best=g.node("Gather", to, flat(g, above), axis=0))


def _asked(model: Any, frame: Frame) -> Answer:  # Any: a model of two classes, or a regression
    """What it answers; where it was fitted on one class alone, that."""
    if kind_of(model) != "sklearn._ConstantPredictor":
        return ended(model, frame)
    always = constant(frame, np.asarray(model.y_, dtype=np.float64))
    return Classes(np.array([0, 1]), margin=always, probability=both(frame.g, always))


def _score(g: GraphBuilder, model: Any, answer: Answer) -> str:  # Any: what was asked
    """[N, 1]: what speaks for the second class, as scikit-learn asks for it."""
    if isinstance(answer, Number):
        return answer.tensor
    if hasattr(model, "decision_function"):
        return _decided(answer)
    return g.columns(probability_of(g, answer), [1], 2)


def _decided(answer: Classes) -> str:
    if not answer.margin or len(answer.labels) != 2:
        raise ConversionRefused("the scores of this model are not converted", remedy="use LogisticRegression")
    return answer.margin


def _won(g: GraphBuilder, answer: Answer) -> str:
    """[N, 1]: the label as 0 or 1."""
    if isinstance(answer, Number):
        raise ConversionRefused("a regression decides no pair", remedy="use a classifier")
    place = g.node("Reshape", chosen(g, answer), g.constant(np.array([-1, 1], dtype=np.int64)))
    return g.node("Cast", place, to=11)


def _halfway(model: Any) -> float:  # Any: a model of two classes
    return 0.0 if hasattr(model, "decision_function") else 0.5


def constant(frame: Frame, row: Doubles) -> str:
    """[N, len(row)]: the same for every row."""
    g = frame.g
    nothing = g.node("Mul", g.node("Cast", g.node("IsNaN", frame.pick([0]).tensor()), to=11), g.constant(0.0))
    return g.node("Add", nothing, g.constant(np.asarray(row, dtype=np.float64).reshape(1, -1)))


def same_classes(model: Any, frame: Frame) -> Classes:  # Any: a DummyClassifier
    """The same answer for every row."""
    if model.n_outputs_ != 1:
        raise ConversionRefused("it answers several targets at once", remedy="fit a model for each target")
    strategy = model._strategy if hasattr(model, "_strategy") else model.strategy
    if strategy not in ("prior", "most_frequent", "constant"):
        raise ConversionRefused(
            f"the strategy {strategy!r} answers at random", remedy="let strategy be 'prior'"
        )
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    if strategy == "constant":
        prior = np.asarray(model.classes_ == model.constant, dtype=np.float64)
    elif strategy == "most_frequent":
        prior = np.eye(len(prior))[prior.argmax()]
    return Classes(model.classes_, probability=constant(frame, prior))


def same_number(model: Any, frame: Frame) -> Number:  # Any: a DummyRegressor
    row = np.asarray(model.constant_, dtype=np.float64).ravel()
    if len(row) != 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")
    return Number(constant(frame, row))
