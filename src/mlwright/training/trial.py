"""A Trial: one candidate fitted on every fold, its out-of-fold predictions, and what it cost.

How many rounds a fold's predictions use is decided by the other folds' best rounds, so that no row's own
target
chooses what is said about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Score
from mlwright.evaluation.intervals import score
from mlwright.learners import Config, Fitted, Job, Learner
from mlwright.learners.protocol import Settings
from mlwright.training.ensemble import error_on
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]


@dataclass
class Trial:
    """One candidate's cross-validation. `predictions` [N, K] is NaN where no fold validated the row."""

    config: Config
    fits: list[Fitted] = field(default_factory=list)
    predictions: Doubles = field(default_factory=lambda: np.zeros((0, 0)))
    error: float = float("inf")
    fold_seconds: list[float] = field(default_factory=list)
    failure: str = ""
    score: Score | None = None

    @property
    def fit_seconds(self) -> float:
        return sum(self.fold_seconds)

    @property
    def rounds(self) -> int:
        """The rounds for a refit: the folds' median, a little more for the rows a fold held back."""
        best = [f.rounds for f in self.fits]
        return round(float(np.median(best)) * 1.05) if best else 0

    @property
    def settled(self) -> Settings:
        return self.fits[0].settled if self.fits else {}


def run_trial(
    config: Config, learner: Learner, folds: PreparedFolds, fold_deadline: Callable[[], float | None]
) -> Trial:
    """Cross-validates `config`. Whatever the learner raises is kept as the trial's failure, with its
    reason."""
    problem = folds.problem
    trial = Trial(config)
    try:
        for k in range(len(problem.split.folds)):
            began = time.monotonic()
            train, valid = folds.parts(k, config.view)
            began = time.monotonic() if k else began
            job = Job(
                config=config,
                classes=problem.classes,
                train=train,
                valid=valid,
                members=tuple(folds.plan(k).members(config.view)),
                seed=problem.seed,
                threads=problem.threads,
                deadline=fold_deadline(),
                settings=trial.settled if trial.fits else {},
            )
            trial.fits.append(problem.restored(learner.fit(job)))
            trial.fold_seconds.append(time.monotonic() - began)
        _predict_out_of_fold(trial, folds)
    except Exception as problem_met:  # noqa: BLE001  # a stranger's learner may raise anything: it costs this candidate alone
        trial.failure = f"{type(problem_met).__name__}: {problem_met}".split("\n")[0][:200]
        trial.fits = []
    return trial


def own_score(problem: Problem, trial: Trial) -> Score | None:
    """The trial's out-of-fold score with its interval, for the leaderboard; None where it is undefined."""
    judged = problem.split.judged
    output = trial.predictions[judged]
    reached = score(
        problem.metric,
        problem.truth[judged],
        output if problem.classes else output[:, 0],
        weights=problem.weights_of(judged),
        groups=None if problem.groups is None else problem.groups[judged],
        seed=problem.seed,
        effort=0.1,
    )
    return reached if np.isfinite(reached.value) else None


def _predict_out_of_fold(trial: Trial, folds: PreparedFolds) -> None:
    problem = folds.problem
    out = np.full((len(problem.y), max(problem.classes, 1)), np.nan)
    for k, fold in enumerate(problem.split.folds):
        others = [f.rounds for i, f in enumerate(trial.fits) if i != k]
        rounds = round(float(np.median(others))) if others and others[0] else None
        _, valid = folds.parts(k, trial.config.view)
        out[fold.valid] = trial.fits[k].predict(valid.x, rounds).reshape(len(valid), -1)
    judged = problem.split.judged
    if not np.isfinite(out[judged]).all():
        raise ValueError("it predicted something that is not a number")
    trial.predictions = out
    trial.error = error_on(problem.metric, problem.truth[judged], out[judged], problem.weights_of(judged))
