"""What a prototype's last step answers, and how it becomes the outputs of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlwright.base.schema import Target
from mlwright.graph.build import GraphBuilder
from mlwright.packaging.answers import label_array

LEAST = 1e-300
"""A probability of nought has no logarithm: its margin is that of this one."""


@dataclass(frozen=True)
class Number:
    """Predictions [N, 1]."""

    tensor: str


@dataclass(frozen=True)
class Classes:
    """Of the classes `labels`: log-odds (`margin`, [N, 1] of two or [N, K] of any) or probabilities [N, K];
    `best` [N] is the class that is answered, where it is not the likeliest."""

    labels: Any  # Any: an array of whatever the labels are
    margin: str = ""
    probability: str = ""
    best: str = ""
    scores_only: bool = False
    """Whether the model has no probabilities: those published are made of its scores."""


Answer = Number | Classes


def likeliest(g: GraphBuilder, scores: str, labels: Any) -> Classes:  # Any: an array of labels
    """Classes by what speaks for each [N, K]: logarithms of probabilities, up to one number for each row."""
    if len(labels) == 2:
        scores = g.node("Sub", g.columns(scores, [1], 2), g.columns(scores, [0], 2))
    return Classes(labels, margin=scores)


def inside_or_out(g: GraphBuilder, score: str, offset: float) -> Classes:
    """1 where a score [N, 1] is not below `offset`, else -1: as all of scikit-learn's detectors answer."""
    margin = g.node("Sub", score, g.constant(offset))
    best = at_least(g, margin, 0.0)
    return Classes(np.array([-1, 1]), margin=margin, best=best, scores_only=True)


def at_least(g: GraphBuilder, score: str, least: float) -> str:
    """[N]: 1 where a score [N, 1] is not below `least`, else 0."""
    return flat(g, g.node("Cast", g.node("GreaterOrEqual", score, g.constant(least)), to=7))


def chosen(g: GraphBuilder, answer: Classes) -> str:
    """[N]: the number of the class that is answered."""
    if answer.best:
        return answer.best
    if answer.probability or len(answer.labels) != 2:
        return g.node("ArgMax", answer.probability or answer.margin, axis=1, keepdims=0)
    above = g.node("Greater", answer.margin, g.constant(0.0))
    return flat(g, g.node("Cast", above, to=7))


def flat(g: GraphBuilder, tensor: str) -> str:
    """[N] of [N, 1]."""
    return g.node("Reshape", tensor, g.constant(np.array([-1], dtype=np.int64)))


def probability_of(g: GraphBuilder, answer: Classes) -> str:
    """Probabilities [N, K] of an answer."""
    if answer.probability:
        return answer.probability
    if len(answer.labels) == 2:
        return both(g, g.node("Sigmoid", answer.margin))
    return g.node("Softmax", answer.margin, axis=1)


def both(g: GraphBuilder, second: str) -> str:
    """Probabilities [N, 2] of two classes by that of the second [N, 1]."""
    return g.concat([g.node("Sub", g.constant(1.0), second), second])


def published(g: GraphBuilder, answer: Answer, target: Target, order: list[int]) -> None:
    """Publishes the outputs; `order[k]` is which of the model's classes is class k of the target."""
    if isinstance(answer, Number):
        g.output("prediction", flat(g, answer.tensor), "float64", None)
        return
    classes, margin, probability = len(target.classes), answer.margin, answer.probability
    turned, from_probability = order != list(range(classes)), bool(probability)
    if margin and classes == 2 and not probability:
        margin = g.node("Mul", margin, g.constant(np.array([[0.0, 1.0]])))  # from [N, 1]
    if not margin:
        margin = g.node("Log", g.node("Max", probability, g.constant(LEAST)))
    if turned:
        margin = g.columns(margin, order, classes)
        probability = probability and g.columns(probability, order, classes)
    probability = probability or g.node("Softmax", margin, axis=1)
    # By the margin where there is one: probabilities are alike before it is nothing.
    best = answer.best or g.node("ArgMax", probability if from_probability else margin, axis=1, keepdims=0)
    if answer.best and turned:
        places = np.argsort(np.array(order)).astype(np.int64)
        best = g.node("Gather", g.constant(places), best, axis=0)
    labels, kind = label_array(target)
    g.output("probability", probability, "float64", classes)
    g.output("label", g.node("Gather", g.constant(labels), best, axis=0), kind, None)
    g.output("margin", margin, "float64", classes)
