"""Weights: the better candidate gets more, an average that helps is found, and noise is left out."""

import numpy as np

from mlwright.evaluation.metrics import METRICS
from mlwright.learners import answer_of
from mlwright.training.ensemble import choose_weights


def as_it_is(margin):
    return margin


def two_classes(margin):
    return answer_of(margin, 2)


def test_two_candidates_with_independent_errors_are_averaged_and_noise_is_left_out():
    rng = np.random.default_rng(0)
    y = rng.normal(size=2000)
    first, second = y + rng.normal(size=2000), y + rng.normal(size=2000)
    noise = rng.normal(size=2000) * 5
    weights = choose_weights(METRICS["rmse"], y, [p[:, None] for p in (first, second, noise)], as_it_is)
    assert abs(weights.sum() - 1) < 1e-12 and weights[2] == 0
    assert 0.35 < weights[0] < 0.65


def test_the_best_stands_alone_where_nothing_helps_it():
    y = np.arange(500) % 2
    perfect = np.where(y == 1, 40.0, -40.0)[:, None]
    bad = np.zeros((500, 1))
    assert choose_weights(METRICS["log_loss"], y, [bad, perfect], two_classes).tolist() == [0, 1]


def test_constant_candidates_never_crowd_out_a_ranking():
    # A constant changes no ranking, so that greedy steps with it are free: it must not win by ties.
    rng = np.random.default_rng(1)
    y = (rng.random(800) < 0.3).astype(np.int64)
    good = (0.3 * y + rng.random(800) * 0.7)[:, None]
    weights = choose_weights(METRICS["roc_auc"], y, [np.zeros((800, 1)), good], two_classes)
    assert weights[1] > 0.5
