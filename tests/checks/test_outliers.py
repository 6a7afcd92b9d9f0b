"""Slips are found beyond every honest tail, and honest tails are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.statistics.tails import beyond

DRAWN = {
    "normal": lambda r: r.normal(50, 8, 800),
    "uniform": lambda r: r.uniform(5, 9, 800),
    "skewed": lambda r: r.gamma(3, 10, 800),
    "whole": lambda r: np.round(r.normal(40, 12, 800)),
    "few values": lambda r: r.integers(1, 6, 800).astype(float),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_slip_of_the_decimal_point_is_found_with_its_rows(seen, kind):
    random = np.random.default_rng(6)
    x = DRAWN[kind](random)
    rows = (10, 300, 555)
    x[list(rows)] = 100 * np.median(x)
    [found] = seen("MLW110", {"x": x, "y": random.random(800)})
    assert (found.status, found.rows) == ("found", rows)
    assert "3 values stand alone above all others" in found.evidence


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: r.normal(size=1000),
        lambda r: r.lognormal(sigma=1.5, size=1000),
        lambda r: r.pareto(2, size=1000),
        lambda r: r.standard_t(3, size=1000),
        lambda r: np.where(r.random(1000) < 0.9, 0, r.lognormal(size=1000)),
        lambda r: r.poisson(1.0, 1000).astype(float),
    ],
)
def test_honest_tails_are_not_outliers(draw):
    random = np.random.default_rng(7)
    tails = [beyond(draw(random)) for _ in range(60)]
    assert sum(t is not None and t.count > 0 for t in tails) <= 5


def test_a_value_far_below_is_found_too(seen):
    random = np.random.default_rng(8)
    x = random.normal(1000, 10, 500)
    x[44] = 1.0
    [found] = seen("MLW110", {"x": x, "y": random.random(500)})
    assert found.rows == (44,) and "below" in found.evidence


def test_a_slip_far_beyond_its_tail_is_found_among_many_columns_of_a_small_table(seen):
    random = np.random.default_rng(9)
    columns = {f"x{j}": random.lognormal(sigma=0.45, size=569) for j in range(30)}
    columns["x7"][[3, 50, 444]] *= 100
    [found] = seen("MLW110", columns | {"y": random.random(569)})
    assert (found.column, found.rows) == ("x7", (3, 50, 444))
