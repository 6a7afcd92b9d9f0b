"""Transforms of the linear view: standardised numbers, indicators of missing values and of codes, logs.

Made by `FeaturePlan` when the view is first asked for; each stands on features of earlier transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.transform import Built, Derived
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]

MOST_DEVIATIONS = 5.0
"""Beyond these a linear term would be moved by one row's extreme."""


@dataclass(frozen=True)
class Standardised(Derived):
    """Features less their mean, in deviations: missing ones count as the mean, extremes are cut."""

    scales: Doubles
    """Mean and reciprocal deviation [2, width]."""
    guarded: bool = True
    """Whether there may be missing values and extremes."""

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        raw = built.take(self.needs(columns))
        centre, scale = self.scales[:, list(columns)]
        scaled = g.node("Mul", g.node("Sub", raw, g.constant(centre)), g.constant(scale))
        if not self.guarded:
            return scaled
        filled = g.node("Where", g.node("IsNaN", raw), g.constant(0.0), scaled)
        return g.node("Clip", filled, g.constant(-MOST_DEVIATIONS), g.constant(MOST_DEVIATIONS))


@dataclass(frozen=True)
class Missing(Derived):
    """One where a feature is missing, else zero."""

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        return g.node("Cast", g.node("IsNaN", built.take(self.needs(columns))), to=11)


@dataclass(frozen=True)
class Indicators(Derived):
    """One where a feature equals a value, else zero: one-hot columns."""

    values: Doubles

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        spread = built.take(self.needs(columns))
        return g.node("Cast", g.node("Equal", spread, g.constant(self.values[list(columns)])), to=11)


@dataclass(frozen=True)
class Logs(Derived):
    """The logarithm of one more than a count, times a scale."""

    scale: Doubles

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        more = g.node("Add", built.take(self.needs(columns)), g.constant(1.0))
        return g.node("Mul", g.node("Log", more), g.constant(self.scale[list(columns)]))


def scales_of(values: Doubles) -> Doubles:
    """Mean and reciprocal deviation per column without missing values; columns that are constant, or too
    large to be squared, get scale 0."""
    present = ~np.isnan(values)
    count = np.maximum(present.sum(axis=0), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(present, values, 0.0).sum(axis=0) / count
        mean = np.where(np.isfinite(mean), mean, 0.0)
        deviation = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    usable = np.isfinite(deviation) & (deviation > 1e-9 * np.maximum(np.abs(mean), 1e-9))
    return np.stack([mean, np.where(usable, 1 / np.where(usable, deviation, 1.0), 0.0)])
