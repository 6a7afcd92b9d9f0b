"""From a Problem to a Trained: search, refit on all rows, then judge what ships on rows it had not seen.

Called by `lifecycle`. With a holdout, the models of the last fold are judged on rows that nothing touched;
below 10,000 rows weights, rounds and calibration are cross-fitted instead, so that each row is judged by
choices made without it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from mlwright.base.evaluation import Evaluation
from mlwright.base.progress import Progress
from mlwright.packaging.blend import Blend
from mlwright.packaging.costing import Pricer, slowness
from mlwright.packaging.ending import Ending
from mlwright.training.budget import Budget
from mlwright.training.choosing import Choice
from mlwright.training.diagnosing import Looks, kept_for_looks, look_closer
from mlwright.training.estimates import packaging_seconds, refit_seconds
from mlwright.training.found import Search
from mlwright.training.journal import Journal
from mlwright.training.judging import evaluate_blend, leaderboard, plain_answer
from mlwright.training.limits import Limits, Pricing
from mlwright.training.own_metric import clocked_metric
from mlwright.training.pool import POOL
from mlwright.training.prediction_intervals import learn_intervals
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.refit import Shipped, as_fitted, refit
from mlwright.training.reporting import Reported
from mlwright.training.rivals import default_beside, selection_of
from mlwright.training.search import search
from mlwright.training.standing import standing_of
from mlwright.training.trial import Trial
from mlwright.training.unseen import answers_unseen, conclude

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


SHORTENED = 0.85
"""A refit that its deadline ends after this share of its rounds is still worth more than another member less:
what the last rounds bring is little beside what a blend brings (1 % of the error on adult)."""
NO_TIME = "no time was left to fit it on all rows"


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
    run: Run
    shipped: Shipped
    judging_s: float = 0.0
    """How long it took to judge."""


@dataclass(frozen=True)
class Run:
    """What was found, and what of it was dropped on the way to what ships."""

    problem: Problem
    found: Search
    price: Pricing
    budget: Budget
    progress: Progress
    dropped: Mapping[int, str] = field(default_factory=dict)
    """Trials (by identity) that were chosen and do not ship, and why."""
    simpler: bool = False
    """Whether the cheapest candidate within one standard error of the best choice is to be preferred."""
    looks: Looks = field(default_factory=Looks)
    """Further fits of the heaviest candidate, for the fit report."""

    @property
    def choice(self) -> Choice:
        """The finished trials that may have a part in what ships."""
        trials = [t for t in self.found.finished if id(t) not in self.dropped]
        return Choice(self.problem, trials, self.price.of(trials), self.simpler)

    def without(self, dropped: Mapping[int, str]) -> Run:
        """The same, in which more trials may have no part: by identity, why."""
        return replace(self, dropped={**self.dropped, **dropped})

    def weights(self) -> Doubles:
        """The shares of the trials of `choice`. Where none keeps to the limits by estimate, that of the one
        that breaks them least, for estimates may be off: to be measured; all are 0 where none is left."""
        choice = self.choice
        weights = choice.weights(self.problem.split.judged)
        if weights.any():
            return weights
        lightest = self.price.lightest(choice.trials)
        return np.array([float(t is lightest) for t in choice.trials])

    def refitted(self, trials: list[Trial], weights: Doubles) -> Shipped:
        """Trials of positive weight fitted on all rows, as many as there is time for."""
        every = self._among_all(trials, weights)
        kept = as_fitted(self.problem, self.found, every)
        if kept is not None and not _fits(self.problem, self.found, every, self.budget):
            return kept
        affordable = _within_time(self.problem, self.found, every, self.budget)
        return refit(self.problem, self.found, affordable, self.budget, self.progress)

    def has_time(self, trials: list[Trial], weights: Doubles) -> bool:
        """Whether these can be refitted and packaged in what is left, or need not be refitted."""
        every = self._among_all(trials, weights)
        fits = _fits(self.problem, self.found, every, self.budget)
        return fits or as_fitted(self.problem, self.found, every) is not None

    def _among_all(self, trials: list[Trial], weights: Doubles) -> Doubles:
        """The weights of `trials` as weights of all that finished."""
        chosen = {id(t): w for t, w in zip(trials, weights, strict=True)}
        return np.array([chosen.get(id(t), 0.0) for t in self.found.finished])


def train(
    problem: Problem,
    budget: Budget,
    progress: Progress,
    *,
    limits: Limits | None = None,
    journal: Journal | None = None,
    simpler: bool = False,
) -> Trained:
    """Runs the whole of training within the budget; `journal` keeps what it finishes as it goes.

    `limits` guide the choice, by estimate. Whether what comes back keeps to them is to be measured. `simpler`
    prefers the cheapest candidate within one standard error of the best choice.
    """
    # Our matrices are too narrow for a second BLAS thread, and one that waits spins: a logistic regression of
    # 6,590 rows took 4.3 s with two and 0.3 s with one on two shared CPUs.
    with threadpool_limits(limits=1, user_api="blas"):
        return _train(problem, budget, progress, limits or Limits(), journal or Journal(), simpler=simpler)


def _train(
    problem: Problem, budget: Budget, progress: Progress, limits: Limits, journal: Journal, *, simpler: bool
) -> Trained:
    progress.stage("training")
    problem, slowly = clocked_metric(problem, budget)
    folds = PreparedFolds(problem)
    # Costs are counted: a clock on a busy machine would make members dear by chance. A limit is on true time,
    # for which this machine's speed is clocked, before its CPUs are busy.
    clocked = limits.latency_us is not None
    if clocked:
        slowness()
    POOL.start(folds.lanes, folds.threads)
    folds = folds.affordable(budget, journal.folds)
    problem = folds.problem
    problem.refuse_too_few()
    journal.begins(problem)
    pricer = Pricer(folds.plan(len(problem.split.folds) - 1), problem.target, clocked)
    price = Pricing(pricer, limits)
    with kept_for_looks(folds, budget):
        found = search(problem, folds, budget, progress, journal, price)
    found.notes += [slowly] if slowly else []
    run = Run(problem, found, price, budget, progress, simpler=simpler)
    weights = run.weights()
    run = replace(run, looks=_looked(run, folds, weights))
    folds.free()
    found.plans = folds.plans
    if folds.alone:
        found.notes.append(f"candidates were fitted in this process, since {folds.alone}")
    progress.stage("refitting on all rows")
    shipped = run.refitted(found.finished, weights)
    run = run.without(_late(found.finished, weights, shipped))
    if shipped.cut_off:
        run, shipped = _in_time(run, shipped)
    progress.stage("judging")
    return judged(run, shipped)


def _late(trials: list[Trial], weights: Doubles, shipped: Shipped) -> dict[int, str]:
    """Why trials of positive weight do not ship, by their identity."""
    return {
        id(t): f"dropped: {shipped.failed.get(id(t), NO_TIME)}"
        for t, w in zip(trials, weights, strict=True)
        if w > 0 and id(t) not in shipped.shares
    }


def _in_time(run: Run, stump: Shipped) -> tuple[Run, Shipped]:
    """What ships in place of a model that was cut off, whose score would be that of a whole one: a choice
    among what can be fitted in the time left, at the least the plain baseline, which takes none."""
    problem, found = run.problem, run.found
    left = max(run.budget.left_s(), 0.0)
    slow = {
        id(t): f"dropped: {NO_TIME}"
        for t in run.choice.trials
        if t.config.family != "baseline" and refit_seconds(problem, found, [t]) > left
    }
    rest = run.without(slow | {k: f"dropped: {why}" for k, why in stump.cut_off.items()})
    trials, weights = rest.choice.trials, rest.weights()
    if not weights.any():
        return run, stump
    shipped = rest.refitted(trials, weights)
    rest = rest.without(_late(trials, weights, shipped))
    return _in_time(rest, shipped) if shipped.cut_off else (rest, shipped)


def _looked(run: Run, folds: PreparedFolds, weights: Doubles) -> Looks:
    """A closer look at the heaviest of the trials of `weights`, in what refits and packaging leave."""
    chosen = [(float(w), i) for i, w in enumerate(weights) if w > 0]
    trials = run.choice.trials
    heaviest = trials[max(chosen, key=lambda pair: pair[0])[1]] if chosen else None
    again = SHORTENED * refit_seconds(run.problem, run.found, [trials[i] for _, i in chosen])
    packaging = packaging_seconds(run.problem, run.found, run.budget)
    return look_closer(folds, run.found, heaviest, run.budget, run.progress, again, packaging)


def judged(run: Run, shipped: Shipped) -> Trained:
    """What ships, beside what it scores on rows that no part of it had seen.

    Candidates that do not ship although they were chosen have no part in the score.
    """
    began = time.monotonic()
    problem, choice = run.problem, run.choice
    weights = np.array([shipped.shares.get(id(t), 0.0) for t in choice.trials])
    unseen = answers_unseen(choice, weights, again=shipped.again)
    chosen_on = problem.split.judged
    mixed = choice.mix(weights, chosen_on)
    concluded = conclude(problem, mixed, chosen_on)
    entries = leaderboard(run.found, shipped.shares, run.dropped, run.price)
    evaluation = msgspec.structs.replace(
        evaluate_blend(problem, unseen, concluded, mixed, entries),
        default=default_beside(problem, choice.trials, unseen),
        selection=selection_of(problem, choice.trials, concluded, mixed),
    )
    ending = Ending(concluded.decision, problem.link, problem.exposed, problem.floor)
    blend = Blend(shipped.plan, shipped.members, concluded.calibrator, problem.target, problem.shift, ending)
    intervals, tails = learn_intervals(
        problem, blend, unseen, mixed, run.budget, most_bytes=run.price.limits.size_bytes
    )
    evaluation = msgspec.structs.replace(evaluation, intervals=intervals)
    blend = replace(blend, tails=tails)
    given_up = _given_up(choice, shipped, chosen_on) if run.simpler else ""
    notes = (
        *shipped.notes,
        *run.found.notes,
        *([given_up] if given_up else []),
        f"search ended because {run.found.stopped}",
    )
    share = 0.0 if run.looks.trial is None else shipped.shares.get(id(run.looks.trial), 0.0)
    fitted_on = np.arange(len(problem.y)) if shipped.again else problem.split.folds[-1].train
    standing = standing_of(problem, blend, fitted_on, evaluation, mixed)
    report = Reported(problem, run.looks, mixed, standing, evaluation.weak, share).report
    evaluation = msgspec.structs.replace(evaluation, fit_report=report)
    plain, took = plain_answer(problem), time.monotonic() - began
    return Trained(blend, evaluation, unseen.answer, plain, notes, run, shipped, took)


def _given_up(choice: Choice, shipped: Shipped, rows: Ints) -> str:
    """What the simpler model gave up, in words; where something else ships than the rule chooses among what
    is left, that alone."""
    weights, said = choice.explained(rows)
    chosen = {id(t) for t, w in zip(choice.trials, weights, strict=True) if w > 0}
    if chosen == set(shipped.shares):
        return said
    names = ", ".join(t.config.name for t in choice.trials if id(t) in shipped.shares)
    return f"simpler: what ships is {names}, which time and limits left of another choice"


def _fits(problem: Problem, found: Search, weights: Doubles, budget: Budget) -> bool:
    """Whether there is time to refit the trials of positive weight, and for what comes after."""
    kept = [t for t, w in zip(found.finished, weights, strict=True) if w > 0]
    left = budget.left_s() - packaging_seconds(problem, found, budget)
    return SHORTENED * refit_seconds(problem, found, kept) <= max(left, 0.0)


def _within_time(problem: Problem, found: Search, weights: Doubles, budget: Budget) -> Doubles:
    """Drops the lightest members until the refits fit in what is left."""
    weights = weights.copy()
    while (weights > 0).sum() > 1 and not _fits(problem, found, weights, budget):
        weights[np.argmin(np.where(weights > 0, weights, np.inf))] = 0.0
        weights /= weights.sum()
    return weights
