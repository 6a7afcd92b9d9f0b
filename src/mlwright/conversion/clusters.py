"""Clusters of scikit-learn that a new row can be put into: that whose middle is nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, likeliest
from mlwright.conversion.distances import EXEMPLARS, distances, kept
from mlwright.conversion.frame import Frame

Doubles = npt.NDArray[np.float64]

_OTHER = "use KMeans with fewer clusters"


def nearest_middle(model: Any, frame: Frame) -> Classes:  # Any: a KMeans, MeanShift and the like
    own = EXEMPLARS if type(model).__name__ == "AffinityPropagation" else "clusters"
    middles = kept(frame, model.cluster_centers_, own, _OTHER)
    _several(len(middles))
    g = frame.g
    near = g.node("Neg", distances(frame, middles, "euclidean"))
    best = g.node("ArgMax", near, axis=1, keepdims=0)
    labels = np.arange(len(middles))
    return Classes(labels, margin=likeliest(g, near, labels).margin, best=best, scores_only=True)


def nearest_subcluster(model: Any, frame: Frame) -> Classes:  # Any: a Birch
    """The cluster of the nearest of many middles."""
    g, middles = frame.g, kept(frame, model.subcluster_centers_, "subclusters", "raise its threshold")
    of = np.asarray(model.subcluster_labels_, dtype=np.int64)
    labels = np.unique(of)
    _several(len(labels))
    near = g.node("Neg", distances(frame, middles, "euclidean"))
    nearest = g.node("ArgMax", near, axis=1, keepdims=0)
    best = g.node("Gather", g.constant(np.searchsorted(labels, of)), nearest, axis=0)
    each = [
        g.node("ReduceMax", g.columns(near, np.flatnonzero(of == label).tolist(), len(of)),
               g.constant(np.array([1])), keepdims=1)
        for label in labels
    ]  # fmt: skip
    margin = likeliest(g, g.concat(each), labels).margin
    return Classes(labels, margin=margin, best=best, scores_only=True)


def halved(model: Any, frame: Frame) -> Classes:  # Any: a BisectingKMeans
    """Down a tree of middles: at each fork to the nearer of both."""
    forks: list[tuple[Any, Any]] = []  # Any: nodes of its tree
    leaves: dict[int, dict[int, bool]] = {}
    _walk(model._bisecting_tree, {}, forks, leaves)
    _several(len(leaves))
    moved = np.asarray(getattr(model, "_X_mean", 0.0), dtype=np.float64)
    middles = kept(frame, np.array([n.center for pair in forks for n in pair]) + moved, "clusters", _OTHER)
    g, count = frame.g, len(forks)
    far = distances(frame, middles, "euclidean")
    left, right = (g.columns(far, list(range(i, 2 * count, 2)), 2 * count) for i in (0, 1))
    goes_left = g.node("Cast", g.node("LessOrEqual", left, right), to=11)
    # A leaf is reached where as many forks go its way as there are on it.
    ways, wanted = np.zeros((count, len(leaves))), np.zeros((1, len(leaves)))
    for label, way in leaves.items():
        for fork, is_left in way.items():
            ways[fork, label] = 1.0 if is_left else -1.0
        wanted[0, label] = sum(way.values())
    reached = g.node("Equal", g.node("MatMul", goes_left, g.constant(ways)), g.constant(wanted))
    best = g.node("ArgMax", g.node("Cast", reached, to=11), axis=1, keepdims=0)
    labels = np.arange(len(leaves))
    ends = kept(frame, model.cluster_centers_, "clusters", _OTHER)
    near = g.node("Neg", distances(frame, ends, "euclidean"))
    return Classes(labels, margin=likeliest(g, near, labels).margin, best=best, scores_only=True)


def _walk(
    node: Any,  # Any: a node of the model's tree
    way: dict[int, bool],
    forks: list[tuple[Any, Any]],  # Any: as above
    leaves: dict[int, dict[int, bool]],
) -> None:
    """Numbers the forks, and says of each leaf which of them lead to it, and whether to the left."""
    if node.left is None:
        leaves[int(node.label)] = way
        return
    fork = len(forks)
    forks.append((node.left, node.right))
    _walk(node.left, way | {fork: True}, forks, leaves)
    _walk(node.right, way | {fork: False}, forks, leaves)


def _several(count: int) -> None:
    if count < 2:
        raise ConversionRefused("it found only one cluster", remedy="ask for two or more")
