"""How often each text comes by in a column that is read as a stream: exact while there are few of them.

Used by `census`. It knows neither files nor schemas.
"""

from __future__ import annotations

from typing import Final

import polars as pl

EXACT: Final = 131_072
"""Different texts that are all counted."""
KEPT: Final = 16_384
"""Of more, so many counters are kept."""


class FrequentTexts:
    """Texts with their counts; of too many, the most frequent ones with counts too low by `error` at most.

    Beyond `exact` different texts the counters are reduced to `kept`: the count of the next one is taken off
    all of them. So no text that stands in more than `error` rows is forgotten.

    Source: Misra & Gries (1982), Science of Computer Programming 2; merged as in Agarwal et al. (2012),
    Mergeable summaries, PODS, section 2.

    >>> seen = FrequentTexts()
    >>> _ = seen.add(pl.Series(["a", "b", "a", None]))
    >>> seen.table().rows(), seen.error
    ([('a', 2), ('b', 1)], 0)
    """

    def __init__(self, exact: int = EXACT, kept: int = KEPT) -> None:
        self._exact, self._kept = exact, min(kept, exact)
        self._parts: list[pl.DataFrame] = []
        self._waiting = 0
        self.error = 0
        """A text may stand in so many more rows than its count says; 0 while all is exact."""

    def add(self, texts: pl.Series) -> pl.Series:
        """Takes in more texts, passing over nulls; gives back the different ones among them."""
        part = texts.drop_nulls().alias("text").value_counts(name="count")
        part = part.with_columns(pl.col("count").cast(pl.Int64))
        self._parts.append(part)
        self._waiting += part.height
        if self._waiting > 2 * self._exact or len(self._parts) > 64:
            self._merge()
        return part["text"]

    def table(self) -> pl.DataFrame:
        """The columns `text` and `count`, most frequent first, then by text."""
        self._merge()
        return self._parts[0].sort(["count", "text"], descending=[True, False])

    def _merge(self) -> None:
        empty = pl.DataFrame(schema={"text": pl.String, "count": pl.Int64})
        table = pl.concat([empty, *self._parts]).group_by("text").agg(pl.col("count").sum())
        if table.height > (self._kept if self.error else self._exact):
            off = int(table["count"].top_k(self._kept + 1)[self._kept])
            self.error += off
            table = table.filter(pl.col("count") > off).with_columns(pl.col("count") - off)
        self._parts, self._waiting = [table.rechunk()], table.height
