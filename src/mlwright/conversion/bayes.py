"""Naive Bayes of scikit-learn, and the quadratic discriminant: what speaks for each class, added up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, likeliest
from mlwright.conversion.frame import Frame
from mlwright.conversion.gaussian import scattered

Doubles = npt.NDArray[np.float64]


def normal(model: Any, frame: Frame) -> Classes:  # Any: a GaussianNB
    """Each column of each class with a mean and a variance of its own."""
    spread = 1.0 / np.sqrt(np.asarray(model.var_, dtype=np.float64))
    constant = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * model.var_).sum(axis=1)
    apart = scattered(frame, model.theta_, list(spread))
    return _summed(frame, apart, -0.5, constant, model.classes_)


def quadratic(model: Any, frame: Frame) -> Classes:  # Any: a QuadraticDiscriminantAnalysis
    """Each class with a covariance of its own."""
    turns = [r * np.asarray(s) ** -0.5 for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    constant = np.log(model.priors_) - 0.5 * np.array([np.log(s).sum() for s in model.scalings_])
    return _summed(frame, scattered(frame, model.means_, turns), -0.5, constant, model.classes_)


def counted(model: Any, frame: Frame) -> Classes:  # Any: a MultinomialNB or ComplementNB
    """Counts times what one of each says."""
    prior = np.asarray(model.class_log_prior_, dtype=np.float64)
    if type(model).__name__ == "ComplementNB" and len(model.classes_) > 1:
        prior = np.zeros_like(prior)
    return _weighed(frame, frame.numbers(), model.feature_log_prob_, prior, model.classes_)


def occurring(model: Any, frame: Frame) -> Classes:  # Any: a BernoulliNB
    """Whether each occurs."""
    g, x = frame.g, frame.numbers()
    if model.binarize is not None:
        x = g.node("Cast", g.node("Greater", x, g.constant(float(model.binarize))), to=11)
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    constant = model.class_log_prior_ + absent.sum(axis=1)
    return _weighed(frame, x, model.feature_log_prob_ - absent, constant, model.classes_)


def categories(model: Any, frame: Frame) -> Classes:  # Any: a CategoricalNB
    """Each column's whole number is one of its categories."""
    g, x = frame.g, frame.numbers()
    counts = [table.shape[1] for table in model.feature_log_prob_]
    places = np.repeat(np.arange(len(counts)), counts)
    values = np.concatenate([np.arange(n) for n in counts]).astype(np.float64)
    whole = g.node("Cast", g.node("Cast", x, to=7), to=11)  # towards nought, as numpy makes whole numbers
    spread = g.node("Gather", whole, g.constant(places.astype(np.int64)), axis=1)
    hits = g.node("Cast", g.node("Equal", spread, g.constant(values[None, :])), to=11)
    weights = np.concatenate(list(model.feature_log_prob_), axis=1)
    return _weighed(frame, hits, weights, model.class_log_prior_, model.classes_)


def _weighed(frame: Frame, x: str, weights: Any, constant: Any, labels: Any) -> Classes:  # Any: arrays
    g = frame.g
    table = np.ascontiguousarray(np.asarray(weights, dtype=np.float64).T)
    return _summed(frame, g.node("MatMul", x, g.constant(table)), 1.0, constant, labels)


def _summed(frame: Frame, scores: str, factor: float, constant: Any, labels: Any) -> Classes:  # Any: arrays
    if len(labels) < 2:
        raise ConversionRefused("it knows only one class", remedy="fit it on rows of at least two classes")
    g = frame.g
    scores = scores if factor == 1.0 else g.node("Mul", scores, g.constant(factor))
    added = g.node("Add", scores, g.constant(np.asarray(constant, dtype=np.float64).reshape(1, -1)))
    return likeliest(g, added, labels)
