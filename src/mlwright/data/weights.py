"""What rows count: the values of a weight column, or why they are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import DataProblem
from mlwright.base.finding import counted


def weights_of(values: pl.Series, source: str, remedy: str = "mend the column") -> npt.NDArray[np.float64]:
    """The decoded column as weights [N]. Raises `DataProblem`, naming the column, for what is no weight.

    >>> weights_of(pl.Series("w", [1.0, 0.0, 2.5]), "loans.csv")
    array([1. , 0. , 2.5])
    """
    weights = values.to_numpy().astype(np.float64)
    absent, negative = int((~np.isfinite(weights)).sum()), int((weights < 0).sum())
    if absent:
        said = f"{counted(absent, 'row has', 'rows have')} no number in the weight column {values.name!r}"
    elif negative:
        said = f"{counted(negative, 'row has', 'rows have')} a weight below 0 in {values.name!r}"
    elif not weights.any():
        said = f"all weights in {values.name!r} are 0, so that no row counts"
    else:
        return weights
    raise DataProblem(f"{said}; a weight is a number of at least 0", where=source, remedy=remedy)
