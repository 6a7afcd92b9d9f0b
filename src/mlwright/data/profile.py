"""The reference profile of a Dataset: what its columns look like, without a row of it.

Called by `packaging`, which writes it into the model file; monitoring compares with it. It knows no model.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import NUMBER_KINDS, Column
from mlwright.data.dataset import Dataset
from mlwright.data.texts import counted_texts
from mlwright.statistics.quantiles import interpolated

FEWEST_SEEN: Final = 5
MOST_COUNTS: Final = 1_000
MOST_WORDS: Final = 200
MOST_DISTINCT: Final = 10_000
PERCENT: Final = np.linspace(0.0, 1.0, 101)
_WORD: Final = r"[\p{L}\p{N}]+"


def profile_of(dataset: Dataset) -> Profile:
    """The profile of every column, in the schema's order; values seen fewer than five times are not named.

    >>> from mlwright.base.schema import Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="age", kind="numeric"),))
    >>> data = Dataset(pl.DataFrame({"age": [1.0, 2.0, None]}), schema, Provenance("a test"))
    >>> column = profile_of(data).columns[0]
    >>> column.missing, column.mean, column.quantiles[50], column.whole
    (1, 1.5, 1.5, True)
    """
    columns = tuple(column_profile(dataset.frame[c.name], c) for c in dataset.schema.columns)
    return Profile(rows=len(dataset), columns=columns)


def column_profile(values: pl.Series, column: Column) -> ColumnProfile:
    """The profile of one decoded column."""
    if column.kind in NUMBER_KINDS:
        return number_profile(column.name, values)
    if column.kind == "text":
        return _text_profile(column.name, values)
    return _category_profile(column.name, values, named=column.kind == "categorical")


def number_profile(name: str, values: pl.Series) -> ColumnProfile:
    """The profile of numbers (Float64; null and NaN are missing)."""
    ordered = np.sort(values.to_numpy())  # NaN, as which null comes, is last
    rows, missing = len(values), int(np.count_nonzero(np.isnan(ordered)))
    if missing == rows:
        return ColumnProfile(name=name, rows=rows, missing=missing)
    ordered = ordered[: rows - missing]
    centre = ordered[len(ordered) // 2]
    # About the middle value, so that large numbers close together (seconds since 1970) keep their digits.
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = ordered - centre
        mean, deviation = float(shifted.mean() + centre), float(shifted.std())
    distinct = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    return ColumnProfile(
        name=name,
        rows=rows,
        missing=missing,
        distinct=min(distinct, MOST_DISTINCT),
        mean=mean if np.isfinite(mean) else None,
        deviation=deviation if np.isfinite(deviation) else None,
        quantiles=tuple(interpolated(ordered, PERCENT).tolist()),
        whole=bool((ordered == np.floor(ordered)).all()),
    )


def _category_profile(name: str, values: pl.Series, *, named: bool) -> ColumnProfile:
    distinct, often = counted_texts(values, FEWEST_SEEN, MOST_COUNTS)
    present = len(values) - values.null_count()
    listed = tuple(often if named else ())
    return ColumnProfile(
        name=name,
        rows=len(values),
        missing=len(values) - present,
        distinct=distinct,
        counts=listed,
        other=present - sum(count for _, count in listed),
    )


def _text_profile(name: str, values: pl.Series) -> ColumnProfile:
    present = values.drop_nulls()
    words = words_of(present)
    once = words.list.unique().explode().drop_nulls().alias("word").value_counts(name="count")
    once = once.filter(pl.col("count") >= FEWEST_SEEN)
    once = once.sort(["count", "word"], descending=[True, False]).head(MOST_WORDS)
    length = words.list.len().mean()
    return ColumnProfile(
        name=name,
        rows=len(values),
        missing=len(values) - len(present),
        distinct=present.n_unique(),
        words=tuple(zip(once["word"].to_list(), once["count"].to_list(), strict=True)),
        length=length if isinstance(length, float) else None,
    )


def words_of(texts: pl.Series) -> pl.Series:
    """The words of each text, lower-cased, as lists.

    >>> words_of(pl.Series(["A cat, a hat"])).to_list()
    [['a', 'cat', 'a', 'hat']]
    """
    return texts.str.to_lowercase().str.extract_all(_WORD)
