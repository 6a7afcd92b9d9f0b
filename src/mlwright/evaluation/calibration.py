"""Calibration: probabilities that mean what they say, fitted on out-of-fold predictions.

Two classes: Platt's two numbers on the log-odds (Platt, 1999). More: one temperature (Guo et al., 2017).
Kept only
where cross-fitted log loss says it helps; part of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from mlwright.graph.build import GraphBuilder
from mlwright.statistics.links import softmax

Doubles = npt.NDArray[np.float64]

LEAST = 1e-15
"""Probabilities are kept this far from 0 and 1 before their logarithm is taken."""


@dataclass(frozen=True)
class Calibrator:
    """margin' = slope * margin + shift. With two classes the margin is the log-odds of the second."""

    slope: float = 1.0
    shift: float = 0.0
    method: str = "none"
    said: str = "not needed: no calibration lowered the log loss by more than chance"

    def margin(self, probability: Doubles) -> Doubles:
        """Calibrated margins [N, K], whose softmax is the probability; the first of two is 0."""
        logs = np.log(np.maximum(probability, LEAST))
        if probability.shape[1] == 2:
            odds = (logs[:, 1] - logs[:, 0]) * self.slope + self.shift
            return np.stack([np.zeros_like(odds), odds], axis=1)
        return np.asarray(logs * self.slope)

    def apply(self, probability: Doubles) -> Doubles:
        """Calibrated probabilities [N, K]."""
        return softmax(self.margin(probability))

    def nodes(self, g: GraphBuilder, probability: str, classes: int) -> tuple[str, str]:
        """The tensors margin and probability, both [N, K]."""
        logs = g.node("Log", g.node("Max", probability, g.constant(LEAST)))
        scaled = g.node("Mul", logs, g.constant(self.slope))
        if classes == 2:
            second = g.columns(scaled, [1], 2)
            odds = g.node("Add", g.node("Sub", second, g.columns(scaled, [0], 2)), g.constant(self.shift))
            margin = g.node("Concat", g.node("Mul", odds, g.constant(0.0)), odds, axis=1)
        else:
            margin = scaled
        return margin, g.node("Softmax", margin, axis=1)


def fit_calibrator(
    probability: Doubles, y: npt.NDArray[np.int64], weights: Doubles | None, seed: int = 0
) -> Calibrator:
    """The calibration of `probability` [N, K] for classes `y` [N], or none where it does not clearly help.

    It helps when the cross-fitted gain in log loss exceeds its own standard error. Fewer than 50 rows, or a
    class
    that is absent: none. Rows of no weight are as if they were not there.
    """
    if weights is not None and not weights.all():
        counting = weights > 0
        probability, y, weights = probability[counting], y[counting], weights[counting]
    n, classes = probability.shape
    counts = np.bincount(y, minlength=classes)
    if n < 50 or counts.min() < 5:
        return Calibrator(said="not attempted: too few rows to fit it")
    logs = np.log(np.maximum(probability, LEAST))
    w = np.ones(n) if weights is None else weights
    fold = np.random.default_rng(seed).permutation(n) % 5
    gain = np.empty(n)
    for f in range(5):
        out = fold == f
        slope, shift = _fit(logs[~out], y[~out], w[~out])
        gain[out] = _losses(logs[out], y[out], 1.0, 0.0) - _losses(logs[out], y[out], slope, shift)
    mean = float(np.average(gain, weights=w))
    error = float(gain.std() / np.sqrt(n))
    if mean <= error:
        return Calibrator()
    slope, shift = _fit(logs, y, w)
    method = "platt" if classes == 2 else "temperature"
    said = f"{method}: lowered the cross-fitted log loss by {mean:.2g} (standard error {error:.1g})"
    return Calibrator(slope, shift, method, said)


def _margin(logs: Doubles, slope: float, shift: float) -> Doubles:
    if logs.shape[1] > 2:
        return logs * slope
    odds = (logs[:, 1] - logs[:, 0]) * slope + shift
    return np.stack([np.zeros_like(odds), odds], axis=1)


def _losses(logs: Doubles, y: npt.NDArray[np.int64], slope: float, shift: float) -> Doubles:
    p = softmax(_margin(logs, slope, shift))[np.arange(len(y)), y]
    return np.asarray(-np.log(np.maximum(p, LEAST)))


def _fit(logs: Doubles, y: npt.NDArray[np.int64], w: Doubles) -> tuple[float, float]:
    start = np.zeros(2 if logs.shape[1] == 2 else 1)

    def loss(theta: Doubles) -> float:
        slope = float(np.exp(theta[0]))
        return float(
            np.average(_losses(logs, y, slope, float(theta[1]) if len(theta) > 1 else 0.0), weights=w)
        )

    done = minimize(loss, start, method="L-BFGS-B", bounds=[(-2.5, 2.5), (-5.0, 5.0)][: len(start)])
    return float(np.exp(done.x[0])), float(done.x[1]) if len(start) > 1 else 0.0
