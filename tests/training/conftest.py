"""What several tests of training learn from."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def bent():
    """A line and a step: a linear model and trees each know a half, so that an ensemble pays."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 4))
    y = x @ [3, 2, 1, 1] + 6 * (x[:, 0] * x[:, 1] > 0) + rng.normal(size=240)
    return {f"x{j}": x[:, j].tolist() for j in range(4)} | {"y": y.tolist()}
