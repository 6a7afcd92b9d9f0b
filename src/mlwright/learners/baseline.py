"""The plain baseline: class shares, mean or median. Every other candidate must earn its place beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Ints, Tree, Trees, tree_ensemble
from mlwright.learners.protocol import Abilities, Doubles, Job, Settings
from mlwright.statistics.medians import weighted_median

LEAST = 0.5
"""The rows that a class without any counts for, so that its share has a logarithm."""


@dataclass(frozen=True)
class FittedBaseline:
    """The same answer for every row."""

    answer: Doubles
    """Its margin [M]: the log-odds, logarithms of the class shares, the mean or the median."""
    rounds: int = 0
    settled: Settings = field(default_factory=dict)

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        return np.tile(self.answer, (len(x), 1))

    def trees(self) -> Trees:
        none: Ints = np.zeros(0, dtype=np.int64)
        leaves = tuple(Tree(none, np.zeros(0), none, none, none, none, v[None]) for v in self.answer)
        return Trees(leaves, tuple(range(len(leaves))), len(leaves))

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return tree_ensemble(g, self.trees(), matrix)


class Baseline:
    """Class shares of the training rows (weighted), or their mean; their median for absolute differences."""

    family = "baseline"
    abilities = Abilities(monotone=True, absolute=True)

    def fit(self, job: Job) -> FittedBaseline:
        y, w = job.train.y, job.train.weights
        if job.classes:
            sums = np.bincount(y.astype(np.int64), weights=w, minlength=job.classes)
            logs = np.log(np.where(sums > 0, sums / sums.sum(), LEAST / len(y)))
            return FittedBaseline(logs[1:] - logs[:1] if job.classes == 2 else logs)
        middle = weighted_median(y, w) if job.loss == "absolute" else float(np.average(y, weights=w))
        return FittedBaseline(np.array([middle]))
