"""Two samples: effects agree with their definitions, p-values with scipy, and chance gives what it should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.two_samples import Sample, TwoSamples


def both(reference, fresh, **more):
    return TwoSamples(Sample.of_rows(np.asarray(reference, float)), Sample.of_rows(np.asarray(fresh, float)))


@pytest.fixture
def random():
    return np.random.default_rng(3)


def test_order_is_cliffs_delta_with_ties_for_neither(random):
    a, b = random.integers(0, 6, 40), random.integers(1, 7, 55)
    delta = np.sign(b[:, None] - a[None, :]).mean()
    assert both(a, b).order().effect.value == pytest.approx(delta)


def test_order_has_mann_and_whitneys_p(random):
    a, b = random.integers(0, 6, 200), random.integers(0, 6, 150)
    expected = stats.mannwhitneyu(b, a, use_continuity=False, method="asymptotic").pvalue
    assert both(a, b).order().p == pytest.approx(expected, rel=0.02)


def test_order_has_brunner_and_munzels_error(random):
    a, b = random.normal(size=80), random.normal(0.4, 3, size=300)
    shift = both(a, b).order()
    known = stats.brunnermunzel(a, b, distribution="normal").statistic
    half = (shift.effect.high - shift.effect.low) / 2
    assert shift.effect.value / half * 1.96 == pytest.approx(known, rel=0.1)


def test_gap_is_kolmogorov_and_smirnovs_distance(random):
    a, b = random.normal(size=300), random.normal(0, 2, size=400)
    gap, known = both(a, b).gap(), stats.ks_2samp(a, b)
    assert gap.effect.value == pytest.approx(known.statistic)
    assert gap.p == pytest.approx(known.pvalue, rel=0.3)
    assert abs(gap.fresh_at - gap.at) == pytest.approx(known.statistic)


def test_another_spread_is_a_gap_and_no_order(random):
    shift = both(random.normal(size=2000), random.normal(0, 2, size=2000))
    assert shift.order().p > 0.01 and shift.gap().p < 1e-6
    assert shift.gap().effect.low > 0.05


def test_without_a_shift_one_p_in_twenty_is_under_five_percent(random):
    p = []
    for _ in range(400):
        a, b = (np.round(random.normal(size=n), 1) for n in (500, 120))
        shift = both(a, b)
        p.append((shift.order().p, shift.gap().p))
    share = (np.array(p) <= 0.05).mean(axis=0)
    assert 0.02 <= share[0] <= 0.085  # three deviations of 400 trials
    assert share[1] <= 0.085


def test_a_sketch_says_what_the_rows_say_with_wider_intervals(random):
    a, b = np.round(random.normal(size=5000) * 3), np.round(random.normal(0.8, 3, size=500))
    rows, fresh = Sample.of_rows(a), Sample.of_rows(b)
    sketch = Sample.of_quantiles(np.quantile(a, np.linspace(0, 1, 101)), len(a))
    for look in ("order", "gap"):
        exact = getattr(TwoSamples(rows, fresh), look)()
        rough = getattr(TwoSamples(sketch, fresh), look)()
        assert rough.effect.value == pytest.approx(exact.effect.value, abs=0.02)
        assert rough.effect.low <= exact.effect.low
        assert rough.p >= exact.p


def test_few_clusters_that_agree_within_are_worth_few_rows(random):
    groups = np.repeat(np.arange(20), 50)
    level = random.normal(size=20)
    p, false = [], 0
    for _ in range(100):
        level = random.normal(size=20)
        values = level[groups] + 0.1 * random.normal(size=1000)
        fresh = groups >= 10
        sides = [Sample.of_rows(values[s], groups[s]) for s in (~fresh, fresh)]
        shift = TwoSamples(*sides)
        p.append((shift.order().p, shift.gap().p))
        plain = TwoSamples(*(Sample.of_rows(values[s]) for s in (~fresh, fresh)))
        false += plain.order().p <= 0.05
    assert ((np.array(p) <= 0.05).mean(axis=0) <= 0.13).all()
    assert false > 50  # as rows they would nearly always be "shifted"


def test_clusters_each_on_its_own_side_are_as_rare_as_their_dealing():
    values, groups = np.repeat(np.arange(8.0), 5), np.repeat(np.arange(8), 5)
    sides = [Sample.of_rows(np.sign(values[s] - 3.5), groups[s]) for s in (values < 4, values >= 4)]
    assert TwoSamples(*sides).order().p == pytest.approx(2 / 70)


def test_two_values_that_never_overlap_have_an_interval_that_is_not_a_point():
    effect = both(np.zeros(10), np.ones(10)).order().effect
    assert effect.value == effect.high == 1.0 and effect.low < 0.6
