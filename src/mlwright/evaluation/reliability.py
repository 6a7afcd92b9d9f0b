"""Whether probabilities mean what they say: reliability by bins, calibration error, slope and intercept.

Called by `training` and `lifecycle.evaluate` with answers to rows that the model had not seen. It knows
arrays only.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from mlwright.base.reliability import Bin, Estimate, Reliability
from mlwright.statistics.intervals import Interval, mean_interval, normal_quantile, proportion_interval
from mlwright.statistics.recalibration import intercept_of, slope_of

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS, ROWS_OF_A_BIN = 10, 20
"""At most so many bins, of at least so many rows."""
LEAST_OF_A_CLASS = 5
"""Rows of a class below which no slope is given."""
MOST_CLASSES = 30
"""Classes up to which each one's share is told; of more, only the error over all of them."""
MOST_CELLS = 5_000_000
"""Rows times classes that a slope of many classes is found on, and class-wise errors are."""
FARTHEST = 50.0
"""Log-odds beyond which one is as certain as the other."""


def reliability_of(
    y: Ints,
    margin: Doubles,
    probability: Doubles,
    weights: Doubles | None = None,
    clusters: Ints | None = None,
) -> Reliability | None:
    """Of probabilities [N, K] of classes `y` [N]; `margin` [N, 1], [N, 2] or [N, K] are their log-odds.

    `clusters` [N] are codes of rows that depend on each other. Rows of no weight are as if they were not
    there; None where none is left.
    """
    y, margin, probability, weights, clusters = _counting(y, margin, probability, weights, clusters)
    if not len(y):
        return None
    if probability.shape[1] == 2:
        odds = margin[:, 0] if margin.shape[1] == 1 else margin[:, 1] - margin[:, 0]
        hits = (y == 1).astype(np.float64)
        bins, told = _binned(probability[:, 1], hits, weights, clusters)
        error, p = _error(*told)
        slope, intercept = _of_two(np.clip(odds, -FARTHEST, FARTHEST), hits, weights, clusters)
        return Reliability(
            subject="positive class", bins=bins, error=error, p=p, slope=slope, intercept=intercept
        )
    top = probability.argmax(axis=1)
    rows = np.arange(len(y))
    bins, told = _binned(probability[rows, top], (y == top).astype(np.float64), weights, clusters)
    error, p = _error(*told)
    y, margin, probability, weights, clusters = _some(y, margin, probability, weights, clusters)
    class_error, class_p, classes = _of_classes(y, probability, weights, clusters)
    return Reliability(
        subject="likeliest class",
        bins=bins,
        error=error,
        p=p,
        slope=_of_more(margin, y, weights, clusters),
        classes=classes,
        class_error=class_error,
        class_p=class_p,
    )


def reliability_of_numbers(
    y: Doubles, predicted: Doubles, weights: Doubles | None = None, clusters: Ints | None = None
) -> Reliability | None:
    """Means of numbers `y` [N] beside those foretold [N], by tenths of what was foretold."""
    if weights is not None:
        kept = weights > 0
        y, predicted, weights = y[kept], predicted[kept], weights[kept]
        clusters = None if clusters is None else clusters[kept]
    if not len(y):
        return None
    w = np.ones(len(y)) if weights is None else weights
    place = bins_of(predicted, w)
    out = []
    for b in range(int(place.max()) + 1):
        of = place == b
        value, low, high = mean_interval(
            y[of], None if weights is None else w[of], None if clusters is None else _codes(clusters[of])
        )
        if math.isfinite(low):
            out.append(_bin(of, float(np.average(predicted[of], weights=w[of])), value, low, high))
    return Reliability(subject="number", bins=tuple(out)) if out else None


def bins_of(values: Doubles, w: Doubles) -> Ints:
    """Bin numbers [N], ascending in `values` [N]: of about equal weight, at most 10, equal values together.

    >>> bins_of(np.array([0.1, 0.3, 0.3, 0.2] * 10), np.ones(40))[:4]
    array([0, 1, 1, 0])
    """
    distinct, place = np.unique(values, return_inverse=True)
    mass = np.cumsum(np.bincount(place, weights=w))
    rows = np.cumsum(np.bincount(place))
    wanted = max(1, min(BINS, len(values) // ROWS_OF_A_BIN))
    cuts = list[int]()  # the last value of each bin
    before, counted = 0.0, 0
    for left in range(wanted, 1, -1):
        share = before + (mass[-1] - before) / left
        cut = int(np.searchsorted(mass, share * (1 - 1e-9)))
        cut = max(cut, int(np.searchsorted(rows, counted + ROWS_OF_A_BIN)))
        if cut >= len(distinct) - 1 or rows[-1] - rows[cut] < ROWS_OF_A_BIN:
            break
        cuts.append(cut)
        before, counted = float(mass[cut]), int(rows[cut])
    return np.searchsorted(np.array(cuts, dtype=np.int64), place, side="left").astype(np.int64)


Told = tuple[Doubles, Doubles, Doubles]
"""By bin: its share of the weight, how far outcomes lie from what was foretold, and the covariance of it."""


def _binned(
    p: Doubles, hits: Doubles, weights: Doubles | None, clusters: Ints | None
) -> tuple[tuple[Bin, ...], Told]:
    w = np.ones(len(p)) if weights is None else weights
    place = bins_of(p, w)
    count = int(place.max()) + 1
    heavy = np.bincount(place, weights=w, minlength=count)
    off = np.bincount(place, weights=w * (hits - p), minlength=count) / heavy
    influence = w * (hits - p - off[place]) / heavy[place]
    if clusters is None:
        n = np.bincount(place, minlength=count)
        spread = np.diag(np.bincount(place, weights=influence**2, minlength=count) * n / np.maximum(n - 1, 1))
    else:
        units = int(clusters.max()) + 1
        sums = np.bincount(clusters * count + place, weights=influence, minlength=units * count)
        sums = sums.reshape(units, count)
        spread = np.asarray(sums.T @ sums * (units / max(units - 1, 1)), dtype=np.float64)
    out = []
    for b in range(count):
        of = place == b
        value, low, high = proportion_interval(
            hits[of], None if weights is None else w[of], None if clusters is None else _codes(clusters[of])
        )
        out.append(_bin(of, float(np.average(p[of], weights=w[of])), value, low, high))
    return tuple(out), (heavy / heavy.sum(), off, np.asarray(spread))


def _error(share: Doubles, off: Doubles, spread: Doubles) -> tuple[Estimate | None, float | None]:
    """The debiased error with its interval, and how probable so large a one is by chance."""
    weighted = share[:, None] * spread
    return _from_square(
        float(share @ off**2), float(np.trace(weighted)), float(np.trace(weighted @ weighted))
    )


def _from_square(square: float, bias: float, bend: float) -> tuple[Estimate | None, float | None]:
    """The root of a quadratic form of normal differences less its bias, with its interval.

    `bias` is what chance adds to `square`, `bend` half its variance where there is no error. The form is
    taken as a multiple of a noncentral chi-squared variable of the same mean and variance (Satterthwaite,
    1946), whose noncentrality the interval is of. The debiased square is that of Bröcker (Climate Dynamics
    39, 2012) and of Kumar, Liang & Ma ("Verified uncertainty calibration", NeurIPS 2019).
    """
    if not (bias > 0 and bend > 0):
        return None, None
    scale, freedom = bend / bias, bias * bias / bend
    x = square / scale
    value = math.sqrt(max(square - bias, 0.0))
    low, high = (math.sqrt(scale * _noncentrality(x, freedom, p)) for p in (0.975, 0.025))
    estimate = Estimate(value=value, low=min(low, value), high=max(high, value))
    return estimate, float(special.chdtrc(freedom, x))


def _noncentrality(x: float, freedom: float, p: float) -> float:
    """At which noncentrality chi-squared variables are below `x` with probability `p`; 0 where at none."""
    if special.chdtr(freedom, x) <= p:
        return 0.0
    if x > 1e4:  # there it is normal
        return max(0.0, x - freedom - 2 * normal_quantile(p) * math.sqrt(x))
    most = x + 20 * math.sqrt(x) + 50
    return float(optimize.brentq(lambda nc: special.chndtr(x, freedom, nc) - p, 0.0, most, xtol=1e-6))


def _of_two(
    odds: Doubles, hits: Doubles, weights: Doubles | None, clusters: Ints | None
) -> tuple[Estimate | None, Estimate | None]:
    """Slope and intercept; the intercept is that at slope 1, calibration in the large (Van Calster et al.,
    2016)."""
    if min(hits.sum(), len(hits) - hits.sum()) < LEAST_OF_A_CLASS:
        return None, None
    slope = slope_of(odds[:, None], hits, 2, weights, clusters)
    return _estimate(slope), _estimate(intercept_of(odds, hits, weights, clusters))


def _of_more(margin: Doubles, y: Ints, weights: Doubles | None, clusters: Ints | None) -> Estimate | None:
    """The slope s at which softmax(s * margin) is the likeliest."""
    if len(y) - np.bincount(y).max() < LEAST_OF_A_CLASS:
        return None
    level = np.maximum(margin - margin.max(axis=1, keepdims=True), -2 * FARTHEST)
    return _estimate(slope_of(level, y.astype(np.float64), margin.shape[1], weights, clusters))


def _estimate(found: Interval) -> Estimate | None:
    told = math.isfinite(found.value)
    return Estimate(value=found.value, low=found.low, high=found.high) if told else None


def _of_classes(
    y: Ints, probability: Doubles, weights: Doubles | None, clusters: Ints | None
) -> tuple[Estimate | None, float | None, tuple[Bin, ...]]:
    """The class-wise error, how probable it is by chance, and each class's share beside its probability.

    What one class gets too much another gets too little: errors of two classes are one, in two places, so
    that the variance is taken as twice what it were if each had its own.
    """
    classes = probability.shape[1]
    square = bias = bend = 0.0
    shares = []
    for k in range(classes):
        hits = (y == k).astype(np.float64)
        _, (share, off, spread) = _binned(probability[:, k], hits, weights, clusters)
        weighted = share[:, None] * spread
        square += float(share @ off**2) / classes
        bias += float(np.trace(weighted)) / classes
        bend += 2 * float(np.trace(weighted @ weighted)) / classes**2
        value, low, high = proportion_interval(hits, weights, clusters)
        foretold = float(np.average(probability[:, k], weights=weights))
        shares.append(_bin(np.ones(len(y), dtype=bool), foretold, value, low, high))
    error, p = _from_square(square, bias, bend)
    return error, p, tuple(shares) if classes <= MOST_CLASSES else ()


def _bin(of: npt.NDArray[np.bool_], predicted: float, value: float, low: float, high: float) -> Bin:
    return Bin(
        rows=int(of.sum()), predicted=predicted, observed=float(value), low=float(low), high=float(high)
    )


def _codes(clusters: Ints) -> Ints:
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


Rows = tuple[Ints, Doubles, Doubles, Doubles | None, Ints | None]


def _counting(
    y: Ints, margin: Doubles, probability: Doubles, weights: Doubles | None, clusters: Ints | None
) -> Rows:
    if weights is None or (weights > 0).all():
        return y, margin, probability, weights, clusters
    return _rows(np.flatnonzero(weights > 0), y, margin, probability, weights, clusters)


def _some(
    y: Ints, margin: Doubles, probability: Doubles, weights: Doubles | None, clusters: Ints | None
) -> Rows:
    most = max(1_000, MOST_CELLS // probability.shape[1])
    if len(y) <= most:
        return y, margin, probability, weights, clusters
    drawn = np.sort(np.random.default_rng(0).choice(len(y), most, replace=False))
    return _rows(drawn, y, margin, probability, weights, clusters)


def _rows(
    kept: Ints, y: Ints, margin: Doubles, probability: Doubles, weights: Doubles | None, clusters: Ints | None
) -> Rows:
    return (
        y[kept],
        margin[kept],
        probability[kept],
        None if weights is None else weights[kept],
        None if clusters is None else _codes(clusters[kept]),
    )
