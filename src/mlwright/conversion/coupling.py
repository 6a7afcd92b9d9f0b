"""Probabilities of several classes from those of each pair, as libsvm couples them.

Wu, Lin and Weng 2004, second method: the probabilities that agree best with all pairs, found step by step
until the error is below libsvm's bound. A graph has no loop, so that its steps are written out, and a row
that is near enough is left as it is: the answer is libsvm's, error and all.
"""

from __future__ import annotations

import numpy as np

from mlwright.graph.build import GraphBuilder

MOST_CLASSES = 12
_ROUNDS = 8
"""Of the steps written out: most rows need 2, the worst of a million at random 5."""
_ENOUGH = 0.005


def coupled(g: GraphBuilder, first: str, classes: int) -> str:
    """[N, K] from the probability that the first of each pair wins [N, pairs]; pairs in order."""
    wins, losses = _tables(g, first, classes)  # [N, t, j]: that class j wins against t, and the other way
    squares = g.node("ReduceSum", g.node("Mul", wins, wins), g.constant(np.array([2])), keepdims=1)
    own = g.node("Mul", squares, g.constant(np.eye(classes)[None]))
    matrix = g.node("Sub", own, g.node("Mul", wins, losses))
    lines = [
        g.node("Gather", matrix, g.constant(np.array(t, dtype=np.int64)), axis=1) for t in range(classes)
    ]
    p = g.node(
        "Add",
        g.node("Mul", _one(g, first, 0), g.constant(0.0)),
        g.constant(np.full((1, classes), 1 / classes)),
    )
    for _ in range(_ROUNDS):
        p = _round(g, p, lines, classes)
    return p


def _tables(g: GraphBuilder, first: str, classes: int) -> tuple[str, str]:
    """How often j wins against t, and t against j: [N, K, K] each, 0 against itself."""
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    count = len(pairs)
    second = g.node("Sub", g.constant(1.0), first)
    nothing = g.node("Mul", _one(g, first, 0), g.constant(0.0))
    known = g.concat([first, second, nothing])
    places = np.full((classes, classes), 2 * count, dtype=np.int64)
    for at, (i, j) in enumerate(pairs):
        places[j, i], places[i, j] = at, count + at
    shape = g.constant(np.array([-1, classes, classes], dtype=np.int64))
    return (
        g.node("Reshape", g.node("Gather", known, g.constant(places.ravel()), axis=1), shape),
        g.node("Reshape", g.node("Gather", known, g.constant(places.T.ravel().copy()), axis=1), shape),
    )


def _round(g: GraphBuilder, p: str, lines: list[str], classes: int) -> str:
    """One class after another moved to where the error is least; rows that are near enough stay."""
    axis = g.constant(np.array([1]))
    before = p
    parts = [g.node("ReduceSum", g.node("Mul", line, p), axis, keepdims=1) for line in lines]
    slopes = g.concat(parts)
    level = g.node("ReduceSum", g.node("Mul", slopes, p), axis, keepdims=1)
    error = g.node("ReduceMax", g.node("Abs", g.node("Sub", slopes, level)), axis, keepdims=1)
    moving = g.node("GreaterOrEqual", error, g.constant(_ENOUGH / classes))
    for t, line in enumerate(lines):
        slope, own = _one(g, slopes, t, classes), _one(g, line, t, classes)
        step = g.node("Div", g.node("Sub", level, slope), own)
        share = g.node("Add", step, g.constant(1.0))
        gained = g.node("Mul", step, g.node("Add", g.node("Mul", step, own), g.node("Add", slope, slope)))
        level = g.node("Div", g.node("Div", g.node("Add", level, gained), share), share)
        slopes = g.node("Div", g.node("Add", slopes, g.node("Mul", step, line)), share)
        moved = g.node("Add", p, g.node("Mul", step, g.constant(np.eye(classes)[[t]])))
        p = g.node("Div", moved, share)
    return g.node("Where", moving, p, before)


def _one(g: GraphBuilder, tensor: str, column: int, width: int = 0) -> str:
    """[N, 1]: one column."""
    return g.columns(tensor, [column], width)
