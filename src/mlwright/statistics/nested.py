"""Nested intervals around a prediction: from a row's quantiles to how far out a number lies, and back.

A row's quantiles of truth less prediction mark the ends of a few intervals that lie within each other.
Between them one goes in a straight line, beyond the last in proportion, so that "how far out" is one number
for each row and truth, and any number makes an interval. numpy alone: a serving machine has no scipy.
Sources: Gupta, Kuchibhotla & Ramdas (2022), Pattern Recognition 127, on nested conformal prediction;
Chernozhukov, Fernandez-Val & Galichon (2010), Econometrica 78, on sorting quantiles that cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.statistics.links import Link, linked, unlinked

Doubles = npt.NDArray[np.float64]
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Nested:
    """For N rows the distances from the prediction at which their intervals end, [N, h + 1] each: the first
    is 0, the last that of the widest quantiles."""

    below: Doubles
    above: Doubles

    @classmethod
    def of(cls, quantiles: Doubles, least: float, *, even: bool = False) -> Nested:
        """From quantiles [N, 2h] of truth less prediction, which need not be in order; neighbouring ends are
        at least `least` apart, and on their side of the prediction. Where `even`, both sides are as wide.

        >>> nested = Nested.of(np.array([[-2.0, -3.0, 1.0, 4.0]]), 0.5)
        >>> nested.below.tolist(), nested.above.tolist()
        ([[0.0, 2.0, 3.0]], [[0.0, 1.0, 4.0]])
        """
        ordered = np.sort(quantiles, axis=1)
        half = ordered.shape[1] // 2
        below, above = -ordered[:, :half][:, ::-1], ordered[:, half:]
        if even:
            below = above = (below + above) / 2
        return cls(_growing(below, least), _growing(above, least))

    def out(self, away: Doubles) -> Doubles:
        """How far out each of the numbers `away` [N] (truth less prediction) lies: 0 on the prediction, j on
        the end of the j-th interval.

        >>> nested = Nested.of(np.array([[-2.0, 1.0]]).repeat(4, axis=0), 0.1)
        >>> nested.out(np.array([0.0, 0.5, -2.0, 3.0])).tolist()
        [0.0, 0.5, 1.0, 3.0]
        """
        return np.maximum(_out(self.above, np.maximum(away, 0.0)), _out(self.below, np.maximum(-away, 0.0)))

    def ends(self, out: Doubles) -> tuple[Doubles, Doubles]:
        """How far below and above the prediction the intervals end that reach so far `out` [N]."""
        return _reached(self.below, out), _reached(self.above, out)


def numbers_between(
    prediction: Doubles,
    below: Doubles,
    above: Doubles,
    link: Link = "identity",
    floor: float | None = None,
    exposure: Doubles | None = None,
) -> Doubles:
    """The intervals [N, 2] around predictions [N] whose ends lie so far below and above behind the link, each
    of one unit of `exposure` [N]; no end lies below `floor` or beyond the largest number, and each interval
    holds its prediction."""
    rate = prediction if exposure is None else prediction / exposure
    middle = linked(rate, link)
    # Infinity less infinity, of predictions that nobody should have; and what is too large to be written.
    with np.errstate(invalid="ignore", over="ignore"):
        ends = unlinked(np.stack([middle - below, middle + above], axis=1), link)
        ends = ends if floor is None else np.maximum(ends, floor)
        ends = ends if exposure is None else ends * exposure[:, None]
    ends = np.clip(ends, -LARGEST, LARGEST)  # as wide as any number may lie from it
    return np.stack([np.minimum(ends[:, 0], prediction), np.maximum(ends[:, 1], prediction)], axis=1)


def _growing(distances: Doubles, least: float) -> Doubles:
    grown = np.zeros((len(distances), distances.shape[1] + 1))
    for j in range(distances.shape[1]):
        grown[:, j + 1] = np.maximum(distances[:, j], grown[:, j] + least)
    return grown


def _out(ends: Doubles, distance: Doubles) -> Doubles:
    last = ends.shape[1] - 1
    out = last * distance / ends[:, last]
    for j in range(last - 1, -1, -1):
        inner, outer = ends[:, j], ends[:, j + 1]
        out = np.where(distance <= outer, j + (distance - inner) / (outer - inner), out)
    return np.asarray(out)


def _reached(ends: Doubles, out: Doubles) -> Doubles:
    last = ends.shape[1] - 1
    with np.errstate(invalid="ignore"):
        reached = ends[:, last] * (out / last)
    for j in range(last):
        within = (out >= j) & (out < j + 1)
        between = ends[:, j] + (np.where(within, out, j) - j) * (ends[:, j + 1] - ends[:, j])
        reached = np.where(within, between, reached)
    return np.asarray(reached)
