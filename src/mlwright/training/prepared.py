"""Folds prepared once and shared by all candidates: a feature plan per fold, a matrix pair per fold and view.

Asked by `trial` and `search`. It says how many folds are worth fitting side by side, and fits none.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mlwright.base.machine import memory_available
from mlwright.features import FeaturePlan
from mlwright.learners import Part
from mlwright.training.budget import Budget
from mlwright.training.pool import POOL
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_CELLS_KEPT = 400_000_000
"""Matrix cells kept in files across candidates (3.2 GB); beyond it matrices of other views are made again."""

MOST_PREPARING = 0.2
"""The share of the time left that preparing the folds may take."""

FIT_S_A_CELL = 2.4e-6
"""For each cell of a fold's training matrix, and for each class of more than two: the seconds that boosted
trees usually take on one thread."""
ENOUGH = 8
"""So many candidates should there be time for, or there are fewer folds."""
FEWEST = 2
"""No fewer than these, where only fitting takes long."""

NOTHING = ""
"""The view of what looks at no feature: matrices without columns, made in no time."""

TINY_CELLS = 2_000
"""A table of so few cells is done before a second lane has started."""
LANE_BYTES = 400_000_000
"""What a lane holds at least: its libraries, and what they set aside."""
BYTES_A_CELL = 24
"""What a lane needs on top for each cell of the table: bins, gradients, a copy in float32."""


class PreparedFolds:
    """Makes and keeps the folds' plans and matrices. The validation rows never touch a fold's plan.

    Matrices lie in files that this process and its lanes map, so that none of them holds a copy; in memory,
    where no file can be written.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.alone = ""
        """Why candidates are fitted in this process, where they are."""
        self.seconds: dict[str, float] = {}
        """By view, the least seconds that a fold's matrices took: others may be fitted meanwhile."""
        self._plans: dict[int, FeaturePlan] = {}
        self._matrices: dict[tuple[int, str], tuple[Part, Part]] = {}
        self._held: dict[str, Doubles] = {}

    @property
    def lanes(self) -> int:
        """How many folds are fitted side by side: as many as there are threads, folds and memory for."""
        count = min(self.problem.threads, len(self.problem.split.folds))
        cells = self.problem.table.numbers.size + self.problem.table.ids.size
        if self.alone or cells < TINY_CELLS:
            return 1
        free = memory_available()
        if free is not None:
            count = min(count, int(free / 2 // (LANE_BYTES + BYTES_A_CELL * cells)))
        return max(1, count)

    @property
    def threads(self) -> int:
        """How many threads each of the folds fitted side by side may use."""
        return max(1, self.problem.threads // self.lanes)

    @property
    def rounds(self) -> int:
        """How many times the time of one fold a candidate takes."""
        return -(-len(self.problem.split.folds) // self.lanes)

    def plan(self, k: int) -> FeaturePlan:
        """The plan fitted on the training rows of fold `k`."""
        if k not in self._plans:
            self._plans[k] = fit_plan(self.problem, self.problem.split.folds[k].train)
        return self._plans[k]

    @property
    def plans(self) -> dict[int, FeaturePlan]:
        """Plans that were made: of the last fold alone, where there is a holdout; of all of few rows."""
        last = len(self.problem.split.folds) - 1
        kept = (last,) if len(self.problem.split.test) else range(last + 1)
        return {k: p for k, p in self._plans.items() if k in kept}

    def parts(self, k: int, view: str) -> tuple[Part, Part]:
        """Training and validation part of fold `k` in a view; without columns in the view `NOTHING`."""
        if view == NOTHING:
            fold = self.problem.split.folds[k]
            made = (part_of(self.problem, np.zeros((len(i), 0)), i) for i in (fold.train, fold.valid))
            return next(made), next(made)
        if (k, view) not in self._matrices:
            fold, plan, table = self.problem.split.folds[k], self.plan(k), self.problem.table
            began = time.monotonic()
            x, beside = plan.matrices(view, table.rows(fold.train), table.rows(fold.valid))
            train, valid = self._part(x, fold.train), self._part(beside, fold.valid)
            del x, beside  # they are mapped from files now
            self.seconds[view] = min(time.monotonic() - began, self.seconds.get(view, float("inf")))
            self._make_room(train.x.size + valid.x.size, view)
            self._matrices[k, view] = train, valid
        return self._matrices[k, view]

    def held(self, view: str) -> Doubles:
        """The matrix of the holdout's rows, by the plan of the last fold."""
        if view == NOTHING:
            return np.zeros((len(self.problem.split.test), 0))
        if view not in self._held:
            plan = self.plan(len(self.problem.split.folds) - 1)
            x = self._kept(plan.matrix(view, self.problem.table.rows(self.problem.split.test)))
            self._make_room(x.size, view)
            self._held[view] = x
        return self._held[view]

    def fitted(self, k: int, view: str) -> None:
        """Forgets the parts of fold `k`, which a candidate has been fitted on, where there is no room."""
        if self._cells > MOST_CELLS_KEPT:
            self._matrices.pop((k, view), None)

    def affordable(self, budget: Budget, earlier: int | None = None) -> PreparedFolds:
        """These folds, or only the last few of them where preparing or fitting all would take too much of the
        limit; as many as `earlier`, where this fit was begun with so many.

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
        return self.last(count)

    def last(self, count: int) -> PreparedFolds:
        """The last `count` folds alone, with what was made for them."""
        split = self.problem.split
        gone = len(split.folds) - count
        folds = PreparedFolds(replace(self.problem, split=replace(split, folds=split.folds[gone:])))
        folds._plans = {k - gone: p for k, p in self._plans.items() if k >= gone}
        folds._matrices = {(k - gone, v): p for (k, v), p in self._matrices.items() if k >= gone}
        folds.alone = self.alone
        return folds

    def _count(self, budget: Budget, last: int) -> int:
        began = time.monotonic()
        self.parts(last, "tree")
        each = time.monotonic() - began
        prepared = max(1, int(MOST_PREPARING * budget.left_s() / max(each, 1e-3)))
        return min(prepared, self._fitted_in_time(budget, last))

    def _fitted_in_time(self, budget: Budget, last: int) -> int:
        """How many folds leave time for enough candidates: fewer folds, fitted longer, choose better than
        many that are cut short."""
        train, classes = self.parts(last, "tree")[0], self.problem.classes
        fit_s = FIT_S_A_CELL * train.x.size * (classes if classes > 2 else 1)
        for count in range(last + 1, FEWEST, -1):
            lanes = min(self.lanes, count)
            threads = max(1, self.problem.threads // lanes)
            if -(-count // lanes) * fit_s / threads <= budget.left_s() / ENOUGH:
                return count
        return FEWEST

    def free(self) -> None:
        """Forgets the matrices; the plans stay."""
        self._matrices.clear()
        self._held.clear()

    @property
    def _cells(self) -> int:
        parts = sum(part.x.size for pair in self._matrices.values() for part in pair)
        return parts + sum(x.size for x in self._held.values())

    def _make_room(self, cells: int, view: str) -> None:
        """Forgets matrices of other views, the oldest first, until there is room for so many cells."""
        for k, other in [key for key in self._matrices if key[1] != view]:
            if self._cells + cells <= MOST_CELLS_KEPT:
                return
            del self._matrices[k, other]
            self._held.pop(other, None)

    def _part(self, x: Doubles, index: Ints) -> Part:
        part = part_of(self.problem, x, index)
        weights = None if part.weights is None else self._kept(part.weights)
        return Part(self._kept(part.x), self._kept(part.y), weights)

    def _kept(self, array: Doubles) -> Doubles:
        if self.alone:
            return array
        try:
            return POOL.exchange.keep(array)
        except OSError as problem:
            self.alone = f"no file could be written for them ({problem})"
            return array


def fit_plan(problem: Problem, index: Ints) -> FeaturePlan:
    """A plan fitted on the rows `index` alone."""
    table = problem.table.rows(index)
    return FeaturePlan.fit(
        table,
        problem.indicators(index),
        seed=problem.seed,
        threads=problem.threads,
        groups=None if problem.groups is None else problem.groups[index].astype(np.int64),
        bound=frozenset(problem.monotone),
    )


def part_of(problem: Problem, x: npt.NDArray[np.float64], index: Ints) -> Part:
    """The rows `index` as a Part with matrix `x`."""
    return Part(x, problem.learned(index), problem.learning_weights(index))
