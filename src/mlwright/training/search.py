"""The search: candidates in the portfolio's order, each cross-validated, for as long as the budget allows.

Every candidate is given a share of what is left after keeping back the time to refit what has been found so
far
and to package it. Ctrl-C ends the search and keeps what is finished.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.progress import Progress
from mlwright.learners import Learner, families
from mlwright.training.budget import Budget
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial, own_score, run_trial

REFIT_MARGIN = 1.25
"""Refits take longer than their folds did, by more rows and by noise."""


@dataclass
class Search:
    """What the search found: trials in the order they ran, and how long preparing one fold took."""

    trials: list[Trial] = field(default_factory=list)
    prepare_seconds: float = 0.0
    score_seconds: float = 0.0
    """The longest that one candidate's score and interval took."""
    interrupted: bool = False
    stopped: str = "every candidate of the portfolio was tried"

    @property
    def finished(self) -> list[Trial]:
        return [t for t in self.trials if not t.failure]


def search(problem: Problem, folds: PreparedFolds, budget: Budget, progress: Progress) -> Search:
    """Runs the portfolio. Raises KeyboardInterrupt only while nothing is finished."""
    known = families()
    for config in problem.portfolio:
        if config.family not in known:
            raise UnknownName("learner family", config.family, known)
    found = Search()
    try:
        began = time.monotonic()
        folds.plan(0)
        found.prepare_seconds = time.monotonic() - began
        for i, config in enumerate(problem.portfolio):
            if budget.max_trials is not None and i >= budget.max_trials:
                found.stopped = f"max_trials={budget.max_trials} was reached"
                break
            if not _try(found, config.name, problem, folds, budget, progress, known[config.family]):
                found.stopped = "the time limit was reached"
                break
    except KeyboardInterrupt:
        if not any(t.config.family != "baseline" for t in found.finished):
            raise
        found.interrupted = True
        found.stopped = "it was interrupted"
        progress.note("interrupted: packaging the best so far; once more to give up")
    if not found.finished:
        raise Misuse("no candidate could be fitted: " + "; ".join(t.failure for t in found.trials))
    return found


def refit_seconds(problem: Problem, found: Search, trials: list[Trial]) -> float:
    """An upper estimate of the seconds to refit `trials` on all rows, features included."""
    fold = problem.split.folds[0]
    growth = len(problem.y) / max(len(fold.train), 1) * REFIT_MARGIN
    slowest = [max(t.fold_seconds, default=0.0) for t in trials]
    return growth * (found.prepare_seconds + sum(slowest))


def packaging_seconds(problem: Problem, found: Search, budget: Budget) -> float:
    """An upper estimate of the seconds for judging the blend and for making the file."""
    cells = len(problem.y) * (len(problem.table.schema.features) + 5)
    return (1.5 + cells * 3e-8) * budget.slowness() + 5 * found.score_seconds


def _try(
    found: Search,
    name: str,
    problem: Problem,
    folds: PreparedFolds,
    budget: Budget,
    progress: Progress,
    learner: Learner,
) -> bool:
    """Runs one candidate if there is time for it; says whether there was."""
    config = next(c for c in problem.portfolio if c.name == name)
    count = len(problem.split.folds)
    share = None
    if budget.limit_s is not None and found.finished:
        kept = refit_seconds(problem, found, _worth_refitting(found))
        kept += packaging_seconds(problem, found, budget)
        left = budget.left_s() - kept
        growth = len(problem.y) / max(len(problem.split.folds[0].train), 1) * REFIT_MARGIN
        # The candidate's own refit must fit as well; and the first real one must leave room for others.
        # With one fold (large data) the first is the one that matters most.
        generous = 0.75 if len(found.finished) > 2 or count == 1 else 0.45
        share = left * generous / (count + growth)
        hopeless = left < 0.5 or share < 0.05
        if hopeless and any(t.config.family != "baseline" for t in found.finished):
            return False
        share = max(share, 0.2)  # one real candidate is tried however late it is
    progress.step(
        f"trying {config.name}", budget.fraction(), None if budget.limit_s is None else budget.left_s()
    )
    trial = run_trial(config, learner, folds, lambda: None if share is None else budget.deadline_in(share))
    began = time.monotonic()
    if not trial.failure:
        trial.score = own_score(problem, trial)
    found.score_seconds = max(found.score_seconds, time.monotonic() - began)
    found.trials.append(trial)
    if trial.failure:
        progress.note(f"{config.name} failed: {trial.failure}")
    return True


def _worth_refitting(found: Search) -> list[Trial]:
    """The trials an ensemble would most likely keep: the four best."""
    return sorted(found.finished, key=lambda t: t.error)[:4]
