"""The Profile: the reference distribution of each column and of the predictions, as sketches, never rows.

Made by `data` and `packaging`; monitoring compares with it, samples and explanation backgrounds are drawn
from it.
"""

from __future__ import annotations

import msgspec


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column: how many rows, how many missing, and its distribution."""

    name: str
    rows: int
    missing: int
    distinct: int = 0
    """Exact for categories; for numbers capped at 10,000."""
    mean: float | None = None
    deviation: float | None = None
    quantiles: tuple[float, ...] = ()
    """Of numbers: at 0, 1, 2, ..., 100 %."""
    whole: bool = False
    """All numbers are whole."""
    counts: tuple[tuple[str, int], ...] = ()
    """Of categories seen at least five times, at most 1,000 of them, most frequent first."""
    other: int = 0
    """Rows in categories not listed."""
    words: tuple[tuple[str, int], ...] = ()
    """Of text: rows that hold each of the most frequent words, at most 200 of them."""
    length: float | None = None
    """Of text: the mean number of words."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """All columns in the schema's order, and the predictions on rows that the model had not seen."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    predictions: tuple[ColumnProfile, ...] = ()
    """Per class its probability, or the predicted number."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one range of a number, or of one category, and their mean target with its 95 % interval."""

    label: str
    rows: int
    mean: float
    low: float
    high: float


class Along(msgspec.Struct, frozen=True, kw_only=True):
    """The target along one column: how its mean, or the share of one class, goes with the column's values."""

    column: str
    what: str
    """What the means are of, in words."""
    mean: float
    """Of all rows."""
    parts: tuple[Part, ...]
    shares: bool = False
    """The means are shares of rows, 0 to 1."""
    ordered: bool = True
    """Whether the parts are ranges of numbers, low to high; otherwise categories, the most frequent first."""
