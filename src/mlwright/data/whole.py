"""What all rows of a table say that is larger than memory, where its Dataset holds a sample of them.

Made by `census` while the table streams by; used by `checks`, `lifecycle` and `cli`. Values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.finding import counted
from mlwright.base.profile import Profile


@dataclass(frozen=True)
class WholeColumn:
    """One column over all rows, beside its profile."""

    missing: int
    distinct: int
    """Different values; an estimate where `distinct_error` is not 0."""
    distinct_error: float = 0.0
    """The relative standard error of `distinct`."""
    usual: int = 0
    """Rows that hold the value that is most frequent in the sample."""
    unusual_rows: tuple[int, ...] = ()
    """The first rows that do not, at most 20."""
    rank_error: float = 0.0
    """A quantile of the profile may be off by this share of the rows, with probability 5 % at most."""
    count_error: int = 0
    """A category may stand in so many more rows than the profile says."""
    refused: int = 0
    """Values that the column cannot hold; they count as missing."""
    refused_rows: tuple[int, ...] = ()
    refused_why: str = ""
    """What was wrong with the first of them."""
    repeats: int | None = None
    """Of a column that names rows: those that hold the id of an earlier row; None for other columns."""
    repeats_among: int = 0
    """Rows with an id among which these were counted: all, or those of a part of the hashes."""
    repeated_rows: tuple[int, ...] = ()
    """The first of them, at most 20."""


@dataclass(frozen=True)
class Whole:
    """All rows of a table, of which a sample stands in memory. Rows are numbered as in the source, from 0."""

    rows: int
    """That have a target, where one is named."""
    profile: Profile
    columns: Mapping[str, WholeColumn]
    numbers: npt.NDArray[np.int64]
    """The row number in the source of each row of the sample, rising."""
    copies: int | None = None
    """Rows that repeat an earlier one, ids aside; None where that was not counted."""
    copies_among: int = 0
    """Rows among which copies were counted: all, or those of a part of the hashes."""
    copied_rows: tuple[int, ...] = ()
    """The first of them, at most 20."""
    equal: int | None = None
    """Rows that repeat an earlier one with their ids; None where no column names rows."""
    equal_among: int = 0
    equal_rows: tuple[int, ...] = ()
    classes: tuple[tuple[str, int], ...] = ()
    """The target's values with their counts, where all are known; the most frequent first."""

    @property
    def said(self) -> str:
        """What the sample is, in words: `500,000 rows drawn from 20,000,000`."""
        return f"{counted(len(self.numbers), 'row')} drawn from {self.rows:,}"
