"""Boosters at the edges of what their libraries do: thresholds of one's own, categories that are no texts,
small types of whole numbers, sums that are constants."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ConversionRefused

lightgbm = pytest.importorskip("lightgbm")
catboost = pytest.importorskip("catboost")
pytestmark = pytest.mark.filterwarnings("ignore")

NUMBERS = ["age", "campaign", "pdays"]
slow = pytest.mark.slow
QUIET = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}


@pytest.mark.parametrize("threshold", [0.05, pytest.param(1.0, marks=slow)])
def test_the_threshold_of_catboost_chooses_the_class(threshold, bank):
    rows = bank[NUMBERS]
    model = catboost.CatBoostClassifier(iterations=8, **QUIET).fit(rows, bank["y"])
    model.set_probability_threshold(threshold)
    said = model.predict(rows)
    assert (said != model.classes_[model.predict_proba(rows).argmax(axis=1)]).any()
    found = mw.convert(model, example=rows.iloc[:50], target="y")
    assert (found.predict(rows) == said).all()
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)


def test_a_threshold_of_catboost_is_kept_by_its_file(bank, tmp_path):
    rows = bank[NUMBERS].fillna(0.0)
    model = catboost.CatBoostClassifier(iterations=8, **QUIET).fit(rows, levels(bank))
    model.set_probability_threshold(0.9)
    model.save_model(str(tmp_path / "y.cbm"))
    found = mw.convert(tmp_path / "y.cbm", example=rows, target="y")
    assert (found.predict(rows) == model.predict(rows)).all()


def test_yes_and_no_are_categories_of_catboost(bank):
    rows = bank[["age"]].assign(often=bank["campaign"] > 1)
    for settings in ({"one_hot_max_size": 4}, {"one_hot_max_size": 1}):
        model = catboost.CatBoostClassifier(iterations=8, cat_features=["often"], **QUIET | settings)
        model.fit(rows, bank["campaign"] > 1)
        found = mw.convert(model, example=rows, target="y")
        np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)


def test_a_sum_of_catboosts_models_is_refused_since_it_knows_no_loss(bank):
    rows = bank[NUMBERS]
    model = catboost.CatBoostClassifier(iterations=2, **QUIET).fit(rows, bank["y"])
    with pytest.raises(ConversionRefused, match="which loss"):
        mw.convert(catboost.sum_models([model, model]), example=rows, target="y")


@pytest.mark.parametrize("kind", [int, *(pytest.param(k, marks=slow) for k in (float, bool))])
def test_categories_of_pandas_may_be_numbers_or_yes_and_no(kind, bank):
    values = bank["campaign"].clip(0, 1 if kind is bool else 4).astype(kind)
    rows = bank[["age"]].assign(code=values.astype("category"))
    settings = {"min_child_samples": 5, "min_data_per_group": 5, "cat_smooth": 0.0, "max_cat_to_onehot": 9}
    model = lightgbm.LGBMRegressor(n_estimators=8, n_jobs=1, verbose=-1, **settings)
    model.fit(rows, bank["campaign"].clip(0, 4))
    found = mw.convert(model, example=rows, target="y")
    said = model.predict(rows)
    np.testing.assert_allclose(found.predict(rows), said, rtol=1e-12)
    sent = [{"age": None if a != a else a, "code": c} for a, c in zip(rows["age"], values, strict=True)]
    np.testing.assert_allclose(found.predict(sent), said, rtol=1e-12)


@pytest.mark.parametrize(
    "kind", ["int8", *(pytest.param(k, marks=slow) for k in ("uint16", "Int16", "int64"))]
)
def test_small_whole_numbers_are_compared_far_beyond_their_type(kind, bank):
    rows = bank[["campaign"]].clip(0, 100).astype(kind)
    model = lightgbm.LGBMRegressor(n_estimators=8, n_jobs=1, verbose=-1).fit(rows, bank["euribor3m"])
    found = mw.convert(model, example=rows, target="y")
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-12)


def test_whole_numbers_that_are_categories_stay_whole_however_large(bank):
    rows = bank[["age"]].assign(code=(bank["campaign"].clip(1, 5) * 10**15).astype("int64"))
    model = catboost.CatBoostRegressor(iterations=8, cat_features=["code"], **QUIET)
    model.fit(rows, bank["campaign"].clip(1, 5))
    found = mw.convert(model, example=rows, target="y")
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-12)


@pytest.mark.parametrize("classes", [2, pytest.param(0, marks=slow), pytest.param(3, marks=slow)])
def test_boosters_that_learned_nothing_answer_their_constant(classes, bank):
    rows, y = bank[NUMBERS], levels(bank, classes)
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    model = kind(n_estimators=3, n_jobs=1, verbose=-1, reg_alpha=1e9).fit(rows, y)
    found = mw.convert(model, example=rows, target="y")
    if classes:
        np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
    else:
        np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-12)


def test_the_slope_of_lightgbms_sigmoid_is_heeded(bank):
    rows = bank[NUMBERS]
    model = lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1, sigmoid=2.5).fit(rows, bank["y"])
    found = mw.convert(model, example=rows.iloc[:50], target="y")
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)


def levels(bank, classes=2):
    """The rates as a number, or cut into classes."""
    return np.digitize(bank["euribor3m"], [1.4, 4.9][: classes - 1]) if classes else bank["euribor3m"]
