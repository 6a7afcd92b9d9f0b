"""A closer look at the heaviest candidate: the fits that a fit report needs, within a share of the limit.

Called by `training.fit` between search and refit. The candidate is fitted again by other seeds, on fewer
rows, calmer and wilder, on the last folds, and all of it is judged on the same rows. What it means
`reporting` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.progress import Progress
from mlwright.evaluation.splits import Fold
from mlwright.learners import Config
from mlwright.learners.sound import PLAIN
from mlwright.training.budget import Budget
from mlwright.training.found import Search
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.thinned import thinned
from mlwright.training.trial import Trial, run_trial
from mlwright.training.variants import calmer, wilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARE, SPARE = 0.1, 0.2
"""The share of the time limit that is kept for all of it; and what it may take where the search left as much.
"""
MOST_ROWS, MOST_CELLS = 10_000, 20_000_000
"""Rows that fits are compared on; and rows times classes beyond which a dozen fits' margins are too many."""
FEWEST_ROWS = 40
"""Of fewer rows, the eighth part is no table."""
OVERHEAD_S = 0.1
"""What the smallest fit takes."""
WILD = 3.0
"""How many times longer a wilder fit may take."""
CUT = 0.95
"""A fit that took this share of its time was cut short, and says nothing."""
REPEATS: dict[float, int] = {1 / 8: 2, 1 / 4: 2, 1 / 2: 1, 1: 2}
"""By the share of the training rows, how many times the candidate is fitted: on other rows where there are
such, and by other seeds."""
SEEDLESS = ("linear",)
"""Families that draw nothing by lot."""
LEAST_ROWS = 5
FIXED, ENOUGH_ROWS = 2, 300
"""Where no time limit says how many folds are looked at: so many, and more where they judge fewer rows."""


@dataclass
class Looks:
    """Fits of one candidate and its kin, by their margins [n, M] of the same unseen rows."""

    trial: Trial | None = None
    rows: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    own: Doubles = field(default_factory=lambda: np.zeros((0, 0)))
    full: int = 0
    """Rows that a fit learned from, the folds' mean."""
    seeds: list[Doubles] = field(default_factory=list)
    smaller: list[tuple[int, Doubles]] = field(default_factory=list)
    """How many rows it learned from, and what it answers; in any order."""
    calm: tuple[Config, Doubles] | None = None
    wild: tuple[Config, Doubles] | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    """Why there is no look, by its name: seeds, curve, calm, wild."""

    def why_not(self, name: str) -> str:
        """Why the look is missing, in words."""
        return self.skipped.get(name) or self.skipped.get("all") or "it was not asked for"


@contextmanager
def kept_for_looks(folds: PreparedFolds, budget: Budget) -> Iterator[None]:
    """Keeps time for the looks while candidates are searched; none where a single fit takes most of it."""
    kept = 0.0 if budget.limit_s is None else allowance(folds.problem, budget)
    budget.kept_s += kept
    try:
        yield
    finally:
        budget.kept_s -= kept


def allowance(problem: Problem, budget: Budget) -> float:
    """Seconds that the looks may take; 0 of one fold within a time limit, infinite without one."""
    if budget.limit_s is None:
        return float("inf")
    return SHARE * budget.limit_s if len(problem.split.folds) > 1 else 0.0


def _left(problem: Problem, budget: Budget, again_s: float, packaging_s: float) -> float:
    """Seconds for the looks: what refits and packaging leave, which come first. What packaging will take is
    an upper estimate: against half of it, half of what was kept for the looks is theirs."""
    kept = allowance(problem, budget)
    if budget.limit_s is None or not kept:
        return kept
    rest = budget.left_s() - again_s - packaging_s
    return max(min(rest, SPARE * budget.limit_s), min(kept / 2, rest + packaging_s / 2), 0.0)


def look_closer(
    folds: PreparedFolds,
    found: Search,
    trial: Trial | None,
    budget: Budget,
    progress: Progress,
    again_s: float,
    packaging_s: float,
) -> Looks:
    """The looks at `trial`, in what the limit leaves beside refits of `again_s` seconds and packaging.

    Without a time limit the work is fixed. A Ctrl-C ends the looks, and is noted as the search's is.
    """
    looks = Looks(trial)
    looks.skipped["all"] = _unfit(folds.problem, found, trial, budget)
    if looks.skipped["all"] or trial is None:
        return looks
    going = _Looking(folds, found, trial, budget, looks, _left(folds.problem, budget, again_s, packaging_s))
    try:
        progress.step(f"looking closer at {trial.config.name}", budget.fraction(), None)
        going.run()
    except KeyboardInterrupt:
        found.interrupted = True
        looks.skipped["all"] = "it was interrupted"
        progress.note("interrupted: packaging the best so far; once more to give up")
    return looks


def _unfit(problem: Problem, found: Search, trial: Trial | None, budget: Budget) -> str:
    """Why nothing is looked at; empty where there is something to."""
    if trial is None or trial.config.family == "baseline":
        return "the plain baseline is what ships"
    if trial.settled.get(PLAIN):
        return f"{trial.config.name} answers plainly"
    if found.interrupted:
        return "it was interrupted"
    if budget.limit_s is not None and len(problem.split.folds) == 1:
        return "one fit takes most of the time limit"
    if len(problem.y) * max(1, problem.classes) > MOST_CELLS:
        return "there are too many rows and classes"
    if min(len(f.train) for f in problem.split.folds) < FEWEST_ROWS:
        return f"fewer than {FEWEST_ROWS} rows train a fold"
    return ""


@dataclass
class _Looking:
    """Looks under way."""

    folds: PreparedFolds
    found: Search
    trial: Trial
    budget: Budget
    looks: Looks
    left_s: float

    def __post_init__(self) -> None:
        self.problem = self.folds.problem
        self.count = self._count()
        self.last = self.problem.split.folds[-self.count :]

    def run(self) -> None:
        """Takes every look that there is time for, the cheapest evidence first."""
        looks, trial = self.looks, self.trial
        looks.rows = self._rows()
        looks.own = trial.margins[looks.rows]
        looks.full = round(float(np.mean([len(f.train) for f in self.last])))
        for again in range(1, 1 + max(REPEATS.values())):
            self._smaller(again)
            self._seeded(again)
            if again == 1:
                self._kin("calm", calmer(trial.config), 1.0)
                self._kin("wild", wilder(trial.config), WILD)

    def _smaller(self, again: int) -> None:
        """The candidate on fewer rows, the `again`th time."""
        looks = self.looks
        for share in (s for s, times in REPEATS.items() if s < 1 and times >= again):
            made = self._fewer(share, again - 1)
            sizes = [len(f.train) for f in made.problem.split.folds]
            if min(sizes) < LEAST_ROWS:
                looks.skipped["curve"] = f"{share:.0%} of the rows are too few"
                return
            margins = self._fitted("curve", self.trial.config, made, share, anew=True)
            if margins is None:
                return
            looks.smaller.append((round(float(np.mean(sizes))), margins))
            looks.skipped.pop("curve", None)

    def _seeded(self, again: int) -> None:
        """The candidate by another seed."""
        trial, looks = self.trial, self.looks
        if trial.config.family in SEEDLESS:
            looks.skipped["seeds"] = f"{trial.config.name} draws nothing by lot"
        elif again <= REPEATS[1]:
            margins = self._fitted("seeds", trial.config, self._others(self.problem.seed + again), 1.0)
            looks.seeds += [] if margins is None else [margins]

    def _kin(self, name: str, config: Config | None, times: float) -> None:
        """The candidate calmer, or wilder."""
        if config is None:
            self.looks.skipped[name] = f"{self.trial.config.name} has no {name}er form"
            return
        margins = self._fitted(name, config, self._others(self.problem.seed), times)
        if margins is not None:
            setattr(self.looks, name, (config, margins))

    def _count(self) -> int:
        """As many folds as there is time to take all looks at; the last one where there is not."""
        folds = len(self.problem.split.folds)
        if self.budget.limit_s is None:
            judged = np.cumsum([len(f.valid) for f in self.problem.split.folds[::-1]])
            return min(folds, max(FIXED, 1 + int(np.searchsorted(judged, ENOUGH_ROWS))))
        looks = sum(share * times for share, times in REPEATS.items()) + 1 + WILD
        counts = range(folds, 1, -1)
        return next((n for n in counts if looks * self._fold_s(n) <= self.left_s), 1)

    def _fold_s(self, count: int) -> float:
        """Seconds to fit so many folds, as long as the candidate took for all of them."""
        lanes, folds = self.folds.lanes, len(self.problem.split.folds)
        wall = self.trial.wall_seconds or float(np.sum(self.trial.fold_seconds)) / lanes
        return OVERHEAD_S + wall * -(-count // lanes) / -(-folds // lanes)

    def _rows(self) -> Ints:
        rows = np.sort(np.concatenate([f.valid for f in self.last]))
        if len(rows) > MOST_ROWS:
            rng = np.random.default_rng(self.problem.seed)
            rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
        return rows

    def _others(self, seed: int) -> PreparedFolds:
        """The same folds and features, for learners that draw by another seed."""
        folds = self.folds.last(self.count)
        folds.problem = self._asked(folds.problem.split.folds, seed)
        return folds

    def _fewer(self, share: float, part: int) -> PreparedFolds:
        """Folds whose training rows are thinned, with features of their own."""
        thin = tuple(Fold(thinned(self.problem, f.train, share, part), f.valid) for f in self.last)
        # Of the most recent rows there is one part: only the seed can differ.
        folds = PreparedFolds(self._asked(thin, self.problem.seed + part))
        folds.alone = self.folds.alone
        return folds

    def _asked(self, folds: tuple[Fold, ...], seed: int) -> Problem:
        split = replace(self.problem.split, folds=folds, test=np.zeros(0, dtype=np.int64))
        return replace(self.problem, split=split, seed=seed)

    def _fitted(
        self,
        name: str,
        config: Config,
        made: PreparedFolds,
        times: float,
        *,
        anew: bool = False,
    ) -> Doubles | None:
        """What `config` answers to the rows that are looked at; None, and why, where it cannot."""
        limited = self.budget.limit_s is not None
        needed = times * self._fold_s(self.count)
        if anew:  # features, too, are fitted once more
            view = self.found.view_seconds.get(config.view, 0.0)
            needed += self.count * (self.found.prepare_seconds + view) * times**0.5
        if limited and needed > self.left_s:
            left = max(self.left_s, 0.0)
            self.looks.skipped[name] = (
                f"it takes about {needed:.1f} s, and the time limit left {left:.1f} s for it"
            )
            return None
        began, given = self.budget.clock(), max(min(2 * needed + 0.5, self.left_s), 0.2)

        def deadline() -> float | None:
            return self.budget.deadline_in(given) if limited else None

        settled = self.trial.settled if config.family == self.trial.config.family else {}
        trial = run_trial(config, config.family, made, deadline, settled=settled)
        self.budget.waited_s += trial.waited_seconds
        self.left_s -= self.budget.clock() - began
        if trial.failure:
            self.looks.skipped[name] = f"{config.name} failed: {trial.failure}"
            return None
        if limited and max(trial.fold_seconds) > CUT * given:
            self.looks.skipped[name] = f"a fit of {config.name} was cut short"
            return None
        return trial.margins[self.looks.rows]
