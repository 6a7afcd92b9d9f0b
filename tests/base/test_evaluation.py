"""An evaluation says by itself where it is no better than guessing."""

import math

import pytest

from mlwright.base.evaluation import TOO_FEW_ROWS, Evaluation, Score


def score(value, low, high, method="bootstrap"):
    return Score(
        metric="rmse", value=value, low=low, high=high, rows=9, greater_is_better=False, method=method
    )


@pytest.mark.parametrize(
    ("first", "plain", "said"),
    [
        (score(2.0, 1.0, 2.9), 3.0, ""),
        (score(2.0, 1.0, 3.5), 3.0, "rmse 2 (1 to 3.5) beside 3."),
        (score(48_213.0, 40_000.0, 56_000.0), 50_000.0, "rmse 48,213 (40,000 to 56,000) beside 50,000."),
        (score(2.0, 2.0, 2.0, TOO_FEW_ROWS), 3.0, "rmse 2 (no interval) beside 3."),
        (score(2.0, 1.0, 2.9), math.nan, ""),
    ],
)
def test_doubt_is_said_unless_the_whole_interval_is_better(first, plain, said):
    beside = (score(plain, plain, plain),)
    evaluation = Evaluation(
        task="regression", metric="rmse", scores=(first,), baseline=beside, rows=9, how="", split="random"
    )
    assert evaluation.doubt == (f"Not clearly better than guessing: {said}" if said else "")


def test_an_evaluation_without_a_score_has_no_doubt_to_tell():
    evaluation = Evaluation(
        task="binary", metric="f1", scores=(), baseline=(), rows=0, how="", split="random"
    )
    assert evaluation.doubt == ""
