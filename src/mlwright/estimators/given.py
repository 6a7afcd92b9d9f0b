"""What scikit-learn's tools hand over, as columns by name: arrays, lists, frames; labels, numbers, weights.

Called by the estimators. What scikit-learn refuses is refused by its own functions, so that it is refused in
its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    column_or_1d,
    validate_data,
)

from mlwright.base.errors import Misuse
from mlwright.sources.names import clean_names

Doubles = npt.NDArray[np.float64]
Columns = dict[str, Any]  # Any: a column of whatever library the caller uses
FEWEST = 2
"""Rows, for there is always one to judge by."""


def is_frame(rows: Any) -> bool:  # Any: whatever the caller has
    """Whether it has named columns of types of their own."""
    return hasattr(type(rows), "columns") or hasattr(type(rows), "column_names")


def checked(
    estimator: Any,  # Any: as scikit-learn has no types
    rows: Any,
    *,
    y: Any = "no_validation",
    fitting: bool = False,
) -> Any:
    """`rows` as scikit-learn has it checked: of two dimensions, finite but for what is missing, with as many
    features, of the same names, as were fitted. Raises `ValueError` in its words, also where `y` is None."""
    given = y if y is None else "no_validation"
    if not is_frame(rows):
        fewest = FEWEST if fitting else 1
        return validate_data(
            estimator,
            rows,
            given,
            reset=fitting,
            dtype=None,
            ensure_all_finite="allow-nan",
            ensure_min_samples=fewest,
        )
    if hasattr(rows, "collect"):
        raise Misuse("a lazy frame has no rows yet", remedy="collect() it first")
    _refuse_twins(rows)
    validate_data(estimator, rows, given, reset=fitting, skip_check_array=True)
    if fitting and len(rows) < FEWEST:
        raise ValueError(f"Found a frame with {len(rows)} row(s) while a minimum of {FEWEST} is required.")
    return rows


def _refuse_twins(rows: Any) -> None:  # Any: a frame
    names = Counter(rows.column_names if hasattr(rows, "column_names") else rows.columns)
    if twins := [name for name, count in names.items() if count > 1]:
        raise Misuse(f"two columns are called {twins[0]!r}", remedy="give each column a name of its own")


def names_of(estimator: Any) -> list[str]:  # Any: a fitted estimator
    """What the columns are called in the model: as in the frame, clean and unique, or `x0`, `x1`, ..."""
    named = getattr(estimator, "feature_names_in_", None)
    if named is None:
        return [f"x{i}" for i in range(estimator.n_features_in_)]
    return clean_names(list(named))[0]


def columns_of(rows: Any, names: Sequence[str]) -> Columns:  # Any: what `checked` gave
    """The columns by name, in order; of an array they are numbers where all of it is."""
    if not is_frame(rows):
        plain = rows.astype(np.float64) if rows.dtype.kind in "iufb" else rows
        return {name: plain[:, i] for i, name in enumerate(names)}
    if _is_pandas(rows):
        return {name: rows.iloc[:, i] for i, name in enumerate(names)}
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
    return dict(zip(names, frame.get_columns(), strict=True))


def kinds_of(rows: Any, names: Sequence[str]) -> dict[str, str]:  # Any: as above
    """Kinds that the caller's types say: an array of numbers holds amounts, pandas knows categories."""
    if not is_frame(rows):
        return dict.fromkeys(names, "numeric") if rows.dtype.kind in "iufb" else {}
    if not _is_pandas(rows):
        return {}
    types = (type(dtype).__name__ for dtype in rows.dtypes)
    return {name: "categorical" for name, t in zip(names, types, strict=True) if t == "CategoricalDtype"}


def labels_of(rows: Any, y: Any) -> npt.NDArray[Any]:  # Any: labels or numbers of any type
    """`y` as an array of one dimension, as long as `rows`, nothing of it missing."""
    flat = column_or_1d(y, warn=True)
    assert_all_finite(flat, input_name="y")
    if flat.dtype.kind == "O" and any(v is None for v in flat):
        raise ValueError("Input y contains None.")
    check_consistent_length(rows, flat)
    return np.asarray(flat)


def weights_of(rows: Any, sample_weight: Any) -> Doubles | None:  # Any: as above
    """A weight of at least 0 for each row; None where none are given."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("all sample weights are zero")
    return np.asarray(weights)


def rows_of(rows: Any, kept: npt.NDArray[np.bool_]) -> Any:  # Any: of the type of rows
    """Those rows of `rows`."""
    return rows if kept.all() else _safe_indexing(rows, np.flatnonzero(kept))


def name_beside(wanted: object, names: Sequence[str], otherwise: str) -> str:
    """A name for one more column: the wanted one where it is a text and free, else another.

    >>> name_beside("price", ["age"], "target"), name_beside(None, ["target"], "target")
    ('price', 'target_2')
    """
    first = wanted if isinstance(wanted, str) and wanted else otherwise
    return clean_names([*names, first])[0][-1]


def _is_pandas(rows: Any) -> bool:  # Any: a frame
    return any(c.__module__.partition(".")[0] == "pandas" for c in type(rows).__mro__)
