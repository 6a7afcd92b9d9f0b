"""Files of models are told by their content; what is data is opened, what is code is not."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ExtraMissing, Misuse, ModelRefused, NotAModel, SourceUnreadable
from mlwright.conversion.files import kind_of_file, opened

lightgbm = pytest.importorskip("lightgbm")
catboost = pytest.importorskip("catboost")
xgboost = pytest.importorskip("xgboost")
pytestmark = pytest.mark.filterwarnings("ignore")

NUMBERS = ["age", "campaign", "pdays"]
QUIET = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}


@pytest.fixture(scope="module")
def fitted(bank):
    """By library, a classifier of two classes."""
    rows, y = bank[NUMBERS], (bank["y"] == "yes").astype(int)
    return {
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1).fit(rows, y),
        "xgboost": xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(rows, y),
        "catboost": catboost.CatBoostClassifier(iterations=4, **QUIET).fit(rows, y),
    }


def saved(model, library, form, path):
    if library == "lightgbm":
        model.booster_.save_model(path)
    elif library == "catboost":
        model.save_model(str(path), format=form)
    else:
        path.write_bytes(bytes(model.get_booster().save_raw(form)))
    return path


FORMS = [
    ("lightgbm", "txt"),
    ("xgboost", "json"),
    ("xgboost", "ubj"),
    ("catboost", "cbm"),
    ("catboost", "json"),
]


@pytest.mark.parametrize(("library", "form"), FORMS)
def test_a_boosters_own_file_becomes_a_model_whatever_its_name(library, form, fitted, bank, tmp_path):
    path = saved(fitted[library], library, form, tmp_path / "model.dat")
    found = mw.convert(path, example=bank[NUMBERS], target="y")
    said = fitted[library].predict_proba(bank[NUMBERS])
    np.testing.assert_allclose(found.predict_proba(bank[NUMBERS]), said, atol=3e-7)
    assert library in str(found.manifest.recipe["converted"]["versions"])


def test_an_estimator_of_xgboost_keeps_the_rounds_that_did_best(bank, tmp_path):
    rows, y = bank[NUMBERS], bank["euribor3m"].to_numpy()
    model = xgboost.XGBRegressor(n_estimators=40, n_jobs=1, learning_rate=1.0, early_stopping_rounds=2)
    model.fit(rows[:300], y[:300], eval_set=[(rows[300:], y[300:])], verbose=False)
    model.save_model(tmp_path / "model.json")
    found = opened(tmp_path / "model.json")
    assert found.best_iteration == model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    assert (found.predict(rows) == model.predict(rows)).all()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_told_by_its_content_and_never_opened(protocol, tmp_path):
    from sklearn.linear_model import LinearRegression

    data = pickle.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), protocol)
    for name, content in (("model.json", data), ("model.onnx", data), ("model.txt", gzip.compress(data))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(Misuse, match="pickle: reading it runs whatever code") as refused:
            mw.convert(path, example=np.zeros((2, 1)), target="y")
        assert "--trust" in refused.value.remedy and str(path) in refused.value.where


def test_what_is_no_model_is_told_with_the_near_miss(fitted, tmp_path):
    path = saved(fitted["lightgbm"], "lightgbm", "txt", tmp_path / "model.txt")
    with pytest.raises(SourceUnreadable, match="did you mean"):
        opened(tmp_path / "modle.txt")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(NotAModel, match="no model file of a known kind"):
        opened(tmp_path / "table.csv")
    with pytest.raises(NotAModel, match="is a folder"):
        opened(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    with pytest.raises(NotAModel, match="damaged: it is cut off") as refused:
        opened(path)
    assert "save or copy it once more" in refused.value.remedy
    assert kind_of_file(b"") == kind_of_file(b"{}") == kind_of_file(b"PK\x03\x04") == ""


def test_a_model_of_ones_own_is_loaded_not_converted(bank, fitted, tmp_path):
    path = mw.convert(fitted["lightgbm"], example=bank[NUMBERS], target="y").save(tmp_path / "own.mlw")
    with pytest.raises(NotAModel, match="already"):
        opened(path)


def test_a_library_that_is_absent_is_named(monkeypatch, fitted, tmp_path):
    import importlib.util

    path = saved(fitted["lightgbm"], "lightgbm", "txt", tmp_path / "model.txt")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match="lightgbm"):
        opened(path)


def test_a_file_of_skops_is_opened_where_all_its_types_are_known(bank, tmp_path):
    io = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    rows = bank[NUMBERS[1:]]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, bank["y"])
    io.dump(model, tmp_path / "model.skops")
    found = mw.convert(tmp_path / "model.skops", example=rows, target="y")
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
    odd = make_pipeline(FunctionTransformer(pickle.dumps), LogisticRegression())
    io.dump(odd, tmp_path / "odd.skops")
    with pytest.raises(ModelRefused, match="types that may be code") as refused:
        opened(tmp_path / "odd.skops")
    assert "dumps" in str(refused.value) and "skops.io.load" in refused.value.remedy


def test_an_imputed_pipeline_in_a_skops_file_needs_no_trust(bank, tmp_path):
    io = pytest.importorskip("skops.io")
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)).fit(bank[NUMBERS], bank["y"])
    io.dump(model, tmp_path / "model.skops")
    assert (opened(tmp_path / "model.skops").predict(bank[NUMBERS]) == model.predict(bank[NUMBERS])).all()
