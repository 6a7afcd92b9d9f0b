"""Steps of scikit-learn that make new columns of all of them: projections, distances, random features,
leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.distances import distances, kept
from mlwright.conversion.forests import grown, single
from mlwright.conversion.frame import Frame
from mlwright.graph.trees import Trees, tree_ensemble

Doubles = npt.NDArray[np.float64]


def _product(frame: Frame, tensor: str, weights: Any, name: str) -> Frame:  # Any: an array, or a sparse one
    """A frame of `tensor` [N, M] times `weights` [M, outputs]."""
    dense = weights.toarray() if hasattr(weights, "toarray") else weights
    matrix = np.ascontiguousarray(np.asarray(dense, dtype=np.float64))
    out = frame.g.node("MatMul", tensor, frame.g.constant(matrix))
    return frame.made(out, [f"{name}{i}" for i in range(matrix.shape[1])])


def _centred(frame: Frame, middle: Any) -> str:  # Any: an array
    row = np.asarray(middle, dtype=np.float64).reshape(1, -1)
    return frame.g.node("Sub", frame.numbers(), frame.g.constant(row))


def components(step: Any, frame: Frame) -> Frame:  # Any: a random projection, or NeighborhoodComponents
    return _product(frame, frame.numbers(), step.components_.T, "component")


def independent(step: Any, frame: Frame) -> Frame:  # Any: a FastICA
    centred = _centred(frame, step.mean_) if step.whiten else frame.numbers()
    return _product(frame, centred, step.components_.T, "component")


def factors(step: Any, frame: Frame) -> Frame:  # Any: a FactorAnalysis
    """The mean of the factors behind a row."""
    weighed = step.components_ / step.noise_variance_
    inner = np.linalg.inv(np.eye(len(weighed)) + weighed @ step.components_.T)
    return _product(frame, _centred(frame, step.mean_), weighed.T @ inner, "factor")


def discriminants(step: Any, frame: Frame) -> Frame:  # Any: a LinearDiscriminantAnalysis
    if step.solver == "lsqr":
        raise ConversionRefused("it has no transform with solver='lsqr'", remedy="let solver be 'svd'")
    centred = _centred(frame, step.xbar_) if step.solver == "svd" else frame.numbers()
    return _product(frame, centred, step.scalings_[:, : step._max_components], "discriminant")


def hidden(step: Any, frame: Frame) -> Frame:  # Any: a BernoulliRBM
    made = _product(frame, frame.numbers(), step.components_.T, "hidden")
    g = frame.g
    bias = g.constant(np.asarray(step.intercept_hidden_, dtype=np.float64).reshape(1, -1))
    return frame.made(g.node("Sigmoid", g.node("Add", made.tensor(), bias)), made.names)


def to_middles(step: Any, frame: Frame) -> Frame:  # Any: a KMeans and the like, or a Birch
    """How far a row is from each cluster's middle."""
    middles = step.subcluster_centers_ if hasattr(step, "subcluster_centers_") else step.cluster_centers_
    points = kept(frame, middles, "middles of clusters", "use fewer clusters")
    far = distances(frame, points, "euclidean")
    return frame.made(far, [f"distance{i}" for i in range(len(points))])


def waves(step: Any, frame: Frame) -> Frame:  # Any: an RBFSampler
    return _waves(step, frame, frame.numbers())


def skewed_waves(step: Any, frame: Frame) -> Frame:  # Any: a SkewedChi2Sampler
    g, x = frame.g, frame.numbers()
    moved = g.node("Add", x, g.constant(float(step.skewedness)))
    inside = g.node("Greater", moved, g.constant(0.0))
    log = g.node("Log", g.node("Where", inside, moved, g.constant(1.0)))
    return _waves(step, frame, g.node("Where", inside, log, g.constant(np.nan)))


def _waves(step: Any, frame: Frame, tensor: str) -> Frame:  # Any: a sampler of random features
    """Cosines of random projections."""
    g, made = frame.g, _product(frame, tensor, step.random_weights_, "wave")
    offset = g.constant(np.asarray(step.random_offset_, dtype=np.float64).reshape(1, -1))
    wave = g.node("Cos", g.node("Add", made.tensor(), offset))
    height = g.constant(float(np.sqrt(2.0 / step.n_components)))
    return frame.made(g.node("Mul", wave, height), made.names)


def additive_waves(step: Any, frame: Frame) -> Frame:  # Any: an AdditiveChi2Sampler
    """Roots, cosines and sines of logarithms; nothing of nothing, and NaN of less."""
    g, x = frame.g, frame.numbers()
    every = getattr(step, "sample_interval_", None) or step.sample_interval
    every = float(every if every is not None else {1: 0.8, 2: 0.5, 3: 0.4}[step.sample_steps])
    nothing = g.node("Equal", x, g.constant(0.0))
    some = g.node("Where", nothing, g.constant(1.0), x)

    def shown(tensor: str) -> str:
        return g.node("Where", nothing, g.constant(0.0), tensor)

    parts = [shown(g.node("Sqrt", g.node("Mul", some, g.constant(every))))]
    log = g.node("Mul", g.node("Log", some), g.constant(every))
    for j in range(1, step.sample_steps):
        size = g.constant(2 * every / float(np.cosh(np.pi * j * every)))
        height = g.node("Sqrt", g.node("Mul", some, size))
        angle = g.node("Mul", log, g.constant(float(j)))
        for turned in (angle, g.node("Sub", angle, g.constant(np.pi / 2))):
            parts.append(shown(g.node("Mul", height, g.node("Cos", turned))))
    names = [f"{name}_{i}" for i in range(len(parts)) for name in frame.names]
    return frame.made(g.concat(parts), names)


def pooled(step: Any, frame: Frame) -> Frame:  # Any: a FeatureAgglomeration
    """The mean of the columns of each cluster."""
    if step.pooling_func is not np.mean:
        raise ConversionRefused(
            f"pooling_func={getattr(step.pooling_func, '__name__', step.pooling_func)!r} is not converted",
            remedy="let it be numpy.mean",
        )
    labels = np.asarray(step.labels_)
    member = (labels[:, None] == np.unique(labels)[None, :]).astype(np.float64)
    g, made = frame.g, _product(frame, frame.numbers(), member, "cluster")
    return frame.made(g.node("Div", made.tensor(), g.constant(member.sum(axis=0)[None, :])), made.names)


def leaves(step: Any, frame: Frame) -> Frame:  # Any: a RandomTreesEmbedding
    """Which leaf of each tree a row ends in: a column for each leaf."""
    g, trees = frame.g, []
    sizes = [len(known) for known in step.one_hot_encoder_.categories_]
    for estimator, known in zip(step.estimators_, step.one_hot_encoder_.categories_, strict=True):
        number = np.full((estimator.tree_.node_count, 1), -1.0)
        number[np.asarray(known, dtype=np.int64), 0] = np.arange(len(known))
        trees += grown(estimator.tree_, number)
    each = Trees(tuple(trees), tuple(range(len(trees))), len(trees), np.zeros(len(trees)))
    return one_of_each(frame, tree_ensemble(g, each, single(frame)), sizes, "leaf")


def one_of_each(frame: Frame, numbers: str, sizes: Sequence[int], name: str) -> Frame:
    """For whole `numbers` [N, columns], a column of noughts and ones for each of the `sizes[j]` values that
    column j may have."""
    g = frame.g
    owner = np.repeat(np.arange(len(sizes)), sizes)
    wanted = np.concatenate([np.arange(n, dtype=np.float64) for n in sizes])
    spread = g.node("Gather", numbers, g.constant(owner.astype(np.int64)), axis=1)
    hit = g.node("Cast", g.node("Equal", spread, g.constant(wanted[None, :])), to=11)
    return frame.made(hit, [f"{name}{j}_{int(k)}" for j, k in zip(owner, wanted, strict=True)])
