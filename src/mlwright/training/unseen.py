"""What an ensemble answers to rows that no part of it had seen: models, weights, calibration or decision.

Called by `training.fit`, whose evaluation rests on it. All that is chosen is chosen without the row's own
truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.decision import Decision
from mlwright.evaluation.calibration import Calibrator, fit_calibrator
from mlwright.training.choosing import Choice
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unseen:
    """Answers to the rows `rows` [n], and how they came about."""

    rows: Ints
    margin: Doubles
    """Calibrated, [n, M]."""
    answer: Doubles
    """[n, K] probabilities, or [n, 1] numbers."""
    labels: Ints
    """As decided, [n]; all 0 for numbers."""
    how: str


@dataclass(frozen=True)
class Concluded:
    """A calibration, and how labels follow from it: what ends a model, chosen on some rows."""

    problem: Problem
    calibrator: Calibrator
    decision: Decision

    def of(self, margin: Doubles, rows: Ints) -> tuple[Doubles, Ints]:
        """The calibrated margins and the labels of `rows` from their margins."""
        calibrated = self.calibrator.apply(margin)
        return calibrated, self.problem.labels_of(self.decision, calibrated, rows)


def conclude(problem: Problem, margin: Doubles, rows: Ints) -> Concluded:
    """The calibration and the decision by out-of-fold margins of `rows`."""
    calibrator = Calibrator(said="")
    if problem.classes:
        y, weights = problem.y[rows].astype(np.int64), problem.weights_of(rows)
        calibrator = fit_calibrator(margin, y, weights, problem.seed, clusters=problem.units(rows))
    return Concluded(problem, calibrator, problem.decide(calibrator.apply(margin), rows))


def labels_unseen(problem: Problem, margins: Doubles) -> Ints:
    """Labels [N] by margins [N, M], each fold's by a line that was drawn without its rows; of a single fold,
    for want of others, by its own. All are 0 for numbers, and where no fold judges the row."""
    labels = np.zeros(len(problem.y), dtype=np.int64)
    if not problem.classes:
        return labels
    judged = problem.split.judged
    for fold in problem.split.folds:
        others = np.setdiff1d(judged, fold.valid) if len(problem.split.folds) > 1 else judged
        decision = problem.decide(margins[others], others)
        labels[fold.valid] = problem.labels_of(decision, margins[fold.valid], fold.valid)
    return labels


def answers_unseen(choice: Choice, weights: Doubles, *, again: bool = True) -> Unseen:
    """The ensemble of `weights`, or where rows are cross-fitted one chosen alike without them.

    `again` says whether what ships is fitted again on all rows.
    """
    problem, trials = choice.problem, choice.trials
    split, judged = problem.split, problem.split.judged
    if len(split.test):
        part = choice.mix(weights, judged)
        mixed = np.asarray(sum(w * t.held for w, t in zip(weights, trials, strict=True) if w > 0))
        margin, labels = conclude(problem, part, judged).of(mixed, split.test)
        how = (
            f"on a holdout of {len(split.test):,} rows that nothing touched, by models fitted on "
            f"{len(split.folds[-1].train):,} rows; {_shipped(problem, again)}"
        )
        return Unseen(split.test, margin, problem.answer_of(margin, split.test), labels, how)
    if len(split.folds) == 1:
        part = choice.mix(weights, judged)
        margin, labels = conclude(problem, part, judged).of(part, judged)
        how = (
            f"on {len(judged):,} rows that no model was fitted on, but which chose rounds, weights and "
            f"calibration for want of a second fold, so a little too good; {_shipped(problem, again)}"
        )
        return Unseen(judged, margin, problem.answer_of(margin, judged), labels, how)
    margin = np.full_like(trials[0].margins, np.nan)
    labels = np.zeros(len(margin), dtype=np.int64)
    for fold in split.folds:
        others = np.setdiff1d(judged, fold.valid)
        blind = choice.weights(others)
        blind = blind if blind.any() else weights  # which keeps to the limits, as nothing else does
        concluded = conclude(problem, choice.mix(blind, others), others)
        margin[fold.valid], labels[fold.valid] = concluded.of(choice.mix(blind, fold.valid), fold.valid)
    how = (
        f"cross-fitted over {len(split.folds)} folds: each of {len(judged):,} rows is judged by models, "
        "rounds, weights and a calibration chosen without it; the shipped model is then fitted again on "
        "all rows"
    )
    answer = problem.answer_of(margin[judged], judged)
    return Unseen(judged, margin[judged], answer, labels[judged], how)


def _shipped(problem: Problem, again: bool) -> str:
    if again:
        return f"the shipped model is then fitted again on all {len(problem.y):,} rows"
    return "the shipped model is that very one, for want of time to fit it again on all rows"
