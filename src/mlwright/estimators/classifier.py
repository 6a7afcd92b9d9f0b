"""`mlwright.Classifier`: classes, for whoever speaks scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem
from mlwright.base.schema import Target
from mlwright.data.dataset import Dataset
from mlwright.estimators import given
from mlwright.estimators.estimator import Estimator

Labels = npt.NDArray[Any]  # Any: of whatever type the caller's labels are


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """The best classifier within the limits, as a scikit-learn estimator: `mlwright.fit` behind `fit`.

    The parameters are those of `mlwright.fit`; `time`, `group`, `id` and `protected` name columns of `X`,
    `kinds` overrules what columns are taken for. `time_limit` is for each fit: a search of 20 candidates in
    5 folds takes 100 times as long. With `max_trials` instead, equal fits give equal models. Findings that
    stop `mlwright.fit`, such as a leak, are a warning here; `strict=True` has them stop this, too.

    After `fit`: `model_` (the Model: its card, evaluation, `save`), `classes_`, `n_features_in_`, and
    `feature_names_in_` where columns have names.

    >>> hours = [[n % 15] for n in range(30)]
    >>> passed = ["yes" if h + n % 3 > 8 else "no" for n, (h,) in enumerate(hours)]
    >>> found = Classifier(max_trials=2, threads=1).fit(hours, passed)
    >>> found.predict([[2], [14]]).tolist()
    ['no', 'yes']
    """

    classes_: Labels

    def __init__(
        self,
        *,
        time_limit: float | str | None = "1m",
        max_trials: int | None = None,
        metric: Any = None,  # Any: a name, or what `mlwright.metric` made of a function
        max_latency: float | str | None = None,
        max_size: float | str | None = None,
        max_memory: float | str | None = None,
        simpler: bool = False,
        threshold: float | None = None,
        costs: Any = None,  # Any: nested mappings, or a matrix
        alerts: float | str | None = None,
        rows_per_day: float | None = None,
        monotone: dict[str, int] | None = None,
        kinds: Mapping[str, str] | None = None,
        time: str | None = None,
        group: str | None = None,
        id: str | None = None,  # as the role is called everywhere
        protected: tuple[str, ...] | None = None,
        split: str | None = None,
        gap: float | str | None = None,
        strict: bool = False,
        random_state: Any = 0,  # Any: a number, None, or a RandomState of numpy
        threads: int | None = None,
    ) -> None:
        self.time_limit = time_limit
        self.max_trials = max_trials
        self.metric = metric
        self.max_latency = max_latency
        self.max_size = max_size
        self.max_memory = max_memory
        self.simpler = simpler
        self.threshold = threshold
        self.costs = costs
        self.alerts = alerts
        self.rows_per_day = rows_per_day
        self.monotone = monotone
        self.kinds = kinds
        self.time = time
        self.group = group
        self.id = id
        self.protected = protected
        self.split = split
        self.gap = gap
        self.strict = strict
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # Any: as scikit-learn takes them
        """Fits to rows `X` (an array, lists, or a frame) and their labels `y`; rows of weight 0 have no part.

        Raises `ValueError` for what scikit-learn refuses, and what `mlwright.fit` raises.
        """
        rows = given.checked(self, X, y=y, fitting=True)
        labels = given.labels_of(rows, y)
        check_classification_targets(labels)
        weights = given.weights_of(rows, sample_weight)
        if weights is not None:
            kept = weights > 0
            rows, labels, weights = given.rows_of(rows, kept), labels[kept], weights[kept]
        classes = np.unique(labels)
        if len(classes) < 2:
            raise ValueError(
                f"there is one class, {classes.tolist()[0]!r}, in all rows: a classifier needs two"
            )
        task: Literal["binary", "multiclass"] = "binary" if len(classes) == 2 else "multiclass"
        table = self._table(rows, labels, weights, getattr(y, "name", None))
        _refuse_alike(classes, table)
        self._fit(table, task)
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> Labels:  # Any: as `fit` takes them
        """A label of `classes_` for each row: the likeliest, or what `costs`, `alerts` or `threshold` say."""
        answered = self._model.predict(self._columns(X))
        target = self.model_.target
        places = {target.label(k): place for k, place in enumerate(_places(self.classes_, target))}
        return np.asarray(self.classes_[np.array([places[label] for label in answered.tolist()], dtype=int)])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # Any: as above
        """Calibrated probabilities [N, K], in the order of `classes_`."""
        answered = self._model.predict_proba(self._columns(X))
        in_order = np.empty_like(answered)
        in_order[:, _places(self.classes_, self.model_.target)] = answered
        return in_order


def _refuse_alike(classes: Labels, table: Dataset) -> None:
    """Raises `DataProblem` where a model file would not tell the labels apart."""
    assert table.target is not None  # it was named
    if table.frame[table.target.name].n_unique() < len(classes):
        raise DataProblem(
            f"labels are alike but for spaces or how a number is written: {classes.tolist()}",
            remedy="call them otherwise",
        )


def _places(classes: Labels, target: Target) -> list[int]:
    """Where each class of the model stands in `classes`."""
    labels = classes.tolist()
    places = {category_of(label, codes=codes): i for codes in (True, False) for i, label in enumerate(labels)}
    return [places[text] for text in target.classes]
