"""How many things repeat an earlier one, from hashes of them, in a bounded space.

Used by `data` for the rows of tables read as a stream. Hashes in, numbers out; it knows no table.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int64]

MOST: Final = 1 << 25
"""Hashes held before half of all hashes are no longer looked at: 32 million, 256 MB."""


class Repeats(NamedTuple):
    """What was counted."""

    repeated: int
    """Things that repeat an earlier one."""
    looked_at: int
    """Out of so many: all, unless there were too many to hold."""
    first: Codes
    """The places of the first of them, in order; none where not all were held."""


class RepeatCounter:
    """The hashes of all things; of too many, those that end in enough zero bits.

    Things are left out by their hash, so equal ones are kept or left out together, and the share of repeats
    among what is kept estimates that among all. Among 20 million different things, two share a hash of 64
    bits with a chance of one in 90,000.

    Source: the adaptive sampling of Wegman, analysed by Flajolet (1990), On adaptive sampling, Computing 43.

    >>> counter = RepeatCounter()
    >>> counter.add(np.array([5, 7, 5], dtype=np.uint64), np.array([0, 1, 4]))
    >>> counter.counted(most=20)
    Repeats(repeated=1, looked_at=3, first=array([4]))
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._parts: list[Hashes] = []
        self._places: list[Codes | range] = []
        self._mask = np.uint64(0)
        self._held = 0

    @property
    def exact(self) -> bool:
        """Whether every hash is still held."""
        return not self._mask

    def add(self, hashes: Hashes, places: Codes) -> None:
        """Takes in the hashes of the next things and where they stood, in rising order."""
        if not len(hashes):
            return
        if self._mask:
            hashes = hashes[(hashes & self._mask) == 0]
        else:
            dense = int(places[-1]) - int(places[0]) == len(places) - 1
            self._places.append(range(int(places[0]), int(places[-1]) + 1) if dense else places)
        self._parts.append(hashes)
        self._held += len(hashes)
        while self._held > self._most:
            self._mask = self._mask << np.uint64(1) | np.uint64(1)
            self._parts = [part[(part & self._mask) == 0] for part in self._parts]
            self._places = []
            self._held = sum(map(len, self._parts))

    def counted(self, most: int) -> Repeats:
        """How many things repeat an earlier one, and the places of the first of these, at most `most`."""
        if not self._held:
            return Repeats(0, 0, np.empty(0, dtype=np.int64))
        ordered = np.concatenate(self._parts)
        ordered.sort()
        again = ordered[1:] == ordered[:-1]
        count = int(np.count_nonzero(again))
        first = np.empty(0, dtype=np.int64)
        if count and self.exact:
            first = self._first(np.unique(ordered[1:][again]), most)
        return Repeats(count, self._held, first)

    def _first(self, repeated: Hashes, most: int) -> Codes:
        found: list[int] = []
        met: set[int] = set()
        for part, places in zip(self._parts, self._places, strict=True):
            near = np.minimum(np.searchsorted(repeated, part), len(repeated) - 1)
            for at in np.flatnonzero(repeated[near] == part).tolist():
                thing = int(part[at])
                if thing in met:
                    found.append(int(places[at]))
                    if len(found) == most:
                        return np.asarray(found, dtype=np.int64)
                met.add(thing)
        return np.asarray(found, dtype=np.int64)
