"""Metrics with a number in their name agree with scikit-learn's; a function of the user's own is heeded."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

import mlwright as mw
from mlwright.base.errors import Misuse, UnknownName
from mlwright.evaluation.asked import known, metric_of
from mlwright.evaluation.intervals import score


def rows(classes: int, n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes, probabilities with ties among them, and weights."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    p = rng.dirichlet(np.ones(classes), n)
    p[np.arange(n), y] += 0.3
    p = np.round(p / p.sum(axis=1, keepdims=True), 2)
    return y, p, rng.integers(1, 4, n).astype(np.float64)


@pytest.mark.parametrize("beta", [0.5, 2, 1.75])
@pytest.mark.parametrize("classes", [2, 4])
def test_f_beta_is_scikit_learns(beta, classes):
    y, p, w = rows(classes)
    average = "binary" if classes == 2 else "macro"
    for weights in (None, w):
        want = theirs.fbeta_score(y, p.argmax(axis=1), beta=beta, average=average, sample_weight=weights)
        assert known(f"f{beta:g}").function(y, p, weights) == pytest.approx(want)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_top_k_accuracy_is_scikit_learns(count):
    y, p, w = rows(5)
    for weights in (None, w):
        want = theirs.top_k_accuracy_score(y, p, k=count, sample_weight=weights)
        assert known(f"top_{count}_accuracy").function(y, p, weights) == pytest.approx(want)


def test_top_k_accuracy_of_no_fewer_classes_is_one():
    y, p, _ = rows(3)
    assert known("top_5_accuracy").function(y, p) == 1.0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_pinball_is_scikit_learns(share):
    rng = np.random.default_rng(1)
    y, p, w = rng.normal(size=200), rng.normal(size=200), rng.random(200)
    want = theirs.mean_pinball_loss(y, p, alpha=share, sample_weight=w)
    assert known(f"pinball_{share}").function(y, p, w) == pytest.approx(want)


def test_precision_among_the_first_rows_counts_them_and_shares_ties_by_lot():
    y = np.array([1, 0, 1, 1, 0, 0])
    p = np.array([0.9, 0.8, 0.7, 0.7, 0.7, 0.1])
    both = np.stack([1 - p, p], axis=1)
    assert known("precision_at_2").function(y, both) == 0.5
    assert known("precision_at_3").function(y, both) == pytest.approx((1 + 2 / 3) / 3)
    assert known("precision_at_5").function(y, both) == pytest.approx(3 / 5)
    assert known("precision_at_50%").function(y, both) == known("precision_at_3").function(y, both)
    assert np.isnan(known("precision_at_7").function(y, both))
    twice = np.array([2.0, 1, 1, 1, 1, 1])
    assert known("precision_at_2").function(y, both, twice) == 1.0


def test_precision_among_the_first_rows_has_an_interval_that_holds_it():
    y, p, _ = rows(2, 500)
    found = score(known("precision_at_60%"), y, p)
    assert found.low < found.value < found.high <= 1.0 and "bootstrap" in found.method


@pytest.mark.parametrize("right", [True, False])
def test_where_all_rows_counted_agree_the_bound_is_exact_by_their_number(right):
    n, k = 1_000, 40
    scores = np.linspace(1, 0, n)
    y = np.where(np.arange(n) < 500, right, not right).astype(np.int64)
    found = score(known(f"precision_at_{k}"), y, np.stack([1 - scores, scores], axis=1))
    bound = 0.025 ** (1 / k)  # Clopper and Pearson's, of 40 among 40
    told = (found.low, found.high) if right else (1 - found.high, 1 - found.low)
    assert found.value == right and told == pytest.approx((bound, 1.0))
    assert score(known("precision_at_4%"), y, np.stack([1 - scores, scores], axis=1)).low == found.low


def test_rows_counted_that_agree_are_as_many_as_are_independent():
    y = (np.arange(400) < 200).astype(np.int64)
    scores = np.linspace(1, 0, 400)
    both = np.stack([1 - scores, scores], axis=1)
    by_group = score(known("precision_at_40"), y, both, groups=np.arange(400) // 10)
    assert by_group.low == pytest.approx(0.025 ** (1 / 4))
    heavy = np.where(np.arange(400) == 0, 21.0, 1.0)
    weighted = score(known("precision_at_40"), y, both, weights=heavy)
    assert weighted.low == pytest.approx(0.025 ** (1 / (40**2 / (21**2 + 19))))


@pytest.mark.parametrize("name", ["f0", "f02", "f1.0", "top_0_accuracy", "precision_at_0", "precision_at_0%",
                                  "precision_at_0.00%", "precision_at_100%",
                                  "pinball_1.5", "pinball_0.0", "recal"])  # fmt: skip
def test_a_name_of_no_metric_is_unknown(name):
    with pytest.raises(UnknownName, match="metric"):
        known(name)


def test_a_number_that_a_family_does_not_take_is_told_with_those_that_it_does():
    with pytest.raises(UnknownName, match=r"did you mean 'precision_at_5%'.*above 0 and below 100 %"):
        known("precision_at_0%")
    with pytest.raises(UnknownName, match=r"did you mean 'precision_at_100'.*rows from 1 on"):
        known("precision_at_0")
    with pytest.raises(UnknownName, match=r"between 0 and 1 \(pinball_0.9\)"):
        known("pinball_1.5")


def test_a_near_miss_of_a_family_is_offered():
    with pytest.raises(UnknownName, match="did you mean 'top_3_accuracy'"):
        known("top_3_acuracy")


def test_families_measure_their_task_alone():
    with pytest.raises(Misuse, match="does not measure multiclass"):
        metric_of("precision_at_10", "multiclass")
    with pytest.raises(Misuse, match="does not measure regression"):
        metric_of("f2", "regression")


def caught(truth, label):
    """How many of the positive rows were caught, in absolute numbers, less the alarms."""
    return float(((truth == 1) & (label == 1)).sum() - 0.2 * (label == 1).sum())


def test_a_function_of_ones_own_has_an_interval_by_drawing_rows():
    y, p, w = rows(2, 200)
    own = mw.metric(caught)
    found = score(own, y, p)
    assert found.value == caught(y, p.argmax(axis=1)) and found.low < found.value < found.high
    assert found.high > 1.0
    with pytest.raises(Misuse, match="takes no sample_weight"):
        own.function(y, p, w + 0.5)

    def mean_p(truth, p, sample_weight=None):
        return np.average(p, weights=sample_weight)

    heavy = mw.metric(mean_p, needs="probability")
    assert heavy.function(y, p, w) == pytest.approx(np.average(p[:, 1], weights=w))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: mw.metric("f1"), "made from a function, not from str"),
        (lambda: mw.metric(lambda t, a: 0.0), "cannot be the name"),
        (lambda: mw.metric(caught, name="rmse"), "cannot be the name"),
        (lambda: mw.metric(caught, name="f3"), "cannot be the name"),
        (lambda: mw.metric(caught, needs="labels"), "no needs= .labels.; did you mean .label.?"),
        (lambda: mw.metric(caught, better="lower"), "no better= .lower.; there is .more., .less."),
        (lambda: known(caught), "mw.metric"),
        (lambda: mw.metric(lambda t, a: "much", name="odd").function(*rows(2)[:2]), "returned str"),
    ],
)
def test_what_is_no_metric_is_refused_with_the_way_out(made, said):
    with pytest.raises(Misuse, match=said):
        made()


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 3))
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=400) > 0.8, "bad", "good")
    return {f"x{j}": x[:, j].tolist() for j in range(3)} | {"y": y.tolist()}


def test_fit_evaluate_and_compare_take_a_metric_of_ones_own(table):
    own = mw.metric(caught, better="more")
    model = mw.fit(table, target="y", metric=own, max_trials=3, seed=0)
    assert model.evaluation.metric == model.evaluation.scores[0].metric == "caught"
    assert mw.evaluate(model, table, metric=own).score.metric == "caught"
    judged = mw.evaluate(model, table)
    assert judged.metric == "roc_auc" and "'caught' is not kept in the file" in judged.how
    other = mw.fit(table, target="y", max_trials=2, seed=0)
    assert mw.compare(other, model, table, metric=own).metric == "caught"


def test_fit_by_a_family_of_labels_draws_the_line_for_it(table):
    model = mw.fit(table, target="y", metric="f4", max_trials=3, seed=0)
    plain = mw.fit(table, target="y", metric="log_loss", max_trials=3, seed=0)
    assert model.evaluation.decision.metric == "f4"
    recall = [mw.evaluate(m, table).confusion[1][1] for m in (model, plain)]
    assert recall[0] > recall[1]
    assert mw.evaluate(model, table).score.metric == "f4"


def test_fit_by_pinball_says_that_no_learner_answers_so(table):
    with pytest.raises(Misuse, match="no learner here answers with a quantile"):
        mw.fit(table, target="x0", metric="pinball_0.9", max_trials=2)


def test_a_function_that_refuses_some_rows_costs_no_fit(table):
    def strict(truth, p):
        if len(set(truth.tolist())) < 2 or np.ptp(p) == 0:
            raise ValueError("only one class is present")
        return float(np.mean((p > 0.5) == truth))

    own = mw.metric(strict, needs="probability")
    assert mw.fit(table, target="y", metric=own, max_trials=2, seed=0).evaluation.score.metric == "strict"
    broken = mw.metric(lambda truth, p: truth.nothing, name="broken", needs="probability")
    with pytest.raises(Misuse, match="metric 'broken' raised AttributeError"):
        broken.function(*rows(2)[:2])
