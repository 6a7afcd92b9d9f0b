"""Slope and intercept of what happened on what was predicted: below 1, predictions are too extreme.

Cox (1958), Biometrika 45; Van Calster et al. (2019), BMC Medicine 17: a slope below 1 on rows that were not
learned from is the sign of overfitting. Used by `evaluation` and `training`; knows margins and classes.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.statistics.intervals import Codes, Floats, Interval, clustered_error, t_quantile
from mlwright.statistics.links import sigmoid, softmax

STEPS = 60
MOST_STEP = 1.0


def slope_of(
    margin: Floats, y: Floats, classes: int, weights: Floats | None, clusters: Codes | None
) -> Interval:
    """The slope that margins [n, M] should have had for targets `y` [n], with a 95 % interval.

    Two classes: of the log-odds, beside an intercept; more: one factor for all scores; numbers (0 classes):
    of the prediction, beside an intercept. NaN where nothing tells.

    >>> m = np.linspace(-3, 3, 2000)[:, None]
    >>> y = (np.random.default_rng(0).random(2000) < sigmoid(m[:, 0])[:, 1]).astype(float)
    >>> twice = slope_of(2 * m, y, 2, None, None)
    >>> 0.45 < twice.value < 0.55, twice.high < 0.6
    (True, True)
    """
    share = np.full(len(y), 1 / max(len(y), 1)) if weights is None else weights / weights.sum()
    if len(y) < 20 or not np.ptp(margin) > 0:
        return Interval(math.nan, math.nan, math.nan)
    found = _scale(margin, y, share) if classes > 2 else _line(margin[:, 0], y, share, logistic=bool(classes))
    if found is None:
        return Interval(math.nan, math.nan, math.nan)
    return _interval(*found, clusters)


def intercept_of(odds: Floats, y: Floats, weights: Floats | None, clusters: Codes | None) -> Interval:
    """What should have been added to the log-odds [n] of two classes for targets `y` [n] of 0 and 1, with a
    95 % interval; NaN where one class is not there."""
    share = np.full(len(y), 1 / max(len(y), 1)) if weights is None else weights / weights.sum()
    shift = 0.0
    for _ in range(STEPS):
        p = sigmoid(odds + shift)[:, 1]
        curved = float(share @ (p * (1 - p)))
        if not curved > 1e-12:
            break
        step = float(share @ (y - p)) / curved
        shift += float(np.clip(step, -2 * MOST_STEP, 2 * MOST_STEP))
        if abs(step) < 1e-9:
            return _interval(shift, share * (y - p) / curved, clusters)
    return Interval(math.nan, math.nan, math.nan)


def _interval(value: float, parts: Floats, clusters: Codes | None) -> Interval:
    """By the sandwich: `parts` [n] is what each row adds to the estimate's error."""
    error, units = clustered_error(parts, clusters)
    if units < 3 or not math.isfinite(error):
        return Interval(math.nan, math.nan, math.nan)
    half = t_quantile(0.975, units - 1) * error
    return Interval(value, value - half, value + half)


def _line(x: Floats, y: Floats, share: Floats, *, logistic: bool) -> tuple[float, Floats] | None:
    """The slope and its rows' influences, by Newton's steps (of least squares, one is enough)."""
    scale = float(np.sqrt(share @ (x - share @ x) ** 2))
    if not scale > 0:
        return None
    design = np.stack([np.ones(len(x)), (x - share @ x) / scale], axis=1)
    theta = np.zeros(2)
    for _ in range(STEPS):
        at = design @ theta
        p = sigmoid(at)[:, 1] if logistic else at
        slack = p * (1 - p) if logistic else np.ones(len(x))
        curved = (design * (share * slack)[:, None]).T @ design
        if np.linalg.cond(curved) > 1e10:
            return None
        step = np.linalg.solve(curved, design.T @ (share * (y - p)))
        theta = theta + (step if not logistic else step / max(1.0, float(np.abs(step).max()) / MOST_STEP))
        if np.abs(step).max() < 1e-9:
            break
    else:
        return None
    parts = (design * (share * (y - p))[:, None]) @ np.linalg.inv(curved)[1]
    return float(theta[1]) / scale, parts / scale


def _scale(margin: Floats, y: Floats, share: Floats) -> tuple[float, Floats] | None:
    own = margin[np.arange(len(y)), y.astype(np.int64)]
    theta = 1.0
    for _ in range(STEPS):
        p = softmax(theta * margin)
        mean = (p * margin).sum(axis=1)
        curved = float(share @ ((p * margin**2).sum(axis=1) - mean**2))
        if not curved > 1e-12:
            return None
        step = float(share @ (own - mean)) / curved
        theta += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-9:
            return theta, share * (own - mean) / curved
    return None
