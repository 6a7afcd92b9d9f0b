"""The refit: what was chosen, fitted again on all rows, heaviest first, for as long as time allows.

Called by `training.fit` before anything is judged, so that the score is of what ships.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.interrupts import noted_once
from mlwright.base.machine import memory_spared
from mlwright.base.progress import Progress
from mlwright.features import FeaturePlan
from mlwright.learners import Fitted, Job, Part, families
from mlwright.packaging.blend import Member
from mlwright.training.budget import Budget
from mlwright.training.estimates import packaging_seconds
from mlwright.training.found import Search
from mlwright.training.lane import reason_of
from mlwright.training.prepared import fit_plan, part_of
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial

MOST_CELLS = 20_000_000
"""Cells of the table up to which members are refitted side by side; beyond it, memory counts."""


LEAST_ROUNDS = 0.75
"""A member that its deadline ended after a lesser share of its rounds does not ship, where others are there:
it is less sure of everything than those that were judged."""


@dataclass(frozen=True)
class Shipped:
    """What will be in the file: the plan, the members, and each trial's share by its identity."""

    plan: FeaturePlan
    members: tuple[Member, ...]
    shares: dict[int, float]
    notes: tuple[str, ...]
    failed: Mapping[int, str] = field(default_factory=dict)
    """Why trials that were chosen could not be fitted on all rows, by their identity."""
    again: bool = True
    """Whether the members were fitted again on all rows; else they are those of the only fold."""
    cut_off: Mapping[int, str] = field(default_factory=dict)
    """Why not even these members are what was judged, by their trials' identities: their deadline ended all
    of them long before their last round. Empty where one is whole."""

    def without(self, *trials: int) -> Shipped:
        """The same without some members, by their trials' identities; the others share their weight."""
        kept = [
            (k, m) for (k, _), m in zip(self.shares.items(), self.members, strict=True) if k not in trials
        ]
        total = sum(m.weight for _, m in kept)
        members = tuple(replace(m, weight=m.weight / total) for _, m in kept)
        shares = {k: m.weight for (k, _), m in zip(kept, members, strict=True)}
        return replace(self, members=members, shares=shares)


def as_fitted(problem: Problem, found: Search, weights: npt.NDArray[np.float64]) -> Shipped | None:
    """The fold's own models of the trials of positive weight; None where they were not kept."""
    chosen = [(float(w), t) for t, w in zip(found.finished, weights, strict=True) if w > 0]
    if found.plan is None or any(t.fitted is None for _, t in chosen):
        return None
    total = sum(w for w, _ in chosen)
    members = tuple(Member(t.config, t.fitted, w / total) for w, t in chosen if t.fitted is not None)
    shares = {id(t): w / total for w, t in chosen}
    rows = len(problem.split.folds[-1].train)
    note = (
        f"what ships was fitted on {rows:,} rows, for want of time to fit it again on all {len(problem.y):,}"
    )
    # Whoever compares graph and training path does so on rows of the whole table.
    return Shipped(found.plan.over(problem.table), members, shares, (note,), again=False)


def refit(
    problem: Problem,
    found: Search,
    weights: npt.NDArray[np.float64],
    budget: Budget,
    progress: Progress,
) -> Shipped:
    """Fits the trials of positive weight on all rows. The heaviest is always fitted, the others in time.

    A first Ctrl-C in the whole fit leaves out what has not begun; a second one is passed on.
    """
    chosen = ((float(w), t) for t, w in zip(found.finished, weights, strict=True) if w > 0)
    kept = sorted(chosen, key=lambda pair: -pair[0])
    kept_back = packaging_seconds(problem, found, budget) if budget.limit_s else 0.0
    job = _prepared(problem, {t.config.view for _, t in kept}, budget, kept_back)
    small = problem.table.numbers.size + problem.table.ids.size < MOST_CELLS
    side_by_side = min(problem.threads, len(kept)) if small else 1
    job = replace(job, threads=max(1, problem.threads // side_by_side))
    trials = [trial for _, trial in kept]

    def begins(i: int) -> None:
        message = f"refitting {trials[i].config.name} ({i + 1} of {len(kept)})"
        progress.step(message, budget.fraction(), None if budget.limit_s is None else budget.left_s())

    def stops() -> None:
        if found.interrupted:
            raise KeyboardInterrupt
        found.interrupted = True
        progress.note("interrupted: packaging what has begun to be refitted; once more to give up")

    with memory_spared():
        if side_by_side == 1:
            fits = _in_turn(job, trials, begins, stops, heeded=not found.interrupted)
        else:
            fits = _side_by_side(job, trials, begins, stops, side_by_side)
    notes: list[str] = []
    failed: dict[int, str] = {}
    members, cut_off = _members(kept, fits, notes, failed)
    total = sum(m.weight for m in members.values())
    members = {k: replace(m, weight=m.weight / total) for k, m in members.items()}
    shares = {k: m.weight for k, m in members.items()}
    return Shipped(job.plan, tuple(members.values()), shares, tuple(notes), failed, cut_off=cut_off)


def _in_turn(
    job: _Refit,
    trials: list[Trial],
    begins: Callable[[int], None],
    stops: Callable[[], None],
    *,
    heeded: bool,
) -> list[Future[Fitted | None]]:
    """Fits one after the other in this thread, which has threads of OpenMP already: with a second set of them
    in the process, the runtime lets waiting ones sleep at once, and small steps take many times as long.

    A first Ctrl-C, if `heeded`, lets the fit that has begun go on.
    """
    fits: list[Future[Fitted | None]] = []
    with noted_once(stops, heeded=heeded) as presses:
        stopped = False
        for i, trial in enumerate(trials):
            fit: Future[Fitted | None] = Future()
            fits.append(fit)
            try:
                begins(i)
            except KeyboardInterrupt:
                stops()
                stopped = True
            if i and (stopped or presses):
                fit.cancel()
                continue
            try:
                fit.set_result(job.fit(trial, i == 0))
            except Exception as problem:  # noqa: BLE001  # whatever a learner raises costs its member alone
                fit.set_exception(problem)
    return fits


def _side_by_side(
    job: _Refit, trials: list[Trial], begins: Callable[[int], None], stops: Callable[[], None], count: int
) -> list[Future[Fitted | None]]:
    """Fits `count` at a time in threads: the libraries fit outside of Python's lock."""
    with ThreadPoolExecutor(count) as pool:
        fits = [pool.submit(job.fit, trial, i == 0) for i, trial in enumerate(trials)]
        try:
            for i, fit in enumerate(fits):
                begins(i)
                wait([fit])
        except KeyboardInterrupt:
            stops()
            for fit in fits[1:]:
                fit.cancel()
            wait(fits)
    return fits


def _prepared(problem: Problem, views: set[str], budget: Budget, kept_back: float) -> _Refit:
    everything = np.arange(len(problem.y))
    plan = fit_plan(problem, everything)
    parts = {v: part_of(problem, plan.matrix(v, problem.table, training=True), everything) for v in views}
    return _Refit(problem, plan, parts, budget, kept_back)


def _members(
    kept: list[tuple[float, Trial]],
    fits: list[Future[Fitted | None]],
    notes: list[str],
    failed: dict[int, str],
) -> tuple[dict[int, Member], dict[int, str]]:
    """The fits that came to something, by their trials' identities. One that failed costs itself alone: why
    it did is added to `notes` and `failed`. Beside them, where all were cut off, why.

    Raises what the heaviest raised where nothing came of any.
    """
    members: dict[int, Member] = {}
    cut_off: dict[int, str] = {}
    for (weight, trial), fit in zip(kept, fits, strict=True):
        problem = None if fit.cancelled() else fit.exception()
        if problem is not None:
            failed[id(trial)] = f"it could not be fitted on all rows: {reason_of(problem)}"
            notes.append(f"{trial.config.name}: {failed[id(trial)]}")
        fitted = None if problem is not None or fit.cancelled() else fit.result()
        if fitted is None:
            continue
        members[id(trial)] = Member(trial.config, fitted, weight)
        if trial.rounds and fitted.rounds < LEAST_ROUNDS * trial.rounds:
            stopped = f"it stopped at {fitted.rounds} of {trial.rounds} rounds: the time limit was reached"
            notes.append(f"{trial.config.name}: {stopped}")
            cut_off[id(trial)] = stopped
    if not members:
        fits[0].result()
    if len(cut_off) == len(members):
        return members, cut_off
    failed |= cut_off  # the others are worth more without them
    return {k: m for k, m in members.items() if k not in failed}, {}


@dataclass(frozen=True)
class _Refit:
    """What all refits share."""

    problem: Problem
    plan: FeaturePlan
    parts: dict[str, Part]
    budget: Budget
    kept_back: float
    threads: int = 1

    def fit(self, trial: Trial, needed: bool) -> Fitted | None:
        """The trial fitted on all rows; None where there is no time for it and it is not needed."""
        left = self.budget.left_s() - self.kept_back
        if needed:  # what is kept back is an estimate on the long side: a model of one round serves nobody
            left = max(left, min(2 * max(trial.fold_seconds), self.budget.left_s()))
        if not needed and left < 0.5 * max(trial.fold_seconds):
            return None
        view = trial.config.view
        job = Job(
            config=trial.config,
            classes=self.problem.classes,
            train=self.parts[view],
            rounds=trial.rounds or None,
            members=tuple(self.plan.members(view)),
            monotone=self.problem.directions(self.plan, view),
            loss=self.problem.loss,
            seed=self.problem.seed,
            threads=self.threads,
            deadline=self.budget.deadline_in(left),
            settings=trial.settled,
        )
        return families()[trial.config.family].fit(job)
