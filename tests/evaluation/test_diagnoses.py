"""From figures to diagnoses: what is found, what is not, and what cannot be told."""

import math

import numpy as np
import pytest

from mlwright.base.evaluation import Score
from mlwright.base.finding import Finding
from mlwright.base.fit_report import Diagnosis, FitReport, LearningCurve, Span, weak_slices
from mlwright.evaluation.diagnoses import (
    Point,
    Reseeded,
    along_time,
    between_groups,
    instability,
    learning_curve,
    too_little_data,
)
from mlwright.evaluation.fitting import Alternative, Noise, Standing, label_noise, overfitting, underfitting
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.paired_rows import PairedRows
from mlwright.statistics.intervals import Interval

UNKNOWN = Interval(math.nan, math.nan, math.nan)
NOTHING = Standing(None, None, None, UNKNOWN)


def span(value, half):
    return Span(value=value, low=value - half, high=value + half)


def auc(value, half=0.01):
    return Score(
        metric="roc_auc", value=value, low=value - half, high=value + half, rows=99, greater_is_better=True
    )


def kin(value, half, blend=True):
    return Alternative("deep", "deep-calmer", span(value, half), blend)


def curve(twice):
    points = tuple(span(e, 0.001) for e in (0.3, 0.25, 0.2))
    return LearningCurve(
        candidate="c", metric="rmse", rows=(100, 200, 400), errors=points, twice=twice,
        fourfold=twice, how="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "half", "status"),
    [(0.02, 0.01, "found"), (0.001, 0.002, "passed"), (0.01, 0.02, "not_enough_data")],
)
def test_more_rows_are_asked_for_where_they_would_help(gain, half, status):
    found = too_little_data(curve(span(gain, half)))
    assert found.status == status and "800 rows would lower it" in found.evidence
    assert bool(found.remedy) == (status != "passed")


@pytest.mark.parametrize(
    ("gain", "half", "gap", "status"),
    [
        (0.02, 0.01, 0.3, "found"),
        (0.02, 0.01, 0.8, "passed"),  # a tenth of the error, and hardly anything beside what is known
        (0.02, 0.015, 0.8, "not_enough_data"),  # 2.5 %, and perhaps 4.4
        (0.002, 0.001, 0.03, "passed"),  # much of what little is known, and 1.5 % of the error at most
        (0.02, 0.03, 0.3, "not_enough_data"),  # chance would do as much
        (0.02, 0.01, 0.0, "found"),  # no better than guessing: the error decides
    ],
)
def test_more_rows_matter_beside_what_the_model_is_better_than_guessing_by(gain, half, gap, status):
    found = too_little_data(curve(span(gain, half)), gap)
    assert found.status == status
    assert ("better than guessing" in found.evidence) == (gap > 0)


def test_a_learning_curve_promises_what_its_errors_do():
    random = np.random.default_rng(0)
    rows = (250, 500, 1000, 2000)
    errors = np.array([0.1 + 0.2 * (n / 250) ** -0.5 for n in rows])
    drawn = errors * (1 + 0.001 * random.normal(size=(300, 4)))
    points = [Point(n, (i,)) for i, n in enumerate(rows)]
    made = learning_curve("c", "rmse", points, errors, drawn, "", 0)
    due = errors[-1] - (0.1 + 0.2 * 16**-0.5)
    assert made.twice.low <= due <= made.twice.high and made.rows == rows
    assert made.fourfold.value > made.twice.value


def test_no_error_needs_no_rows():
    none = curve(span(0.0, 0.0))
    errors = tuple(Span(value=0.0, low=0.0, high=0.0) for _ in range(3))
    assert too_little_data(LearningCurve(
        candidate="c", metric="rmse", rows=none.rows, errors=errors, twice=none.twice,
        fourfold=none.fourfold, how="",
    )).status == "passed"  # fmt: skip


def test_folds_that_differ_beyond_chance_are_found():
    apart = instability([auc(v) for v in (0.6, 0.8, 0.9, 0.7)], None, "no time", "")
    alike = instability([auc(v) for v in (0.8, 0.801, 0.799, 0.8)], None, "no time", "")
    assert apart.status == "found" and "no time" in apart.evidence and apart.remedy
    assert alike.status == "passed" and not alike.remedy
    assert instability([auc(0.8)], None, "", "").status == "not_enough_data"


def test_folds_set_apart_by_time_are_the_business_of_shift():
    assert instability([auc(v) for v in (0.6, 0.8, 0.9)], None, "", "time").status == "passed"


@pytest.mark.parametrize(
    ("differ", "classes", "status"),
    [(0.2, True, "found"), (0.01, True, "passed"), (0.2, False, "passed"), (0.4, False, "found")],
)
def test_answers_that_hang_on_the_seed_are_found(differ, classes, status):
    seeds = Reseeded("c", 3, span(differ, 0.005), 0.1, span(0.8, 0.01), classes)
    found = instability([auc(0.8)] * 4, seeds, "", "")
    assert found.evidence.startswith("3 fits of" if status == "found" else "roc_auc of 4 folds")
    assert found.status == status and "other seeds" in found.evidence


@pytest.mark.parametrize(("rise", "status"), [(0.0, "passed"), (1.0, "found"), (-1.0, "passed")])
def test_losses_that_rise_along_time_are_found(rise, status):
    random = np.random.default_rng(0)
    where = np.repeat(np.arange(20.0), 200)
    losses = 1 + rise * where / 20 + 0.3 * random.random(4000)
    assert along_time(losses, None, where, "log loss").status == status


def test_chance_is_called_a_trend_no_more_often_than_was_said():
    random = np.random.default_rng(1)
    where = np.repeat(np.arange(20.0), 20)
    found = [along_time(random.exponential(size=400), None, where, "x").status == "found" for _ in range(400)]
    assert np.mean(found) <= 0.015


def test_without_time_nothing_is_said_of_it():
    assert along_time(np.ones(9), None, None, "x").status == "not_applicable"
    assert along_time(np.ones(9), None, np.arange(3.0).repeat(3), "x").status == "not_enough_data"
    assert between_groups([auc(v) for v in (0.5, 0.7, 0.9)]).status == "found"


def test_overfitting_is_a_calmer_kin_that_does_better():
    assert overfitting(kin(0.1, 0.05), "", NOTHING).status == "found"
    assert overfitting(kin(-0.1, 0.05), "", NOTHING).status == "passed"
    assert overfitting(kin(0.1, 0.2), "", NOTHING).status == "not_enough_data"
    assert overfitting(kin(0.1, 0.05, blend=False), "", NOTHING).status == "passed"
    assert overfitting(None, "no time", NOTHING).status == "skipped"


def test_a_gap_alone_is_no_overfitting_but_extreme_predictions_beside_one_are():
    def standing(slope):
        return Standing(auc(1.0, 0.0), auc(0.8), auc(0.5, 0.0), Interval(slope, slope - 0.1, slope + 0.1))

    assert overfitting(kin(-0.1, 0.05), "", standing(1.0)).status == "passed"
    found = overfitting(kin(-0.1, 0.05), "", standing(0.5))
    assert found.status == "found" and "a gap of 0.2" in found.evidence
    assert overfitting(None, "no time", standing(1.0)).status == "not_enough_data"
    assert overfitting(None, "none exists", standing(1.0), calmest=True).status == "passed"


def test_underfitting_is_a_wilder_kin_that_does_better():
    assert underfitting(kin(0.1, 0.05), "", NOTHING, "").status == "found"
    assert underfitting(kin(-0.1, 0.05), "", NOTHING, "").status == "passed"
    hurried = underfitting(None, "no time", NOTHING, "for want of time, it learned fast")
    assert hurried.status == "not_enough_data" and hurried.remedy


def test_what_ships_is_cut_short_where_it_is_worse_on_its_own_rows():
    standing = Standing(auc(0.6), auc(0.9), None, UNKNOWN)
    assert underfitting(kin(-0.1, 0.05), "", standing, "").status == "found"


@pytest.mark.parametrize(("slope", "status"), [(1.0, "passed"), (1.3, "passed"), (1.6, "found")])
def test_predictions_that_stop_short_are_underfitted(slope, status):
    standing = Standing(None, None, None, Interval(slope, slope - 0.2, slope + 0.2))
    found = underfitting(kin(-0.1, 0.05), "", standing, "")
    assert found.status == status and bool(found.remedy) == (status == "found")


def test_noise_is_found_where_it_is_most_of_the_error():
    def noise(low, high):
        return label_noise(Noise(Span(value=(low + high) / 2, low=low, high=high)))

    assert noise(0.6, 0.9).status == "found"
    assert noise(0.0, 0.2).status == "passed"
    assert noise(0.1, 0.6).status == "not_enough_data"
    assert "leave open" in noise(0.0, 1.0).evidence
    assert label_noise(Noise(None, why_not="texts")).status == "not_enough_data"


def test_sure_predictions_that_are_contradicted_are_wrong_labels():
    def noise(first, factor=1.1, blind=0.5, floor=None, trusted=True):
        near = Interval(first, first - 0.01, first + 0.01)
        return label_noise(Noise(floor, near, near, factor, blind), trusted=trusted).status

    assert noise(0.1) == "found" and noise(0.01) == "passed"
    # A model that underfits is contradicted by right labels; rows that are alike know better.
    assert noise(0.1, trusted=False) == "not_enough_data"
    assert noise(0.1, floor=span(0.01, 0.01)) == "passed"
    assert noise(0.1, factor=3.0) == "not_enough_data" and noise(0.1, blind=0.05) == "not_enough_data"


def test_errors_are_compared_on_the_same_rows():
    random = np.random.default_rng(0)
    y = random.normal(size=2000)
    noise = random.normal(size=(2000, 1))
    near, far = y[:, None] + noise, y[:, None] + 1.02 * noise
    errors, drawn = PairedRows(METRICS["rmse"], y, lambda m: m).errors([near, far])
    assert errors == pytest.approx([METRICS["rmse"].function(y, m[:, 0]) for m in (near, far)])
    # The difference is sure, although either error is not.
    assert (drawn[:, 1] > drawn[:, 0]).all() and drawn[:, 0].std() > 5 * (drawn[:, 1] - drawn[:, 0]).std()


def test_labels_are_compared_by_log_loss():
    y = np.array([0, 1, 1, 0])
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    errors, _ = PairedRows(METRICS["accuracy"], y, lambda m: m).errors([p])
    assert errors[0] == pytest.approx(METRICS["log_loss"].function(y, p))


def test_slices_become_a_diagnosis():
    weak = Finding(
        code="MLW802", title="", severity="tip", status="found", evidence="age below 30", remedy="do"
    )
    none = Finding(code="MLW802", title="", severity="tip", status="passed")
    assert (weak_slices([weak]).status, weak_slices([none]).status) == ("found", "passed")
    assert weak_slices([weak]).evidence == "age below 30"


def test_a_report_prints_what_was_found_first_and_escapes_it():
    fine = Diagnosis(kind="shift", status="passed", evidence="fine")
    bad = Diagnosis(kind="overfitting", status="found", evidence="<b>\x1b[31m", remedy="prune")
    report = FitReport(diagnoses=(fine, bad))
    lines = str(report).splitlines()
    assert lines[0] == "fit report: 1 found, 1 not found" and lines[1].startswith("found ")
    assert "\x1b" not in str(report) and "<b>?" not in report._repr_html_()
    assert "&lt;b&gt;" in report._repr_html_() and report.of("shift") is fine
    with pytest.raises(KeyError):
        report.of("underfitting")
