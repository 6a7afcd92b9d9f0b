"""Normal distributions, mixtures of them, and Gaussian processes of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, inside_or_out, likeliest
from mlwright.conversion.frame import Frame

Doubles = npt.NDArray[np.float64]


def scattered(frame: Frame, means: Any, turns: Sequence[Any]) -> str:  # Any: arrays
    """[N, K]: the squared length of what is left of a row less each mean, turned by a matrix [d, e] or scaled
    by a row [d]."""
    g, x, parts = frame.g, frame.numbers(), []
    for mean, turn in zip(means, turns, strict=True):
        apart = g.node("Sub", x, g.constant(np.asarray(mean, dtype=np.float64)[None, :]))
        matrix = np.ascontiguousarray(np.asarray(turn, dtype=np.float64))
        if matrix.ndim == 1:
            apart = g.node("Mul", apart, g.constant(matrix[None, :]))
        else:
            apart = g.node("MatMul", apart, g.constant(matrix))
        parts.append(g.node("ReduceSum", g.node("Mul", apart, apart), g.constant(np.array([1])), keepdims=1))
    return g.concat(parts)


def mixed(model: Any, frame: Frame) -> Classes:  # Any: a GaussianMixture or BayesianGaussianMixture
    """Which of the components a row is from."""
    count, width = model.means_.shape
    if count < 2:
        raise ConversionRefused("it has only one component", remedy="fit it with two or more")
    roots = np.asarray(model.precisions_cholesky_, dtype=np.float64)
    if model.covariance_type == "tied":
        turns = [roots] * count
    elif model.covariance_type == "spherical":
        turns = [np.full(width, root) for root in roots]
    else:
        turns = list(roots)
    g = frame.g
    spoken = g.node("Mul", scattered(frame, model.means_, turns), g.constant(-0.5))
    # What does not depend on the row is asked of the model: at its own means nothing is left but that.
    at_means = model._estimate_log_prob(model.means_) + model._estimate_log_weights()
    own = [float(at_means[k, k]) for k in range(count)]
    added = g.node("Add", spoken, g.constant(np.array([own])))
    return likeliest(g, added, np.arange(count))


def enveloped(model: Any, frame: Frame) -> Classes:  # Any: an EllipticEnvelope
    """-1 where a row is far from the middle, by the covariance of most rows."""
    g = frame.g
    apart = g.node("Sub", frame.numbers(), g.constant(np.asarray(model.location_, dtype=np.float64)[None, :]))
    turned = g.node("MatMul", apart, g.constant(np.asarray(model.get_precision(), dtype=np.float64)))
    far = g.node("ReduceSum", g.node("Mul", turned, apart), g.constant(np.array([1])), keepdims=1)
    return inside_or_out(g, g.node("Neg", far), float(model.offset_))
