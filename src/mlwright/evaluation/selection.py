"""Selection bias: the best of many candidates on some rows is best there partly by luck, which the correction
takes off.

Rows are drawn with replacement, the best candidate on those drawn is judged on the others, which share no row
with them. Source: Tsamardinos, Greasidou & Borboudakis (2018), Machine Learning 107, "Bootstrapping the
out-of-sample predictions". Called by `training`; it knows predictions, not models.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.score import Score
from mlwright.evaluation.metrics import Metric, Output, Truth, error_of
from mlwright.statistics.intervals import Codes, Floats

CELLS = 5e6
"""Rows times candidates times draws that one call may look at: about a fifth of a second."""
MOST_DRAWS, LEAST_DRAWS = 200, 20
MOST_ROWS = 20_000


def flattery(
    metric: Metric,
    y: Truth,
    outputs: Sequence[Output],
    *,
    weights: Floats | None = None,
    clusters: Codes | None = None,
    seed: int = 0,
) -> float:
    """By how much choosing the best of `outputs` (each [N, K] or [N]) on these rows flatters it, in the
    metric's error; at least 0, and 0 of one candidate.

    `y`, `weights` and `clusters` (codes from 0, of rows that belong together) [N]. Candidates of which the
    metric is undefined are passed over.

    >>> from mlwright.evaluation.metrics import METRICS
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=200)
    >>> alike = [y + rng.normal(size=200) for _ in range(20)]
    >>> flattery(METRICS["mae"], y, alike[:1]), flattery(METRICS["mae"], y, alike) > 0.03
    (0.0, True)
    """
    if len(outputs) < 2:
        return 0.0
    rng = np.random.default_rng(seed)
    if len(y) > MOST_ROWS:
        few = np.sort(rng.choice(len(y), MOST_ROWS, replace=False))
        y, outputs = y[few], [o[few] for o in outputs]
        weights = None if weights is None else weights[few]
        clusters = None if clusters is None else np.unique(clusters[few], return_inverse=True)[1]
    valued = [metric.on(y, output) for output in outputs]
    best = int(np.argmin(_errors(metric, [value(weights) for value in valued])))
    units = len(y) if clusters is None else int(clusters.max()) + 1
    draws = int(np.clip(CELLS / (len(y) * len(outputs)), LEAST_DRAWS, MOST_DRAWS))
    draws = draws if metric.bounded else LEAST_DRAWS  # a user's own may be slow
    lost: list[float] = []
    for _ in range(draws):
        counts = np.bincount(rng.integers(0, units, units), minlength=units).astype(np.float64)
        drawn = counts if clusters is None else counts[clusters]
        left = (drawn == 0).astype(np.float64)
        if weights is not None:
            drawn, left = drawn * weights, left * weights
        if not (drawn.any() and left.any()):
            continue
        chosen = int(np.argmin(_errors(metric, [value(drawn) for value in valued])))
        # The best of all rows beside it, for its own luck on these rows is what the mean is to take off.
        on_left = _errors(metric, [valued[chosen](left), valued[best](left)])
        if np.isfinite(on_left).all():
            lost.append(float(on_left[0] - on_left[1]))
    return max(0.0, float(np.mean(lost))) if lost else 0.0


def corrected(seen: Score, by: float) -> Score:
    """`seen` without what choosing flatters it `by`; its interval is as wide, and moves along."""
    shift = -by if seen.greater_is_better else by
    return msgspec.structs.replace(
        seen,
        value=seen.value + shift,
        low=seen.low + shift,
        high=seen.high + shift,
        method=f"{seen.method}, corrected for the choice",
    )


def _errors(metric: Metric, values: list[float]) -> npt.NDArray[np.float64]:
    """What is to be made small; infinite where it is undefined."""
    errors = np.array([error_of(metric, value) for value in values])
    return np.where(np.isnan(errors), np.inf, errors)
