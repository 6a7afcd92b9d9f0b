"""Real rows and the usual pipelines over them."""

from __future__ import annotations

import gzip
import io
from importlib.resources import files

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")


@pytest.fixture(scope="session")
def bank():
    """500 rows of the demo's table, a tenth of `age` and `job` missing; the target is `y`."""
    packed = files("mlwright").joinpath("demo/bank.csv.gz").read_bytes()
    table = pd.read_csv(io.StringIO(gzip.decompress(packed).decode()), sep=";")
    table = table.sample(500, random_state=0).reset_index(drop=True)
    rng = np.random.default_rng(0)
    table.loc[rng.random(500) < 0.1, "age"] = np.nan
    table.loc[rng.random(500) < 0.1, "job"] = np.nan
    return table[["age", "job", "marital", "campaign", "pdays", "euribor3m", "y"]]
