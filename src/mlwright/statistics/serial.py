"""Whether values come in a random order, and where along it they change. Ranks and codes in, numbers out.

Used by `checks`. Values become scores of mean 0 and variance 1, a column of categories one such score for
each of its more frequent categories.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from mlwright.statistics.intervals import Codes, Floats, Interval, normal_quantile

BLOCKS = 20
MOST_CATEGORIES = 8
LEAST_SHARE = 0.01
SMOOTH = 0.2
CHANCE_MOVES = 4.0
"""Standard errors that the mean of so many rows may move by chance, at some place among hundreds."""


def scores_of(values: Floats) -> Floats:
    """Centred ranks of numbers [n] in units of their deviation; 0 where missing, or where all are equal.

    >>> scores_of(np.array([5.0, 1.0, np.nan])).round(3).tolist()
    [1.0, -1.0, 0.0]
    """
    known = ~np.isnan(values)
    scores = np.zeros(len(values))
    ordered = np.sort(values[known])
    # Twice the mean rank of equal numbers, but for a constant.
    ranks = np.searchsorted(ordered, values[known]) + np.searchsorted(ordered, values[known], side="right")
    deviation = float(ranks.std()) if len(ranks) else 0.0
    if deviation > 0:
        scores[known] = (ranks - ranks.mean()) / deviation
    return scores


def indicators_of(codes: Codes) -> list[Floats]:
    """The scores of each of the more frequent values of `codes` [n]: whether it stands in a row."""
    counts = np.bincount(codes)
    order = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    usual = [k for k in order if counts[k] > LEAST_SHARE * len(codes)]
    result = []
    for k in usual[: len(usual) - 1] if len(usual) == 2 else usual:
        hit = (codes == k).astype(np.float64)
        share = float(hit.mean())
        if 0 < share < 1:
            result.append((hit - share) / math.sqrt(share * (1 - share)))
    return result


def likeness_of_neighbours(scores: Floats) -> tuple[Interval, float]:
    """The correlation of each score with the next one, and its p-value for a random order.

    Sources: Wald & Wolfowitz (1943), Annals of Mathematical Statistics 14; for ranks Bartels (1982), JASA 77.

    >>> likeness_of_neighbours(scores_of(np.arange(100.0)))[0].value > 0.9
    True
    """
    n = len(scores)
    value = float(scores[:-1] @ scores[1:]) / (n - 1)
    error = 1 / math.sqrt(n)
    half = normal_quantile(0.975) * error * math.sqrt(max(1e-12, 1 - min(value * value, 1.0)))
    return Interval(value, value - half, value + half), float(special.ndtr(-(value + 1 / n) / error))


def likeness_within_blocks(scores: Floats) -> tuple[Interval, float]:
    """The share of the variance that lies between twenty blocks of rows, less chance's, and its p-value.

    Epsilon squared of the Kruskal-Wallis test; its interval is that of the noncentral F distribution, by its
    normal approximation. Source: Kelley (1935), PNAS 21; Kruskal & Wallis (1952), JASA 47.

    >>> likeness_within_blocks(scores_of(np.arange(200.0)))[0].value > 0.9
    True
    """
    n = len(scores)
    block = np.arange(n) * BLOCKS // n
    sizes = np.bincount(block, minlength=BLOCKS)
    sums = np.bincount(block, weights=scores, minlength=BLOCKS)
    between = float((sums**2 / sizes).sum())
    p = float(special.chdtrc(BLOCKS - 1, between))
    value = (between - (BLOCKS - 1)) / n
    half = normal_quantile(0.975) * math.sqrt(2 * (BLOCKS - 1) + 4 * max(0.0, n * value)) / n
    return Interval(value, value - half, value + half), p


class Change(NamedTuple):
    """Where a series of scores changes most."""

    at: int
    """The first row after the change."""
    p: float
    """The chance of a change as great anywhere, were the order random."""
    step: float
    """By how many deviations the mean score after differs from that before."""
    sudden: float
    """The share of that step that is made right there, between the rows just before and just after."""
    waves: float
    """The greatest step as a share of it that the same number of rows make elsewhere, beyond chance."""
    beside_drift: float
    """How much more of the scores' squares the step explains than a straight line does."""


def change_in(scores: Floats, window: int) -> Change:
    """The greatest change in the mean of `scores` [n], at least `window` rows from either end.

    CUSUM of the scores, standardised by position; p from the normal approximation over all positions. What
    stands `window` rows before and after tells a sudden change from a drift, and steps of that length
    elsewhere, beside the level on either side, tell it from waves.
    Source: Pettitt (1979), Applied Statistics 28.

    >>> change_in(scores_of(np.repeat([0.0, 1.0], [60, 40])), 10).at
    60
    """
    n = len(scores)
    sums = np.concatenate([[0.0], np.cumsum(scores)])
    at = np.arange(window, n - window + 1)
    before, after = sums[at] / at, (sums[-1] - sums[at]) / (n - at)
    standard = np.abs(after - before) * np.sqrt(at * (n - at) / n)
    best = int(np.argmax(standard))
    t = int(at[best])
    step = float(after[best] - before[best])
    rest = scores.copy()
    rest[:t] -= before[best]
    rest[t:] -= after[best]
    deviation = max(float(rest.std()), 1e-9)
    flat = np.concatenate([[0.0], np.cumsum(rest)])
    moves = np.abs(flat[at + window] - 2 * flat[at] + flat[at - window]) / window
    noise = CHANCE_MOVES * deviation * math.sqrt(2 / window)
    near = [window]
    if float(rest[:-1] @ rest[1:]) > SMOOTH * float(rest @ rest):
        near.append(max(2, window // 8))  # what moves slowly must jump within a few rows
    here = min((sums[t + w] - 2 * sums[t] + sums[t - w]) / w / step for w in near) if step else 0.0
    return Change(
        at=t,
        p=_chance(float(standard[best]) / deviation, n, window),
        step=step,
        sudden=float(here),
        beside_drift=float(standard[best] ** 2 - _line(scores)),
        waves=max(0.0, float(moves.max()) - noise) / max(abs(step), 1e-12),
    )


def _line(scores: Floats) -> float:
    """The sum of squares that a straight line over the positions explains."""
    place = np.arange(len(scores)) - (len(scores) - 1) / 2
    return float((place @ scores) ** 2 / (place @ place))


def _chance(greatest: float, n: int, window: int) -> float:
    """The chance that a standardised CUSUM of n independent scores is as great anywhere.

    Source: the tail of a standardised Brownian bridge, James, James & Siegmund (1987), Biometrika 74.
    """
    if greatest < 2:
        return 1.0
    span = 2 * math.log((n - window) / window)
    density = math.exp(-greatest * greatest / 2) / math.sqrt(2 * math.pi)
    return min(1.0, density * (greatest * span + 4 / greatest - span / greatest))
