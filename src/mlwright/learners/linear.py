"""Linear models: ridge, least absolute, logistic and softmax regression with L2, on the standardised view.

The strength of the penalty is chosen along a short path from strong to weak, each step started from the last:
by exact leave-one-out where the loss is squared, else on the validation rows. The optimiser is scipy's
L-BFGS, stopped at the deadline; monotone columns are bounds on their weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from mlwright.graph.build import GraphBuilder
from mlwright.learners.protocol import Abilities, Doubles, Fitted, Job, Part, Settings
from mlwright.learners.sound import loss_of, soundly
from mlwright.statistics.links import logsumexp, sigmoid, softmax

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Per row: the penalty on the sum of squares, relative to the mean loss."""
RIDGE_PENALTIES = tuple(10.0 ** (1 - i / 2) for i in range(14))
"""A finer path, where one decomposition serves them all."""
MOST_CELLS = 20_000_000
CAREFUL: Settings = {"penalty": 1.0}
SMOOTH = 0.05
"""Below this share of the targets' size, absolute differences are counted as squares, so that they have a
gradient everywhere (Huber 1964)."""

LossOf = Callable[[Doubles], tuple[float, Doubles]]
"""Of margins [n, M]: the weighted mean loss, and its gradient [n, M]."""


@dataclass(frozen=True)
class FittedLinear:
    """Weights [F, M] and intercepts [M]; M is 1 for regression and two classes, else K."""

    weights: Doubles
    intercept: Doubles
    classes: int
    settled: Settings = field(default_factory=dict)
    rounds: int = 0

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        return np.asarray(x @ self.weights + self.intercept)

    def trees(self) -> None:
        return None

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return g.node("Add", g.node("MatMul", matrix, g.constant(self.weights)), g.constant(self.intercept))


class Linear:
    """Ridge or logistic regression; with more cells than fit the time, on an even sample of the rows."""

    family = "linear"
    abilities = Abilities(monotone=True, absolute=True)

    def fit(self, job: Job) -> Fitted:
        return soundly(job, _fitted, CAREFUL)


def _fitted(job: Job) -> FittedLinear:
    most = max(1000, MOST_CELLS // max(job.train.x.shape[1] * max(job.classes, 1), 1))
    given = job.settings.get("penalty", job.config.settings.get("penalty"))
    sampled = replace(job, train=_sample(job.train, most, job.seed))
    if job.classes or job.loss == "absolute" or any(job.monotone):
        return _descended(sampled, PENALTIES if given is None else (float(given),))
    return _ridge(sampled, RIDGE_PENALTIES if given is None else (float(given),))


def _ridge(job: Job, penalties: tuple[float, ...]) -> FittedLinear:
    """Least squares; one decomposition serves every penalty and its leave-one-out errors."""
    train, n = job.train, len(job.train)
    w = np.ones(n) if train.weights is None else train.weights
    total = w.sum()
    centre, mean = (w @ train.x) / total, float(w @ train.y / total)
    x, y = train.x - centre, train.y - mean
    values, vectors = _decomposed(x * np.sqrt(w / total)[:, None])
    moment = vectors.T @ (x.T @ (w * y) / total)
    # Exact but for the columns' own means; of many rows some tell as much as all.
    turned = x[:: max(1, n // 20_000)] @ vectors
    some, weight = y[:: max(1, n // 20_000)], w[:: max(1, n // 20_000)]
    best: tuple[float, Doubles, float] | None = None
    for penalty in penalties:
        shrunk = 1 / (np.maximum(values, 0.0) + max(penalty, 1e-9))
        hat = np.minimum(weight * (turned**2 @ shrunk + 1) / total, 0.999)
        error = float(np.average(((some - turned @ (shrunk * moment)) / (1 - hat)) ** 2, weights=weight))
        if best is None or error < best[0]:
            best = (error, vectors @ (shrunk * moment), penalty)
    assert best is not None  # there is at least one penalty
    _, weights, penalty = best
    intercept = np.array([mean - centre @ weights])
    return FittedLinear(weights[:, None], intercept, 0, {"penalty": penalty})


def _decomposed(x: Doubles) -> tuple[Doubles, Doubles]:
    """Eigenvalues [r] and eigenvectors [F, r] of `x.T @ x`; of more columns than rows [n, F], those of
    `x @ x.T`, which span all that the rows say."""
    if x.shape[1] <= len(x):
        return np.linalg.eigh(x.T @ x)
    values, turned = np.linalg.eigh(x @ x.T)
    kept = values > values[-1] * len(x) * np.finfo(np.float64).eps
    return values[kept], x.T @ turned[:, kept] / np.sqrt(values[kept])


def _descended(job: Job, penalties: tuple[float, ...]) -> FittedLinear:
    columns = job.classes if job.classes > 2 else 1
    start = np.zeros((job.train.x.shape[1] + 1) * columns)
    judge = job.valid if job.valid is not None and len(job.valid) else job.train
    best: tuple[float, FittedLinear] | None = None
    for penalty in penalties:
        start = _descend(job, penalty, columns, start)
        weights = start.reshape(-1, columns)
        fitted = FittedLinear(weights[:-1].copy(), weights[-1].copy(), job.classes, {"penalty": penalty})
        loss = loss_of(fitted, judge, job)
        if best is None or loss < best[0]:
            best = (loss, fitted)
        elif loss > best[0] * 1.02:
            break  # the path has turned: a weaker penalty only overfits more
        if _late(job):
            break
    assert best is not None  # there is at least one penalty
    return best[1]


def _descend(job: Job, penalty: float, columns: int, start: Doubles) -> Doubles:
    x = job.train.x
    loss_of_margins = _loss(job)

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        weights = theta.reshape(-1, columns)
        value, delta = loss_of_margins(x @ weights[:-1] + weights[-1])
        gradient = np.concatenate([x.T @ delta + penalty * weights[:-1], delta.sum(axis=0, keepdims=True)])
        return value + 0.5 * penalty * float((weights[:-1] ** 2).sum()), gradient.ravel()

    def stop_when_late(intermediate_result: object) -> None:
        if _late(job):
            raise StopIteration

    how: dict[str, Any] = {  # Any: scipy's options are of many types
        "method": "L-BFGS-B",
        "options": {"maxiter": 200, "ftol": 1e-6, "gtol": 1e-5},
        "callback": stop_when_late,
        "bounds": _bounds(job, columns),
    }
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond the view's bounds may end as NaN
        done = minimize(loss, start, jac=True, **how)
    return np.asarray(done.x)


def _loss(job: Job) -> LossOf:
    train, n = job.train, len(job.train)
    w = np.full(n, 1 / n) if train.weights is None else train.weights / train.weights.sum()
    rows, label = np.arange(n), train.y.astype(np.int64) if job.classes else np.zeros(n, dtype=np.int64)

    def of_classes(margin: Doubles) -> tuple[float, Doubles]:
        if job.classes == 2:
            signed = np.where(label == 1, margin[:, 0], -margin[:, 0])
            value = float(w @ np.logaddexp(0.0, -signed))
            return value, (sigmoid(margin[:, 0])[:, 1:] - train.y[:, None]) * w[:, None]
        delta = softmax(margin)
        delta[rows, label] -= 1
        return float(w @ (logsumexp(margin) - margin[rows, label])), delta * w[:, None]

    def of_numbers(margin: Doubles) -> tuple[float, Doubles]:
        away = margin[:, 0] - train.y
        if job.loss == "squared":
            return 0.5 * float(w @ away**2), (away * w)[:, None]
        near = np.abs(away) < SMOOTH
        value = float(w @ np.where(near, away**2 / (2 * SMOOTH), np.abs(away) - SMOOTH / 2))
        return value, (np.clip(away / SMOOTH, -1, 1) * w)[:, None]

    return of_classes if job.classes else of_numbers


def _bounds(job: Job, columns: int) -> list[tuple[float | None, float | None]] | None:
    """Weights of monotone columns have one sign; None where nothing is bound, or where there are more than
    two classes, whose margins alone say nothing."""
    if not any(job.monotone) or columns > 1:
        return None
    sides: dict[int, tuple[float | None, float | None]] = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}
    return [sides[way] for way in job.monotone] + [(None, None)]


def _sample(part: Part, most: int, seed: int) -> Part:
    if len(part) <= most:
        return part
    return part.rows(np.sort(np.random.default_rng(seed).choice(len(part), most, replace=False)))


def _late(job: Job) -> bool:
    return job.deadline is not None and time.monotonic() > job.deadline
