"""A fit tells how its probabilities held on unseen rows; `evaluate` tells the same of fresh ones."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw


def loans(seed, rows, lift=0.0):
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(50, 15, rows), rng.normal(20, 8, rows)
    odds = 0.12 * (debt - 20) - 0.06 * (income - 50) - 0.5 + lift
    defaulted = rng.random(rows) < 1 / (1 + np.exp(-odds))
    customer = [f"c{i}" for i in rng.integers(0, rows // 4, rows)]
    return pl.DataFrame({"income": income, "debt": debt, "customer": customer, "defaulted": defaulted})


@pytest.fixture(scope="module")
def model():
    return mw.fit(loans(0, 900), target="defaulted", group="customer", max_trials=2, seed=0)


def test_a_fit_says_how_probabilities_held(model):
    found = model.evaluation.reliability
    assert found.subject == "positive class" and sum(b.rows for b in found.bins) == 900
    assert found.slope.low < 1.2 and found.slope.high > 0.8 and found.p > 0.001
    assert "## Whether probabilities hold" in model.card and "Calibration slope" in model.card


def test_fresh_rows_of_another_rate_are_told_with_what_to_do(model):
    same, other = mw.evaluate(model, loans(1, 3000)), mw.evaluate(model, loans(2, 3000, lift=1.5))
    assert abs(same.reliability.intercept.value) < 0.4
    assert other.reliability.intercept.low > 0.8 and other.reliability.error.low > 0.1
    assert "fit again" in other.reliability.remedy


def test_groups_of_fresh_rows_are_not_taken_as_independent(model):
    fresh = loans(3, 400)
    copied = pl.concat([fresh] * 10)
    once, ten = (mw.evaluate(model, rows).reliability.slope for rows in (fresh, copied))
    assert ten.high - ten.low == pytest.approx(once.high - once.low, rel=0.1)
    apart = mw.evaluate(model, copied.drop("customer")).reliability.slope
    assert apart.high - apart.low < (once.high - once.low) / 2


def test_numbers_have_bins_and_no_slope():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    model = mw.fit(
        pl.DataFrame({"x": x, "y": 3 * x + rng.normal(size=400)}), target="y", max_trials=2, seed=0
    )
    found = model.evaluation.reliability
    assert found.subject == "number" and found.slope is None and len(found.bins) == 10
    assert "Whether numbers hold on the whole" in model.card
