"""Training on tables at the edges: weights of zero, one fold, time, texts alone."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw


def numbers(n, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return {"a": a, "b": rng.normal(size=n), "y": np.where(a + rng.normal(size=n) > 0, "p", "q")}


def test_weights_that_are_nearly_all_zero_train_and_judge():
    weights = [0.0] * 78 + [1.0] * 12
    model = mw.fit(pl.DataFrame({**numbers(90), "w": weights}), target="y", weight="w", max_trials=3)
    assert all(np.isfinite(s.value) for s in model.evaluation.scores)
    assert all(e.score is not None for e in model.leaderboard)


def test_texts_without_a_shared_word_leave_the_baseline():
    frame = pl.DataFrame({"note": [f"only{i} once{i}" for i in range(40)], "y": ["p", "q"] * 20})
    model = mw.fit(frame, target="y", kinds={"note": "text"}, max_trials=3)
    assert np.allclose(model.predict_proba({"note": "anything"}), 0.5, atol=0.1)


@pytest.mark.slow
def test_the_holdout_of_a_time_split_is_judged_by_models_of_all_earlier_rows():
    n = 10_000
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"t": range(n), "x": rng.normal(size=n), "y": rng.normal(size=n) + np.arange(n) / n})
    model = mw.fit(frame, target="y", time="t", max_trials=2)
    fitted_on = int(model.evaluation.how.split("models fitted on ")[1].split(" ")[0].replace(",", ""))
    assert model.evaluation.rows == 2_000 and fitted_on > 6_000


def test_one_fold_is_said_to_have_chosen_what_it_judges():
    frame = pl.DataFrame({**numbers(90), "t": np.arange(90) // 30})
    model = mw.fit(frame, target="y", time="t", max_trials=3)
    assert "for want of a second fold" in model.evaluation.how
    assert "chosen without it" not in model.evaluation.how


def test_numbers_near_the_largest_that_there_is_end_in_a_file():
    rng = np.random.default_rng(0)
    table = {"x": (rng.normal(size=200) * 4e307).tolist(), "y": rng.normal(size=200).tolist()}
    model = mw.fit(table, target="y", max_trials=2, seed=0)
    assert mw.load(model.to_bytes()).evaluation.rows == 200
