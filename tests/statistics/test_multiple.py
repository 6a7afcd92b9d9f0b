"""Benjamini and Hochberg's procedure against scipy's, and the share of false discoveries it allows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.multiple import adjusted, discovered


def test_adjusted_p_values_are_scipys():
    p = np.random.default_rng(0).random(50) ** 3
    assert adjusted(p) == pytest.approx(stats.false_discovery_control(p))


def test_what_was_not_tested_is_not_counted_and_never_discovered():
    p = np.array([0.01, np.nan, 0.5])
    assert adjusted(p)[[0, 2]] == pytest.approx([0.02, 0.5])
    assert np.isnan(adjusted(p)[1])
    assert discovered(p).tolist() == [True, False, False]
    assert adjusted(np.zeros(0)).tolist() == []


@pytest.mark.slow
def test_false_discoveries_stay_within_their_share():
    random, shares = np.random.default_rng(1), []
    for _ in range(1000):
        z = random.normal(size=100) + 3.0 * (np.arange(100) < 20)
        found = discovered(stats.norm.sf(z), 0.1)
        shares.append(found[20:].sum() / max(1, found.sum()))
    assert 0.06 < np.mean(shares) < 0.1
