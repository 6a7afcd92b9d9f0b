"""What one column alone tells: as sharply in a small table as in a large one, and nothing by row order."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.checks.alone import by_bins, by_numbers, number_bins
from mlwright.checks.table import FOLDS, Sample
from mlwright.evaluation.metrics import METRICS


def sample(y: np.ndarray, seed: int = 0) -> Sample:
    folds = np.random.default_rng(seed).permutation(np.arange(len(y)) % FOLDS)
    return Sample(np.arange(len(y)), y, folds, len(y))


def auc(y: np.ndarray, predicted: np.ndarray) -> float:
    return METRICS["roc_auc"].function(y, predicted)


@pytest.mark.parametrize("rows", [150, 400, 2_000])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_number_that_gives_the_class_away_does_so_in_a_small_table_too(rows: int, classes: int) -> None:
    rng = np.random.default_rng(rows + classes)
    y = rng.integers(0, classes, rows)
    leak = y + rng.normal(0, 0.15, rows)
    assert auc(y, by_numbers(sample(y), leak)) > 0.998
    leak[rng.choice(rows, rows // 20, replace=False)] = np.nan
    assert auc(y, by_numbers(sample(y), leak)) > 0.95


def test_predictions_are_shares_and_change_steadily_with_the_number() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 600)
    x = y + rng.normal(0, 0.5, 600)
    predicted = by_numbers(sample(y), x)
    assert np.allclose(predicted.sum(axis=1), 1) and (predicted >= 0).all()
    stepped = by_bins(sample(y), number_bins(x))
    assert len(np.unique(predicted.round(12), axis=0)) > 5 * len(np.unique(stepped.round(12), axis=0))


def test_equal_numbers_get_equal_predictions_whatever_row_they_stand_in() -> None:
    y = np.sort(np.random.default_rng(2).integers(0, 2, 500))  # rows sorted by the target
    x = np.concatenate([np.full(400, 7.0), np.arange(100) % 50])[np.random.default_rng(3).permutation(500)]
    of_one_fold = Sample(np.arange(500), y, np.zeros(500, dtype=np.int64), 500)
    predicted = by_numbers(of_one_fold, x)
    assert all(len(np.unique(predicted[x == v].round(12), axis=0)) == 1 for v in np.unique(x))


def test_noise_tells_nothing() -> None:
    told = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 500)
        told.append(auc(y, by_numbers(sample(y, seed), rng.normal(size=500))))
    assert abs(np.mean(told) - 0.5) < 0.03 and max(told) < 0.62
