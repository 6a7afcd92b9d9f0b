"""What more rows would bring: held to curves whose law is known."""

import numpy as np
import pytest

from mlwright.statistics.learning_curve import EXPONENTS, curve_draws, gains, refit_spread

ROWS = np.array([500.0, 1000.0, 2000.0, 4000.0])


def drawn_curves(level, slope, exponent, spread, seed, draws=400):
    random = np.random.default_rng(seed)
    true = level + slope * (ROWS / ROWS[-1]) ** -exponent
    seen = true * (1 + spread * random.normal(size=4))
    return curve_draws(np.tile(seen, (draws, 1)), spread * true, 8.0, seed), spread * true, true


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_the_interval_holds_what_twice_the_rows_bring(exponent):
    held = 0
    for seed in range(40):
        drawn, spread, _ = drawn_curves(0.1, 0.05, exponent, 0.01, seed)
        low, high = np.quantile(gains(ROWS, drawn, spread, np.array([2.0]), seed), [0.025, 0.975])
        held += low <= 0.05 * (1 - 2.0**-exponent) <= high
    assert held >= 36


def test_a_sharp_curve_is_carried_on_exactly():
    true = 0.1 + 0.05 * (ROWS / ROWS[-1]) ** -0.5
    found = gains(ROWS, np.tile(true, (20, 1)), np.full(4, 1e-6), np.array([2.0, 4.0]), seed=0)
    assert np.allclose(found, 0.05 * (1 - np.array([2.0, 4.0]) ** -0.5), rtol=1e-6)


def test_errors_that_rise_with_rows_promise_nothing():
    rising = np.tile([0.1, 0.11, 0.12, 0.13], (30, 1))
    assert gains(ROWS, rising, np.full(4, 1e-3), np.array([2.0, 4.0]), seed=0).max() == 0.0


def test_the_fit_is_the_least_squares_fit_without_negative_parts():
    from scipy.optimize import nnls

    from mlwright.statistics.learning_curve import _fitted

    random = np.random.default_rng(0)
    drawn = random.random((25, 4)) + np.array([1.0, 0.6, 0.4, 0.2])
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    shape = (ROWS[None, :] / ROWS[-1]) ** -EXPONENTS[:, None]
    level, slope = _fitted(shape, drawn, weight)
    for b in range(25):
        for c in range(len(EXPONENTS)):
            design = np.stack([np.ones(4), shape[c]], axis=1) * np.sqrt(weight)[:, None]
            expected, _ = nnls(design, drawn[b] * np.sqrt(weight))
            assert np.allclose([level[b, c], slope[b, c]], expected, atol=1e-8)


def test_repeated_fits_say_how_much_fits_differ():
    random = np.random.default_rng(1)
    alike = [0.2 + 0.02 * 0.2 * random.normal(size=200), np.array([0.1])]
    share, freedom = refit_spread(alike, np.array([100.0, 200.0]))
    assert share == pytest.approx(0.02, rel=0.15) and freedom == 200
    prior, least = refit_spread([np.array([0.2]), np.array([0.1])], np.array([100.0, 200.0]))
    assert (prior, least) == (0.01, 1.0)


def test_few_repeats_make_wide_draws():
    flat = np.full((4000, 1), 0.5)
    few, many = (
        np.ptp(np.quantile(curve_draws(flat, np.array([0.01]), f, 0), [0.01, 0.99])) for f in (2.0, 50.0)
    )
    assert few > 1.5 * many
