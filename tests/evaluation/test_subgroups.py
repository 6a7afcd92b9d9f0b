"""What is told of protected groups agrees with counting, and differences are told where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from mlwright.base.canonical import canonical_json
from mlwright.base.schema import Column
from mlwright.base.slices import Subgroups
from mlwright.evaluation.answers import Answers
from mlwright.evaluation.cuts import Values
from mlwright.evaluation.metrics import METRICS, labels_of
from mlwright.evaluation.subgroups import subgroups_of
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.shares import share_shift


@pytest.fixture(autouse=True)
def one_thread():
    """As in training: more threads of BLAS spin longer than they work."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def column(name: str, *vocabulary: str, ids: np.ndarray) -> Values:
    return Values(
        Column(name=name, kind="categorical", role="protected"),
        ids=ids.astype(np.int32),
        vocabulary=("", *vocabulary),
    )


def answered(p: np.ndarray, y: np.ndarray, **more) -> Answers:
    return Answers(
        y.astype(np.int64),
        np.column_stack([1 - p, p]),
        (p > 0.5).astype(np.int64),
        None,
        METRICS["roc_auc"],
        **more,
    )


def fair(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that hold, outcomes, and a sex that has nothing to do with either."""
    random = np.random.default_rng(seed)
    p = random.beta(1, 2, n)
    return p, random.random(n) < p, random.integers(1, 3, n)


def of(groups: Subgroups, said: str, metric: str):
    [group] = [g for g in groups.groups if g.said == said]
    [figure] = [f for f in group.figures if f.metric == metric]
    return figure


def test_figures_of_a_group_are_those_that_counting_gives():
    p, y, sex = fair(1_000, 0)
    groups = subgroups_of(answered(p, y), [column("sex", "f", "m", ids=sex)])
    inside = sex == 1
    [group] = [g for g in groups.groups if g.said == "sex = f"]
    assert (group.rows, group.events) == (inside.sum(), y[inside].sum())
    yes = p > 0.5
    expected = {
        "roc_auc": (p[inside & y][:, None] > p[inside & ~y]).mean(),
        "log_loss": -np.log(np.where(y, p, 1 - p))[inside].mean(),
        "selection_rate": yes[inside].mean(),
        "true_positive_rate": yes[inside & y].mean(),
        "false_positive_rate": yes[inside & ~y].mean(),
        "calibration": p[inside].mean() - y[inside].mean(),
    }
    assert {f.metric: f.value for f in group.figures} == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert all(f.low <= f.value <= f.high for f in group.figures)


def test_differences_and_their_p_values_are_those_of_the_tests_they_name():
    p, y, race = fair(2_000, 1)[0], fair(2_000, 1)[1], np.random.default_rng(5).integers(1, 4, 2_000)
    groups = subgroups_of(answered(p, y), [column("race", "a", "b", "c", ids=race)])
    yes, inside = p > 0.5, race == 2
    shift = share_shift((yes[~inside].sum(), (~inside).sum()), (yes[inside].sum(), inside.sum()))
    apart = of(groups, "race = b", "selection_rate").apart
    assert (apart.value, apart.low, apart.high) == pytest.approx(shift.effect, rel=1e-4)
    # Welch's test differs in that its variances are those around each side's own mean.
    error = of(groups, "race = b", "calibration").apart
    residual = p - y
    welch = stats.ttest_ind(residual[inside], residual[~inside], equal_var=False)
    interval = welch.confidence_interval()
    assert (error.low, error.high) == pytest.approx((interval.low, interval.high), rel=0.02, abs=1e-4)
    assert groups.compared == 18


def test_p_values_are_corrected_for_all_that_was_compared():
    p, y, race = *fair(2_000, 2)[:2], np.random.default_rng(6).integers(1, 4, 2_000)
    yes = p > 0.5
    groups = subgroups_of(answered(p, y), [column("race", "a", "b", "c", ids=race)])
    told = [f.apart.p for g in groups.groups for f in g.figures if f.apart]
    raw = []
    for k in (1, 2, 3):
        i = race == k
        raw.append(share_shift((yes[~i].sum(), (~i).sum()), (yes[i].sum(), i.sum())).p)
    selected = [of(groups, f"race = {c}", "selection_rate").apart.p for c in "abc"]
    assert len(told) == 18 and all(a >= r for a, r in zip(selected, raw, strict=True))
    assert adjusted(np.array(told)).min() >= min(told)


def test_two_groups_are_one_comparison_told_from_both_sides():
    p, y, sex = fair(800, 3)
    groups = subgroups_of(answered(p, y), [column("sex", "f", "m", ids=sex)])
    one, other = (of(groups, f"sex = {c}", "calibration").apart for c in "fm")
    assert groups.compared == 6
    assert (one.value, one.low, one.p) == pytest.approx((-other.value, -other.high, other.p))


def test_a_planted_difference_is_found_with_its_group_and_size():
    p, y, sex = fair(6_000, 4)
    told = np.clip(np.where(sex == 1, p - 0.15, p), 0.001, 0.999)
    groups = subgroups_of(answered(told, y), [column("sex", "f", "m", ids=sex)])
    calibration = of(groups, "sex = f", "calibration")
    assert calibration.apart.found and calibration.apart.value == pytest.approx(-0.12, abs=0.03)
    [finding] = groups.findings
    assert (finding.code, finding.severity, finding.column) == ("MLW801", "issue", "sex")
    assert "where sex = f" in finding.evidence and finding.remedy


def test_groups_alike_are_hardly_ever_told_apart():
    runs, false = 60, 0
    for seed in range(runs):
        p, y, sex = fair(900, 100 + seed)
        race = np.random.default_rng(seed).choice(4, 900, p=[0.7, 0.2, 0.06, 0.04]) + 1
        both = [column("sex", "f", "m", ids=sex), column("race", "a", "b", "c", "d", ids=race)]
        false += bool(subgroups_of(answered(p, y), both).findings)
    # The rate of false discoveries is 5 %: were that exact, more than 7 of 60 would come in 1 of 90 tests.
    assert stats.binom.sf(7, runs, 0.05) < 0.02 and false <= 7


def test_a_small_group_that_lacks_events_by_chance_raises_no_alarm():
    random = np.random.default_rng(7)
    false = 0
    for _ in range(60):
        p = np.full(3_000, 0.09)
        y = random.random(3_000) < p
        y[:60] = np.arange(60) == 0  # 5.4 are expected: the rows alone would seem to be sure of one
        group = np.where(np.arange(3_000) < 60, 1, 2)
        false += bool(subgroups_of(answered(p, y), [column("site", "small", "large", ids=group)]).findings)
    assert false == 0


def test_too_few_rows_or_rows_of_a_class_are_not_compared():
    p, y, _ = fair(400, 8)
    race = np.where(np.arange(400) < 20, 1, np.where(np.arange(400) < 60, 2, 3))
    y[20:60] = np.arange(40) < 8
    groups = subgroups_of(answered(p, y), [column("race", "a", "b", "c", ids=race)])
    a, b = groups.groups[2], groups.groups[1]
    assert (a.said, a.enough, a.figures, a.events) == ("race = a", False, (), None)
    compared = {f.metric for f in b.figures if f.apart}
    assert b.said == "race = b" and "true_positive_rate" not in compared and "selection_rate" in compared


def test_a_value_of_few_rows_is_never_named_and_missing_is_a_group():
    p, y, _ = fair(500, 9)
    race = np.full(500, 1)
    race[:4], race[4:8], race[8:60] = 2, 3, 0
    groups = subgroups_of(answered(p, y), [column("race", "white", "pict", "saxon", ids=race)])
    text = canonical_json(groups).decode()
    assert "pict" not in text and "saxon" not in text
    assert [(g.said, g.rows) for g in groups.groups] == [
        ("race = white", 440),
        ("race = one of its rare values", 8),
        ("race missing", 52),
    ]
    age = Values(
        Column(name="age", kind="numeric", role="protected"), numbers=np.where(np.arange(500) < 2, 99.0, 40.0)
    )
    groups = subgroups_of(answered(p, y), [age])
    assert [g.said for g in groups.groups] == ["age = 40"] and groups.left_out == 1


def test_numbers_are_cut_into_fifths_and_two_columns_are_crossed():
    p, y, sex = fair(2_000, 10)
    age = Values(
        Column(name="age", kind="numeric", role="protected"),
        numbers=np.random.default_rng(0).uniform(18, 90, 2_000),
    )
    groups = subgroups_of(answered(p, y), [age, column("sex", "f", "m", ids=sex)])
    assert len(groups.of("age")) == 5 and {g.rows for g in groups.of("age")} <= set(range(380, 421))
    together = [g for g in groups.groups if len(g.conditions) == 2]
    assert len(together) == 10 and sum(g.rows for g in together) == 2_000


def test_regressions_are_told_by_mean_error_and_root_mean_square():
    random = np.random.default_rng(11)
    truth, sex = random.normal(100, 10, 1_000), random.integers(1, 3, 1_000)
    said = truth + random.normal(0, 3, 1_000) + 2.0 * (sex == 1)
    answers = Answers(truth, None, None, said, METRICS["mae"])
    groups = subgroups_of(answers, [column("sex", "f", "m", ids=sex)])
    inside = sex == 1
    assert of(groups, "sex = f", "mean_error").value == pytest.approx((said - truth)[inside].mean(), rel=1e-4)
    assert of(groups, "sex = f", "rmse").value == pytest.approx(
        np.sqrt(((said - truth)[inside] ** 2).mean()), rel=1e-4
    )
    assert of(groups, "sex = f", "mean_error").apart.found and groups.groups[0].events is None


def test_several_classes_are_told_by_accuracy_and_log_loss():
    random = np.random.default_rng(12)
    p = random.dirichlet([1, 1, 1], 900)
    y = (random.random((900, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    sex = random.integers(1, 3, 900)
    answers = Answers(y.astype(np.int64), p, p.argmax(axis=1), None, METRICS["log_loss"])
    groups = subgroups_of(answers, [column("sex", "f", "m", ids=sex)])
    assert [f.metric for f in groups.groups[0].figures] == ["log_loss", "accuracy"]
    assert of(groups, "sex = m", "accuracy").value == pytest.approx(
        (p.argmax(axis=1) == y)[sex == 2].mean(), rel=1e-4
    )


def test_weights_count_rows_in_figures_and_differences():
    p, y, sex = fair(1_500, 13)
    weights = np.random.default_rng(13).choice([1.0, 2.0, 3.0], 1_500)
    groups = subgroups_of(answered(p, y, weights=weights), [column("sex", "f", "m", ids=sex)])
    inside = sex == 1
    mean = np.average((p > 0.5)[inside], weights=weights[inside])
    others = np.average((p > 0.5)[~inside], weights=weights[~inside])
    figure = of(groups, "sex = f", "selection_rate")
    assert (figure.value, figure.apart.value) == pytest.approx((mean, mean - others), rel=1e-3, abs=1e-5)


def test_rows_of_one_customer_count_once():
    # Every row stands there eight times: taken as independent, chance becomes certainty.
    found = {"alone": 0, "together": 0}
    for seed in range(40):
        p, y, sex = (np.repeat(a, 8) for a in fair(120, 200 + seed))
        customer = np.repeat(np.arange(120), 8)
        own = [column("sex", "f", "m", ids=sex)]
        found["alone"] += bool(subgroups_of(answered(p, y), own).findings)
        found["together"] += bool(subgroups_of(answered(p, y, clusters=customer), own).findings)
    assert found["alone"] > 20 and found["together"] <= 5


def test_a_column_of_one_value_is_named_as_not_looked_at():
    p, y, sex = fair(300, 14)
    one = column("country", "fr", ids=np.ones(300))
    groups = subgroups_of(answered(p, y), [column("sex", "f", "m", ids=sex), one])
    assert (groups.columns, groups.not_looked_at) == (("sex",), ("country",))
    assert subgroups_of(answered(p, y), [one]) is None


def test_many_protected_columns_keep_the_file_small():
    random = np.random.default_rng(15)
    p, y, _ = fair(20_000, 15)
    names = [f"group {i}" for i in range(200)]
    many = [column(f"c{j}", *names, ids=random.integers(1, 201, 20_000)) for j in range(9)]
    groups = subgroups_of(answered(p, y), many)
    assert groups.not_looked_at == ("c6", "c7", "c8") and groups.left_out > 0
    assert len(canonical_json(groups)) < 80_000


def test_a_metric_of_the_user_that_refuses_a_group_costs_that_figure_alone():
    def refusing(y, label):
        if len(y) < 500:
            raise ValueError("too few for me")
        return float((y == label).mean())

    p, y, sex = fair(800, 16)
    own = replace(
        METRICS["accuracy"],
        name="mine",
        losses=None,
        prepare=lambda y, o: lambda w: refusing(y, labels_of(o)),
    )
    answers = replace(answered(p, y), metric=own)
    groups = subgroups_of(answers, [column("sex", "f", "m", ids=sex)])
    assert {f.metric for f in groups.groups[0].figures} == {
        "log_loss",
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "calibration",
    }
