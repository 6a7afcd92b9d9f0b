"""The tasks' standard metrics, weighted, by scikit-learn's definitions, in one table.

Used by `training` (hundreds of times a fit), `evaluation.intervals` and `cli`. A metric knows arrays,
never models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import Misuse
from mlwright.base.schema import TaskName
from mlwright.statistics.intervals import Floats
from mlwright.statistics.ranking import Ranked
from mlwright.statistics.resampling import Weighted

Truth = npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""Class indices int64 [N], or numbers float64 [N]."""
Output = npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""Probabilities [N, K], labels [N] or predicted numbers [N]."""
Needs = Literal["probability", "label", "prediction"]


class Answered(NamedTuple):
    """Probabilities [N, K], and the labels int64 [N] that were decided from them."""

    probability: Floats
    label: npt.NDArray[np.int64]


FEWEST_CALLS = 800
"""A metric of which an interval may not call for so many is slow: that much choosing weights takes."""
CLASSES: tuple[TaskName, ...] = ("binary", "multiclass")
NUMBERS: tuple[TaskName, ...] = ("regression",)
DEFAULT: dict[TaskName, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True)
class Metric:
    """One metric: for which tasks, which way is better, what it needs, and how it is computed."""

    name: str
    tasks: tuple[TaskName, ...]
    greater_is_better: bool
    needs: Needs
    prepare: Callable[[Truth, Output], Weighted]
    """Does what does not depend on weights (sorting) and returns the value as a function of weights."""
    doc: str
    losses: Callable[[Truth, Output], Floats] | None = None
    """Where the metric is `link` of a mean over rows: what is averaged [N]."""
    link: Callable[[float], float] = float
    trap: Callable[[Truth], str] | None = None
    """Says why the metric misleads on these targets, or nothing."""
    measure: Callable[[Floats], float] | None = None
    """Where the metric is made from the confusion matrix [K, K] and labels are to be chosen for it."""
    counted: Callable[[Truth, Output, Floats | None], Floats] | None = None
    """Where it is the share of hits among some rows: how much of each row counts [N], by the weights [N]."""
    bounded: bool = True
    """Whether it lies within 0 and 1 (or -1 and 1) where more is better, and above 0 where less is; nobody
    knows that of a function of the user's own."""
    calls: int = 1_000
    """How often a function of the user's own may be called for one interval that matters; for others a fifth
    as often."""
    call_s: float = 0.0
    """Seconds that such a call takes, where it was clocked."""

    @property
    def slow(self) -> bool:
        """Whether it is too slow to be asked wherever candidates are weighed or compared."""
        return not self.bounded and self.calls < FEWEST_CALLS

    def on(self, y: Truth, output: Output) -> Weighted:
        """The metric on these rows, as a function of row weights [N] (or None); sorts at most once.

        `output` is [N, K] probabilities for classification (labels are taken from them where the metric
        needs labels), [N] for regression. Raises `Misuse` where shapes do not fit or numbers are missing.
        """
        self.check(y, output)
        return self.prepare(y, output)

    def function(self, y: Truth, output: Output, weights: Floats | None = None) -> float:
        """The metric's value; NaN where it is undefined, such as ROC AUC of one class. See `on`.

        >>> METRICS["mae"].function(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        1.0
        """
        return self.on(y, output)(weights)

    def check(self, y: Truth, output: Output) -> None:
        """Raises `Misuse` where the metric cannot be computed from these arrays."""
        if len(y) != len(output):
            raise Misuse(f"{self.name} got {len(y)} true values and {len(output)} predicted ones")
        total = output.sum()  # NaN where any is, at a tenth of the cost of asking each
        if total != total and np.isnan(output).any():
            raise Misuse(f"{self.name} got predictions that are not numbers (NaN)")
        if output.ndim not in {"probability": (2,), "label": (1, 2), "prediction": (1,)}[self.needs]:
            raise Misuse(f"{self.name} needs a {self.needs}, got an array of shape {output.shape}")


def seen_by(metric: Metric, answer: Output | Answered) -> Output:
    """The part of an answer that the metric judges; labels as [N, K], with one in the class's place."""
    if not isinstance(answer, Answered):
        return answer
    if metric.needs != "label":
        return answer.probability
    return np.asarray(np.eye(answer.probability.shape[1])[answer.label])


def default_metric(task: TaskName) -> Metric:
    """The metric that is optimised when none is named."""
    return METRICS[DEFAULT[task]]


def smooth_of(metric: Metric) -> Metric:
    """The metric, or what stands in for it where it is asked often: labels move in jumps, and a function of
    the user's own may be slow.

    >>> smooth_of(METRICS["f1"]).name, smooth_of(METRICS["mae"]).name
    ('log_loss', 'mae')
    """
    if metric.needs == "label" or metric.slow:
        return METRICS["rmse" if metric.needs == "prediction" else "log_loss"]
    return metric


def error_of(metric: Metric, value: float) -> float:
    """`value` in the form to minimise: 0 is perfect for every metric here.

    >>> error_of(METRICS["roc_auc"], 0.75), error_of(METRICS["rmse"], 2.0)
    (0.25, 2.0)
    """
    return 1.0 - value if metric.greater_is_better else value


# Ranking -------------------------------------------------------------------------------------------------


def one_against_rest(y: Truth, probability: Output) -> list[Ranked]:
    """The rankings whose mean is taken: the positive class of two, or each class that some rows have."""
    classes = [1] if probability.shape[1] == 2 else range(probability.shape[1])
    positives = ((k, y == k) for k in classes)
    scores = np.asarray(probability, dtype=np.float64)
    return [Ranked(p, scores[:, k]) for k, p in positives if p.any() and not p.all()]


def _roc_auc(y: Truth, probability: Output) -> Weighted:
    ranked = one_against_rest(y, probability)
    return lambda weights: _mean_of([r.auc(weights) for r in ranked])


def _average_precision(y: Truth, probability: Output) -> Weighted:
    ranked = one_against_rest(y, probability)
    return lambda weights: _mean_of([r.average_precision(weights) for r in ranked])


def _mean_of(values: list[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan


# Means of a loss -----------------------------------------------------------------------------------------


def _log_losses(y: Truth, probability: Output) -> Floats:
    least = np.finfo(np.float64).eps
    given = np.asarray(probability[np.arange(len(y)), y.astype(np.int64)], dtype=np.float64)
    return -np.log(np.clip(given, least, 1 - least))


def _brier_losses(y: Truth, probability: Output) -> Floats:
    if probability.shape[1] == 2:
        return np.asarray((probability[:, 1] - (y == 1)) ** 2, dtype=np.float64)
    hit = probability[np.arange(len(y)), y.astype(np.int64)]
    return np.asarray(np.einsum("ij,ij->i", probability, probability) - 2 * hit + 1, dtype=np.float64)


def labels_of(output: Output) -> npt.NDArray[np.int64]:
    """Labels [N]: as they are, or the likeliest class of probabilities [N, K], the first of equals."""
    if output.ndim == 1:
        return output.astype(np.int64)
    if output.shape[1] == 2:  # ten times faster than argmax
        return np.asarray(output[:, 1] > output[:, 0], dtype=np.int64)
    return np.asarray(np.argmax(output, axis=1), dtype=np.int64)


def _hits(y: Truth, output: Output) -> Floats:
    return np.asarray(y == labels_of(output), dtype=np.float64)


def _squared(y: Truth, prediction: Output) -> Floats:
    return np.asarray((y - prediction) ** 2, dtype=np.float64)


def _absolute(y: Truth, prediction: Output) -> Floats:
    return np.asarray(np.abs(y - prediction), dtype=np.float64)


def _relative(y: Truth, prediction: Output) -> Floats:
    return _absolute(y, prediction) / np.maximum(np.abs(y), np.finfo(np.float64).eps)


def _squared_log(y: Truth, prediction: Output) -> Floats:
    """Squared difference of log(1 + y); infinite where the prediction is -1 or less, NaN where y is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.where(y > -1, np.log1p(y), np.nan)
        guess = np.where(prediction > -1, np.log1p(prediction), -np.inf)
        return np.asarray((truth - guess) ** 2, dtype=np.float64)


def _poisson(y: Truth, prediction: Output) -> Floats:
    """Infinite where the prediction is not above 0, NaN where the truth is below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.where(y >= 0, y, np.nan)
        logs = np.where(y > 0, y * np.log(y / prediction), 0.0)
        return np.asarray(np.where(prediction > 0, 2 * (logs - truth + prediction), np.inf + 0 * truth))


def _gamma(y: Truth, prediction: Output) -> Floats:
    """Infinite where the prediction is not above 0, NaN where the truth is not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.where(y > 0, y, np.nan)
        deviance = 2 * (np.log(prediction / truth) + truth / prediction - 1)
        return np.asarray(np.where(prediction > 0, deviance, np.inf + 0 * truth))


def mean_of(values: Floats, weights: Floats | None) -> float:
    """The (weighted) mean; NaN of no rows. A row of weight 0 is none, whatever its value.

    >>> mean_of(np.array([1.0, np.inf]), np.array([2.0, 0.0]))
    1.0
    """
    if not len(values):
        return math.nan
    if weights is None:
        return float(values.mean())
    if not np.isfinite(values).all():  # 0 times infinity would be no number
        values, weights = values[weights > 0], weights[weights > 0]
    return float(values @ weights / weights.sum())


# Counts of true and predicted classes --------------------------------------------------------------------

Confusion = Callable[[Floats], float]


def confusion(y: Truth, label: Output, classes: int, weights: Floats | None = None) -> Floats:
    """Weights of the rows by true (first axis) and predicted class [classes, classes].

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1., 0.],
           [1., 1.]])
    """
    return _matrix(y.astype(np.int64) * classes + labels_of(label), classes, weights)


def of_confusion(measure: Confusion) -> Callable[[Truth, Output], Weighted]:
    """What prepares a metric that is made from the confusion matrix."""

    def prepare(y: Truth, output: Output) -> Weighted:
        label = labels_of(output)
        seen = max(int(y.max(initial=0)), int(label.max(initial=0)), 1) + 1
        classes = output.shape[1] if output.ndim == 2 else seen
        cell = y.astype(np.int64) * classes + label

        def value(weights: Floats | None) -> float:
            return measure(_matrix(cell, classes, weights)) if len(cell) else math.nan

        return value

    return prepare


def _matrix(cell: npt.NDArray[np.int64], classes: int, weights: Floats | None) -> Floats:
    cells = np.bincount(cell, weights=weights, minlength=classes**2)
    return cells.astype(np.float64).reshape(classes, classes)


def _balanced_accuracy(matrix: Floats) -> float:
    rows = matrix.sum(axis=1)
    return float((matrix.diagonal()[rows > 0] / rows[rows > 0]).mean())


def _f1(matrix: Floats) -> float:
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    each = np.divide(2 * matrix.diagonal(), both, out=np.zeros(len(both)), where=both > 0)
    return float(each[1]) if len(matrix) == 2 else float(each[both > 0].mean())


def _mcc(matrix: Floats) -> float:
    truth, label, total = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    together = matrix.trace() * total - truth @ label
    spread = (total**2 - label @ label) * (total**2 - truth @ truth)
    return float(together / math.sqrt(spread)) if spread > 0 else 0.0


# Others --------------------------------------------------------------------------------------------------


def _r2(y: Truth, prediction: Output) -> Weighted:
    squared, truth = _squared(y, prediction), np.asarray(y, dtype=np.float64)

    def value(weights: Floats | None) -> float:
        if len(y) < 2:
            return math.nan
        spread = (truth - mean_of(truth, weights)) ** 2
        residual, total = mean_of(squared, weights), mean_of(spread, weights)
        return 1 - residual / total if total > 0 else float(residual == 0)

    return value


def _median_absolute_error(y: Truth, prediction: Output) -> Weighted:
    errors = _absolute(y, prediction)
    order = np.argsort(errors)
    ordered = errors[order]

    def value(weights: Floats | None) -> float:
        if weights is None:
            return float(np.median(errors)) if len(errors) else math.nan
        cumulated = np.cumsum(weights[order])
        half = cumulated[-1] / 2
        # The mean of the two middle values, as in a median of whole rows.
        low, high = (min(int(np.searchsorted(cumulated, half, side)), len(ordered) - 1) for side in _SIDES)
        return float(ordered[low] + ordered[high]) / 2

    return value


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


def _zero_targets(y: Truth) -> str:
    near = int(np.count_nonzero(np.abs(y) < 1e-6 * max(float(np.abs(y).max(initial=0)), 1e-300)))
    if near:
        return f"{near} true values are (nearly) 0, and an error divided by 0 drowns all others"
    return ""


def _no_counts(y: Truth) -> str:
    counts = bool((y >= 0).all() and (y == np.round(y)).all())
    return "" if counts else "true values are no counts"


def _not_asked(y: Truth) -> str:
    return "it is for amounts above 0 that spread as they grow, where it is asked for"


def _negative_targets(y: Truth) -> str:
    negative = int(np.count_nonzero(y < 0))
    return f"{negative} true values are negative" if negative else ""


def mean_metric(
    name: str,
    tasks: tuple[TaskName, ...],
    needs: Needs,
    losses: Callable[[Truth, Output], Floats],
    doc: str,
    link: Callable[[float], float] = float,
    trap: Callable[[Truth], str] | None = None,
    greater: bool = False,
) -> Metric:
    """A metric that is `link` of the mean over rows of `losses`; `greater`: more of them is better."""

    def prepare(y: Truth, output: Output) -> Weighted:
        values = losses(y, output)
        return lambda weights: link(mean_of(values, weights))

    return Metric(name, tasks, greater, needs, prepare, doc, losses, link, trap)


METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric(
            "roc_auc",
            CLASSES,
            True,
            "probability",
            _roc_auc,
            "The chance that a row of the class is ranked above a row of another; the mean over classes, "
            "each against the rest, when there are more than two (classes without rows are left out).",
        ),
        mean_metric(
            "log_loss",
            CLASSES,
            "probability",
            _log_losses,
            "Minus the mean log probability given to what happened.",
        ),
        Metric(
            "average_precision",
            CLASSES,
            True,
            "probability",
            _average_precision,
            "Precision averaged over recall; for rare positives; the mean over classes when more than two.",
        ),
        mean_metric(
            "brier",
            CLASSES,
            "probability",
            _brier_losses,
            "Mean squared distance of the probabilities from what happened (two classes: of the positive "
            "one, 0 to 1; more: summed over classes, 0 to 2).",
        ),
        mean_metric(
            "accuracy", CLASSES, "label", _hits, "The share of rows whose label is right.", greater=True
        ),
        Metric(
            "balanced_accuracy",
            CLASSES,
            True,
            "label",
            of_confusion(_balanced_accuracy),
            "Recall averaged over the classes that occur.",
            measure=_balanced_accuracy,
        ),
        Metric(
            "f1",
            CLASSES,
            True,
            "label",
            of_confusion(_f1),
            "Harmonic mean of precision and recall of the positive class; the mean over classes when more "
            "than two.",
            measure=_f1,
        ),
        Metric(
            "mcc",
            CLASSES,
            True,
            "label",
            of_confusion(_mcc),
            "Matthews' correlation of true and predicted classes, 1 perfect, 0 no better than chance.",
            measure=_mcc,
        ),
        mean_metric(
            "rmse",
            NUMBERS,
            "prediction",
            _squared,
            "Root of the mean squared error, in the target's unit.",
            math.sqrt,
        ),
        mean_metric("mae", NUMBERS, "prediction", _absolute, "Mean absolute error, in the target's unit."),
        Metric(
            "r2",
            NUMBERS,
            True,
            "prediction",
            _r2,
            "The share of the target's variance that is explained; 0 is no better than the mean.",
        ),
        Metric(
            "median_absolute_error",
            NUMBERS,
            False,
            "prediction",
            _median_absolute_error,
            "The error that half of the rows stay under, in the target's unit.",
        ),
        mean_metric(
            "mape",
            NUMBERS,
            "prediction",
            _relative,
            "Mean error as a share of the true value. It explodes near 0 and favours guesses that are too "
            "low: prefer mae, or rmsle.",
            trap=_zero_targets,
        ),
        mean_metric(
            "rmsle",
            NUMBERS,
            "prediction",
            _squared_log,
            "Root mean squared error of log(1 + y), for targets that span magnitudes.",
            math.sqrt,
            _negative_targets,
        ),
        mean_metric(
            "poisson_deviance",
            NUMBERS,
            "prediction",
            _poisson,
            "Mean Poisson deviance, for counts and rates: 0 is perfect, and it asks for the mean.",
            trap=_no_counts,
        ),
        mean_metric(
            "gamma_deviance",
            NUMBERS,
            "prediction",
            _gamma,
            "Mean gamma deviance, for amounts above 0 whose spread grows with them: it asks for the mean.",
            trap=_not_asked,
        ),
    )
}
