"""How heavy a tail is, and whether values beyond it stand where no such tail would put them.

Used by `checks`. Numbers in, numbers out: it knows no columns. Upper tails only; a caller turns a lower
one over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlwright.statistics.intervals import Floats

LEAST_TAIL = 20
LEAST_DISTINCT = 4
MOST_TAIL = 20_000
MOST_FITTED = 1_000
"""Values, evenly by rank, that a fit adds up."""
TAIL_SHARE = 0.1
APART_SHARE = 0.025
EASE = 0.5
"""The least scale of a tail of few values, as a share of where it begins."""
FAR = 2.0
"""Times as far from the median that an outlier lies as the greatest value to be expected."""
LIKELIHOOD_DROP = 1.642 / 2
"""Half the chi-square quantile that bounds a one-sided 90 % region by likelihood."""
FINEST, COARSEST = 1e-4, 1e6
STEPS = 60


@dataclass(frozen=True)
class Beyond:
    """The greatest values, which the fitted tail does not explain; a count of 0 where it explains all."""

    count: int
    threshold: float
    """The least of them."""
    p: float
    """Its chance, adjusted for all values; of the greatest value where none is beyond."""
    times: float
    """How many times as far from the median it lies as the greatest value to be expected."""


def beyond(values: Floats, share: float = 0.01) -> Beyond | None:
    """The greatest of `values` [n] that no tail of the others explains, with a `share` of false ones borne.

    A generalised Pareto tail, exponential or heavier, is fitted to the upper tenth of the values; the
    uppermost 2.5 % of all are censored, so that they cannot bend it. Of all shapes and scales within the
    90 % likelihood region, the one kindest to each value gives the chance of a value as great; Benjamini and
    Hochberg's rule over all n values picks those beyond, and those that lie twice as far from the median as
    the value that comes once in n are counted. A tail of fewer than 20
    values or 4 distinct ones is taken for an exponential one as wide as the upper half. None for fewer
    than 81 values. Costs a partial sort.
    Sources: Pickands (1975), Annals of Statistics 3; Grimshaw (1993), Technometrics 35, for the profile;
    Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57.

    >>> x = np.random.default_rng(0).lognormal(size=2000)
    >>> beyond(x).count, beyond(np.append(x, [x.max() * 100, x.max() * 200])).count
    (0, 2)
    """
    n = len(values)
    size = min(max(int(TAIL_SHARE * n), min(n // 4, 50)), MOST_TAIL)
    if size <= LEAST_TAIL:
        return None
    top = np.sort(np.partition(values, n - size - 1)[n - size - 1 :])[::-1]
    middle = float(np.median(values))
    tail = top[top > top[-1]]
    most = min(max(1, int(APART_SHARE * n)), len(tail) // 4)
    inner = tail[most:]
    if most and len(inner) >= LEAST_TAIL and len(np.unique(inner)) >= LEAST_DISTINCT:
        chances, expected = _judged(tail - top[-1], most, 1 / len(tail))
        chances, reach = len(tail) / n * chances, float(top[-1]) + expected
    else:
        tail, most = top, max(1, int(APART_SHARE * n))
        chances, reach = _of_few_values(top, most, middle, n)
    adjusted = np.minimum.accumulate((chances * n / np.arange(1, most + 1))[::-1])[::-1]
    times = (tail[:most] - middle) / max(reach - middle, 1e-300)
    count = int(np.sum((adjusted <= share) & (times >= FAR)))
    if not count:
        return Beyond(0, math.inf, float(adjusted[0]), float(times[0]))
    return Beyond(count, float(tail[count - 1]), float(adjusted[count - 1]), float(times[count - 1]))


def _of_few_values(top: Floats, most: int, middle: float, n: int) -> tuple[Floats, float]:
    """Chances and reach of a tail of too few values for a fit: an exponential one from the 97.5 % quantile on
    that falls no faster than its distance from the median says."""
    edge = float(top[most])
    steps = np.diff(np.unique(top[most:]))
    scale = max(edge - middle, float(steps.min()) if len(steps) else 0.0, abs(edge) * EASE, 1e-300)
    chances = most / n * np.exp(-(top[:most] - edge) / scale)
    return chances, edge + scale * math.log(most + 1)


def _judged(excess: Floats, most: int, once: float) -> tuple[Floats, float]:
    """The chance of an excess as great as each of the first `most` (falling), in the tail kindest to it; and
    the excess that comes with the chance `once` in the heaviest such tail."""
    inner = excess[most:]
    unit = float(inner.mean())
    likely, thetas, shapes = _profile(inner / unit, most, np.geomspace(FINEST, COARSEST, STEPS))
    kept = thetas[likely >= likely.max() - LIKELIHOOD_DROP]
    ratio = thetas[1] / thetas[0]
    finer = np.geomspace(kept.min() / ratio, kept.max() * ratio, STEPS)
    likely, thetas, shapes = _profile(inner / unit, most, finer)
    kept = likely >= likely.max() - LIKELIHOOD_DROP
    thetas, shapes = thetas[kept, None], shapes[kept, None]
    scaled = np.log1p(thetas * excess[:most] / unit) / shapes
    expected = unit * np.expm1(np.minimum(-shapes * math.log(once), 700)) / thetas
    return np.exp(-scaled.min(axis=0)), float(expected.max())


def _profile(inner: Floats, most: int, thetas: Floats) -> tuple[Floats, Floats, Floats]:
    """The log-likelihood, theta (shape over scale) and the best shape at each theta; `most` are censored."""
    few = inner[np.linspace(0, len(inner) - 1, min(len(inner), MOST_FITTED)).astype(np.int64)]
    r = len(inner)
    sums = r * np.log1p(thetas[:, None] * few).mean(axis=1)
    shapes = (sums + most * np.log1p(thetas * inner[0])) / r
    return -r * np.log(shapes / thetas) - sums, thetas, shapes
