"""A Trial: one candidate fitted on every fold, its out-of-fold predictions, and what it cost.

How many rounds a fold's predictions use is decided by the other folds' best rounds, so that no row's own
target chooses what is said about it. Called by `search`; how folds come to other processes `lanes` knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import EnvironmentProblem
from mlwright.base.evaluation import Score
from mlwright.base.registered import registered
from mlwright.evaluation.intervals import score
from mlwright.graph.trees import Shape
from mlwright.learners import Config, Fitted, Job, Learner, families
from mlwright.learners.protocol import Settings, abilities_of
from mlwright.training.crew import Crew, Event, Here
from mlwright.training.ensemble import error_on
from mlwright.training.exchange import Done, Failed, Margins, Settled, path_of
from mlwright.training.lane import reason_of
from mlwright.training.lanes import Lanes
from mlwright.training.pool import POOL
from mlwright.training.prepared import NOTHING, PreparedFolds
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]

STARTS = 2
"""So many times lanes are started for a candidate before it is fitted in this process, which it may crash."""
LEFT_OUT = "left out"
"""How the failure of a candidate begins that was never begun."""


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
    """Per fold, the seconds that fitting it took in its lane."""
    wall_seconds: float = 0.0
    """Seconds from the candidate's start to its end, folds side by side."""
    waited_seconds: float = 0.0
    """How much of it this process waited for lanes."""
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    """The most memory that a lane held while it fitted a fold; 0 where that is unknown."""
    failure: str = ""
    score: Score | None = None
    fitted: Fitted | None = None
    """The model of the only fold, where it may ship as it is."""

    @property
    def fit_seconds(self) -> float:
        return sum(self.fold_seconds)

    @property
    def rounds(self) -> int:
        """The rounds for a refit: the folds' median, a little more for the rows a fold held back."""
        return round(float(np.median(self.best_rounds)) * 1.05) if self.best_rounds else 0


def run_trial(
    config: Config,
    learner: Learner | str | None,
    folds: PreparedFolds,
    fold_deadline: Callable[[], float | None],
    *,
    keep: bool = False,
    settled: Settings | None = None,
) -> Trial:
    """Cross-validates `config`, folds side by side in lanes. Whatever the learner raises, or does to the
    process that it is fitted in, is kept as the trial's failure, with its reason.

    `learner` is the family's, by itself or by its name; one that lanes could not find is fitted in this
    process. So is one whose model of the last fold is to be kept in the trial. `settled` is what an earlier
    trial of the configuration settled on, to be used again.
    """
    began, trial = time.monotonic(), Trial(config)
    trial.failure = _unable(config, learner, folds.problem)
    if trial.failure:
        return trial
    try:
        lanes = not keep and _in_lanes(config, learner, folds)
        if not (lanes and _tried_in_lanes(trial, folds, fold_deadline, settled)):
            found = learner if learner and not isinstance(learner, str) else families()[config.family]
            trial, crew = Trial(config), Here(found, folds.problem.threads)
            _Attempt(trial, folds, crew, fold_deadline, settled).run()
            if keep and not trial.failure:
                trial.fitted = crew.fitted(len(folds.problem.split.folds) - 1)
    except Exception as problem:  # noqa: BLE001  # features of a view may fail as learners do: it costs this candidate alone
        trial.failure = reason_of(problem)
    trial.wall_seconds = time.monotonic() - began
    return trial


def _unable(config: Config, learner: Learner | str | None, problem: Problem) -> str:
    """Why the family cannot keep to what is asked of every candidate; nothing where it can."""
    found = learner if learner and not isinstance(learner, str) else families()[config.family]
    refusal = abilities_of(found).refusal(
        problem.classes,
        monotone=bool(problem.monotone),
        absolute=problem.loss == "absolute",
        weights=problem.weights is not None or problem.exposure is not None,
    )
    return f"{LEFT_OUT}: {refusal}" if refusal else ""


def _in_lanes(config: Config, learner: Learner | str | None, folds: PreparedFolds) -> bool:
    """Whether lanes would fit the same learner, and there are any. The baseline is not worth the way."""
    if not folds.alone:
        folds.alone = POOL.unable()
    if folds.alone or config.family == "baseline":
        return False
    if learner is None or isinstance(learner, str):
        return True
    own = f"{type(learner).__module__}:{type(learner).__qualname__}"
    points = registered("mlwright.learners")
    return any(point.name == config.family and point.value == own for point in points)


def _tried_in_lanes(
    trial: Trial,
    folds: PreparedFolds,
    fold_deadline: Callable[[], float | None],
    settled: Settings | None,
) -> bool:
    """Fits and judges the trial in lanes; False where none is to be had after all."""
    why = ""
    for _ in range(STARTS):
        try:
            with closing(Lanes(POOL, folds.lanes, folds.threads)) as crew:
                _Attempt(trial, folds, crew, fold_deadline, settled).run()
            return True
        except EnvironmentProblem as problem:
            why = str(problem)
        except OSError as problem:
            folds.alone = f"no process or file could be made for them ({problem})"
            return False
    folds.alone = POOL.broken = why  # no process starts here: nor will the next
    return False


class _Attempt:
    """One candidate's folds, fitted by a crew: the first alone until it has settled, then side by side."""

    def __init__(
        self,
        trial: Trial,
        folds: PreparedFolds,
        crew: Crew,
        fold_deadline: Callable[[], float | None],
        settled: Settings | None = None,
    ) -> None:
        self.trial, self.folds, self.crew, self.fold_deadline = trial, folds, crew, fold_deadline
        self.count = len(folds.problem.split.folds)
        # Of thousands of columns, the features of all folds take seconds: the baseline does without.
        self.view = NOTHING if trial.config.family == "baseline" else trial.config.view
        self.settled = settled
        self.done: dict[int, Done] = {}

    def run(self) -> None:
        """Fills the trial, or only its failure."""
        self._fit()
        if not self.trial.failure:
            self._predict()

    def _fit(self) -> None:
        waiting = list(range(self.count))
        while len(self.done) < self.count:
            while waiting and (waiting[0] == 0 or self.settled is not None):
                job = self._job(waiting[0])
                if not self.crew.free():
                    break
                job = replace(job, deadline=self.fold_deadline(), settings=self.settled or {})
                self.crew.fit(waiting[0], job, shape=waiting[0] == self.count - 1)
                waiting.pop(0)
            if waiting and self.crew.size > 1:  # made while others are fitted
                self.folds.parts(waiting[0], self.view)
            event = self._next()
            if isinstance(event, Failed):
                self.trial.failure = event.reason
                return
            if isinstance(event, Settled | Done) and event.handle == 0 and self.settled is None:
                self.settled = event.settings if isinstance(event, Settled) else event.settled
            if isinstance(event, Done):
                self.done[event.handle] = event
                self.folds.fitted(event.handle, self.view)
        self._note()

    def _job(self, k: int) -> Job:
        config, problem = self.trial.config, self.folds.problem
        train, valid = self.folds.parts(k, self.view)
        plan = None if self.view == NOTHING else self.folds.plan(k)
        path = path_of(train.x)
        return Job(
            config=config,
            classes=problem.classes,
            train=train,
            valid=valid,
            members=() if plan is None else tuple(plan.members(self.view)),
            monotone=() if plan is None else problem.directions(plan, self.view),
            loss=problem.loss,
            seed=problem.seed,
            threads=self.crew.threads,
            key="" if path is None else path.name,
        )

    def _note(self) -> None:
        done, trial = [self.done[k] for k in range(self.count)], self.trial
        trial.best_rounds, trial.settled = tuple(d.rounds for d in done), done[0].settled
        trial.shape = done[-1].shape
        trial.fold_seconds = [d.seconds for d in done]
        trial.cpu_seconds = sum(d.cpu_seconds for d in done)
        trial.peak_bytes = max(d.peak_bytes for d in done)

    def _predict(self) -> None:
        """Fills the trial's margins of rows that the fold's model had not seen, and its error on them."""
        trial, problem = self.trial, self.folds.problem
        split, columns = problem.split, problem.classes if problem.classes > 2 else 1
        trial.margins = np.full((len(problem.y), columns), np.nan)
        for k in range(self.count):
            others = [rounds for i, rounds in enumerate(trial.best_rounds) if i != k]
            self.crew.predict(k, round(float(np.median(others))) if others and others[0] else None)
        for _ in range(self.count):
            said = self._margins()
            if said is None:
                return
            trial.margins[split.folds[said[0]].valid] = said[1] + problem.shift
        if len(split.test):
            self.crew.predict(self.count - 1, None, self.folds.held(self.view))
            said = self._margins()
            if said is None:
                return
            trial.held = said[1] + problem.shift
        judged = split.judged
        if not (np.isfinite(trial.margins[judged]).all() and np.isfinite(trial.held).all()):
            trial.failure = "it predicted something that is not a number"
            return
        answer = _output_of(problem, trial)
        trial.error = error_on(problem.metric, problem.truth[judged], answer, problem.weights_of(judged))

    def _next(self) -> Event:
        began, busy = time.monotonic(), time.thread_time()
        event = self.crew.next()
        self.trial.waited_seconds += time.monotonic() - began - (time.thread_time() - busy)
        return event

    def _margins(self) -> tuple[int, Doubles] | None:
        """The next fold that answered, and its margins; None where one failed."""
        while not isinstance(event := self._next(), Margins | Failed):
            continue
        if isinstance(event, Failed):
            self.trial.failure = event.reason
            return None
        return event.handle, np.frombuffer(event.doubles).reshape(event.shape)


def _output_of(problem: Problem, trial: Trial) -> Doubles:
    """What the metric judges of a trial's out-of-fold margins.

    The plain baseline's differ between folds alone, where a class is rarer for being in the other folds: a
    line drawn through them would make every label wrong.
    """
    judged = problem.split.judged
    decided = problem.answer_of if trial.config.family == "baseline" else problem.output_of
    return decided(trial.margins[judged], judged)


def own_score(problem: Problem, trial: Trial) -> Score | None:
    """The trial's out-of-fold score with its interval, for the leaderboard; None where it is undefined."""
    judged = problem.split.judged
    output = _output_of(problem, trial)
    reached = score(
        problem.metric,
        problem.truth[judged],
        output if problem.classes else output[:, 0],
        weights=problem.weights_of(judged),
        **problem.dependent(judged),
        seed=problem.seed,
        effort=0.1,
    )
    return reached if np.isfinite(reached.value) else None
