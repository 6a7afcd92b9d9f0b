"""Paired tests: by how much one answer is better than another on the same rows.

Each row is asked how much it has a say in the difference, so that what makes a row hard for both counts for
neither. ROC AUC: DeLong's paired test; accuracy: McNemar's exact one; means of losses and R squared:
Student's t; the rest: the bootstrap, both answers drawn together. Used by `lifecycle.compare` and `training`.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import special

from mlwright.base.comparison import ALIKE, Gain
from mlwright.evaluation.influence import influence
from mlwright.evaluation.intervals import CELLS, FEWEST_DRAWS, Labels, clusters_of, draws_of
from mlwright.evaluation.metrics import Answered, Metric, Output, Truth, seen_by
from mlwright.statistics.intervals import Codes, Floats, clustered_error, normal_quantile, t_quantile
from mlwright.statistics.power import POWER
from mlwright.statistics.resampling import bootstrap

Flags = npt.NDArray[np.bool_]
MOST_ROWS_TO_TELL = 1e12


def gain(
    metric: Metric,
    y: Truth,
    first: Output | Answered,
    second: Output | Answered,
    *,
    weights: Floats | None = None,
    groups: Labels | None = None,
    blocks: Labels | None = None,
    seed: int = 0,
) -> Gain | None:
    """By how much `second` is better than `first`, with a 95 % interval; None where the metric is undefined,
    or too slow to be drawn.

    `y` [N]; `first` and `second` [N, K] probabilities or [N] numbers of the same rows. Rows of one group or
    block are taken as dependent. Raises `Misuse` for shapes that do not fit.

    >>> from mlwright.evaluation.metrics import METRICS
    >>> y, near, far = np.zeros(4), np.array([0.1, 0.2, 0.1, 0.0]), np.array([0.5, 0.7, 0.4, 0.6])
    >>> gain(METRICS["mae"], y, far, near).verdict
    'better'
    """
    clusters = clusters_of(groups, blocks)
    named = "" if clusters is None else ", by group" if blocks is None else ", by stretch of time"
    if clusters is not None and (not len(clusters) or clusters.max() < 1):
        clusters, named = None, ", rows taken as independent for want of a second group"
    a, b = seen_by(metric, first), seen_by(metric, second)
    metric.check(y, a)
    metric.check(y, b)
    if np.array_equal(a, b):
        return _alike(metric, len(y)) if math.isfinite(metric.function(y, a, weights)) else None
    if metric.losses is not None and metric.greater_is_better and weights is None and clusters is None:
        return _mcnemar(metric, metric.losses(y, a) > 0, metric.losses(y, b) > 0)
    of_a, of_b = influence(metric, y, a, weights), influence(metric, y, b, weights)
    if of_a is None or of_b is None:
        found = _drawn(metric, y, a, b, weights, clusters, seed)
    else:
        sign = 1.0 if metric.greater_is_better else -1.0
        found = _by_rows(metric, sign * (of_b[0] - of_a[0]), of_b[1] - of_a[1], clusters)
    return found and msgspec.structs.replace(found, method=found.method + named)


def _alike(metric: Metric, rows: int) -> Gain:
    return Gain(
        metric=metric.name,
        value=0.0,
        low=0.0,
        high=0.0,
        rows=rows,
        p_value=1.0,
        rows_to_tell=None,
        method=ALIKE,
    )


def _by_rows(metric: Metric, value: float, parts: Floats, clusters: Codes | None) -> Gain | None:
    """A gain of `value`, in whose error each row has its share `parts` [N]."""
    error, units = clustered_error(parts, clusters)
    if units < 2:
        return None
    half = t_quantile(0.975, units - 1) * error
    p_value = 2 * float(special.stdtr(units - 1, -abs(value) / error)) if error > 0 else float(value == 0)
    method = "DeLong, paired" if metric.name == "roc_auc" else "Student's t, paired"
    return _gain(metric, value, (value - half, value + half), error, len(parts), p_value, method)


def _gain(
    metric: Metric,
    value: float,
    ends: tuple[float, float],
    error: float,
    rows: int,
    p_value: float,
    method: str,
) -> Gain:
    return Gain(
        metric=metric.name,
        value=value,
        low=ends[0],
        high=ends[1],
        rows=rows,
        p_value=p_value,
        rows_to_tell=rows_to_tell(value, error, rows),
        method=method,
    )


def rows_to_tell(value: float, error: float, rows: int) -> int | None:
    """How many rows would show a difference of `value` four times in five, where its standard error is
    `error` on `rows` rows; None where there is no difference, or no number that counts.

    >>> rows_to_tell(1.0, 0.5, 100), rows_to_tell(0.0, 0.5, 100)
    (197, None)
    """
    if value == 0:
        return None
    times = ((normal_quantile(0.975) + normal_quantile(POWER)) * error / abs(value)) ** 2
    needed = math.ceil(rows * times) if rows * times < MOST_ROWS_TO_TELL else None
    return needed and max(needed, 2)


def _mcnemar(metric: Metric, of_a: Flags, of_b: Flags) -> Gain:
    """A share of hits, such as accuracy, by the rows that one of the two alone has right.

    Source: McNemar (1947), Psychometrika 12, exact; the interval is that of Agresti & Min (2005), Statistics
    in Medicine 24, which adds half a row to each of the four counts.
    """
    won, lost, rows = int((of_b & ~of_a).sum()), int((of_a & ~of_b).sum()), len(of_a)
    if won + lost == 0:
        return _alike(metric, rows)
    value, n = (won - lost) / rows, rows + 2
    middle = (won - lost) / n
    error = math.sqrt(((won + lost + 1) / n - middle**2) / n)
    half = normal_quantile(0.975) * error
    p_value = _even_odds(won, lost)
    return _gain(metric, value, (middle - half, middle + half), error, rows, p_value, "McNemar, exact")


def _even_odds(won: int, lost: int) -> float:
    """How probable counts at least as uneven are where either is as likely for each (two-sided sign test)."""
    fewer = min(won, lost)
    # At most `fewer` of all, by the incomplete beta function: `scipy.stats` takes half a second to import.
    return min(1.0, 2 * float(special.betainc(max(won, lost), fewer + 1, 0.5))) if won != lost else 1.0


def _drawn(
    metric: Metric, y: Truth, a: Output, b: Output, weights: Floats | None, clusters: Codes | None, seed: int
) -> Gain | None:
    sign = 1.0 if metric.greater_is_better else -1.0
    of_a, of_b = metric.on(y, a), metric.on(y, b)
    most = int(np.clip(CELLS / max(1, 2 * len(y) * (a.shape[1] / 2 if a.ndim == 2 else 1)), 100, 1000))
    draws = draws_of(metric, most)
    if draws < FEWEST_DRAWS:
        return None
    [(value, low, high)] = bootstrap(
        [lambda w: sign * (of_b(w) - of_a(w))],
        len(y),
        draws=draws,
        seed=seed,
        clusters=clusters,
        weights=weights,
    )
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)):
        return None
    error = (high - low) / (2 * normal_quantile(0.975))
    p_value = 2 * float(special.ndtr(-abs(value) / error)) if error > 0 else float(value == 0)
    return _gain(metric, value, (low, high), error, len(y), p_value, f"bootstrap, paired, {draws} draws")
