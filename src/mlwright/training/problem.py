"""The Problem: everything training is told, as one frozen value. Made by a task kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlwright.base.decision import LIKELIEST, Decision
from mlwright.base.schema import Target
from mlwright.evaluation.cuts import Values
from mlwright.evaluation.decision import Wanted, decide, labels_by
from mlwright.evaluation.metrics import Answered, Metric, Truth, seen_by
from mlwright.evaluation.splits import Split
from mlwright.evaluation.thresholds import refuse_too_few
from mlwright.features import FeaturePlan, Table
from mlwright.learners import Config, answer_of
from mlwright.statistics.links import Link, linked, unlinked

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
ABSOLUTE = ("mae", "median_absolute_error", "mape")
"""Metrics whose best answer is a median rather than a mean."""
LEAST_SHARE = 1e-3
"""Of the mean: the least answer where a metric ends at 0."""
MOST_INDICATORS = 10
"""Classes that get a target encoding of their own: the most frequent ones."""


@dataclass(frozen=True)
class Problem:
    """Rows as arrays, what to predict, how to judge, what to try and in which order."""

    table: Table
    y: Doubles
    """Class numbers, or the numbers to predict [N]."""
    target: Target
    metric: Metric
    split: Split
    portfolio: tuple[Config, ...]
    weights: Doubles | None = None
    groups: npt.NDArray[np.generic] | None = None
    link: Link = "identity"
    """What numbers are learned behind."""
    exposed: str = ""
    """The column that holds `exposure`; "" where there is none."""
    exposure: Doubles | None = None
    """How much was watched [N]: numbers are learned as rates of it, and judged as amounts."""
    monotone: Mapping[int, int] = field(default_factory=dict)
    """By place among the numbers: 1 where the margin may only rise with the column, -1 where only fall."""
    wanted: Wanted = field(default_factory=Wanted)
    """What was asked of labels."""
    protected: tuple[Values, ...] = ()
    """Columns of the N rows that no learner is given: how the model does for each of their groups is told."""
    seed: int = 0
    threads: int = 1

    @property
    def classes(self) -> int:
        return len(self.target.classes)

    def dependent(self, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.generic]]:
        """Which of `rows` are not independent of each other, as intervals are told of it: by group where one
        is named, else by stretch of time where rows were split by it."""
        if self.groups is not None:
            return {"groups": self.groups[rows]}
        stretches = self.split.stretches(rows)
        return {} if stretches is None else {"blocks": stretches}

    def units(self, rows: Ints) -> Ints | None:
        """Codes from 0 of the group or the stretch of time of each of `rows`; None of independent rows."""
        units = next(iter(self.dependent(rows).values()), None)
        return None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64)

    @property
    def truth(self) -> Truth:
        """`y` as metrics want it: int64 classes, or float64."""
        return self.y.astype(np.int64) if self.classes else self.y

    @property
    def shift(self) -> float:
        """What learners' targets are centred by: their mean for numbers, 0 for classes.

        LightGBM and CatBoost keep labels in float32, which cannot tell apart times in seconds.
        """
        return 0.0 if self.classes else float(linked(self.rates, self.link).mean())

    @property
    def loss(self) -> Literal["squared", "absolute"]:
        """What learners of numbers make small, so that they answer with what the metric asks for."""
        return "absolute" if self.metric.name in ABSOLUTE else "squared"

    @property
    def terms(self) -> str:
        """What decides, beside rows and metric, what a candidate's margins are: for journals."""
        return f"{self.link}, {self.loss}, {self.exposed}, {sorted(self.monotone.items())}"

    def learned(self, index: Ints) -> Doubles:
        """The targets of the rows `index` as learners see them: class numbers, or centred numbers."""
        return linked(self.rates[index], self.link) - self.shift

    def directions(self, plan: FeaturePlan, view: str) -> tuple[int, ...]:
        """`Job.monotone` for the view's matrix."""
        return plan.directions(view, self.monotone) if self.monotone else ()

    @property
    def floor(self) -> float | None:
        """The least number (or rate) to answer, where the metric exists only above one: rmsle ends at -1,
        deviances at 0. Rates of what is never negative are not either."""
        if self.classes or self.y.min() < 0:
            return None
        if self.metric.name in ("poisson_deviance", "gamma_deviance"):
            return LEAST_SHARE * float(self.rates.mean())
        return 0.0 if self.metric.name == "rmsle" or self.exposure is not None else None

    def linked_rates(self, index: Ints) -> Doubles:
        """The numbers to predict of the rows `index`, of one unit of exposure, behind the link."""
        return linked(self.rates[index], self.link)

    @property
    def rates(self) -> Doubles:
        """The numbers to predict [N], of one unit of exposure where there is one."""
        return self.y if self.exposure is None else self.y / self.exposure

    def answer_of(self, margin: Doubles, rows: Ints) -> Doubles:
        """Margins [n, M] of `rows` as what metrics judge: probabilities [n, K], or numbers [n, 1]."""
        answer = answer_of(unlinked(margin, self.link), self.classes)
        answer = answer if self.floor is None else np.maximum(answer, self.floor)
        return answer if self.exposure is None else answer * self.exposure[rows][:, None]

    def decide(self, margin: Doubles, rows: Ints) -> Decision:
        """How labels follow from calibrated margins, chosen on those of `rows`; see `Wanted`."""
        if not self.classes:
            return LIKELIEST
        return decide(self.wanted.rows(rows), margin, self.y[rows].astype(np.int64), self.weights_of(rows))

    def refuse_too_few(self) -> None:
        """Raises `DataProblem` where the rows that a decision is chosen on are too few for what was asked.

        Where folds are cross-fitted, those of the largest fold have no say in how they are decided.
        """
        if self.wanted.plan.rule != "alerts":
            return
        folds, judged = self.split.folds, len(self.split.judged)
        crossed = not len(self.split.test) and len(folds) > 1
        refuse_too_few(judged - max(len(f.valid) for f in folds) if crossed else judged, self.wanted.share)

    def labels_of(self, decision: Decision, margin: Doubles, rows: Ints) -> Ints:
        """The class numbers [n] that `decision` gives the rows `rows` with these calibrated margins."""
        return labels_by(decision, margin, self.wanted.rows(rows).amounts)

    def output_of(self, margin: Doubles, rows: Ints) -> Doubles:
        """What the metric judges of out-of-fold margins of `rows`: probabilities, numbers, or decided labels.

        The line between labels is drawn on the same rows here, as it is for every candidate alike.
        """
        answer = self.answer_of(margin, rows)
        if self.metric.needs != "label" or self.wanted.plan.rule == "likeliest":
            return answer
        labels = self.labels_of(self.decide(margin, rows), margin, rows)
        return np.asarray(seen_by(self.metric, Answered(answer, labels)), dtype=np.float64)

    def weights_of(self, index: npt.NDArray[np.int64]) -> Doubles | None:
        """The weights of the rows `index`; None where they are alike, as where all of them weigh nothing."""
        if self.weights is None or not self.weights[index].any():
            return None
        return self.weights[index]

    def learning_weights(self, index: Ints) -> Doubles | None:
        """How much learners heed the rows `index`: their weights, and what was watched.

        Squared differences of rates weighted by exposure have their least where the sum of the answers is
        that of the amounts, as Poisson's likelihood with an offset has (Ohlsson and Johansson, "Non-Life
        Insurance Pricing with Generalized Linear Models", 2010, section 2).
        """
        weights = self.weights_of(index)
        if self.exposure is None:
            return weights
        watched = self.exposure[index] / self.exposure.mean()
        return np.asarray(watched if weights is None else watched * weights)

    def indicators(self, index: npt.NDArray[np.int64]) -> Doubles:
        """Targets [n, K] of the rows `index` for encodings: the number behind its link, the positive class,
        or one column a class."""
        y = self.y[index]
        if not self.classes:
            return linked(self.rates[index], self.link)[:, None]
        if self.classes == 2:
            return np.asarray(y == 1, dtype=np.float64)[:, None]
        frequent = np.argsort(-np.bincount(self.y.astype(np.int64), minlength=self.classes), kind="stable")
        chosen = np.sort(frequent[:MOST_INDICATORS])
        return np.asarray(y[:, None] == chosen[None, :], dtype=np.float64)
