"""Scores in words, and beside the plain baseline."""

from __future__ import annotations

from mlwright.base.evaluation import TOO_FEW_ROWS, Score


def auc(value: float, low: float, high: float, method: str = "DeLong") -> Score:
    return Score(
        metric="roc_auc", value=value, low=low, high=high, rows=12, greater_is_better=True, method=method
    )


def test_an_interval_that_does_not_exist_is_not_made_up():
    assert str(auc(0.7, 0.61, 0.78)) == "roc_auc 0.7 (0.61 to 0.78, n=12)"
    alone = auc(0.5, 0.5, 0.5, "none: one answer for all rows")
    assert (alone.interval, str(alone)) == ("none", "roc_auc 0.5 (none, n=12)")


def test_a_value_of_too_few_rows_is_no_better_than_any_other():
    plain = auc(0.5, 0.4, 0.6)
    assert auc(1.0, 1.0, 1.0, TOO_FEW_ROWS).beside(plain) == "unclear"
    assert auc(0.9, 0.8, 0.95).beside(plain) == "better"
    assert auc(0.2, 0.1, 0.3).beside(plain) == "worse"
