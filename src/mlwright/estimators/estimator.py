"""What both estimators do alike: hand a table to `fit`, keep the Model, travel as the model's own bytes.

scikit-learn gives the shape: parameters are stored as they come, learned state ends in `_`, and inheritance
from its base class is how its tools know an estimator.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mlwright.artifact import Model, load
from mlwright.base.errors import ChecksRefused, DataProblem
from mlwright.base.schema import TaskName
from mlwright.checks.gate import to_waive
from mlwright.data.dataset import Dataset
from mlwright.estimators import given
from mlwright.lifecycle.fit import FitSettings, fit
from mlwright.lifecycle.read import read

ROLES = ("time", "group", "id", "protected")
"""Parameters that name columns by what they are for."""
MOST_SEED = 2**31 - 1


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The common part of Classifier and Regressor; not to be made by itself."""

    model_: Model

    def _table(
        self,
        rows: Any,  # Any: an array or a frame that was checked; labels of any type
        answers: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None,
        called: object,
    ) -> Dataset:
        """Rows and answers as a table to fit to; `called` is what the target is to be called, if a text."""
        names = given.names_of(self)
        columns = given.columns_of(rows, names)
        target = given.name_beside(called, names, "target")
        kinds = {**given.kinds_of(rows, names), **(self.kinds or {})}
        roles: dict[str, Any] = {r: getattr(self, r) for r in ROLES if getattr(self, r) is not None}
        if weights is not None and len(np.unique(weights)) > 1:
            roles["weight"] = given.name_beside(None, [*names, target], "sample_weight")
            columns[roles["weight"]] = weights
        if answers.dtype.kind in "OUT":
            kinds[target] = "categorical"
        columns[target] = answers.tolist()
        table = read(columns, target=target, kinds=kinds, **roles)
        table = replace(table, provenance=replace(table.provenance, source="rows given to fit"))
        if len(table) < len(answers):
            raise DataProblem(
                f"{len(answers) - len(table)} of {len(answers)} rows have a label that reads as missing",
                remedy="call the label otherwise, or leave these rows out",
            )
        return table

    def _fit(self, table: Dataset, task: TaskName) -> None:
        """Fits; what would stop `mlwright.fit` is said in a warning and borne, unless all is strict."""
        settings, began = self._settings(task), time.monotonic()
        try:
            self.model_ = fit(table, settings=settings)
        except ChecksRefused as refused:
            codes = to_waive(refused.findings)
            if self.strict or {f.code for f in refused.findings} - set(codes):
                raise
            warnings.warn(f"{_said(refused)}; mlwright.fit would refuse this table", stacklevel=3)
            settings = msgspec.structs.replace(settings, waive=codes)
            self.model_ = fit(table, settings=settings, spent_s=time.monotonic() - began)

    def _settings(self, task: TaskName) -> FitSettings:
        own = set(self.get_params(deep=False)) & set(FitSettings.__struct_fields__)
        return FitSettings(task=task, seed=self._seed(), **{name: getattr(self, name) for name in own})

    def _seed(self) -> int:
        state = self.random_state
        if isinstance(state, (int, np.integer)):
            return int(state)
        return int(check_random_state(state).randint(MOST_SEED))

    @property
    def _model(self) -> Model:
        """Raises scikit-learn's `NotFittedError` before `fit`."""
        check_is_fitted(self, "model_")
        return self.model_

    def _columns(self, rows: Any) -> given.Columns:  # Any: an array, lists, or a frame
        """The columns of rows to predict, as the model takes them."""
        return given.columns_of(given.checked(self, rows), given.names_of(self))

    def __getstate__(self) -> dict[str, Any]:  # Any: parameters and learned state
        """The model travels as the bytes of its file."""
        state = dict(super().__getstate__())
        model = state.get("model_")
        return state if model is None else {**state, "model_": model.to_bytes()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:  # Any: as above
        held = state.get("model_")
        super().__setstate__(dict(state) if held is None else {**state, "model_": load(held)})

    def __sklearn_tags__(self) -> Any:  # Any: scikit-learn's own
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        tags.non_deterministic = self.max_trials is None
        return tags


def _said(refused: ChecksRefused) -> str:
    """What was found, in short, without what to do."""
    places = (f", column {f.column!r}" if f.column else "" for f in refused.findings)
    return "; ".join(f"{f.code}{p}: {f.title}" for f, p in zip(refused.findings, places, strict=True))
