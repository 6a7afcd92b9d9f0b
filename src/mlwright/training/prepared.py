"""Folds prepared once and shared by all candidates: a feature plan per fold, a matrix pair per fold and
view."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mlwright.features import FeaturePlan
from mlwright.learners import Part
from mlwright.training.budget import Budget
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_CELLS_KEPT = 400_000_000
"""Matrix cells kept in memory across candidates (3.2 GB); beyond it a matrix is made again."""

MOST_PREPARING = 0.2
"""The share of the time left that preparing the folds may take."""


class PreparedFolds:
    """Makes and keeps the folds' plans and matrices. The validation rows never touch a fold's plan."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._plans: dict[int, FeaturePlan] = {}
        self._matrices: dict[tuple[int, str], tuple[Part, Part]] = {}
        self._held: dict[str, Doubles] = {}
        self._cells = 0

    def plan(self, k: int) -> FeaturePlan:
        """The plan fitted on the training rows of fold `k`."""
        if k not in self._plans:
            self._plans[k] = fit_plan(self.problem, self.problem.split.folds[k].train)
        return self._plans[k]

    def parts(self, k: int, view: str) -> tuple[Part, Part]:
        """Training and validation part of fold `k` in a view."""
        if (k, view) not in self._matrices:
            fold, plan, table = self.problem.split.folds[k], self.plan(k), self.problem.table
            train = part_of(
                self.problem, plan.matrix(view, table.rows(fold.train), training=True), fold.train
            )
            valid = part_of(self.problem, plan.matrix(view, table.rows(fold.valid)), fold.valid)
            cells = train.x.size + valid.x.size
            if self._cells + cells > MOST_CELLS_KEPT:
                return train, valid
            self._cells += cells
            self._matrices[k, view] = train, valid
        return self._matrices[k, view]

    def held(self, view: str) -> Doubles:
        """The matrix of the holdout's rows, by the plan of the last fold."""
        if view not in self._held:
            plan = self.plan(len(self.problem.split.folds) - 1)
            x = plan.matrix(view, self.problem.table.rows(self.problem.split.test))
            if self._cells + x.size > MOST_CELLS_KEPT:
                return x
            self._cells += x.size
            self._held[view] = x
        return self._held[view]

    def affordable(self, budget: Budget, earlier: int | None = None) -> PreparedFolds:
        """These folds, or only the last of them where preparing all would take too much of the limit; as many
        as `earlier`, where this fit was begun with so many.

        Only with a holdout: without one, every row is to be judged. The last fold stays, since in time it is
        the one that learned from all but the latest rows.
        """
        split = self.problem.split
        last = len(split.folds) - 1
        if budget.limit_s is None or not last or not len(split.test):
            return self
        count = earlier or self._count(budget, last)
        if count > last:
            return self
        fewer = replace(split, folds=split.folds[-count:])
        folds = PreparedFolds(replace(self.problem, split=fewer))
        folds._plans = {k - last - 1 + count: p for k, p in self._plans.items()}
        folds._matrices = {(k - last - 1 + count, v): p for (k, v), p in self._matrices.items()}
        folds._cells = self._cells
        return folds

    def _count(self, budget: Budget, last: int) -> int:
        began = time.monotonic()
        self.parts(last, "tree")
        each = time.monotonic() - began
        return max(1, int(MOST_PREPARING * budget.left_s() / max(each, 1e-3)))

    def free(self) -> None:
        """Forgets the matrices; the plans stay."""
        self._matrices.clear()
        self._held.clear()
        self._cells = 0


def fit_plan(problem: Problem, index: Ints) -> FeaturePlan:
    """A plan fitted on the rows `index` alone."""
    table = problem.table.rows(index)
    return FeaturePlan.fit(table, problem.indicators(index), seed=problem.seed, threads=problem.threads)


def part_of(problem: Problem, x: npt.NDArray[np.float64], index: Ints) -> Part:
    """The rows `index` as a Part with matrix `x`."""
    return Part(x, problem.y[index] - problem.shift, problem.weights_of(index))
