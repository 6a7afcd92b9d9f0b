"""What a caller hands over, looked at before anything is converted: a fitted model, and rows that it takes.

A model is asked for its answers here as its owner would ask it; what it raises is told with the row.
"""

from __future__ import annotations

from typing import Any

from mlwright.base.errors import Misuse, MlwrightError
from mlwright.conversion.fitted_on import as_called, columns_of, require
from mlwright.conversion.names import is_missing, kind_of
from mlwright.conversion.networks import Network, tabled
from mlwright.conversion.original import Example, Original

_MOST_SAID = 200
"""Characters of what a model raises: some name its columns far behind, and then write on for a page."""


def predicts(thing: Any) -> bool:  # Any: whatever somebody hands over
    """Whether it is an object that predicts: its class alone does not."""
    return not isinstance(thing, type) and callable(getattr(thing, "predict", None))


def is_network(thing: Any) -> bool:  # Any: as above
    """Whether it is laid tensor by tensor: a module, a model of Keras, a function of TensorFlow, an ONNX
    graph."""
    from mlwright.conversion.keras_layers import is_keras
    from mlwright.conversion.modules import is_module
    from mlwright.conversion.onnx_files import is_onnx
    from mlwright.conversion.tensorflow import is_tensorflow

    if isinstance(thing, type):
        return False
    known = (is_keras, is_module, is_onnx, is_tensorflow)
    return isinstance(thing, Network) or any(is_kind(thing) for is_kind in known)


def is_model(thing: Any) -> bool:  # Any: as above
    """Whether it may be a model that was fitted.

    >>> is_model([1.0]), is_model(dict)
    (False, False)
    """
    return predicts(thing) or is_network(thing)


def refuse_unfit(model: Any) -> None:  # Any: whatever somebody hands over as a fitted model
    """Raises `Misuse` for what predicts nothing, and for what was never fitted."""
    if is_network(model):
        return
    if not predicts(model):
        raise Misuse(f"the model is {called(model)}, which cannot predict", remedy=_instead(model))
    if not _is_fitted(model):
        raise _unfitted(model)


def called(thing: Any) -> str:  # Any: as above
    """What an object is, for people."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return "None" if thing is None else f"a {type(thing).__name__}"


def _instead(thing: Any) -> str:  # Any: as above
    if isinstance(thing, type):
        return "give the object that was fitted"
    if isinstance(thing, dict):
        inside = [f"[{k!r}]" for k, v in thing.items() if predicts(v)]
        return f"give the fitted model itself{', it is ' + inside[0] if inside else ''}"
    if callable(getattr(thing, "transform", None)):
        return "it makes features: give the Pipeline that ends in a model"
    return "give the fitted model itself"


def _is_fitted(model: Any) -> bool:  # Any: an object that predicts
    library = kind_of(model).split(".")[0]
    if library == "catboost":
        return bool(model.is_fitted())
    if library not in ("sklearn", "lightgbm", "xgboost") or not hasattr(model, "get_params"):
        return True
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def _unfitted(model: Any) -> Misuse:  # Any: somebody's model
    return Misuse(
        f"this {type(model).__name__} was not fitted",
        remedy="call fit, or give the object that fit was called on: a search or an ensemble fits copies of "
        "what it is given",
    )


def example_given(example: Any, model: Any) -> Example:  # Any: rows and a model, as they were handed over
    """Rows that were handed over as they are. Of a frame, the columns that the model was fitted on, in that
    order, where it knows their names: some libraries go by places alone, and others need not be there.

    Raises `SchemaBroken` for columns that the model asks for and the frame lacks, with the near misses.
    """
    library = kind_of(model).split(".")[0]
    if isinstance(example, dict) and library in ("sklearn", "lightgbm", "xgboost", "catboost"):
        raise Misuse(
            "example= is a dict, which is for networks of several inputs",
            remedy="give a frame, as by pandas.DataFrame([row])",
        )
    rows = Example(tabled(example))
    names = columns_of(model)
    if names is None or not rows.is_frame:
        return rows
    there = rows.names
    asked = as_called(model, names, there)
    require(asked, there, "example=")
    return rows if asked == there else Example(rows.rows[list(asked)])


def refuse_rows(original: Original, rows: Example) -> None:
    """Raises `Misuse` where the model does not take one of `rows`, with the row and what is missing in it."""
    try:
        original.says(rows)
    except MlwrightError:
        raise
    except Exception as error:  # whatever somebody's model raises is told as its own
        if any(t.__name__ == "NotFittedError" for t in type(error).__mro__):
            raise _unfitted(original.model) from error
        i, raised = _first_refused(original, rows, error)
        said = " ".join(str(raised).split())
        said = said if len(said) <= _MOST_SAID else f"{said[:_MOST_SAID]} ..."
        absent = [repr(n) for n in rows.names if is_missing(rows.only([i]).values(n)[0])][:5]
        missing = f" ({', '.join(absent)} missing in it)" if absent else ""
        place = "first row" if i == 0 else f"row {i}"
        raise Misuse(
            f"the model does not take the example's {place}{missing}: {type(raised).__name__}: {said}",
            remedy="give rows as you give them to its predict, without the target",
        ) from error


def _first_refused(original: Original, rows: Example, error: Exception) -> tuple[int, Exception]:
    """The first row that is not taken by itself, and what is raised; the first one where each is."""
    for i in range(len(rows)):
        try:
            original.says(rows.only([i]))
        except Exception as raised:  # noqa: BLE001  # whatever somebody's model raises
            return i, raised
    return 0, error
