"""Transforms of the view `rich-linear`: bends of single numbers, and nearness to landmarks.

With them a linear model is a smooth function of the columns: what trees are not. Fitted on features of the
linear view, which are standardised and never missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.transform import Built, Derived, Feature
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]

BENDS = (0.1, 0.35, 0.65, 0.9)
"""The quantiles at which a number's effect may change its slope."""
MOST_BENT = 50
LANDMARKS = 200
BLENDED = 5
"""Rows that make a landmark, as many as make a category known: a file holds no row of anyone's."""
MOST_NEAR = 150
"""Features above which nearness says nothing more."""
_SAMPLE = 20_000


@dataclass(frozen=True)
class Bends(Derived):
    """What a feature has above a knot, in deviations: zero below it."""

    knots: Doubles
    scale: Doubles

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        above = g.node("Sub", built.take(self.needs(columns)), g.constant(self.knots[list(columns)]))
        return g.node("Mul", g.node("Relu", above), g.constant(self.scale[list(columns)]))


@dataclass(frozen=True)
class Nearness:
    """exp(-d^2 / w) to landmarks, d the distance over `sources` (radial basis functions)."""

    name: str
    sources: tuple[Feature, ...]
    landmarks: Doubles
    """[width, sources]."""
    reach: float
    """w."""

    @property
    def width(self) -> int:
        return len(self.landmarks)

    @property
    def training(self) -> Doubles | None:
        return None

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        return list(self.sources)

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        # |x - c|^2 = |x|^2 - 2 x c + |c|^2: one product of matrices for all landmarks.
        x = built.take(self.sources)
        c = self.landmarks[list(columns)]
        across = g.node("MatMul", x, g.constant(np.ascontiguousarray(c.T) * (2 / self.reach)))
        own = g.node("ReduceSum", g.node("Mul", x, x), g.constant(np.array([1])), keepdims=1)
        far = g.node(
            "Add", g.node("Mul", own, g.constant(1 / self.reach)), g.constant((c**2).sum(1) / self.reach)
        )
        return g.node("Exp", g.node("Sub", across, far))


def fit_bends(sources: Sequence[Feature], x: Doubles) -> Bends:
    """Knots at the quantiles of each feature: as many as differ."""
    kept, knots, scale = [], [], []
    for f, column in zip(sources[:MOST_BENT], x[:: max(1, len(x) // _SAMPLE)].T, strict=False):
        for knot in np.unique(np.quantile(column, BENDS)):
            deviation = np.maximum(column - knot, 0.0).std()
            if deviation > 1e-6 and knot > column.min():
                kept.append(f)
                knots.append(knot)
                scale.append(1 / deviation)
    return Bends("bend", tuple(kept), np.array(knots), np.array(scale))


def fit_nearness(sources: Sequence[Feature], x: Doubles, seed: int) -> Nearness:
    """Landmarks are means of BLENDED rows near to rows drawn at random, so that no row stands in the model
    as it is; their reach is the mean distance between rows.
    """
    rng = np.random.default_rng(seed)
    few = np.unique(x[rng.permutation(len(x))[: 5 * LANDMARKS]], axis=0)
    drawn = few[rng.permutation(len(few))[:LANDMARKS]]
    spread = 2 * drawn.var(axis=0).sum()
    apart = (drawn**2).sum(1)[:, None] - 2 * drawn @ few.T + (few**2).sum(1)
    blended = min(BLENDED, len(few))
    nearest = np.argpartition(apart, blended - 1, axis=1)[:, :blended]
    landmarks = few[nearest].mean(axis=1)
    return Nearness("nearness", tuple(sources), landmarks, float(max(spread, 1e-9)))
