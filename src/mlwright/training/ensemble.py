"""Weights over candidates, chosen greedily on out-of-fold margins, which they average.

Caruana et al., "Ensemble Selection from Libraries of Models" (2004): with replacement, from the best
candidate on, each
step adds whichever candidate makes the mean best; the best step of all is kept. A tie goes to fewer members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.metrics import METRICS, Metric, Truth, error_of

Doubles = npt.NDArray[np.float64]
Answer = Callable[[Doubles], Doubles]

STEPS = 30
PATIENCE = 6
MOST_ROWS = 40_000
LEAST_WEIGHT = 0.05
"""A member with less is dropped: it costs its full time per row and changes next to nothing."""


def error_on(metric: Metric, y: Truth, predictions: Doubles, weights: Doubles | None) -> float:
    """The metric's error (to be made small) of predictions [N, K] or [N, 1]; infinite where undefined."""
    output = predictions[:, 0] if metric.needs == "prediction" else predictions
    error = error_of(metric, metric.function(y, output, weights))
    return error if np.isfinite(error) else float("inf")


def choose_weights(
    metric: Metric,
    y: Truth,
    margins: Sequence[Doubles],
    answer: Answer,
    weights: Doubles | None = None,
    seed: int = 0,
) -> Doubles:
    """A weight for each of `margins` ([N, M] each); they sum to 1, and most are 0.

    `answer` makes of a mean of margins what the metric judges. Metrics of hard labels move in jumps that a
    greedy step cannot follow: log loss stands in for them.
    """
    if metric.needs == "label":
        metric = METRICS["log_loss"]
    if len(y) > MOST_ROWS:
        picked = np.sort(np.random.default_rng(seed).choice(len(y), MOST_ROWS, replace=False))
        y, margins = y[picked], [m[picked] for m in margins]
        weights = None if weights is None else weights[picked]
    counts = _greedy(lambda mean: error_on(metric, y, answer(mean), weights), margins)
    shares = counts / counts.sum()
    shares[shares < min(LEAST_WEIGHT, shares.max())] = 0.0
    return np.asarray(shares / shares.sum())


def _greedy(error_of_mean: Callable[[Doubles], float], margins: Sequence[Doubles]) -> Doubles:
    counts = np.zeros(len(margins))
    best_counts, best_error, since = counts, float("inf"), 0
    total = np.zeros_like(margins[0])
    for step in range(1, STEPS + 1):
        errors = [error_of_mean((total + m) / step) for m in margins]
        chosen = int(np.argmin(errors))
        counts = counts.copy()
        counts[chosen] += 1
        total = total + margins[chosen]
        # A gain below one part in ten thousand is not worth another member.
        if errors[chosen] < best_error * (1 - 1e-4) or not best_counts.any():
            best_counts, best_error, since = counts, errors[chosen], 0
        elif (since := since + 1) == PATIENCE:
            break
    return best_counts
