"""The search: candidates in the portfolio's order, then near the best ones, for as long as the budget allows.

Every candidate is cross-validated in a share of what is left after keeping back the time to refit what has
been found so far and to package it. A search that finds nothing better ends early, and Ctrl-C ends it: what
is finished is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.progress import Progress
from mlwright.evaluation.asked import answered
from mlwright.learners import Config, Learner, families, missing_families
from mlwright.training.budget import Budget
from mlwright.training.choosing import Choice
from mlwright.training.ensemble import error_on, free
from mlwright.training.estimates import likely_kept, packaging_seconds, refit_seconds, usual_seconds
from mlwright.training.found import Search
from mlwright.training.journal import Journal
from mlwright.training.limits import Pricing
from mlwright.training.patience import Patience
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.refine import mark, propose
from mlwright.training.rungs import SHARE, first_looks
from mlwright.training.trial import LEFT_OUT, Trial, own_score, run_trial

WORTH_STARTING = 0.4
"""A candidate is not begun with less than this share of what its family usually takes: stopped so early, it
has no chance."""
LEAST_FOR_LOOKS_S = 90.0
"""With less time left than this, the portfolio's own order holds: four looks would take a fifth of it."""
ONCE = 0.7
"""What the fit of a candidate of one fold may take of the time left. The rest is for its predictions and for
packaging trees whose number is not known yet (covertype, 1,023 leaves: a third of the fit's own time)."""
AGAIN = 0.25
"""Where fitting again on all rows takes no more than this share of the limit, time is kept for it: the latest
rows, which a split by time holds back, tell most of the next ones (nycflights, RMSE 38.9 without them)."""
NO_TIME, TOO_LONG = 0.0, -1.0
"""Shares that are none: no candidate can be tried any more, or this one would take too long."""
UNDEFINED = 3
"""After so many candidates for which a metric of the user's own has no value, no other is tried."""
MOST_SKIPPED = 8
"""So many proposals in a row that would take too long end the search."""
PLAIN_VIEWS, RICH_VIEW, RICH_GAIN = ("tree", "encoded"), "rich", 0.01
"""Candidates of a plain view are tried with generated features once those have gained this share of the
error: less may be chance, and more columns take more time."""
QUICKER, QUICKEST, LEAST_FASTER = 1.3, 0.3, 1.2
"""Where trees are too many for a limit on latency, their rate rises by so much more than they exceed it (what
features take stays), to this rate at most; a lesser gain is not worth a fit."""
USUAL_LEAVES, LEARNT, FASTEST = 31, 12.0, 0.5
"""LightGBM's own number of leaves; rounds times rate at which boosting has learnt most of what it will; and
the rate to which few rounds may raise it (covertype at 50 us: log loss 0.083 with it, 0.75 without)."""
LEAN = 0.5
"""What packaging may take is an upper estimate: against this share of it trees are tried where nothing but a
linear model is there, which is the worst result of a short limit."""
TIME_OUT, INTERRUPTED = "the time limit was reached", "it was interrupted"
MOST_CHOOSING = 0.04
"""The share of the time spent that choosing weights between candidates may take."""


def search(
    problem: Problem,
    folds: PreparedFolds,
    budget: Budget,
    progress: Progress,
    journal: Journal,
    price: Pricing | None = None,
) -> Search:
    """Runs the portfolio and refines its best, but for what the journal holds already.

    With a `price` it goes by the ensemble that would ship, else by the best that there is.

    Raises KeyboardInterrupt only while nothing is finished, `Misuse` where nothing fits.
    """
    going = _Going(problem, folds, budget, progress, journal, price)
    try:
        going.run()
    except KeyboardInterrupt:
        if not going.found.real:
            raise
        going.found.stopped, going.found.interrupted = INTERRUPTED, True
        progress.note("interrupted: packaging the best so far; once more to give up")
    going.tell_untried()
    if not going.found.finished:
        raise Misuse("no candidate could be fitted: " + "; ".join(t.failure for t in going.found.trials))
    refuse_undefined(problem, going.found.real)
    return going.found


def in_the_better_view(config: Config, finished: Sequence[Trial]) -> Config:
    """`config` with generated features, where those have lowered the error of other trees; else as it is.

    Asked for each configuration of the portfolio: what one candidate gained by them, others gain as well.
    """
    if config.view not in PLAIN_VIEWS:
        return config
    trees = [t for t in finished if t.config.view in (*PLAIN_VIEWS, RICH_VIEW)]
    rich = min((t.error for t in trees if t.config.view == RICH_VIEW), default=float("inf"))
    plain = min((t.error for t in trees if t.config.view != RICH_VIEW), default=float("inf"))
    if not rich < plain - RICH_GAIN * abs(plain) < float("inf"):
        return config
    return replace(config, name=f"{config.name}-{RICH_VIEW}", view=RICH_VIEW)


def quicker_to_serve(finished: Sequence[Trial], price: Pricing | None) -> Config | None:
    """The configuration of the last trial at a faster rate, and so with fewer trees, where a limit on latency
    is broken by estimate; None where it holds, or nothing is known of a rate."""
    limit = None if price is None else price.limits.tightened().latency_us
    if price is None or limit is None or not finished:
        return None
    config, times = finished[-1].config, price.alone(finished[-1]).cpu_us / limit
    rate = config.settings.get("learning_rate")
    if times <= 1 or finished[-1].shape is None or rate is None:
        return None
    faster = min(float(rate) * times * QUICKER, QUICKEST)
    if faster < LEAST_FASTER * float(rate):
        return None
    return replace(config, name=f"{config.name}-quick", settings=config.settings | {"learning_rate": faster})


def within_latency(config: Config, price: Pricing | None, known: Mapping[str, Learner]) -> Config:
    """`config` with no more rounds than a limit on latency allows, and a rate that makes use of them.

    For tables of one fold, where the first real candidate takes most of the time: if it broke the limit,
    nothing but a linear model could follow.
    """
    learner, rate = known[config.family], config.settings.get("learning_rate")
    if price is None or rate is None or "most_rounds" not in getattr(learner, "zone", {}):
        return config
    rounds = price.rounds_within(config.view, int(config.settings.get("num_leaves", USUAL_LEAVES)))
    if rounds is None:
        return config
    faster = max(float(rate), min(LEARNT / rounds, FASTEST))
    return replace(config, settings=config.settings | {"most_rounds": rounds, "learning_rate": faster})


def refuse_undefined(problem: Problem, real: Sequence[Trial], fewest: int = 1) -> None:
    """Raises `Misuse` where a metric of the user's own is undefined for all of so many candidates.

    One of the table's may be, as of rows of one class: log loss or RMSE stand in for it then.
    """
    metric, rows = problem.metric, problem.split.judged
    if metric.bounded or len(real) < fewest or any(np.isfinite(t.error) for t in real):
        return
    output = problem.output_of(real[0].margins[rows], rows)
    said = answered(metric, problem.truth[rows], output if problem.classes else output[:, 0])
    names = ", ".join(t.config.name for t in real[:UNDEFINED])
    raise Misuse(
        f"metric {metric.name!r} has no value for any candidate ({names}): of the {len(rows):,} rows that "
        f"judge {real[0].config.name} it answers {said}",
        remedy="let the function return a finite number for whole tables, or choose another metric",
    )


@dataclass
class _Going:
    """A search under way."""

    problem: Problem
    folds: PreparedFolds
    budget: Budget
    progress: Progress
    journal: Journal
    price: Pricing | None = None
    found: Search = field(default_factory=Search)
    known: Mapping[str, Learner] = field(default_factory=families)
    tried: set[bytes] = field(default_factory=set)
    skipped: int = 0
    """Proposals in a row that there was no time for."""
    choosing_in_all: float = 0.0
    untried: dict[str, Config] = field(default_factory=dict)
    """What of the portfolio has not been tried yet, by name."""

    def __post_init__(self) -> None:
        self.patience = Patience(len(self.problem.y))

    def run(self) -> None:
        """Tries one candidate after the other until something says that it is enough."""
        portfolio = self._portfolio()
        self.untried = {c.name: c for c in portfolio}
        began = time.monotonic()
        self.folds.plan(0)
        self.found.prepare_seconds = time.monotonic() - began
        self.found.fold_threads, self.found.view_seconds = self.folds.threads, self.folds.seconds
        if self.budget.limit_s is not None and len(self.problem.split.folds) == 1:
            self.found.plan = self.folds.plan(0)
        for asked in self._in_order(portfolio):
            config = in_the_better_view(asked, self.found.real)
            if self.found.plan is not None:
                config = within_latency(config, self.price, self.known)
            goes_on = self._goes_on_with(config)
            if self.skipped == 0:
                self.untried.pop(asked.name)
            if not goes_on:
                return
            quicker = quicker_to_serve(self.found.real, self.price)
            if quicker is not None and not self._goes_on_with(quicker):
                return
        while near := propose(self.found.real, self.known, self.tried, self.problem.seed):
            if not self._goes_on_with(near):
                return

    def tell_untried(self) -> None:
        """Says of what ended early what was not tried: how many, and which families not once."""
        found, many = self.found, len(self.untried)
        if not many or found.stopped not in (TIME_OUT, INTERRUPTED):
            return
        of = len({c.name for c in self.problem.portfolio if c.family in self.known})
        found.stopped += f", with {many} of the portfolio's {of} candidates not tried"
        seen = {t.config.family for t in found.trials}
        first = {c.family: c for c in reversed(self.untried.values()) if c.family not in seen}
        why = "was interrupted" if found.interrupted else "had no time left"
        for family, config in sorted(first.items()):
            more = sum(c.family == family for c in self.untried.values()) - 1
            others = f", nor {more} more of {family}" if more else ""
            found.trials.append(Trial(config, failure=f"{LEFT_OUT}: not tried{others}, as the search {why}"))

    def _portfolio(self) -> list[Config]:
        """The portfolio's configurations of families that can run here. Raises `UnknownName`."""
        missing = missing_families()
        for config in self.problem.portfolio:
            if config.family not in self.known and config.family not in missing:
                raise UnknownName("learner family", config.family, self.known)
        for family in sorted({c.family for c in self.problem.portfolio} & set(missing)):
            self.progress.note(f"left out: {missing[family].message}")
        return [c for c in self.problem.portfolio if c.family in self.known]

    def _in_order(self, portfolio: list[Config]) -> list[Config]:
        """The portfolio as it is, or the most promising first where few can have all rows."""
        budget = self.budget
        resumed = any(self.journal.recorded(c) for c in portfolio if c.family != "baseline")
        if self.found.plan is None or resumed or budget.left_s() < LEAST_FOR_LOOKS_S:
            return portfolio
        each = SHARE * budget.left_s()

        def deadline(config: Config) -> float | None:
            message = f"looking at {config.name}"
            self.progress.step(message, budget.fraction(), budget.left_s())
            return budget.deadline_in(each)

        portfolio, left_out = first_looks(self.folds, portfolio, self.known, deadline)
        self.found.trials += left_out
        self.tried |= {mark(t.config) for t in left_out}
        for trial in left_out:
            self.untried.pop(trial.config.name, None)
        return portfolio

    def _goes_on_with(self, config: Config) -> bool:
        """Tries `config`, where there is time for it; whether to go on then."""
        if self.budget.max_trials is not None and len(self.found.trials) >= self.budget.max_trials:
            self.found.stopped = f"max_trials={self.budget.max_trials} was reached"
            return False
        if mark(config) in self.tried:
            return True
        self.tried.add(mark(config))
        trial = self.journal.recorded(config)
        if trial is None:
            share = self._seconds_a_fold(config)
            if share is not None and share <= 0:
                self.skipped += 1
                self.found.stopped = TIME_OUT
                return share == TOO_LONG and self.skipped < MOST_SKIPPED
            trial = self._tried(config, share)
        self.skipped = 0
        self.found.trials.append(trial)
        refuse_undefined(self.problem, self.found.real, UNDEFINED)
        return not self._is_enough(trial)

    def _tried(self, config: Config, share: float | None) -> Trial:
        budget = self.budget
        self.progress.step(f"trying {config.name}", budget.fraction(), budget.left_s() if share else None)

        def deadline() -> float | None:
            return None if share is None else budget.deadline_in(share)

        self.journal.starting(config)
        try:
            once = self.found.plan is not None
            trial = run_trial(config, self.known[config.family], self.folds, deadline, keep=once)
        except BaseException:  # noted, whatever it was, and raised again
            self.journal.stopped(config)
            raise
        budget.waited_s += trial.waited_seconds
        began = time.monotonic()
        if trial.failure:
            self.progress.note(f"{config.name} failed: {trial.failure}")
        else:
            trial.score = own_score(self.problem, trial)
        self.found.score_seconds = max(self.found.score_seconds, time.monotonic() - began)
        self.journal.finished(trial, budget.spent_s)
        return trial

    def _is_enough(self, trial: Trial) -> bool:
        """Whether the search has found what it will find."""
        limited = self.budget.limit_s is not None
        if trial.failure or trial.config.family == "baseline" or not limited:
            return False
        if self.choosing_in_all > MOST_CHOOSING * self.budget.spent_s:
            return self._gained_nothing(min(t.error for t in self.found.real))
        began = time.monotonic()
        finished, rows = self.found.finished, self.problem.split.judged
        choice = Choice(self.problem, finished, free if self.price is None else self.price.of(finished))
        weights = choice.weights(rows)
        if not weights.any():  # nothing keeps to the limits yet
            return False
        self.found.chosen = [t for t, w in zip(choice.trials, weights, strict=True) if w > 0]
        self.found.choosing_seconds = time.monotonic() - began
        self.choosing_in_all += self.found.choosing_seconds
        output = self.problem.output_of(choice.mix(weights, rows), rows)
        given = self.problem.weights_of(rows)
        return self._gained_nothing(error_on(self.problem.metric, self.problem.truth[rows], output, given))

    def _gained_nothing(self, error: float) -> bool:
        if not self.patience.saw(error):
            return False
        self.found.stopped = f"{self.patience.limit} candidates in a row brought nothing"
        return True

    def _seconds_a_fold(self, config: Config) -> float | None:
        """Seconds that `config` may take for a fold, or NO_TIME, or TOO_LONG; None without a limit."""
        if self.budget.limit_s is None or not self.found.finished:  # the baseline takes no time
            return None
        found, problem = self.found, self.problem
        packaging = packaging_seconds(problem, found, self.budget)
        if found.plan is None and all(t.shape is None for t in found.real):
            packaging *= LEAN
        left = self.budget.left_s() - packaging
        if found.plan is not None:  # its model may ship as it is: a long fit is worth more than several
            again = refit_seconds(problem, found, likely_kept(found))
            share = (left - (again if again <= AGAIN * self.budget.limit_s else 0.0)) * ONCE
        else:
            left -= refit_seconds(problem, found, likely_kept(found))
            # Its own refit must fit as well, and the first real candidates must leave room for others.
            growth = len(problem.y) / max(len(problem.split.folds[-1].train), 1)
            few = len(found.real) < 3
            share = left * (0.45 if few else 0.75) / (self.folds.rounds + (growth if few else 0.3))
        usual = usual_seconds(found, config.family)
        if not found.real:
            return max(share, 0.2)  # one real candidate is tried however late it is
        if left < 0.5 or share < 0.05:
            return NO_TIME
        return share if share >= WORTH_STARTING * usual else TOO_LONG
