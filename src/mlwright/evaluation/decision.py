"""Labels as decisions: chosen from calibrated probabilities on rows that no model had seen.

A threshold for a metric, costs of errors, or an allowance of alerts become a `base.decision.Decision`;
`labels_by` and `label_nodes` are the same rule in numpy and in the graph. Called by `training`, `packaging`
and `lifecycle`. It knows no table: amounts are arrays.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.canonical import canonical_json
from mlwright.base.decision import LIKELIEST, AmountCost, Decision
from mlwright.evaluation.metrics import Metric
from mlwright.evaluation.thresholds import alert_margin, best_margin, best_offsets
from mlwright.graph.build import GraphBuilder
from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Amounts = Mapping[str, Doubles]
"""By column: the amounts of N rows, NaN where missing."""


@dataclass(frozen=True)
class Wanted:
    """What was asked of the decision: `plan` is all that is known before a model is, on rows in order."""

    plan: Decision = LIKELIEST
    metric: Metric | None = None
    """The metric of labels that the rule `metric` serves."""
    share: float = 0.0
    """Of rows that may be alerts, for the rule `alerts`."""
    amounts: Amounts = field(default_factory=dict)

    @property
    def terms(self) -> str:
        """What was asked for, the amounts of rows left out, as JSON: for journals."""
        return canonical_json([self.plan, self.share]).decode()

    def rows(self, index: Ints) -> Wanted:
        """The same for the rows `index`."""
        return dataclasses.replace(
            self, amounts={name: values[index] for name, values in self.amounts.items()}
        )


def decide(wanted: Wanted, margin: Doubles, y: Ints, weights: Doubles | None = None) -> Decision:
    """The decision for calibrated margins [N, M] of rows with classes `y` [N] that no model had seen.

    Raises `DataProblem` where the rows are too few to place what was asked for.
    """
    plan = wanted.plan
    if plan.rule == "alerts":
        return _at_margin(plan, alert_margin(margin[:, 0], wanted.share, weights))
    if plan.rule != "metric" or wanted.metric is None or wanted.metric.measure is None:
        return plan
    if margin.shape[1] == 1:
        return _at_margin(plan, best_margin(wanted.metric.measure, margin[:, 0], y, weights))
    offsets = best_offsets(wanted.metric, margin, y, weights)
    return msgspec.structs.replace(plan, offsets=tuple(offsets.tolist()))


def labels_by(decision: Decision, margin: Doubles, amounts: Amounts) -> Ints:
    """The class numbers [N] for calibrated margins [N, 1] (log-odds) or [N, K]."""
    return np.asarray(preferences(decision, margin, amounts).argmax(axis=1), dtype=np.int64)


def preferences(decision: Decision, margin: Doubles, amounts: Amounts) -> Doubles:
    """What the label is the greatest of, [N, K]: margins plus offsets, or minus the expected costs."""
    wide = np.concatenate([np.zeros_like(margin), margin], axis=1) if margin.shape[1] == 1 else margin
    if _by_costs(decision):
        return -expected_costs(decision, softmax(wide), amounts)
    return wide + np.array(decision.offsets) if decision.offsets else wide


def expected_costs(decision: Decision, probability: Doubles, amounts: Amounts) -> Doubles:
    """What each class would cost if it were the answer, [N, K], under the probabilities [N, K]."""
    total = np.asarray(probability @ np.array(decision.costs))
    for one in decision.amounts:
        total += _clean(amounts[one.column], one)[:, None] * (probability @ _cells(one, probability.shape[1]))
    return np.asarray(total)


def costs_of(decision: Decision, y: Ints, labels: Ints, amounts: Amounts) -> Doubles:
    """What the labels cost each row [N], now that the truth is known."""
    matrix = np.array(decision.costs)
    total = matrix[y, labels]
    for one in decision.amounts:
        total = total + _clean(amounts[one.column], one) * _cells(one, len(matrix))[y, labels]
    return np.asarray(total)


def label_nodes(
    g: GraphBuilder, decision: Decision, margin: str, probability: str, columns: Mapping[str, str]
) -> str:
    """The class numbers int64 [N] from `margin` and `probability`, both double [N, K].

    `columns` has a double [N, 1] for each column of amounts.
    """
    if not _by_costs(decision):
        chosen = (
            g.node("Add", margin, g.constant(np.array([decision.offsets]))) if decision.offsets else margin
        )
        return g.node("ArgMax", chosen, axis=1, keepdims=0)
    total = g.node("MatMul", probability, g.constant(np.array(decision.costs)))
    for one in decision.amounts:
        raw = columns[one.column]
        known = g.node("Max", raw, g.constant(0.0))
        amount = g.node("Where", g.node("IsNaN", raw), g.constant(one.instead), known)
        cells = g.constant(_cells(one, len(decision.costs)))
        total = g.node("Add", total, g.node("Mul", amount, g.node("MatMul", probability, cells)))
    return g.node("ArgMax", g.node("Neg", total), axis=1, keepdims=0)


def for_costs(plan: Decision) -> Decision:
    """`plan` with the threshold of its constant costs, where two classes have no amounts.

    Answering yes is cheaper where p > (fp - tn) / (fp - tn + fn - tp); Elkan, "The foundations of
    cost-sensitive learning" (2001).

    >>> for_costs(Decision(rule="costs", costs=((0.0, 20.0), (500.0, 0.0)))).threshold
    0.038461538461538464
    """
    costs = np.array(plan.costs)
    if plan.amounts or len(costs) > 2:
        return plan
    wrong_yes, wrong_no = costs[0, 1] - costs[0, 0], costs[1, 0] - costs[1, 1]
    return at_threshold(plan, float(wrong_yes / (wrong_yes + wrong_no)))


def at_threshold(plan: Decision, threshold: float) -> Decision:
    """`plan` that answers the second of two classes where its probability is above `threshold`."""
    return msgspec.structs.replace(
        plan, offsets=(0.0, -math.log(threshold / (1 - threshold))), threshold=threshold
    )


def _at_margin(plan: Decision, margin: float) -> Decision:
    threshold = float(sigmoid(np.array([margin]))[0, 1])
    return msgspec.structs.replace(plan, offsets=(0.0, -margin), threshold=threshold)


def _by_costs(decision: Decision) -> bool:
    return decision.rule == "costs" and not decision.offsets


def _cells(one: AmountCost, classes: int) -> Doubles:
    cells = np.zeros((classes, classes))
    for actual, predicted in one.cells:
        cells[actual, predicted] = 1.0
    return cells


def _clean(amounts: Doubles, one: AmountCost) -> Doubles:
    return np.asarray(np.where(np.isnan(amounts), one.instead, np.maximum(amounts, 0.0)))
