"""Whether shares differ between two tables: of one thing, of all categories, of values never seen before.

Used by `checks` and later `monitoring`. Tables come as counts; this module knows no schema.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from mlwright.statistics.intervals import Codes, Floats, Interval, wilson
from mlwright.statistics.two_samples import Shift, design_effect, two_sided

LEAST_EXPECTED = 5.0
"""Counts below which chi-square and the normal distribution are not to be trusted."""
DRAWS = 9_999


def share_shift(reference: tuple[float, float], fresh: tuple[float, float], design: float = 1.0) -> Shift:
    """The difference of two shares, each given as (hits, rows): fresh less reference.

    The interval is Newcombe's; p is that of the score test, and Fisher's exact one where fewer than 5 hits
    are to be expected. `design` is by how much clusters raise the variance.
    Source: Newcombe (1998), Statistics in Medicine 17, method 10; Fisher (1935), JRSS 98.

    >>> shift = share_shift((10, 1000), (60, 1000))
    >>> "{:.3f} ({:.3f} to {:.3f})".format(*shift.effect), shift.p < 1e-6
    ('0.050 (0.034 to 0.067)', True)
    """
    (k1, n1), (k2, n2) = ((hits / design, rows / design) for hits, rows in (reference, fresh))
    if n1 <= 0 or n2 <= 0:
        return Shift(Interval(math.nan, -1.0, 1.0), 1.0)
    one, other = wilson(k1, n1), wilson(k2, n2)
    value = other.value - one.value
    low = value - math.hypot(other.value - other.low, one.high - one.value)
    high = value + math.hypot(other.high - other.value, one.value - one.low)
    pooled = (k1 + k2) / (n1 + n2)
    if min(pooled, 1 - pooled) * min(n1, n2) < LEAST_EXPECTED:
        p = fisher(round(k2), round(n2), round(k1 + k2), round(n1 + n2))
    else:
        p = two_sided(abs(value), math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2)))
    return Shift(Interval(value, low, high), p)


def fisher(hits: int, drawn: int, all_hits: int, total: int) -> float:
    """Fisher's exact two-sided p-value of `hits` among `drawn` of `total` things, `all_hits` of them hits.

    >>> round(fisher(3, 4, 4, 8), 4)
    0.4857
    """
    least, most = max(0, drawn + all_hits - total), min(drawn, all_hits)
    possible = np.arange(least, most + 1)
    if len(possible) < 2:
        return 1.0
    log = (
        _log_choose(all_hits, possible)
        + _log_choose(total - all_hits, drawn - possible)
        - _log_choose(total, np.array([drawn]))
    )
    seen = log[min(max(hits, least), most) - least]
    return float(min(1.0, np.exp(log[log <= seen + 1e-7]).sum()))


def mix_p(reference: Floats, fresh: Floats, design: float = 1.0) -> float:
    """The p-value of two tables having one mix of categories, from counts [K] of each.

    Pearson's chi-square; categories with fewer than 5 expected are counted as one. `design` is the mean
    design effect of the cells: Rao and Scott's first-order correction.
    Source: Cochran (1954), Biometrics 10; Rao & Scott (1984), Annals of Statistics 12.

    >>> mix_p(np.array([500.0, 500.0]), np.array([300.0, 200.0])) < 0.001
    True
    """
    table = pooled_sparse(reference, fresh)
    cells = table.shape[1]
    if cells < 2 or not table.sum(axis=1).all():
        return 1.0
    if cells == 2:
        (a, b), rows = table[:, 0], table.sum(axis=1)
        return share_shift((a, rows[0]), (b, rows[1]), design).p
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(special.chdtrc(cells - 1, float(((table - expected) ** 2 / expected).sum()) / design))


def pooled_sparse(reference: Floats, fresh: Floats) -> Floats:
    """Counts [2, K'] with the categories that are expected fewer than 5 times in a table put together.

    >>> pooled_sparse(np.array([90.0, 9.0, 1.0]), np.array([80.0, 18.0, 2.0]))
    array([[90., 10.],
           [80., 20.]])
    """
    table = np.stack([reference, fresh])
    table = table[:, table.sum(axis=0) > 0]
    smaller = table.sum(axis=1).min() / max(table.sum(), 1.0)
    expected = table.sum(axis=0) * smaller
    sparse = expected < LEAST_EXPECTED
    if sparse.any() and expected[sparse].sum() < LEAST_EXPECTED and not sparse.all():
        kept = np.flatnonzero(~sparse)  # what is left over joins the rarest that stands
        sparse[kept[np.argmin(expected[kept])]] = True
    if not sparse.any():
        return table
    return np.column_stack([table[:, ~sparse], table[:, sparse].sum(axis=1)])


def total_variation(reference: Floats, fresh: Floats, *, design: float = 1.0, seed: int = 0) -> Interval:
    """The share of rows that changed category, 0 to 1, from counts [K]; not inflated by chance.

    The plain distance is far from 0 with many categories and few rows even where nothing changed. Here one
    half of each table chooses the categories that became more frequent, and the other half says by how much:
    that is right or too low on average, never too high.
    Source: sample splitting, as in Cox (1975), Biometrika 62.

    >>> random = np.random.default_rng(0)
    >>> old, new = (random.multinomial(300, np.full(100, 0.01)).astype(float) for _ in range(2))
    >>> round(float(abs(old - new).sum() / 600), 2), total_variation(old, new).low <= 0.0
    (0.3, True)
    """
    random = np.random.default_rng(seed)
    halves = [_halved(counts, random) for counts in (reference, fresh)]
    values, variances = [], []
    for half in (0, 1):
        chosen = _more(halves[0][1 - half], halves[1][1 - half])
        shares, rows = [], []
        for counts in halves:
            total = counts[half].sum()
            shares.append(float(counts[half][chosen].sum() / total) if total else 0.0)
            rows.append(max(float(total), 1.0))
        pulled = [(s * n + 1) / (n + 2) for s, n in zip(shares, rows, strict=True)]  # no error of 0
        values.append(shares[1] - shares[0])
        variances.append(sum(s * (1 - s) / n for s, n in zip(pulled, rows, strict=True)))
    value, error = float(np.mean(values)), math.sqrt(sum(variances) * design) / 2
    return Interval(max(value, 0.0), value - 1.96 * error, value + 1.96 * error).within(0.0, 1.0)


def mix_design(codes: tuple[Codes, Codes], clusters: tuple[Codes, Codes], cells: int) -> float:
    """The mean design effect of the cells of a mix: how much clusters raise the variance of its shares.

    `codes` of the categories and `clusters` are those of the reference's rows and of the fresh rows.
    Categories beyond the 20 most frequent are left out.
    """
    counts = [np.bincount(c, minlength=cells).astype(np.float64) for c in codes]
    effects, weights = [], []
    units = np.concatenate(clusters)
    for cell in np.argsort(-(counts[0] + counts[1]), kind="stable")[:20]:
        hits = [(c == cell).astype(np.float64) for c in codes]
        parts = np.concatenate(
            [sign * (h - h.mean()) / len(h) for sign, h in zip((-1, 1), hits, strict=True)]
        )
        if parts.any():
            effects.append(design_effect(parts, units))
            weights.append(1 - float(np.concatenate(hits).mean()))
    return float(np.average(effects, weights=weights)) if effects else 1.0


class Unseen(NamedTuple):
    """Rows of a fresh table whose value the reference does not have."""

    rows: int
    expected: float
    """Rows that would be by chance: were all rows of both tables dealt anew."""
    excess: Interval
    """The share of fresh rows beyond that."""
    p: float


def unseen(reference: Floats, fresh: Floats, *, seed: int = 0) -> Unseen:
    """Whether more fresh rows than by chance hold values that the reference does not, from counts [K].

    New values are ordinary where values are many. The chance is that of dealing all rows anew: a value that
    stands in c rows falls wholly into the fresh table with probability about f**c, f its share of rows.
    Drawn values are independent, which errs on the safe side. Source: permutation (Phipson & Smyth 2010).

    >>> names = np.ones(200)
    >>> shop = unseen(np.append(names, np.zeros(200)), np.append(np.zeros(200), names))
    >>> shop.rows, round(shop.expected), shop.p > 0.1
    (200, 200, True)
    >>> unseen(np.array([500.0, 0.0]), np.array([450.0, 50.0])).p
    0.0001
    """
    n, m = float(reference.sum()), float(fresh.sum())
    new = int(fresh[reference == 0].sum())
    pooled = (reference + fresh).astype(np.int64)
    counts, values = np.unique(pooled[pooled > 0], return_counts=True)
    fitting = counts <= m
    counts, values = counts[fitting], values[fitting]
    log = special.gammaln(n + m - counts + 1) - special.gammaln(m - counts + 1)
    chance = np.exp(np.minimum(log + special.gammaln(m + 1) - special.gammaln(n + m + 1), 0.0))
    expected = float(counts @ (values * chance))
    likely = chance > 1e-9
    drawn = (
        np.random.default_rng(seed).binomial(values[likely], chance[likely], size=(DRAWS, int(likely.sum())))
        @ counts[likely]
    )
    p = float((np.count_nonzero(drawn >= new) + 1) / (DRAWS + 1))
    share = wilson(new, m)
    spread = 1.96 * float(drawn.std()) / max(m, 1.0)
    value, low = share.value - expected / m, math.hypot(share.value - share.low, spread)
    high = math.hypot(share.high - share.value, spread)
    return Unseen(new, expected, Interval(value, value - low, value + high), p)


def _halved(counts: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Counts of two random halves of the rows, about equal."""
    whole = counts.astype(np.int64)
    half = random.multivariate_hypergeometric(whole, int(whole.sum()) // 2, method="marginals")
    return half.astype(np.float64), (whole - half).astype(np.float64)


def _more(reference: Floats, fresh: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Categories with a greater share in the fresh counts."""
    return np.asarray(fresh * max(reference.sum(), 1.0) > reference * max(fresh.sum(), 1.0))


def _log_choose(n: int, k: Codes) -> Floats:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
