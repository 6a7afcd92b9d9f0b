"""Models at the end of pipelines, as people set them, by name; small, so that a run takes minutes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeCV,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

End = Callable[[], Any]  # Any: an estimator


def _logistic() -> Any:
    return LogisticRegression(max_iter=500)


BOOST = {"n_estimators": 150, "random_state": 0}
QUIET = {"verbose": False, "allow_writing_files": False, "random_seed": 0, "thread_count": 1}

CLASSES: dict[str, End] = {
    "logistic": _logistic,
    "grid search": lambda: GridSearchCV(_logistic(), {"C": [0.1, 1.0]}, cv=3),
    "sgd": lambda: SGDClassifier(loss="log_loss", random_state=0),
    "linear svm": lambda: LinearSVC(random_state=0),
    "linear discriminant": LinearDiscriminantAnalysis,
    "quadratic discriminant": lambda: QuadraticDiscriminantAnalysis(reg_param=0.1),
    "naive bayes": GaussianNB,
    "bernoulli bayes": BernoulliNB,
    "multinomial bayes": MultinomialNB,
    "complement bayes": ComplementNB,
    "neighbours": lambda: KNeighborsClassifier(7),
    "centroid": NearestCentroid,
    "svm": lambda: SVC(probability=True, random_state=0),
    "svm labels": SVC,
    "tree": lambda: DecisionTreeClassifier(max_depth=8, random_state=0),
    "forest": lambda: RandomForestClassifier(100, min_samples_leaf=2, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(100, min_samples_leaf=2, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=60, random_state=0),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=80, random_state=0),
    "histogram, categories": lambda: HistGradientBoostingClassifier(
        max_iter=80, categorical_features="from_dtype", random_state=0
    ),
    "adaboost": lambda: AdaBoostClassifier(n_estimators=50, random_state=0),
    "bagging": lambda: BaggingClassifier(n_estimators=20, random_state=0),
    "neural": lambda: MLPClassifier(hidden_layer_sizes=(64, 32), max_iter=60, random_state=0),
    "voting": lambda: VotingClassifier(
        [("a", _logistic()), ("b", RandomForestClassifier(30, random_state=0))], voting="soft"
    ),
    "stacking": lambda: StackingClassifier(
        [("a", _logistic()), ("b", HistGradientBoostingClassifier(max_iter=30, random_state=0))], cv=3
    ),
    "calibrated": lambda: CalibratedClassifierCV(
        RandomForestClassifier(30, random_state=0), method="isotonic", cv=3
    ),
    "lightgbm": lambda: LGBMClassifier(**BOOST, verbose=-1, n_jobs=1),
    "xgboost": lambda: XGBClassifier(**BOOST, max_depth=5, n_jobs=1),
    "xgboost, categories": lambda: XGBClassifier(**BOOST, max_depth=5, n_jobs=1, enable_categorical=True),
    "catboost": lambda: CatBoostClassifier(iterations=150, depth=5, **QUIET),
}

NUMBERS: dict[str, End] = {
    "linear": LinearRegression,
    "ridge": Ridge,
    "ridge by cross-validation": lambda: RidgeCV(np.logspace(-2, 2, 5)),
    "lasso": lambda: Lasso(alpha=0.1, max_iter=5000),
    "elastic net": lambda: ElasticNet(alpha=0.1, max_iter=5000),
    "huber": lambda: HuberRegressor(max_iter=2000),
    "poisson": lambda: PoissonRegressor(max_iter=1000),
    "gamma": lambda: GammaRegressor(max_iter=1000),
    "tweedie": lambda: TweedieRegressor(power=1.5, max_iter=1000),
    "logarithm of ridge": lambda: TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    "logarithm of forest": lambda: TransformedTargetRegressor(
        RandomForestRegressor(60, min_samples_leaf=2, random_state=0), func=np.log1p, inverse_func=np.expm1
    ),
    "partial least squares": lambda: PLSRegression(4),
    "kernel ridge": lambda: KernelRidge(kernel="rbf", alpha=0.1),
    "neighbours": lambda: KNeighborsRegressor(7, weights="distance"),
    "svm": lambda: SVR(C=100.0),
    "tree": lambda: DecisionTreeRegressor(max_depth=8, random_state=0),
    "forest": lambda: RandomForestRegressor(100, min_samples_leaf=2, random_state=0),
    "extra trees": lambda: ExtraTreesRegressor(100, min_samples_leaf=2, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=100, random_state=0),
    "histogram": lambda: HistGradientBoostingRegressor(max_iter=100, random_state=0),
    "histogram, categories": lambda: HistGradientBoostingRegressor(
        max_iter=100, categorical_features="from_dtype", loss="poisson", random_state=0
    ),
    "adaboost": lambda: AdaBoostRegressor(n_estimators=40, random_state=0),
    "bagging": lambda: BaggingRegressor(n_estimators=20, random_state=0),
    "neural": lambda: MLPRegressor(hidden_layer_sizes=(64, 32), max_iter=80, random_state=0),
    "voting": lambda: VotingRegressor([("a", Ridge()), ("b", RandomForestRegressor(30, random_state=0))]),
    "stacking": lambda: StackingRegressor(
        [("a", Ridge()), ("b", HistGradientBoostingRegressor(max_iter=30, random_state=0))], cv=3
    ),
    "lightgbm": lambda: LGBMRegressor(**BOOST, verbose=-1, n_jobs=1),
    "xgboost": lambda: XGBRegressor(**BOOST, max_depth=5, n_jobs=1),
    "xgboost, categories": lambda: XGBRegressor(**BOOST, max_depth=5, n_jobs=1, enable_categorical=True),
    "catboost": lambda: CatBoostRegressor(iterations=150, depth=5, **QUIET),
    "clusters": lambda: KMeans(8, n_init=3, random_state=0),
    "isolation forest": lambda: IsolationForest(n_estimators=100, random_state=0),
}
"""The last two answer without a target."""
ALONE = ("clusters", "isolation forest")
SINGLE = ("xgboost", "xgboost, categories", "network")
"""What computes in single precision, so that sums differ in the seventh digit."""
NEEDS_CODES = ("xgboost", "xgboost, categories", "network")
"""What takes classes as 0, 1, 2, ... only."""
