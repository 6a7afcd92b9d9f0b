"""Which class of whose library is converted by what. Nothing of those libraries is imported.

`stepped` and `ended` go down into a model: what a step raises is told with its place in the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mlwright.base.errors import ConversionRefused, nearest
from mlwright.conversion.answers import Answer
from mlwright.conversion.frame import Frame, Step
from mlwright.conversion.names import kind_of
from mlwright.conversion.refusals import REFUSED

End = Callable[[Any, Frame], Answer]  # Any: somebody's estimator


def stepped(step: Any, frame: Frame, name: str = "") -> Frame:  # Any: a fitted transformer
    """The columns that `step` makes of those it is given."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return frame
    with _within(step, name):
        found = steps().get(kind_of(step))
        if found is None:
            raise _never(step) or _unknown(step, steps())
        return found(step, frame)


def ended(model: Any, frame: Frame, name: str = "") -> Answer:  # Any: a fitted predictor
    """What `model` answers."""
    with _within(model, name):
        found = ends().get(kind_of(model))
        if found is None:
            raise _unknown(model, ends())
        return found(model, frame)


@contextmanager
def _within(step: Any, name: str) -> Iterator[None]:  # Any: an estimator
    """What is refused inside is told with the way to it."""
    try:
        _refuse_replaced(step)
        yield
    except ConversionRefused as refused:
        here = f"{name} ({type(step).__name__})" if name else type(step).__name__
        refused.where = f"{here} > {refused.where}" if refused.where else here
        raise


def _refuse_replaced(step: Any) -> None:  # Any: an estimator
    """Raises `ConversionRefused` for an object one of whose methods is not that of its class."""
    for name, value in getattr(step, "__dict__", {}).items():
        if callable(value) and callable(getattr(type(step), name, None)):
            raise ConversionRefused(
                f"its method {name} was replaced by code of its own, which a graph cannot look into",
                remedy="use the class as it is",
            )


def _never(step: Any) -> ConversionRefused | None:  # Any: a fitted transformer
    """Why a transformer is not converted, of those that never are."""
    from mlwright.conversion.transformers import REFUSED_STEPS

    reason, remedy = REFUSED_STEPS.get(kind_of(step), ("", ""))
    return ConversionRefused(reason, remedy=remedy) if reason else None


def check_convertible(model: Any) -> None:  # Any: an estimator
    """Raises `ConversionRefused` for a predictor that can never be converted, perhaps at a Pipeline's end."""
    steps_of = getattr(model, "steps", None)
    last = steps_of[-1][1] if kind_of(model) == "sklearn.Pipeline" and steps_of else model
    if kind_of(last) in REFUSED:
        with _within(last, ""):
            raise _unknown(last, ends())


def _unknown(step: Any, known: dict[str, Any]) -> ConversionRefused:  # Any: an estimator; converters
    kind = kind_of(step)
    if kind in REFUSED:
        reason, remedy = REFUSED[kind]
        return ConversionRefused(reason, remedy=remedy)
    parents = [f"{t.__module__.split('.')[0]}.{t.__qualname__}" for t in type(step).__mro__[1:]]
    inherited = next((p for p in parents if p in known), None)
    if inherited is not None:
        return ConversionRefused(
            f"{kind} is a class of its own, made from {inherited}, and may do anything",
            remedy=f"use {inherited} itself",
        )
    near = nearest(kind, known)
    return ConversionRefused(
        f"{kind} is not converted",
        remedy=f"use another step, such as {near}" if near else "use another step, or do it before the model",
    )


@cache
def steps() -> dict[str, Step]:
    """By class, what converts a transformer."""
    from mlwright.conversion.transformers import STEPS

    return {f"sklearn.{name}": step for name, step in STEPS.items()}


@cache
def ends() -> dict[str, End]:
    """By class, what converts a predictor."""
    from mlwright.conversion import catboost, lightgbm, networks, xgboost
    from mlwright.conversion.predictors import OF_SKLEARN

    found = {f"sklearn.{name}": end for name, end in OF_SKLEARN.items()}
    found["mlwright.Network"] = networks.laid
    of_boosters: dict[str, tuple[End, tuple[str, ...]]] = {
        "lightgbm": (lightgbm.of_lightgbm, ("Booster", "LGBMClassifier", "LGBMRanker", "LGBMRegressor")),
        "xgboost": (
            xgboost.of_xgboost,
            ("Booster", "XGBClassifier", "XGBRanker", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"),
        ),
        "catboost": (
            catboost.of_catboost,
            ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor"),
        ),
    }
    for library, (end, names) in of_boosters.items():
        found |= {f"{library}.{name}": end for name in names}
    return found
