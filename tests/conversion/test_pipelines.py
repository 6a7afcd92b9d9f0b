"""Fitted pipelines of scikit-learn answer in the graph as they do themselves, or are refused."""

from __future__ import annotations

import html
import warnings

import numpy as np
import pytest
from sklearn import (
    calibration,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    model_selection,
    pipeline,
    preprocessing,
    svm,
    tree,
)

import mlwright as mw
from mlwright.base.errors import ConversionRefused, Misuse, ParityFailed, RowsRefused, SchemaBroken
from mlwright.conversion.original import Example, Original

NUMBERS, TEXTS = ["age", "campaign", "pdays", "euribor3m"], ["job", "marital"]
pytestmark = pytest.mark.filterwarnings("ignore")


def prepared(encoder=None, scaler=None):
    """Numbers imputed and scaled, texts imputed and encoded."""
    encoder = encoder or preprocessing.OneHotEncoder(handle_unknown="ignore")
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), scaler or preprocessing.StandardScaler())
    texts = pipeline.make_pipeline(impute.SimpleImputer(strategy="most_frequent"), encoder)
    return compose.make_column_transformer((numbers, NUMBERS), (texts, TEXTS))


def logistic():
    return linear_model.LogisticRegression(max_iter=300)


def two(first, second):
    return [("first", first), ("second", second)]


def converted(model, bank, target, columns=(*NUMBERS, *TEXTS)):
    """The fitted model, and what became of it; compared with each other beyond the rows of the report."""
    rows, fresh = bank[list(columns)].iloc[:300], bank[list(columns)].iloc[300:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, target[:300])
    found = mw.convert(model, example=rows.iloc[:80], target="answer")
    answer = found.predict(fresh)
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(found.predict_proba(fresh), model.predict_proba(fresh), atol=1e-12)
        assert (answer == model.predict(fresh)).all()
    elif found.task == "regression":
        np.testing.assert_allclose(answer, model.predict(fresh), rtol=1e-10)
    else:
        assert (answer == model.predict(fresh)).all()
    assert found.evaluation.parity.rows > 100 and found.evaluation.parity.largest < 1e-11
    return found


CLASSIFIERS = [
    logistic(),
    linear_model.SGDClassifier(loss="log_loss", random_state=0),
    linear_model.SGDClassifier(loss="modified_huber", random_state=0),
    linear_model.RidgeClassifier(),
    svm.LinearSVC(),
    discriminant_analysis.LinearDiscriminantAnalysis(),
    tree.DecisionTreeClassifier(max_depth=5),
    ensemble.RandomForestClassifier(12, random_state=0),
    ensemble.ExtraTreesClassifier(12, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=8),
    ensemble.HistGradientBoostingClassifier(max_iter=8),
    ensemble.VotingClassifier(two(logistic(), tree.DecisionTreeClassifier()), voting="soft", weights=[2, 1]),
    ensemble.StackingClassifier(two(logistic(), tree.DecisionTreeClassifier(max_depth=3)), cv=2),
    calibration.CalibratedClassifierCV(logistic(), cv=2),
    calibration.CalibratedClassifierCV(
        ensemble.RandomForestClassifier(8, random_state=0), method="isotonic", cv=2
    ),
    model_selection.GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=2),
]


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_classifiers_answer_alike(model, classes, bank):
    month = np.array(["low", "middle", "high"])
    target = bank["y"] if classes == 2 else month[np.digitize(bank["euribor3m"], [1.4, 4.9])]
    columns = [*NUMBERS[:3], *TEXTS] if classes == 3 else [*NUMBERS, *TEXTS]
    front = compose.make_column_transformer(
        (pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), columns[:-2]),
        (one_hot(sparse_output=False), TEXTS),
    )
    found = converted(pipeline.make_pipeline(front, model), bank, np.asarray(target), columns)
    assert len(found.target.classes) == classes
    assert all(c.nullable and not c.allowed for c in found.schema.features)


@pytest.mark.parametrize(
    "model", [CLASSIFIERS[i] for i in (0, 1, 2, 7, 9, 12, 13)], ids=lambda m: type(m).__name__
)
def test_some_classifiers_of_three_classes_answer_alike(model, bank):
    test_classifiers_answer_alike(model, 3, bank)


REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.ElasticNet(alpha=0.01),
    linear_model.PoissonRegressor(),
    linear_model.TweedieRegressor(power=1.5),
    tree.DecisionTreeRegressor(max_depth=5),
    ensemble.RandomForestRegressor(12, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=8),
    ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson"),
    ensemble.VotingRegressor(two(linear_model.Ridge(), tree.DecisionTreeRegressor(max_depth=3))),
    ensemble.StackingRegressor(two(linear_model.Ridge(), tree.DecisionTreeRegressor(max_depth=3)), cv=2),
    compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1),
    compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_regressors_answer_alike(model, bank):
    target = bank["euribor3m"] * 2 + bank["age"].fillna(40) / 10
    found = converted(pipeline.make_pipeline(prepared(), model), bank, target.to_numpy())
    assert found.task == "regression"


def one_hot(**settings):
    return preprocessing.OneHotEncoder(**{"handle_unknown": "ignore"} | settings)


ENCODERS = [
    one_hot(drop="first"),
    one_hot(drop="if_binary"),
    one_hot(min_frequency=30, handle_unknown="infrequent_if_exist"),
    one_hot(max_categories=3, drop="first", handle_unknown="infrequent_if_exist"),
    preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=40),
    preprocessing.TargetEncoder(cv=2, random_state=0),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_encoders_answer_alike(encoder, bank):
    converted(pipeline.make_pipeline(prepared(encoder), logistic()), bank, bank["y"].to_numpy())


SCALERS = [
    preprocessing.MinMaxScaler(clip=True),
    preprocessing.MaxAbsScaler(),
    preprocessing.RobustScaler(),
    preprocessing.Normalizer(),
    preprocessing.Normalizer("max"),
    preprocessing.Binarizer(threshold=2),
    preprocessing.PolynomialFeatures(2),
    decomposition.PCA(2, whiten=True),
    feature_selection.SelectKBest(k=2),
    preprocessing.FunctionTransformer(np.log1p),
    preprocessing.FunctionTransformer(),
    pipeline.make_union(decomposition.PCA(2), preprocessing.StandardScaler()),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_steps_on_numbers_answer_alike(scaler, bank):
    columns = ["age", "campaign", "pdays", *TEXTS]
    front = compose.make_column_transformer(
        (pipeline.make_pipeline(impute.SimpleImputer(add_indicator=True), scaler), columns[:3]),
        (one_hot(), TEXTS),
    )
    converted(pipeline.make_pipeline(front, logistic()), bank, bank["y"].to_numpy(), columns)


def test_missing_and_unknown_texts_take_the_ways_that_the_encoder_has_for_them(bank):
    front = compose.make_column_transformer(
        (preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), TEXTS),
        remainder="passthrough",
    )
    boosted = ensemble.HistGradientBoostingClassifier(max_iter=15, categorical_features=[0, 1])
    found = converted(pipeline.make_pipeline(front, boosted), bank, bank["y"].to_numpy())
    assert found.schema.column("job").nullable


def test_missing_numbers_go_down_trees_as_they_learned_to(bank):
    target = np.where(
        bank["age"].isna() | (bank["age"] < 35), "yes", "no"
    )  # with the lesser ones, to the left
    for model in (
        tree.DecisionTreeClassifier(max_depth=4),
        ensemble.RandomForestClassifier(8, random_state=0),
    ):
        found = converted(model, bank, target, NUMBERS)
        assert found.schema.column("age").nullable


def test_categories_of_pandas_are_split_as_histogram_boosting_and_lightgbm_split_them(bank):
    import lightgbm

    table = bank.astype({"job": "category", "marital": "category"})
    for model in (
        ensemble.HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype"),
        lightgbm.LGBMClassifier(n_estimators=20, min_child_samples=5, verbose=-1, n_jobs=1),
    ):
        converted(model, table, bank["y"].to_numpy())


@pytest.mark.parametrize("objective", ["binary", "multiclass", "poisson", "regression"])
def test_a_booster_of_lightgbm_has_numbers_for_labels(objective, bank):
    import lightgbm

    y = np.digitize(bank["euribor3m"], [1.4] if objective == "binary" else [1.4, 4.9])
    settings = {"objective": objective, "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
    settings |= {"num_class": 3} if objective == "multiclass" else {}
    rows = bank[NUMBERS[:3]]
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, y), 8)
    found, said = mw.convert(booster, example=rows.iloc[:80], target="level"), booster.predict(rows)
    if objective == "multiclass":
        np.testing.assert_allclose(found.predict_proba(rows), said, atol=1e-12)
        assert (found.predict(rows) == said.argmax(axis=1)).all()
    elif objective == "binary":
        np.testing.assert_allclose(found.predict_proba(rows)[:, 1], said, atol=1e-12)
    else:
        np.testing.assert_allclose(found.predict(rows), said, rtol=1e-10)


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_boosters_that_compare_in_float32_answer_alike(classes, bank):
    catboost, xgboost = pytest.importorskip("catboost"), pytest.importorskip("xgboost")
    y = bank["euribor3m"] if not classes else np.digitize(bank["euribor3m"], [1.4, 4.9][: classes - 1])
    rows, quiet = (
        bank[NUMBERS[:3]],
        {"iterations": 12, "verbose": 0, "allow_writing_files": False, "thread_count": 1},
    )
    of_trees = (xgboost.XGBClassifier, catboost.CatBoostClassifier) if classes else (
        xgboost.XGBRegressor, catboost.CatBoostRegressor
    )  # fmt: skip
    for model, near in ((of_trees[0](n_estimators=12, n_jobs=1), 1e-5), (of_trees[1](**quiet), 1e-12)):
        model.fit(rows, y)
        found = mw.convert(model, example=rows.iloc[:80], target="level")
        if classes:
            np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=near)
            assert (found.predict(rows) == model.predict(rows).ravel()).all()
        else:
            np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=10 * near)
        assert found.schema.column("age").nullable


def test_what_the_model_does_not_take_the_schema_refuses(bank):
    front = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(), TEXTS[1:]), ("passthrough", NUMBERS[1:])
    )
    model = pipeline.make_pipeline(front, logistic())
    found = converted(model, bank, bank["y"].to_numpy(), [*NUMBERS[1:], "marital"])
    known = found.schema.column("marital")
    assert set(known.allowed) == set(bank["marital"][:300]) and not found.schema.column("pdays").nullable
    row = bank[[*NUMBERS[1:], "marital"]].iloc[0].to_dict()
    with pytest.raises(RowsRefused, match="marital"):
        found.predict(row | {"marital": "complicated"})
    with pytest.raises(RowsRefused, match="pdays"):
        found.predict(row | {"pdays": None})


def test_labels_keep_their_type(bank):
    for target in ((bank["y"] == "yes").to_numpy(), (bank["y"] == "yes").to_numpy().astype(int) + 3):
        found = converted(pipeline.make_pipeline(prepared(), logistic()), bank, target)
        assert found.predict(bank.iloc[:5]).dtype.kind == target.dtype.kind


def test_an_array_has_numbered_columns(bank):
    x, y = bank[NUMBERS[1:]].to_numpy(), bank["y"].to_numpy()
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), logistic()).fit(x, y)
    found = mw.convert(model, example=x[:50], target="y")
    rows = {f"x{i}": x[:, i].tolist() for i in range(3)}
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(x), atol=1e-12)


def test_rows_with_answers_evaluate_it_and_without_them_the_card_says_so(bank):
    model = pipeline.make_pipeline(prepared(), logistic()).fit(bank.iloc[:300], bank["y"][:300])
    rows = bank[[*NUMBERS, *TEXTS]].iloc[:100]
    alone = mw.convert(model, example=rows, target="y")
    assert not alone.evaluation.scores and "Not evaluated here" in alone.card
    assert "Nobody here knows how good it is" in alone.card
    judged = mw.convert(model, example=rows, target="y", data=bank.iloc[300:], owner="risk team")
    assert judged.evaluation.rows == 200 and judged.evaluation.score.metric == "roc_auc"
    assert "risk team" in judged.card and "scikit-learn" in judged.card
    assert mw.load(judged.to_bytes()).digest == judged.digest
    assert judged.explain(rows.iloc[:2]) is not None
    assert judged.coded() is not None  # as a server looks texts up before the graph


def test_a_class_of_ones_own_is_refused_with_its_name_and_place(bank):
    class Mine(preprocessing.StandardScaler):
        pass

    model = pipeline.make_pipeline(prepared(scaler=Mine()), logistic()).fit(bank, bank["y"])
    with pytest.raises(ConversionRefused) as refused:
        mw.convert(model, example=bank[[*NUMBERS, *TEXTS]].iloc[:20], target="y")
    assert "ColumnTransformer" in refused.value.where and "Mine" in refused.value.where
    assert "class of its own" in str(refused.value) and "sklearn.StandardScaler" in refused.value.remedy


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (preprocessing.FunctionTransformer(lambda x: x * 2), "is code"),
        (decomposition.NMF(2), "searches anew"),
    ],
)
def test_what_no_graph_does_is_refused(step, said, bank):
    model = pipeline.make_pipeline(prepared(scaler=step), logistic()).fit(bank, bank["y"])
    with pytest.raises(ConversionRefused, match=said):
        mw.convert(model, example=bank[[*NUMBERS, *TEXTS]].iloc[:20], target="y")


def test_texts_without_an_encoder_and_several_targets_are_refused(bank):
    x, y = bank[NUMBERS[1:]], np.stack([bank["pdays"], bank["campaign"]], axis=1)
    with pytest.raises(ConversionRefused, match="several"):
        mw.convert(linear_model.Ridge().fit(x, y), example=x.iloc[:20], target="y")


def test_a_model_that_answers_otherwise_than_its_parts_say_makes_no_file(bank, monkeypatch):
    model = pipeline.make_pipeline(prepared(), logistic()).fit(bank, bank["y"])
    rows = bank[[*NUMBERS, *TEXTS]].iloc[:50]
    honest = model.predict_proba  # of the class: an object's own method is refused before it is asked

    def otherwise(self, x):
        return honest(x) * [[0.999, 1.001]]

    monkeypatch.setattr(pipeline.Pipeline, "predict_proba", otherwise)
    with pytest.raises(ParityFailed, match="the example rows"):
        mw.convert(model, example=rows, target="y")


def test_a_model_that_answers_otherwise_at_the_edges_alone_makes_no_file(bank, monkeypatch):
    model = pipeline.make_pipeline(prepared(), logistic()).fit(bank, bank["y"])
    rows = bank[[*NUMBERS, *TEXTS]].iloc[:50]
    honest = model.predict_proba

    def otherwise(self, x):
        return np.where((x["campaign"] > 5e5).to_numpy()[:, None], 0.5, honest(x))

    monkeypatch.setattr(pipeline.Pipeline, "predict_proba", otherwise)
    with pytest.raises(ParityFailed, match="rows at the edges"):
        mw.convert(model, example=rows, target="y")


def test_rows_at_the_edges_that_the_original_only_rounds_are_not_compared(bank):
    rows = bank[["euribor3m", "pdays"]].astype(float)
    noisy = pipeline.make_pipeline(preprocessing.FunctionTransformer(np.sin), linear_model.Ridge())
    steady = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge())
    for model in (noisy, steady):
        model.fit(rows, bank["campaign"])
    asked = [{"euribor3m": 1e13, "pdays": 1.0}, {"euribor3m": 1.0, "pdays": 1.0}]
    example = Example(rows).changed(asked)
    assert Original(noisy).steady(example, 1e-9).tolist() == [False, True]
    assert Original(steady).steady(example, 1e-9).tolist() == [True, True]


def test_wrong_arguments_are_told(bank):
    model = pipeline.make_pipeline(prepared(), logistic()).fit(bank, bank["y"])
    rows = bank[[*NUMBERS, *TEXTS]].iloc[:20]
    with pytest.raises(SchemaBroken, match="fitted on columns that are not there: 'age'"):
        mw.convert(model, example=rows.drop(columns="age"), target="y")
    with pytest.raises(Misuse, match="takes a pandas frame, an array"):
        mw.convert(model, example=rows.to_dict("records"), target="y")
    with pytest.raises(Misuse, match="among its columns"):
        mw.convert(model, example=rows, target="job")
    with pytest.raises(Misuse, match="spaces around it"):
        mw.convert(model, example=rows.rename(columns={"age": " age"}), target="y")
    with pytest.raises(Misuse, match="no rows"):
        mw.convert(model, example=rows.iloc[:0], target="y")
    with pytest.raises(Misuse, match="was not fitted"):
        mw.convert(pipeline.make_pipeline(prepared(), logistic()), example=rows, target="y")


def test_what_is_no_model_of_another_library_is_told(bank):
    rows = bank[["campaign", "euribor3m"]].iloc[:60]
    with pytest.raises(Misuse, match="the class Ridge, which cannot predict"):
        mw.convert(linear_model.Ridge, example=rows, target="y")
    with pytest.raises(Misuse, match="a ndarray, which cannot predict"):
        mw.convert(np.arange(3), example=rows, target="y")
    model = mw.convert(linear_model.Ridge().fit(rows, rows["campaign"]), example=rows, target="y")
    estimator = mw.Regressor()
    estimator.model_ = model
    for ours in (model, estimator):
        with pytest.raises(ConversionRefused, match=r"is a Model already.*model_\.save"):
            mw.convert(ours, example=rows, target="y")


def test_what_a_converted_file_does_not_know_it_does_not_claim(bank, tmp_path):
    rows = bank[[*NUMBERS, *TEXTS]]
    model = pipeline.make_pipeline(prepared(), logistic()).fit(rows, bank["y"])
    alone = mw.convert(model, example=rows.iloc[:50], target="y")
    judged = mw.convert(model, example=rows.iloc[:50], target="y", data=bank)
    for found in (alone, judged):
        page = mw.report(found, tmp_path / "card.html").read_text()
        assert "No check looked at its data" in page and "No check looked at its data" in found.card
        assert "had not seen" not in page and "What it was trained on" not in page
        assert "mw.convert(MODEL, example=ROWS" in html.unescape(page) and "On the command line" not in page


def test_what_a_row_took_before_and_takes_now_is_told_wherever_costs_are(bank, tmp_path, capsys):
    from mlwright.cli import main

    rows = bank[[*NUMBERS, *TEXTS]]
    model = pipeline.make_pipeline(prepared(), logistic()).fit(rows, bank["y"])
    found = mw.convert(model, example=rows.iloc[:50], target="y")
    timings = mw.load(found.save(tmp_path / "y.mlw")).timings
    assert timings.original_us > timings.cpu_us_p50 > 0
    before = timings.original_said
    assert (
        f"one row: {before} before, " in repr(found)
        and f"before it was converted {before}, " in found._repr_html_()
    )
    assert f"one row cost {before} there" in found.card
    assert "one row before it was converted" in mw.report(found, tmp_path / "card.html").read_text()
    assert main(["show", str(tmp_path / "y.mlw")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{before} before it was converted" in said


def test_whole_numbers_as_floats_are_classes_as_whole_numbers_are(bank):
    rows, y = bank[["campaign", "euribor3m"]].fillna(1), np.where(bank["euribor3m"] > 2, 2.0, 1.0)
    model = linear_model.LogisticRegression().fit(rows, y)
    found = mw.convert(model, example=rows, target="y")
    assert (found.target.label_type, found.target.classes) == ("integer", ("1", "2"))
    assert found.predict(rows[:50]).tolist() == model.predict(rows[:50]).tolist()


@pytest.mark.parametrize("as_frame", [True, False])
def test_rows_of_single_numbers_are_asked_as_doubles(bank, as_frame):
    rows = bank[["campaign", "euribor3m"]].fillna(1).astype("float32")
    given = rows if as_frame else rows.to_numpy()
    model = linear_model.LogisticRegression().fit(given, bank["y"])
    found = mw.convert(model, example=given, target="y")
    assert found.evaluation.parity.largest < 1e-12
    doubles = rows.astype("float64")
    ours = found.predict_proba(doubles.set_axis(found.schema.names[:2], axis=1))
    theirs = model.predict_proba(doubles if as_frame else doubles.to_numpy())
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
