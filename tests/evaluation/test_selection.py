"""Choosing the best of many flatters, and the correction takes that off: no less, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.base.score import Score
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.selection import corrected, flattery

MAE, AUC = METRICS["mae"], METRICS["roc_auc"]


def alike(n: int, candidates: int, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers, and candidates that all err by as much in truth."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return y, [y + rng.normal(size=n) for _ in range(candidates)]


def test_the_best_of_twenty_that_are_alike_is_corrected_to_what_all_of_them_are_worth():
    true = np.sqrt(2 / np.pi)
    seen, mended = [], []
    for seed in range(60):
        y, outputs = alike(150, 20, seed)
        best = min(MAE.function(y, o) for o in outputs)
        seen.append(best - true)
        mended.append(best + flattery(MAE, y, outputs, seed=seed) - true)
    assert np.mean(seen) < -0.06
    assert abs(np.mean(mended)) < 0.2 * abs(np.mean(seen))


def test_one_that_is_clearly_best_is_not_corrected():
    y, outputs = alike(300, 6, 0)
    assert flattery(MAE, y, [y + 0.2 * (outputs[0] - y), *outputs[1:]]) == 0.0


def test_rankings_are_corrected_too():
    rng = np.random.default_rng(1)
    chance, mended = [], []
    for seed in range(30):
        y = (rng.random(120) < 0.5).astype(np.int64)
        outputs = [np.stack([1 - p, p], axis=1) for p in rng.random((15, 120))]
        best = max(AUC.function(y, o) for o in outputs)
        chance.append(best)
        mended.append(best - flattery(AUC, y, outputs, seed=seed))
    assert np.mean(chance) > 0.58 and np.mean(mended) == pytest.approx(0.5, abs=0.02)


def test_rows_of_one_group_choose_and_judge_together():
    y, outputs = alike(40, 10, 2)
    groups = np.repeat(np.arange(40), 5)
    fivefold = [np.repeat(o, 5) for o in outputs]
    by_group = flattery(MAE, np.repeat(y, 5), fivefold, clusters=groups)
    assert by_group > 3 * flattery(MAE, np.repeat(y, 5), fivefold)


def test_rows_that_hardly_weigh_do_not_choose():
    y, outputs = alike(400, 10, 4)
    heavy = np.arange(400) < 200
    same = [np.where(heavy, outputs[0], o) for o in outputs]
    assert flattery(MAE, y, same) > 0.01
    assert flattery(MAE, y, same, weights=np.where(heavy, 1.0, 1e-6)) < 1e-4


def test_a_score_is_moved_to_the_worse_side_whichever_way_its_metric_goes():
    known = {"value": 0.8, "low": 0.7, "high": 0.9, "rows": 50, "method": "DeLong"}
    auc = corrected(Score(metric="roc_auc", greater_is_better=True, **known), 0.05)
    loss = corrected(Score(metric="log_loss", greater_is_better=False, **known), 0.05)
    assert (auc.value, auc.low, auc.high) == pytest.approx((0.75, 0.65, 0.85))
    assert loss.value == pytest.approx(0.85) and "corrected for the choice" in loss.method


def test_a_metric_that_is_undefined_on_some_draws_does_not_stop_it():
    y = np.array([0, 0, 0, 0, 0, 1])
    outputs = [np.stack([1 - p, p], axis=1) for p in np.random.default_rng(3).random((4, 6))]
    assert flattery(AUC, y, outputs) >= 0.0
    assert flattery(AUC, np.zeros(6, dtype=np.int64), outputs) == 0.0
