"""From a Problem to a Trained: search, blend, calibrate, judge on unseen rows, refit on all rows.

Called by task kinds. With a holdout, the models of the first fold are judged on rows that nothing touched; below 10,000 rows
weights, rounds and calibration are cross-fitted instead, so that each row is judged by choices made without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.progress import Progress
from mlwright.evaluation.calibration import Calibrator, fit_calibrator
from mlwright.evaluation.intervals import all_scores, score
from mlwright.evaluation.metrics import confusion
from mlwright.learners import Fitted, Job, families
from mlwright.packaging.blend import Blend, Member
from mlwright.training.budget import Budget
from mlwright.training.ensemble import choose_weights
from mlwright.training.prepared import PreparedFolds, fit_plan, part_of
from mlwright.training.problem import Problem
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
    notes: tuple[str, ...]


def train(problem: Problem, budget: Budget, progress: Progress) -> Trained:
    """Runs the whole of training within the budget."""
    folds = PreparedFolds(problem)
    progress.stage("training")
    found = search(problem, folds, budget, progress)
    progress.stage("choosing and judging")
    trials = found.finished
    weights = _weights(problem, trials, problem.split.judged)
    weights = _within_time(problem, found, trials, weights, budget)
    blended, how, rows = _unseen_predictions(problem, folds, trials, weights)
    development = _mix(trials, weights)[problem.split.judged]
    calibrator = _calibrator(problem, development, problem.split.judged)
    evaluation = _evaluation(problem, trials, found, weights, calibrator, blended, rows, how)
    progress.stage("refitting on all rows")
    folds.free()
    blend, notes = _refit(problem, trials, weights, calibrator, budget, progress)
    return Trained(blend, evaluation, blended, (*notes, f"search ended because {found.stopped}"))


def _mix(trials: list[Trial], weights: Doubles) -> Doubles:
    return np.asarray(sum(w * t.predictions for w, t in zip(weights, trials, strict=True) if w > 0))


def _weights(problem: Problem, trials: list[Trial], rows: npt.NDArray[np.int64]) -> Doubles:
    given = None if problem.weights is None else problem.weights[rows]
    predictions = [t.predictions[rows] for t in trials]
    return choose_weights(problem.metric, problem.truth[rows], predictions, given, problem.seed)


def _within_time(problem: Problem, found: Search, trials: list[Trial], weights: Doubles, budget: Budget) -> Doubles:
    """Drops the lightest members until the refits fit in what is left."""
    weights = weights.copy()
    while (weights > 0).sum() > 1:
        kept = [t for t, w in zip(trials, weights, strict=True) if w > 0]
        if refit_seconds(problem, found, kept) + packaging_seconds(problem) <= max(budget.left_s(), 0.0):
            break
        weights[np.argmin(np.where(weights > 0, weights, np.inf))] = 0.0
        weights /= weights.sum()
    return weights


def _calibrator(problem: Problem, mixed: Doubles, rows: npt.NDArray[np.int64]) -> Calibrator:
    if not problem.classes:
        return Calibrator(said="")
    given = None if problem.weights is None else problem.weights[rows]
    return fit_calibrator(mixed, problem.y[rows].astype(np.int64), given, problem.seed)


def _unseen_predictions(
    problem: Problem, folds: PreparedFolds, trials: list[Trial], weights: Doubles
) -> tuple[Doubles, str, npt.NDArray[np.int64]]:
    """Calibrated predictions on rows that no part of what made them had seen; how; and which rows."""
    split = problem.split
    if len(split.test):
        mixed = np.zeros((len(split.test), max(problem.classes, 1)))
        plan, table = folds.plan(0), problem.table.rows(split.test)
        for view in sorted({t.config.view for t, w in zip(trials, weights, strict=True) if w > 0}):
            x = plan.matrix(view, table)  # type: ignore[arg-type]
            for t, w in zip(trials, weights, strict=True):
                if w > 0 and t.config.view == view:
                    mixed += w * t.fits[0].predict(x).reshape(len(x), -1)
        fitted_on = len(split.folds[0].train)
        calibrator = _calibrator(problem, _mix(trials, weights)[split.judged], split.judged)
        how = (
            f"on a holdout of {len(split.test):,} rows that nothing touched, by models fitted on {fitted_on:,} rows; "
            f"the shipped model is then fitted again on all {len(problem.y):,} rows"
        )
        return (calibrator.apply(mixed) if problem.classes else mixed), how, split.test
    mixed = np.full((len(problem.y), max(problem.classes, 1)), np.nan)
    judged = split.judged
    for fold in split.folds:
        others = np.setdiff1d(judged, fold.valid)
        own = _weights(problem, trials, others) if len(others) else weights
        part = _mix(trials, own)
        calibrated = part[fold.valid]
        if problem.classes and len(others):
            calibrated = _calibrator(problem, part[others], others).apply(calibrated)
        mixed[fold.valid] = calibrated
    how = (
        f"cross-fitted over {len(split.folds)} folds: each of {len(judged):,} rows is judged by models, rounds, weights and "
        "a calibration chosen without it; the shipped model is then fitted again on all rows"
    )
    return mixed[judged], how, judged


def _evaluation(
    problem: Problem,
    trials: list[Trial],
    found: Search,
    weights: Doubles,
    calibrator: Calibrator,
    blended: Doubles,
    rows: npt.NDArray[np.int64],
    how: str,
) -> Evaluation:
    truth = problem.truth[rows]
    kwargs = {
        "weights": None if problem.weights is None else problem.weights[rows],
        "groups": None if problem.groups is None else problem.groups[rows],
        "seed": problem.seed,
    }
    output = blended if problem.classes else blended[:, 0]
    scores = all_scores(problem.target.task, problem.metric, truth, output, **kwargs)  # type: ignore[arg-type]
    plain = np.tile(_plain_answer(problem), (len(rows), 1))
    baseline = all_scores(
        problem.target.task, problem.metric, truth, plain if problem.classes else plain[:, 0], **kwargs  # type: ignore[arg-type]
    )
    table: tuple[tuple[int, ...], ...] = ()
    if 0 < problem.classes <= 30:
        counts = confusion(truth, blended.argmax(axis=1), problem.classes)  # type: ignore[arg-type]
        table = tuple(tuple(int(v) for v in row) for row in counts)
    return Evaluation(
        task=problem.target.task,
        metric=problem.metric.name,
        scores=scores,
        baseline=baseline,
        rows=len(rows),
        how=how,
        split=problem.split.rule,
        why_split=problem.split.why,
        leaderboard=_leaderboard(problem, found, trials, weights),
        calibration=calibrator.said,
        confusion=table,
    )


def _plain_answer(problem: Problem) -> Doubles:
    """What the baseline says, from the first fold's training rows."""
    train = problem.split.folds[0].train
    given = None if problem.weights is None else problem.weights[train]
    if problem.classes:
        shares = np.bincount(problem.y[train].astype(np.int64), weights=given, minlength=problem.classes)
        return np.asarray(shares / shares.sum())
    return np.array([np.average(problem.y[train], weights=given)])


def _leaderboard(problem: Problem, found: Search, trials: list[Trial], weights: Doubles) -> tuple[Entry, ...]:
    judged = problem.split.judged
    share = {id(t): float(w) for t, w in zip(trials, weights, strict=True)}
    entries = []
    for t in found.trials:
        own: Score | None = None
        if not t.failure:
            output = t.predictions[judged]
            own = score(
                problem.metric,
                problem.truth[judged],  # type: ignore[arg-type]
                output if problem.classes else output[:, 0],
                weights=None if problem.weights is None else problem.weights[judged],
                groups=None if problem.groups is None else problem.groups[judged],
                seed=problem.seed,
            )
        weight = share.get(id(t), 0.0)
        if t.failure:
            reason = f"failed: {t.failure}"
        elif weight > 0:
            reason = "kept"
        elif t.config.family == "baseline":
            reason = "the plain baseline, for comparison"
        else:
            reason = "left out: adds nothing to the others"
        entries.append(Entry(name=t.config.name, family=t.config.family, score=own, fit_seconds=t.fit_seconds, weight=weight, reason=reason))
    return tuple(sorted(entries, key=_rank))


def _rank(entry: Entry) -> tuple[float, float]:
    if entry.score is None:
        return (1.0, 0.0)
    return (0.0, -entry.score.value if entry.score.greater_is_better else entry.score.value)


def _refit(
    problem: Problem, trials: list[Trial], weights: Doubles, calibrator: Calibrator, budget: Budget, progress: Progress
) -> tuple[Blend, tuple[str, ...]]:
    """The kept trials fitted again on all rows; one cut short by the deadline is dropped, and said."""
    everything = np.arange(len(problem.y))
    plan = fit_plan(problem, everything)
    known = families()
    kept = sorted(((float(w), t) for t, w in zip(trials, weights, strict=True) if w > 0), key=lambda p: -p[0])
    views = {t.config.view for _, t in kept}
    matrices = {v: part_of(problem, plan.matrix(v, problem.table, training=True), everything) for v in views}  # type: ignore[arg-type]
    members: list[Member] = []
    notes: list[str] = []
    for i, (weight, trial) in enumerate(kept):
        left = budget.left_s() - packaging_seconds(problem)
        if members and left < 0.5 * max(trial.fold_seconds):
            notes.append(f"{trial.config.name} was dropped: no time was left to fit it on all rows")
            continue
        progress.step(f"refitting {trial.config.name} ({i + 1} of {len(kept)})", budget.fraction(), None if budget.limit_s is None else budget.left_s())
        job = Job(
            config=trial.config,
            classes=problem.classes,
            train=matrices[trial.config.view],
            rounds=trial.rounds or None,
            members=tuple(plan.members(trial.config.view)),  # type: ignore[arg-type]
            seed=problem.seed,
            threads=problem.threads,
            deadline=budget.deadline_in(left),
            settings=trial.settled,
        )
        fitted: Fitted = known[trial.config.family].fit(job)
        if trial.rounds and fitted.rounds < 0.6 * trial.rounds:
            notes.append(f"{trial.config.name} stopped at {fitted.rounds} of {trial.rounds} rounds: the time limit was reached")
        members.append(Member(trial.config, fitted, weight))
    total = sum(m.weight for m in members)
    members = [replace(m, weight=m.weight / total) for m in members]
    return Blend(plan, tuple(members), calibrator, problem.target), tuple(notes)
