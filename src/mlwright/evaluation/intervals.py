"""Scores with 95 % intervals, by the method that fits the metric and the rows.

Independent rows: DeLong for ROC AUC, Wilson for accuracy, Student's t for mean losses, the bootstrap for the
rest. Rows in groups or blocks of time: the same by cluster; where rows cannot say, none, and why. Called by
`training` and `tasks`; knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import Misuse
from mlwright.base.evaluation import TOO_FEW_ROWS, Score
from mlwright.base.schema import TaskName
from mlwright.evaluation.asked import metric_of
from mlwright.evaluation.influence import explained, ranked
from mlwright.evaluation.metrics import (
    METRICS,
    Answered,
    Metric,
    Output,
    Truth,
    labels_of,
    seen_by,
)
from mlwright.statistics.intervals import (
    Codes,
    Floats,
    Interval,
    clopper_pearson,
    clustered_error,
    mean_interval,
    normal_quantile,
    proportion_interval,
    t_quantile,
)
from mlwright.statistics.ranking import auc_interval, logit_interval
from mlwright.statistics.resampling import bootstrap

Labels = npt.NDArray[np.generic]
"""Group or block of each row [N], of any type that can be compared."""

ONE_ANSWER = "none: one answer for all rows"
"""The method of a value that holds for every table, such as a ROC AUC of 0.5 without any ranking."""
ALIKE = "none: all rows alike"
"""The method where rows that do not differ say nothing about those not seen."""

TOO_SLOW = "none: the metric is slow to call"
"""The method where so few draws as there is time for would say nothing."""

OWN_DRAWS, FEWEST_DRAWS = 200, 20
"""Draws at most of a metric of the user's own, which is called for each; and those below which there is no
interval."""
LESSER = 5
"""An interval that does not judge what ships takes so many times fewer draws of a slow metric."""
CELLS = 2e7
"""Rows times classes times draws that one call may spend on the bootstrap: about a second."""


def score(
    metric: Metric,
    y: Truth,
    output: Output,
    *,
    weights: Floats | None = None,
    groups: Labels | None = None,
    blocks: Labels | None = None,
    seed: int = 0,
    effort: float = 1.0,
) -> Score:
    """The metric with its 95 % interval on these rows.

    `y` [N]; `output` [N, K] probabilities or [N] numbers; `weights`, `groups`, `blocks` [N]. Rows of one
    group (a customer) or block (a stretch of time) are taken as dependent. Raises `Misuse`
    where both are given. `effort` scales the work that a bootstrap may take (about a second at 1).

    >>> y, p = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> score(METRICS["roc_auc"], y, p).method
    'DeLong'
    """
    return _scores([metric], y, output, weights, clusters_of(groups, blocks), seed, effort, groups is None)[0]


def all_scores(
    task: TaskName,
    metric_first: Metric | str,
    y: Truth,
    output: Output | Answered,
    *,
    weights: Floats | None = None,
    groups: Labels | None = None,
    blocks: Labels | None = None,
    seed: int = 0,
) -> tuple[Score, ...]:
    """Scores by all of the task's metrics, `metric_first` first; those that mislead on `y` or are undefined
    are left out, but never the first. See `score` for the arguments and errors. Where labels are not the
    likeliest classes, `output` is `Answered`.
    """
    first = metric_of(metric_first, task) if isinstance(metric_first, str) else metric_first
    others = [m for m in METRICS.values() if task in m.tasks and m.name != first.name]
    others = [m for m in others if m.trap is None or not m.trap(y)]
    clusters = clusters_of(groups, blocks)
    scores = _scores([first, *others], y, output, weights, clusters, seed, in_time=groups is None)
    return (scores[0], *(s for s in scores[1:] if math.isfinite(s.value)))


def _scores(
    metrics: Sequence[Metric],
    y: Truth,
    answer: Output | Answered,
    weights: Floats | None,
    clusters: Codes | None,
    seed: int,
    effort: float = 1.0,
    in_time: bool = False,
) -> list[Score]:
    named = ""
    if clusters is not None:
        named = ", by stretch of time" if in_time else ", by group"
        if not len(clusters) or clusters.max() < 1:
            clusters, named = None, ", rows taken as independent for want of a second group"
    intervals: dict[str, tuple[Interval, str]] = {}
    slow = []
    for m in metrics:
        output = seen_by(m, answer)
        m.check(y, output)
        known = _direct(m, y, output, weights, clusters)
        if known is None:
            slow.append(m)
        else:
            intervals[m.name] = known
    for m in slow:
        if draws_of(m, OWN_DRAWS, effort) < FEWEST_DRAWS:
            value = m.function(y, seen_by(m, answer), weights)
            intervals[m.name] = Interval(value, value, value), TOO_SLOW
    slow = [m for m in slow if m.name not in intervals]
    if slow:
        shape = seen_by(slow[0], answer).shape
        classes = shape[1] if len(shape) == 2 else 1
        most = int(np.clip(effort * CELLS / max(1, len(y) * max(1, classes / 2)), 100, 1000))
        draws = {m.name: draws_of(m, most, effort) for m in slow}
        for count in sorted(set(draws.values())):  # a user's own, which may be slow, apart
            alike = [m for m in slow if draws[m.name] == count]
            prepared = [m.on(y, seen_by(m, answer)) for m in alike]
            drawn = bootstrap(prepared, len(y), draws=count, seed=seed, clusters=clusters, weights=weights)
            for m, interval in zip(alike, drawn, strict=True):
                intervals[m.name] = (
                    _completed(m, y, seen_by(m, answer), interval, weights, clusters),
                    f"bootstrap, {count} draws",
                )
    return [_score(m, *intervals[m.name], len(y), named) for m in metrics]


def draws_of(metric: Metric, most: int, effort: float = 1.0) -> int:
    """How many draws an interval of the metric may take, at most `most`."""
    if metric.bounded:
        return most
    return min(most, OWN_DRAWS, metric.calls if effort >= 1 else metric.calls // LESSER)


def _score(metric: Metric, interval: Interval, method: str, rows: int, named: str) -> Score:
    value, low, high = interval
    if not math.isfinite(value):
        low, high, method, named = value, value, "undefined on these rows", ""
    elif rows < 2 or not math.isfinite(low) or not math.isfinite(high):
        low, high, method, named = value, value, TOO_FEW_ROWS, ""
    elif low == high:
        method, named = method if method in (ONE_ANSWER, TOO_SLOW) else ALIKE, ""
    return Score(
        metric=metric.name,
        value=value,
        low=low,
        high=high,
        rows=rows,
        greater_is_better=metric.greater_is_better,
        method=method + named,
    )


def _direct(
    metric: Metric, y: Truth, output: Output, weights: Floats | None, clusters: Codes | None
) -> tuple[Interval, str] | None:
    """The interval by formula, and the formula's name; None for metrics that have none."""
    if _says_nothing(metric, output):
        value = metric.function(y, output, weights)
        return Interval(value, value, value), ONE_ANSWER
    if metric.losses is not None:
        losses = metric.losses(y, output)
        if not np.isfinite(losses).all():
            worst = float(losses.max())  # infinite, or NaN where any is
            return Interval(worst, worst, worst), ""
        if metric.greater_is_better:  # shares of hits
            return proportion_interval(losses, weights, clusters), "Wilson"
        value, low, high = mean_interval(losses, weights, clusters)
        linked = Interval(metric.link(value), metric.link(max(low, 0.0)), metric.link(max(high, 0.0)))
        return linked, "Student's t"
    if metric.name == "r2":
        return _explained(y, output, weights, clusters), "linearised"
    if metric.name != "roc_auc":
        return None
    if output.shape[1] == 2:
        second = np.asarray(output[:, 1], dtype=np.float64)
        return auc_interval(y == 1, second, weights=weights, clusters=clusters), "DeLong"
    return _macro_auc(y, output, weights, clusters), "DeLong, mean over classes"


def _says_nothing(metric: Metric, output: Output) -> bool:
    """Whether the answer is the same for all rows and the metric sees in it nothing but that."""
    if metric.name == "roc_auc":
        return bool((output == output[:1]).all())
    if metric.name not in ("mcc", "balanced_accuracy"):
        return False
    labels = labels_of(output)
    return bool((labels == labels[:1]).all())


def _explained(y: Truth, output: Output, weights: Floats | None, clusters: Codes | None) -> Interval:
    """R squared, its error from the influence of each row on the ratio of the two sums of squares."""
    found = explained(y, output, weights)
    error, units = (math.nan, 0) if found is None else clustered_error(found[1], clusters)
    if found is None or units < 2:
        return Interval(METRICS["r2"].function(y, output, weights), math.nan, math.nan)
    half = t_quantile(0.975, units - 1) * error
    return Interval(found[0], found[0] - half, min(found[0] + half, 1.0))


def _macro_auc(y: Truth, output: Output, weights: Floats | None, clusters: Codes | None) -> Interval:
    """The mean of each class's AUC against the rest, its error from the mean of their rows' influences."""
    found = ranked(y, output, weights)
    if found is None:
        return Interval(math.nan, math.nan, math.nan)
    error, units = clustered_error(found[1], clusters)
    quantile = normal_quantile(0.975) if clusters is None else t_quantile(0.975, units - 1)
    return logit_interval(found[0], error, quantile, _rarest(y, clusters))


def _completed(
    metric: Metric,
    y: Truth,
    output: Output,
    interval: Interval,
    weights: Floats | None,
    clusters: Codes | None,
) -> Interval:
    """A bootstrap of rows that all agree draws one value for ever; then the exact bound stands in for it."""
    value, low, high = interval
    if not metric.bounded or not math.isfinite(low):
        return interval
    if not metric.greater_is_better:
        return Interval(value, max(low, 0.0), high)
    least = -1.0 if metric.name == "mcc" else 0.0
    # Where some rows alone are counted, draws that reach beyond them say nothing of those that agree.
    is_perfect = value >= 1 and (low >= 1 or metric.counted is not None)
    is_worst = value <= least and (high <= least or metric.counted is not None)
    if is_perfect or is_worst:
        agreeing = _agreeing(metric, y, output, weights, clusters)
        exact = clopper_pearson(agreeing, agreeing).low
        low, high = (min(low, exact), high) if is_perfect else (low, max(high, 1 + least - exact))
    return Interval(value, low, high).within(least, 1.0)


def _agreeing(
    metric: Metric, y: Truth, output: Output, weights: Floats | None, clusters: Codes | None
) -> float:
    """Where all rows agree, how many independent ones do: of those that the metric counts (by Kish, where
    they count unlike), else of the rarest class."""
    if metric.counted is None:
        return _rarest(y, clusters)
    counts = metric.counted(y, output, weights)
    if clusters is not None:
        return len(np.unique(clusters[counts > 0]))
    return float(counts.sum() ** 2 / (counts @ counts)) if counts.any() else 0.0


def _rarest(y: Truth, clusters: Codes | None) -> int:
    """Independent rows of the rarest class."""
    present = np.unique(y)
    if clusters is None:
        return min(int(np.count_nonzero(y == k)) for k in present)
    return min(len(np.unique(clusters[y == k])) for k in present)


def clusters_of(groups: Labels | None = None, blocks: Labels | None = None) -> Codes | None:
    """Codes [N] of the rows that belong together, by group or by block; None where none do. Raises `Misuse`
    where both are given."""
    if groups is not None and blocks is not None:
        raise Misuse("a score takes groups or blocks, not both", remedy="give the coarser of the two")
    labels = groups if groups is not None else blocks
    return None if labels is None else np.unique(labels, return_inverse=True)[1].astype(np.int64)
