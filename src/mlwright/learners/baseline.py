"""The plain baseline: class shares, or the mean. Every other candidate must earn its place beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.learners.protocol import Doubles, Job, Settings


@dataclass(frozen=True)
class FittedBaseline:
    """The same answer for every row."""

    answer: Doubles
    """Class shares [K], or the mean [1]."""
    classes: int
    rounds: int = 0

    @property
    def settled(self) -> Settings:
        return {}

    def predict(self, x: Doubles, rounds: int | None = None) -> Doubles:
        repeated = np.tile(self.answer, (len(x), 1))
        return repeated if self.classes else repeated[:, 0]

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        zero = g.node("ReduceSum", matrix, g.constant(np.array([1], dtype=np.int64)), keepdims=1)
        never = g.node(
            "Cast", g.node("And", g.node("IsNaN", zero), g.node("Not", g.node("IsNaN", zero))), to=11
        )
        return g.node("Add", never, g.constant(self.answer.reshape(1, -1)))


class Baseline:
    """Class shares of the training rows (weighted), or their mean."""

    family = "baseline"

    def fit(self, job: Job) -> FittedBaseline:
        y, w = job.train.y, job.train.weights
        if job.classes:
            shares = np.bincount(y.astype(np.int64), weights=w, minlength=job.classes)
            return FittedBaseline(shares / shares.sum(), job.classes)
        return FittedBaseline(np.array([np.average(y, weights=w)]), 0)
