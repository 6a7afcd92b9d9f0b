"""Boosters in full: own interfaces, categories, dropout, linear ones; what they do not say is refused."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ConversionRefused

lightgbm = pytest.importorskip("lightgbm")
catboost = pytest.importorskip("catboost")
xgboost = pytest.importorskip("xgboost")
pytestmark = pytest.mark.filterwarnings("ignore")

NUMBERS, TEXTS = ["age", "campaign", "pdays"], ["job", "marital"]
slow = pytest.mark.slow
QUIET = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}


@pytest.fixture(scope="module")
def table(bank):
    """Texts without missing ones, as CatBoost wants them, and as pandas' categories."""
    whole = bank.fillna({"job": "unknown"})
    return whole, whole.astype({"job": "category", "marital": "category"})


def levels(bank, classes):
    return (
        np.digitize(bank["euribor3m"], [1.4, 4.9][: classes - 1]) if classes else bank["euribor3m"].to_numpy()
    )


def alike(model, rows, said, *, near=1e-12):
    """The converted model, which answers as `said`: probabilities [N, K], or numbers [N]."""
    found = mw.convert(model, example=rows, target="level")
    if isinstance(rows, np.ndarray):
        rows = {f"x{j}": [None if v != v else v for v in rows[:, j].tolist()] for j in range(rows.shape[1])}
    if np.ndim(said) == 2:
        np.testing.assert_allclose(found.predict_proba(rows), said, atol=near)
    else:
        np.testing.assert_allclose(found.predict(rows), said, rtol=near)
    return found


@pytest.mark.parametrize(
    "settings", [{"max_cat_to_onehot": 1}, pytest.param({"num_parallel_tree": 2}, marks=slow)], ids=str
)
@pytest.mark.parametrize("classes", [0, pytest.param(2, marks=slow), pytest.param(3, marks=slow)])
def test_categories_of_xgboost_are_split_as_it_splits_them(classes, settings, table, bank):
    rows = table[1][[*NUMBERS, *TEXTS]]
    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    model = kind(n_estimators=12, n_jobs=1, max_depth=5, enable_categorical=True, **settings).fit(
        rows, levels(bank, classes)
    )
    if classes:
        found = alike(model, rows, model.predict_proba(rows), near=3e-7)
        assert (found.predict(rows) == model.predict(rows)).all()
    else:
        found = alike(model, rows, model.predict(rows), near=0)  # float32 sums to the last bit
        assert found.evaluation.parity.tolerance == 1e-9
    assert found.schema.column("job").allowed and found.schema.column("job").nullable


OBJECTIVES = {
    "binary:logistic": 2, "multi:softmax": 3, "multi:softprob": 3, "reg:squarederror": 0,
    "reg:logistic": 1, "count:poisson": 0, "reg:tweedie": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    "objective", [o if o == "multi:softmax" else pytest.param(o, marks=slow) for o in OBJECTIVES]
)
def test_a_booster_of_xgboost_answers_numbers_for_labels(objective, table, bank):
    rows, count = table[1][[*NUMBERS, *TEXTS]], OBJECTIVES[objective]
    y = levels(bank, count) if count != 1 else levels(bank, 0) / 10
    data = xgboost.DMatrix(rows, y, enable_categorical=True)
    settings = {"objective": objective, "nthread": 1} | ({"num_class": 3} if count == 3 else {})
    booster = xgboost.train(settings, data, 8)
    said = booster.predict(data).astype(np.float64)
    if objective == "multi:softmax":
        found = mw.convert(booster, example=rows, target="level")
        assert (found.predict(rows) == said).all()
    elif count == 2:
        alike(booster, rows, np.stack([1 - said, said], axis=1), near=3e-7)
    else:
        alike(booster, rows, said, near=0 if objective == "reg:squarederror" else 3e-7)


def test_a_booster_over_an_array_has_its_own_names_and_kinds_of_columns(bank):
    codes = bank["marital"].astype("category").cat.codes
    x = np.stack([bank["age"], bank["campaign"], codes], axis=1)
    data = xgboost.DMatrix(x, bank["euribor3m"], feature_types=["q", "q", "c"])
    booster = xgboost.train({"max_cat_to_onehot": 1, "nthread": 1}, data, 8)
    found = alike(booster, x, booster.predict(data).astype(np.float64), near=0)
    odd = x[:4].copy()
    odd[:, 2] = [1.5, np.nan, 7, 3e7]  # cut to 1; missing; never seen; beyond what XGBoost knows
    said = booster.predict(xgboost.DMatrix(odd, feature_types=["q", "q", "c"])).astype(np.float64)
    rows = {f"x{j}": [None if v != v else v for v in odd[:, j]] for j in range(3)}
    assert found.predict(rows).tolist() == said.tolist()


@slow
def test_the_rounds_that_did_best_answer_for_an_estimator_and_all_for_a_booster(bank):
    rows, y = bank[NUMBERS], bank["euribor3m"].to_numpy()
    settings = {"n_estimators": 40, "n_jobs": 1, "learning_rate": 1.0, "num_parallel_tree": 2}
    model = xgboost.XGBRegressor(early_stopping_rounds=2, **settings)
    model.fit(rows[:300], y[:300], eval_set=[(rows[300:], y[300:])], verbose=False)
    booster = model.get_booster()
    assert model.best_iteration + 1 < booster.num_boosted_rounds()
    alike(model, rows, model.predict(rows), near=0)
    alike(booster, rows, booster.predict(xgboost.DMatrix(rows)), near=0)


def test_a_number_may_stand_for_missing_in_xgboost(bank):
    rows = bank[["campaign", "pdays"]]
    model = xgboost.XGBRegressor(n_estimators=8, n_jobs=1, missing=999).fit(rows, bank["euribor3m"])
    alike(model, rows, model.predict(rows), near=0)


@pytest.mark.parametrize("name", [pytest.param("XGBRFClassifier", marks=slow), "XGBRFRegressor"])
def test_forests_of_xgboost_answer_alike(name, bank):
    rows, y = bank[NUMBERS], levels(bank, 2 if "Classifier" in name else 0)
    model = getattr(xgboost, name)(n_estimators=12, n_jobs=1).fit(rows, y)
    said = model.predict_proba(rows) if "Classifier" in name else model.predict(rows)
    alike(model, rows, said, near=3e-7)


@pytest.mark.parametrize("classes", [0, pytest.param(2, marks=slow), pytest.param(3, marks=slow)])
@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_dropout_and_linear_boosters_of_xgboost_are_near(booster, classes, bank):
    rows = bank[NUMBERS].fillna({"age": 40.0}) if booster == "gblinear" else bank[NUMBERS]
    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    settings = {"rate_drop": 0.4, "max_depth": 3} if booster == "dart" else {}
    model = kind(booster=booster, n_estimators=12, n_jobs=1, **settings).fit(rows, levels(bank, classes))
    said = model.predict_proba(rows) if classes else model.predict(rows)
    found = alike(model, rows, said, near=1e-5)
    assert found.evaluation.parity.tolerance == 1e-5


@pytest.mark.parametrize(
    ("objective", "why"),
    [("rank:pairwise", "orders the rows"), ("survival:cox", "hazard"), ("binary:hinge", "no probabilities")],
)
def test_what_xgboost_answers_that_is_no_target_is_refused(objective, why, bank):
    rows = bank[NUMBERS]
    data = xgboost.DMatrix(rows, levels(bank, 2))
    data.set_group([len(rows)])
    booster = xgboost.train({"objective": objective, "nthread": 1}, data, 2)
    with pytest.raises(ConversionRefused, match=why):
        mw.convert(booster, example=rows, target="level")


def test_several_targets_of_xgboost_are_refused(bank):
    rows, y = bank[NUMBERS], bank[["euribor3m", "pdays"]].to_numpy()
    model = xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(rows, y)
    with pytest.raises(ConversionRefused, match="several"):
        mw.convert(model, example=rows, target="level")
    booster = model.get_booster()
    with pytest.raises(ConversionRefused, match="several"):
        mw.convert(booster, example=rows, target="level")


CTRS = [
    {},
    {"one_hot_max_size": 5},
    {"max_ctr_complexity": 3, "depth": 7, "iterations": 40, "one_hot_max_size": 4},
    {
        "simple_ctr": ["Buckets", "Counter:Prior=0.5/1"],
        "combinations_ctr": ["BinarizedTargetMeanValue", "Borders"],
    },
    {"grow_policy": "Lossguide"},
]


@pytest.mark.parametrize("settings", [CTRS[2], *(pytest.param(c, marks=slow) for c in CTRS)], ids=str)
@pytest.mark.parametrize("classes", [0, pytest.param(2, marks=slow), pytest.param(3, marks=slow)])
def test_categories_of_catboost_answer_alike(classes, settings, table, bank):
    rows = table[0][[*NUMBERS, *TEXTS]]
    kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
    plain = {"iterations": 15, "cat_features": [1, 2, 3, 4]}
    model = kind(**QUIET | plain | settings).fit(rows, levels(bank, classes))
    said = model.predict_proba(rows) if classes else model.predict(rows)
    found = alike(model, rows, said)
    assert not found.schema.column("job").allowed  # what was never seen is an answer of CatBoost's too
    fresh = rows.iloc[:40].assign(job="clown", campaign=77)
    again = found.predict_proba(fresh) if classes else found.predict(fresh)
    np.testing.assert_allclose(
        again, model.predict_proba(fresh) if classes else model.predict(fresh), atol=1e-12
    )


def test_catboosts_categories_must_all_be_among_the_example(table, bank):
    rows = table[0][[*NUMBERS, *TEXTS]]
    for settings in ({"one_hot_max_size": 20}, {"one_hot_max_size": 1}):
        model = catboost.CatBoostClassifier(iterations=20, cat_features=TEXTS, **QUIET | settings)
        model.fit(rows, bank["y"])
        with pytest.raises(ConversionRefused, match="no row of the example has") as refused:
            mw.convert(model, example=rows[rows["job"] != "technician"].iloc[:100], target="y")
        assert "all rows" in refused.value.remedy and "CatBoostClassifier" in refused.value.where


@pytest.mark.parametrize("classes", [0, pytest.param(2, marks=slow)])
@pytest.mark.parametrize("way", [pytest.param("dart", marks=slow), "rf"])
def test_dropout_and_forests_of_lightgbm_answer_alike(way, classes, bank):
    rows = bank[NUMBERS]
    settings = {"boosting_type": way, "bagging_freq": 1, "bagging_fraction": 0.6, "drop_rate": 0.5}
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    model = kind(n_estimators=12, n_jobs=1, verbose=-1, **settings).fit(rows, levels(bank, classes))
    alike(model, rows, model.predict_proba(rows) if classes else model.predict(rows))


def test_numbers_that_are_categories_of_lightgbm_are_cut_to_whole_ones(bank):
    codes = bank["job"].astype("category").cat.codes
    x = np.stack([bank["age"], bank["campaign"], codes], axis=1)
    data = lightgbm.Dataset(x, bank["euribor3m"], categorical_feature=[2], params={"min_data_per_group": 5})
    booster = lightgbm.train({"verbose": -1, "num_threads": 1, "cat_smooth": 1.0}, data, 8)
    found = alike(booster, x, booster.predict(x))
    odd = np.repeat(x[:1], 6, axis=0)
    odd[:, 2] = [2.7, -0.5, -1.5, np.nan, 99, 5.0]
    rows = {f"x{j}": [None if v != v else v for v in odd[:, j].tolist()] for j in range(3)}
    np.testing.assert_allclose(found.predict(rows), booster.predict(odd), rtol=1e-12)


def lightgbm_of(bank, **settings):
    settings = {"verbose": -1, "num_threads": 1, "objective": "regression"} | settings
    data = lightgbm.Dataset(bank[NUMBERS], levels(bank, 2), group=[len(bank)])
    return lightgbm.train(settings, data, 3)


LIGHTGBM_REFUSED = [
    ({"linear_tree": True}, "linear models"),
    ({"objective": lambda raw, data: (raw - data.get_label(), np.ones_like(raw))}, "is code"),
    ({"objective": "lambdarank"}, "orders the rows"),
    ({"objective": "multiclassova", "num_class": 2}, "against the rest"),
    ({"zero_as_missing": True}, "zeros for missing"),
]


@pytest.mark.parametrize(("settings", "why"), LIGHTGBM_REFUSED, ids=[w for _, w in LIGHTGBM_REFUSED])
def test_what_lightgbm_answers_that_no_graph_does_is_refused(settings, why, bank):
    booster = lightgbm_of(bank, **settings)
    with pytest.raises(ConversionRefused, match=why):
        mw.convert(booster, example=bank[NUMBERS], target="level")


def test_shares_of_lightgbm_are_numbers_unless_they_are_of_classes(bank):
    booster = lightgbm_of(bank, objective="cross_entropy")
    alike(booster, bank[NUMBERS], booster.predict(bank[NUMBERS]))


@slow
def test_rankers_are_refused_by_what_they_answer(bank):
    rows, y, settings = bank[NUMBERS], levels(bank, 2), {"n_estimators": 2, "n_jobs": 1}
    group = np.zeros(len(rows), dtype=int)
    rankers = (
        lightgbm.LGBMRanker(verbose=-1, **settings).fit(rows, y, group=[len(rows)]),
        xgboost.XGBRanker(**settings).fit(rows, y, qid=group),
        catboost.CatBoostRanker(iterations=2, **QUIET).fit(rows, y, group_id=group),
    )
    for model in rankers:
        with pytest.raises(ConversionRefused, match="orders the rows"):
            mw.convert(model, example=rows, target="level")


@pytest.mark.parametrize(
    "loss", ["Logloss", *(pytest.param(loss, marks=slow) for loss in ("RMSE", "Poisson", "MultiClass"))]
)
def test_a_catboost_of_its_own_interface_answers_what_its_loss_means(loss, table, bank):
    rows, classes = table[0][[*NUMBERS, "marital"]], {"Logloss": 2, "MultiClass": 3}.get(loss, 0)
    pool = catboost.Pool(rows, levels(bank, classes), cat_features=["marital"])
    model = catboost.CatBoost(QUIET | {"loss_function": loss, "iterations": 8}).fit(pool)
    kind = "Probability" if classes else "Exponent" if loss == "Poisson" else "RawFormulaVal"
    alike(model, rows, model.predict(rows, prediction_type=kind))


@slow
def test_missing_numbers_are_the_largest_where_catboost_learned_it_so(bank):
    rows = bank[NUMBERS]
    y = np.where(rows["age"].isna() | (rows["age"] > 50), 1.0, 0.0)
    model = catboost.CatBoostRegressor(iterations=8, nan_mode="Max", **QUIET).fit(rows, y)
    alike(model, rows, model.predict(rows))


def test_texts_and_losses_that_catboost_alone_knows_are_refused(table, bank):
    rows = table[0][["campaign", "marital"]]
    rows = rows.assign(marital=rows["marital"] + " person seen here")
    model = catboost.CatBoostClassifier(iterations=2, text_features=["marital"], **QUIET).fit(rows, bank["y"])
    with pytest.raises(ConversionRefused, match="texts and embeddings"):
        mw.convert(model, example=rows, target="y")
    model = catboost.CatBoostRegressor(iterations=2, loss_function="LogLinQuantile", **QUIET)
    with pytest.raises(ConversionRefused, match="LogLinQuantile"):
        mw.convert(model.fit(rows[["campaign"]], bank["campaign"]), example=rows[["campaign"]], target="y")


def test_categories_that_a_step_made_are_refused(table, bank):
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    rows = table[0][[*NUMBERS, "marital"]]
    front = make_column_transformer((OrdinalEncoder(dtype=int), ["marital"]), ("passthrough", ["campaign"]))
    front.set_output(transform="pandas")
    model = catboost.CatBoostClassifier(iterations=3, cat_features=[0], one_hot_max_size=9, **QUIET)
    whole = make_pipeline(front, model).fit(rows, bank["y"])
    with pytest.raises(ConversionRefused, match="made by steps before it"):
        mw.convert(whole, example=rows, target="y")


def test_the_hash_of_categories_is_catboosts_own(bank):
    from mlwright.conversion.cityhash import cityhash64
    from mlwright.learners.catboost import content_of

    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcdé XYZ0"), size)) for size in range(1, 140)]
    pool = catboost.Pool(np.array(texts)[:, None], label=rng.integers(0, 2, len(texts)), cat_features=[0])
    settings = {"one_hot_max_size": 255, "iterations": 200, "depth": 1, "learning_rate": 1.0}
    model = catboost.CatBoostClassifier(**QUIET | settings).fit(pool)
    [feature] = content_of(model)["features_info"]["categorical_features"]
    ours = {cityhash64(text.encode()) % 2**32 for text in texts}
    assert len(feature["values"]) > 20 and {v % 2**32 for v in feature["values"]} <= ours
