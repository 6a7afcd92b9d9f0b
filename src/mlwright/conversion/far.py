"""How far out numbers may lie: as far as the original answers, and its graph answers alike.

Beyond single numbers trees raise, squares end where numbers do, and the cosine of a large number is rounding:
what lies farther than was compared is refused by the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlwright.artifact.session import Outputs
from mlwright.base.schema import Column, Schema
from mlwright.conversion.parity import FAR, Pair
from mlwright.conversion.schemas import dataset_of
from mlwright.graph.running import session

FARTHER = (1e9, 1e12, 1e15, 1e20, 1e38, 1e150, 1e300)
"""Asked one after another, of all columns alike."""
_ROOM = 10.0
"""So many times what the example holds is the least that a bound leaves."""

_UNEVEN = 0.9876543210987654
"""Of a power of ten, so that products with it are rounded as those of any number."""


def within_reach(pair: Pair, graph: bytes) -> Schema:
    """The schema of `pair`, its columns of numbers bounded where the original raises or is not followed."""
    schema, run = pair.schema, session(graph)
    columns = [c for c in schema.features if c.kind == "numeric"]
    room = max([max(FAR), *(_ROOM * _largest(pair, c.name) for c in columns)])
    steps = [far for far in FARTHER if far > room]
    if not columns or _followed(pair, run, [c for far in steps for c in _changes(columns, far)]):
        return schema
    reached = room
    for far in steps:
        if not _followed(pair, run, _changes(columns, far)):
            break
        reached = far
    for column in columns:
        least, most = column.least, column.most
        least = -reached if least is None or least < -reached else least
        most = reached if most is None or most > reached else most
        schema = schema.changed(column.name, least=least, most=most)
    return schema


def _changes(columns: Sequence[Column], far: float) -> list[dict[str, float]]:
    """Each column so far out, to either side, and all of them."""
    asked = _UNEVEN * far
    upper = {c.name: asked for c in columns if c.most is None or c.most > far}
    lower = {c.name: -asked for c in columns if c.least is None or c.least < -far}
    return [{n: v} for each in (upper, lower) for n, v in each.items()] + [upper, lower]


def _largest(pair: Pair, name: str) -> float:
    values = np.abs(pair.example.table()[name].cast(float).drop_nulls().to_numpy())
    return float(values[np.isfinite(values)].max(initial=0.0))


def _followed(pair: Pair, run: Any, changes: list[dict[str, float]]) -> bool:  # Any: a session
    """Whether the original answers rows with those changes, and the graph as it does."""
    example = pair.example.changed(changes)
    if not pair.original.takes(example):
        return False
    said, rows = pair.original.says(example), dataset_of(example, pair.schema)
    feeds = {"numbers": rows.numbers(), "strings": rows.strings()}
    names = [o.name for o in run.get_outputs()]
    found = run.run(names, {i.name: feeds[i.name] for i in run.get_inputs()})
    apart = pair.apart(said, Outputs(**dict(zip(names, found, strict=True))), 0.0)
    return bool((apart <= pair.tolerance).all())
