"""From a Problem to a Trained: search, refit on all rows, then judge what ships on rows it had not seen.

Called by `lifecycle`. With a holdout, the models of the last fold are judged on rows that nothing touched;
below 10,000 rows weights, rounds and calibration are cross-fitted instead, so that each row is judged by
choices made without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from mlwright.base.evaluation import Evaluation
from mlwright.base.progress import Progress
from mlwright.evaluation.calibration import Calibrator, fit_calibrator
from mlwright.packaging.blend import Blend
from mlwright.training.budget import Budget
from mlwright.training.ensemble import choose_weights, error_on
from mlwright.training.journal import Journal
from mlwright.training.judging import evaluate_blend, leaderboard, plain_answer
from mlwright.training.limits import Limits
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.refit import refit
from mlwright.training.search import Search, packaging_seconds, refit_seconds, search
from mlwright.training.trial import Trial

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """The refit blend, its evaluation, and its predictions on rows it had not seen (for the profile)."""

    blend: Blend
    evaluation: Evaluation
    unseen: Doubles
    """[M, K] probabilities, or [M, 1] numbers."""
    baseline: Doubles
    """What the plain baseline answers to every row: class shares [K], or the mean [1]."""
    notes: tuple[str, ...]


def train(
    problem: Problem,
    budget: Budget,
    progress: Progress,
    *,
    limits: Limits | None = None,
    journal: Journal | None = None,
) -> Trained:
    """Runs the whole of training within the budget; `journal` keeps what it finishes as it goes.

    Raises `LimitUnmet` where not even the cheapest candidate keeps to `limits`.
    """
    # Our matrices are too narrow for a second BLAS thread, and one that waits spins: a logistic regression of
    # 6,590 rows took 4.3 s with two and 0.3 s with one on two shared CPUs.
    with threadpool_limits(limits=1, user_api="blas"):
        return _train(problem, budget, progress, limits or Limits(), journal or Journal())


def _train(problem: Problem, budget: Budget, progress: Progress, limits: Limits, journal: Journal) -> Trained:
    progress.stage("training")
    folds = PreparedFolds(problem).affordable(budget, journal.folds)
    problem = folds.problem
    journal.begins(problem)
    found = search(problem, folds, budget, progress, journal)
    folds.free()
    progress.stage("refitting on all rows")
    weights = _weights(problem, found.finished, problem.split.judged)
    wanted = {id(t) for t, w in zip(found.finished, weights, strict=True) if w > 0}
    weights = _within_time(problem, found, found.finished, weights, budget)
    # Judged is what ships: candidates that there was no time to refit have no part in the score.
    shipped = refit(problem, found, weights, budget, progress)
    progress.stage("judging")
    dropped = wanted - set(shipped.shares)
    trials = [t for t in found.finished if not dropped or id(t) in shipped.shares]
    weights = np.array([shipped.shares.get(id(t), 0.0) for t in trials])
    blended, how, rows = _unseen_answers(problem, trials, weights)
    judged = problem.split.judged
    calibrator = _calibrator(problem, _mix(trials, weights)[judged], judged)
    entries = leaderboard(found, shipped.shares, dropped)
    evaluation = evaluate_blend(problem, blended, rows, how, entries, calibrator.said)
    blend = Blend(shipped.plan, shipped.members, calibrator, problem.target, problem.shift, problem.floor)
    notes = (*shipped.notes, f"search ended because {found.stopped}")
    return Trained(blend, evaluation, blended, plain_answer(problem), notes)


def _mix(trials: list[Trial], weights: Doubles) -> Doubles:
    return np.asarray(sum(w * t.margins for w, t in zip(weights, trials, strict=True) if w > 0))


def _weights(problem: Problem, trials: list[Trial], rows: npt.NDArray[np.int64]) -> Doubles:
    """Shares of the trials, by what they say of `rows`. The plain baseline stands alone or not at all."""
    given = problem.weights_of(rows)
    able = [i for i, t in enumerate(trials) if t.config.family != "baseline"]
    shares = np.zeros(len(trials))
    if not able:
        shares[0] = 1.0
        return shares
    margins = [trials[i].margins[rows] for i in able]
    truth = problem.truth[rows]
    shares[able] = choose_weights(problem.metric, truth, margins, problem.answer_of, given, seed=problem.seed)
    plain = [i for i in range(len(trials)) if i not in able]
    if plain:
        errors = [error_on(problem.metric, truth, problem.answer_of(t.margins[rows]), given) for t in trials]
        if errors[plain[0]] < min(errors[i] for i in able):
            shares[:] = 0.0
            shares[plain[0]] = 1.0
    return shares


def _within_time(
    problem: Problem, found: Search, trials: list[Trial], weights: Doubles, budget: Budget
) -> Doubles:
    """Drops the lightest members until the refits fit in what is left."""
    weights = weights.copy()
    while (weights > 0).sum() > 1:
        kept = [t for t, w in zip(trials, weights, strict=True) if w > 0]
        if refit_seconds(problem, found, kept) + packaging_seconds(problem, found, budget) <= max(
            budget.left_s(), 0.0
        ):
            break
        weights[np.argmin(np.where(weights > 0, weights, np.inf))] = 0.0
        weights /= weights.sum()
    return weights


def _calibrator(problem: Problem, mixed: Doubles, rows: npt.NDArray[np.int64]) -> Calibrator:
    if not problem.classes:
        return Calibrator(said="")
    return fit_calibrator(mixed, problem.y[rows].astype(np.int64), problem.weights_of(rows), problem.seed)


def _unseen_answers(
    problem: Problem, trials: list[Trial], weights: Doubles
) -> tuple[Doubles, str, npt.NDArray[np.int64]]:
    """Calibrated answers for rows that no part of what made them had seen; how; and which rows."""
    split, judged = problem.split, problem.split.judged
    if len(split.test):
        calibrator = _calibrator(problem, _mix(trials, weights)[judged], judged)
        mixed = np.asarray(sum(w * t.held for w, t in zip(weights, trials, strict=True) if w > 0))
        how = (
            f"on a holdout of {len(split.test):,} rows that nothing touched, by models fitted on "
            f"{len(split.folds[-1].train):,} rows; the shipped model is then fitted again on all "
            f"{len(problem.y):,} rows"
        )
        return problem.answer_of(calibrator.apply(mixed)), how, split.test
    if len(split.folds) == 1:
        how = (
            f"on {len(judged):,} rows that no model was fitted on, but which chose rounds, weights and "
            "calibration for want of a second fold, so a little too good; the shipped model is then fitted "
            "again on all rows"
        )
        part = _mix(trials, weights)[judged]
        return problem.answer_of(_calibrator(problem, part, judged).apply(part)), how, judged
    mixed = np.full_like(trials[0].margins, np.nan)
    for fold in split.folds:
        others = np.setdiff1d(judged, fold.valid)
        part = _mix(trials, _weights(problem, trials, others))
        mixed[fold.valid] = _calibrator(problem, part[others], others).apply(part[fold.valid])
    how = (
        f"cross-fitted over {len(split.folds)} folds: each of {len(judged):,} rows is judged by models, "
        "rounds, weights and a calibration chosen without it; the shipped model is then fitted again on "
        "all rows"
    )
    return problem.answer_of(mixed[judged]), how, judged
