"""Answers to rows that a model had not seen, and what can be asked of each row: its loss, its rates.

Made by `training` and `lifecycle.evaluate`, used by `subgroups` and `slices`. It knows neither models nor
columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import MlwrightError
from mlwright.base.slices import Figure
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS, Answered, Metric, Truth, seen_by
from mlwright.statistics.intervals import Codes, Interval

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

EFFORT = 0.05
"""Of a bootstrap, of what a score of all rows may take."""
DIGITS = 5


@dataclass(frozen=True)
class Rate:
    """A share or a mean over rows: `over` says which rows count, `of` what is averaged [N]."""

    name: str
    of: Doubles
    over: Mask
    share: bool
    """Whether `of` is 0 or 1."""
    variance: Doubles | None = None
    """What each row's variance is by the model [N], where it says."""


@dataclass(frozen=True)
class Answers:
    """N rows with their truth and what was answered for them."""

    y: Truth
    probability: Doubles | None
    """[N, K]; None for numbers."""
    labels: Ints | None
    prediction: Doubles | None
    """[N]; None for classes."""
    metric: Metric
    weights: Doubles | None = None
    """Above 0: rows that weigh nothing are left out before."""
    clusters: Codes | None = None
    """Codes from 0 of rows that are not independent of each other."""
    in_time: bool = False
    """Whether clusters are stretches of time."""
    seed: int = 0

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> int:
        return 0 if self.probability is None else self.probability.shape[1]

    def rows(self, index: Ints | Mask) -> Answers:
        """Those of the rows `index`."""

        def of(array: npt.NDArray[Any] | None) -> Any:  # Any: an array of the same type, or None
            return None if array is None else array[index]

        clusters = None if self.clusters is None else np.unique(self.clusters[index], return_inverse=True)[1]
        return replace(
            self,
            y=self.y[index],
            probability=of(self.probability),
            labels=of(self.labels),
            prediction=of(self.prediction),
            weights=of(self.weights),
            clusters=None if clusters is None else clusters.astype(np.int64),
        )

    def loss(self) -> tuple[str, Doubles]:
        """What is compared between slices: of each row [N], and its name. Of numbers the absolute error,
        which one row cannot drown, unless the metric has a scale of its own."""
        own = self.metric
        if self.probability is not None:
            metric = METRICS["brier"] if own.name == "brier" else METRICS["log_loss"]
            return metric.name, _losses(metric, self.y, self.probability)
        assert self.prediction is not None  # numbers are predicted
        if own.losses is not None and own.name in ("poisson_deviance", "gamma_deviance", "rmsle", "mape"):
            values = _losses(own, self.y, self.prediction)
            if np.isfinite(values).all():
                return ("squared log error" if own.name == "rmsle" else own.name), values
        return "absolute error", np.abs(self.y - self.prediction)

    def foreseen(self, name: str) -> Doubles | None:
        """The loss `name` of each row [N] that the model's own probabilities foretell; None for numbers."""
        p = self.probability
        if p is None:
            return None
        if name == "brier":
            spread = 1 - np.einsum("ij,ij->i", p, p)
            return np.asarray(spread / 2 if p.shape[1] == 2 else spread)
        clipped = np.clip(p, np.finfo(np.float64).eps, 1.0)
        return np.asarray(-(p * np.log(clipped)).sum(axis=1))

    def error(self) -> tuple[Doubles, Doubles | None]:
        """What happened less what was predicted [N], of numbers or the second of two classes; and the
        variance of it by the model, where it says."""
        if self.probability is None:
            assert self.prediction is not None  # numbers are predicted
            return np.asarray(self.y - self.prediction, dtype=np.float64), None
        p = self.probability[:, 1]
        return np.asarray((self.y == 1) - p), p * (1 - p)

    def rates(self) -> list[Rate]:
        """What is compared between groups, beside the metric."""
        everyone = np.ones(len(self), dtype=bool)
        if self.probability is None:
            assert self.prediction is not None  # numbers are predicted
            error = self.prediction - self.y
            found = [Rate("mean_error", error, everyone, False)]
            return [*found, Rate("mae", np.abs(error), everyone, False)]
        assert self.labels is not None  # classes have labels
        losses = Rate("log_loss", _losses(METRICS["log_loss"], self.y, self.probability), everyone, False)
        if self.classes != 2:
            return [Rate("accuracy", (self.labels == self.y).astype(np.float64), everyone, True), losses]
        yes, truly, p = self.labels == 1, self.y == 1, self.probability[:, 1]
        said = yes.astype(np.float64)
        return [
            losses,
            Rate("selection_rate", said, everyone, True),
            Rate("true_positive_rate", said, truly, True),
            Rate("false_positive_rate", said, ~truly, True),
            Rate("calibration", p - truly, everyone, False, p * (1 - p)),
        ]

    def scored(self, metric: Metric | None = None) -> Figure | None:
        """The metric (by default the one that was optimised) on these rows; None where it is undefined."""
        metric = metric or self.metric
        output = self.prediction
        if self.probability is not None:
            assert self.labels is not None  # classes have labels
            output = np.asarray(seen_by(metric, Answered(self.probability, self.labels)))
        assert output is not None  # one of both
        units = {"blocks" if self.in_time else "groups": self.clusters}
        try:
            made = score(metric, self.y, output, weights=self.weights, seed=self.seed, effort=EFFORT, **units)
        except (MlwrightError, ArithmeticError, LookupError, TypeError, ValueError):
            return None  # a user's own metric may refuse a group of one class
        if not np.isfinite(made.value):
            return None
        known = not made.method.startswith("none")
        interval = Interval(made.value, made.low if known else np.nan, made.high if known else np.nan)
        return figure(metric.name, interval, len(self))


def figure(name: str, interval: Interval, rows: int) -> Figure:
    """A figure of an interval, whose ends may be unknown (NaN)."""
    value, low, high = (round_of(v) for v in interval)
    known = np.isfinite(low) and np.isfinite(high)
    return Figure(
        metric=name,
        value=value,
        low=min(low, value) if known else None,
        high=max(high, value) if known else None,
        rows=rows,
    )


def round_of(value: float) -> float:
    """Five digits, which is more than any interval supports and keeps files small.

    >>> round_of(0.123456789), round_of(1234567.0)
    (0.12346, 1234600.0)
    """
    return float(f"{value:.{DIGITS}g}")


def _losses(metric: Metric, y: Truth, output: Doubles) -> Doubles:
    assert metric.losses is not None  # only asked of means of losses
    return np.asarray(metric.losses(y, output), dtype=np.float64)
