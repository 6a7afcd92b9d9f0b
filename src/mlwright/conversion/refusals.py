"""Predictors that no graph can stand for, and why: told by name before anything is tried."""

from __future__ import annotations

from types import MappingProxyType

_SEVERAL = ("it answers several targets at once", "fit a model for each target")
_OWN_ROWS = (
    "it labels the rows that it was fitted on, and has no answer for others",
    "use KMeans, or fit a classifier on its labels",
)
_FAR = (
    "it has no answer for a row that is far from all those that it was fitted on",
    "fit a classifier on its transduction_",
)

_OURS = (
    "it is no model of another library: what mlwright fitted is a Model already",
    "save that: model.save('model.mlw'), of Classifier and Regressor estimator.model_.save('model.mlw')",
)

_WRAPPED = (
    "it wraps a module of PyTorch with code of its own",
    "convert its module_, with classes= or answers=",
)

REFUSED: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "mlwright.Classifier": _OURS,
        "mlwright.Model": _OURS,
        "mlwright.Regressor": _OURS,
        "sklearn.AgglomerativeClustering": _OWN_ROWS,
        "sklearn.DBSCAN": _OWN_ROWS,
        "sklearn.FeatureAgglomeration": _OWN_ROWS,
        "sklearn.HDBSCAN": _OWN_ROWS,
        "sklearn.OPTICS": _OWN_ROWS,
        "sklearn.SpectralClustering": _OWN_ROWS,
        "sklearn.LabelPropagation": _FAR,
        "sklearn.LabelSpreading": _FAR,
        "sklearn.RadiusNeighborsRegressor": (
            "it has no answer for a row without a neighbour in its radius",
            "use KNeighborsRegressor",
        ),
        "sklearn.ClassifierChain": _SEVERAL,
        "skorch.NeuralNet": _WRAPPED,
        "skorch.NeuralNetBinaryClassifier": _WRAPPED,
        "skorch.NeuralNetClassifier": _WRAPPED,
        "skorch.NeuralNetRegressor": _WRAPPED,
        "sklearn.MultiOutputClassifier": _SEVERAL,
        "sklearn.MultiOutputRegressor": _SEVERAL,
        "sklearn.RegressorChain": _SEVERAL,
    }
)
"""By class: the reason, and what to do."""
