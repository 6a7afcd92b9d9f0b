"""What the shipped model relies on, and how its answers move with each column: for its evaluation.

Importance is measured on rows that a model had not seen. What ships has seen all of them, so that its
heaviest member is fitted once more without them; where there is no time for that, what ships is asked, and
the evaluation says so. Effects are of what ships. Called by `lifecycle.fit` before the file is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.importance import Curve, Importance
from mlwright.evaluation.effects import MOST_CURVES, Scene, Shown, curves_of
from mlwright.evaluation.effects import MOST_ROWS as MOST_DRAWN
from mlwright.evaluation.importance import (
    MOST_ROWS,
    Answers,
    Ask,
    Effort,
    Examined,
    importance_of,
    in_order,
    skipped,
    with_unused,
)
from mlwright.features import Table
from mlwright.learners import Job, families
from mlwright.packaging.blend import Blend
from mlwright.statistics.together import Values
from mlwright.training.budget import Budget
from mlwright.training.estimates import explaining_seconds
from mlwright.training.fit import Trained
from mlwright.training.prepared import fit_plan, part_of
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MarginOf = Callable[[Table], Doubles]

FITTING = 0.5
"""The share of the allowance that fitting a member once more may take."""
DRAWING = 0.25
"""And what is kept of it for effects."""
WORK_US = 6e6
"""Without a time limit, so much may be spent by estimate of the cost of one-row calls; batches take some
half of it."""
FEW_DRAWN = 200
"""Where there is no time for curves of so many rows, there are fewer curves, then none."""
MOST_CELLS = 2e8
"""Without a time limit, the most cells of rows that are asked about."""
CALL_CELLS = 4_000_000
"""Cells of the rows of one call."""


@dataclass
class Explaining:
    """Adds importance and effects to what was trained, within an allowance for the whole fit."""

    budget: Budget
    spent_s: float = 0.0
    _done: dict[tuple[tuple[int, float], ...], tuple[Importance, tuple[Curve, ...]]] = field(
        default_factory=dict
    )

    def of(self, trained: Trained) -> Trained:
        """The same, with importance and effects in its evaluation; never worse for want of time."""
        key = tuple(trained.shipped.shares.items())
        if key not in self._done:
            began = self.budget.clock()
            self._done[key] = self._explained(trained)
            self.spent_s += self.budget.clock() - began
        importance, effects = self._done[key]
        evaluation = msgspec.structs.replace(trained.evaluation, importance=importance, effects=effects)
        return replace(trained, evaluation=evaluation)

    def _explained(self, trained: Trained) -> tuple[Importance, tuple[Curve, ...]]:
        allowed = float("inf")
        if self.budget.limit_s is not None:
            allowed = explaining_seconds(self.budget) - self.spent_s
        one = _One(trained, self.budget, allowed)
        if trained.run.found.interrupted:
            return one.skipped("the fit was interrupted"), ()
        if allowed <= 0:
            return one.skipped("no time was left for it"), ()
        try:
            return one.explained()
        except KeyboardInterrupt:
            trained.run.found.interrupted = True
            return one.skipped("the fit was interrupted"), ()


@dataclass
class _One:
    """One trained model, to be explained in `allowed` seconds."""

    trained: Trained
    budget: Budget
    allowed: float
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.budget.clock()
        self.problem, self.blend = self.trained.run.problem, self.trained.blend
        unused = set(self.blend.unused)
        features = self.problem.table.schema.features
        own = [c for c in features if c.role != "exposure"]
        self.used = [c for c in own if c.name not in unused]
        self.unused = [c.name for c in own if c.name in unused]

    def left(self) -> float:
        return self.allowed - (self.budget.clock() - self.began)

    def skipped(self, why: str) -> Importance:
        return with_unused(skipped(self.problem.metric, why, classes=self.problem.classes > 0), self.unused)

    def explained(self) -> tuple[Importance, tuple[Curve, ...]]:
        if not self.used:
            return self.skipped("the model uses no column"), ()
        importance = with_unused(self._importance(), self.unused)
        return importance, self._effects(importance)

    def _importance(self) -> Importance:
        models, how, unseen = self._models()
        rows = np.concatenate([rows for rows, _ in models])
        part = np.repeat(np.arange(len(models)), [len(rows) for rows, _ in models])
        problem = self.problem
        dependent = next(iter(problem.dependent(rows).values()), None)
        examined = Examined(
            ask=_asking(problem, self.blend, [m for _, m in models], rows, part),
            columns=self._values(rows),
            y=problem.truth[rows],
            metric=problem.metric,
            part=part if len(models) > 1 else None,
            weights=problem.weights_of(rows),
            clusters=None if dependent is None else np.unique(dependent, return_inverse=True)[1],
            seed=problem.seed,
        )
        return importance_of(examined, how, unseen=unseen, effort=self._effort(1 - DRAWING))

    def _effort(self, share: float) -> Effort:
        if self.budget.limit_s is not None:
            return Effort(seconds=max(self.left() - (1 - share) * self.allowed, 0.0), clock=self.budget.clock)
        cost = self.trained.run.price.pricer.whole(self.blend.sketches).cpu_us
        width = self.problem.table.numbers.shape[1] + self.problem.table.ids.shape[1]
        return Effort(asked=min(WORK_US / max(cost, 1.0), MOST_CELLS / max(width, 1)))

    def _models(self) -> tuple[list[tuple[Ints, MarginOf]], str, bool]:
        """Rows with what answers for them, in words, and whether that had not seen them."""
        split = self.problem.split
        rows = split.test if len(split.test) else split.judged
        if not self.trained.shipped.again:
            return (
                [(rows, self.blend.margin)],
                f"the shipped model, on {len(rows):,} rows that it had not seen",
                True,
            )
        member = self._member()
        models: list[tuple[Ints, MarginOf]] = []
        last = len(split.folds) - 1
        took = 0.0
        for k in [last] if len(split.test) else range(last, -1, -1):
            began = self.budget.clock()
            if member is None or (models and self.left() - took < (1 - FITTING) * self.allowed):
                break
            fitted = self._refitted(member, k)
            if fitted is None:
                break
            models.append((split.test if len(split.test) else split.folds[k].valid, fitted))
            took = self.budget.clock() - began
            if sum(len(r) for r, _ in models) >= MOST_ROWS:
                break
        if not models:
            how = f"the shipped model, on {len(rows):,} rows that it was fitted on"
            return [(rows, self.blend.margin)], how, False
        count = sum(len(r) for r, _ in models)
        what = f"{member.config.name}, its heaviest member" if member else ""
        if len(self.blend.members) == 1 and member:
            what = f"its only member, {member.config.name}"
        again = "once more" if len(models) == 1 else f"{len(models)} times more"
        return models, f"{what}, fitted {again} without the {count:,} rows that judge it", True

    def _member(self) -> Trial | None:
        """The heaviest member that there is time to fit once more."""
        run = self.trained.run
        shares = self.trained.shipped.shares
        trials = sorted((t for t in run.found.finished if id(t) in shares), key=lambda t: -shares[id(t)])
        faster = run.found.fold_threads / max(self.problem.threads, 1)
        for trial in trials:
            features = run.found.prepare_seconds + run.found.view_seconds.get(trial.config.view, 0.0)
            if max(trial.fold_seconds) * faster + features <= FITTING * self.allowed:
                return trial
        return None

    def _refitted(self, trial: Trial, k: int) -> MarginOf | None:
        """The trial fitted on the training rows of fold `k`; None where that fails."""
        problem, view, train = self.problem, trial.config.view, self.problem.split.folds[k].train
        plan = self.trained.run.found.plans.get(k) or fit_plan(problem, train)
        x = plan.matrix(view, problem.table.rows(train), training=True)
        job = Job(
            config=trial.config,
            classes=problem.classes,
            train=part_of(problem, x, train),
            rounds=round(float(np.median(trial.best_rounds))) or None if trial.best_rounds else None,
            members=tuple(plan.members(view)),
            monotone=problem.directions(plan, view),
            loss=problem.loss,
            seed=problem.seed,
            threads=problem.threads,
            deadline=None if self.budget.limit_s is None else self.budget.deadline_in(FITTING * self.allowed),
            settings=trial.settled,
        )
        try:
            fitted = families()[trial.config.family].fit(job)
        except Exception:  # noqa: BLE001  # whatever a learner raises costs the better way alone
            return None

        def margin(table: Table) -> Doubles:
            return self.blend.calibrator.apply(fitted.margin(plan.matrix(view, table)) + problem.shift)

        return margin

    def _effects(self, importance: Importance) -> tuple[Curve, ...]:
        problem, rng = self.problem, np.random.default_rng(self.problem.seed)
        names = [n for n in in_order(importance) if self.problem.table.schema.column(n).kind != "text"]
        names = names[:MOST_CURVES]
        most = count = min(len(problem.y), MOST_DRAWN)
        asked = self._effort(0.0).asked
        if self.budget.limit_s is not None:
            few = problem.table.rows(np.sort(rng.choice(len(problem.y), most, replace=False)))
            began = self.budget.clock()
            self.blend.margin(few)
            each = max(self.budget.clock() - began, 1e-6) / most
            asked = 0.8 * self.left() / each
        for curves in (len(names), len(names) // 2, len(names) // 4):
            names, count = names[:curves], min(most, int(asked / (1 + 2.2 * max(curves, 1))))
            if count >= min(FEW_DRAWN, most):
                break
        if not names or count < min(FEW_DRAWN, most):
            return ()
        rows = np.sort(rng.choice(len(problem.y), count, replace=False))
        dependent = next(iter(problem.dependent(rows).values()), None)
        scene = Scene(
            ask=_asking(problem, self.blend, [self.blend.margin], rows, np.zeros(count, dtype=np.int64)),
            rows=count,
            classes=problem.target.classes,
            linked=problem.link != "identity" or problem.exposure is not None,
            weights=problem.weights_of(rows),
            clusters=None if dependent is None else np.unique(dependent, return_inverse=True)[1],
            seed=problem.seed,
        )
        values = self._values(rows)
        vocabularies = dict(
            zip((c.name for c in problem.table.categorical), problem.table.vocabularies, strict=True)
        )
        schema = problem.table.schema
        shown = [Shown(schema.column(n), values[n], vocabularies.get(n, ())) for n in names]
        return curves_of(scene, shown)

    def _values(self, rows: Ints) -> dict[str, Values]:
        """The used columns at `rows`: numbers, codes of categories, None of text."""
        table, out = self.problem.table, dict[str, Values]()
        numbers = {c.name: j for j, c in enumerate(table.schema.numbers)}
        codes = {c.name: j for j, c in enumerate(table.categorical)}
        for name in (c.name for c in self.used):
            if name in numbers:
                out[name] = table.numbers[rows, numbers[name]]
            elif name in codes:
                out[name] = table.ids[rows, codes[name]].astype(np.int64)
            else:
                out[name] = None
        return out


def _asking(problem: Problem, blend: Blend, models: list[MarginOf], rows: Ints, part: Ints) -> Ask:
    """Asks the models about `rows` of the table, each about its own `part` of them."""
    table = problem.table
    places: dict[str, tuple[str, int]] = {}
    for kind, columns in (
        ("number", table.schema.numbers),
        ("code", table.categorical),
        ("text", table.text),
    ):
        places |= {c.name: (kind, j) for j, c in enumerate(columns)}
    together = max(1, int(CALL_CELLS / max(table.numbers.shape[1] + table.ids.shape[1], 1)))

    def mixed(at: Ints, taken: Mapping[str, Ints]) -> Table:
        made = table.rows(rows[at])
        texts = list(made.texts)
        for name, other in taken.items():
            kind, j = places[name]
            if kind == "number":
                made.numbers[:, j] = table.numbers[rows[other], j]
            elif kind == "code":
                made.ids[:, j] = table.ids[rows[other], j]
            else:
                texts[j] = table.texts[j].rows(rows[other])
        return replace(made, texts=tuple(texts))

    def ask(at: Ints, taken: Mapping[str, Ints]) -> Answers:
        margin: Doubles | None = None
        for k, model in enumerate(models):
            own = np.flatnonzero(part[at] == k)
            for begin in range(0, len(own), together):
                some = own[begin : begin + together]
                said = model(mixed(at[some], {name: other[some] for name, other in taken.items()}))
                margin = np.empty((len(at), said.shape[1])) if margin is None else margin
                margin[some] = said
        assert margin is not None  # there are rows
        index = rows[at]
        answer = problem.answer_of(margin, index)
        if not problem.classes:
            return Answers(margin, answer[:, 0])
        return Answers(margin, answer, problem.labels_of(blend.ending.decision, margin, index))

    return ask
