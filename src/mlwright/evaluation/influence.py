"""How much each row has a say in a metric: what intervals and paired tests by formula rest on.

Source: linearisation, as in Binder (1983), International Statistical Review 51; of ROC AUC, the structural
components of DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44. Used by `intervals` and `paired`.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.evaluation.metrics import METRICS, Metric, Output, Truth, one_against_rest
from mlwright.statistics.intervals import Floats

_STEP = 1e-6


def influence(
    metric: Metric, y: Truth, output: Output, weights: Floats | None
) -> tuple[float, Floats] | None:
    """The metric, and each row's share [N] in its error, which sum to 0; None for metrics that have no such
    formula, and where it is undefined."""
    if metric.losses is not None:
        losses = metric.losses(y, output)
        if not len(losses) or not np.isfinite(losses).all():
            return None
        share = shares(len(y), weights)
        mean = float(share @ losses)
        return metric.link(mean), share * (losses - mean) * _slope(metric, mean)
    if metric.name == "r2":
        return explained(y, output, weights)
    if metric.name == "roc_auc":
        return ranked(y, output, weights)
    return None


def shares(rows: int, weights: Floats | None) -> Floats:
    """What each row counts in a mean [rows]; they sum to 1."""
    return np.full(rows, 1 / max(1, rows)) if weights is None else weights / weights.sum()


def explained(y: Truth, output: Output, weights: Floats | None) -> tuple[float, Floats] | None:
    """R squared, by the ratio of two sums of squares; None where the truth does not vary."""
    share = shares(len(y), weights)
    total = (y - share @ y) ** 2
    spread = float(share @ total)
    if not spread > 0:
        return None
    value = METRICS["r2"].function(y, output, weights)
    return value, share * ((1 - value) * total - (y - output) ** 2) / spread


def ranked(y: Truth, output: Output, weights: Floats | None) -> tuple[float, Floats] | None:
    """ROC AUC of the second of two classes, or the mean of each class's against the rest."""
    total, parts, known = 0.0, np.zeros(len(y)), 0
    for one in one_against_rest(y, output):
        auc, own = one.influence(weights)
        if not math.isnan(auc):
            total, known = total + auc, known + 1
            parts += own
    return (total / known, parts / known) if known else None


def _slope(metric: Metric, mean: float) -> float:
    """The derivative of the metric's link where the mean of its losses is."""
    step = _STEP * max(abs(mean), 1e-12)
    return (metric.link(mean + step) - metric.link(max(mean - step, 0.0))) / (step + min(step, mean))
