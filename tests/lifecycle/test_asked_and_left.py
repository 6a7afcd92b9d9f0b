"""A caller who spent some of the time limit says so: the limit stands as it was asked, what is left rules."""

import time

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.lifecycle.fit import left_of


@pytest.fixture
def frame():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.where(x[:, 0] + 0.5 * x[:, 2] > 0, "yes", "no")
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})


def test_the_recipe_holds_the_limit_that_was_asked_and_what_is_left_of_it_rules(frame):
    began = time.monotonic()
    model = mw.fit(frame, target="y", time_limit="10m", spent_s=598.0)
    assert model.manifest.recipe["time_limit"] == "10m" and "spent_s" not in model.manifest.recipe
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("limit", "spent_s", "left"),
    [("60s", 2.5, 57.5), (60, 0.0, 60), (5, 9.0, 1), (0.5, 0.0, 0.5), (0.5, 9.0, 0.5), (None, 3.0, None)],
)
def test_a_limit_that_is_all_spent_leaves_a_second(limit, spent_s, left):
    assert left_of(limit, spent_s) == left
