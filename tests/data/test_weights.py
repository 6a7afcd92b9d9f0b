"""What is no weight is told of by what is wrong with it, with the column and the source."""

import math

import polars as pl
import pytest

from mlwright.base.errors import DataProblem
from mlwright.data.weights import weights_of


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, None, math.nan, math.inf], "3 rows have no number in the weight column 'w'"),
        ([1.0, -2.0, 0.0], "1 row has a weight below 0 in 'w'"),
        ([0.0, 0.0], "all weights in 'w' are 0, so that no row counts"),
    ],
)
def test_each_fault_has_its_own_words(values, said):
    with pytest.raises(DataProblem, match=said) as told:
        weights_of(pl.Series("w", values, dtype=pl.Float64), "loans.csv")
    assert told.value.where == "loans.csv" and "at least 0" in told.value.message
