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
from mlwright.graph.trees import Shape
from mlwright.learners import Config, Fitted, Job, Learner
from mlwright.learners.protocol import Settings
from mlwright.training.ensemble import error_on
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]


@dataclass
class Trial:
    """One candidate's cross-validation: what is known of it without its fitted models."""

    config: Config
    margins: Doubles = field(default_factory=lambda: np.zeros((0, 0)))
    """Out-of-fold margins [N, M] in the target's own numbers; NaN where no fold validated the row."""
    held: Doubles = field(default_factory=lambda: np.zeros((0, 0)))
    """The last fold's margins of the holdout's rows [T, M]. Where time splits, that fold learned from all but
    the latest rows."""
    error: float = float("inf")
    best_rounds: tuple[int, ...] = ()
    """Per fold, the rounds that did best there."""
    settled: Settings = field(default_factory=dict)
    shape: Shape | None = None
    """How large the last fold's trees are; None for what is no sum of trees."""
    fold_seconds: list[float] = field(default_factory=list)
    failure: str = ""
    score: Score | None = None

    @property
    def fit_seconds(self) -> float:
        return sum(self.fold_seconds)

    @property
    def rounds(self) -> int:
        """The rounds for a refit: the folds' median, a little more for the rows a fold held back."""
        return round(float(np.median(self.best_rounds)) * 1.05) if self.best_rounds else 0


def run_trial(
    config: Config, learner: Learner, folds: PreparedFolds, fold_deadline: Callable[[], float | None]
) -> Trial:
    """Cross-validates `config`. Whatever the learner raises is kept as the trial's failure, with its
    reason."""
    problem = folds.problem
    trial, fits = Trial(config), list[Fitted]()
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
                settings=fits[0].settled if fits else {},
            )
            fits.append(learner.fit(job))
            trial.fold_seconds.append(time.monotonic() - began)
        trial.best_rounds, trial.settled = tuple(f.rounds for f in fits), fits[0].settled
        grown = fits[-1].trees()
        trial.shape = None if grown is None else grown.shape
        _predict_unseen(trial, fits, folds)
    except Exception as problem_met:  # noqa: BLE001  # a stranger's learner may raise anything: it costs this candidate alone
        trial.failure = f"{type(problem_met).__name__}: {problem_met}".split("\n")[0][:200]
    return trial


def own_score(problem: Problem, trial: Trial) -> Score | None:
    """The trial's out-of-fold score with its interval, for the leaderboard; None where it is undefined."""
    judged = problem.split.judged
    output = problem.answer_of(trial.margins[judged])
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


def _predict_unseen(trial: Trial, fits: list[Fitted], folds: PreparedFolds) -> None:
    """Fills the trial's margins of rows that the fold's model had not seen, and its error on them."""
    problem, judged = folds.problem, folds.problem.split.judged
    columns = problem.classes if problem.classes > 2 else 1
    trial.margins = np.full((len(problem.y), columns), np.nan)
    for k, fold in enumerate(problem.split.folds):
        others = [rounds for i, rounds in enumerate(trial.best_rounds) if i != k]
        rounds = round(float(np.median(others))) if others and others[0] else None
        _, valid = folds.parts(k, trial.config.view)
        trial.margins[fold.valid] = fits[k].margin(valid.x, rounds) + problem.shift
    if len(problem.split.test):
        trial.held = fits[-1].margin(folds.held(trial.config.view)) + problem.shift
    if not (np.isfinite(trial.margins[judged]).all() and np.isfinite(trial.held).all()):
        raise ValueError("it predicted something that is not a number")
    answer = problem.answer_of(trial.margins[judged])
    trial.error = error_on(problem.metric, problem.truth[judged], answer, problem.weights_of(judged))
