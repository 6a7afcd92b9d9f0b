"""The diagnoses of a fit report: from figures to found, not found, or cannot tell, in words.

What each calls harm, and from where on, is said here and in docs/fit-report.md. Called by `training`, which
makes the fits that the figures come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlwright.base.evaluation import Score
from mlwright.base.finding import Status
from mlwright.base.fit_report import Diagnosis, Kind, LearningCurve, Span, brief
from mlwright.evaluation.paired_rows import span_of
from mlwright.statistics.heterogeneity import heterogeneity, trend
from mlwright.statistics.intervals import Floats
from mlwright.statistics.learning_curve import curve_draws, gains, refit_spread

WORTH = 0.02
"""The share of the error that a remedy must bring for its lack to be harm ..."""
NOTHING = 0.05
"""... and what its interval must stay under for there to be none."""
MATERIAL = 0.04
"""The share of what the model is better than guessing by that twice the rows must add: of any table of a
thousand rows more would take some share of the error."""
SURE = 0.01
"""Folds differ, or scores move along time, where chance would do as much less often than this."""
FEWEST_FOLDS, FEWEST_STRETCHES = 3, 8
UNSTEADY_LABELS, UNSTEADY_NUMBERS = 0.05, 0.25
"""Fits by other seeds are unsteady where so many labels differ between two of them, or numbers by so much of
the usual error."""


@dataclass(frozen=True)
class Point:
    """Repeated fits on about the same number of rows: which of the paired margins are theirs."""

    rows: int
    fits: tuple[int, ...]


def verdict(gain: Span) -> Status:
    """Whether a gain, as a share of the error, is found, absent, or neither.

    >>> [verdict(Span(value=v, low=v - 0.03, high=v + 0.03)) for v in (0.05, 0.01, 0.025)]
    ['found', 'passed', 'not_enough_data']
    """
    if gain.low > 0 and gain.value >= WORTH:
        return "found"
    return "passed" if gain.high < NOTHING else "not_enough_data"


# Not enough data -----------------------------------------------------------------------------------------


def learning_curve(
    candidate: str,
    metric: str,
    points: Sequence[Point],
    errors: Floats,
    drawn: Floats,
    how: str,
    seed: int,
) -> LearningCurve:
    """The curve through `points` (ascending rows) by the errors [F] of all fits and their draws [B, F]."""
    rows = np.array([p.rows for p in points], dtype=np.float64)
    repeats = [errors[list(p.fits)] for p in points]
    share, freedom = refit_spread(repeats, rows)
    level = np.array([r.mean() for r in repeats])
    spread = share * level * np.sqrt(rows[0] / rows) / np.sqrt([len(r) for r in repeats])
    means = np.stack([drawn[:, list(p.fits)].mean(axis=1) for p in points], axis=1)
    blurred = curve_draws(means, spread, freedom, seed)
    more = gains(rows, blurred, spread, np.array([2.0, 4.0]), seed)
    spans = [span_of(float(np.median(g)), g) for g in more.T]
    return LearningCurve(
        candidate=candidate,
        metric=metric,
        rows=tuple(p.rows for p in points),
        errors=tuple(span_of(float(v), b) for v, b in zip(level, blurred.T, strict=True)),
        twice=spans[0],
        fourfold=spans[1],
        how=how,
    )


def too_little_data(curve: LearningCurve, gap: float | None = None) -> Diagnosis:
    """Whether twice the rows would lower the error by enough to go and get them: beyond chance, by WORTH of
    the error and by MATERIAL of `gap`, by which the plain baseline's error is larger (None: unknown)."""
    error, last = curve.errors[-1].value, curve.rows[-1]
    if not error > 0:
        return Diagnosis(
            kind="not enough data", status="passed", evidence="no error is left that more rows could lower"
        )
    twice, four = (_share(s, error) for s in (curve.twice, curve.fourfold))
    added = None if gap is None or gap <= 0 else _share(curve.twice, gap)
    status = verdict(twice)
    if added is not None and added.high < MATERIAL:
        status = "passed"
    elif added is not None and added.value < MATERIAL and status == "found":
        status = "not_enough_data"
    said = (
        f"from {curve.rows[0]:,} to {last:,} rows the {curve.metric} error of {curve.candidate} went from "
        f"{brief(curve.errors[0].value)} to {brief(error)}; "
        f"{2 * last:,} rows would lower it by {twice.percent()}, "
        f"{4 * last:,} by {four.percent()}"
    )
    if added is not None:
        said += (
            f"; twice the rows would add {added.percent()} to what the candidate is better than guessing by "
            f"({MATERIAL:.0%} is called material)"
        )
    remedy = {
        "found": "Get more rows like these; the figures say what to expect of them.",
        "not_enough_data": "The curve is too uncertain: give the fit more time, or fit again with more rows.",
    }
    return Diagnosis(
        kind="not enough data", status=status, evidence=said, figure=twice, remedy=remedy.get(status, "")
    )


def _share(span: Span, of: float) -> Span:
    return Span(value=span.value / of, low=span.low / of, high=span.high / of)


# Instability and shift -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reseeded:
    """What fits of one candidate by other seeds answer to the same rows."""

    candidate: str
    fits: int
    differ: Span
    """Classes: the share of labels that differ between two fits. Numbers: how far two fits' answers lie from
    their mean (root mean square), as a share of the usual error."""
    apart: float
    """How far probabilities, or numbers, lie from their mean, root mean square."""
    scores: Span
    """The metric of the fits: mean, least and most."""
    classes: bool


def folds_apart(folds: Sequence[Score]) -> tuple[Status, str, Span | None]:
    """Whether the folds' scores differ by more than their rows explain."""
    known = [s for s in folds if np.isfinite(s.value) and s.high > s.low]
    if len(known) < FEWEST_FOLDS:
        return "not_enough_data", f"{len(known)} folds have a score with an interval", None
    values = np.array([s.value for s in known])
    errors = np.array([(s.high - s.low) / 3.92 for s in known])
    found = heterogeneity(values, errors)
    spread = Span(value=found.spread.value, low=found.spread.low, high=found.spread.high)
    said = (
        f"{known[0].metric} of {len(known)} folds goes from {brief(values.min())} to {brief(values.max())}; "
        f"beyond chance they differ by {spread.said()} (standard deviation; Cochran's Q {found.q:.1f}, p "
        f"{found.p:.2g}, I2 {found.share:.0%})"
    )
    return ("found" if found.p < SURE else "passed"), said, spread


def instability(folds: Sequence[Score], seeds: Reseeded | None, why_not: str, apart_by: str) -> Diagnosis:
    """Whether another draw of rows, or another seed, would have given another model.

    `apart_by` says what sets folds apart where it is not chance, such as time; then they are the shift's
    business.
    """
    status, said, spread = folds_apart(folds)
    if apart_by:
        status = "passed" if status == "found" else status
        said += f"; folds differ in {apart_by}: see shift"
    statuses: list[Status] = [status]
    parts = [said]
    remedies = []
    if status == "found":
        remedies.append(
            "Rows are not alike: name group= or time= where they belong together, and look at the rows of "
            "the worst fold. Expect new rows to differ as much."
        )
    if seeds is None:
        parts.append(f"seeds were not varied: {why_not}")
    else:
        least = UNSTEADY_LABELS if seeds.classes else UNSTEADY_NUMBERS
        unsteady = seeds.differ.low > least
        what = "labels that differ between two" if seeds.classes else "of the usual error between them"
        parts.append(
            f"{seeds.fits} fits of {seeds.candidate} by other seeds score {brief(seeds.scores.low)} to "
            f"{brief(seeds.scores.high)}: {seeds.differ.percent()} {what}, "
            f"{'probabilities' if seeds.classes else 'numbers'} {brief(seeds.apart, 2)} from their mean"
        )
        statuses.append("found" if unsteady else "passed")
        if unsteady:
            if status != "found":
                parts.reverse()  # what was found stands first, for pages fold the rest away
            remedies.append("Answers hang on chance: average more candidates, with more time or by seeds.")
    order: tuple[Status, ...] = ("found", "not_enough_data", "passed")
    worst = min(statuses, key=order.index)
    figure = seeds.differ if seeds is not None and statuses[-1] == "found" != status else spread
    return Diagnosis(
        kind="instability",
        status=worst,
        evidence="; ".join(parts),
        figure=figure,
        remedy=" ".join(remedies),
    )


def along_time(losses: Floats, weights: Floats | None, stretches: Floats | None, loss: str) -> Diagnosis:
    """Whether the loss of unseen rows [n] rises along their stretches of time [n]."""
    kind: Kind = "shift"
    if stretches is None:
        return Diagnosis(
            kind=kind,
            status="not_applicable",
            evidence="rows were not split along time, so that nothing says how later rows fare",
            remedy="Name time= where rows have a time: later rows then judge earlier ones.",
        )
    places = np.unique(stretches)
    if len(places) < FEWEST_STRETCHES:
        return Diagnosis(
            kind=kind, status="not_enough_data", evidence=f"{len(places)} stretches of time were judged"
        )
    given = np.ones(len(losses)) if weights is None else weights
    total = np.array([given[stretches == k].sum() for k in places])
    sums = np.array([(losses * given)[stretches == k].sum() for k in places])
    kept = total > 0
    means, places, total = sums[kept] / total[kept], places[kept], total[kept]
    level = float(means @ total / total.sum())
    slope, p = trend(means, np.linspace(0.0, 1.0, len(places)), total)
    if not level > 0 or not np.isfinite(p):
        return Diagnosis(kind=kind, status="not_enough_data", evidence="the loss is the same throughout")
    rise = Span(value=slope.value / level, low=slope.low / level, high=slope.high / level)
    said = (
        f"{loss} of {len(places)} stretches of judged rows, from the earliest to the latest, changes by "
        f"{rise.percent()} of its mean (p {p:.2g})"
    )
    found = p < SURE and rise.value >= NOTHING
    status: Status = "found" if found else "passed" if rise.high < 2 * NOTHING else "not_enough_data"
    return Diagnosis(
        kind=kind,
        status=status,
        evidence=said,
        figure=rise,
        remedy="Later rows fare worse: expect less than the score says, fit anew often, and prefer columns "
        "whose meaning stays."
        if found
        else "",
    )


def between_groups(folds: Sequence[Score]) -> Diagnosis:
    """Whether folds of other groups differ by more than their rows explain."""
    status, said, spread = folds_apart(folds)
    return Diagnosis(
        kind="shift",
        status=status,
        evidence=f"folds hold other groups: {said}",
        figure=spread,
        remedy="Groups differ: expect a new group to fare as far from the score, and get rows of more groups."
        if status == "found"
        else "",
    )
