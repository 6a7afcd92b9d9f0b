"""Which predictor of scikit-learn is converted by what. `refusals` has those that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlwright.conversion import (
    bayes,
    clusters,
    composed,
    ensembles,
    forests,
    gaussian,
    kernels,
    linear,
    neighbours,
    perceptrons,
    processes,
)
from mlwright.conversion.answers import Answer
from mlwright.conversion.frame import Frame

OF_SKLEARN: dict[str, Callable[[Any, Frame], Answer]] = {  # Any: somebody's estimator
    "Pipeline": composed.in_turn_to_the_end,
    "TransformedTargetRegressor": composed.target_turned,
    "VotingClassifier": composed.voted,
    "VotingRegressor": composed.voted,
    "StackingClassifier": composed.stacked,
    "StackingRegressor": composed.stacked,
    "CalibratedClassifierCV": composed.calibrated,
    "DecisionTreeClassifier": forests.tree_classes,
    "DecisionTreeRegressor": forests.tree_number,
    "ExtraTreeClassifier": forests.tree_classes,
    "ExtraTreeRegressor": forests.tree_number,
    "RandomForestClassifier": forests.mean_classes,
    "ExtraTreesClassifier": forests.mean_classes,
    "RandomForestRegressor": forests.mean_number,
    "ExtraTreesRegressor": forests.mean_number,
    "GradientBoostingClassifier": forests.boosted,
    "GradientBoostingRegressor": forests.boosted,
    "HistGradientBoostingClassifier": forests.histogram,
    "HistGradientBoostingRegressor": forests.histogram,
    "SGDClassifier": linear.by_gradient,
    "AdaBoostClassifier": ensembles.boosted_classes,
    "AdaBoostRegressor": ensembles.boosted_number,
    "BaggingClassifier": ensembles.bagged,
    "BaggingRegressor": ensembles.bagged,
    "FixedThresholdClassifier": ensembles.above_threshold,
    "TunedThresholdClassifierCV": ensembles.above_threshold,
    "FrozenEstimator": ensembles.handed_on,
    "RANSACRegressor": ensembles.handed_on,
    "SelfTrainingClassifier": ensembles.handed_on,
    "RFE": ensembles.of_selected,
    "RFECV": ensembles.of_selected,
    "OneVsRestClassifier": ensembles.one_against_others,
    "OneVsOneClassifier": ensembles.one_against_one,
    "OutputCodeClassifier": ensembles.by_code,
    "DummyClassifier": ensembles.same_classes,
    "DummyRegressor": ensembles.same_number,
    "IsotonicRegression": composed.rising,
    "IsolationForest": forests.isolated,
    "SVC": kernels.vectors_classes,
    "NuSVC": kernels.vectors_classes,
    "SVR": kernels.vectors_number,
    "NuSVR": kernels.vectors_number,
    "OneClassSVM": kernels.vectors_outliers,
    "SGDOneClassSVM": kernels.line_outliers,
    "KernelRidge": kernels.ridge,
    "KNeighborsClassifier": neighbours.nearest_classes,
    "KNeighborsRegressor": neighbours.nearest_number,
    "RadiusNeighborsClassifier": neighbours.classes_within,
    "NearestCentroid": neighbours.nearest_centroid,
    "LocalOutlierFactor": neighbours.local_outliers,
    "GaussianNB": bayes.normal,
    "BernoulliNB": bayes.occurring,
    "MultinomialNB": bayes.counted,
    "ComplementNB": bayes.counted,
    "CategoricalNB": bayes.categories,
    "QuadraticDiscriminantAnalysis": bayes.quadratic,
    "MLPClassifier": perceptrons.perceptron,
    "MLPRegressor": perceptrons.perceptron,
    "GaussianMixture": gaussian.mixed,
    "BayesianGaussianMixture": gaussian.mixed,
    "EllipticEnvelope": gaussian.enveloped,
    "GaussianProcessClassifier": processes.process_classes,
    "GaussianProcessRegressor": processes.process_number,
    "BisectingKMeans": clusters.halved,
    "Birch": clusters.nearest_subcluster,
}
OF_SKLEARN |= dict.fromkeys(
    ("AffinityPropagation", "KMeans", "MeanShift", "MiniBatchKMeans"), clusters.nearest_middle
)
OF_SKLEARN |= dict.fromkeys(("CCA", "PLSCanonical", "PLSRegression"), linear.centred)
OF_SKLEARN |= dict.fromkeys(
    ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"),
    composed.best_found,
)
_OF_NUMBERS = (
    "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "LarsCV",
    "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "LinearSVR",
    "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "PassiveAggressiveRegressor",
    "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV",
    "QuantileRegressor", "Ridge", "RidgeCV", "SGDRegressor", "TheilSenRegressor",
)  # fmt: skip
OF_SKLEARN |= dict.fromkeys(_OF_NUMBERS, linear.number)
OF_SKLEARN |= dict.fromkeys(("GammaRegressor", "PoissonRegressor", "TweedieRegressor"), linear.exponential)
OF_SKLEARN |= dict.fromkeys(
    ("LinearDiscriminantAnalysis", "LogisticRegression", "LogisticRegressionCV"), linear.log_odds
)
OF_SKLEARN |= dict.fromkeys(
    ("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV"),
    linear.scores,
)
