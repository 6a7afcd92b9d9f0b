"""How many different things came by, from hashes of them: exact while they are few, then estimated.

Used by `data` for tables read as a stream. Hashes in, numbers out; it knows no table.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

KEPT: Final = 65_536
_SPAN: Final = 2.0**64


class DistinctSketch:
    """The k least hashes seen: all of them while there are at most k, so that the count is exact.

    Beyond that the k-th least tells how densely hashes lie. One structure serves small and large counts,
    where HyperLogLog would need an exact count beside it. The relative standard error is 1/sqrt(k - 2).

    Source: Bar-Yossef et al. (2002), Counting distinct elements in a data stream, RANDOM; the unbiased
    estimator: Beyer et al. (2007), On synopses for distinct-value estimation, SIGMOD.

    >>> sketch = DistinctSketch()
    >>> sketch.add(np.array([3, 9, 3], dtype=np.uint64))
    >>> sketch.count, sketch.exact, sketch.error
    (2, True, 0.0)
    """

    def __init__(self, kept: int = KEPT) -> None:
        if kept < 3:
            raise ValueError("at least 3 hashes are needed for an estimate")
        self._kept = kept
        self._least: Hashes = np.empty(0, dtype=np.uint64)
        self._full = False
        self._fresh: list[Hashes] = []
        self._waiting = 0

    def add(self, hashes: Hashes) -> None:
        """Takes in more hashes, evenly spread over 64 bits; equal things have equal hashes."""
        if self._full:
            hashes = hashes[hashes < self._least[-1]]
        if len(hashes):
            self._fresh.append(hashes)
            self._waiting += len(hashes)
        if self._waiting > self._kept:
            self._merge()

    def _merge(self) -> None:
        if not self._fresh:
            return
        # Sorting is many times quicker here than numpy's unique, which hashes the hashes.
        least = np.sort(np.concatenate((self._least, *self._fresh)))
        new = np.ones(len(least), dtype=bool)
        new[1:] = least[1:] != least[:-1]
        least = least[new]
        self._full = self._full or len(least) > self._kept
        self._least, self._fresh, self._waiting = least[: self._kept], [], 0

    @property
    def exact(self) -> bool:
        """Whether every hash is still held."""
        self._merge()
        return not self._full

    @property
    def count(self) -> int:
        """Different hashes seen: exact, or the estimate."""
        if self.exact:
            return len(self._least)
        return round((self._kept - 1) / ((float(self._least[-1]) + 1.0) / _SPAN))

    @property
    def error(self) -> float:
        """The relative standard error of the count; 0 where it is exact."""
        return 0.0 if self.exact else 1 / math.sqrt(self._kept - 2)
