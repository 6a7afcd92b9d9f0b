"""The delete-a-group jackknife: against the formula of a mean, and by how often it holds the truth."""

import numpy as np
import pytest

from mlwright.statistics.jackknife import GROUPS, deleted_together, half_width


def replicates(x, group, statistic):
    return np.array([statistic(x[group != g]) for g in np.unique(group)])


def test_few_rows_are_left_out_one_by_one_and_many_in_groups_of_nearly_equal_size():
    assert deleted_together(5).tolist() == [0, 1, 2, 3, 4]
    sizes = np.bincount(deleted_together(1_000))
    assert len(sizes) == GROUPS and sizes.max() - sizes.min() <= 1


def test_clusters_stay_whole():
    cluster = np.repeat(np.arange(100) * 7, 3)
    group = deleted_together(300, clusters=cluster)
    assert all(len(np.unique(group[cluster == c])) == 1 for c in np.unique(cluster))
    assert len(np.unique(group)) == GROUPS


def test_one_by_one_it_is_the_error_of_a_mean():
    x = np.random.default_rng(0).normal(size=25)
    half = half_width(replicates(x, deleted_together(25), np.mean))
    assert half == pytest.approx(2.0638985616 * x.std(ddof=1) / 5)


def test_several_statistics_are_measured_at_once():
    half = half_width(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    assert half.shape == (2,) and half[1] == 0 and half[0] > 0


def test_without_a_second_group_or_a_value_nothing_is_known():
    assert np.isnan(half_width(np.ones((1, 2)))).all()
    assert np.isnan(half_width(np.array([1.0, np.nan, 2.0])))


@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std], ids=lambda f: f.__name__)
def test_it_holds_the_truth_about_as_often_as_it_says(statistic):
    held = 0
    for seed in range(300):
        x = np.random.default_rng(seed).normal(size=600)
        half = half_width(replicates(x, deleted_together(600, seed=seed), statistic))
        held += abs(statistic(x) - (1.0 if statistic is np.std else 0.0)) <= half
    assert 0.91 <= held / 300 <= 0.99
