"""The table of all defects, and the one function that puts them into tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.errors import Misuse, UnknownName
from mlwright.testing.defects import columns, leakage, pairs, rows, target
from mlwright.testing.defects.spoiling import Clean, Defect, Spoilt, Strength

DEFECTS: Final[Mapping[str, Defect]] = MappingProxyType(
    {d.name: d for d in (*columns.DEFECTS, *rows.DEFECTS, *target.DEFECTS, *leakage.DEFECTS, *pairs.DEFECTS)}
)
"""Every defect by name."""


def inject(
    defect: str,
    frame: pl.DataFrame,
    *,
    strength: Strength = "medium",
    seed: int = 0,
    target: str | None = None,
    column: str | None = None,
    other: pl.DataFrame | None = None,
) -> Spoilt:
    """A copy of `frame` with one defect in it, and the truth about where it lies.

    `frame` is never changed. Equal arguments give equal answers. `strength` says how much of the defect
    there is, in the measure that `DEFECTS[defect].measure` names and `.degrees` gives. Which column is
    spoilt follows from the seed, or is `column`; the target is left alone unless the defect is one of the
    target. A defect between two tables needs `other`, the earlier table, with the same columns.

    Raises `UnknownName` for a defect, column or strength that does not exist, and `Misuse` where this table
    cannot have this defect, such as a misspelt category in a table of numbers.

    >>> import polars as pl
    >>> clean = pl.DataFrame({"age": [30 + i % 40 for i in range(400)], "city": ["Rome", "Oslo"] * 200})
    >>> spoilt = inject("disguised_number", clean, strength="weak", seed=1)
    >>> spoilt.columns, len(spoilt.rows), spoilt.codes
    (('age',), 3, ('MLW106',))
    >>> set(spoilt.frame["age"].gather(list(spoilt.rows))) & set(clean["age"])
    set()

    A check of your own, held to the truth:

    >>> import numpy as np
    >>> def too_far(values):
    ...     return np.flatnonzero(abs(values - np.median(values)) > 10 * values.std())
    >>> spoilt.located(too_far(spoilt.frame["age"].to_numpy()))
    1.0
    """
    known = DEFECTS.get(defect)
    if known is None:
        raise UnknownName("defect", defect, sorted(DEFECTS))
    if frame.height == 0 or frame.width == 0:
        raise Misuse("a table without rows or columns cannot be spoilt", remedy="give one with values")
    if target is not None and target not in frame.columns:
        raise UnknownName("column", target, frame.columns)
    random = np.random.default_rng([seed, *defect.encode()])
    clean = Clean(frame, random, known.degree(strength), target, column, other)
    spoilt = known.put(clean)
    return replace(spoilt, defect=defect, strength=strength, codes=known.codes)
