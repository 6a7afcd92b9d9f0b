"""How many bytes of a model file describe the table: its schema, its profile, and samples of rows.

Asked by `costing` before there is a file. It looks at some columns and rows, which stand for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlwright.base.canonical import canonical_json, number_text
from mlwright.data.profile import FEWEST_SEEN, MOST_COUNTS, MOST_WORDS, PERCENT
from mlwright.features import Table

MOST_PROFILE_BYTES = 3_000_000
"""Of a profile in a file: a file's JSON has a limit."""
SAMPLES = 20
"""Rows that a file holds to replay."""
FRAME_BYTES, ENTRY_BYTES, VALUE_BYTES = 150, 7, 12
"""Of a column's profile without its distribution; of an entry in it beside its text; of a value in a row
beside its column's name."""
WORD_BYTES = 14
"""Of a word and its count."""
ANSWER_BYTES = 2_300
"""Of the distribution of one class's probabilities."""
MOST_COLUMNS, MOST_ROWS = 60, 2_000
"""Columns of a kind, and rows, that are looked at."""


@dataclass(frozen=True)
class Described:
    """Bytes of a file that say what the table is like."""

    whole_bytes: int
    """The schema and the profile, predictions included."""
    asked_bytes: float
    """In samples, of each column that the model asks for."""


def described(table: Table, answers: int) -> Described:
    """What describes `table` in a model of so many classes (or one number)."""
    schema = table.schema
    profile = sum(
        len(each) * float(np.mean([_profiled(table, j, kind) for j in _some(len(each))]))
        for kind, each in (("number", schema.numbers), ("category", table.categorical), ("text", table.text))
        if each
    )
    names = [len(c.name) for c in schema.features]
    profile += sum(names) + ANSWER_BYTES * answers
    sample = SAMPLES * (float(np.mean(names or [0])) + VALUE_BYTES)
    return Described(len(canonical_json(schema)) + round(min(profile, MOST_PROFILE_BYTES)), sample)


def _some(columns: int) -> Sequence[int]:
    return sorted(set(np.linspace(0, columns - 1, min(columns, MOST_COLUMNS)).round().astype(int).tolist()))


def _profiled(table: Table, place: int, kind: str) -> float:
    """Bytes of the profile of one column, by its place among those of its kind, but for its name."""
    if kind == "text":
        return FRAME_BYTES + WORD_BYTES * min(MOST_WORDS, len(table.texts[place].vocabulary))
    if kind == "category":
        known = table.vocabularies[place]
        counts = np.bincount(table.ids[:, place], minlength=len(known))
        listed = [i for i in np.argsort(-counts, kind="stable")[:MOST_COUNTS] if counts[i] >= FEWEST_SEEN]
        return FRAME_BYTES + sum(len(known[i].encode()) + ENTRY_BYTES for i in listed)
    values = table.numbers[:MOST_ROWS, place]
    values = values[np.isfinite(values)]
    if not len(values):
        return FRAME_BYTES
    return FRAME_BYTES + sum(len(number_text(float(q))) + 1 for q in np.quantile(values, PERCENT))
