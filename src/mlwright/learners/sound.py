"""What every family does around its own fit, so that no odd table crashes it or lets it run away.

`soundly` drops rows without weight, leaves out classes without a row, brings numeric targets to a common
size, answers plainly where there is nothing to learn, and fits again more carefully (else plainly) where the
loss on the rows learned from is worse than the plain answer's. The families call it; it knows none of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees
from mlwright.learners.baseline import Baseline, FittedBaseline
from mlwright.learners.protocol import Doubles, Fitted, Job, Part, Settings, answer_of
from mlwright.statistics.links import logsumexp

PLAIN = "plain"
"""The setting by which a refit repeats that only the plain answer was sound."""
MOST_JUDGED, LEAST_JUDGED = 4_000, 500
"""Rows on which an answer is held to the plain one: of many classes, each of which has its trees, fewer."""
UNSTEERED = 100
"""Rounds where no row is left to say how many are good."""
TOLERANCE = 0.02
"""How much worse than the plain answer's a loss may be before it counts as run away."""
LEAST_LOSS = 1e-3
"""Log losses below it are alike: a class with one row in a thousand is no reason to fit again."""


@dataclass(frozen=True)
class Rescaled:
    """A regression fitted on (y - centre) / scale."""

    fitted: Fitted
    scale: float
    centre: float

    @property
    def rounds(self) -> int:
        return self.fitted.rounds

    @property
    def settled(self) -> Settings:
        return self.fitted.settled

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        return self.fitted.margin(x, rounds) * self.scale + self.centre

    def trees(self) -> Trees | None:
        trees = self.fitted.trees()
        return None if trees is None else trees.scaled(self.scale).plus(self.centre)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        scaled = g.node("Mul", self.fitted.nodes(g, matrix), g.constant(self.scale))
        return g.node("Add", scaled, g.constant(self.centre))


@dataclass(frozen=True)
class Spread:
    """A classifier of the classes `present` as one of all `classes`: the others score `absent`."""

    fitted: Fitted
    present: tuple[int, ...]
    classes: int
    absent: float

    @property
    def rounds(self) -> int:
        return self.fitted.rounds

    @property
    def settled(self) -> Settings:
        return self.fitted.settled

    @property
    def targets(self) -> tuple[int, ...]:
        """The class of each output of `fitted`: of two classes it scores the second alone."""
        return self.present[1:] if len(self.present) == 2 else self.present

    @property
    def level(self) -> Doubles:
        """What is added to each class's score [K]."""
        level = np.full(self.classes, self.absent)
        level[list(self.present)] = 0.0
        return level

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        margin = np.tile(self.level, (len(x), 1))
        margin[:, list(self.targets)] += self.fitted.margin(x, rounds)
        return margin

    def trees(self) -> Trees | None:
        trees = self.fitted.trees()
        if trees is None:
            return None
        bias = self.level
        bias[list(self.targets)] += np.broadcast_to(trees.bias, (trees.outputs,))
        return Trees(trees.trees, tuple(self.targets[t] for t in trees.target), self.classes, bias)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        place = np.zeros((len(self.targets), self.classes))
        place[np.arange(len(self.targets)), list(self.targets)] = 1.0
        placed = g.node("MatMul", self.fitted.nodes(g, matrix), g.constant(place))
        return g.node("Add", placed, g.constant(self.level))


def soundly(job: Job, fit: Callable[[Job], Fitted], careful: Settings) -> Fitted:
    """Fits `job` by `fit`; with the settings `careful` as well where the first answer ran away.

    `fit` sees no row of weight 0, no class without a row, and numeric targets of median 0 and about size 1.
    Whatever `careful` holds stands in `settled` where it was needed, so that a refit begins with it.
    """
    if job.settings.get(PLAIN):
        return _plain(job)
    job = replace(job, train=_weighty(job.train), valid=_weighty(job.valid) if job.valid else None)
    if not _learnable(job):
        return _plain(job)
    judge, plain = _judge(job), _plain(job)
    least = loss_of(plain, judge, job) * (1 + TOLERANCE) + (LEAST_LOSS if job.classes else 0)
    whole = _of_present_classes if job.classes > 2 else _of_common_size
    for settings in (job.settings, job.settings | careful):
        fitted = whole(replace(job, settings=settings), fit)
        if loss_of(fitted, judge, job) <= least:
            return fitted
        if job.deadline is not None and time.monotonic() > job.deadline:
            break
    return plain


def loss_of(fitted: Fitted, part: Part, job: Job) -> float:
    """The mean loss on a part: log loss, squared or absolute differences. NaN and infinity stay."""
    with np.errstate(over="ignore", invalid="ignore"):
        margin = fitted.margin(part.x)
        if job.classes:
            p = answer_of(margin, job.classes)[np.arange(len(part)), part.y.astype(np.int64)]
            each = -np.log(np.maximum(p, 1e-15))
        else:
            away = margin[:, 0] - part.y
            each = np.abs(away) if job.loss == "absolute" else away**2
        return float(np.average(each, weights=part.weights))


def _plain(job: Job) -> Fitted:
    fitted = Baseline().fit(job)
    return FittedBaseline(fitted.answer, settled={PLAIN: True})


def _weighty(part: Part) -> Part:
    """The rows that weigh something, their mean weight 1; all of them, alike, where none does."""
    if part.weights is None or not part.weights.any():
        return replace(part, weights=None)
    kept = np.flatnonzero(part.weights > 0)
    x, y = (part.x, part.y) if len(kept) == len(part) else (part.x[kept], part.y[kept])
    weights = part.weights[kept]
    return Part(x, y, weights / weights.mean() if (weights != weights[0]).any() else None)


def _learnable(job: Job) -> bool:
    """Whether two targets differ, and two rows of X do."""
    x, y = job.train.x, job.train.y
    if len(y) < 2 or not x.shape[1] or not (y != y[0]).any():
        return False
    for rows in (slice(0, 1_000), slice(1_000, None)):  # the first rows say enough nearly always
        part = x[rows]
        if len(part) and ((part != x[0]) & ~(np.isnan(part) & np.isnan(x[0]))).any():
            return True
    return False


def _of_present_classes(job: Job, fit: Callable[[Job], Fitted]) -> Fitted:
    """`fit` on the classes that have rows. The others get the share of half a row: libraries give them a
    score of minus infinity, or one that a single such row among those to judge by makes the whole loss."""
    counts = np.bincount(job.train.y.astype(np.int64), minlength=job.classes)
    if counts.all():
        return fit(job)
    present = np.flatnonzero(counts)
    place = np.full(job.classes, -1.0)
    place[present] = np.arange(len(present))
    valid, rounds = job.valid, job.rounds
    if valid is not None:
        kept = np.flatnonzero(counts[valid.y.astype(np.int64)])
        valid = valid.rows(kept) if len(kept) else None
        rounds = rounds if len(kept) else rounds or UNSTEERED
        valid = None if valid is None else replace(valid, y=place[valid.y.astype(np.int64)])
    train = replace(job.train, y=place[job.train.y.astype(np.int64)])
    fewer = replace(job, classes=len(present), train=train, valid=valid, rounds=rounds)
    fitted = fit(replace(fewer, key=f"{job.key}-present" if job.key else ""))
    some = fitted.margin(train.evenly(200).x)
    if len(present) == 2:
        some = np.concatenate([np.zeros_like(some), some], axis=1)
    level = float(np.mean(logsumexp(some)))
    absent = level + float(np.log(0.5 / len(train)))
    return Spread(fitted, tuple(int(k) for k in present), job.classes, absent)


def _of_common_size(job: Job, fit: Callable[[Job], Fitted]) -> Fitted:
    job, scale, centre = _rescaled(job)
    fitted = fit(job)
    return fitted if (scale, centre) == (1.0, 0.0) else Rescaled(fitted, scale, centre)


def _rescaled(job: Job) -> tuple[Job, float, float]:
    """Numeric targets less their median, by their deviation: libraries keep them in float32, and penalties
    and tolerances mean the same for euros as for millions of euros."""
    if job.classes:
        return job, 1.0, 0.0
    y = job.train.y
    centre = float(np.median(y))
    with np.errstate(over="ignore"):
        most = float(np.abs(y - centre).max())
        size = (y - centre) / most  # at most 1: squares of huge numbers have no room
    scale = most * float(np.median(np.abs(size)) if job.loss == "absolute" else 0.0)  # outliers say nothing
    scale = scale or most * float(np.sqrt(np.mean(size**2)))
    if not (np.isfinite(scale) and scale > 0):
        return job, 1.0, 0.0
    train = replace(job.train, y=(y - centre) / scale)
    valid = None if job.valid is None else replace(job.valid, y=(job.valid.y - centre) / scale)
    return replace(job, train=train, valid=valid), scale, centre


def _judge(job: Job) -> Part:
    """Rows learned from, a few thousand at most. Rows held back must have no say in whether an answer stands:
    on noise, folds that chance favours would be kept and the others answered plainly, which looks like skill.
    """
    return job.train.evenly(max(LEAST_JUDGED, MOST_JUDGED // max(1, job.classes // 4)))
