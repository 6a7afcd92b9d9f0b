"""The linear family beside the normal equations written out."""

from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from mlwright.learners import Config, Job, Part
from mlwright.learners.linear import Linear


@pytest.mark.parametrize("rows", [12, 400])
@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares_of_few_rows_and_of_many_solve_the_same_equations(rows, weighted):
    with (files("mlwright") / "demo" / "bank.csv.gz").open("rb") as file:
        calls = pl.read_csv(file, separator=";", infer_schema_length=None)
    table = calls.select(pl.col(pl.Int64, pl.Float64)).sample(rows, seed=0).to_numpy().astype(np.float64)
    x, y = table[:, 1:], table[:, 0]
    x = np.concatenate([x, x**2, np.sqrt(np.abs(x)), x[:, ::-1] * x, np.ones((rows, 1))], axis=1)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    weights = 1.0 + np.arange(rows) % 3 if weighted else None
    penalty = 0.01
    job = Job(Config("linear", "linear", "linear"), 0, Part(x, y, weights), settings={"penalty": penalty})
    fitted = Linear().fit(job)

    share = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    centred, about = x - share @ x, y - share @ y
    left = (centred * share[:, None]).T @ centred + penalty * np.eye(x.shape[1])
    expected = np.linalg.solve(left, centred.T @ (share * about))
    np.testing.assert_allclose(fitted.margin(x)[:, 0], share @ y + centred @ expected, rtol=1e-6)
