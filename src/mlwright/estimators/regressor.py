"""`mlwright.Regressor`: numbers, for whoever speaks scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from mlwright.estimators import given
from mlwright.estimators.estimator import Estimator


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """The best regression within the limits, as a scikit-learn estimator: `mlwright.fit` behind `fit`.

    The parameters are those of `mlwright.fit`, as Classifier has them. After `fit`: `model_` (the Model: its
    card, evaluation, intervals, `save`), `n_features_in_`, and `feature_names_in_` where columns have names.

    >>> hours = [[n % 15] for n in range(30)]
    >>> points = [3.0 * h + n % 3 for n, (h,) in enumerate(hours)]
    >>> Regressor(max_trials=2, threads=1).fit(hours, points).predict([[10]]).round().tolist()
    [31.0]
    """

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
        """Fits to rows `X` (an array, lists, or a frame) and numbers `y`; rows of weight 0 have no part.

        Raises `ValueError` for what scikit-learn refuses, and what `mlwright.fit` raises.
        """
        rows = given.checked(self, X, y=y, fitting=True)
        numbers = given.labels_of(rows, y).astype(np.float64)
        weights = given.weights_of(rows, sample_weight)
        if weights is not None:
            kept = weights > 0
            rows, numbers, weights = given.rows_of(rows, kept), numbers[kept], weights[kept]
        self._fit(self._table(rows, numbers, weights, getattr(y, "name", None)), "regression")
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:  # Any: as `fit` takes them
        """A number for each row."""
        return self._model.predict(self._columns(X))
