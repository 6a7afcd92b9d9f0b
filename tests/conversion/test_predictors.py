"""Every predictor of scikit-learn answers in the graph as it does itself, or is refused with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    base,
    calibration,
    cluster,
    datasets,
    dummy,
    ensemble,
    frozen,
    gaussian_process,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels

import mlwright as mw
from mlwright.conversion.predictors import OF_SKLEARN
from mlwright.conversion.refusals import REFUSED

pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class Table:
    """A real table: columns scaled, its first rows to fit on, the rest to ask."""

    rows: pd.DataFrame
    target: np.ndarray

    def first(self) -> tuple[pd.DataFrame, np.ndarray]:
        return self.rows.iloc[:130], self.target[:130]

    @property
    def rest(self) -> pd.DataFrame:
        return self.rows.iloc[130:]

    def only(self, *columns: int) -> Table:
        return Table(self.rows.iloc[:, list(columns)], self.target)

    def turned(self, transformer: Any) -> Table:
        values = transformer.fit_transform(self.rows)
        return Table(pd.DataFrame(values, columns=self.rows.columns), self.target)


def table(load, count=178, columns=6) -> Table:
    found = load(as_frame=True)
    rows = found.data.iloc[:, :columns].sample(count, random_state=0)
    scaled = preprocessing.StandardScaler().set_output(transform="pandas").fit_transform(rows)
    return Table(scaled.reset_index(drop=True), found.target.loc[rows.index].to_numpy())


WINE = table(datasets.load_wine)  # three classes
CHEAP = Table(WINE.rows, np.where(WINE.target == 1, "yes", "no"))  # two
NAMED = Table(WINE.rows, np.array(["north", "middle", "south"])[WINE.target])
DIABETES = table(datasets.load_diabetes)
NUMBER = Table(DIABETES.rows, DIABETES.target / 10)


def answers_alike(model, rows: Table, near=1e-10):
    """What became of the fitted model; compared with it on rows that it has not seen."""
    x, y = rows.first()
    model.fit(x, y)
    found = mw.convert(model, example=x.iloc[:60], target="answer")
    said, true = found.predict(rows.rest), np.asarray(model.predict(rows.rest)).ravel()
    if found.task == "regression":
        np.testing.assert_allclose(said, true, rtol=near, atol=near)
    else:
        assert len(np.unique(true)) > 1 or "Dummy" in type(model).__name__
        assert (said == true).all()
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(found.predict_proba(rows.rest), model.predict_proba(rows.rest), atol=near)
    else:
        assert ("no probabilities" in found.card) == (found.task != "regression")
    assert found.evaluation.parity.rows > 60
    return found


def logistic():
    return linear_model.LogisticRegression()


def three(first, second, third):
    return [("first", first), ("second", second), ("third", third)]


def process(kernel, **settings):
    return gaussian_process.GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None, **settings)


FAST = [
    (svm.SVC(probability=True, random_state=0), CHEAP),
    (svm.SVC(kernel="poly", break_ties=True), NAMED),
    (kernel_ridge.KernelRidge(kernel="laplacian"), NUMBER),
    (neighbors.KNeighborsClassifier(weights="distance"), NAMED),
    (neighbors.NearestCentroid(), CHEAP),
    (naive_bayes.GaussianNB(), NAMED),
    (neural_network.MLPClassifier((4,), activation="tanh", max_iter=30, random_state=0), NAMED),
    (gaussian_process.GaussianProcessClassifier(optimizer=None), CHEAP),
    (ensemble.AdaBoostRegressor(n_estimators=5, random_state=0), NUMBER),
    (multiclass.OneVsOneClassifier(svm.LinearSVC()), NAMED),
    (
        ensemble.VotingClassifier(three(logistic(), tree.DecisionTreeClassifier(max_depth=3), svm.SVC())),
        CHEAP,
    ),
    (model_selection.FixedThresholdClassifier(logistic(), threshold=0.2, pos_label="no"), CHEAP),
    (ensemble.IsolationForest(n_estimators=20, max_features=0.5, contamination=0.2, random_state=0), WINE),
    (cluster.BisectingKMeans(4, random_state=0), WINE),
]


@pytest.mark.parametrize(("model", "rows"), FAST, ids=[type(m).__name__ for m, _ in FAST])
def test_predictors_answer_alike(model, rows):
    answers_alike(model, rows)


KERNELS = [
    None,
    kernels.RBF([1.0, 2.0, 1.0, 3.0, 1.0, 1.0]),
    kernels.Matern(nu=0.5) + kernels.WhiteKernel(0.5),
    kernels.Matern(nu=1.5) * kernels.ConstantKernel(2.0),
    kernels.Matern(nu=2.5),
    kernels.Matern(nu=np.inf),
    kernels.RationalQuadratic(1.5, 0.7) ** 2,
    kernels.DotProduct(1.5) + kernels.WhiteKernel(),
]
MORE = [
    *((svm.SVC(kernel=k), rows) for k in ("linear", "rbf", "poly", "sigmoid") for rows in (CHEAP, NAMED)),
    *((svm.SVR(kernel=k), NUMBER) for k in ("linear", "rbf", "poly", "sigmoid")),
    *((kernel_ridge.KernelRidge(kernel=k), NUMBER) for k in ("linear", "rbf", "poly", "sigmoid", "cosine")),
    (svm.SVC(probability=True), NAMED),
    (svm.NuSVC(probability=True), NAMED),
    (svm.SVC(decision_function_shape="ovo"), NAMED),
    *((neighbors.KNeighborsClassifier(7, metric=m), NAMED) for m in ("manhattan", "cosine")),
    (neighbors.KNeighborsRegressor(p=1.5, weights="distance"), NUMBER),
    (neighbors.KNeighborsRegressor(algorithm="brute"), NUMBER),
    (neighbors.RadiusNeighborsClassifier(2.0, weights="distance", outlier_label="north"), NAMED),
    (neighbors.NearestCentroid(metric="manhattan"), NAMED),
    (neighbors.NearestCentroid(priors="empirical"), NAMED),
    *((neural_network.MLPClassifier((5, 3), activation=a, solver="lbfgs"), CHEAP)
      for a in ("relu", "logistic")),
    (neural_network.MLPRegressor(hidden_layer_sizes=(5,), activation="identity", max_iter=30), NUMBER),
    *((process(k, normalize_y=True), NUMBER) for k in KERNELS),
    (process(kernels.ExpSineSquared(1.0, 3.0)), NUMBER.only(2)),
    (process(kernels.PairwiseKernel(1.0, metric="rbf")), NUMBER),
    *((gaussian_process.GaussianProcessClassifier(k, optimizer=None), CHEAP) for k in KERNELS),
    (gaussian_process.GaussianProcessClassifier(), NAMED),
    *((m(e), rows) for m in (multiclass.OneVsRestClassifier, multiclass.OneVsOneClassifier)
      for e in (logistic(), svm.LinearSVC(), tree.DecisionTreeClassifier(max_depth=3),
                naive_bayes.GaussianNB())
      for rows in (CHEAP, NAMED)),
    (multiclass.OutputCodeClassifier(svm.SVC(), random_state=0), NAMED),
    (ensemble.AdaBoostClassifier(logistic(), n_estimators=4), NAMED),
    (ensemble.AdaBoostRegressor(linear_model.Ridge(), n_estimators=4), NUMBER),
    (ensemble.BaggingClassifier(svm.LinearSVC(), n_estimators=4, max_features=0.5), NAMED),
    (ensemble.BaggingRegressor(svm.SVR(), n_estimators=4), NUMBER),
    (ensemble.VotingClassifier(three(logistic(), tree.DecisionTreeClassifier(), svm.SVC()),
                               weights=[1, 1, 1.5]), NAMED),
    (ensemble.StackingClassifier(three(svm.SVC(), naive_bayes.GaussianNB(), logistic())), NAMED),
    (calibration.CalibratedClassifierCV(svm.SVC(), ensemble=False), NAMED),
    (model_selection.FixedThresholdClassifier(svm.LinearSVC(), threshold=0.3, pos_label="no"), CHEAP),
    (dummy.DummyClassifier(strategy="most_frequent"), NAMED),
    (dummy.DummyClassifier(strategy="constant", constant="south"), NAMED),
    *((mixture.GaussianMixture(3, covariance_type=c, random_state=0), WINE)
      for c in ("full", "tied", "diag", "spherical")),
    (cluster.Birch(n_clusters=None, threshold=2.0), WINE),
    (ensemble.IsolationForest(n_estimators=20, random_state=0), WINE),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rows"), MORE, ids=[f"{type(m).__name__}{i}" for i, (m, _) in enumerate(MORE)]
)
def test_predictors_of_every_setting_answer_alike(model, rows):
    answers_alike(model, rows)


def named(kind):
    """A fitted-to-be estimator of that name."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.utils import all_estimators

    known = dict(all_estimators()) | {"FrozenEstimator": frozen.FrozenEstimator}
    cls = known[kind]
    settings = {
        "AffinityPropagation": {"random_state": 0, "preference": -50},
        "BayesianGaussianMixture": {"n_components": 3, "random_state": 0},
        "Birch": {"threshold": 1.0},
        "CCA": {"n_components": 1},
        "CategoricalNB": {"min_categories": 4},
        "FixedThresholdClassifier": {"estimator": logistic()},
        "GaussianMixture": {"n_components": 3, "random_state": 0},
        "GaussianProcessRegressor": {"alpha": 0.1},
        "GridSearchCV": {"estimator": svm.SVC(), "param_grid": {"C": [0.1, 1.0]}},
        "IsotonicRegression": {"out_of_bounds": "clip"},
        "LocalOutlierFactor": {"novelty": True, "contamination": 0.2},
        "MeanShift": {"bandwidth": 2.0},
        "PLSCanonical": {"n_components": 1},
        "Pipeline": {"steps": [("scaler", preprocessing.StandardScaler()), ("last", svm.SVC())]},
        "QuantileRegressor": {"solver": "highs", "alpha": 0.01},
        "RadiusNeighborsClassifier": {"radius": 2.0, "outlier_label": "most_frequent"},
        "SelfTrainingClassifier": {"estimator": logistic()},
        "TheilSenRegressor": {"random_state": 0, "max_subpopulation": 100},
        "TransformedTargetRegressor": {"regressor": svm.SVR(), "func": np.log1p, "inverse_func": np.expm1},
        "TunedThresholdClassifierCV": {"estimator": logistic(), "scoring": "balanced_accuracy"},
    }
    grid = {"estimator": svm.SVC(), "param_grid": {"C": [0.1, 1.0]}}
    settings["HalvingGridSearchCV"] = grid
    settings["HalvingRandomSearchCV"] = settings["RandomizedSearchCV"] = {
        "estimator": svm.SVC(), "param_distributions": {"C": [0.1, 1.0, 10.0]}, "random_state": 0,
    }  # fmt: skip
    settings["RandomizedSearchCV"] = settings["RandomizedSearchCV"] | {"n_iter": 2}
    for kind_ in ("OneVsRestClassifier", "OneVsOneClassifier", "OutputCodeClassifier", "RFE", "RFECV"):
        settings[kind_] = {"estimator": logistic()}
    for kind_ in ("VotingClassifier", "StackingClassifier"):
        settings[kind_] = {"estimators": three(logistic(), naive_bayes.GaussianNB(), svm.SVC())[:2]}
    for kind_ in ("VotingRegressor", "StackingRegressor"):
        settings[kind_] = {"estimators": three(linear_model.Ridge(), svm.SVR(), svm.SVR())}
    return cls(**settings.get(kind, {}))


def fitting(kind, model) -> Table:
    """The table for it."""
    several = kind in ("FixedThresholdClassifier", "TunedThresholdClassifierCV")
    found = NUMBER if base.is_regressor(model) else CHEAP if several else NAMED
    if kind in ("MultinomialNB", "ComplementNB"):
        found = found.turned(preprocessing.MinMaxScaler())
    elif kind == "CategoricalNB":
        found = found.turned(preprocessing.KBinsDiscretizer(4, encode="ordinal"))
    elif kind == "IsotonicRegression":
        found = found.only(2)
    elif kind == "SelfTrainingClassifier":
        found = Table(found.rows, np.where(np.arange(178) % 3 == 0, -1, WINE.target))
    elif base.is_clusterer(model) or base.is_outlier_detector(model) or "Mixture" in kind:
        found = WINE
    return found


NOT_ALONE = {
    "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV",
}  # fmt: skip
"""Which take several targets alone: they are refused by the number of those."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(set(OF_SKLEARN) - NOT_ALONE - {"FrozenEstimator"}))
def test_each_predictor_that_is_said_to_be_converted_is(kind):
    model = named(kind)
    answers_alike(model, fitting(kind, model), near=1e-9)


def test_every_predictor_of_scikit_learn_is_converted_or_refused_with_a_reason():
    from sklearn.utils import all_estimators

    asked = {
        name
        for name, cls in all_estimators()
        if issubclass(cls, (base.ClassifierMixin, base.RegressorMixin, base.ClusterMixin, base.OutlierMixin))
        or hasattr(cls, "predict")
    }
    refused = {kind.removeprefix("sklearn.") for kind in REFUSED}
    assert asked - set(OF_SKLEARN) - refused == set()
    assert not refused & set(OF_SKLEARN)
    assert all(reason and remedy for reason, remedy in REFUSED.values())
