"""Sets of labels: valid p-values by class, coverage by class, and the same answers from what a file keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlwright as mw
from mlwright.base.conformal import Reference
from mlwright.evaluation.conformal import ERRORS, conformal_of
from mlwright.statistics.intervals import clopper_pearson


def drawn(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, and classes drawn with them; the last is rare by `share`."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=(n, 3)) + np.log([1.0, 1.0, share])
    p = np.exp(2 * odds)
    p /= p.sum(axis=1, keepdims=True)
    return p, (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(0, 20))
def test_a_p_value_is_the_share_of_the_class_that_looks_at_least_as_unlike(scores, asked):
    ordered = tuple(sorted(float(s) for s in scores))
    of = Reference(rows=len(scores), ranks=tuple(range(1, len(scores) + 1)), scores=ordered)
    least = sum(s >= asked for s in scores)
    assert of.p_values(np.array([float(asked)]))[0] == (1 + least) / (len(scores) + 1)


def test_of_many_rows_a_few_scores_are_kept_whose_p_values_are_nearly_and_never_less_than_the_exact_ones():
    p, y = drawn(30_000, 1.0, 0)
    reference = conformal_of(p, y, 3, "").references[0]
    every = np.sort(1 - p[y == 0, 0])
    exact = (1 + len(every) - np.searchsorted(every, 1 - p[:, 0], side="left")) / (len(every) + 1)
    told = reference.p_values(1 - p[:, 0])
    assert len(reference.scores) <= 500 < len(every) == reference.rows
    assert (told >= exact).all() and (told <= 1.05 * exact + 1e-9).all()


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_each_class_is_in_its_sets_as_often_as_was_asked_whatever_its_share(share):
    p, y = drawn(4_000, share, 1)
    sets = conformal_of(p, y, 3, "")
    fresh, truth = drawn(20_000, share, 2)
    plausible = sets.p_values(fresh)
    for k in range(3):
        for error in ERRORS:
            of, n = truth == k, sets.references[k].rows
            low, high = (clopper_pearson(round(n * (1 - error)), n, 0.999)[i] for i in (1, 2))
            assert low - 0.01 <= (plausible[of, k] > error).mean() <= high + 0.02, (k, error)


def test_measured_coverage_holds_and_says_how_large_the_sets_are():
    p, y = drawn(4_000, 0.1, 3)
    for m in conformal_of(p, y, 3, "").measured:
        for score in m.coverage:
            assert score.rows == (y == m.coverage.index(score)).sum()
            assert score.low <= 1 - m.error + 0.02 and score.high >= 1 - m.error
        assert 1.0 <= m.mean <= 3.0 and m.single + m.empty <= 1.0
    large, small = (conformal_of(p, y, 3, "").measured[i] for i in (0, 2))
    assert large.mean > small.mean


def test_a_class_of_a_few_rows_is_never_left_out_for_want_of_evidence():
    p, y = drawn(500, 1.0, 4)
    y[y == 2] = 0
    y[:5] = 2
    p[:, 2] = 1e-9
    assert (conformal_of(p, y, 3, "").p_values(p)[:, 2] >= 1 / 6).all()


def test_groups_are_not_measured_by_their_own_rows():
    p, y = drawn(3_000, 1.0, 5)
    clusters = np.arange(3_000) // 3
    together, alone = (
        conformal_of(p, y, 3, "", clusters=c).measured[1].coverage[0] for c in (clusters, None)
    )
    assert "clustered" in together.method and "clustered" not in alone.method


def test_with_weights_each_class_is_in_its_sets_as_often_by_weight_as_was_asked():
    p, y = drawn(30_000, 1.0, 6)
    # Rows that look unlike their class are rare among those judged and weigh ten times as much.
    heavy = np.where(1 - p[np.arange(len(y)), y] > 0.5, 10.0, 1.0)
    rng = np.random.default_rng(7)
    kept = (heavy < 2) | (rng.random(len(y)) < 0.1)
    sets = conformal_of(p[kept], y[kept], 3, "", weights=heavy[kept])
    plain = conformal_of(p[kept], y[kept], 3, "")
    fresh, truth = drawn(20_000, 1.0, 8)
    for k in range(3):
        held = (sets.p_values(fresh)[truth == k, k] > 0.1).mean()
        without = (plain.p_values(fresh)[truth == k, k] > 0.1).mean()
        assert held == pytest.approx(0.9, abs=0.03) and without < 0.8
    told = sets.measured[1].coverage
    assert all(score.low <= 0.92 and score.high >= 0.88 for score in told)
    assert all(r.rows < (y[kept] == k).sum() for k, r in enumerate(sets.references))


def test_equal_weights_change_nothing():
    p, y = drawn(900, 0.2, 9)
    plain, alike = conformal_of(p, y, 3, ""), conformal_of(p, y, 3, "", weights=np.full(900, 2.5))
    assert np.abs(plain.p_values(p) - alike.p_values(p)).max() < 1e-5
    assert [m.mean for m in alike.measured] == pytest.approx([m.mean for m in plain.measured])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(0, 10))
def test_a_weighted_p_value_is_the_weighted_share_of_rows_that_look_at_least_as_unlike(weights, asked):
    rng = np.random.default_rng(len(weights))
    unlike = rng.integers(0, 10, len(weights)) / 10
    w = np.array(weights, dtype=float)
    probability = np.stack([1 - unlike, unlike], axis=1)
    of = conformal_of(probability, np.zeros(len(w), dtype=np.int64), 2, "", weights=w).references[0]
    worth = w.sum() ** 2 / (w @ w)
    expected = (1 + worth * w[unlike >= asked / 10].sum() / w.sum()) / (worth + 1)
    assert of.p_values(np.array([asked / 10]))[0] == pytest.approx(expected, abs=2e-6)


def test_a_fit_with_weights_calibrates_and_measures_its_sets_by_them():
    rng = np.random.default_rng(10)
    x = rng.normal(size=600)
    y = np.where(x + 0.8 * rng.normal(size=600) > 0, "buys", "leaves")
    table = {"a": x.tolist(), "y": y.tolist(), "w": np.where(np.abs(x) < 0.5, 8.0, 1.0).tolist()}
    sets = mw.fit(table, target="y", weight="w", max_trials=2, seed=0).evaluation.sets
    for reference, score in zip(sets.references, sets.measured[1].coverage, strict=True):
        assert reference.rows < 0.6 * score.rows
        assert score.low <= 0.91 and score.high >= 0.88
    del table["w"]
    assert all(
        r.rows == round(r.rows) for r in mw.fit(table, target="y", max_trials=2).evaluation.sets.references
    )
