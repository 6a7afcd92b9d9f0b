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
        self.exact = True
        """Whether every hash is still held."""

    def add(self, hashes: Hashes) -> None:
        """Takes in more hashes, evenly spread over 64 bits; equal things have equal hashes."""
        if not self.exact:
            hashes = hashes[hashes < self._least[-1]]
        if not len(hashes):
            return
        least = np.unique(np.concatenate((self._least, hashes)))
        if len(least) > self._kept:
            self.exact = False
        self._least = least[: self._kept]

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
