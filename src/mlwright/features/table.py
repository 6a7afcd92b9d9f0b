"""The Table: a Dataset's features as arrays, with strings factorised once, so that folds share the work.

Made once per fit from a Dataset; `FeaturePlan` is fitted on row subsets of it. It never leaves training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset
from mlwright.features.text import Tokens, tokenise

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEW_ROWS = 2_000
"""So few values are numbered sooner in Python than by a call of Polars; thousands of columns tell."""


@dataclass(frozen=True)
class Table:
    """Features of N rows. `ids[i, j]` indexes `vocabularies[j]`, whose entry 0 is the missing value ""."""

    schema: Schema
    numbers: Doubles
    ids: npt.NDArray[np.int32]
    vocabularies: tuple[tuple[str, ...], ...]
    texts: tuple[Tokens, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def categorical(self) -> tuple[Column, ...]:
        """The columns behind `ids`: every string feature that is not free text."""
        return tuple(c for c in self.schema.strings if c.kind != "text")

    @property
    def text(self) -> tuple[Column, ...]:
        """The columns behind `texts`."""
        return tuple(c for c in self.schema.strings if c.kind == "text")

    def rows(self, index: Ints) -> Table:
        """A copy with only the rows `index`."""
        texts = tuple(t.rows(index) for t in self.texts)
        return Table(self.schema, self.numbers[index], self.ids[index], self.vocabularies, texts)


def table_of(dataset: Dataset) -> Table:
    """The features of `dataset` as arrays: numbers in double, strings factorised, texts tokenised."""
    schema = dataset.schema
    categorical = [c.name for c in schema.strings if c.kind != "text"]
    ids = np.zeros((len(dataset), len(categorical)), dtype=np.int32)
    vocabularies = []
    for j, name in enumerate(categorical):
        values = dataset.frame[name]
        if len(values) <= FEW_ROWS:
            written = [v or "" for v in values.to_list()]
            codes = {v: i for i, v in enumerate(dict.fromkeys(["", *written]))}
            ids[:, j] = [codes[v] for v in written]
        else:
            values = values.fill_null("")
            distinct = [v for v in values.unique(maintain_order=True).to_list() if v]
            codes = {v: i for i, v in enumerate(["", *distinct])}
            ids[:, j] = values.replace_strict(codes, return_dtype=pl.Int32).to_numpy()
        vocabularies.append(tuple(codes))
    texts = tuple(
        tokenise(dataset.frame[c.name].fill_null("").to_list()) for c in schema.strings if c.kind == "text"
    )
    return Table(schema, dataset.numbers(), ids, tuple(vocabularies), texts)
