"""How what ships does where it learned and where it did not, and how much of its error is noise.

Figures for the fit report, by out-of-fold answers and by rows that are alike. Called by `training.fit` and
`reporting`; it fits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Evaluation
from mlwright.base.fit_report import Span
from mlwright.evaluation.fitting import Noise, Standing
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import labels_of, smooth_of
from mlwright.packaging.blend import Blend
from mlwright.statistics.anchors import contradiction
from mlwright.statistics.intervals import Codes, Interval
from mlwright.statistics.links import linked
from mlwright.statistics.noise_floor import least_error_rate, limit_at_nothing
from mlwright.statistics.recalibration import slope_of
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_ALIKE, MOST_COLUMNS = 10_000, 200
"""Rows and columns among which rows that are alike are looked for."""
FEWEST = 50
"""Of fewer judged rows, nothing is said of noise."""
MOST_SEEN, MOST_CELLS = 4_000, 1_000_000
"""Rows learned from that are answered once more; of many classes or columns fewer."""


def standing_of(
    problem: Problem, blend: Blend, fitted_on: Ints, evaluation: Evaluation, margin: Doubles
) -> Standing:
    """How `blend` does on some of the rows that it was fitted on, beside what `evaluation` says of others.

    `margin` is out of fold, before calibration, of the judged rows.
    """
    metric = smooth_of(problem.metric)
    most = max(200, MOST_SEEN // max(1, problem.classes // 4))
    most = max(50, min(most, MOST_CELLS // max(1, len(problem.table.schema.features))))
    rows = fitted_on
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(problem.seed).choice(rows, most, replace=False))
    answer = problem.answer_of(blend.margin(problem.table.rows(rows)), rows)
    seen = score(
        metric,
        problem.truth[rows],
        answer if problem.classes else answer[:, 0],
        weights=problem.weights_of(rows),
        seed=problem.seed,
        effort=0.05,
        **problem.dependent(rows),
    )
    judged = problem.split.judged
    y = problem.y[judged] if problem.classes else linked(problem.rates[judged], problem.link)
    plainly = all(m.config.family == "baseline" for m in blend.members)
    units = units_of(problem, judged)
    # The plain answer differs between folds alone, the wrong way round; and a median is no mean.
    plainly = plainly or (not problem.classes and problem.loss != "squared")
    slope = slope_of(
        np.zeros_like(margin) if plainly else margin, y, problem.classes, problem.weights_of(judged), units
    )
    unseen, plain = (
        next((s for s in scores if s.metric == metric.name), None)
        for scores in (evaluation.scores, evaluation.baseline)
    )
    return Standing(seen if np.isfinite(seen.value) else None, unseen, plain, slope)


def units_of(problem: Problem, rows: Ints) -> Codes | None:
    """The groups or stretches of time of `rows` as codes; None where rows are independent."""
    units = next(iter(problem.dependent(rows).values()), None)
    return None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64)


def noise_of(problem: Problem, margin: Doubles) -> Noise:
    """What is known of the error that no model of these columns can avoid; `margin` is out of fold, of the
    judged rows."""
    judged = problem.split.judged
    weights = problem.weights_of(judged)
    picked = np.arange(len(judged)) if weights is None else np.flatnonzero(weights > 0)
    if len(picked) < FEWEST:
        return Noise(None, why_not=f"fewer than {FEWEST} rows were judged")
    if len(picked) > MOST_ALIKE:
        picked = np.sort(np.random.default_rng(problem.seed).choice(picked, MOST_ALIKE, replace=False))
    rows, margin = judged[picked], margin[picked]
    limit, why_not = _limit(problem, rows)
    known = bool(np.isfinite(limit.value))
    if not problem.classes:
        y = linked(problem.rates[rows], problem.link)
        left = float(((y - margin[:, 0]) ** 2).mean())
        share = [float(np.clip(v / left, 0, 1)) for v in limit] if known and left > 0 else None
        return Noise(_span(share), why_not=why_not)
    labels, p = problem.y[rows].astype(np.int64), problem.answer_of(margin, rows)
    surest, following, factor = contradiction(labels, p)
    off = float((labels_of(p) != labels).mean())
    counts = np.bincount(labels, minlength=problem.classes)
    present = max(2, int((counts > 0).sum()))
    share = [min(1.0, least_error_rate(v, present) / off) for v in limit] if known and off > 0 else None
    return Noise(_span(share), surest, following, factor, 1 - float(counts.max()) / len(labels), why_not)


def _limit(problem: Problem, rows: Ints) -> tuple[Interval, str]:
    """What rows alike differ by in their target, or why that cannot be said."""
    table = problem.table
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    if table.texts:
        return nothing, "texts are never alike, so that rows that are cannot be compared"
    if table.numbers.shape[1] + table.ids.shape[1] > MOST_COLUMNS:
        return nothing, "of so many columns no two rows are alike"
    numbers, codes = on_one_scale(table.numbers[rows], table.ids[rows])
    if not numbers.shape[1] + codes.shape[1]:
        return nothing, "there is no column to compare rows by"
    differ = problem.y[rows] if problem.classes else linked(problem.rates[rows], problem.link)
    return limit_at_nothing(numbers, codes, differ, classes=bool(problem.classes), seed=problem.seed), ""


def on_one_scale(numbers: Doubles, ids: npt.NDArray[np.int32]) -> tuple[Doubles, Codes]:
    """Numbers [n, a] in robust deviations, and codes [n, b] of categories, with those of missing numbers."""
    missing = np.isnan(numbers)
    scaled = np.zeros_like(numbers)
    for j in range(numbers.shape[1]):
        own = numbers[~missing[:, j], j]
        if len(own):
            low, middle, high = np.quantile(own, [0.25, 0.5, 0.75])
            spread = float(high - low) / 1.35 or float(own.std()) or 1.0
            scaled[~missing[:, j], j] = (own - middle) / spread
    gaps = missing[:, missing.any(axis=0)].astype(np.int64)
    return scaled, np.concatenate([ids.astype(np.int64), gaps], axis=1)


def _span(share: Sequence[float] | None) -> Span | None:
    return None if share is None else Span(value=share[0], low=min(share), high=max(share))
