"""Quantiles of numbers that come in parts and do not fit in memory, with a bound on the error of each rank.

Used by `data` for tables read as a stream. Numpy arrays in, numbers out; it knows no table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

KEPT: Final = 4_096
BLOCK: Final = 65_536


class QuantileSketch:
    """Some of the numbers given so far, each standing for as many as its weight says.

    Numbers are gathered in blocks. A full block is sorted and every w-th of it kept, from a place drawn at
    random; two such samples of equal weight are merged, and every second number kept with twice the weight.
    Each of these steps errs in the rank of any number by less than its weight, to either side alike, so the
    error of a rank has mean zero and, by Hoeffding's inequality, is within `rank_error` with the probability
    asked for. Up to one block of numbers nothing is left out and quantiles are exact.

    Source: Agarwal, Cormode, Huang, Phillips, Wei & Yi (2012), Mergeable summaries, PODS, section 3.

    >>> sketch = QuantileSketch(seed=0)
    >>> sketch.add(np.arange(11.0))
    >>> sketch.quantiles(np.array([0.0, 0.25, 1.0])).tolist(), sketch.rank_error()
    ([0.0, 2.5, 10.0], 0.0)
    """

    def __init__(
        self,
        *,
        seed: int,
        kept: int = KEPT,
        block: int = BLOCK,
        seen: Callable[[Floats], None] | None = None,
    ) -> None:
        """`seen` is given the sorted numbers of each block: who needs them sorted as well saves that work."""
        if kept < 2 or kept % 2 or block % kept:
            raise ValueError("kept must be even, and block a multiple of it")
        self._kept, self._block, self._seen = kept, block, seen
        self._random = np.random.default_rng(seed)
        self._raw = np.empty(block, dtype=np.float64)
        self._held = 0
        self._samples: dict[int, Floats] = {}
        self._squares = 0.0
        self.count = 0
        """Numbers given so far."""
        self.minimum, self.maximum = math.inf, -math.inf

    def add(self, numbers: Floats) -> None:
        """Takes in more numbers, none of them NaN."""
        if not len(numbers):
            return
        self.count += len(numbers)
        self.minimum = min(self.minimum, float(numbers.min()))
        self.maximum = max(self.maximum, float(numbers.max()))
        while len(numbers):
            if self._held == self._block:
                self._shrink()
            part = numbers[: self._block - self._held]
            self._raw[self._held : self._held + len(part)] = part
            self._held += len(part)
            numbers = numbers[len(part) :]

    def _shrink(self) -> None:
        weight = self._block // self._kept
        ordered = np.sort(self._raw)
        if self._seen is not None:
            self._seen(ordered)
        sample = ordered[int(self._random.integers(weight)) :: weight].copy() if weight > 1 else ordered
        self._squares += weight**2 if weight > 1 else 0
        self._held = 0
        while weight in self._samples:
            merged = np.sort(np.concatenate((self._samples.pop(weight), sample)), kind="stable")
            sample = merged[int(self._random.integers(2)) :: 2].copy()
            self._squares += weight**2
            weight *= 2
        self._samples[weight] = sample

    def rest(self) -> Floats:
        """The sorted numbers of the last block, which is not full yet."""
        return np.sort(self._raw[: self._held])

    def rank_error(self, misses: float = 0.05) -> float:
        """How far a rank may be off, as a share of all numbers, with probability 1 - `misses`."""
        if not self.count:
            return 0.0
        return math.sqrt(2 * self._squares * math.log(2 / misses)) / self.count

    def quantiles(self, shares: Floats) -> Floats:
        """The quantiles at `shares` (0 to 1); the least and the greatest number are exact.

        While all numbers are kept, by linear interpolation (type 7 of Hyndman & Fan 1996); then the number
        that is kept nearest above the rank.
        """
        if not self.count:
            return np.full(len(shares), np.nan)
        raw = self.rest()
        if not self._samples:
            return interpolated(raw, shares)
        parts = [(raw, 1), *((sample, weight) for weight, sample in self._samples.items())]
        values = np.concatenate([part for part, _ in parts])
        weights = np.concatenate([np.full(len(part), weight) for part, weight in parts])
        order = np.argsort(values, kind="stable")
        ranks = np.cumsum(weights[order])
        places = np.minimum(np.searchsorted(ranks, shares * self.count), len(values) - 1)
        found = values[order][places]
        found[shares <= 0], found[shares >= 1] = self.minimum, self.maximum
        return np.asarray(np.clip(found, self.minimum, self.maximum))


def interpolated(ordered: Floats, shares: Floats) -> Floats:
    """Quantiles of sorted numbers by linear interpolation (type 7 of Hyndman & Fan 1996).

    >>> interpolated(np.array([1.0, 2.0]), np.array([0.5])).tolist()
    [1.5]
    """
    place = shares * (len(ordered) - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, len(ordered) - 1)
    low, high, part = ordered[below], ordered[above], place - below
    # By halves, which never overflow; a sum of two products may fall as `part` rises, by a last digit.
    between = 2.0 * (low / 2 + part * (high / 2 - low / 2))
    return np.where(low == high, low, np.minimum(between, high))
