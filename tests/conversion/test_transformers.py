"""Every transformer of scikit-learn is converted, to the last digits, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import (
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    kernel_approximation,
    linear_model,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # it adds IterativeImputer
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.utils import all_estimators

import mlwright as mw
from mlwright.base.errors import ConversionRefused, Misuse
from mlwright.conversion.registry import ends, stepped, steps
from mlwright.conversion.transformers import REFUSED_STEPS

pytestmark = pytest.mark.filterwarnings("ignore")

scaled = preprocessing.StandardScaler
NUMBERS = ["age", "campaign", "pdays", "euribor3m"]
ON_TEXTS = {"CountVectorizer", "TfidfTransformer", "TfidfVectorizer"}


def test_every_transformer_is_converted_or_refused_with_a_reason():
    known = {f"sklearn.{name}" for name, _ in all_estimators(type_filter="transformer")}
    known |= {f"sklearn.{kind.__name__}" for kind in (CountVectorizer, TfidfTransformer, TfidfVectorizer)}
    assert known <= steps().keys() | REFUSED_STEPS.keys()
    assert not steps().keys() & REFUSED_STEPS.keys()
    assert all(reason and remedy for reason, remedy in REFUSED_STEPS.values())


@pytest.mark.parametrize("name", sorted(REFUSED_STEPS))
def test_what_is_refused_is_told_with_its_reason(name):
    kind = type(name.split(".")[1], (), {"__module__": "sklearn.somewhere"})
    with pytest.raises(ConversionRefused) as refused:
        stepped(kind(), None, "step")
    reason, remedy = REFUSED_STEPS[name]
    assert reason in str(refused.value) and refused.value.remedy == remedy
    assert refused.value.where == f"step ({kind.__name__})"


@pytest.fixture(scope="module")
def rows(bank):
    return bank[NUMBERS].fillna({"age": 40.0}).astype(float)


def compared(step, rows, bank, at_edges=1e-11):
    """What a logistic regression on the step's columns answers, in the graph as in the original."""
    end = linear_model.LogisticRegression(max_iter=300)
    model = pipeline.make_pipeline(step, scaled(with_mean=False), end).fit(rows[:300], bank["y"][:300])
    found = mw.convert(model, example=rows[:60], target="y")
    fresh = rows[300:]
    np.testing.assert_allclose(found.predict_proba(fresh), model.predict_proba(fresh), atol=1e-11)
    assert found.evaluation.parity.largest < at_edges and found.evaluation.parity.rows > 60
    return found


def after(first, step):
    return pipeline.make_pipeline(first, step)


BENT = [
    preprocessing.QuantileTransformer(n_quantiles=50),
    preprocessing.QuantileTransformer(n_quantiles=300, output_distribution="normal"),
    preprocessing.PowerTransformer(),
    after(preprocessing.MinMaxScaler((1, 2)), preprocessing.PowerTransformer("box-cox", standardize=False)),
    preprocessing.KBinsDiscretizer(4, encode="ordinal"),
    preprocessing.KBinsDiscretizer(4, strategy="uniform"),
    preprocessing.SplineTransformer(4),
    preprocessing.SplineTransformer(5, degree=2, extrapolation="linear", include_bias=False),
]
MORE_BENT = [
    preprocessing.KBinsDiscretizer(3, encode="onehot-dense", strategy="kmeans"),
    *(
        preprocessing.SplineTransformer(4, degree=degree, extrapolation=beyond, include_bias=bias)
        for degree in (0, 1, 3)
        for beyond in ("constant", "continue", "periodic", "error", "linear")
        for bias in (True, False)
        if (degree, beyond) not in ((0, "linear"), (1, "linear"), (0, "periodic"), (0, "constant"))
    ),
]
TURNED = [
    decomposition.FastICA(3, random_state=0),
    decomposition.FastICA(whiten=False, random_state=0),
    decomposition.FactorAnalysis(2),
    decomposition.IncrementalPCA(2, whiten=True),
    decomposition.KernelPCA(2, kernel="rbf"),
    decomposition.KernelPCA(2, kernel="poly", degree=2),
    kernel_approximation.Nystroem(n_components=15, random_state=0),
    kernel_approximation.Nystroem("laplacian", gamma=0.3, n_components=10, random_state=0),
    kernel_approximation.RBFSampler(n_components=20, random_state=0),
    cluster.KMeans(3, random_state=0),
    cluster.MiniBatchKMeans(3, random_state=0),
    cluster.BisectingKMeans(3, random_state=0),
    cluster.Birch(threshold=1.0),
    cluster.FeatureAgglomeration(2),
    random_projection.GaussianRandomProjection(2, random_state=0),
    random_projection.SparseRandomProjection(2, random_state=0),
    neighbors.NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=0),
    neural_network.BernoulliRBM(4, n_iter=2, random_state=0),
    discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen"),
    ensemble.RandomTreesEmbedding(6, max_depth=3, random_state=0),
]
WAVES = [
    kernel_approximation.AdditiveChi2Sampler(sample_steps=3),
    kernel_approximation.SkewedChi2Sampler(n_components=12, random_state=0),
]
ELSEWHERE = {
    "Binarizer", "FunctionTransformer", "MaxAbsScaler", "MinMaxScaler", "Normalizer", "OneHotEncoder",
    "OrdinalEncoder", "PCA", "PolynomialFeatures", "RobustScaler", "StandardScaler", "TargetEncoder",
    "SimpleImputer", "ColumnTransformer", "FeatureUnion", "Pipeline", "SelectKBest",
}  # fmt: skip
"""Compared in test_pipelines."""
SELECTED = [
    decomposition.TruncatedSVD(2),
    feature_selection.GenericUnivariateSelect(mode="k_best", param=2),
    feature_selection.RFE(linear_model.LogisticRegression(), n_features_to_select=2),
    feature_selection.RFECV(linear_model.LogisticRegression(), cv=2),
    feature_selection.SelectFdr(alpha=0.9),
    feature_selection.SelectFpr(alpha=0.9),
    feature_selection.SelectFromModel(linear_model.LogisticRegression()),
    feature_selection.SelectFwe(alpha=0.9),
    feature_selection.SelectPercentile(percentile=60),
    feature_selection.SequentialFeatureSelector(
        linear_model.LogisticRegression(), n_features_to_select=2, cv=2
    ),
    feature_selection.VarianceThreshold(),
]
HOLES = [
    impute.IterativeImputer(random_state=0),
    impute.IterativeImputer(
        linear_model.Ridge(), add_indicator=True, min_value=0, n_nearest_features=2, random_state=0
    ),
    impute.IterativeImputer(
        ensemble.RandomForestRegressor(3, max_depth=3, random_state=0),
        max_iter=2, initial_strategy="median", skip_complete=True, random_state=0,
    ),
    impute.MissingIndicator(features="all"),
]  # fmt: skip


@pytest.mark.parametrize("step", [BENT[1], BENT[3]], ids=str)
def test_columns_are_bent_alike(step, rows, bank):
    compared(step, rows, bank)


@pytest.mark.slow
@pytest.mark.parametrize("step", [BENT[0], BENT[2], *BENT[4:7], *MORE_BENT, *SELECTED], ids=str)
def test_columns_are_bent_and_chosen_alike_by_less_usual_steps(step, rows, bank):
    inside = rows.clip(rows[:300].min(), rows[:300].max(), axis=1)
    compared(step, inside if getattr(step, "extrapolation", "") == "error" else rows, bank)


@pytest.mark.parametrize("step", [BENT[7], TURNED[6], TURNED[20]], ids=str)
def test_columns_are_turned_alike(step, rows, bank):
    compared(after(scaled(), step), rows, bank)


@pytest.mark.slow
@pytest.mark.parametrize("step", TURNED, ids=str)
def test_columns_are_turned_alike_by_every_step(step, rows, bank):
    # Of a wave at a million only the first digits are left.
    wave = isinstance(step, kernel_approximation.RBFSampler)
    compared(after(scaled(), step), rows, bank, at_edges=1e-9 if wave else 1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("step", WAVES, ids=str)
def test_samplers_of_chi_square_answer_alike(step, rows, bank):
    compared(after(preprocessing.MinMaxScaler(clip=True), step), rows, bank)


@pytest.mark.slow
@pytest.mark.parametrize("step", HOLES, ids=lambda s: str(s)[:60])
def test_holes_are_filled_alike(step, bank):
    rows = bank[NUMBERS].astype(float).mask(np.random.default_rng(1).random((500, 4)) < 0.1)
    found = compared(step, rows, bank)
    assert all(c.nullable for c in found.schema.features)


def test_holes_are_filled_in_rounds(bank):
    test_holes_are_filled_alike(HOLES[0], bank)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        preprocessing.QuantileTransformer(n_quantiles=50, output_distribution="normal"),
        preprocessing.PowerTransformer(),
        preprocessing.SplineTransformer(4, handle_missing="zeros"),
    ],
    ids=str,
)
def test_missing_values_go_through_bent_columns_as_they_do_in_the_original(step, bank):
    found = compared(after(step, impute.SimpleImputer()), bank[NUMBERS].astype(float), bank)
    assert found.schema.column("age").nullable


def test_each_converted_transformer_is_compared_in_some_test():
    tried = [*BENT, *MORE_BENT, *TURNED, *WAVES, *SELECTED, *HOLES]
    kinds = {type(s.steps[-1][1] if hasattr(s, "steps") else s).__name__ for s in tried}
    assert {f"sklearn.{k}" for k in kinds | ELSEWHERE | ON_TEXTS} == steps().keys()
    assert "sklearn.LogisticRegression" in ends()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (impute.IterativeImputer(sample_posterior=True, max_iter=2), "draws by lot"),
        (preprocessing.SplineTransformer(4, degree=0), "beyond its last knot"),
        (preprocessing.SplineTransformer(4, degree=1, extrapolation="linear"), "other knots"),
        (preprocessing.KBinsDiscretizer(3, dtype=np.float32), "rounds before it compares"),
        (cluster.FeatureAgglomeration(2, pooling_func=np.max), "pooling_func='max'"),
    ],
)
def test_settings_that_no_graph_can_follow_are_refused(step, said, rows, bank):
    model = pipeline.make_pipeline(step, linear_model.LogisticRegression()).fit(rows, bank["y"])
    with pytest.raises(ConversionRefused, match=said):
        mw.convert(model, example=rows[:20], target="y")


def test_columns_of_dates_are_refused_with_what_to_do(rows, bank):
    import pandas as pd

    model = pipeline.make_pipeline(
        compose.make_column_transformer(("passthrough", NUMBERS), (preprocessing.OneHotEncoder(), ["at"])),
        linear_model.LogisticRegression(),
    )
    dated = rows.assign(at=pd.Timestamp("2024-03-03"))
    model.fit(dated, bank["y"])
    with pytest.raises(Misuse, match="'at' of datetime64") as refused:
        mw.convert(model, example=dated[:20], target="y")
    assert "days since a date" in refused.value.remedy
