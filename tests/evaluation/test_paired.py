"""Paired tests: what they say agrees with the books, chance is not taken for a difference, and rows that
belong together count together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.base.comparison import ALIKE
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.paired import _even_odds, gain, rows_to_tell

SLOW = ("average_precision", "f1", "mcc")
"""By the bootstrap."""


def two_classes(n: int, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes, and probabilities of two models that see the same thing, each with noise of its own."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * seen))).astype(np.int64)

    def answers() -> np.ndarray:
        p = 1 / (1 + np.exp(-2 * (seen + noise * rng.normal(size=n))))
        return np.stack([1 - p, p], axis=1)

    return y, answers(), answers()


def test_a_mean_of_losses_is_tested_as_students_paired_t_test_does():
    y, a, b = two_classes(300, 0)
    found = gain(METRICS["brier"], y, a, b)
    losses = [(p[:, 1] - y) ** 2 for p in (a, b)]
    known = stats.ttest_rel(*losses)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)
    low, high = known.confidence_interval()
    assert (found.value, found.low, found.high) == pytest.approx(
        (float(np.mean(losses[0] - losses[1])), low, high)
    )
    assert found.method == "Student's t, paired"


def test_accuracy_is_tested_by_mcnemar():
    y, a, b = two_classes(200, 1)
    right_a, right_b = (p.argmax(axis=1) == y for p in (a, b))
    won, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    found = gain(METRICS["accuracy"], y, a, b)
    assert found.p_value == pytest.approx(stats.binomtest(won, won + lost).pvalue)
    assert found.value == pytest.approx((won - lost) / 200)
    # Agresti and Min: as if each of the four ways to be right had been seen half a row more often.
    middle = (won - lost) / 202
    half = stats.norm.ppf(0.975) * np.sqrt(((won + lost + 1) / 202 - middle**2) / 202)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), rel=1e-6)


def test_the_error_of_a_difference_of_auc_is_what_drawing_rows_again_shows():
    y, a, b = two_classes(400, 2)
    found = gain(METRICS["roc_auc"], y, a, b)
    rng, auc = np.random.default_rng(0), METRICS["roc_auc"].function
    drawn = []
    for _ in range(400):
        i = rng.integers(0, 400, 400)
        drawn.append(auc(y[i], b[i]) - auc(y[i], a[i]))
    assert found.value == pytest.approx(auc(y, b) - auc(y, a))
    assert (found.high - found.low) / (2 * 1.966) == pytest.approx(np.std(drawn), rel=0.1)


@pytest.mark.parametrize(
    "name", ["log_loss", "roc_auc", "accuracy", *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)]
)
def test_two_models_that_are_as_good_are_told_apart_by_chance_alone(name):
    told = sum(gain(METRICS[name], *two_classes(150, seed)).verdict != "unclear" for seed in range(200))
    # Five in a hundred are to be expected; 20 of 200 is beyond the 99.9th hundredth of that.
    assert told <= stats.binom.ppf(0.999, 200, 0.05)


@pytest.mark.parametrize("name", ["rmse", "mae", "r2", "median_absolute_error"])
def test_a_better_model_of_numbers_is_told_whichever_way_the_metric_goes(name):
    rng = np.random.default_rng(3)
    y = rng.normal(size=500)
    good, bad = y + 0.5 * rng.normal(size=500), y + rng.normal(size=500)
    assert gain(METRICS[name], y, bad, good).verdict == "better"
    assert gain(METRICS[name], y, good, bad).verdict == "worse"
    assert gain(METRICS[name], y, good, bad).value == pytest.approx(-gain(METRICS[name], y, bad, good).value)


def test_pairing_tells_apart_what_two_intervals_do_not():
    rng = np.random.default_rng(4)
    y = rng.normal(size=300) * 3
    hard = rng.normal(size=300)
    a, b = y + hard + 0.1, y + hard * 0.97
    one, two = (METRICS["mae"].losses(y, p) for p in (a, b))
    assert stats.ttest_ind(one, two).pvalue > 0.2
    assert gain(METRICS["mae"], y, a, b).p_value < 0.01


def test_rows_of_one_group_are_one_witness():
    y, a, b = two_classes(80, 5)
    alone = gain(METRICS["log_loss"], y, a, b)
    tenfold = [np.tile(x, (10,) if x.ndim == 1 else (10, 1)) for x in (y, a, b)]
    grouped = gain(METRICS["log_loss"], *tenfold, groups=np.tile(np.arange(80), 10))
    assert grouped.p_value == pytest.approx(alone.p_value, rel=1e-6)
    assert gain(METRICS["log_loss"], *tenfold).p_value < alone.p_value
    assert "by group" in grouped.method


def test_rows_of_one_group_are_drawn_together_where_chance_is_drawn():
    y, a, b = two_classes(120, 6)
    copies = [np.concatenate([v] * 5) for v in (y, a, b)]
    together = gain(METRICS["average_precision"], *copies, groups=np.tile(np.arange(120), 5))
    apart = gain(METRICS["average_precision"], *copies)
    assert together.high - together.low > 1.8 * (apart.high - apart.low)
    assert together.method.endswith("by group")


def test_no_difference_is_told_by_fewer_than_two_rows():
    assert rows_to_tell(1e6, 0.1, 10) == 2


def test_weights_count_as_so_many_rows_in_the_value():
    y, a, b = two_classes(100, 6)
    twice = np.concatenate([np.arange(100), np.arange(50)])
    weights = np.where(np.arange(100) < 50, 2.0, 1.0)
    for name in ("log_loss", "roc_auc", "accuracy", "f1"):
        by_weight = gain(METRICS[name], y, a, b, weights=weights)
        assert by_weight.value == pytest.approx(gain(METRICS[name], y[twice], a[twice], b[twice]).value)


def test_answers_that_do_not_differ_are_said_to_be_alike():
    y, a, _ = two_classes(60, 7)
    found = gain(METRICS["roc_auc"], y, a, a.copy())
    assert (found.method, found.verdict, found.rows_to_tell) == (ALIKE, "unclear", None)
    assert gain(METRICS["accuracy"], y, a, a**0.9).method == ALIKE


def test_a_metric_that_is_undefined_has_no_gain():
    y, a, b = two_classes(60, 8)
    assert gain(METRICS["roc_auc"], np.zeros_like(y), a, b) is None


def test_as_many_rows_as_are_said_to_be_needed_tell_the_difference_four_times_in_five():
    rng = np.random.default_rng(9)

    def once(n: int) -> object:
        y = rng.normal(size=n)
        return gain(METRICS["mae"], y, y + 1.1 * rng.normal(size=n), y + rng.normal(size=n))

    needed = int(
        np.median([rows_to_tell(0.0798, (g.high - g.low) / 3.92, 2_000) for g in map(once, [2_000] * 9)])
    )
    told = np.mean([once(needed).verdict == "better" for _ in range(300)])
    assert 0.7 < told < 0.9


@pytest.mark.parametrize(("won", "lost"), [(0, 1), (3, 3), (7, 8), (1, 12), (40, 25), (0, 60), (900, 800)])
def test_odds_are_those_of_the_exact_test(won, lost):
    expected = stats.binomtest(won, won + lost).pvalue
    assert _even_odds(won, lost) == _even_odds(lost, won) == pytest.approx(expected, rel=1e-14)
