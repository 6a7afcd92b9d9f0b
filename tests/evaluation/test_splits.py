"""Splits keep apart what their rule says, and every row is judged at most once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.base.errors import DataProblem
from mlwright.evaluation.splits import Rows, make_split


@given(n=st.integers(10, 400), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_random_folds_judge_every_row_once_and_never_train_on_it(n, seed):
    split = make_split("random", "", Rows(n), seed=seed)
    assert np.array_equal(split.judged, np.arange(n))
    for fold in split.folds:
        assert not set(fold.train) & set(fold.valid)


def test_classes_keep_their_shares_in_every_fold():
    classes = np.repeat([0, 1, 2], [700, 250, 50])
    split = make_split("stratified", "", Rows(1000, classes))
    for fold in split.folds:
        shares = np.bincount(classes[fold.valid], minlength=3) / len(fold.valid)
        assert np.abs(shares - [0.7, 0.25, 0.05]).max() < 0.02


def test_a_group_is_never_on_both_sides():
    groups = np.random.default_rng(0).integers(0, 40, 30_000)
    split = make_split("group", "", Rows(30_000, None, groups))
    assert not set(groups[split.test]) & set(groups[split.development])
    for fold in split.folds:
        assert not set(groups[fold.train]) & set(groups[fold.valid])


def test_later_rows_judge_earlier_ones_and_one_moment_stays_together():
    times = np.random.default_rng(0).integers(0, 60, 20_000).astype(float)
    split = make_split("time", "", Rows(20_000, None, None, times))
    assert times[split.development].max() < times[split.test].min()
    for fold in split.folds:
        assert times[fold.train].max() < times[fold.valid].min()


def test_a_holdout_is_kept_from_ten_thousand_rows_on_and_never_trained_on():
    assert not len(make_split("random", "", Rows(9_999)).test)
    split = make_split("random", "", Rows(10_000))
    assert len(split.test) == 2_000
    assert not set(split.test) & set(split.development)


def test_given_test_rows_are_the_holdout():
    split = make_split("random", "", Rows(100), test=np.arange(90, 100))
    assert split.test.tolist() == list(range(90, 100)) and split.development.max() == 89


@pytest.mark.parametrize(
    ("rule", "rows", "said"),
    [
        ("random", Rows(5), "too few"),
        ("group", Rows(50, None, np.zeros(50)), "one group"),
        ("time", Rows(50, None, None, np.zeros(50)), "too few moments"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(rule, rows, said):
    with pytest.raises(DataProblem, match=said):
        make_split(rule, "", rows)


def test_two_groups_are_left_to_judge_each_other_however_many_rows_there_are():
    split = make_split("group", "", Rows(10_000, None, np.arange(10_000) % 2))
    assert not len(split.test) and len(split.folds) == 2


def test_three_moments_are_left_to_judge_each_other_however_many_rows_there_are():
    times = np.arange(12_000) // 4_000
    split = make_split("time", "", Rows(12_000, None, None, times))
    assert not len(split.test)
    assert times[split.folds[-1].train].max() < times[split.folds[-1].valid].min()
