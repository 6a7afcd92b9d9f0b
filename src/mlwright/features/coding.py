"""Coding: the single cut between text and numbers, as nodes and, for the rows of training, in numpy.

The tensor `codes` holds a column for each category column, then one for each word, and pair of words, that is
counted of each text.
Made by `FeaturePlan.fit`; it knows nothing of what is made of the codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.categories import Dictionary, fit_dictionary, zero_nodes
from mlwright.features.grams import Grams, choose_grams
from mlwright.features.table import Table
from mlwright.features.transform import CODE, NUMBER, Feature, Inputs
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_GRAMS = 300
"""Words and pairs together, of one text column."""


@dataclass(frozen=True)
class Coding:
    """The dictionaries of category columns and what is counted in texts, fitted on the rows of `table`."""

    table: Table
    dictionary: Dictionary
    grams: tuple[Grams, ...]
    """By text column, the words and pairs that are counted."""

    @classmethod
    def fit(cls, table: Table, y: Doubles, fold: Ints) -> Coding:
        """Categories by their count in `table`, words and pairs by what they tell of `y` [N, K].

        `fold` [N] says which rows are judged together.
        """
        budget = max(20, min(MOST_GRAMS, int(2e8 // max(len(table), 1))))
        grams = tuple(choose_grams(t, y, fold, budget) for t in table.texts)
        return cls(table, fit_dictionary(table.ids, table.vocabularies), grams)

    @property
    def width(self) -> int:
        """Of the tensor `codes`."""
        return len(self.table.vocabularies) + sum(map(len, self.grams)) or int(self.is_blank)

    @property
    def categories(self) -> dict[Feature, int]:
        """The features that are codes of categories, and how many codes each has."""
        return {Feature(CODE, j): size for j, size in enumerate(self.dictionary.sizes)}

    @property
    def counts(self) -> list[Feature]:
        """The features that are counts of words and pairs."""
        return [Feature(CODE, c) for c in range(len(self.table.vocabularies), self.width)]

    @property
    def is_blank(self) -> bool:
        """Whether the only features are texts without a word that five rows share: one column of zeros
        stands in for them, so that the plain baseline can still answer."""
        return not (self.table.numbers.shape[1] or self.table.vocabularies or any(map(len, self.grams)))

    @property
    def everything(self) -> Inputs:
        """All numbers, strings and codes."""
        schema = self.table.schema
        widths = len(schema.numbers), len(schema.strings), self.width
        return Inputs(*(tuple(range(w)) for w in widths))

    def inputs_of(self, wanted: Mapping[str, tuple[int, ...]]) -> Inputs:
        """What the wanted columns of NUMBER and CODE rest on."""
        codes = wanted.get(CODE, ())
        categorical, texts = self._string_columns()
        owners = categorical + [i for i, t in zip(texts, self.grams, strict=True) for _ in range(len(t))]
        strings = {owners[c] if owners else 0 for c in codes}
        return Inputs(wanted.get(NUMBER, ()), tuple(sorted(strings)), codes)

    def nodes(self, g: GraphBuilder, strings: str, inputs: Inputs | None = None) -> str:
        """The tensor `codes` from the input `strings` [N, b].

        With `inputs`, `strings` holds the columns `inputs.strings` alone and the result `inputs.codes`:
        dictionaries and words of all others are not written.
        """
        kept = inputs or self.everything
        place = {c: i for i, c in enumerate(kept.strings)}
        categorical, texts = self._string_columns()
        blocks = []
        which = [j for j in kept.codes if j < len(categorical)]
        if which:
            columns = g.columns(strings, [place[categorical[j]] for j in which], len(kept.strings))
            blocks.append(self.dictionary.nodes(g, columns, which))
        start = len(categorical)
        for i, tokens, chosen in zip(texts, self.table.texts, self.grams, strict=True):
            wanted = [c - start for c in kept.codes if start <= c < start + len(chosen)]
            start += len(chosen)
            if wanted:
                column = g.node("Gather", strings, g.constant(np.array(place[i], dtype=np.int64)), axis=1)
                blocks.append(chosen.taken(wanted).nodes(g, column, tokens.vocabulary))
        if self.is_blank and kept.codes:
            blocks.append(zero_nodes(g, g.columns(strings, [place[0]], len(kept.strings))))
        return g.concat(blocks)

    def values(self, table: Table, which: Sequence[int]) -> Doubles:
        """The columns `which`, which ascend, of the tensor `codes`: category codes, then counts."""
        categorical = len(self.table.vocabularies)
        blocks = [self.dictionary.codes(table.ids, [j for j in which if j < categorical])]
        start = categorical
        for tokens, chosen in zip(table.texts, self.grams, strict=True):
            kept = [c - start for c in which if start <= c < start + len(chosen)]
            start += len(chosen)
            if kept:
                blocks.append(chosen.taken(kept).counts(tokens))
        if self.is_blank:
            blocks.append(np.zeros((len(table), len(which))))
        return np.concatenate(blocks, axis=1)

    def _string_columns(self) -> tuple[list[int], list[int]]:
        """The places among the schema's strings of categories, and those of texts."""
        columns = self.table.schema.strings
        texts = [i for i, c in enumerate(columns) if c.kind == "text"]
        return [i for i in range(len(columns)) if i not in set(texts)], texts
