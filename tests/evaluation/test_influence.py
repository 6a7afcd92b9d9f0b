"""A row's influence is how the metric moves with its weight: the derivative, told by formula."""

import numpy as np
import pytest

from mlwright.evaluation.influence import influence
from mlwright.evaluation.metrics import METRICS

STEP = 1e-5
ROWS = 60


def answered(metric, seed=0):
    """Truths and answers such as the metric takes, that are neither right nor without a pattern."""
    rng = np.random.default_rng(seed)
    if metric.needs == "prediction":
        y = rng.gamma(2.0, 3.0, ROWS)
        return y, y * rng.lognormal(0.1, 0.4, ROWS)
    y = rng.integers(0, 2, ROWS)
    p = np.clip(0.5 + 0.2 * (y - 0.5) + rng.normal(0, 0.2, ROWS), 0.05, 0.95)
    return y, np.stack([1 - p, p], axis=1)


BY_FORMULA = [m for m in METRICS.values() if m.needs != "label" and (m.losses or m.name in ("r2", "roc_auc"))]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", BY_FORMULA, ids=lambda m: m.name)
def test_it_is_the_derivative_of_the_metric_by_the_rows_weight(metric, weighted):
    y, output = answered(metric)
    weights = np.random.default_rng(1).uniform(0.2, 3.0, ROWS) if weighted else np.ones(ROWS)
    value, rows = influence(metric, y, output, weights if weighted else None)
    assert value == pytest.approx(metric.function(y, output, weights))
    assert rows.sum() == pytest.approx(0.0, abs=1e-9 * np.abs(rows).max())
    for i in range(0, ROWS, 7):
        more, less = weights.copy(), weights.copy()
        more[i], less[i] = more[i] * (1 + STEP), less[i] * (1 - STEP)
        moved = metric.function(y, output, more) - metric.function(y, output, less)
        assert rows[i] == pytest.approx(moved / (2 * STEP), rel=1e-4, abs=1e-4 * np.abs(rows).max())


def test_where_a_metric_is_undefined_or_has_no_formula_there_is_none():
    y = np.array([3.0, 3.0, 3.0])
    assert influence(METRICS["r2"], y, y + 1, None) is None
    assert influence(METRICS["mcc"], np.array([0, 1]), np.array([0, 1]), None) is None
    assert influence(METRICS["rmse"], y, np.array([np.inf, 1.0, 2.0]), None) is None
