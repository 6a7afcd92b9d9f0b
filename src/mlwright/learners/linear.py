"""Linear models: ridge regression, logistic and softmax regression with L2, on the standardised view.

The strength of the penalty is chosen on the validation rows along a short path from strong to weak, each step
started from the last. The optimiser is scipy's L-BFGS, stopped at the deadline.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from mlwright.graph.build import GraphBuilder
from mlwright.learners.protocol import Doubles, Job, Part, Settings, answer_of
from mlwright.statistics.links import sigmoid, softmax

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Per row: the penalty on the sum of squares, relative to the mean loss."""
MOST_CELLS = 20_000_000


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

    def fit(self, job: Job) -> FittedLinear:
        most = max(1000, MOST_CELLS // max(job.train.x.shape[1] * max(job.classes, 1), 1))
        train = _sample(job.train, most, job.seed)
        penalties = (float(job.settings["penalty"]),) if "penalty" in job.settings else PENALTIES
        return _ridge(job, train, penalties) if not job.classes else _logistic(job, train, penalties)


def _ridge(job: Job, train: Part, penalties: tuple[float, ...]) -> FittedLinear:
    w = np.ones(len(train)) if train.weights is None else train.weights
    total = w.sum()
    centre, mean = (w @ train.x) / total, float(w @ train.y / total)
    x, y = train.x - centre, train.y - mean
    gram = (x * w[:, None]).T @ x / total
    moment = x.T @ (w * y) / total
    best: tuple[float, FittedLinear] | None = None
    for penalty in penalties:
        factor = cho_factor(gram + np.eye(len(gram)) * max(penalty, 1e-9))
        weights = cho_solve(factor, moment)
        fitted = FittedLinear(weights[:, None], np.array([mean - centre @ weights]), 0, {"penalty": penalty})
        judge = job.valid or train
        error = float(np.average((fitted.margin(judge.x)[:, 0] - judge.y) ** 2, weights=judge.weights))
        if best is None or error < best[0]:
            best = (error, fitted)
        if _late(job):
            break
    assert best is not None  # there is at least one penalty
    return best[1]


def _logistic(job: Job, train: Part, penalties: tuple[float, ...]) -> FittedLinear:
    columns = 1 if job.classes == 2 else job.classes
    start = np.zeros((train.x.shape[1] + 1) * columns)
    best: tuple[float, FittedLinear] | None = None
    for penalty in penalties:
        start = _descend(job, train, penalty, columns, start)
        fitted = _unpack(start, columns, job.classes, penalty)
        judge = job.valid or train
        p = answer_of(fitted.margin(judge.x), job.classes)[np.arange(len(judge)), judge.y.astype(np.int64)]
        loss = float(-np.average(np.log(np.maximum(p, 1e-15)), weights=judge.weights))
        if best is None or loss < best[0]:
            best = (loss, fitted)
        elif loss > best[0] * 1.02:
            break  # the path has turned: a weaker penalty only overfits more
        if _late(job):
            break
    assert best is not None  # there is at least one penalty
    return best[1]


def _descend(job: Job, train: Part, penalty: float, columns: int, start: Doubles) -> Doubles:
    x, n = train.x, len(train)
    w = np.full(n, 1 / n) if train.weights is None else train.weights / train.weights.sum()
    label = train.y.astype(np.int64)

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        weights = theta.reshape(-1, columns)
        margin = x @ weights[:-1] + weights[-1]
        p = sigmoid(margin[:, 0]) if columns == 1 else softmax(margin)
        value = -float(w @ np.log(np.maximum(p[np.arange(n), label], 1e-300)))
        p[np.arange(n), label] -= 1
        delta = (p[:, 1:] if columns == 1 else p) * w[:, None]
        gradient = np.concatenate([x.T @ delta + penalty * weights[:-1], delta.sum(axis=0, keepdims=True)])
        return value + 0.5 * penalty * float((weights[:-1] ** 2).sum()), gradient.ravel()

    def stop_when_late(intermediate_result: object) -> None:
        if _late(job):
            raise StopIteration

    options = {"maxiter": 200, "ftol": 1e-9, "gtol": 1e-6}
    done = minimize(loss, start, jac=True, method="L-BFGS-B", options=options, callback=stop_when_late)
    return np.asarray(done.x)


def _unpack(theta: Doubles, columns: int, classes: int, penalty: float) -> FittedLinear:
    weights = theta.reshape(-1, columns)
    return FittedLinear(weights[:-1].copy(), weights[-1].copy(), classes, {"penalty": penalty})


def _sample(part: Part, most: int, seed: int) -> Part:
    if len(part) <= most:
        return part
    chosen = np.sort(np.random.default_rng(seed).choice(len(part), most, replace=False))
    return Part(part.x[chosen], part.y[chosen], None if part.weights is None else part.weights[chosen])


def _late(job: Job) -> bool:
    return job.deadline is not None and time.monotonic() > job.deadline
