"""Where the line between labels is drawn: for a metric of labels, or for as many alerts as can be looked at.

Called by `evaluation.decision` with calibrated margins of rows that no model had seen. It knows arrays only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import DataProblem
from mlwright.evaluation.metrics import Confusion, Metric
from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORETOLD = 0.5
"""How much of the confusion matrix that a line is judged by is foretold by the probabilities; the rest is
counted. Counts alone follow chance where rows are few; probabilities alone inherit what calibration left."""
MOST_CUTS = 1_000
MOST_ROWS = 10_000
"""Rows that offsets of many classes are sought on."""
LEAST_OF_A_CLASS = 5
"""Rows of a class below which its offset is left alone."""
ROUNDS = 3
COARSE, FINE = np.linspace(-2.0, 2.0, 17), np.linspace(-0.2, 0.2, 9)
"""Changes of one class's offset that are tried, in log-probability."""


def best_margin(measure: Confusion, margin: Doubles, y: Ints, weights: Doubles | None = None) -> float:
    """The log-odds above which the second of two classes is best answered, by a metric of labels.

    `measure` makes the metric from a confusion matrix; greater is better. `margin` [N] are calibrated
    log-odds, `y` [N] 0 or 1. The matrix of every line is the mean of what is counted and what the
    probabilities foretell (for F1 the latter is Lipton, Elkan & Naryanaswamy, 2014).

    >>> from mlwright.evaluation.metrics import METRICS
    >>> margin, y = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 1, 1, 1])
    >>> -2.0 < best_margin(METRICS["f1"].measure, margin, y) < -1.0
    True
    """
    w = np.ones(len(y)) if weights is None else weights
    order = np.argsort(margin, kind="stable")
    margin, y, w = margin[order], y[order], w[order]
    yes = FORETOLD * sigmoid(margin)[:, 1] + (1 - FORETOLD) * (y == 1)
    # Of the rows from i on, answered yes: right and wrong ones.
    right = np.concatenate([np.cumsum((w * yes)[::-1])[::-1], [0.0]])
    wrong = np.concatenate([np.cumsum((w * (1 - yes))[::-1])[::-1], [0.0]])
    between = np.flatnonzero(np.diff(margin) > 0) + 1
    if not len(between):
        return 0.0
    cuts = _some(between, right)
    values = [measure(_matrix(right[0], wrong[0], right[i], wrong[i])) for i in cuts]
    at = cuts[int(np.argmax(values))]
    return float((margin[at - 1] + margin[at]) / 2)


def best_offsets(
    metric: Metric, margin: Doubles, y: Ints, weights: Doubles | None = None, seed: int = 0
) -> Doubles:
    """What is best added to K classes' log-probabilities [K] before the greatest is the label.

    For balanced accuracy minus the logarithm of the class's share, which is best for calibrated
    probabilities; for other metrics found class by class from there and from zero, whichever is better.
    """
    w = np.ones(len(y)) if weights is None else weights
    classes = margin.shape[1]
    shares = np.bincount(y, weights=w, minlength=classes) / w.sum()
    prior = -np.log(np.maximum(shares, 1 / len(y)))
    prior -= prior.min()
    if metric.name == "balanced_accuracy" or metric.measure is None:
        return np.asarray(prior)
    if len(y) > MOST_ROWS:
        picked = np.random.default_rng(seed).choice(len(y), MOST_ROWS, replace=False)
        margin, y, w = margin[picked], y[picked], w[picked]
    truth = FORETOLD * softmax(margin) + (1 - FORETOLD) * np.eye(classes)[y]
    truth *= w[:, None]
    # A handful of rows would draw a line that chance drew.
    able = np.flatnonzero(np.bincount(y, minlength=classes) >= LEAST_OF_A_CLASS)
    half = np.where(np.isin(np.arange(classes), able), prior / 2, 0.0)
    found = [_climbed(metric.measure, margin, truth, start, able) for start in (np.zeros(classes), half)]
    best = max(found, key=lambda pair: pair[0])[1]
    return np.asarray(best - best.min())


def alert_margin(margin: Doubles, share: float, weights: Doubles | None = None) -> float:
    """The log-odds [of N rows] that at most `share` of unseen rows exceed, in expectation.

    It is an order statistic: a new row exceeds the k-th greatest of N with probability k / (N + 1) at most,
    however margins are distributed. Raises `DataProblem` where N rows are too few for one alert. Where the
    greatest alone weighs more than may be, none of the N exceeds the line.
    """
    refuse_too_few(len(margin), share)
    w = np.ones(len(margin)) if weights is None else weights / weights.mean()
    order = np.argsort(-margin, kind="stable")
    reached = np.cumsum(w[order])
    fitting = np.flatnonzero(reached <= share * (len(margin) + 1))
    return float(margin[order[fitting[-1] if len(fitting) else 0]])


def refuse_too_few(rows: int, share: float) -> None:
    """Raises `DataProblem` where `share` of so many rows is not one alert."""
    if share * (rows + 1) < 1:
        raise DataProblem(
            f"{share:.2g} of the rows may be alerts, which is not one of the {rows:,} that the threshold is "
            "placed by",
            remedy="allow more alerts, or bring more rows",
        )


def _climbed(
    measure: Confusion, margin: Doubles, truth: Doubles, start: Doubles, able: Ints
) -> tuple[float, Doubles]:
    """The best measure, and its offsets, found by changing one offset of the classes `able` after another."""
    offsets = start.copy()
    rows = np.arange(len(margin))
    best = measure(_crossed(truth, (margin + offsets).argmax(axis=1)))
    for steps in (COARSE, *[FINE] * (ROUNDS - 1)):
        for k in able:
            scores = margin + offsets
            own = scores[:, k].copy()
            scores[:, k] = -np.inf
            other = scores.argmax(axis=1)
            lead = own - scores[rows, other]
            values = [measure(matrix) for matrix in _moved(truth, k, other, lead, steps)]
            at = int(np.argmax(values))
            if values[at] > best + 1e-9:
                best, offsets[k] = values[at], offsets[k] + steps[at]
    return best, offsets


def _moved(truth: Doubles, k: int, other: Ints, lead: Doubles, steps: Doubles) -> Iterator[Doubles]:
    """The confusion matrix [K, K] after each of `steps` (ascending): rows whose lead and step are above 0 are
    labelled `k`, the rest `other`. Each row is counted once, at the step that moves it."""
    classes, count = truth.shape[1], len(steps)
    at = np.searchsorted(steps, -lead, side="right") * classes + other
    counted = [np.bincount(at, weights=column, minlength=(count + 1) * classes) for column in truth.T]
    parts = np.array(counted).reshape(classes, count + 1, classes)
    before, moved = parts.sum(axis=1), np.cumsum(parts, axis=1)
    for step in range(count):
        matrix = before - moved[:, step]
        matrix[:, k] += moved[:, step].sum(axis=1)
        yield matrix


def _crossed(truth: Doubles, label: Ints) -> Doubles:
    """The confusion matrix [K, K] of labels [N], each row's truth shared out over the classes [N, K]."""
    classes = truth.shape[1]
    columns = [np.bincount(label, weights=truth[:, k], minlength=classes) for k in range(classes)]
    return np.asarray(columns)


def _matrix(positives: float, negatives: float, right: float, wrong: float) -> Doubles:
    return np.array([[negatives - wrong, wrong], [positives - right, right]])


def _some(between: Ints, right: Doubles) -> Ints:
    """All places for a line, or MOST_CUTS of them: half evenly over rows, half evenly over positives."""
    if len(between) <= MOST_CUTS:
        return between
    even = np.linspace(0, len(between) - 1, MOST_CUTS // 2).astype(np.int64)
    wanted = np.linspace(right[0], 0, MOST_CUTS // 2)
    dense = np.searchsorted(-right[between], -wanted).clip(0, len(between) - 1)
    return np.asarray(between[np.unique(np.concatenate([even, dense]))])
