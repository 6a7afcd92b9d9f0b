"""Figures as people read them."""

from mlwright.base import figures
from mlwright.base.evaluation import Score


def test_a_score_without_an_interval_says_so_rather_than_showing_an_empty_one():
    alone = Score(
        metric="mcc",
        value=0.0,
        low=0.0,
        high=0.0,
        rows=12,
        greater_is_better=True,
        method="none: one answer for all rows",
    )
    assert figures.score(alone) == ("0.0000", "none")
