"""What a fitted model tells of the columns that it was fitted on: their names, and which of them held texts.

Used where example rows come from a file, which has no types. A model that tells nothing is believed to take
the file's columns as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mlwright.base.errors import SchemaBroken, nearest
from mlwright.conversion.composed import places_of
from mlwright.conversion.names import kind_of

_NUMBERED = re.compile(r"(?:Column_|x|f)?(\d+)")
_ENCODERS = ("sklearn.OneHotEncoder", "sklearn.OrdinalEncoder", "sklearn.TargetEncoder")
_ONNX_STRING = 8
"""The number of texts among ONNX's types of elements (TensorProto.STRING)."""
_COUNTERS = ("sklearn.CountVectorizer", "sklearn.TfidfVectorizer")
_FREE = frozenset(("any text",))
"""In place of known texts: of columns that are taken apart."""
_SAME_COLUMNS = ("sklearn.SimpleImputer",)
"""Steps that leave texts as they are, so that what comes behind them tells, too."""
_INSIDE = ("best_estimator_", "regressor_", "estimator_")
_SEVERAL = ("sklearn.VotingClassifier", "sklearn.VotingRegressor", "sklearn.StackingClassifier",
            "sklearn.StackingRegressor")  # fmt: skip


@dataclass(frozen=True)
class FittedOn:
    """The columns of the rows that a model was fitted on."""

    names: tuple[str, ...] | None = None
    """None: it was fitted on columns without names."""
    count: int | None = None
    texts: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of columns that held texts: those that the model knows, none of which stands for a missing value."""
    categories: frozenset[str] = frozenset()
    """Columns of pandas' type for categories."""
    listed: tuple[tuple[Any, ...], ...] = ()  # Any: categories
    """The categories of each such column, where the model knows them but not whose they are."""
    texts_alone: bool = False
    """Whether it takes a list of texts instead of a table."""
    free: frozenset[str] = frozenset()
    """Columns of texts that are taken apart: an empty one is a text as well."""

    def called(self, names: tuple[str, ...] | None) -> FittedOn:
        """The same of columns that a table calls `names`."""
        if names is None or self.names is None or names == self.names:
            return self
        new = dict(zip(self.names, names, strict=True))
        return replace(
            self,
            names=names,
            texts={new.get(n, n): known for n, known in self.texts.items()},
            categories=frozenset(new.get(n, n) for n in self.categories),
            free=frozenset(new.get(n, n) for n in self.free),
        )


def fitted_on(model: Any) -> FittedOn:  # Any: somebody's fitted model
    """What `model` tells.

    >>> from sklearn.linear_model import LinearRegression
    >>> told = fitted_on(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]))
    >>> told.names, told.count, told.texts
    (None, 1, {})
    """
    names = columns_of(model)
    count = len(names) if names else _count(model)
    called = names or tuple(f"x{i}" for i in range(count or 0))
    texts: dict[str, frozenset[str]] = {}
    categories: set[str] = set()
    free: set[str] = set()
    for name, known in _texts(model, called):
        if known is None:
            categories.add(name)
        elif known is _FREE:
            free.add(name)
            texts.setdefault(name, frozenset())
        else:
            texts[name] = texts.get(name, frozenset()) | known
    if kind_of(model) == "onnx.ModelProto":
        return _of_onnx(model)
    booster = _lightgbm_of(model)
    if booster is not None:
        categories |= set(_split_by_sets(booster, called))
    listed = getattr(booster, "pandas_categorical", None) or ()
    alone = kind_of(_first(model)) in _COUNTERS
    return FittedOn(
        names,
        count,
        texts,
        frozenset(categories),
        tuple(map(tuple, listed)),
        texts_alone=alone,
        free=frozenset(free),
    )


def columns_of(model: Any) -> tuple[str, ...] | None:  # Any: a fitted model
    """The names of the columns that rows need, in the order of its fit; None where it knows none."""
    names = names_of(model)
    return names and _asked_for(model, names)


def as_called(model: Any, names: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    """What a table calls the columns `names` of a model: LightGBM keeps them with _ for each blank. Any: a
    fitted model"""
    if not kind_of(model).startswith("lightgbm."):
        return tuple(names)
    blank = {name.replace(" ", "_"): name for name in there}
    return tuple(n if n in there else blank.get(n, n) for n in names)


def require(names: Sequence[str], there: Sequence[str], where: str) -> None:
    """Raises `SchemaBroken` for those of the `names` that are not `there`, with the near misses."""
    absent, others = [n for n in names if n not in there], [n for n in there if n not in set(names)]
    if not absent:
        return
    parts = [f"{n!r} (is {near!r} meant?)" if (near := nearest(n, others)) else repr(n) for n in absent[:10]]
    more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
    raise SchemaBroken(
        f"the model was fitted on columns that are not there: {', '.join(parts)}{more}",
        where=where,
        remedy="give rows with the columns that it was fitted on; others do no harm",
    )


def _first(model: Any) -> Any:  # Any: a fitted model
    """The step that is given the rows: of a Pipeline the first, of what was searched or joined the first of
    any."""
    steps = getattr(model, "steps", None)
    if kind_of(model) == "sklearn.Pipeline" and steps:
        return _first(steps[0][1])
    if kind_of(model) == "sklearn.FeatureUnion":
        return _first(model.transformer_list[0][1])
    inner = getattr(model, "best_estimator_", None)
    return model if inner is None else _first(inner)


def names_of(model: Any) -> tuple[str, ...] | None:  # Any: a fitted model
    """The names of all columns that it was fitted on, of which some may be dropped; None where it knows
    none."""
    booster = kind_of(model)
    found = getattr(model, "feature_names_in_", None)
    if found is None:
        found = getattr(model, "feature_names_", None)  # of CatBoost
    if found is None and booster == "lightgbm.Booster":
        found = model.feature_name()
    if found is None and booster == "xgboost.Booster":
        found = model.feature_names
    if found is None or not len(found) or not all(isinstance(n, str) for n in found):
        return None
    numbered = (_NUMBERED.fullmatch(n) for n in found)
    if all(m is not None and int(m[1]) == i for i, m in enumerate(numbered)):
        return None  # what a library calls columns that had no names
    return tuple(str(n) for n in found)


def _of_onnx(model: Any) -> FittedOn:  # Any: a ModelProto
    """What an ONNX file tells: where it has an input for each column, their names, and which are texts."""
    constants = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in constants]
    if len(inputs) < 2:
        return FittedOn()
    texts = {i.name: frozenset[str]() for i in inputs if i.type.tensor_type.elem_type == _ONNX_STRING}
    return FittedOn(tuple(i.name for i in inputs), len(inputs), texts)


def _asked_for(model: Any, names: tuple[str, ...]) -> tuple[str, ...]:  # Any: a fitted model
    """Those of the columns that a ColumnTransformer at its beginning asks for by name, where it drops the
    others: rows need no more. All of them of any other model."""
    first = model
    while kind_of(first) == "sklearn.Pipeline" or hasattr(first, "best_estimator_"):
        first = first.steps[0][1] if kind_of(first) == "sklearn.Pipeline" else first.best_estimator_
    if kind_of(first) != "sklearn.ColumnTransformer":
        return names
    wanted: set[str] = set()
    for _, part, columns in first.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        named = [columns] if isinstance(columns, str) else columns
        if isinstance(named, slice) or not all(isinstance(c, str) for c in named):
            return names  # by place: it needs every column where it was
        wanted |= set(named)
    return tuple(n for n in names if n in wanted)


def _count(model: Any) -> int | None:  # Any: a fitted model
    if kind_of(model) == "lightgbm.Booster":
        return int(model.num_feature())
    if kind_of(model) == "xgboost.Booster":
        return int(model.num_features())
    found = getattr(model, "n_features_in_", None)
    return None if found is None else int(found)


def _texts(step: Any, names: Sequence[str]) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Columns of texts with those that are known; None of pandas' categories. Any: a step, or a model"""
    kind = kind_of(step)
    if kind == "sklearn.Pipeline":
        for _, one in step.steps:
            yield from _texts(one, names)
            if one is not None and one != "passthrough" and kind_of(one) not in _SAME_COLUMNS:
                return
    elif kind == "sklearn.ColumnTransformer":
        for _, part, columns in step.transformers_:
            if not isinstance(part, str):
                yield from _texts(part, [names[i] for i in places_of(columns, names)])
    elif kind == "sklearn.FeatureUnion":
        for _, part in step.transformer_list:
            yield from _texts(part, names)
    elif kind in _COUNTERS:
        yield from ((name, _FREE) for name in names)
    elif kind in _ENCODERS:
        for name, known in zip(names, step.categories_, strict=False):
            texts = frozenset(v for v in known if isinstance(v, str))
            if texts:
                yield name, texts
    elif kind in _SEVERAL:
        for part in step.estimators_:
            yield from _texts(part, names)
    elif kind == "sklearn.CalibratedClassifierCV":
        yield from _texts(step.calibrated_classifiers_[0].estimator, names)
    elif kind.startswith("sklearn.HistGradientBoosting"):
        if isinstance(step.categorical_features, str) and step.is_categorical_ is not None:
            yield from ((names[int(i)], None) for i in np.flatnonzero(step.is_categorical_))
    elif kind.startswith("catboost."):
        yield from ((names[i], frozenset()) for i in step.get_cat_feature_indices())
    elif kind.startswith("xgboost.") and (types := _booster_of(step).feature_types):
        yield from ((n, None) for n, t in zip(names, types, strict=False) if t == "c")
    else:
        inner = next((getattr(step, n) for n in _INSIDE if hasattr(step, n)), None)
        if inner is not None and kind.startswith("sklearn."):
            yield from _texts(inner, names)


def _booster_of(model: Any) -> Any:  # Any: an XGBoost model
    return model if kind_of(model) == "xgboost.Booster" else model.get_booster()


def _lightgbm_of(model: Any) -> Any:  # Any: a fitted model; LightGBM's Booster
    """The booster of a LightGBM model that is asked directly; None of any other."""
    return model if kind_of(model) == "lightgbm.Booster" else getattr(model, "booster_", None)


def _split_by_sets(booster: Any, names: Sequence[str]) -> Iterator[str]:  # Any: LightGBM's Booster
    """The columns that LightGBM knows by their values instead of by a range."""
    head = booster.model_to_string(num_iteration=1).partition("\n\n")[0]
    infos = next((v for v in head.splitlines() if v.startswith("feature_infos=")), "").partition("=")[2]
    for name, info in zip(names, infos.split(" "), strict=False):
        if info != "none" and not info.startswith("["):
            yield name
