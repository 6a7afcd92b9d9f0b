"""Calibration: probabilities that mean what they say, fitted on out-of-fold margins.

Two classes: Platt's two numbers on the log-odds (Platt, 1999). More: one temperature (Guo et al., 2017).
Kept only
where cross-fitted log loss says it helps. Both are a slope and a shift, folded into the graph's leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibrator:
    """margin' = slope * margin + shift. With two classes the margin is the log-odds of the second."""

    slope: float = 1.0
    shift: float = 0.0
    method: str = "none"
    said: str = "not needed: no calibration lowered the log loss by more than chance"

    def apply(self, margin: Doubles) -> Doubles:
        """Calibrated margins, as wide as `margin` [N, M]: log-odds [N, 1], or scores [N, K]."""
        return np.asarray(margin * self.slope + self.shift)


def fit_calibrator(
    margin: Doubles, y: npt.NDArray[np.int64], weights: Doubles | None, seed: int = 0
) -> Calibrator:
    """The calibration of `margin` for classes `y` [N], or none where it does not clearly help.

    `margin` is [N, 1], the log-odds of the second of two classes, or [N, K] scores of more. It helps when the
    cross-fitted gain in log loss exceeds its own standard error. Fewer than 50 rows, or a class that is
    absent: none. Rows of no weight are as if they were not there.
    """
    if weights is not None and not weights.all():
        counting = weights > 0
        margin, y, weights = margin[counting], y[counting], weights[counting]
    n, classes = len(margin), max(margin.shape[1], 2)
    counts = np.bincount(y, minlength=classes)
    if n < 50 or counts.min() < 5:
        return Calibrator(said="not attempted: too few rows to fit it")
    w = np.ones(n) if weights is None else weights
    fold = np.random.default_rng(seed).permutation(n) % 5
    gain = np.empty(n)
    for f in range(5):
        out = fold == f
        slope, shift = _fit(margin[~out], y[~out], w[~out])
        gain[out] = _losses(margin[out], y[out], 1.0, 0.0) - _losses(margin[out], y[out], slope, shift)
    mean = float(np.average(gain, weights=w))
    error = float(gain.std() / np.sqrt(n))
    if mean <= error:
        return Calibrator()
    slope, shift = _fit(margin, y, w)
    method = "platt" if classes == 2 else "temperature"
    said = f"{method}: lowered the cross-fitted log loss by {mean:.2g} (standard error {error:.1g})"
    return Calibrator(slope, shift, method, said)


def _losses(margin: Doubles, y: npt.NDArray[np.int64], slope: float, shift: float) -> Doubles:
    scaled = margin * slope + shift
    p = sigmoid(scaled[:, 0]) if margin.shape[1] == 1 else softmax(scaled)
    return np.asarray(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-300)))


def _fit(margin: Doubles, y: npt.NDArray[np.int64], w: Doubles) -> tuple[float, float]:
    start = np.zeros(2 if margin.shape[1] == 1 else 1)

    def loss(theta: Doubles) -> float:
        slope = float(np.exp(theta[0]))
        shift = float(theta[1]) if len(theta) > 1 else 0.0
        return float(np.average(_losses(margin, y, slope, shift), weights=w))

    done = minimize(loss, start, method="L-BFGS-B", bounds=[(-2.5, 2.5), (-5.0, 5.0)][: len(start)])
    return float(np.exp(done.x[0])), float(done.x[1]) if len(start) > 1 else 0.0
