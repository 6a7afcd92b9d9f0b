"""How each calibration is fitted on margins and classes: maximum likelihood, held a little to doing nothing.

Called by `calibration`, which chooses among them. All of two classes rise strictly with the log-odds, so
that no ranking changes. A row of weight 2 counts as two; in all, rows count as many as they are worth (Kish).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from mlwright.evaluation.curves import BetaCurve, BrokenLine, Curve
from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bounds = list[tuple[float, float]]

HELD = 4.0
"""The precision of the normal prior around "nothing to do": it keeps a slope finite where few rows are told
apart perfectly, and is forgotten with more. Of 1, 4 and 10 the best on 200 rows of eleven real tables."""
SLOPES, SHIFTS = (0.08, 12.0), (-5.0, 5.0)
MOST_KNOTS, INFORMATION_OF_A_KNOT = 12, 12.0
"""Of a broken line. A row informs by p (1 - p)."""
BORROWED = 4.0
"""Rows of Platt's answer that are added to those of a knot: none has a share of 0 or 1."""
LEAST_SLOPE = 0.02
"""Between knots where the rows show no rise: rows stay in order all the same."""
STEPS, CLOSE = 50, 1e-9


@dataclass(frozen=True)
class Line:
    """What a method found: slope * margin + shift (one number, or one a class), then a curve if there is
    one."""

    slope: float = 1.0
    shift: tuple[float, ...] = (0.0,)
    curve: Curve | None = None

    def apply(self, margin: Doubles) -> Doubles:
        """Calibrated margins, as wide as `margin` [N, M]."""
        straight = np.asarray(margin * self.slope + np.array(self.shift))
        return straight if self.curve is None else self.curve.apply(straight)


def losses(margin: Doubles, y: Ints) -> Doubles:
    """The log loss of each row [N] for margins [N, M]; never infinite."""
    p = sigmoid(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)
    return np.asarray(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-300)))


def temperature(margin: Doubles, y: Ints, w: Doubles) -> Line:
    """One slope (Guo et al., "On calibration of modern neural networks", ICML 2017)."""
    if margin.shape[1] == 1:
        [slope] = _logistic(margin, y, w, np.ones(1), [SLOPES])
        return Line(float(slope))
    return Line(_softmax_fit(margin, y, w, shifted=False)[0])


def platt(margin: Doubles, y: Ints, w: Doubles) -> Line:
    """A slope and a shift of the log-odds (Platt, 1999)."""
    x = np.concatenate([margin, np.ones_like(margin)], axis=1)
    slope, shift = _logistic(x, y, w, np.array([1.0, 0.0]), [SLOPES, SHIFTS])
    return Line(float(slope), (float(shift),))


def beta(margin: Doubles, y: Ints, w: Doubles) -> Line:
    """Slopes of their own for small and for great probabilities (see `BetaCurve`)."""
    logs = np.log(sigmoid(np.clip(margin[:, 0], -700, 700)))
    x = np.stack([logs[:, 1], -logs[:, 0], np.ones(len(y))], axis=1)
    a, b, c = _logistic(x, y, w, np.array([1.0, 1.0, 0.0]), [SLOPES, SLOPES, SHIFTS])
    return Line(curve=BetaCurve(float(a), float(b), float(c)))


def isotonic(margin: Doubles, y: Ints, w: Doubles) -> Line:
    """A rising broken line through the shares that were observed, behind Platt's line.

    Rows are cut into stretches of equal information; the shares of stretches, with some rows of Platt's
    answer added, are made to rise (pool adjacent violators), and each pool becomes a knot at its mean, as in
    centred isotonic regression (Oron & Flournoy, Statistics in Biopharmaceutical Research 2017): what is
    level in isotonic regression rises here. Beyond the outer knots it is parallel to Platt's line.
    """
    straight = platt(margin, y, w)
    u = straight.apply(margin)[:, 0]
    p = sigmoid(u)[:, 1].clip(1e-9, 1 - 1e-9)
    information = w * p * (1 - p)
    wanted = int(np.clip(information.sum() / INFORMATION_OF_A_KNOT, 1, MOST_KNOTS))
    order = np.argsort(u, kind="stable")
    reached = np.cumsum(information[order])
    ends = u[order][np.searchsorted(reached, reached[-1] * np.arange(1, wanted) / wanted).clip(0, len(u) - 1)]
    stretch = np.searchsorted(np.unique(ends), u, side="left")  # equal margins lie in one
    rows = np.bincount(stretch, weights=w)
    full = np.flatnonzero(rows > 0)
    if len(full) < 3:
        return straight
    rows = rows[full]
    informing = np.asarray(np.bincount(stretch, weights=information), dtype=np.float64)
    # Means weighted by information: in the outer stretches most rows say nothing of where the share is.
    at = (np.bincount(stretch, weights=information * u) / informing)[full]
    foretold = np.bincount(stretch, weights=w * p)[full] / rows
    share = (np.bincount(stretch, weights=w * (y == 1))[full] + BORROWED * foretold) / (rows + BORROWED)
    # What a stretch adds to the log-odds that were foretold, so that its width does no harm.
    value = at + np.log(share / (1 - share)) - np.log(foretold / (1 - foretold))
    at, value = _pooled(at, value, informing[full])
    value = np.maximum.accumulate(value - LEAST_SLOPE * at) + LEAST_SLOPE * at
    if len(at) < 2:
        return straight
    line = BrokenLine(tuple(at.tolist()), tuple(value.tolist()), 1.0, 1.0)
    return Line(straight.slope, straight.shift, line)


def shifts(margin: Doubles, y: Ints, w: Doubles) -> Line:
    """One slope, and a shift for each class: bias-corrected temperature scaling (Alexandari, Kundaje &
    Shrikumar, "Maximum likelihood with bias-corrected calibration is hard-to-beat", ICML 2020)."""
    slope, shift = _softmax_fit(margin, y, w, shifted=True)
    return Line(slope, tuple((shift - shift.mean()).tolist()))


Method = Callable[[Doubles, Ints, Doubles], Line]
OF_TWO: dict[str, Method] = {"temperature": temperature, "platt": platt, "beta": beta, "isotonic": isotonic}
"""For log-odds, the simpler ones first."""
OF_MORE: dict[str, Method] = {"temperature": temperature, "class shifts": shifts}
"""For scores of three or more classes, the simpler ones first."""


def _logistic(x: Doubles, y: Ints, w: Doubles, start: Doubles, bounds: Bounds) -> Doubles:
    """Weights [P] of logistic regression of `y` on `x` [N, P], held to `start`: Newton's steps, halved where
    they lead astray, within bounds."""
    low, high = np.array(bounds).T

    def loss(theta: Doubles) -> float:
        z = x @ theta
        away = theta - start
        return float(w @ (np.logaddexp(0.0, z) - (y == 1) * z) + HELD / 2 * (away @ away))

    theta, now = start.copy(), loss(start)
    for _ in range(STEPS):
        p = sigmoid(x @ theta)[:, 1]
        slope = x.T @ (w * (p - (y == 1))) + HELD * (theta - start)
        bend = (x * (w * p * (1 - p))[:, None]).T @ x + HELD * np.eye(len(start))
        free = ~(((theta <= low) & (slope > 0)) | ((theta >= high) & (slope < 0)))
        step = np.zeros_like(theta)
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        size = 1.0
        while size > 1e-4:
            tried = np.clip(theta - size * step, low, high)
            then = loss(tried)
            if then <= now:
                break
            size /= 2
        else:
            break
        moved, theta, now = float(np.abs(tried - theta).max()), tried, then
        if moved < CLOSE:
            break
    return theta


def _softmax_fit(margin: Doubles, y: Ints, w: Doubles, *, shifted: bool) -> tuple[float, Doubles]:
    """The slope, and the shifts [K] (all 0 where not `shifted`), held to 1 and 0."""
    n, classes = margin.shape
    level = margin - margin.max(axis=1, keepdims=True)
    rows, own = np.arange(n), np.bincount(y, weights=w, minlength=classes)
    start = np.concatenate([[1.0], np.zeros(classes if shifted else 0)])

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        z = level * theta[0] + (theta[1:] if shifted else 0.0)
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1)
        away = theta - start
        value = float(w @ (np.log(total) - z[rows, y])) + HELD / 2 * float(away @ away)
        p *= (w / total)[:, None]
        slope = float(np.vdot(p, level)) - float(w @ level[rows, y]) + HELD * away[0]
        gradient = np.concatenate([[slope], (p.sum(axis=0) - own + HELD * away[1:]) if shifted else []])
        return value / n, gradient / n

    bounds = [SLOPES, *[SHIFTS] * (len(start) - 1)]
    options = {"maxiter": 100, "ftol": 1e-11, "gtol": 1e-7}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return float(found[0]), np.asarray(found[1:]) if shifted else np.zeros(classes)


def _pooled(at: Doubles, value: Doubles, weight: Doubles) -> tuple[Doubles, Doubles]:
    """Places and values [P], of which neighbours are pooled to their means until values rise."""
    pools: list[list[float]] = []
    for place, height, heavy in zip(at.tolist(), value.tolist(), weight.tolist(), strict=True):
        pools.append([place, height, heavy])
        while len(pools) > 1 and pools[-2][1] >= pools[-1][1]:
            one, two = pools.pop(), pools.pop()
            both = one[2] + two[2]
            pools.append([(one[i] * one[2] + two[i] * two[2]) / both for i in range(2)] + [both])
    found = np.array(pools)
    return found[:, 0], found[:, 1]
