"""The first rung on a large table: candidates are compared on a part of its rows before one gets all of them.

Asked by `search` where there is one fold and a time limit: a long fit of the wrong candidate would take the
time of the right one. That is successive halving (Jamieson and Talwalkar, 2016) with a single halving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.splits import Fold, Split
from mlwright.learners import Config, Learner
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.trial import LEFT_OUT, Trial, run_trial

Ints = npt.NDArray[np.int64]

TRAINING, JUDGING = 50_000, 10_000
"""Rows of the first rung. Fewer would favour what is small."""
MOST = 6
"""So many candidates are compared, the first of the portfolio; the others keep their places behind them."""
SHARE = 0.03
"""The share of the time left that each of them may take."""
COMPETITIVE = 1.5
"""A candidate whose error is larger than the least by more than this factor is left out."""


def first_rung(
    problem: Problem,
    portfolio: Sequence[Config],
    known: Mapping[str, Learner],
    deadline: Callable[[Config], float | None],
) -> tuple[list[Config], list[Trial]]:
    """The portfolio with the most promising candidates first, and trials of those that are left out.

    The plain baseline, and a linear model, which is quick on any table, stay where they are.
    """
    compared = [c for c in portfolio if c.family not in ("baseline", "linear")][:MOST]
    if len(compared) < 2:
        return list(portfolio), []
    folds = PreparedFolds(part_of_rows(problem))
    tried = {c.name: run_trial(c, known[c.family], folds, partial(deadline, c)) for c in compared}
    folds.free()
    least = min(t.error for t in tried.values())
    promising = [c for c in compared if tried[c.name].error <= COMPETITIVE * least]
    if not promising:  # none could be fitted on a part of the rows: all of them may say more
        return list(portfolio), []
    promising.sort(key=lambda c: tried[c.name].error)
    names = {c.name for c in compared}
    rest = [c for c in portfolio if c.name not in names]
    plain, others = [c for c in rest if c.family == "baseline"], [c for c in rest if c.family != "baseline"]
    left_out = [_left_out(c, tried[c.name], folds, least) for c in compared if c not in promising]
    return [*plain, *promising, *others], left_out


def part_of_rows(problem: Problem) -> Problem:
    """The problem on an even part of its only fold's rows, without a holdout."""
    fold = problem.split.folds[-1]
    part = Fold(_evenly(fold.train, TRAINING, problem.seed), _evenly(fold.valid, JUDGING, problem.seed))
    return replace(
        problem, split=Split(problem.split.rule, problem.split.why, (part,), np.zeros(0, np.int64))
    )


def _evenly(rows: Ints, count: int, seed: int) -> Ints:
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _left_out(config: Config, trial: Trial, folds: PreparedFolds, least: float) -> Trial:
    rows = len(folds.problem.split.folds[0].train)
    said = trial.failure or f"an error of {trial.error:.3g} beside {least:.3g}"
    return Trial(config, failure=f"{LEFT_OUT} after a look at {rows:,} rows: {said}")
