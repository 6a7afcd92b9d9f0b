"""Scores with intervals: the right method is chosen, holds its coverage, and says when it cannot know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlwright.base.errors import Misuse
from mlwright.evaluation.intervals import all_scores, score
from mlwright.evaluation.metrics import METRICS
from mlwright.statistics.intervals import wilson


def two(p):
    return np.column_stack([1 - np.asarray(p), np.asarray(p)])


def binary(n, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    p = 1 / (1 + np.exp(-x))
    return (random.random(n) < p).astype(np.int64), two(p)


def test_each_metric_gets_the_method_that_fits_it():
    y, p = binary(400, 0)
    methods = {s.metric: s.method for s in all_scores("binary", "f1", y, p)}
    assert next(iter(methods)) == "f1"
    assert methods["roc_auc"] == "DeLong"
    assert methods["accuracy"] == "Wilson"
    assert methods["log_loss"] == methods["brier"] == "Student's t"
    assert methods["average_precision"] == methods["mcc"] == "bootstrap, 1000 draws"
    assert set(methods) == {m.name for m in METRICS.values() if "binary" in m.tasks}


def test_every_interval_holds_its_value_and_the_accuracy_is_wilsons():
    y, p = binary(300, 1)
    for s in all_scores("binary", "roc_auc", y, p):
        assert s.low <= s.value <= s.high
        assert s.low < s.high
        assert s.rows == 300
    hits = ((p[:, 1] > 0.5) == y).sum()
    accuracy = score(METRICS["accuracy"], y, p)
    assert (accuracy.low, accuracy.high) == pytest.approx(wilson(hits, 300)[1:])


def test_the_same_seed_gives_the_same_scores():
    y, p = binary(200, 2)
    assert all_scores("binary", "mcc", y, p, seed=4) == all_scores("binary", "mcc", y, p, seed=4)
    assert score(METRICS["mcc"], y, p, seed=4) != score(METRICS["mcc"], y, p, seed=5)


def test_rows_that_repeat_in_groups_make_intervals_wider():
    y, p = binary(100, 3)
    y9, p9, groups = np.repeat(y, 9), np.repeat(p, 9, axis=0), np.repeat([f"g{i}" for i in range(100)], 9)
    alone = {s.metric: s for s in all_scores("binary", "roc_auc", y, p)}
    for s in all_scores("binary", "roc_auc", y9, p9, groups=groups):
        single = alone[s.metric]
        assert s.method.endswith(", by group")
        # Nine copies hold no more information than one: the width is that of the rows counted once.
        assert s.high - s.low == pytest.approx(single.high - single.low, rel=0.15), s.metric


def test_blocks_of_time_are_taken_as_dependent_and_not_together_with_groups():
    y, p = binary(100, 3)
    blocks = np.arange(100) // 10
    assert score(METRICS["rmse"], y * 1.0, p[:, 1], blocks=blocks).method == "Student's t, by stretch of time"
    with pytest.raises(Misuse, match="not both"):
        score(METRICS["roc_auc"], y, p, groups=blocks, blocks=blocks)


def test_one_group_alone_is_said_to_be_taken_as_independent_rows():
    y, p = binary(100, 3)
    assert "want of a second group" in score(METRICS["roc_auc"], y, p, groups=np.zeros(100)).method


def test_perfect_answers_on_few_rows_are_not_called_certain():
    y = np.repeat([0, 1], 10)
    for s in all_scores("binary", "roc_auc", y, two(y * 0.98 + 0.01)):
        if s.greater_is_better:
            assert s.value == 1.0
            assert 0.6 < s.low < 0.9, s.metric


def test_one_row_has_a_value_without_an_interval_and_says_so():
    [s] = [s for s in all_scores("regression", "rmse", np.array([1.0]), np.array([3.0])) if s.metric == "mae"]
    assert (s.value, s.low, s.high, s.method) == (2, 2, 2, "none: too few rows")


def test_metrics_that_mislead_or_are_undefined_are_left_out_unless_asked_for():
    y, guess = np.array([0.0, -1.0, 2.0, 3.0]), np.array([0.5, 0.5, 2.0, 2.0])
    assert not {"mape", "rmsle"} & {s.metric for s in all_scores("regression", "rmse", y, guess)}
    assert all_scores("regression", "mape", y, guess)[0].value > 1e10
    one_class = all_scores("binary", "roc_auc", np.ones(5, dtype=int), two(np.full(5, 0.7)))
    assert one_class[0].metric == "roc_auc" and math.isnan(one_class[0].value)
    assert one_class[0].method == "undefined on these rows"
    assert "average_precision" not in {s.metric for s in one_class}


def test_a_metric_with_endless_or_unknown_losses_is_undefined_and_left_out():
    y, guess = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.5, 3.0])
    for weights in (None, np.array([1.0, 0.0, 1.0])):
        assert "rmsle" not in {s.metric for s in all_scores("regression", "rmse", y, guess, weights=weights)}
        s = score(METRICS["rmsle"], y, guess, weights=weights)
        assert (s.value, s.method) == (math.inf, "undefined on these rows")
    assert math.isnan(score(METRICS["rmsle"], np.array([-2.0, 1.0]), np.array([-2.0, 1.0])).value)


@pytest.mark.parametrize("rows", [12, 400])
@pytest.mark.parametrize("groups", [None, 4])
def test_one_answer_for_all_rows_has_exact_values_without_an_interval(rows, groups):
    y = np.arange(rows) % 3 % 2
    of_group = None if groups is None else np.arange(rows) % groups
    scores = {
        s.metric: s for s in all_scores("binary", "roc_auc", y, two(np.full(rows, 0.3)), groups=of_group)
    }
    for name, value in (("roc_auc", 0.5), ("balanced_accuracy", 0.5), ("mcc", 0.0)):
        s = scores[name]
        assert (s.value, s.low, s.high, s.method) == (value, value, value, "none: one answer for all rows")
    assert scores["accuracy"].low < scores["accuracy"].value < scores["accuracy"].high
    thirds = score(METRICS["roc_auc"], np.arange(rows) % 3, np.full((rows, 3), 1 / 3))
    assert (thirds.low, thirds.high, thirds.method) == (0.5, 0.5, "none: one answer for all rows")


def test_answers_that_are_all_wrong_on_few_rows_are_not_called_certain():
    y = np.repeat([0, 1], 10)
    scores = {s.metric: s for s in all_scores("binary", "f1", y, two(0.99 - y * 0.98))}
    assert (scores["f1"].value, scores["balanced_accuracy"].value, scores["mcc"].value) == (0, 0, -1)
    assert 0.1 < scores["f1"].high < 0.4 and 0.1 < scores["balanced_accuracy"].high < 0.4
    assert -0.9 < scores["mcc"].high < -0.6


def test_rows_with_the_same_error_say_nothing_about_others():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    for s in all_scores("regression", "mae", y, y + 0.5):
        if s.metric in ("mae", "rmse", "median_absolute_error"):
            assert (s.low, s.high, s.method) == (0.5, 0.5, "none: all rows alike")


def test_weights_move_the_value_and_shrink_what_the_rows_are_worth():
    y, p = binary(300, 5)
    weights = np.where(np.arange(300) < 30, 50.0, 1.0)
    plain = {s.metric: s for s in all_scores("binary", "roc_auc", y, p)}
    for s in all_scores("binary", "roc_auc", y, p, weights=weights):
        assert s.high - s.low > plain[s.metric].high - plain[s.metric].low


def test_the_mean_over_classes_has_an_interval_near_the_bootstraps():
    random = np.random.default_rng(8)
    y = random.integers(0, 3, 300)
    p = random.dirichlet([1, 1, 1], 300) + np.eye(3)[y] * 0.4
    p /= p.sum(1, keepdims=True)
    by_formula = score(METRICS["roc_auc"], y, p)
    metric = METRICS["roc_auc"].on(y, p)
    draws = [metric(np.bincount(random.integers(0, 300, 300), minlength=300) * 1.0) for _ in range(400)]
    assert (by_formula.high - by_formula.low) / 3.92 == pytest.approx(np.std(draws), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "accuracy", "f1", "mcc"])
def test_ninety_five_percent_intervals_hold_the_truth_that_often(name):
    y, p = binary(400_000, 99)
    truth, held, trials = METRICS[name].function(y, p), 0, 300
    for seed in range(trials):
        s = score(METRICS[name], *binary(250, seed), seed=seed)
        held += s.low <= truth <= s.high
    assert 0.91 <= held / trials <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rmse", "mae", "r2", "median_absolute_error"])
def test_intervals_by_group_hold_the_truth_that_often(name):
    def clustered(groups, seed):
        random = np.random.default_rng(seed)
        group = np.repeat(np.arange(groups), 5)
        shift = random.normal(size=groups)[group]
        x = random.normal(size=len(group))
        return x + shift + random.normal(size=len(group)), x, group

    y, x, _ = clustered(100_000, 1)
    truth, held, trials = METRICS[name].function(y, x), 0, 300
    for seed in range(trials):
        y, x, group = clustered(60, seed)
        s = score(METRICS[name], y, x, groups=group, seed=seed)
        held += s.low <= truth <= s.high
    assert 0.90 <= held / trials <= 0.99
