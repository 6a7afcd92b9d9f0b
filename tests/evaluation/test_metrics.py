"""Metrics against values from scikit-learn's documentation, by hand, and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlwright.base.errors import Misuse, UnknownName
from mlwright.evaluation.asked import metric_of
from mlwright.evaluation.metrics import (
    DEFAULT,
    METRICS,
    confusion,
    default_metric,
    error_of,
    labels_of,
)

Y = np.array([0, 0, 1, 1])
P = np.array([0.1, 0.4, 0.35, 0.8])


def two(p):
    return np.column_stack([1 - np.asarray(p), np.asarray(p)])


def value(name, y, output, weights=None):
    return METRICS[name].function(np.asarray(y), np.asarray(output), weights)


# Values printed in scikit-learn's documentation of each function.
@pytest.mark.parametrize(
    ("name", "y", "output", "expected"),
    [
        ("roc_auc", Y, two(P), 0.75),
        ("average_precision", Y, two(P), 0.8333333333),
        ("log_loss", [1, 0, 0, 1], [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]], 0.2161618),
        ("brier", [0, 1, 1, 0], two([0.1, 0.9, 0.8, 0.3]), 0.0375),
        ("brier", [0, 1, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]], 0.1466666667),
        ("accuracy", [0, 1, 2, 3], [0, 2, 1, 3], 0.5),
        ("balanced_accuracy", [0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], 0.625),
        ("f1", [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 0.2666666667),
        ("mcc", [1, 1, 1, 0], [1, 0, 1, 1], -0.3333333333),
        ("rmse", [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], 0.6123724357),
        ("mae", [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], 0.5),
        ("r2", [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], 0.9486081370),
        ("median_absolute_error", [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], 0.5),
        ("mape", [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], 0.3273809524),
        ("rmsle", [3.0, 5.0, 2.5, 7.0], [2.5, 5.0, 4.0, 8.0], math.sqrt(0.039730122)),
    ],
)
def test_a_metric_has_the_value_that_the_reference_documents(name, y, output, expected):
    assert value(name, y, output) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_whole_weights_mean_repeated_rows(name):
    random = np.random.default_rng(3)
    metric, n = METRICS[name], 60
    weights = random.integers(0, 4, n)
    for task in metric.tasks:
        if task == "regression":
            y, output = random.exponential(2, n).round(1), random.exponential(2, n).round(1)
        else:
            classes = 2 if task == "binary" else 4
            y, output = random.integers(0, classes, n), random.dirichlet(np.ones(classes), n).round(1) + 1e-3
        repeated = metric.function(np.repeat(y, weights), np.repeat(output, weights, axis=0))
        assert metric.function(y, output, weights.astype(float)) == pytest.approx(repeated, rel=1e-12)
        plain = metric.function(y, output)
        assert metric.function(y, output, np.full(n, 2.5)) == pytest.approx(plain, rel=1e-12)


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    random = np.random.default_rng(0)
    y, s = random.integers(0, 2, 200), random.integers(0, 12, 200) / 12
    pairs = np.sign(s[y == 1][:, None] - s[y == 0][None, :])
    assert value("roc_auc", y, two(s)) == pytest.approx((pairs.mean() + 1) / 2, rel=1e-12)


def test_roc_auc_of_many_classes_is_the_mean_of_each_against_the_rest():
    random = np.random.default_rng(1)
    y, p = random.integers(0, 3, 90), random.dirichlet([1, 1, 1], 90)
    each = [value("roc_auc", y == k, two(p[:, k])) for k in range(3)]
    assert value("roc_auc", y, p) == pytest.approx(np.mean(each), rel=1e-12)


def test_average_precision_equals_its_definition_with_ties():
    random = np.random.default_rng(2)
    y, s = random.integers(0, 2, 80), random.integers(0, 9, 80) / 9
    total, reached = 0.0, 0.0
    for threshold in np.unique(s)[::-1]:
        above = s >= threshold
        recall = y[above].sum() / y.sum()
        total, reached = total + (recall - reached) * y[above].mean(), recall
    assert value("average_precision", y, two(s)) == pytest.approx(total, rel=1e-12)


def test_metrics_agree_with_scikit_learn_where_it_is_installed():
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    random = np.random.default_rng(5)
    n, w = 300, random.random(300)
    y, p = random.integers(0, 4, n), random.dirichlet(np.ones(4), n)
    yhat = p.argmax(1)
    assert value("roc_auc", y, p, w) == pytest.approx(
        sk.roc_auc_score(y, p, multi_class="ovr", sample_weight=w)
    )
    assert value("log_loss", y, p, w) == pytest.approx(sk.log_loss(y, p, sample_weight=w))
    assert value("f1", y, p, w) == pytest.approx(sk.f1_score(y, yhat, average="macro", sample_weight=w))
    assert value("mcc", y, p, w) == pytest.approx(sk.matthews_corrcoef(y, yhat, sample_weight=w))
    assert value("average_precision", y > 1, two(p[:, 0]), w) == pytest.approx(
        sk.average_precision_score(y > 1, p[:, 0], sample_weight=w)
    )


def test_labels_are_the_likeliest_class_and_f1_macro_knows_classes_that_nobody_predicted():
    p = np.array([[0.5, 0.5, 0.0], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]])
    assert labels_of(p).tolist() == [0, 1, 0]
    assert labels_of(two([0.5, 0.6])).tolist() == [0, 1]
    # Three classes, one absent from truth and guess: the mean over the two that occur, not f1 of class 1.
    assert value("f1", [0, 1, 1], p) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert confusion(np.array([0, 1, 1]), p, 3).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_undefined_values_are_nan_not_guesses():
    assert math.isnan(value("roc_auc", [1, 1], two([0.2, 0.4])))
    assert math.isnan(value("average_precision", [0, 0], two([0.2, 0.4])))
    for name, metric in METRICS.items():
        output = np.zeros((0, 2)) if metric.needs != "prediction" else np.zeros(0)
        assert math.isnan(value(name, np.zeros(0, dtype=int), output)), name


def test_an_impossible_prediction_costs_much_but_not_infinitely_much_in_log_loss():
    assert value("log_loss", [1], [[1.0, 0.0]]) == pytest.approx(-math.log(np.finfo(float).eps))
    assert value("rmsle", [1.0], [-1.0]) == math.inf
    assert math.isnan(value("rmsle", [-2.0], [1.0]))


def test_traps_are_told():
    assert "2 true values" in METRICS["mape"].trap(np.array([0.0, 0.0, 5.0]))
    assert METRICS["mape"].trap(np.array([1.0, 5.0])) == ""
    assert "1 true values are negative" in METRICS["rmsle"].trap(np.array([-1.0, 5.0]))


def test_every_task_has_its_default_and_its_error_is_zero_at_best():
    for task, name in DEFAULT.items():
        assert default_metric(task) is metric_of(name, task)
    y = np.array([0, 1, 2, 1])
    perfect = np.eye(3)[y]
    for metric in METRICS.values():
        best = (y + 1.0, y + 1.0) if "regression" in metric.tasks else (y, perfect)
        assert error_of(metric, metric.function(*best)) == pytest.approx(0, abs=1e-12), metric.name


def test_a_wrong_name_gets_the_near_miss_and_a_wrong_task_the_choice():
    with pytest.raises(UnknownName, match="did you mean 'roc_auc'"):
        metric_of("roc_acu", "binary")
    with pytest.raises(Misuse, match=r"does not measure regression.*rmse, mae"):
        metric_of("roc_auc", "regression")


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(Misuse, match="2 true values and 3 predicted"):
        value("rmse", [1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(Misuse, match="needs a probability"):
        value("roc_auc", [0, 1], [0.2, 0.3])
    with pytest.raises(Misuse, match="not numbers"):
        value("rmse", [1.0, 2.0], [1.0, np.nan])
