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


def test_rows_in_order_judge_those_before_them_without_a_column_that_says_when():
    split = make_split("order", "", Rows(20_000))
    assert split.test.tolist() == list(range(16_000, 20_000))
    for fold in split.folds:
        assert fold.train.max() < fold.valid.min()
    assert split.folds[-1].valid.max() == 15_999


@pytest.mark.parametrize("dated", [False, True])
def test_a_gap_keeps_rows_out_whose_labels_would_not_be_known_yet(dated):
    days = np.random.default_rng(1).permutation(np.repeat(np.arange(400), 40))
    times = np.datetime64("2026-01-01", "us") + days * np.timedelta64(1, "D") if dated else days.astype(float)
    gap = np.timedelta64(7, "D") if dated else 7.0
    split = make_split("time", "", Rows(16_000, None, None, times, gap))
    for train, valid in [*((f.train, f.valid) for f in split.folds), (split.development, split.test)]:
        assert days[valid].min() - days[train].max() == 7
    plain = make_split("time", "", Rows(16_000, None, None, times))
    assert np.array_equal(plain.test, split.test)  # only rows that train are left out


def test_a_gap_longer_than_the_history_is_refused():
    with pytest.raises(DataProblem, match=r"before a gap of 90 are too few"):
        make_split("order", "", Rows(100, gap=90.0))


def test_later_rows_of_other_groups_judge_and_a_group_on_both_sides_goes_to_one():
    rng = np.random.default_rng(0)
    times, groups = rng.permutation(30_000).astype(float), rng.integers(0, 3_000, 30_000)
    rows = Rows(30_000, None, groups, times)
    split = make_split("group+time", "", rows)
    for train, valid in [*((f.train, f.valid) for f in split.folds), (split.development, split.test)]:
        assert times[train].max() < times[valid].min()
        assert not set(groups[train]) & set(groups[valid])
        assert len(valid) > 500 and len(train) > 500
    assert np.array_equal(make_split("group+time", "", rows).test, split.test)  # by lot, and repeatable


def test_groups_that_come_and_go_with_time_lose_no_row():
    split = make_split("group+time", "", Rows(1000, None, np.arange(1000) // 5, np.arange(1000.0)))
    assert [len(f.train) + len(f.valid) for f in split.folds] == [f.valid.max() + 1 for f in split.folds]


def test_folds_that_are_named_are_kept_as_they_are():
    names = np.array(["b", "a", "train", "test", "b", "a"] * 10, dtype=object)
    split = make_split("given", "", Rows(60, folds=names))
    assert set(names[split.test]) == {"test"} and len(split.folds) == 2
    for fold, name in zip(split.folds, ("a", "b"), strict=True):
        assert set(names[fold.valid]) == {name} and set(names[fold.train]) == {"a", "b", "train"} - {name}


@pytest.mark.parametrize(("names", "said"), [(["a"], "names 'a' alone"), (["train", "test"], "no fold")])
def test_folds_that_leave_nothing_to_judge_or_to_learn_from_are_refused(names, said):
    with pytest.raises(DataProblem, match=said):
        make_split("given", "", Rows(60, folds=np.array(names * (60 // len(names)), dtype=object)))


def test_stretches_of_time_keep_a_moment_together_and_are_told_where_the_rule_knows_time_alone():
    days = np.random.default_rng(2).integers(0, 300, 12_000)
    split = make_split("time", "", Rows(12_000, None, None, days))
    for rows in (split.test, split.judged):
        stretch = split.stretches(rows)
        assert 15 <= len(np.unique(stretch)) <= 20
        order = np.argsort(days[rows], kind="stable")
        assert (np.diff(stretch[order]) >= 0).all()
        assert all(len(set(stretch[days[rows] == d])) == 1 for d in np.unique(days[rows]))
    assert make_split("random", "", Rows(100)).stretches(np.arange(9)) is None
    assert set(make_split("order", "", Rows(100)).stretches(np.arange(3))) == {0}
