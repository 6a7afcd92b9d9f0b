"""Whether promises of doubt were kept on fresh rows: sets by class, intervals, and answers of a model that
may abstain. Called by `lifecycle.evaluate`; what was promised stands in the model's own evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.abstaining import USUAL, Abstaining, Step
from mlwright.base.conformal import Conformal, SetSize
from mlwright.base.evaluation import TOO_FEW_ROWS, Score
from mlwright.base.prediction_intervals import Intervals, IntervalSize
from mlwright.base.promise import Promise, kept_to
from mlwright.statistics.intervals import Codes, Floats, clopper_pearson, proportion_interval


def of_sets(promised: Conformal, found: Sequence[SetSize], classes: Sequence[str]) -> list[Promise]:
    """Of each class at each error rate, by rows that did not calibrate."""
    before = {m.error: m.mean for m in promised.measured}
    return [
        Promise(
            of="set",
            error=m.error,
            label=label,
            wrong=(wrong := _missed(score)),
            size=m.mean,
            size_before=before.get(m.error),
            kept=kept_to(wrong, m.error, max(reference.rows, 1.0)),
        )
        for m in found
        for score, label, reference in zip(m.coverage, classes, promised.references, strict=True)
    ]


def of_intervals(promised: Intervals, found: Sequence[IntervalSize]) -> list[Promise]:
    """At each error rate that was measured."""
    before = {m.error: m.mean for m in promised.measured}
    return [
        Promise(
            of="interval",
            error=m.error,
            wrong=(wrong := _missed(m.coverage)),
            size=m.mean,
            size_before=before.get(m.error),
            kept=kept_to(wrong, m.error, max(promised.reach.rows, 1.0)),
        )
        for m in found
    ]


def of_abstaining(
    known: Abstaining,
    sure: Floats,
    wrong: npt.NDArray[np.bool_],
    weights: Floats | None = None,
    clusters: Codes | None = None,
) -> list[Promise]:
    """At each usual rate that can be kept to, and at the least one: `sure` [n] is the probability of the
    label that was answered, `wrong` [n] whether it was."""
    found = []
    for error, step in _steps(known):
        answers = sure >= step.least
        share = float(np.average(answers, weights=weights))
        score = _wrong_share(
            wrong[answers],
            None if weights is None else weights[answers],
            None if clusters is None else clusters[answers],
        )
        found.append(
            Promise(
                of="abstain",
                error=error,
                wrong=score,
                size=share,
                size_before=step.answered,
                kept=kept_to(score, error),  # a bound, which chance is part of already
            )
        )
    return found


def _steps(known: Abstaining) -> Iterator[tuple[float, Step]]:
    least = known.least
    rates = {*USUAL} if least is None else {*USUAL, least}
    for error in sorted(rates):
        step = known.at(error)
        if step is not None:
            yield error, step


def _wrong_share(wrong: npt.NDArray[np.bool_], weights: Floats | None, clusters: Codes | None) -> Score:
    hits, method = wrong.astype(np.float64), "Wilson"
    if weights is None and clusters is None:
        value, low, high = clopper_pearson(float(hits.sum()), float(len(hits)))
        method = "Clopper-Pearson"
    else:
        units = None if clusters is None else np.unique(clusters, return_inverse=True)[1].astype(np.int64)
        value, low, high = proportion_interval(hits, weights, units)
        method += ", clustered" if units is not None else ""
    told = bool(np.isfinite([value, low, high]).all())
    return Score(
        metric="wrong",
        value=float(value) if told else 0.0,
        low=float(low) if told else 0.0,
        high=float(high) if told else 1.0,
        rows=len(hits),
        greater_is_better=False,
        method=method if told else TOO_FEW_ROWS,
    )


def _missed(coverage: Score) -> Score:
    """The share of rows without, from that of rows with."""
    return msgspec.structs.replace(
        coverage,
        metric="wrong",
        value=1 - coverage.value if coverage.rows else 0.0,
        low=1 - coverage.high,
        high=1 - coverage.low,
        greater_is_better=False,
        method=coverage.method if coverage.rows else TOO_FEW_ROWS,
    )
