"""The evaluation of a blend beside the plain baseline, and the leaderboard of what was tried.

Called by `training.fit` with predictions on rows that no part of the blend had seen. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mlwright.base.abstaining import Abstaining
from mlwright.base.conformal import Conformal
from mlwright.base.decision import Decision
from mlwright.base.evaluation import Entry, Evaluation, Outcome, Score
from mlwright.base.leaderboard import COMPARED, KEPT, NO_GAIN
from mlwright.base.reliability import Reliability
from mlwright.evaluation.abstaining import abstaining_of
from mlwright.evaluation.conformal import conformal_of
from mlwright.evaluation.intervals import all_scores
from mlwright.evaluation.metrics import Answered, Output, confusion
from mlwright.evaluation.outcomes import Judged, outcomes_of
from mlwright.evaluation.reliability import reliability_of, reliability_of_numbers
from mlwright.statistics.links import linked, unlinked
from mlwright.statistics.medians import weighted_median
from mlwright.training.found import Search
from mlwright.training.limits import Pricing
from mlwright.training.problem import Problem
from mlwright.training.slicing import sliced
from mlwright.training.trial import LEFT_OUT
from mlwright.training.unseen import Concluded, Unseen

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def evaluate_blend(
    problem: Problem, unseen: Unseen, concluded: Concluded, mixed: Doubles, entries: tuple[Entry, ...]
) -> Evaluation:
    """Scores with intervals of what was answered for unseen rows, the baseline's beside them, and what
    the decision that ships brings. `mixed` [n, M] are margins of the rows that chose, by the shipped weights.
    """
    rows, how, decision = unseen.rows, unseen.how, concluded.decision
    plain = np.tile(plain_answer(problem), (len(rows), 1))
    if problem.exposure is not None:
        plain = plain * problem.exposure[rows][:, None]
    table: tuple[tuple[int, ...], ...] = ()
    if 0 < problem.classes <= 30:
        counts = confusion(problem.truth[rows], unseen.labels, problem.classes)
        table = tuple(tuple(int(v) for v in row) for row in counts)
    answered = Answered(unseen.answer, unseen.labels) if problem.classes else unseen.answer
    scores = _scores(problem, answered, rows)
    subgroups, slices = sliced(problem, unseen)
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
        calibration=concluded.calibrator.said,
        confusion=table,
        decision=None if decision.rule == "likeliest" else decision,
        outcomes=_outcomes(problem, unseen, decision),
        sets=_sets(problem, unseen, concluded, mixed),
        abstaining=_abstaining(problem, unseen),
        reliability=_reliability(problem, unseen),
        subgroups=subgroups,
        slices=slices,
    )


def _reliability(problem: Problem, unseen: Unseen) -> Reliability | None:
    rows, truth = unseen.rows, problem.truth[unseen.rows]
    weights, units = problem.weights_of(rows), problem.units(rows)
    if not problem.classes:
        return reliability_of_numbers(problem.y[rows], unseen.answer[:, 0], weights, units)
    return reliability_of(truth.astype(np.int64), unseen.margin, unseen.answer, weights, units)


def _sets(problem: Problem, unseen: Unseen, concluded: Concluded, mixed: Doubles) -> Conformal | None:
    """Sets of labels by the answers to unseen rows; rows of no weight are as if they were not there. None of
    numbers, and where no row is left.

    Where rows are cross-fitted, models that had not seen them answer, with the weights and the calibration
    that ship. Those chosen without each row differ from fold to fold, and what is as unlike as one row in ten
    by several measures is not so by the one that ships: its sets missed their rate half as often again.
    """
    weights, answer, how = problem.weights_of(unseen.rows), unseen.answer, unseen.how.removeprefix("on ")
    if problem.classes and not len(problem.split.test):
        answer = problem.answer_of(concluded.calibrator.apply(mixed), unseen.rows)
    if len(problem.split.folds) > 1 and not len(problem.split.test):
        how = (
            f"{len(unseen.rows):,} rows, which models of {len(problem.split.folds)} folds answered that had "
            "not seen them, with the weights and the calibration that ship; the shipped model is then fitted "
            "again on all rows"
        )
    kept = np.ones(len(unseen.rows), dtype=bool) if weights is None else weights > 0
    rows = unseen.rows[kept]
    if not problem.classes or not len(rows):
        return None
    return conformal_of(
        answer[kept],
        problem.y[rows].astype(np.int64),
        problem.classes,
        "by " + how.removesuffix("."),
        weights=None if weights is None else weights[kept],
        clusters=problem.units(rows),
        seed=problem.seed,
    )


def _abstaining(problem: Problem, unseen: Unseen) -> Abstaining | None:
    """From which probability on it may answer; None of numbers."""
    if not problem.classes:
        return None
    return abstaining_of(
        unseen.answer,
        unseen.labels,
        problem.y[unseen.rows].astype(np.int64),
        weights=problem.weights_of(unseen.rows),
        clusters=problem.units(unseen.rows),
    )


def _outcomes(problem: Problem, unseen: Unseen, decision: Decision) -> tuple[Outcome, ...]:
    judged = Judged(
        y=problem.y[unseen.rows].astype(np.int64),
        margin=unseen.margin,
        labels=unseen.labels,
        classes=problem.target.classes,
        weights=problem.weights_of(unseen.rows),
        groups=next(iter(problem.dependent(unseen.rows).values()), None),
        amounts=problem.wanted.rows(unseen.rows).amounts,
    )
    return outcomes_of(decision, judged)


def leaderboard(
    found: Search, shares: Mapping[int, float], dropped: Mapping[int, str], price: Pricing
) -> tuple[Entry, ...]:
    """Every trial, best first, with what it costs (by estimate) and what became of it.

    `shares` and `dropped` (why it does not ship although it was chosen) go by the trial's identity.
    """
    entries = []
    for t in found.trials:
        weight = shares.get(id(t), 0.0)
        if t.failure:
            reason = t.failure if t.failure.startswith(LEFT_OUT) else f"failed: {t.failure}"
        elif weight > 0:
            reason = KEPT
        elif id(t) in dropped:
            reason = dropped[id(t)]
        elif t.config.family == "baseline":
            reason = COMPARED
        else:
            broken = price.broken_by(t)
            reason = f"left out: {broken} (by estimate)" if broken else NO_GAIN
        cost = None if t.failure else price.alone(t)
        entries.append(
            Entry(
                name=t.config.name,
                family=t.config.family,
                score=t.score,
                fit_seconds=t.fit_seconds,
                cpu_us=None if cost is None else round(cost.cpu_us, 1),
                size_bytes=None if cost is None else cost.size_bytes,
                weight=weight,
                reason=reason,
            )
        )
    return tuple(sorted(entries, key=_rank))


def _scores(problem: Problem, output: Output | Answered, rows: Ints) -> tuple[Score, ...]:
    if not problem.classes and not isinstance(output, Answered):
        output = output[:, 0]
    scores = all_scores(
        problem.target.task,
        problem.metric,
        problem.truth[rows],
        output,
        weights=problem.weights_of(rows),
        seed=problem.seed,
        **problem.dependent(rows),
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
    given = problem.learning_weights(train)
    if problem.loss == "absolute":
        return np.array([weighted_median(problem.rates[train], given)])
    middle = np.average(linked(problem.rates[train], problem.link), weights=given)
    return unlinked(np.array([middle]), problem.link)


def _rank(entry: Entry) -> tuple[float, float]:
    if entry.score is None:
        return (1.0, 0.0)
    return (0.0, -entry.score.value if entry.score.greater_is_better else entry.score.value)
