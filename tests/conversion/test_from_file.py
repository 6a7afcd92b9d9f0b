"""Example rows from a file reach the original in the types that it was fitted on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import mlwright as mw
from mlwright.base.errors import Misuse, SchemaBroken, UnknownName
from mlwright.conversion import Said, example_of
from mlwright.conversion.fitted_on import fitted_on
from mlwright.conversion.pickled import is_pickle

TABLE = pd.DataFrame(
    {
        "zip": ["01067", "10115", "80331", "01067"] * 30,
        "rooms": [1, 2, 3, 4] * 30,
        "area": [20.5, 45.0, np.nan, 90.25] * 30,
        "garden": [True, False, False, True] * 30,
        "street": ["NA", "Long", "Short", "NA"] * 30,
    }
)
PRICE = TABLE["rooms"] * 100.0 + TABLE["garden"] * 7


def encoded(encoder=None):
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), encoder or OneHotEncoder()),
            ["zip", "street"],
        ),
        (SimpleImputer(), ["rooms", "area"]),
        ("passthrough", ["garden"]),
    )


@pytest.fixture
def fitted():
    return make_pipeline(encoded(), LinearRegression()).fit(TABLE, PRICE)


@pytest.fixture
def file(tmp_path):
    """The table as a file, with the answers and a column that is nobody's."""
    TABLE.assign(price=PRICE, row=range(len(TABLE))).to_csv(tmp_path / "flats.csv", index=False)
    return tmp_path / "flats.csv"


def test_a_model_tells_the_columns_that_it_was_fitted_on_and_which_held_texts(fitted):
    for model in (fitted, GridSearchCV(fitted, {}, cv=2).fit(TABLE, PRICE)):
        told = fitted_on(model)
        assert told.names == tuple(TABLE.columns) and set(told.texts) == {"zip", "street"}
        assert "NA" in told.texts["street"] and "01067" in told.texts["zip"]
    assert fitted_on(LinearRegression().fit(TABLE[["rooms"]].to_numpy(), PRICE)).names is None


def test_columns_that_a_model_drops_need_not_be_there(tmp_path):
    front = make_column_transformer((SimpleImputer(), ["area", "rooms"]))
    fitted = make_pipeline(front, LinearRegression()).fit(TABLE.assign(price=PRICE), PRICE)
    assert fitted_on(fitted).names == ("rooms", "area")
    TABLE.assign(price=PRICE)[["area", "price", "rooms"]].to_csv(tmp_path / "a.csv", index=False)
    found = mw.convert(fitted, example=tmp_path / "a.csv", target="price")
    np.testing.assert_allclose(found.predict(TABLE), fitted.predict(TABLE))
    by_place = make_column_transformer((SimpleImputer(), [1, 2]))
    by_place = make_pipeline(by_place, LinearRegression()).fit(TABLE, PRICE)
    assert fitted_on(by_place).names == tuple(TABLE.columns)


def test_columns_of_a_file_are_given_in_the_types_that_the_model_was_fitted_on(fitted, file):
    rows = example_of(file, fitted, Said("price")).rows
    assert list(rows.columns) == list(TABLE.columns)
    assert [rows[n].dtype.kind for n in ("rooms", "area", "garden")] == ["i", "f", "b"]
    assert rows["zip"].tolist() == TABLE["zip"].tolist()  # its zeros are not lost
    assert rows["street"].tolist() == TABLE["street"].tolist()  # NA is a street that it knows
    np.testing.assert_array_equal(fitted.predict(rows), fitted.predict(TABLE))


def test_a_file_is_converted_like_the_frame_that_it_holds(fitted, file):
    of_file, of_frame = (mw.convert(fitted, example=e, target="price") for e in (file, TABLE))
    np.testing.assert_array_equal(of_file.predict(TABLE), of_frame.predict(TABLE))
    assert [(c.kind, c.nullable) for c in of_file.schema.features] == [
        (c.kind, c.nullable) for c in of_frame.schema.features
    ]
    assert of_file.evaluation.parity.rows == of_frame.evaluation.parity.rows


def test_how_a_file_writes_numbers_is_kept_for_files_to_come(tmp_path):
    rows = pd.DataFrame({"area": [20.5, np.nan, 90.25] * 20, "rooms": [1.0, 2.0, 3.0] * 20})
    model = make_pipeline(SimpleImputer(), LinearRegression()).fit(rows, rows["rooms"] * 2)
    text = rows.to_csv(index=False, sep=";", decimal=",", na_rep="?")
    (tmp_path / "a.csv").write_text(text)
    found = mw.convert(model, example=tmp_path / "a.csv", target="price")
    assert found.schema.column("area").number.decimal == "," and "?" in found.schema.column("area").missing
    report = mw.predict_file(found, tmp_path / "a.csv", tmp_path / "out.csv")
    assert report.refused == 0 and report.rows == 60


def test_files_with_types_are_given_as_they_are(fitted, tmp_path):
    pl.from_pandas(TABLE).write_parquet(tmp_path / "flats.parquet")
    rows = example_of(tmp_path / "flats.parquet", fitted, Said("price")).rows
    np.testing.assert_array_equal(fitted.predict(rows), fitted.predict(TABLE))


def test_a_model_without_names_takes_all_columns_in_order_under_the_files_names(file):
    model = LinearRegression().fit(TABLE[["rooms", "garden"]].to_numpy(dtype=float), PRICE)
    said = Said("price", drop=("zip", "area", "street", "row"))
    found = mw.convert(model, example=file, target="price", drop=said.drop)
    assert [c.name for c in found.schema.features] == ["rooms", "garden"]
    np.testing.assert_allclose(found.predict(TABLE.assign(garden=TABLE["garden"] * 1.0)), PRICE)
    with pytest.raises(Misuse, match="takes 2 columns, whose names it does not know; there are 6"):
        example_of(file, model, Said("price"))


def test_categories_of_pandas_are_made_again(tmp_path):
    rows = TABLE[["zip", "rooms"]].astype({"zip": "category"})
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(rows, TABLE["garden"])
    rows.to_csv(tmp_path / "a.csv", index=False)
    given = example_of(tmp_path / "a.csv", model, Said("garden")).rows
    assert str(given["zip"].dtype) == "category"
    np.testing.assert_array_equal(model.predict(given), model.predict(rows))


def test_lightgbm_gets_the_categories_in_its_own_order(tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    rows = TABLE[["zip", "rooms"]].astype({"zip": "category"})
    model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1, n_jobs=1)
    model.fit(rows, TABLE["garden"])
    rows[rows["zip"] != "01067"].to_csv(tmp_path / "a.csv", index=False)  # the first of them is not there
    found = mw.convert(model, example=tmp_path / "a.csv", target="garden")
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
    TABLE.assign(rooms=TABLE["street"]).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(Misuse, match="1 column of categories, and in the file 2 hold texts: 'zip', 'rooms'"):
        example_of(tmp_path / "b.csv", model, Said("garden"))


def test_what_the_caller_says_of_a_column_rules(tmp_path):
    text = "code,flag\n" + "7,true\n08,false\n" * 10
    (tmp_path / "a.csv").write_text(text)
    model = make_pipeline(OrdinalEncoder(), LogisticRegression()).fit(
        pd.DataFrame({"code": ["7", "08"] * 10, "flag": ["true", "false"] * 10}), [0, 1] * 10
    )
    assert example_of(tmp_path / "a.csv", model, Said("y")).rows["flag"].tolist()[:2] == ["true", "false"]
    plain = LinearRegression().fit(np.zeros((4, 2)), [0, 1, 2, 3])
    rows = example_of(tmp_path / "a.csv", plain, Said("y", kinds={"code": "text"})).rows
    assert rows["code"].tolist()[:2] == ["7", "08"] and rows["flag"].tolist()[:2] == [True, False]
    for kinds, said in (({"code": "datetime"}, "none of pandas' types"), ({"code": "odd"}, "no kind")):
        with pytest.raises(Misuse, match=said):
            example_of(tmp_path / "a.csv", plain, Said("y", kinds=kinds))


def test_columns_that_are_not_there_are_told_with_what_may_be_meant(fitted, file, tmp_path):
    TABLE.rename(columns={"rooms": "roms"}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(SchemaBroken, match=r"'rooms' \(is 'roms' meant\?\)"):
        mw.convert(fitted, example=tmp_path / "b.csv", target="price")
    with pytest.raises(UnknownName, match="did you mean 'price'"):
        mw.convert(fitted, example=file, target="pricee")
    with pytest.raises(Misuse, match="the model itself takes the column 'rooms'"):
        mw.convert(fitted, example=file, target="rooms")
    with pytest.raises(UnknownName, match="did you mean 'row'"):
        mw.convert(fitted, example=file, target="price", drop=["rows"])
    with pytest.raises(Misuse, match="drop= has no effect on a frame"):
        mw.convert(fitted, example=TABLE, target="price", drop="rooms")
    with pytest.raises(UnknownName, match="no finding 'MLW101'"):
        mw.convert(fitted, example=TABLE, target="price", waive="MLW101")


DUMPED = pickle.dumps({"a": list(range(1000))})


@pytest.mark.parametrize(
    "data",
    [
        DUMPED,
        pickle.dumps(LinearRegression(), protocol=0),
        gzip.compress(DUMPED),
        zlib.compress(DUMPED),
        bz2.compress(DUMPED),
        lzma.compress(DUMPED),
        lzma.compress(DUMPED, lzma.FORMAT_ALONE),
    ],
    ids=["plain", "protocol 0", "gzip", "zlib", "bz2", "xz", "lzma"],
)
def test_a_pickle_is_known_by_its_bytes_however_it_is_called(data, tmp_path):
    (tmp_path / "model.json").write_bytes(data)
    assert is_pickle(tmp_path / "model.json")


def test_what_pytorch_writes_is_a_pickle_too_and_other_files_are_none(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("net/data.pkl", DUMPED)
    (tmp_path / "a").write_bytes(held.getvalue())
    assert is_pickle(tmp_path / "a")
    for data in (
        b"",
        b"tree\nversion=v4",
        b'{"learner": {}}',
        gzip.compress(b"a,b\n1,2"),
        b"x,y\n",
        b"\x1f\x8b\0",
    ):
        (tmp_path / "a").write_bytes(data)
        assert not is_pickle(tmp_path / "a")


def test_texts_of_a_file_are_given_as_a_list_to_a_model_that_takes_one(tmp_path):
    rows = pd.DataFrame({"note": TABLE["street"] + " street", "size": TABLE["area"], "y": TABLE["garden"]})
    file = tmp_path / "notes.csv"
    rows.to_csv(file, index=False)
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(rows["note"], rows["y"].astype(int))
    assert fitted_on(model).texts_alone
    found = mw.convert(model, example=file, target="y", drop=["size"])
    assert [(c.name, c.kind) for c in found.schema.features] == [("note", "text")]
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows["note"]), atol=1e-12)
    rows.assign(more="x").to_csv(file, index=False)
    with pytest.raises(Misuse, match="2 such columns: 'note', 'more'"):
        mw.convert(model, example=file, target="y")


def test_a_column_whose_words_are_counted_is_one_of_texts(tmp_path):
    rows = pd.DataFrame({"note": ["1", "2", "1 2"] * 10, "size": [1.0, 2.0, 3.0] * 10})
    front = make_column_transformer(
        (CountVectorizer(token_pattern=r"\w+"), "note"), ("passthrough", ["size"])
    )
    model = make_pipeline(front, LinearRegression()).fit(rows, rows["size"])
    rows[:20:3].to_csv(tmp_path / "rows.csv", index=False)
    found = mw.convert(model, example=tmp_path / "rows.csv", target="y")
    assert found.schema.column("note").kind == "text"
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-9)


def of_lightgbm(values):
    """A model over one column of pandas' categories, and its rows."""
    lightgbm = pytest.importorskip("lightgbm")
    rows = pd.DataFrame(
        {"code": pd.Series(values * 40).astype("category"), "size": np.arange(40.0 * len(values))}
    )
    settings = {"min_child_samples": 5, "min_data_per_group": 5, "cat_smooth": 0.0, "max_cat_to_onehot": 9}
    model = lightgbm.LGBMRegressor(n_estimators=8, n_jobs=1, verbose=-1, **settings)
    return model.fit(rows, rows["code"].cat.codes.astype(float)), rows


def written(path, texts, rows):
    pl.DataFrame({"code": texts * 40, "size": rows["size"].tolist()}).write_csv(path)
    return path


@pytest.mark.parametrize(
    ("values", "texts"), [([1, 2, 5], ["1.0", "2", "5.0"]), ([1.0, 2.5], ["1.0", "2.5"])]
)
def test_categories_that_are_numbers_are_told_by_their_numbers(values, texts, tmp_path):
    model, rows = of_lightgbm(values)
    found = mw.convert(model, example=written(tmp_path / "rows.csv", texts, rows), target="y")
    sent = [{"code": t, "size": s} for t, s in zip(texts * 40, rows["size"], strict=True)]
    np.testing.assert_allclose(found.predict(sent), model.predict(rows), rtol=1e-12)
    again = mw.convert(model, example=rows, target="y")
    np.testing.assert_allclose(again.predict(sent), model.predict(rows), rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "texts", "told"),
    [
        ([1, 2, 5], ["001", "002", "005"], "'001'.*'1' alone"),
        ([True, False], ["True", "False"], "'true' alone"),
    ],
)
def test_texts_by_which_a_file_would_not_know_its_category_are_refused(values, texts, told, tmp_path):
    model, rows = of_lightgbm(values)
    with pytest.raises(Misuse, match=told):
        mw.convert(model, example=written(tmp_path / "rows.csv", texts, rows), target="y")


def test_an_infinite_number_of_a_file_is_not_taken_for_a_missing_one(tmp_path):
    rows = pd.DataFrame({"size": [1.0, 2.0, np.inf, np.nan] * 30})
    model = HistGradientBoostingClassifier(max_iter=3).fit(rows.fillna(0.0).clip(0, 9), [0, 0, 1, 0] * 30)
    (tmp_path / "rows.csv").write_text("size\n1.0\n2.0\ninf\n")
    with pytest.raises(Misuse, match="infinite"):
        mw.convert(model, example=tmp_path / "rows.csv", target="y")
    found = mw.convert(
        model, example=tmp_path / "rows.csv", target="y", options=mw.ReadOptions(missing=("inf",))
    )
    assert found.schema.column("size").missing == ("inf",)
