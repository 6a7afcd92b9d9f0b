"""The verdict: a sentence whose figures are those of the evaluation, with the digits its interval allows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.base.evaluation import Evaluation, Outcome, Score
from mlwright.base.schema import Target
from mlwright.base.verdict import decided, verdict

BINARY = Target(name="late", task="binary", classes=("no", "yes"), positive="yes")
FIRST = Target(name="late", task="binary", classes=("yes", "no"), positive="yes")
THREE = Target(name="kind", task="multiclass", classes=("a", "b", "c"))
NUMBER = Target(name="price", task="regression")


def score(metric, value, low=None, high=None, method="bootstrap", more=True):
    low, high = value if low is None else low, value if high is None else high
    return Score(
        metric=metric, value=value, low=low, high=high, rows=900, greater_is_better=more, method=method
    )


def made(task, scores, baseline=(), outcomes=()):
    return Evaluation(
        task=task,
        metric=scores[0].metric if scores else "roc_auc",
        scores=tuple(scores),
        baseline=tuple(baseline),
        rows=900,
        how="by hand",
        split="random",
        outcomes=tuple(outcomes),
    )


@pytest.mark.parametrize("target", [BINARY, FIRST])
def test_two_classes_are_told_by_how_well_they_are_ranked_whatever_was_optimised(target):
    scores = [score("log_loss", 0.4, 0.3, 0.5, more=False), score("roc_auc", 0.913, 0.894, 0.932)]
    said = verdict(made("binary", scores, [score("roc_auc", 0.5)]), target)
    assert said == (
        "Ranks a row whose late is 'yes' above one whose late is 'no' 91 times of 100 (89 to 93); "
        "guessing: 50."
    )


def test_a_narrow_interval_earns_a_decimal_and_a_wide_one_none():
    assert "97.3 times of 100 (97.1 to 97.5)" in verdict(
        made("binary", [score("roc_auc", 0.9731, 0.9712, 0.9752)]), BINARY
    )
    assert "60 times of 100 (40 to 80)" in verdict(made("binary", [score("roc_auc", 0.6, 0.4, 0.8)]), BINARY)


def test_several_classes_are_told_by_right_labels_beside_the_most_frequent_class():
    said = verdict(
        made("multiclass", [score("accuracy", 0.93, 0.92, 0.94)], [score("accuracy", 0.26)]), THREE
    )
    assert said == (
        "Names the right one of 3 classes of kind for 93 of 100 rows (92 to 94); always naming the most "
        "frequent: 26."
    )


def test_numbers_are_told_by_their_mean_error_in_the_unit_of_the_target():
    scores = [score("rmse", 5e4, 4e4, 6e4, more=False), score("mae", 29810.4, 28812, 30807, more=False)]
    said = verdict(made("regression", scores, [score("mae", 92056.0)]), NUMBER)
    assert said == (
        "Is off by 29,810 (28,812 to 30,807) on average when it predicts price; "
        "one answer for all rows: 92,056."
    )


def test_without_an_interval_none_is_shown():
    few = score("roc_auc", 0.7, method="none: too few rows")
    assert "70 times of 100;" in verdict(made("binary", [few], [score("roc_auc", 0.5)]), BINARY)


def test_what_was_not_measured_is_said_so():
    nothing = "How good it is was not measured."
    assert verdict(made("binary", []), BINARY) == nothing
    assert verdict(made("binary", [score("roc_auc", float("nan"))]), BINARY) == nothing


def test_other_metrics_stand_under_their_names_beside_a_baseline_that_is_a_number():
    scores = [score("log_loss", 0.5, 0.4, 0.6, more=False)]
    assert verdict(made("binary", scores, [score("log_loss", float("nan"))]), BINARY) == (
        "Predicts late with log_loss 0.50 (0.40 to 0.60)."
    )


def test_costs_are_told_beside_the_best_without_a_model():
    ways = [
        Outcome(way="as decided", scores=(score("cost_per_1000_rows", 29820, 28321, 31319),)),
        Outcome(way="likeliest class", scores=(score("cost_per_1000_rows", 10),)),
        Outcome(way="always no", scores=(score("cost_per_1000_rows", 132685),)),
        Outcome(way="always yes", scores=(score("cost_per_1000_rows", 44078),)),
    ]
    assert decided(made("binary", [score("roc_auc", 0.9)], outcomes=ways), BINARY) == (
        "As it decides, 1,000 rows cost 29,820 (28,321 to 31,319); "
        "without a model at best 44,078 (always yes)."
    )


def test_alerts_are_told_by_how_many_are_right_and_how_many_are_found():
    of = (score("precision", 0.40, 0.39, 0.42), score("recall", 0.94, 0.93, 0.95))
    said = decided(made("binary", [], outcomes=[Outcome(way="as decided", scores=of)]), BINARY)
    assert (
        said == "Of 100 rows that it calls 'yes', 40 (39 to 42) are; of 100 that are, it finds 94 (93 to 95)."
    )
    assert decided(made("binary", []), BINARY) == ""


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_figure_in_the_sentence_is_the_score_and_lies_within_its_interval(a, b, c):
    low, value, high = sorted((a, b, c))
    said = verdict(made("binary", [score("roc_auc", value, low, high)]), BINARY)
    at, start, end = map(
        float, re.search(r"'no' ([\d.]+) times of 100 \(([\d.]+) to ([\d.]+)\)", said).groups()
    )
    half = 0.5 * 10.0 ** -len(re.search(r"'no' \d+\.?(\d*) ", said)[1]) * 1.001
    assert start <= at <= end
    assert max(abs(at - 100 * value), abs(start - 100 * low), abs(end - 100 * high)) <= half
    assert half <= max(0.6, 100 * (high - low)) and (100 * (high - low) >= 1 or half < 0.06)
