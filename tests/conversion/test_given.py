"""What is handed over is looked at before it is converted, and columns are taken by their names."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import DataProblem, Misuse, SchemaBroken

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")
lightgbm = pytest.importorskip("lightgbm")
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.ensemble import RandomForestRegressor  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler  # noqa: E402

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {"lot area": RNG.random(120), "rooms": RNG.integers(1, 6, 120), "age": RNG.random(120) * 90}
)
PRICE = ROWS["lot area"] * 100 + ROWS["rooms"]
SOLD = np.where(PRICE > 50, "yes", "no")


@pytest.fixture(scope="module")
def fitted():
    return LogisticRegression().fit(ROWS, SOLD)


@pytest.mark.parametrize(
    ("model", "said", "remedy"),
    [
        (LogisticRegression, "the class LogisticRegression, which cannot predict", "was fitted"),
        (StandardScaler(), "a StandardScaler, which cannot predict", "ends in a model"),
        ({"model": LogisticRegression(), "columns": []}, "a dict, which cannot predict", "['model']"),
        (None, "the model is None", "the fitted model itself"),
        (LogisticRegression(), "this LogisticRegression was not fitted", "call fit"),
        (
            make_pipeline(make_column_transformer((OneHotEncoder(), ["a"])), LogisticRegression()),
            "not fit",
            "copies",
        ),
        (lightgbm.LGBMClassifier(), "this LGBMClassifier was not fitted", "call fit"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_no_fitted_model_is_told_with_what_to_give(model, said, remedy, tmp_path):
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    for example in (ROWS, tmp_path / "rows.csv"):
        with pytest.raises(Misuse) as refused:
            mw.convert(model, example=example, target="sold")
        assert said in refused.value.message and remedy in refused.value.remedy


def test_the_row_that_a_model_does_not_take_is_named_with_what_is_missing_in_it(fitted):
    rows = ROWS.assign(age=ROWS["age"].where(ROWS.index != 5))
    with pytest.raises(Misuse, match=r"the example's row 5 \('age' missing in it\): ValueError") as refused:
        mw.convert(fitted, example=rows, target="sold")
    assert len(refused.value.message) < 350
    texts = pd.DataFrame({"note": ["a few words", "some more", None] * 10})
    counted = make_pipeline(make_column_transformer((CountVectorizer(), "note")), LogisticRegression())
    counted.fit(texts.fillna(""), [True, False, False] * 10)
    with pytest.raises(Misuse, match=r"row 2 \('note' missing in it\)"):
        mw.convert(counted, example=texts, target="sold")


def test_an_empty_cell_of_a_file_is_an_empty_text_where_words_are_counted(tmp_path):
    texts = pd.DataFrame({"note": ["a few words", "some more", ""] * 10, "n": range(30)})
    front = make_column_transformer((CountVectorizer(), "note"), ("passthrough", ["n"]))
    model = make_pipeline(front, LogisticRegression(max_iter=1000)).fit(texts, [True, False, False] * 10)
    texts.to_csv(tmp_path / "notes.csv", index=False)
    found = mw.convert(model, example=tmp_path / "notes.csv", target="sold")
    np.testing.assert_allclose(found.predict_proba(texts), model.predict_proba(texts), atol=1e-12)


@pytest.mark.parametrize(
    ("example", "said"),
    [
        (pd.concat([ROWS, ROWS[["age"]]], axis=1), "the column 'age' twice"),
        ({"lot area": 1.0, "rooms": 2, "age": 3}, "is a dict"),
        (ROWS.head(3).to_dict("records"), "pandas.DataFrame(rows)"),
    ],
)
def test_rows_that_are_no_table_are_told_with_what_to_give(fitted, example, said):
    with pytest.raises(Misuse) as refused:
        mw.convert(fitted, example=example, target="sold")
    assert said in str(refused.value)


def test_a_column_that_is_absent_is_told_with_the_near_miss(fitted):
    with pytest.raises(SchemaBroken, match=r"'rooms' \(is 'room' meant\?\)"):
        mw.convert(fitted, example=ROWS.rename(columns={"rooms": "room"}), target="sold")


def test_columns_are_taken_by_name_also_where_the_library_goes_by_place(tmp_path):
    booster = lightgbm.train({"verbose": -1, "objective": "regression"}, lightgbm.Dataset(ROWS, PRICE), 5)
    turned = ROWS[ROWS.columns[::-1]].assign(more=1)
    turned.to_csv(tmp_path / "rows.csv", index=False)
    for example in (turned, tmp_path / "rows.csv"):  # LightGBM itself calls the first one lot_area
        found = mw.convert(booster, example=example, target="price")
        assert [c.name for c in found.schema.features] == list(ROWS)
        np.testing.assert_allclose(found.predict(ROWS), booster.predict(ROWS), rtol=1e-12)


def test_a_column_that_a_model_drops_may_be_sent_or_not_and_be_of_any_type():
    rows = ROWS.assign(day=pd.Timestamp("2024-01-01"))
    model = make_pipeline(make_column_transformer((StandardScaler(), ["rooms", "age"])), LinearRegression())
    found = mw.convert(model.fit(rows, PRICE), example=rows, target="price")
    assert [c.name for c in found.schema.features] == ["rooms", "age"]
    assert [c.name for c in found.schema.columns if c.unused] == ["lot area", "day"]
    expected = model.predict(rows)
    for sent in (rows, ROWS[["rooms", "age"]], ROWS.assign(**{"lot area": "many"})):
        np.testing.assert_allclose(found.predict(sent), expected, rtol=1e-12)
    row = {"lot area": 1.0, "rooms": 2, "age": 30.0, "day": "2024-01-01"}
    assert found.predict(row) == pytest.approx(model.predict(pd.DataFrame([row]))[0], rel=1e-12)


ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("values", [[1994, 1995, 1996], ["WD ", "New", "Con"]])
def test_categories_are_asked_of_the_original_as_it_holds_them(encoder, values):
    rows = pd.DataFrame({"kind": pd.Categorical(values * 20)})
    model = make_pipeline(encoder, RandomForestRegressor(5, random_state=0))
    model.fit(rows, np.arange(60) % 3)
    found = mw.convert(model, example=rows[:30], target="y")
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-12)


def test_rows_that_do_not_tell_how_good_a_model_is_are_refused_and_not_half_judged(fitted):
    known = ROWS.assign(sold=SOLD)
    with pytest.raises(DataProblem, match="roc_auc is undefined"):
        mw.convert(fitted, example=ROWS, target="sold", data=known[known["sold"] == "yes"])
    with pytest.raises(Misuse, match="one table") as refused:
        mw.convert(fitted, example=ROWS, target="sold", data=(ROWS, SOLD))
    assert "X.assign(sold=y)" in refused.value.remedy
    with pytest.raises(SchemaBroken) as broken:
        mw.convert(fitted, example=ROWS, target="sold", data=known.rename(columns={"sold": "Sold"}))
    assert "is 'Sold' meant?" in broken.value.remedy


@pytest.mark.slow
def test_what_is_undefined_without_a_class_is_left_out_of_the_scores():
    three = np.array(["low", "middle", "high"])[np.digitize(PRICE, [30, 60])]
    model = LogisticRegression().fit(ROWS, three)
    some = ROWS.assign(band=three)
    judged = mw.convert(model, example=ROWS, target="band", data=some[some["band"] != "low"]).evaluation
    assert judged.score.metric == "log_loss" and all(s.value == s.value for s in judged.scores)


def test_a_model_that_was_never_evaluated_has_no_score_and_says_why(fitted):
    found = mw.convert(fitted, example=ROWS, target="sold")
    with pytest.raises(Misuse, match="never evaluated"):
        _ = found.evaluation.score
