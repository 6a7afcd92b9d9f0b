"""Counts of words, of words in a row and of characters in a row, from their numbers in a dictionary.

A text is a row of numbers: 0 where there is nothing, which is left out before neighbours are looked at,
`STRANGE` for what no dictionary has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlwright.graph.build import ML, GraphBuilder

NOTHING, STRANGE = 0, -1
_NEVER = -2
"""No text has this number, or one below it."""


def numbered(g: GraphBuilder, tokens: str, numbers: Mapping[str, int]) -> str:
    """Tokens as whole numbers; "" is nothing."""
    known = {"": NOTHING} | dict(numbers)
    return g.node(
        "LabelEncoder",
        tokens,
        domain=ML,
        keys_strings=list(known),
        values_int64s=list(known.values()),
        default_int64=STRANGE,
    )


def closed_up(g: GraphBuilder, numbers: str) -> str:
    """Numbers [N, T], one column at least, with nothing between them: what is there moves to the front,
    behind one column of nothing."""
    there = g.node("Not", g.node("Equal", numbers, g.constant(np.array(NOTHING, dtype=np.int64))))
    there = g.node("Cast", there, to=7)
    rank = g.node("CumSum", there, g.constant(np.array(1, dtype=np.int64)))
    place = g.node("Mul", rank, there)  # nothing goes to the first column, as nothing
    empty = g.node("Mul", there, g.constant(np.array(0, dtype=np.int64)))
    first = g.node("Gather", empty, g.constant(np.array([0], dtype=np.int64)), axis=1)
    return g.node("ScatterElements", g.concat([first, empty]), place, numbers, axis=1)


def counted(g: GraphBuilder, numbers: str, grams: Sequence[Sequence[int]]) -> str:
    """How often each of `grams`, numbers in a row, stands in each row: a double [N, grams]. An empty one
    never does."""
    never = [(_NEVER - i,) for i in range(len(grams))]
    pool = sorted((tuple(gram) or never[i], i) for i, gram in enumerate(grams))
    pool.sort(key=lambda entry: len(entry[0]))
    longest = len(pool[-1][0])
    starts = [sum(len(gram) for gram, _ in pool if len(gram) < n) for n in range(1, longest + 1)]
    counts = g.node(
        "TfIdfVectorizer",
        numbers,
        mode="TF",
        min_gram_length=len(pool[0][0]),
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=[i for _, i in pool],
        pool_int64s=[number for gram, _ in pool for number in gram],
    )
    return g.node("Cast", counts, to=11)
