"""The evaluation of a blend beside the plain baseline, and the leaderboard of what was tried.

Called by `training.fit` with predictions on rows that no part of the blend had seen. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.evaluation.intervals import all_scores
from mlwright.evaluation.metrics import confusion
from mlwright.training.problem import Problem
from mlwright.training.search import Search

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def evaluate_blend(
    problem: Problem, unseen: Doubles, rows: Ints, how: str, entries: tuple[Entry, ...], calibration: str
) -> Evaluation:
    """Scores with intervals of `unseen` ([n, K] or [n, 1], calibrated) on `rows`, the baseline's beside
    them."""
    plain = np.tile(plain_answer(problem), (len(rows), 1))
    table: tuple[tuple[int, ...], ...] = ()
    if 0 < problem.classes <= 30:
        counts = confusion(problem.truth[rows], unseen.argmax(axis=1), problem.classes)
        table = tuple(tuple(int(v) for v in row) for row in counts)
    scores = _scores(problem, unseen, rows)
    if all(s.metric != problem.metric.name for s in scores):
        how += f"; {problem.metric.name} is undefined on them, as of rows of one class"
    return Evaluation(
        task=problem.target.task,
        metric=problem.metric.name,
        scores=scores,
        baseline=_scores(problem, plain, rows),
        rows=len(rows),
        how=how,
        split=problem.split.rule,
        why_split=problem.split.why,
        leaderboard=entries,
        calibration=calibration,
        confusion=table,
    )


def leaderboard(found: Search, shares: Mapping[int, float], dropped: Collection[int]) -> tuple[Entry, ...]:
    """Every trial, best first, with what became of it; `shares` and `dropped` go by the trial's identity."""
    entries = []
    for t in found.trials:
        weight = shares.get(id(t), 0.0)
        if t.failure:
            reason = f"failed: {t.failure}"
        elif weight > 0:
            reason = "kept"
        elif id(t) in dropped:
            reason = "dropped: no time was left to fit it on all rows"
        elif t.config.family == "baseline":
            reason = "the plain baseline, for comparison"
        else:
            reason = "left out: adds nothing to the others"
        entries.append(
            Entry(
                name=t.config.name,
                family=t.config.family,
                score=t.score,
                fit_seconds=t.fit_seconds,
                weight=weight,
                reason=reason,
            )
        )
    return tuple(sorted(entries, key=_rank))


def _scores(problem: Problem, output: Doubles, rows: Ints) -> tuple[Score, ...]:
    scores = all_scores(
        problem.target.task,
        problem.metric,
        problem.truth[rows],
        output if problem.classes else output[:, 0],
        weights=problem.weights_of(rows),
        groups=None if problem.groups is None else problem.groups[rows],
        seed=problem.seed,
    )
    return tuple(s for s in scores if np.isfinite(s.value))


def plain_answer(problem: Problem) -> Doubles:
    """What the baseline says, from the training rows of the fold that answers for the holdout; else of the
    first."""
    train = problem.split.folds[-1 if len(problem.split.test) else 0].train
    given = problem.weights_of(train)
    if problem.classes:
        counts = np.bincount(problem.y[train].astype(np.int64), weights=given, minlength=problem.classes)
        return np.asarray(counts / counts.sum())
    return np.array([np.average(problem.y[train], weights=given)])


def _rank(entry: Entry) -> tuple[float, float]:
    if entry.score is None:
        return (1.0, 0.0)
    return (0.0, -entry.score.value if entry.score.greater_is_better else entry.score.value)
