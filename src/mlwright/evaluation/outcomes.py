"""What a decision brings: costs, alerts, precision and recall with intervals, beside other ways to decide.

Called by `training` and `lifecycle.evaluate` with labels of rows that the model had not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlwright.base.decision import LIKELIEST, Decision
from mlwright.base.evaluation import Outcome, Score
from mlwright.evaluation.decision import Amounts, costs_of, expected_costs, labels_by
from mlwright.statistics.intervals import Interval, mean_interval, proportion_interval
from mlwright.statistics.links import softmax

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORETOLD = "none: foretold by the probabilities"
"""The method of a cost that nothing was measured for."""
MOST_CONSTANT = 4
"""Classes up to which each is shown as the answer to every row; of more, the one that costs least."""


@dataclass(frozen=True)
class Judged:
    """Rows that a decision is judged on, none of which the model had seen."""

    y: Ints
    margin: Doubles
    """Calibrated, [N, M]."""
    labels: Ints
    """As decided; chosen without the row's own truth."""
    classes: Sequence[str]
    weights: Doubles | None = None
    groups: npt.NDArray[np.generic] | None = None
    amounts: Amounts = field(default_factory=dict)


def outcomes_of(decision: Decision, judged: Judged) -> tuple[Outcome, ...]:
    """Of the decision, of the likeliest class, and (for costs) of one answer to every row.

    Nothing for the likeliest class alone: its labels are what the metrics of labels judge.
    """
    if decision.rule == "likeliest" or not len(judged.y):
        return ()
    ways = [("as decided", judged.labels), ("likeliest class", labels_by(LIKELIEST, judged.margin, {}))]
    if decision.rule == "costs":
        ways += _constant(decision, judged)
    return tuple(Outcome(way=name, scores=_scores(decision, judged, name, labels)) for name, labels in ways)


def _constant(decision: Decision, judged: Judged) -> list[tuple[str, Ints]]:
    every = [
        (f"always {name}", np.full(len(judged.y), k, dtype=np.int64)) for k, name in enumerate(judged.classes)
    ]
    if len(every) <= MOST_CONSTANT:
        return every
    weights = judged.weights
    mean = [np.average(costs_of(decision, judged.y, k, judged.amounts), weights=weights) for _, k in every]
    return [every[int(np.argmin(mean))]]


def _scores(decision: Decision, judged: Judged, way: str, labels: Ints) -> tuple[Score, ...]:
    out: list[Score] = []
    codes: Ints | None = None
    if judged.groups is not None:
        codes = np.unique(judged.groups, return_inverse=True)[1].astype(np.int64)
    n = len(judged.y)

    def mean(name: str, values: Doubles, times: float = 1000.0) -> None:
        value, low, high = mean_interval(values, judged.weights, codes)
        low = max(low, 0.0) if len(values) and values.min() >= 0 else low
        out.append(_score(name, Interval(times * value, times * low, times * high), n, "Student's t"))

    def share(name: str, hits: Doubles, among: npt.NDArray[np.bool_], times: float = 1.0) -> None:
        if not among.any():
            return
        part = None if judged.weights is None else judged.weights[among]
        if part is not None and not part.any():
            return
        value, low, high = proportion_interval(hits[among], part, None if codes is None else codes[among])
        interval = Interval(times * value, times * low, times * high)
        out.append(_score(name, interval, int(among.sum()), "Wilson", greater=times == 1.0))

    if decision.rule == "costs":
        cost = costs_of(decision, judged.y, labels, judged.amounts)
        mean("cost_per_1000_rows", cost)
        if way == "as decided":
            wide = judged.margin
            wide = np.concatenate([np.zeros_like(wide), wide], axis=1) if wide.shape[1] == 1 else wide
            foretold = expected_costs(decision, softmax(wide), judged.amounts)[np.arange(n), labels]
            average = float(np.average(foretold, weights=judged.weights)) * 1000
            out.append(
                _score("expected_cost_per_1000_rows", Interval(average, average, average), n, FORETOLD)
            )
        else:
            mean("more_per_1000_rows", cost - costs_of(decision, judged.y, judged.labels, judged.amounts))
    if len(judged.classes) == 2:
        everyone = np.ones(n, dtype=bool)
        yes, truly = (labels == 1), (judged.y == 1)
        share("alerts_per_1000_rows", yes.astype(np.float64), everyone, 1000.0)
        if decision.rows_per_day:
            share("alerts_per_day", yes.astype(np.float64), everyone, decision.rows_per_day)
        share("precision", truly.astype(np.float64), yes)
        share("recall", yes.astype(np.float64), truly)
    return tuple(out)


def _score(name: str, interval: Interval, rows: int, method: str, *, greater: bool = False) -> Score:
    value, low, high = interval
    if not (np.isfinite(low) and np.isfinite(high)):
        low, high, method = value, value, "none: too few rows"
    return Score(
        metric=name, value=value, low=low, high=high, rows=rows, greater_is_better=greater, method=method
    )
