"""A uniform sample without replacement of things that come in parts, however many there will be.

Used by `sources` for tables read as a stream. It tells which to keep; it knows no table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Drawing:
    """Gives every thing a random key and keeps those with the least keys.

    Any set of `size` things is kept with the same chance, and the same seed keeps the same places, wherever
    the parts begin and end.

    Source: the keyed form of reservoir sampling, Fan, Muller & Rezucha (1962), JASA 57; Vitter (1985), ACM
    TOMS 11, has it as algorithm R.

    >>> drawing = Drawing(2, seed=0)
    >>> drawing.offer(5).tolist(), drawing.trim().sum(), len(drawing.places)
    ([True, True, True, True, True], np.int64(2), 2)
    """

    def __init__(self, size: int, *, seed: int) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._keys: Floats = np.empty(0)
        self._limit = 1.0
        self.places: Codes = np.empty(0, dtype=np.int64)
        """Where the things now kept stood, from 0, in their order."""
        self.seen = 0

    def offer(self, count: int) -> npt.NDArray[np.bool_]:
        """Which of the next `count` things may yet be in the sample; `trim` says which of them are."""
        keys = self._random.random(count)
        wanted = keys < self._limit
        self._keys = np.concatenate((self._keys, keys[wanted]))
        self.places = np.concatenate((self.places, self.seen + np.flatnonzero(wanted)))
        self.seen += count
        return wanted

    @property
    def waiting(self) -> int:
        """Things that have not been ruled out yet."""
        return len(self._keys)

    def trim(self) -> npt.NDArray[np.bool_]:
        """Which of the things not ruled out are in the sample of all seen so far; forgets the others."""
        if len(self._keys) <= self._size:
            return np.ones(len(self._keys), dtype=bool)
        self._limit = float(np.partition(self._keys, self._size - 1)[self._size - 1])
        kept = self._keys <= self._limit
        self._keys, self.places = self._keys[kept], self.places[kept]
        return kept


def hashes_of_places(start: int, count: int, seed: int) -> npt.NDArray[np.uint64]:
    """A number of 64 bits for each place from `start` on, evenly spread: splitmix64's outputs from `seed`.

    No two places have the same one. Source: Steele, Lea & Flood (2014), Fast splittable pseudorandom number
    generators, OOPSLA.

    >>> hashes_of_places(0, 3, 0)[2] == hashes_of_places(2, 1, 0)[0]
    np.True_
    """
    first = np.uint64(int.from_bytes(np.random.SeedSequence(seed).generate_state(2).tobytes(), "little"))
    mixed = first + np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
