"""Labels are the decision that was asked for, in numpy and in the graph alike."""

import numpy as np
import pytest

from mlwright.base.decision import LIKELIEST, AmountCost, Decision
from mlwright.base.errors import DataProblem
from mlwright.evaluation import thresholds
from mlwright.evaluation.decision import (
    Wanted,
    at_threshold,
    costs_of,
    decide,
    expected_costs,
    for_costs,
    label_nodes,
    labels_by,
)
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.outcomes import Judged, outcomes_of
from mlwright.evaluation.thresholds import alert_margin, best_margin, best_offsets
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.statistics.links import sigmoid, softmax


def log_odds(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated log-odds of a rare class, and what came of them."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 2, n)
    return margin, (rng.random(n) < sigmoid(margin)[:, 1]).astype(np.int64)


def in_graph(decision: Decision, margin: np.ndarray, amounts: dict[str, np.ndarray]) -> np.ndarray:
    g = GraphBuilder()
    wide = g.input("margin", "float64", margin.shape[1])
    columns = {name: g.input(name, "float64", 1) for name in amounts}
    g.output("label", label_nodes(g, decision, wide, g.node("Softmax", wide, axis=1), columns), "int64", None)
    feeds = {"margin": margin} | {name: values[:, None] for name, values in amounts.items()}
    return session(g.to_bytes()).run(None, feeds)[0]


def decisions() -> list[Decision]:
    amount = AmountCost(column="amount", instead=40.0, cells=((1, 0),))
    return [
        LIKELIEST,
        at_threshold(Decision(rule="threshold"), 0.07),
        for_costs(Decision(rule="costs", costs=((0.0, 20.0), (500.0, 5.0)))),
        Decision(rule="costs", costs=((0.0, 20.0), (1.0, 0.0)), amounts=(amount,)),
    ]


@pytest.mark.parametrize("decision", decisions(), ids=lambda d: d.rule)
def test_the_graph_decides_as_numpy_does(decision):
    margin, _ = log_odds(2_000)
    amount = np.random.default_rng(1).exponential(50, len(margin))
    amount[::7], amount[1::7] = np.nan, -10.0
    amounts = {"amount": amount} if decision.amounts else {}
    wide = np.stack([np.zeros_like(margin), margin], axis=1)
    by_numpy = labels_by(decision, margin[:, None], amounts)
    assert np.array_equal(in_graph(decision, wide, amounts), by_numpy)
    assert 0 < by_numpy.mean() < 1


def test_costs_of_many_classes_are_decided_alike_in_the_graph():
    rng = np.random.default_rng(2)
    margin, costs = rng.normal(size=(500, 4)), rng.uniform(1, 50, (4, 4))
    np.fill_diagonal(costs, 0.0)
    decision = for_costs(Decision(rule="costs", costs=tuple(map(tuple, costs.tolist()))))
    labels = labels_by(decision, margin, {})
    assert np.array_equal(in_graph(decision, margin, {}), labels)
    expected = softmax(margin) @ costs
    assert np.array_equal(labels, expected.argmin(axis=1)) and not np.array_equal(
        labels, margin.argmax(axis=1)
    )


def test_the_label_is_what_costs_least_in_expectation():
    margin, _ = log_odds(3_000)
    probability = sigmoid(margin)
    decision = for_costs(Decision(rule="costs", costs=((0.0, 20.0), (500.0, 0.0))))
    assert decision.threshold == pytest.approx(20 / 520)
    labels = labels_by(decision, margin[:, None], {})
    assert np.array_equal(labels, expected_costs(decision, probability, {}).argmin(axis=1))
    amount = np.random.default_rng(3).exponential(300, len(margin))
    by_row = Decision(
        rule="costs",
        costs=((0.0, 20.0), (0.0, 0.0)),
        amounts=(AmountCost(column="amount", instead=1.0, cells=((1, 0),)),),
    )
    labels = labels_by(by_row, margin[:, None], {"amount": amount})
    assert np.array_equal(labels == 1, probability[:, 1] * amount > (1 - probability[:, 1]) * 20)


@pytest.mark.parametrize("name", ["f1", "mcc", "balanced_accuracy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_threshold_for_a_metric_is_the_best_there_is_where_only_counts_are_heeded(
    name, weighted, monkeypatch
):
    monkeypatch.setattr(thresholds, "FORETOLD", 0.0)
    margin, y = log_odds(400)
    metric = METRICS[name]
    weights = np.random.default_rng(5).integers(1, 6, len(y)).astype(float) if weighted else None
    cut = best_margin(metric.measure, margin, y, weights)

    def value(at: float) -> float:
        return metric.function(y, (margin > at).astype(np.int64), weights)

    assert value(cut) == pytest.approx(max(value(at) for at in margin - 1e-9), abs=1e-12)


def test_a_foretold_threshold_for_f1_is_half_of_the_best_f1():
    # Lipton, Elkan and Naryanaswamy (2014), theorem 1.
    margin, y = log_odds(200_000)
    cut = best_margin(METRICS["f1"].measure, margin, y)
    f1 = METRICS["f1"].function(y, (margin > cut).astype(np.int64))
    assert sigmoid(np.array([cut]))[0, 1] == pytest.approx(f1 / 2, abs=0.02)


def test_a_constant_margin_has_one_answer():
    assert best_margin(METRICS["f1"].measure, np.zeros(20), np.arange(20) % 2) == 0.0


def test_offsets_for_many_classes_raise_the_metric_that_they_are_for():
    rng = np.random.default_rng(4)
    prior = np.log([0.9, 0.07, 0.03])
    margin = rng.normal(size=(6_000, 3)) * 1.5 + prior
    y = np.array([rng.choice(3, p=p) for p in softmax(margin)])
    half = len(y) // 2
    for name in ("f1", "balanced_accuracy", "mcc"):
        offsets = best_offsets(METRICS[name], margin[:half], y[:half])
        plain = METRICS[name].function(y[half:], margin[half:].argmax(axis=1))
        moved = METRICS[name].function(y[half:], (margin[half:] + offsets).argmax(axis=1))
        assert moved > plain + 0.005, name


def test_a_class_of_a_few_rows_moves_no_line():
    rng = np.random.default_rng(6)
    margin = rng.normal(size=(300, 3))
    y = margin[:, :2].argmax(axis=1)
    y[:3] = 2
    margin[:, 2] -= 3
    moved = margin + best_offsets(METRICS["f1"], margin, y)
    assert (moved.argmax(axis=1) == 2).sum() <= (margin.argmax(axis=1) == 2).sum() + 1


def test_alerts_keep_to_their_allowance_on_rows_not_seen():
    shares = []
    for seed in range(400):
        margin = np.random.default_rng(seed).normal(size=300)
        line = alert_margin(margin[:100], 0.05)
        shares.append((margin[100:] > line).mean())
    assert 0.04 < np.mean(shares) <= 0.05 + 3 * np.std(shares) / 20


def test_rows_that_weigh_more_are_more_alerts():
    margin = np.arange(100.0)
    weights = np.where(margin >= 95, 4.0, 1.0)
    assert alert_margin(margin, 0.10, weights) > alert_margin(margin, 0.10)


def test_a_first_row_that_weighs_more_than_the_allowance_leaves_no_row_above_the_line():
    margin = np.arange(100.0)
    assert alert_margin(margin, 0.02, np.where(margin == 99, 9.0, 1.0)) == 99.0


def test_an_allowance_below_one_alert_in_the_rows_is_refused():
    with pytest.raises(DataProblem, match="not one of the 100"):
        alert_margin(np.arange(100.0), 0.005)


def test_the_line_of_alerts_is_an_order_statistic():
    decision = decide(
        Wanted(Decision(rule="alerts"), share=0.25), np.arange(19.0)[:, None], np.zeros(19, int)
    )
    assert labels_by(decision, np.array([[14.0], [14.5]]), {}).tolist() == [0, 1]


def test_what_a_decision_cost_is_measured_beside_other_ways():
    y, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    decision = for_costs(Decision(rule="costs", costs=((0.0, 20.0), (500.0, 7.0))))
    assert costs_of(decision, y, labels, {}).tolist() == [0.0, 20.0, 7.0, 500.0]
    ways = outcomes_of(decision, Judged(y, np.full((4, 1), -9.0), labels, ("no", "yes")))
    costs = {w.way: w.scores[0] for w in ways}
    assert list(costs) == ["as decided", "likeliest class", "always no", "always yes"]
    assert costs["as decided"].value == pytest.approx(527 / 4 * 1000)
    assert costs["always no"].value == pytest.approx(250_000) == costs["likeliest class"].value
    assert costs["as decided"].low <= costs["as decided"].value <= costs["as decided"].high
    more = {w.way: s.value for w in ways for s in w.scores if s.metric == "more_per_1000_rows"}
    assert more["always yes"] == pytest.approx((54 - 527) / 4 * 1000)


def test_the_likeliest_class_has_no_outcomes_of_its_own():
    assert (
        outcomes_of(LIKELIEST, Judged(np.array([0, 1]), np.zeros((2, 1)), np.array([0, 1]), ("a", "b"))) == ()
    )


def test_moving_rows_step_by_step_counts_as_counting_anew_does():
    rng = np.random.default_rng(8)
    truth, lead = rng.random((200, 4)), rng.normal(size=200)
    other = rng.integers(1, 4, 200)  # never the class that rows are moved to
    steps = np.array([-1.0, 0.0, 0.5])
    for step, matrix in zip(steps, thresholds._moved(truth, 0, other, lead, steps), strict=True):
        anew = thresholds._crossed(truth, np.where(lead + step > 0, 0, other))
        assert np.allclose(matrix, anew)
