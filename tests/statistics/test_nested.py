"""Nested intervals: how far out a number lies and the interval that reaches so far say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwright.statistics.nested import Nested, numbers_between

numbers = st.floats(-1e6, 1e6, allow_nan=False)
rows = st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=20)


@given(rows, st.booleans(), st.lists(st.floats(0, 9), min_size=20, max_size=20))
def test_an_interval_that_reaches_so_far_ends_where_numbers_lie_so_far_out(quantiles, even, outs):
    nested = Nested.of(np.array(quantiles), 0.5, even=even)
    out = np.array(outs[: len(quantiles)])
    below, above = nested.ends(out)
    assert np.allclose(nested.out(above), out, rtol=1e-9, atol=1e-9)
    assert np.allclose(nested.out(-below), out, rtol=1e-9, atol=1e-9)
    assert not even or (below == above).all()


@given(rows, st.floats(0, 5), st.floats(0, 5))
def test_intervals_that_reach_further_hold_those_that_reach_less_far(quantiles, one, other):
    nested = Nested.of(np.array(quantiles), 0.5)
    near, far = (nested.ends(np.full(len(quantiles), out)) for out in sorted((one, other)))
    for inner, outer in zip(near, far, strict=True):
        assert (inner <= outer + 1e-9 * np.abs(outer)).all() and (inner >= 0).all()


def test_quantiles_that_cross_are_sorted_and_those_on_one_side_are_kept_apart():
    nested = Nested.of(np.array([[2.0, -3.0, 5.0, 1.0], [1.0, 2.0, 3.0, 4.0]]), 0.25)
    assert nested.below.tolist() == [[0.0, 0.25, 3.0], [0.0, 0.25, 0.5]]
    assert nested.above.tolist() == [[0.0, 2.0, 5.0], [0.0, 3.0, 4.0]]


def test_an_interval_that_reaches_for_ever_has_no_end():
    nested = Nested.of(np.array([[-1.0, 1.0]]), 0.1)
    below, above = nested.ends(np.array([np.inf]))
    assert np.isinf(below).all() and np.isinf(above).all()


def test_ends_go_through_link_floor_and_exposure_as_predictions_do():
    two = np.array([2.0])
    assert numbers_between(np.array([10.0]), two, two).tolist() == [[8.0, 12.0]]
    logged = numbers_between(np.array([np.e - 1]), np.array([1.0]), np.array([1.0]), "log1p")
    assert np.allclose(logged, [[0.0, np.e**2 - 1]])
    rated = numbers_between(np.array([10.0]), two, two, floor=0.0, exposure=np.array([5.0]))
    assert rated.tolist() == [[0.0, 20.0]]  # a rate of 2, less 2 and more 2, of 5 units
    assert numbers_between(np.array([1.0]), two, two, floor=0.0).tolist() == [[0.0, 3.0]]


@pytest.mark.parametrize("link", ["identity", "log1p"])
def test_every_interval_holds_its_prediction(link):
    prediction = np.random.default_rng(0).gamma(1.0, 1e9, 500)
    zero = np.zeros(500)
    ends = numbers_between(prediction, zero, zero, link, 0.0, np.full(500, 1 / 3))
    assert (ends[:, 0] <= prediction).all() and (prediction <= ends[:, 1]).all()
    assert np.allclose(ends, prediction[:, None])
