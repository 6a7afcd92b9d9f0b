"""Reliability says what is so: of good probabilities nothing, of others how far they are off."""

import msgspec
import numpy as np
import pytest
from scipy.optimize import minimize

from mlwright.base.canonical import canonical_json
from mlwright.base.reliability import Reliability
from mlwright.evaluation.reliability import bins_of, reliability_of, reliability_of_numbers
from mlwright.packaging.card_calibration import calibration_section
from mlwright.statistics.intervals import wilson
from mlwright.statistics.links import sigmoid, softmax


def drawn(seed, truth, n=2000):
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1, 2, (n, 1))
    y = (rng.random(n) < sigmoid(truth(margin[:, 0]))[:, 1]).astype(np.int64)
    return y, margin, sigmoid(margin[:, 0])


def several(seed, n=1000, slope=1.0):
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 2, (n, 4))
    return (slope * margin + rng.gumbel(size=margin.shape)).argmax(axis=1), margin, softmax(margin)


def test_of_good_probabilities_little_is_said():
    found = [reliability_of(*drawn(s, lambda t: t)) for s in range(40)]
    assert sum(r.p < 0.05 for r in found) <= 6
    assert sum(r.slope.low <= 1 <= r.slope.high for r in found) >= 34
    assert sum(r.intercept.low <= 0 <= r.intercept.high for r in found) >= 34
    assert sum(bool(r.remedy) for r in found) <= 9
    assert np.mean([r.error.low == 0 for r in found]) >= 0.85


def test_what_is_off_is_measured_and_told():
    extreme = reliability_of(*drawn(0, lambda t: 0.6 * t))
    assert extreme.slope.low < 0.6 < extreme.slope.high < 1
    assert extreme.p < 0.01 and "too extreme" in extreme.remedy and "more than chance" in extreme.said[0]
    assert "too timid" in reliability_of(*drawn(0, lambda t: 1.6 * t)).remedy
    low = reliability_of(*drawn(1, lambda t: t + 0.8, 5000))
    assert low.intercept.low < 0.8 < low.intercept.high and low.error.low > 0.05
    assert "too low on the whole" in low.remedy
    assert "too high on the whole" in reliability_of(*drawn(1, lambda t: t - 0.8, 5000)).remedy


def test_the_error_is_unbiased_in_its_square_and_its_interval_covers():
    def truth(t):
        return 0.7 * t

    rng = np.random.default_rng(1)
    t = np.sort(rng.normal(-1, 2, 200_000))
    off = sigmoid(truth(t))[:, 1] - sigmoid(t)[:, 1]
    true = np.mean([part.mean() ** 2 for part in np.array_split(off, 10)])
    found = [reliability_of(*drawn(s, truth, 1000)).error for s in range(60)]
    assert np.mean([e.value**2 for e in found]) == pytest.approx(true, rel=0.2)
    assert sum(e.low <= np.sqrt(true) <= e.high for e in found) >= 54


def test_slope_and_intercept_are_those_of_maximum_likelihood():
    y, margin, p = drawn(3, lambda t: 0.8 * t + 0.3, 400)
    w = np.random.default_rng(0).uniform(0.2, 2, 400)

    def loss(theta):
        z = margin[:, 0] * theta[0] + theta[1]
        return w @ (np.logaddexp(0, z) - y * z)

    found = reliability_of(y, margin, p, w)
    assert found.slope.value == pytest.approx(minimize(loss, [1.0, 0.0], tol=1e-12).x[0], abs=1e-5)
    large = minimize(lambda a: loss([1.0, a[0]]), [0.0], tol=1e-12).x[0]
    assert found.intercept.value == pytest.approx(large, abs=1e-5)


def test_bins_hold_every_row_and_wilsons_interval():
    y, margin, p = drawn(4, lambda t: t, 1000)
    found = reliability_of(y, margin, p)
    assert [b.rows for b in found.bins] == [100] * 10
    order = np.argsort(p[:, 1])
    first = found.bins[0]
    assert first.predicted == pytest.approx(p[order[:100], 1].mean())
    assert (first.observed, first.low, first.high) == pytest.approx(wilson(y[order[:100]].sum(), 100))


def test_bins_keep_equal_answers_together_and_are_never_small():
    rng = np.random.default_rng(0)
    for n in (1, 19, 20, 45, 300, 5000):
        for digits in (0, 1, 5):
            values = rng.random(n).round(digits)
            place = bins_of(values, np.ones(n))
            counts = np.bincount(place)
            assert len(counts) <= 10 and counts.min() >= min(n, 20)
            assert all(len(set(place[values == v])) == 1 for v in set(values))
            order = np.argsort(values, kind="stable")
            assert (np.diff(place[order]) >= 0).all()


def test_copies_of_rows_are_no_evidence_where_groups_tell_them():
    y, margin, p = drawn(5, lambda t: t, 100)
    copied = [np.repeat(part, 30, axis=0) for part in (y, margin, p)]
    groups = np.repeat(np.arange(100), 30)
    alone, apart = reliability_of(y, margin, p), reliability_of(*copied)
    together = reliability_of(*copied, None, groups)
    assert together.slope.value == pytest.approx(alone.slope.value)
    wide = [r.slope.high - r.slope.low for r in (alone, together, apart)]
    assert wide[1] == pytest.approx(wide[0], rel=0.05) and wide[2] < wide[0] / 4
    assert together.p > apart.p


def test_several_classes_have_a_slope_and_an_error_by_class():
    good = [reliability_of(*several(s)) for s in range(20)]
    assert sum(r.class_p < 0.05 for r in good) <= 3
    assert sum(r.slope.low <= 1 <= r.slope.high for r in good) >= 17
    off = reliability_of(*several(0, 4000, slope=0.5))
    assert off.subject == "likeliest class" and off.slope.low < 0.5 < off.slope.high
    assert off.class_p < 0.01 and off.class_error.low > 0 and len(off.classes) == 4
    assert sum(c.observed for c in off.classes) == pytest.approx(1)
    assert off.intercept is None and "by class" in " ".join(off.said)


def test_rows_of_no_weight_are_as_if_they_were_not_there():
    y, margin, p = drawn(6, lambda t: t, 600)
    weights = np.r_[np.ones(300), np.zeros(300)]
    groups = np.arange(600) // 3
    assert reliability_of(y, margin, p, weights, groups) == reliability_of(
        y[:300], margin[:300], p[:300], np.ones(300), groups[:300]
    )
    assert reliability_of(y, margin, p, np.zeros(600)) is None


ODD = {
    "one row": (np.array([1]), np.zeros((1, 1))),
    "one class": (np.ones(100, dtype=np.int64), np.random.default_rng(0).normal(size=(100, 1))),
    "one answer": (np.arange(100) % 2, np.zeros((100, 1))),
    "certain": (np.arange(100) % 2, np.where(np.arange(100) % 2, np.inf, -np.inf)[:, None]),
    "told apart": (np.arange(100) // 50, np.linspace(-1, 1, 100)[:, None]),
    "three, one row": (np.array([2]), np.zeros((1, 3))),
    "three, one class": (np.zeros(80, dtype=np.int64), np.random.default_rng(0).normal(size=(80, 3))),
    "three, far": (np.arange(90) % 3, np.eye(3)[np.arange(90) % 3] * 1e300),
}


@pytest.mark.parametrize("name", list(ODD))
def test_odd_rows_give_values_that_a_file_can_hold(name):
    y, margin = ODD[name]
    p = sigmoid(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)
    for groups in (None, np.zeros(len(y), dtype=np.int64), np.arange(len(y)) // 7):
        found = reliability_of(y.astype(np.int64), margin, p, None, groups)
        text = canonical_json(found)  # which refuses what is no number
        assert msgspec.json.decode(text, type=Reliability) == found
        assert calibration_section(found)


def test_numbers_are_told_by_tenths():
    rng = np.random.default_rng(0)
    predicted = rng.gamma(2, size=2000)
    y = predicted * rng.gamma(4, 0.25, size=2000)
    found = reliability_of_numbers(y, predicted)
    assert found.subject == "number" and len(found.bins) == 10 and not found.said and not found.remedy
    assert sum(b.holds for b in found.bins) >= 8
    assert sum(b.holds for b in reliability_of_numbers(y * 1.3, predicted).bins) <= 2
    assert reliability_of_numbers(y[:1], predicted[:1]) is None
    assert reliability_of_numbers(y, predicted, np.zeros(2000)) is None
    assert "mean foretold" in "\n".join(calibration_section(found))


def test_a_wide_table_of_classes_is_bounded():
    rng = np.random.default_rng(0)
    margin = rng.normal(size=(3000, 60))
    found = reliability_of(rng.integers(0, 60, 3000), margin, softmax(margin))
    assert not found.classes and found.class_error is not None
    assert len(canonical_json(found)) < 3000
