"""Whole columns of text at once: cleaning, canonical codes, numbers, distinct values.

Used by inference and decoding. Each function gives, for a Polars series, exactly what `base.decoding` gives
for one value; tests hold the two together. It knows no schema.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.base.texts import clean

_BLANKS = " \t\r\n\f\v\u00a0\ufeff\u200b"
FEW = 2_000
"""So many texts are looked at one by one sooner than Polars begins to."""
_WHOLE = r"^(-?(?:0|[1-9][0-9]*))(?:\.0*)?$"


def cleaned(texts: pl.Series) -> pl.Series:
    """`base.decoding.clean` of each text: NFC, without blanks around it.

    >>> cleaned(pl.Series(["  a ", None])).to_list()
    ['a', None]
    """
    if len(texts) <= FEW:
        before = texts.to_list()
        after = [t if t is None else clean(t) for t in before]
        return texts if after == before else pl.Series(texts.name, after, dtype=pl.String)
    if not is_ascii(texts):
        texts = texts.str.normalize("NFC")
    return texts.str.strip_chars(_BLANKS)


def is_ascii(texts: pl.Series) -> bool:
    """Whether no text holds anything but ASCII."""
    return texts.str.len_bytes().sum() == texts.str.len_chars().sum()


def any_matches(texts: pl.Series, pattern: re.Pattern[str]) -> bool:
    """Whether `pattern`, which means the same to Python and to Polars, is found in any of the texts.

    >>> any_matches(pl.Series(["a", "b1", None]), re.compile("[0-9]"))
    True
    """
    if len(texts) <= FEW:
        return any(t is not None and pattern.search(t) is not None for t in texts.to_list())
    return bool(texts.str.contains(pattern.pattern).any())


def whole_codes(texts: pl.Series) -> pl.Series:
    """Cleaned texts in which whole numbers have one spelling: `7`, `7.0` and `7.` are `7`.

    >>> whole_codes(pl.Series(["7.0", "07", "-0", "x"])).to_list()
    ['7', '07', '0', 'x']
    """
    return texts.str.replace(_WHOLE, "${1}").replace("-0", "0")


def plain_numbers(texts: pl.Series) -> pl.Series:
    """The finite numbers that cleaned texts write with a decimal point, as Float64; null for any other text.

    >>> plain_numbers(pl.Series(["1.5", "1e3", "inf", "x", None])).to_list()
    [1.5, 1000.0, None, None, None]
    """
    numbers = texts.cast(pl.Float64, strict=False)
    if len(texts) <= FEW and np.isfinite(numbers.to_numpy()).sum() == len(numbers) - numbers.null_count():
        return numbers
    finite = numbers.is_finite()
    return numbers if finite.all() else numbers.set(~finite, None)


def counted_texts(texts: pl.Series, fewest: int, most: int) -> tuple[int, list[tuple[str, int]]]:
    """How many distinct texts there are, and at most `most` of those seen at least `fewest` times with their
    counts, most frequent first, then by text.

    >>> counted_texts(pl.Series(["b", "a", None, "a", "c", "b"]), fewest=2, most=10)
    (3, [('a', 2), ('b', 2)])
    """
    if len(texts) <= FEW:
        seen = Counter(t for t in texts.to_list() if t is not None)
        listed = sorted((-count, text) for text, count in seen.items() if count >= fewest)
        return len(seen), [(text, -count) for count, text in listed[:most]]
    table = texts.drop_nulls().alias("text").value_counts(name="count")
    often = table.filter(pl.col("count") >= fewest).sort(["count", "text"], descending=[True, False])
    often = often.head(most)
    return table.height, list(zip(often["text"].to_list(), often["count"].to_list(), strict=True))


@dataclass(frozen=True)
class Distinct:
    """The distinct cleaned texts of a column with their counts; empty texts and nulls are only counted."""

    texts: pl.Series
    counts: pl.Series
    rows: int
    missing: int

    @classmethod
    def of(cls, texts: pl.Series) -> tuple[pl.Series, Distinct]:
        """A String series cleaned, and its distinct texts in no particular order.

        >>> rows, distinct = Distinct.of(pl.Series(["a", " a", None]))
        >>> rows.to_list(), list(distinct.pairs()), distinct.missing
        (['a', 'a', None], [('a', 2)], 1)
        """
        if len(texts) <= FEW:
            texts = cleaned(texts)
            counts = Counter(texts.to_list())
            missing = counts.pop(None, 0) + counts.pop("", 0)
            few = pl.Series("text", list(counts), dtype=pl.String)
            return texts, cls(few, pl.Series("count", counts.values(), dtype=pl.Int64), len(texts), missing)
        table = texts.alias("text").value_counts(name="count")
        # Most columns are clean as they come: that is seen on the distinct texts.
        if not cleaned(table["text"]).equals(table["text"], null_equal=True):
            texts = cleaned(texts)
            table = texts.alias("text").value_counts(name="count")
        table = table.filter(pl.col("text").is_not_null() & (pl.col("text") != ""))
        present = int(table["count"].sum())
        return texts, cls(table["text"], table["count"].cast(pl.Int64), len(texts), len(texts) - present)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_small(self) -> bool:
        """Whether the texts are looked at one by one sooner than by Polars."""
        return len(self) <= FEW

    @property
    def present(self) -> int:
        """Rows that hold a text."""
        return self.rows - self.missing

    def without(self, markers: tuple[str, ...] | list[str]) -> Distinct:
        """A copy in which `markers` count as missing."""
        if not markers:
            return self
        if self.is_small:
            return self.where(pl.Series([t not in markers for t in self.texts.to_list()], dtype=pl.Boolean))
        return self.where(~self.texts.is_in(list(markers)))

    def where(self, mask: pl.Series) -> Distinct:
        """A copy with only the texts under `mask`; the others count as missing."""
        kept = self.counts.filter(mask)
        return Distinct(self.texts.filter(mask), kept, self.rows, self.rows - int(kept.sum()))

    def pairs(self) -> Iterator[tuple[str, int]]:
        """Each text with its count."""
        return zip(self.texts.to_list(), self.counts.to_list(), strict=True)

    def sample(self, size: int) -> list[str]:
        """Up to `size` texts, spread evenly over what there is."""
        step = max(1, len(self) // size)
        return self.texts[::step].head(size).to_list()
