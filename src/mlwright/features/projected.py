"""Projections: weighted sums of standardised features, which give trees directions across the columns.

Made by `rich` from features of the linear view: the cross-fitted margins of a ridge regression, and the
principal components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.transform import Built, Feature
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
MOST_FITTED = 100_000
MOST_COMPONENTS = 6
STEPS = 2.0**16
"""Steps a deviation is counted in. Sums of one row alone and of many differ in the last digit; a threshold
between the two would answer differently, so that trees are given whole numbers of steps."""


@dataclass(frozen=True)
class Projected:
    """Weighted sums of `sources`, rounded to whole steps: `weights` is [sources, width]."""

    name: str
    sources: tuple[Feature, ...]
    weights: Doubles
    fitted_values: Doubles | None = None

    @property
    def width(self) -> int:
        return int(self.weights.shape[1])

    @property
    def training(self) -> Doubles | None:
        return self.fitted_values

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        used = np.abs(self.weights[:, list(columns)]).max(axis=1) > 0
        return [f for f, kept in zip(self.sources, used, strict=True) if kept] or [self.sources[0]]

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        sources = self.needs(columns)
        kept = np.isin(np.arange(len(self.sources)), [self.sources.index(f) for f in sources])
        weights = np.ascontiguousarray(self.weights[kept][:, list(columns)])
        return g.node("Round", g.node("MatMul", built.take(sources), g.constant(weights)))


def fit_margins(sources: tuple[Feature, ...], x: Doubles, y: Doubles, fold: Ints) -> Projected:
    """Ridge regressions of each target column, the penalty chosen across folds, cross-fitted for training."""
    n = len(x)
    step = -(-n // MOST_FITTED)
    used = np.arange(0, n, step)
    centre = x[used].mean(axis=0)
    targets = y[used] - y[used].mean(axis=0)
    spread = np.maximum(targets.std(axis=0), 1e-12)
    targets = targets / spread
    centred = x[used] - centre
    folds = np.unique(fold[used])
    grams, moments, counts = [], [], []
    for f in folds:
        part = centred[fold[used] == f]
        grams.append(part.T @ part)
        moments.append(part.T @ targets[fold[used] == f])
        counts.append(len(part))
    gram, moment = np.sum(grams, axis=0), np.sum(moments, axis=0)
    eye = np.eye(x.shape[1])
    best: tuple[float, list[Doubles], float] | None = None
    for penalty in PENALTIES:
        parts = []
        error = 0.0
        for f, g, m, count in zip(folds, grams, moments, counts, strict=True):
            ridge = gram - g + eye * penalty * max(len(used) - count, 1)
            parts.append(np.linalg.solve(ridge, moment - m))
            out = fold[used] == f
            error += float(((centred[out] @ parts[-1] - targets[out]) ** 2).sum())
        if best is None or error < best[0]:
            best = (error, parts, penalty)
    assert best is not None
    weights = np.linalg.solve(gram + eye * best[2] * len(used), moment) * STEPS
    values = np.round(x @ weights)
    for f, part in zip(folds, best[1], strict=True):
        mine = used[fold[used] == f]
        values[mine] = np.round(x[mine] @ (part * STEPS))
    return Projected("margin", sources, weights, values)


def fit_components(sources: tuple[Feature, ...], x: Doubles) -> Projected:
    """The first principal components of a sample."""
    few = x[:: max(1, len(x) // 20_000)]
    values, vectors = np.linalg.eigh(np.cov(few, rowvar=False).reshape(x.shape[1], x.shape[1]))
    order = np.argsort(-values, kind="stable")[: min(MOST_COMPONENTS, x.shape[1] - 1)]
    scale = STEPS / np.sqrt(np.maximum(values[order], 1e-12))
    return Projected("component", sources, vectors[:, order] * scale * (values[order] > 1e-9))
