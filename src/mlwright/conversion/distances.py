"""How far rows are from points that a model keeps: what kernels, neighbours and clusters are made of.

A graph holds those points, so that there are limits to how many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.frame import Frame
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]

MOST_POINTS = 5_000
"""Rows are compared with each of them: a call of a thousand rows holds several numbers for every pair, which
takes up to 0.4 GB."""
FEWER = "fit it on fewer rows, or fit a model that keeps none, such as HistGradientBoosting"
MOST_NUMBERS = 4_000_000
"""Of all points together: 32 MB of the file."""
VECTORS, FITTED, EXEMPLARS = "support vectors", "rows that it was fitted on", "exemplars"
ROWS = frozenset({VECTORS, FITTED, EXEMPLARS})
"""What of the points are rows of somebody's table, which the card tells."""
MOST_COLUMNS_ONE_BY_ONE = 48
"""Beyond, squares are made of a product of matrices, which loses some digits between points that are near."""


def kept(frame: Frame, points: Any, what: str, remedy: str) -> Doubles:  # Any: an array, or a sparse one
    """The points [M, d] that a model keeps. Raises `ConversionRefused` where they are too many."""
    dense = points.toarray() if hasattr(points, "toarray") else points
    rows = np.ascontiguousarray(np.asarray(dense, dtype=np.float64))
    if len(rows) > MOST_POINTS or rows.size > MOST_NUMBERS:
        raise ConversionRefused(
            f"it keeps {len(rows):,} {what} of {rows.shape[1]:,} columns, with each of which a row is "
            f"compared; {MOST_POINTS:,} and {MOST_NUMBERS:,} numbers in all are allowed",
            remedy=remedy,
        )
    if what in ROWS:
        frame.words.kept.add(what)
    return rows


def products(g: GraphBuilder, x: str, points: Doubles) -> str:
    """[N, M]: the scalar product of each row and each point."""
    return g.node("MatMul", x, g.constant(np.ascontiguousarray(points.T)))


def squared(g: GraphBuilder, x: str, points: Doubles) -> str:
    """[N, M]: squared Euclidean distances."""
    if points.shape[1] <= MOST_COLUMNS_ONE_BY_ONE:
        return _over_columns(g, x, points, lambda apart: g.node("Mul", apart, apart))
    middle = points.mean(axis=0, keepdims=True)
    x, points = g.node("Sub", x, g.constant(middle)), points - middle
    own = g.node("ReduceSum", g.node("Mul", x, x), g.constant(np.array([1])), keepdims=1)
    twice = g.node("Mul", products(g, x, points), g.constant(2.0))
    theirs = g.constant((points * points).sum(axis=1)[None, :])
    return g.node("Max", g.node("Add", g.node("Sub", own, twice), theirs), g.constant(0.0))


def manhattan(g: GraphBuilder, x: str, points: Doubles) -> str:
    """[N, M]: sums of absolute differences."""
    return _over_columns(g, x, points, lambda apart: g.node("Abs", apart))


def distances(frame: Frame, points: Doubles, metric: str, p: float = 2.0) -> str:
    """[N, M] by scikit-learn's name of the metric. Raises `ConversionRefused` for others than the usual."""
    g, x = frame.g, frame.numbers()
    if metric == "minkowski":
        metric = {1.0: "manhattan", 2.0: "euclidean", float("inf"): "chebyshev"}.get(float(p), metric)
    if metric in ("euclidean", "l2"):
        return g.node("Sqrt", squared(g, x, points))
    if metric in ("manhattan", "cityblock", "l1"):
        return manhattan(g, x, points)
    if metric in ("chebyshev", "infinity"):
        return _over_columns(g, x, points, lambda apart: g.node("Abs", apart), "Max")
    if metric == "minkowski":
        power = g.constant(float(p))
        whole = _over_columns(g, x, points, lambda apart: g.node("Pow", g.node("Abs", apart), power))
        return g.node("Pow", whole, g.constant(1.0 / float(p)))
    if metric == "cosine":
        apart = g.node("Sub", g.constant(1.0), cosines(g, x, points))
        return g.node("Min", g.node("Max", apart, g.constant(0.0)), g.constant(2.0))
    raise ConversionRefused(
        f"distances by {metric!r} are not converted",
        remedy="let metric be 'euclidean', 'manhattan', 'chebyshev', 'minkowski' or 'cosine'",
    )


def cosines(g: GraphBuilder, x: str, points: Doubles) -> str:
    """[N, M]: cosines of the angles; 0 with what has no length."""
    length = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", x, x), g.constant(np.array([1])), keepdims=1))
    length = g.node("Where", g.node("Equal", length, g.constant(0.0)), g.constant(1.0), length)
    theirs = np.sqrt((points * points).sum(axis=1, keepdims=True))
    return products(g, g.node("Div", x, length), points / np.where(theirs == 0, 1.0, theirs))


def _over_columns(
    g: GraphBuilder,
    x: str,
    points: Doubles,
    of: Callable[[str], str],
    joined: str = "Add",
) -> str:
    """What `of` makes of the differences in each column, joined.

    All nodes that join come last: onnxruntime runs a node's later inputs first, and would hold numbers
    [N, M] for every column at once were the joined so far not later than the next column (1.32.0: 3.9 GB
    instead of 0.3 GB for 10,000 points and 20 columns).
    """
    parts = []
    for j in range(points.shape[1]):
        own = g.columns(x, [j], points.shape[1])
        parts.append(of(g.node("Sub", own, g.constant(np.ascontiguousarray(points[:, j])[None, :]))))
    whole = parts[0]
    for part in parts[1:]:
        whole = g.node(joined, whole, part)
    return whole
