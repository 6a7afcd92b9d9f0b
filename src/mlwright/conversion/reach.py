"""How far each number column may go before the original raises: the codes that a network looks up, such as
those of an embedding, end somewhere, and the graph must not be asked for more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.conversion.original import Example, Original

FAR = 1e6
FINE = 1e-6
"""How nearly the end of a column of fractions is found; of a column of whole numbers, to the last one."""

Bounds = tuple[float | None, float | None]


def reach(original: Original, rows: Example, names: Sequence[str]) -> dict[str, Bounds]:
    """Of the number columns `names`, the least and the greatest value that the original takes, where it
    raises for some."""
    asked = [{name: sign * FAR} for name in names for sign in (-1.0, 1.0)]
    if not asked or original.answers(rows.changed(asked)):
        return {}
    found: dict[str, Bounds] = {}
    for name in names:
        seen = rows.table()[name].cast(float).drop_nulls().to_numpy()
        seen = seen[np.isfinite(seen)]
        ends: list[float | None] = [None, None]
        for i, far in enumerate((-FAR, FAR)):
            if len(seen) and not original.answers(rows.changed([{name: far}])):
                ends[i] = _end(original, rows, name, seen, far)
        if ends != [None, None]:
            found[name] = ends[0], ends[1]
    return found


def _end(original: Original, rows: Example, name: str, seen: Sequence[float], refused: float) -> float:
    """The farthest number towards `refused` that is taken; at the least what the example holds."""
    whole = all(float(v).is_integer() for v in seen)
    taken = float(max(seen) if refused > 0 else min(seen))
    near, far = taken, refused
    while abs(far - near) > (1.0 if whole else FINE):
        middle = float(np.trunc((near + far) / 2)) if whole else (near + far) / 2
        if original.answers(rows.changed([{name: middle}])):
            near = middle
        else:
            far = middle
    return near
