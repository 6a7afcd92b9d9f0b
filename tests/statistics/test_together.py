"""Which columns go together: rank correlation, Cramér's V, and groups by average linkage."""

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.together import alike_in_answers, associations, cramers_v, go_together

RNG = np.random.default_rng(0)


def test_numbers_go_together_by_rank_as_scipy_says():
    x, y = RNG.normal(size=(2, 300))
    z = np.round(x + y, 1)  # with ties
    found = associations([x, y, z])
    assert found[0, 2] == pytest.approx(abs(stats.spearmanr(x, z)[0]))
    assert np.array_equal(found, found.T) and (np.diag(found) == 1).all()


def test_what_is_missing_stands_at_the_mean_and_an_empty_column_goes_with_nothing():
    x = RNG.normal(size=200)
    y = x.copy()
    y[:50] = np.nan
    found = associations([x, y, np.full(200, np.nan), np.ones(200)])
    assert found[0, 1] > 0.8 and (found[2, [0, 1, 3]] == 0).all() and (found[3, :3] == 0).all()


def test_cramers_v_is_1_of_the_same_and_about_0_of_strangers_however_many_categories_there_are():
    x = RNG.integers(0, 10, 300)
    assert cramers_v(x, 9 - x) == pytest.approx(1.0)
    strangers = [cramers_v(x, RNG.integers(0, 10, 300)) for _ in range(20)]
    assert np.mean(strangers) < 0.1
    assert cramers_v(x, np.zeros(300, dtype=np.int64)) == 0.0


def test_categories_go_with_the_numbers_that_they_stand_for():
    x = RNG.normal(size=600)
    band = np.digitize(x, [-1, 0, 1]).astype(np.int64)
    noise = RNG.integers(0, 4, 600)
    assert go_together({"x": x, "band": band, "noise": noise}) == [("x", "band"), ("noise",)]


def test_average_linkage_makes_no_chains():
    """Each is like the next alone; single linkage would call all of them one group."""
    steps = RNG.normal(size=(12, 500))
    chain = {f"c{i}": steps[i : i + 4].sum(axis=0) for i in range(9)}
    groups = go_together(chain)
    assert len(groups) > 1 and max(map(len, groups)) < 9


def test_text_is_alone_and_one_column_is_a_group_of_one():
    x = RNG.normal(size=50)
    assert go_together({"text": None, "a": x, "b": -x}) == [("text",), ("a", "b")]
    assert go_together({"a": x}) == [("a",)] and go_together({}) == []


def test_the_columns_that_tell_most_of_the_answers_are_picked_in_their_order():
    x = RNG.normal(size=(500, 40))
    columns = {f"x{j}": x[:, j] for j in range(40)} | {"text": None}
    answers = (np.sin(3 * x[:, 7]) + x[:, 30] ** 2)[:, None]
    assert alike_in_answers(columns, answers, 3) == ["x7", "x30", "text"]


def test_rare_categories_do_not_look_like_knowledge():
    own = np.arange(500)
    columns = {"id": own, "x": RNG.normal(size=500)}
    answers = (columns["x"] > 0).astype(float)[:, None]
    assert alike_in_answers(columns, answers, 1) == ["x"]
