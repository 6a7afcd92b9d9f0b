"""The background of explanations: rows drawn from a file's profile, or given ones, decoded and judged.

Called by `Model`. The drawn rows are the same for the same file; none is a row of the training data.
"""

from __future__ import annotations

import numpy as np

from mlwright.artifact.decode import Decoded, decode_rows
from mlwright.artifact.drawing import draw_rows
from mlwright.artifact.explainer import MOST_BACKGROUND, affordable_rows, background_rows
from mlwright.base.errors import Misuse, RowsRefused
from mlwright.base.profile import Profile
from mlwright.base.schema import Schema
from mlwright.graph.scan import GraphFacts

_REMEDY = "give rows to compare with, such as some of the training data: background=rows"


def drawn_background(schema: Schema, profile: Profile, facts: GraphFacts) -> Decoded:
    """Rows drawn column by column, as many as the graph allows. Raises `Misuse` where the profile knows the
    distribution of no column."""
    known = {p.name for p in profile.columns if p.quantiles or p.counts or p.words or p.missing}
    if not any(c.name in known for c in schema.features):
        raise Misuse(
            "no background can be drawn: the file knows the distribution of no column that the model uses",
            remedy=_REMEDY,
        )
    count = background_rows(len(schema.features), affordable_rows(facts))
    rows = draw_rows(schema, profile, count, even=True)
    decoded = decode_rows(rows, schema)
    kept = ~decoded.refused
    if not kept.any():
        raise Misuse(f"no background row fits the schema: {decoded.problems[0]}", remedy=_REMEDY)
    numbers, strings = decoded.numbers[kept], decoded.strings[kept]
    return Decoded(numbers, strings, (), np.zeros(len(numbers), dtype=bool))


def given_background(decoded: Decoded) -> Decoded:
    """The rows that were given. Raises `RowsRefused` where one breaks the schema, `Misuse` for too many."""
    if decoded.problems:
        raise RowsRefused(decoded.problems, where="the background")
    if not 1 <= len(decoded) <= MOST_BACKGROUND:
        raise Misuse(
            f"the background has {len(decoded):,} rows",
            remedy=f"give 1 to {MOST_BACKGROUND:,}; 100 drawn at random do for most",
        )
    return decoded
