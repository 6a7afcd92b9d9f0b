"""CatBoost's categories: columns of texts or whole numbers as small numbers, and their hashes.

A model knows hashes, and no texts. Which texts have them is learned from the example's rows: a hash that none
of them has is refused, so that a category of training is never taken for an unknown one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.cityhash import cityhash64
from mlwright.conversion.frame import Frame
from mlwright.graph.build import ML

Ints = npt.NDArray[np.int64]
UNKNOWN = 0
"""The number of a category that no row of the example has."""


@dataclass(frozen=True)
class Known:
    """The categories of one column: a number from 1 on and the hash of each, and the example's column."""

    numbers: Ints
    hashes: Ints
    column: Ints
    """The number of each example row's category."""
    tensor: str
    """[N, 1]: the number of a row's category, else `UNKNOWN`."""

    @property
    def size(self) -> int:
        """Above all numbers."""
        return int(self.numbers.max(initial=UNKNOWN)) + 1


class Categories:
    """The columns of `frame` at `places`."""

    def __init__(self, frame: Frame, places: Sequence[int]) -> None:
        self.frame, self.places = frame, tuple(places)

    @cached_property
    def known(self) -> tuple[Known, ...]:
        return tuple(self._known(place) for place in self.places)

    @cached_property
    def tensor(self) -> str:
        """[N, columns]: the number of each category."""
        return self.frame.g.concat([known.tensor for known in self.known])

    def number(self, column: int, hashed: int) -> int:
        """The number of the category with a hash. Raises `ConversionRefused` where no text has it."""
        found = self.known[column]
        at = np.flatnonzero(found.hashes == np.int64(np.int32(np.uint32(hashed % 2**32))))
        if not len(at):
            raise self.unheard(column)
        return int(found.numbers[at[0]])

    def are(self, wanted: Sequence[tuple[int, int]]) -> str:
        """[N, wanted]: 1 where a column's category has a hash, else 0."""
        g = self.frame.g
        numbers = np.array([[float(self.number(column, hashed)) for column, hashed in wanted]])
        spread = g.columns(self.tensor, [column for column, _ in wanted], len(self.places))
        return g.node("Cast", g.node("Equal", spread, g.constant(numbers)), to=11)

    def unheard(self, *columns: int) -> ConversionRefused:
        names = " and ".join(repr(self.frame.slots[self.places[c]].name) for c in columns)
        return ConversionRefused(
            f"the model knows categories of {names} that no row of the example has, by their hashes alone",
            remedy="let example= be all rows that it was fitted on",
        )

    def _known(self, place: int) -> Known:
        slot, g = self.frame.slots[place], self.frame.g
        column = self.frame.pick([place]).tensor()
        source = self.frame.words.source(slot)
        if source is None:
            raise ConversionRefused(
                f"its category {slot.name!r} is made by steps before it",
                remedy="give CatBoost the column itself",
            )
        given = self.frame.words.given(source)
        texts: dict[float, str] = {}
        codes = np.zeros(len(given))
        for i, value in enumerate(given):
            code = codes[i] = self._code(slot.words, value)
            # Of a column of yes and no CatBoost makes 1 and 0.
            text = str(int(value)) if isinstance(value, bool) and slot.words is None else str(value)
            if texts.setdefault(code, text) != text:
                raise ConversionRefused(
                    f"two categories of {slot.name!r} are one text when spaces around it are cut off and "
                    "numbers are written alike",
                    remedy="clean the texts before fitting",
                )
        distinct = np.array(sorted(texts))
        numbers = np.arange(1, len(distinct) + 1)
        tensor = g.node(
            "LabelEncoder",
            column,
            domain=ML,
            keys_tensor=distinct,
            values_tensor=numbers.astype(np.float64),
            default_tensor=np.array([float(UNKNOWN)]),
        )
        hashes = [cityhash64(texts[code].encode()) % 2**32 for code in distinct]
        signed = np.array(hashes, dtype=np.uint32).astype(np.int32).astype(np.int64)
        return Known(numbers, signed, numbers[np.searchsorted(distinct, codes)], tensor)

    def _code(self, words: str | None, value: Any) -> float:  # Any: a category
        if words is not None:
            return self.frame.words.known(words, value)
        return float(value)
