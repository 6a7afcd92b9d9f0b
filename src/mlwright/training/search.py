"""The search: candidates in the portfolio's order, each cross-validated, for as long as the budget allows.

Every candidate is given a share of what is left after keeping back the time to refit what has been found so
far and to package it. Ctrl-C ends the search and keeps what is finished.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.progress import Progress
from mlwright.learners import families
from mlwright.training.budget import Budget
from mlwright.training.journal import Journal
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
    stopped: str = "every candidate of the portfolio was tried"

    @property
    def finished(self) -> list[Trial]:
        return [t for t in self.trials if not t.failure]


def search(
    problem: Problem, folds: PreparedFolds, budget: Budget, progress: Progress, journal: Journal
) -> Search:
    """Runs the portfolio, but for what the journal holds already. Raises KeyboardInterrupt only while nothing
    is finished, `Misuse` where nothing fits."""
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
            earlier = journal.recorded(config)
            if earlier is not None:
                found.trials.append(earlier)
                continue
            share = _seconds_a_fold(found, problem, budget)
            if share is not None and share <= 0:
                found.stopped = "the time limit was reached"
                break
            progress.step(f"trying {config.name}", budget.fraction(), budget.left_s() if share else None)
            journal.starting(config)
            try:
                trial = run_trial(config, known[config.family], folds, partial(_deadline, budget, share))
            except BaseException:
                journal.stopped(config)
                raise
            if trial.failure:
                progress.note(f"{config.name} failed: {trial.failure}")
            _keep(found, problem, trial)
            journal.finished(trial, budget.spent_s)
    except KeyboardInterrupt:
        if not any(t.config.family != "baseline" for t in found.finished):
            raise
        found.stopped = "it was interrupted"
        progress.note("interrupted: packaging the best so far; once more to give up")
    if not found.finished:
        raise Misuse("no candidate could be fitted: " + "; ".join(t.failure for t in found.trials))
    return found


def refit_seconds(problem: Problem, found: Search, trials: list[Trial]) -> float:
    """An upper estimate of the seconds to refit `trials` on all rows, features included."""
    fold = problem.split.folds[-1]  # in time, the longest
    growth = len(problem.y) / max(len(fold.train), 1) * REFIT_MARGIN
    slowest = [max(t.fold_seconds, default=0.0) for t in trials]
    return growth * (found.prepare_seconds + sum(slowest))


def packaging_seconds(problem: Problem, found: Search, budget: Budget) -> float:
    """An upper estimate of the seconds for judging the blend and for making the file."""
    cells = len(problem.y) * (len(problem.table.schema.features) + 5)
    judged = len(problem.split.test) or len(problem.split.judged)
    # The bootstraps of model and baseline, two seconds from some 20,000 rows on (evaluation.intervals).
    judging = 2.0 * min(1.0, judged / 20_000 * max(1, problem.classes / 2))
    return (1.5 + judging + cells * 3e-8) * budget.slowness() + 2 * found.score_seconds


def _seconds_a_fold(found: Search, problem: Problem, budget: Budget) -> float | None:
    """Seconds that the next candidate may take for a fold; 0 to stop; None without a limit."""
    if budget.limit_s is None or not found.finished:  # the baseline takes no time
        return None
    folds = problem.split.folds
    worth = sorted(found.finished, key=lambda t: t.error)[:4]  # what an ensemble would most likely keep
    kept = refit_seconds(problem, found, worth) + packaging_seconds(problem, found, budget)
    left = budget.left_s() - kept
    # Its own refit must fit as well, and the first real candidates must leave room for others. With one fold
    # (large data) the first is the one that matters most.
    growth = len(problem.y) / max(len(folds[-1].train), 1) * REFIT_MARGIN
    generous = 0.75 if len(found.finished) > 3 or len(folds) == 1 else 0.45
    share = left * generous / (len(folds) + growth)
    if left >= 0.5 and share >= 0.05:
        return share
    real = any(t.config.family != "baseline" for t in found.finished)
    return 0.0 if real else 0.2  # one real candidate is tried however late it is


def _deadline(budget: Budget, share: float | None) -> float | None:
    return None if share is None else budget.deadline_in(share)


def _keep(found: Search, problem: Problem, trial: Trial) -> None:
    began = time.monotonic()
    if not trial.failure:
        trial.score = own_score(problem, trial)
    found.score_seconds = max(found.score_seconds, time.monotonic() - began)
    found.trials.append(trial)
