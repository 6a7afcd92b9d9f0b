"""Weights over candidates, chosen greedily on out-of-fold margins, which they average.

Caruana et al., "Ensemble Selection from Libraries of Models" (2004): with replacement, from the best
candidate on, each
step adds whichever candidate makes the mean best; the best step of all is kept. Here each step also pays for
what the candidates in it cost to serve, so that a slow one must earn its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.metrics import METRICS, Metric, Truth, error_of, smooth_of

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Answer = Callable[[Doubles], Doubles]
Price = Callable[[Flags], float]

STEPS = 30
PATIENCE = 6
MOST_ROWS = 20_000
LEAST_WEIGHT = 0.05
"""A member with less is dropped: it costs its full time per row and changes next to nothing."""


def error_on(metric: Metric, y: Truth, predictions: Doubles, weights: Doubles | None) -> float:
    """The metric's error (to be made small) of predictions [N, K] or [N, 1]; infinite where undefined."""
    output = predictions[:, 0] if metric.needs == "prediction" else predictions
    error = error_of(metric, metric.function(y, output, weights))
    return error if np.isfinite(error) else float("inf")


def free(chosen: Flags) -> float:
    """The price where serving costs nothing."""
    return 0.0


def choose_weights(
    metric: Metric,
    y: Truth,
    margins: Sequence[Doubles],
    answer: Answer,
    weights: Doubles | None = None,
    *,
    price: Price = free,
    seed: int = 0,
) -> Doubles:
    """A weight for each of `margins` ([N, M] each); they sum to 1, and most are 0.

    `answer` makes of a mean of margins what the metric judges. `price` says of a choice of candidates by how
    much of the best single error it must be better to be worth its cost; infinite where it may not be. All
    weights are 0 where no candidate may be. Metrics of hard labels move in jumps that a greedy step cannot
    follow: log loss stands in for them, as it does (or rmse) for slow ones and where the metric is undefined.
    """
    metric = smooth_of(metric)
    if len(y) > MOST_ROWS:
        picked = np.sort(np.random.default_rng(seed).choice(len(y), MOST_ROWS, replace=False))
        y, margins = y[picked], [m[picked] for m in margins]
        weights = None if weights is None else weights[picked]

    def error(mean: Doubles) -> float:
        return error_on(metric, y, answer(mean), weights)

    if not any(np.isfinite(error(m)) for m in margins):  # as of rows of one class
        metric = METRICS["rmse" if metric.needs == "prediction" else "log_loss"]
    counts = _greedy(error, margins, price)
    if not counts.any():
        return counts
    shares = counts / counts.sum()
    shares[shares < min(LEAST_WEIGHT, shares.max())] = 0.0
    return np.asarray(shares / shares.sum())


def _greedy(error_of_mean: Callable[[Doubles], float], margins: Sequence[Doubles], price: Price) -> Doubles:
    alone = np.array([error_of_mean(m) for m in margins])
    scale = max(float(np.abs(alone[np.isfinite(alone)]).min(initial=np.inf)), 1e-12)
    scale = scale if np.isfinite(scale) else 1.0
    counts = np.zeros(len(margins))
    best_counts, best_worth, since = counts, float("inf"), 0
    total = np.zeros_like(margins[0])
    for step in range(1, STEPS + 1):
        worths = np.full(len(margins), np.inf)
        for i in range(len(margins)):
            chosen = counts > 0
            chosen[i] = True
            if np.isfinite(asked := price(chosen)):
                error = alone[i] if step == 1 else error_of_mean((total + margins[i]) / step)
                worths[i] = error + scale * asked
        added = int(np.argmin(worths))
        if not np.isfinite(worths[added]):
            break
        counts = counts.copy()
        counts[added] += 1
        total = total + margins[added]
        # A gain below one part in ten thousand is not worth another member.
        if worths[added] < best_worth - 1e-4 * abs(best_worth) or not best_counts.any():
            best_counts, best_worth, since = counts, float(worths[added]), 0
        elif (since := since + 1) == PATIENCE:
            break
    return best_counts
