"""Curves: strictly rising functions of the log-odds that a straight line cannot be, in numpy and as nodes.

What `calibration` puts behind the slope and the shift that stand in a graph's leaves. Three to five nodes
each: one to two microseconds of a call. They know neither labels nor rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import GraphBuilder
from mlwright.statistics.links import sigmoid

Doubles = npt.NDArray[np.float64]

FARTHEST = 700.0
"""Log-odds beyond which the beta curve is level: `exp` of more has no double."""
WIDEST = 1e30
"""Where the outer pieces end: an infinite margin stays a number."""


class Curve(Protocol):
    """Log-odds [N, 1] to log-odds [N, 1]: strictly rising, alike in both of its forms."""

    def apply(self, margin: Doubles) -> Doubles:
        """In numpy."""

    def nodes(self, g: GraphBuilder, margin: str) -> str:
        """In a graph; `margin` is a double tensor [N, 1], as is the result."""


@dataclass(frozen=True)
class BetaCurve:
    """a * log(p) - b * log(1 - p) + c: the log-odds where p is of two beta distributions.

    Source: Kull, Silva Filho & Flach, "Beta calibration" (AISTATS 2017).

    >>> BetaCurve(1.0, 1.0, 0.5).apply(np.array([[0.25]])).round(12)
    array([[0.75]])
    """

    a: float
    b: float
    c: float

    def apply(self, margin: Doubles) -> Doubles:
        logs = np.log(sigmoid(np.clip(margin[:, 0], -FARTHEST, FARTHEST)))
        return np.asarray(logs @ np.array([[-self.b], [self.a]]) + self.c)

    def nodes(self, g: GraphBuilder, margin: str) -> str:
        near = g.node("Clip", margin, g.constant(-FARTHEST), g.constant(FARTHEST))
        both = g.node("Mul", near, g.constant(np.array([[0.0, 1.0]])))
        logs = g.node("Log", g.node("Softmax", both, axis=1))
        weights = g.constant(np.array([[-self.b], [self.a]]))
        return g.node("Gemm", logs, weights, g.constant(np.array([self.c])))


@dataclass(frozen=True)
class BrokenLine:
    """Straight between knots and beyond them: a sum of pieces, each of which moves between two knots only.

    No piece falls, so that no rounding makes the sum fall, and none is far from zero where another takes it
    back.

    >>> line = BrokenLine(at=(0.0, 2.0), values=(0.0, 1.0), before=1.0, after=2.0)
    >>> line.apply(np.array([[-1.0], [1.0], [2.0], [3.0]])).ravel()
    array([-1. ,  0.5,  1. ,  3. ])
    """

    at: tuple[float, ...]
    """Knots, ascending."""
    values: tuple[float, ...]
    """At the knots, ascending."""
    before: float
    """The slope before the first knot."""
    after: float
    """The slope after the last."""

    def apply(self, margin: Doubles) -> Doubles:
        low, high, slopes, constant = self._pieces
        return np.asarray(np.minimum(np.maximum(margin, low), high) @ slopes + constant)

    def nodes(self, g: GraphBuilder, margin: str) -> str:
        low, high, slopes, constant = self._pieces
        within = g.node("Min", g.node("Max", margin, g.constant(low)), g.constant(high))
        return g.node("Gemm", within, g.constant(slopes), g.constant(constant))

    @property
    def _pieces(self) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        """Where each piece begins and ends [1, P], its slope [P, 1], and what the sum lacks [1]."""
        at, values = np.array(self.at), np.array(self.values)
        slopes = np.concatenate([[self.before], np.diff(values) / np.diff(at), [self.after]])
        # At the first knot the first piece is at its end, and each other at its beginning.
        constant = values[0] - slopes[0] * at[0] - slopes[1:] @ at
        low, high = np.concatenate([[-WIDEST], at]), np.concatenate([at, [WIDEST]])
        return low[None, :], high[None, :], slopes[:, None], np.array([constant])
