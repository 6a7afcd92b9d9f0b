"""The refit: what was chosen, fitted again on all rows, heaviest first, for as long as time allows.

Called by `training.fit` before anything is judged, so that the score is of what ships.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.progress import Progress
from mlwright.features import FeaturePlan
from mlwright.learners import Job, families
from mlwright.packaging.blend import Member
from mlwright.training.budget import Budget
from mlwright.training.prepared import fit_plan, part_of
from mlwright.training.problem import Problem
from mlwright.training.search import Search, packaging_seconds


@dataclass(frozen=True)
class Shipped:
    """What will be in the file: the plan, the members, and each trial's share by its identity."""

    plan: FeaturePlan
    members: tuple[Member, ...]
    shares: dict[int, float]
    notes: tuple[str, ...]


def refit(
    problem: Problem,
    found: Search,
    weights: npt.NDArray[np.float64],
    budget: Budget,
    progress: Progress,
) -> Shipped:
    """Fits the trials of positive weight on all rows. The heaviest is always fitted, the others in time."""
    everything = np.arange(len(problem.y))
    kept_back = packaging_seconds(problem, found, budget) if budget.limit_s else 0.0
    plan = fit_plan(problem, everything)
    known = families()
    chosen = ((float(w), t) for t, w in zip(found.finished, weights, strict=True) if w > 0)
    kept = sorted(chosen, key=lambda pair: -pair[0])
    views = {t.config.view for _, t in kept}
    matrices = {v: part_of(problem, plan.matrix(v, problem.table, training=True), everything) for v in views}
    members: dict[int, Member] = {}
    notes: list[str] = []
    for i, (weight, trial) in enumerate(kept):
        left = budget.left_s() - kept_back
        if members and left < 0.5 * max(trial.fold_seconds):
            continue
        message = f"refitting {trial.config.name} ({i + 1} of {len(kept)})"
        progress.step(message, budget.fraction(), None if budget.limit_s is None else budget.left_s())
        job = Job(
            config=trial.config,
            classes=problem.classes,
            train=matrices[trial.config.view],
            rounds=trial.rounds or None,
            members=tuple(plan.members(trial.config.view)),
            seed=problem.seed,
            threads=problem.threads,
            deadline=budget.deadline_in(left),
            settings=trial.settled,
        )
        fitted = known[trial.config.family].fit(job)
        if trial.rounds and fitted.rounds < 0.6 * trial.rounds:
            stopped = f"{trial.config.name} stopped at {fitted.rounds} of {trial.rounds} rounds"
            notes.append(f"{stopped}: the time limit was reached")
        members[id(trial)] = Member(trial.config, fitted, weight)
    total = sum(m.weight for m in members.values())
    members = {k: replace(m, weight=m.weight / total) for k, m in members.items()}
    shares = {k: m.weight for k, m in members.items()}
    return Shipped(plan, tuple(members.values()), shares, tuple(notes))
