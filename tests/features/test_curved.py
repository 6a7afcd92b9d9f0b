"""Smooth features for linear models: nothing of a single row goes into the model."""

import numpy as np

from mlwright.features import Feature
from mlwright.features.curved import fit_nearness


def test_no_row_of_the_table_stands_in_the_model_as_a_landmark():
    x = np.random.default_rng(0).normal(size=(400, 3))
    nearness = fit_nearness([Feature("number", j) for j in range(3)], x, seed=0)
    apart = np.abs(nearness.landmarks[:, None, :] - x[None, :, :]).max(axis=2)
    assert nearness.landmarks.shape == (200, 3) and apart.min() > 1e-6
    assert fit_nearness([Feature("number", 0)], np.ones((3, 1)), seed=0).landmarks.tolist() == [[1.0]]
