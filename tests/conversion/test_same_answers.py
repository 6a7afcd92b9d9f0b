"""Rows that were not compared when a model was converted are answered alike, or refused: numbers far out and
next to nothing, ties, whole numbers, other ways to write a missing value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    calibration,
    compose,
    decomposition,
    ensemble,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    multiclass,
    naive_bayes,
    pipeline,
    preprocessing,
    tree,
)

import mlwright as mw
from mlwright.base.errors import ConversionRefused, RowsRefused

pytestmark = pytest.mark.filterwarnings("ignore")
RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(RNG.normal(size=(160, 3)).round(2), columns=["a", "b", "c"])
YES = np.where(ROWS.a + ROWS.b > 0, "yes", "no")


def logistic():
    return linear_model.LogisticRegression()


def fitted(step, rows=ROWS, target=YES):
    """A step, and a logistic regression behind it."""
    return pipeline.make_pipeline(step, logistic()).fit(rows, target)


def converted(model, rows=ROWS):
    return mw.convert(model, example=rows.iloc[:50], target="answer")


def alike(model, asked, rows=ROWS):
    """The file of a model, which answers rows as the model does."""
    found = converted(model, rows)
    asked = pd.DataFrame(asked, columns=rows.columns)
    np.testing.assert_allclose(found.predict_proba(asked), model.predict_proba(asked), atol=1e-9)
    assert (found.predict(asked) == model.predict(asked)).all()
    return found


@pytest.mark.parametrize("norm", ["l2", *(pytest.param(n, marks=pytest.mark.slow) for n in ("l1", "max"))])
def test_a_row_of_next_to_no_length_is_not_stretched(norm):
    alike(fitted(preprocessing.Normalizer(norm)), [[1e-17, 1e-17, 2e-17], [1e-3, 0, 0], [0, 0, 0]])


def test_a_forest_whose_trees_are_even_answers_the_first_class():
    rows = pd.DataFrame(RNG.random((90, 2)), columns=["a", "b"])
    target = np.where(RNG.random(90) < 0.5, "heads", "tails")
    forest = ensemble.ExtraTreesClassifier(22, random_state=0).fit(rows, target)
    asked = pd.DataFrame(RNG.random((600, 2)), columns=["a", "b"])
    tied = asked[forest.predict_proba(asked)[:, 0] == 0.5]
    assert len(tied)
    alike(forest, tied, rows)


@pytest.mark.slow
def test_a_vote_whose_weights_are_even_answers_as_they_add_up():
    always = [tree.DecisionTreeClassifier(max_depth=1) for _ in range(3)]
    each = [(str(i), e) for i, e in enumerate(always)]
    rows = pd.DataFrame({"a": [0.0, 1.0] * 40})
    weights = [0.1, 0.2, 0.3]  # 0.1 and 0.2 are more than 0.3, in doubles
    vote = ensemble.VotingClassifier(each, voting="hard", weights=weights).fit(rows, [0, 1] * 40)
    vote.estimators_[2] = tree.DecisionTreeClassifier(max_depth=1).fit(rows, [1, 0] * 40)
    assert (converted(vote, rows).predict(rows) == vote.predict(rows)).all()
    vote.set_params(weights=[0.3, 0.3, 0.6])
    assert (converted(vote, rows).predict(rows) == vote.predict(rows)).all()


def test_log_odds_of_nothing_are_answered_as_by_the_original():
    rows = pd.DataFrame({"a": [0.0, 0.0, 1.0, 1.0, 2.0, 2.0] * 10})
    target = ["heads", "tails", "heads", "heads", "tails", "tails"] * 10
    boosted = ensemble.GradientBoostingClassifier(n_estimators=1, max_depth=2).fit(rows, target)
    assert boosted.decision_function(rows[:1])[0] == 0
    alike(boosted, [[0.0], [1.0], [2.0]], rows)
    alike(multiclass.OneVsRestClassifier(boosted).fit(rows, target), [[0.0], [1.0], [2.0]], rows)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (tree.DecisionTreeClassifier(max_depth=3), 1e38),
        (pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), logistic()), 1e150),
        (logistic(), None),
    ],
    ids=["tree", "squares", "line"],
)
def test_numbers_farther_than_the_original_takes_are_refused(model, most):
    model.fit(ROWS, YES)
    found = alike(model, [[1e30, 0.1, 0.2], [-1e30, 0.1, 0.2]])
    column = found.schema.column("a")
    assert (column.least, column.most) == (most and -most, most)
    far = {"a": 1e300, "b": 0.1, "c": 0.2}
    if most is None:
        assert found.predict(far)[0] == model.predict(pd.DataFrame([far]))[0]
        return
    with pytest.raises(ValueError, match="infinity"):
        model.predict(pd.DataFrame([far]))
    with pytest.raises(RowsRefused, match="over what is allowed"):
        found.predict(far)


def test_numbers_farther_than_the_graph_follows_are_refused(monkeypatch):
    model = logistic().fit(ROWS, YES)
    honest = model.predict_proba

    def otherwise(self, x):  # as where a sum overflows
        return np.where((np.abs(x["b"]) > 3e12).to_numpy()[:, None], 0.5, honest(x))

    monkeypatch.setattr(linear_model.LogisticRegression, "predict_proba", otherwise)
    column = converted(model).schema.column("b")
    assert (column.least, column.most) == (-1e12, 1e12)


def test_a_large_number_of_the_example_is_not_forbidden():
    rows = ROWS.assign(c=1.7e18 + ROWS.c * 1e9)
    model = fitted(preprocessing.StandardScaler(), rows)
    assert converted(model, rows).predict(rows).shape == (160,)


def test_whole_numbers_that_doubles_do_not_tell_apart_are_refused_as_categories():
    rows = ROWS.assign(c=2**53 + 2 * RNG.integers(0, 2, 160))
    with pytest.raises(ConversionRefused, match="the next one is the same") as refused:
        converted(fitted(preprocessing.OneHotEncoder(handle_unknown="ignore"), rows), rows)
    assert "astype(str)" in refused.value.remedy


def test_squares_of_whole_numbers_are_refused_since_they_run_over():
    rows = pd.DataFrame({"a": RNG.integers(0, 9, 160)})
    with pytest.raises(ConversionRefused, match="turn negative"):
        converted(fitted(preprocessing.FunctionTransformer(np.square), rows), rows)
    alike(fitted(preprocessing.FunctionTransformer(np.square), rows * 1.0), [[4e9], [3.0]], rows * 1.0)


@pytest.mark.slow
def test_columns_of_small_whole_numbers_are_compared_beyond_their_type():
    rows = pd.DataFrame({"a": RNG.integers(0, 9, 160), "b": RNG.integers(0, 2, 160)}).astype("int8")
    alike(fitted(preprocessing.StandardScaler(), rows), [[3, 1], [300, 1], [-4, 0]], rows)


def of_texts(*steps):
    """Steps for the column of texts, and the numbers beside them."""
    return compose.make_column_transformer((pipeline.make_pipeline(*steps), ["k"]), remainder="passthrough")


TEXTS = ROWS.assign(k=pd.Series(RNG.choice(["u", "v", "w"], 160), dtype=object))


@pytest.mark.slow
def test_none_is_the_missing_value_of_a_model_that_was_given_none():
    rows = TEXTS.copy()
    rows.loc[::7, "k"] = None
    assert rows["k"].isna().any() and not rows["k"].map(lambda v: v != v).any()
    for steps in (
        (preprocessing.OneHotEncoder(handle_unknown="ignore"),),
        (
            impute.SimpleImputer(missing_values=None, strategy="most_frequent"),
            preprocessing.OneHotEncoder(handle_unknown="ignore"),
        ),
    ):
        alike(fitted(of_texts(*steps), rows), rows.iloc[:20], rows)


def test_a_text_that_one_step_fills_in_and_another_does_not_take_is_refused():
    fill = impute.SimpleImputer(strategy="constant", fill_value="absent")
    found = converted(fitted(of_texts(fill, preprocessing.OneHotEncoder()), TEXTS), TEXTS)
    assert set(found.schema.column("k").allowed) == {"u", "v", "w"}
    row = TEXTS.iloc[0].to_dict()
    with pytest.raises(RowsRefused, match="not one of the texts"):
        found.predict(row | {"k": "absent"})


@pytest.mark.slow
def test_parts_of_a_step_by_columns_have_weights():
    front = compose.ColumnTransformer(
        [("s", preprocessing.StandardScaler(), ["a", "b"])],
        transformer_weights={"s": 3.0, "remainder": 0.5},
        remainder="passthrough",
    )
    alike(fitted(front), ROWS.iloc[:20] * 3)


@pytest.mark.skipif(not hasattr(preprocessing.MaxAbsScaler(), "clip"), reason="of scikit-learn 1.8 and later")
def test_the_scale_of_the_largest_may_be_clipped():
    alike(fitted(preprocessing.MaxAbsScaler(clip=True)), ROWS.iloc[:20] * 9)


def test_a_column_that_hardly_varies_is_whitened_as_by_the_original():
    rows = ROWS.assign(c=ROWS.a)
    alike(fitted(decomposition.PCA(3, whiten=True), rows), rows.iloc[:20], rows)


@pytest.mark.slow
def test_a_kernel_is_told_what_stands_in_its_settings():
    alike(fitted(kernel_approximation.Nystroem(n_components=5, kernel_params={"gamma": 2.0})), ROWS.iloc[:20])


@pytest.mark.skipif(not hasattr(calibration, "_TemperatureScaling"), reason="of scikit-learn 1.8 and later")
@pytest.mark.slow
@pytest.mark.parametrize("kind", [linear_model.LogisticRegression, naive_bayes.GaussianNB])
@pytest.mark.parametrize("classes", ["two", "two numbers", "three"])
def test_classes_are_calibrated_by_a_temperature(kind, classes):
    three = np.array(["low", "middle", "high"])[np.digitize(ROWS.a, [-0.5, 0.5])]
    target = {"two": YES, "two numbers": (YES == "yes") + 3, "three": three}[classes]
    alike(calibration.CalibratedClassifierCV(kind(), method="temperature", cv=2).fit(ROWS, target), ROWS[:40])


@pytest.mark.slow
def test_scores_of_boosting_are_calibrated_as_they_are():
    three = np.digitize(ROWS.a, [-0.5, 0.5])
    for inner, target in (
        (ensemble.AdaBoostClassifier(n_estimators=4, random_state=0), three),
        (ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=4), YES),
    ):
        alike(calibration.CalibratedClassifierCV(inner, cv=2).fit(ROWS, target), ROWS[:40])


@pytest.mark.slow
def test_whole_numbers_of_categories_are_cut_towards_nought():
    rows = pd.DataFrame({"a": RNG.integers(0, 4, 160) - 0.5, "b": RNG.integers(0, 3, 160)}).clip(lower=-0.5)
    bayes = naive_bayes.CategoricalNB(min_categories=4).fit(rows.astype(int), YES)
    alike(bayes, [[-0.5, 1.0], [0.4, 2.0], [2.5, 0.0]], rows)


def test_a_link_is_that_which_was_fitted():
    model = linear_model.TweedieRegressor(power=1.5).fit(ROWS, np.exp(ROWS.a))
    model.set_params(power=0)
    np.testing.assert_allclose(converted(model).predict(ROWS), model.predict(ROWS), rtol=1e-9)


def test_only_the_very_functions_are_undone():
    def expm1(x):
        return np.maximum(np.expm1(x), 0.0)

    model = compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=expm1)
    with pytest.raises(ConversionRefused, match="is not undone"):
        converted(model.fit(ROWS, np.exp(ROWS.a)))


def test_a_method_that_was_replaced_is_refused():
    model = fitted(preprocessing.StandardScaler())
    scaler = model.steps[0][1]
    scaler.transform = lambda x: np.clip((x - scaler.mean_) / scaler.scale_, -1e9, 1e9)
    with pytest.raises(ConversionRefused, match="transform was replaced") as refused:
        converted(model)
    assert "StandardScaler" in refused.value.where


def test_isotonic_steps_that_round_what_they_are_asked_are_refused():
    rows = ROWS[["a"]].astype("float32")
    model = isotonic.IsotonicRegression(out_of_bounds="clip").fit(rows, ROWS.a * 2)
    with pytest.raises(ConversionRefused, match="single numbers"):
        converted(model, rows)


@pytest.mark.parametrize("kind", ["object", pytest.param("category", marks=pytest.mark.slow)])
def test_numbers_that_are_categories_are_compared_as_numbers(kind):
    rows = ROWS.assign(k=pd.Series(RNG.integers(0, 5, 160)).astype(kind))
    model = fitted(of_texts(preprocessing.OneHotEncoder(handle_unknown="ignore")), rows)
    found = mw.convert(model, example=rows[rows.k.astype(int) < 3].iloc[:40], target="answer")
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-9)


@pytest.mark.parametrize(
    "columns", [[0], pytest.param(slice(0, 1), marks=pytest.mark.slow), np.array([True, False, False, False])]
)
def test_places_of_a_frame_are_those_of_the_columns_that_it_was_fitted_on(columns):
    front = compose.ColumnTransformer([("s", preprocessing.StandardScaler(), columns)], remainder="drop")
    rows = ROWS.assign(d=ROWS.a * ROWS.b)
    other = rows[["d", "c", "b", "a"]]
    alike(fitted(front, rows), other.iloc[:20], other)


def test_settings_that_were_changed_after_the_fit_count_as_far_as_the_original_heeds_them():
    boosted = ensemble.GradientBoostingClassifier(n_estimators=3).fit(ROWS, YES)
    alike(boosted.set_params(loss="exponential"), ROWS.iloc[:20])
    scaled = fitted(preprocessing.RobustScaler())
    alike(scaled.set_params(robustscaler__with_centering=False), ROWS.iloc[:20])
    each = [("one", logistic()), ("other", tree.DecisionTreeClassifier(max_depth=2))]
    vote = ensemble.VotingClassifier(each, voting="soft").fit(ROWS, YES)
    alike(vote.set_params(one="drop"), ROWS.iloc[:20])
