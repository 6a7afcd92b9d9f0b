"""Letters of a text in a row, as scikit-learn counts them: analyzer="char" and "char_wb".

Each letter is looked up and may become several numbers; blanks in a row are one. For "char_wb" a text is put
between two marks, characters that Unicode keeps out of texts, and blanks become the edges of two words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.characters import Mask, a_class, among, changes, matching
from mlwright.conversion.counts import NOTHING, STRANGE, closed_up, counted, numbered
from mlwright.conversion.tokens import cut, refuse_sigma
from mlwright.graph.build import GraphBuilder

LONGEST = 8
"""Letters in a row: onnxruntime's counter is not let farther."""
_FIRST, _LAST, _NONE = "\ufdd0", "\ufdd1", "\ufdd2"


@dataclass(frozen=True)
class Letters:
    """How letters are counted: in lower case, without accents, within words or across them."""

    lower: bool
    accents: str
    within_words: bool
    range_: tuple[int, int]

    def counts(self, g: GraphBuilder, column: str, terms: Sequence[str]) -> str:
        """How often each of `terms` stands in the texts [N]: a double [N, terms]."""
        if self.range_[1] > LONGEST:
            raise ConversionRefused(
                f"ngram_range={self.range_} counts more than {LONGEST} letters in a row",
                remedy=f"let it end at {LONGEST}",
            )
        letters = sorted(set("".join(terms)))
        if self.lower:
            refuse_sigma(letters)
        number = {letter: i for i, letter in enumerate(letters, 1)}
        numbers, gapped = self._numbers(g, column, number)
        numbers = closed_up(g, numbers) if gapped else numbers
        return counted(g, numbers, [[number[c] for c in t] if self._counts(t) else [] for t in terms])

    def _counts(self, term: str) -> bool:
        """Whether a text can have it; of words shorter than the range their whole is counted."""
        short = self.within_words and len(term) > 2 and term[0] == term[-1] == " "
        return self.range_[0] <= len(term) <= self.range_[1] or (short and len(term) < self.range_[0])

    def _numbers(self, g: GraphBuilder, column: str, number: dict[str, int]) -> tuple[str, bool]:
        """The numbers of a text's letters, one column at least, and whether there is nothing among them."""
        blank, off = self._blanks()
        if self.within_words:
            column = g.node("StringConcat", g.constant(np.array([_FIRST], dtype=object)), column)
        column = g.node("StringConcat", column, g.constant(np.array([_LAST], dtype=object)))
        s, either = a_class(blank), a_class(blank, off)
        runs = {" ": f"{s}{either}*{s}", _LAST: _LAST}
        if self.within_words:
            runs = {
                " ": f"{s}(?:{either}*{s})?",
                _FIRST: f"{_FIRST}(?:{either}*{s})?",
                _LAST: f"(?:{s}{either}*)?{_LAST}",
                _NONE: f"{_FIRST}{either}*{_LAST}",
            }
        tokens = cut(g, column, "|".join([*runs.values(), a_class(~off)]))
        for letter, run in runs.items():
            same = g.constant(np.array([letter], dtype=object))
            tokens = g.node("Where", g.node("RegexFullMatch", tokens, pattern=run), same, tokens)
        table = self._table(number)
        widest = max(len(codes) for codes in table.values())
        if widest == 1:
            return numbered(g, tokens, {c: codes[0] for c, codes in table.items()}), False
        rows = {codes: i for i, codes in enumerate(sorted(set(table.values())), 2)}
        padded = [[NOTHING], [STRANGE], *map(list, rows)]
        each = np.array([row + [NOTHING] * (widest - len(row)) for row in padded], dtype=np.int64)
        which = numbered(g, tokens, {c: rows[codes] for c, codes in table.items()})
        which = g.node("Abs", which)  # a strange letter is -1, and has the row 1
        spread = g.node("Gather", g.constant(each), which, axis=0)
        return g.node("Reshape", spread, g.constant(np.array([0, -1]))), True

    def _blanks(self) -> tuple[Mask, Mask]:
        """Characters that become blanks alone, and those of which nothing is left."""
        made = changes(self.lower, self.accents)
        blank = matching(r"\s") & ~among(made.table)
        return blank | among([c for c, to in made.table.items() if to.isspace()]), made.off

    def _table(self, number: dict[str, int]) -> dict[str, tuple[int, ...]]:
        """The numbers of each letter that is not strange."""
        made = changes(self.lower, self.accents)
        found = {c: c for c in number if c not in made.table and not made.off[ord(c)]}
        found |= {c: to for c, to in made.table.items() if not number.keys().isdisjoint(to)}
        table = {c: self._codes(to, number) for c, to in found.items()}
        if self.within_words:
            edge = number.get(" ", STRANGE)
            table |= {" ": (edge, STRANGE, edge), _FIRST: (edge,), _LAST: (edge,), _NONE: (STRANGE,)}
        return table

    def _codes(self, text: str, number: dict[str, int]) -> tuple[int, ...]:
        edge = number.get(" ", STRANGE)
        parts = [
            (edge, STRANGE, edge) if self.within_words and c.isspace() else (number.get(c, STRANGE),)
            for c in text
        ]
        return tuple(code for part in parts for code in part)
