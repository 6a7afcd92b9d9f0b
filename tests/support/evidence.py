"""Evidence of every kind about a model, as values, with a text from outside wherever one may stand."""

from __future__ import annotations

from typing import Any

from mlwright.base.abstaining import Abstaining, Step
from mlwright.base.comparison import Gain
from mlwright.base.fit_report import Diagnosis, FitReport, LearningCurve, Span
from mlwright.base.importance import Change, Curve, Importance, Reliance
from mlwright.base.prediction_intervals import Intervals, IntervalSize, Reach
from mlwright.base.reliability import Bin, Estimate, Reliability
from mlwright.base.score import Score
from mlwright.base.selection import Rival, Selection
from mlwright.base.slices import Apart, Condition, Figure, Slice, Slices, Subgroup, Subgroups


def share(value: float, low: float, high: float, rows: int = 300, metric: str = "coverage") -> Score:
    return Score(metric=metric, value=value, low=low, high=high, rows=rows, greater_is_better=True)


def change(value: float) -> Change:
    return Change(value=value, low=value - 0.01, high=value + 0.01)


def reliance(value: float, *columns: str) -> Reliance:
    return Reliance(columns=columns, metric=change(value), loss=Change(value=value))


def choosing(text: str = "") -> dict[str, Any]:
    auc = share(0.8411, 0.83, 0.852, metric="roc_auc")
    gain = Gain(
        metric="roc_auc", value=0.0078, low=0.0021, high=0.0135, rows=900, p_value=0.007,
        rows_to_tell=None, method="DeLong, paired",
    )  # fmt: skip
    return {
        "default": Rival(name=text + "lightgbm", score=auc, gain=gain),
        "selection": Selection(
            candidates=7, best=text + "lightgbm-rich", seen=share(0.8611, 0.85, 0.87, metric="roc_auc"),
            corrected=auc, whole_seen=share(0.8702, 0.86, 0.88, metric="roc_auc"),
        ),
    }  # fmt: skip


def fitting(text: str = "") -> FitReport:
    curve = LearningCurve(
        candidate=text + "linear", metric="roc_auc", rows=(100, 200, 400),
        errors=tuple(Span(value=v, low=v - 0.02, high=v + 0.02) for v in (0.2, 0.16, 0.15)),
        twice=Span(value=0.01, low=0.004, high=0.02), fourfold=Span(value=0.015, low=0.005, high=0.03),
        how=text + "fits on parts",
    )  # fmt: skip
    odd = "; ".join(f"{text} clause {k} of what was seen in the folds of the table" for k in range(9))
    return FitReport(
        diagnoses=(
            Diagnosis(kind="shift", status="passed", evidence=text + "later rows fare as well"),
            Diagnosis(kind="instability", status="found", evidence=odd, remedy=text + "bring more rows"),
            Diagnosis(kind="label noise", status="not_enough_data", evidence=text + "it is left open"),
        ),
        curve=curve,
    )


def of_groups(text: str = "") -> Subgroups:
    apart = Apart(value=-0.1, low=-0.14, high=-0.06, p=0.001)
    rate = "true_positive_rate"
    women = Subgroup(
        conditions=(Condition(column=text + "sex", value=text + "women"),), rows=400, events=100,
        figures=(
            Figure(metric="roc_auc", value=0.852, low=0.84, high=0.86, rows=400),
            Figure(metric=rate, value=0.515, low=0.47, high=0.56, rows=100, apart=apart),
        ),
    )  # fmt: skip
    men = Subgroup(
        conditions=(Condition(column=text + "sex", value="men"),), rows=500, events=100,
        figures=(
            Figure(metric="roc_auc", value=0.843, low=0.83, high=0.855, rows=500),
            Figure(metric=rate, value=0.615, low=0.58, high=0.65, rows=100),
        ),
    )  # fmt: skip
    few = Subgroup(conditions=(Condition(column="race", value="few"),), rows=12, enough=False)
    both = (Condition(column="race", value="some"), Condition(column=text + "sex", value="men"))
    pair = Subgroup(conditions=both, rows=77, figures=(Figure(metric="roc_auc", value=0.777, rows=77),))
    return Subgroups(
        columns=(text + "sex", "race"), groups=(women, men, few, pair), compared=6, left_out=2,
        not_looked_at=(text + "notes",),
    )  # fmt: skip


def of_slices(text: str = "") -> Slices:
    means = (Figure(metric="predicted", value=0.31, rows=90), Figure(metric="observed", value=0.44, rows=90))
    common = {"rows": 180, "share": 0.2, "measured": 90, "effect": 0.4}
    return Slices(
        status="found", loss="log_loss", rows=900, columns=5, tried=8,
        found=(
            Slice(
                kind="unsure", conditions=(Condition(column=text + "age", least=61.0),), inside=0.71,
                elsewhere=0.35, low=0.2, high=0.5, **common,
            ),
            Slice(
                kind="too_low", conditions=(Condition(column="town", value=text + "Oslo"),), inside=0.13,
                elsewhere=0.0, low=0.05, high=0.2, figures=means, **common,
            ),
        ),
    )  # fmt: skip


def relying(text: str = "") -> dict[str, Any]:
    importance = Importance(
        metric="roc_auc", greater_is_better=True, metric_value=0.85, loss="log_loss", loss_value=0.4,
        rows=900, repeats=5, how=text + "its only member",
        columns=(reliance(0.21, text + "age"), reliance(0.02, "pay"), reliance(0.03, text + "tax")),
        groups=(reliance(0.11, "pay", text + "tax"),),
        unused=(text + "shoe",), unused_count=3, not_measured=4,
    )  # fmt: skip
    numbers = Curve(
        column=text + "age", kind="numeric", of=text + "yes", average=0.25, at=(18.0, 40.0, 60.0, 90.0),
        answer=(0.11, 0.22, 0.41, 0.42), low=(0.1, 0.2, 0.38, 0.36), high=(0.12, 0.24, 0.44, 0.48),
        rows=(50, 50, 50), missing=7,
    )  # fmt: skip
    levels = Curve(
        column=text + "town", kind="categorical", of=text + "yes", average=0.25,
        levels=(text + "Oslo", "", "rest"), pooled=9,
        answer=(0.13, 0.33, 0.25), low=(0.12, 0.3, 0.2), high=(0.14, 0.36, 0.3), rows=(80, 20, 50),
    )  # fmt: skip
    return {"importance": importance, "effects": (numbers, levels)}


def holding() -> Reliability:
    bins = (
        Bin(rows=300, predicted=0.05, observed=0.04, low=0.02, high=0.07),
        Bin(rows=300, predicted=0.4, observed=0.41, low=0.35, high=0.47),
        Bin(rows=300, predicted=0.9, observed=0.7, low=0.64, high=0.75),
    )
    return Reliability(
        subject="positive class", bins=bins, error=Estimate(value=0.021, low=0.01, high=0.04), p=0.01,
        slope=Estimate(value=0.8, low=0.7, high=0.9), intercept=Estimate(value=0.01, low=-0.1, high=0.1),
    )  # fmt: skip


def between(text: str = "") -> Intervals:
    of = [
        IntervalSize(
            error=error, mean=1_900.0 - 4_000 * error, median=1_800.0 - 4_000 * error,
            coverage=share(1 - error, 0.97 - error, 1.03 - error, 900),
            thirds=tuple(share(v - error, v - error - 0.03, v - error + 0.02) for v in (1.01, 1.0, 0.93)),
            constant=2_300.0, constant_thirds=(1.0, 0.93, 0.8),
        )
        for error in (0.05, 0.1)
    ]  # fmt: skip
    return Intervals(
        levels=(0.05, 0.95), least=0.0, reach=Reach(rows=900.0, ranks=(899.0,), scores=(3.0,)),
        constant=(-1.0, 1.0), measured=tuple(of), why_constant=text + "too few rows",
    )  # fmt: skip


def abstaining() -> Abstaining:
    known = ((0.9, 0.4, 400, 0.02, 0.036), (0.6, 0.8, 800, 0.06, 0.076), (0.5, 1.0, 1000, 0.14, 0.16))
    steps = tuple(Step(least=a, answered=b, answers=c, wrong=d, at_most=e) for a, b, c, d, e in known)
    return Abstaining(steps=steps, rows=1000)


def all_evidence(text: str = "") -> dict[str, Any]:
    """Fields of an Evaluation."""
    return {
        **choosing(text), **relying(text), "fit_report": fitting(text), "subgroups": of_groups(text),
        "slices": of_slices(text), "reliability": holding(), "intervals": between(text),
        "abstaining": abstaining(),
    }  # fmt: skip
