"""Whether two samples of numbers come from one distribution: how far apart they lie, and by chance or not.

Used by `checks` and later `monitoring`. A sample may be rows or the sketch of a profile, whose resolution
then widens every interval. Knows neither schemas nor tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from mlwright.statistics.intervals import Codes, Floats, Interval, clustered_error, t_quantile
from mlwright.statistics.ranking import logit_interval

BAND = 1.3581
"""Kolmogorov's 95 % quantile."""


@dataclass(frozen=True)
class Sample:
    """Numbers of one table, none of them missing.

    `values` [P] are sorted. Of rows each stands for one; of a sketch they are middles of stretches between
    `ends`, each for as many rows. `clusters` [P] are rows that are not independent of each other; the two
    samples of one comparison share their codes. See `of_rows` and `of_quantiles`.
    """

    values: Floats
    rows: int
    clusters: Codes | None = None
    ends: tuple[Floats, Floats] | None = None

    @classmethod
    def of_rows(cls, values: Floats, clusters: Codes | None = None) -> Sample:
        """Of one number a row [N], in any order.

        >>> Sample.of_rows(np.array([3.0, 1.0])).values
        array([1., 3.])
        """
        if clusters is None:
            return cls(np.sort(values), len(values))
        order = np.argsort(values, kind="stable")
        return cls(values[order], len(values), clusters[order])

    @classmethod
    def of_quantiles(cls, quantiles: Sequence[float], rows: int) -> Sample:
        """Of `rows` numbers of which only evenly spaced quantiles, from least to greatest, are known.

        >>> Sample.of_quantiles((0.0, 1.0, 3.0), 50).values
        array([0.5, 2. ])
        """
        edges = np.asarray(quantiles, dtype=np.float64)
        low, high = edges[:-1], edges[1:]
        return cls(low + (high - low) / 2, rows, None, (low, high))

    @property
    def weight(self) -> float:
        """The rows that each value stands for."""
        return self.rows / max(1, len(self.values))


class Shift(NamedTuple):
    """How far two samples lie apart, with its 95 % interval, and the p-value of no difference."""

    effect: Interval
    p: float
    at: float = math.nan
    fresh_at: float = math.nan
    """Of a gap: the shares of both samples at or below the number where it is widest."""


class TwoSamples:
    """A reference and a fresh sample, counted once by their distinct values.

    >>> random = np.random.default_rng(0)
    >>> old, new = random.normal(size=500), random.normal(0.5, 1, size=500)
    >>> both = TwoSamples(Sample.of_rows(old), Sample.of_rows(new))
    >>> "{:.2f} ({:.2f} to {:.2f})".format(*both.order().effect)
    '0.26 (0.19 to 0.33)'
    >>> both.gap().p < 0.001
    True
    """

    def __init__(self, reference: Sample, fresh: Sample) -> None:
        self.reference, self.fresh = reference, fresh

    def order(self) -> Shift:
        """Cliff's delta: how much more often a fresh number is the greater of two than the lesser, -1 to 1.

        Ties count for neither. The interval is Brunner and Munzel's on the logit scale; p is Mann and
        Whitney's, by ties; by clusters where there are any (Obuchowski 1997). With a sketch the interval
        holds what every table of these quantiles would give, and p is for the least shift among them.
        Source: Cliff (1993), Psychological Bulletin 114; Brunner & Munzel (2000), Biometrical Journal 42.
        """
        superiority, error = self._middle.superiority(), self._middle.superiority_error()
        low = high = superiority
        if self.reference.ends is not None:
            high, low = (c.superiority() for c in self._counted_ends)
        rare = min(self.reference.rows, self.fresh.rows)
        quantile, freedom = 1.959964, math.inf
        clustered = self._clustered_superiority(superiority)
        if clustered is not None:
            error, units = clustered
            if units < 3:
                return Shift(Interval(2 * superiority - 1, -1.0, 1.0), 1.0)
            rare, freedom, quantile = units // 2, units - 1, t_quantile(0.975, units - 1)
        least = logit_interval(low, error, quantile, rare).low
        most = logit_interval(high, error, quantile, rare).high
        effect = Interval(2 * superiority - 1, 2 * least - 1, 2 * most - 1)
        by_chance = self._middle.chance_error() if clustered is None else error
        away = max(0.0, low - 0.5, 0.5 - high)
        if away and clustered is not None and not error:
            return Shift(effect, self._by_dealing_clusters())
        return Shift(effect, two_sided(away, by_chance, freedom))

    def gap(self) -> Shift:
        """Kolmogorov and Smirnov's distance: the most by which shares at or below any number differ, 0 to 1.

        Finds what leaves the order as it is: another spread, a new heap of one value. The interval is the
        band that holds both distributions at once, whatever they are; p is asymptotic with Stephens' term,
        and errs on the safe side with ties. Clusters widen both by the design effect where the gap is widest.
        Source: Massart (1990), Annals of Probability 18; Stephens (1970), JRSS B 32.
        """
        distance, at, fresh_at, where = self._middle.distance()
        low = distance
        if self.reference.ends is not None:
            upper, lower = self._counted_ends
            low = max(0.0, float(np.max(upper.differences)), float(np.max(-lower.differences)))
        worth = 1 / (1 / self.reference.rows + 1 / self.fresh.rows) / self._design(where)
        half = BAND / math.sqrt(worth)
        p = float(special.kolmogorov((math.sqrt(worth) + 0.12 + 0.11 / math.sqrt(worth)) * low))
        return Shift(Interval(distance, low - half, distance + half).within(0.0, 1.0), p, at, fresh_at)

    @cached_property
    def _middle(self) -> _Counted:
        return _Counted(self.reference.values, self.reference.rows, self.fresh)

    @cached_property
    def _counted_ends(self) -> tuple[_Counted, _Counted]:
        """As if every number of the reference lay at the lower end of its stretch, and at the upper."""
        ends = self.reference.ends
        assert ends is not None
        low, high = (_Counted(e, self.reference.rows, self.fresh) for e in ends)
        return low, high

    def _clustered_superiority(self, superiority: float) -> tuple[float, int] | None:
        one, other = self.reference.clusters, self.fresh.clusters
        if one is None or other is None:
            return None
        counted = self._middle
        of_fresh = (
            counted.reference_middle[counted.place(self.fresh.values)] - superiority
        ) / self.fresh.rows
        placed = counted.fresh_middle[counted.place(self.reference.values)]
        of_reference = (1 - placed - superiority) / self.reference.rows
        return clustered_error(np.concatenate([of_reference, of_fresh]), np.concatenate([one, other]))

    def _by_dealing_clusters(self) -> float:
        """The p-value where every cluster lies on its own table's side, so that they have no variance: how
        seldom clusters dealt anew would fall so."""
        clusters = (self.reference.clusters, self.fresh.clusters)
        assert clusters[0] is not None and clusters[1] is not None
        one, other = len(np.unique(clusters[0])), len(np.unique(clusters[1]))
        return float(min(1.0, 2 / special.binom(one + other, min(one, other))))

    def _design(self, where: float) -> float:
        """How many times the variance of independent rows the gap at `where` has; at least 1."""
        one, other = self.reference.clusters, self.fresh.clusters
        if one is None or other is None:
            return 1.0
        below = [(s.values <= where).astype(np.float64) for s in (self.reference, self.fresh)]
        parts = [-(below[0] - below[0].mean()) / len(below[0]), (below[1] - below[1].mean()) / len(below[1])]
        return design_effect(np.concatenate(parts), np.concatenate([one, other]))


def two_sided(away: float, error: float, freedom: float = math.inf) -> float:
    """The p-value of an estimate `away` from what chance gives on average; Student's t with few clusters."""
    if away <= 0:
        return 1.0
    if error <= 0:
        return 0.0
    z = away / error
    return float(2 * (special.ndtr(-z) if math.isinf(freedom) else special.stdtr(freedom, -z)))


def design_effect(parts: Floats, clusters: Codes) -> float:
    """The variance of a sum of influences [N] by clusters over that by rows; at least 1, and more where few
    clusters can say little about it."""
    by_rows = float(parts @ parts)
    error, units = clustered_error(parts, clusters)
    if units < 3 or by_rows <= 0:
        return max(1.0, len(parts) / max(1, units))
    return max(1.0, error**2 / by_rows * (t_quantile(0.975, units - 1) / 1.959964) ** 2)


class _Counted:
    """The distinct values of both samples with their counts; all statistics are sums over them."""

    def __init__(self, reference: Floats, rows: int, fresh: Sample) -> None:
        pooled = np.concatenate([reference, fresh.values])
        pooled.sort(kind="stable")  # two sorted runs: merged in one pass
        last = np.append(pooled[1:] != pooled[:-1], True)
        self.values = pooled[last]
        below = np.searchsorted(reference, self.values, side="right") if len(reference) else np.zeros(0)
        both = np.flatnonzero(last) + 1
        self.reference_rows, self.fresh_rows = rows, fresh.rows
        self.reference_below = below / max(1, len(reference))
        self.fresh_below = (both - below) / max(1, len(fresh.values))
        self.pooled_share = np.diff(both, prepend=0) / max(1, len(pooled))

    @property
    def reference_middle(self) -> Floats:
        """The share of the reference below each distinct value, and half of what equals it."""
        return _middle(self.reference_below)

    @property
    def fresh_middle(self) -> Floats:
        return _middle(self.fresh_below)

    @property
    def differences(self) -> Floats:
        return self.fresh_below - self.reference_below

    def place(self, values: Floats) -> Codes:
        return np.searchsorted(self.values, values).astype(np.int64)

    def superiority(self) -> float:
        """The chance that a fresh number is greater than a reference one, ties by half."""
        each = np.diff(self.fresh_below, prepend=0.0) * self.reference_middle
        return float(np.clip(each.sum(), 0.0, 1.0))

    def superiority_error(self) -> float:
        fresh, reference = (np.diff(s, prepend=0.0) for s in (self.fresh_below, self.reference_below))
        u, v = self.reference_middle, self.fresh_middle
        variance = 0.0
        for shares, placed, rows in ((fresh, u, self.fresh_rows), (reference, v, self.reference_rows)):
            # Sums, not products of vectors: for those idle BLAS threads spin, 70 ms on a busy machine.
            mean = float((shares * placed).sum())
            variance += float((shares * (placed - mean) ** 2).sum()) / max(1, rows - 1)
        return math.sqrt(max(variance, 0.0))

    def chance_error(self) -> float:
        """The deviation of the superiority where both samples come from one distribution."""
        n, m = self.reference_rows, self.fresh_rows
        ties = float(np.sum(self.pooled_share**3))
        return math.sqrt(max(0.0, (n + m + 1) / (12 * n * m) * (1 - ties)))

    def distance(self) -> tuple[float, float, float, float]:
        """The widest gap, both tables' shares at or below it, and the number where it is."""
        place = int(np.argmax(np.abs(self.differences)))
        return (
            abs(float(self.differences[place])),
            float(self.reference_below[place]),
            float(self.fresh_below[place]),
            float(self.values[place]),
        )


def _middle(below: Floats) -> Floats:
    return np.asarray(below - np.diff(below, prepend=0.0) / 2)
