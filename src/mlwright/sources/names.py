"""Column names that every later part can rely on: clean, not empty, all different.

Used by each reader; the same names come out for training and for prediction. It knows no values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mlwright.base.finding import Finding
from mlwright.base.texts import clean
from mlwright.data import codes
from mlwright.data.codes import finding

_MOST_BYTES = 256


def clean_names(raw: Sequence[str]) -> tuple[list[str], tuple[Finding, ...]]:
    """The names in NFC, trimmed, without control characters, at most 256 bytes, unique; and what was changed.

    An empty name becomes `Unnamed: 0` by its position, a second `a` becomes `a_2`.

    >>> clean_names([" a ", "a", ""])[0]
    ['a', 'a_2', 'Unnamed: 2']
    """
    names: list[str] = []
    trimmed = empty = 0
    doubled: list[str] = []
    plain = [_one(n) for n in raw]
    taken = set(plain)
    used: set[str] = set()
    for position, (before, name) in enumerate(zip(raw, plain, strict=True)):
        if not name:
            empty += 1
            name = f"Unnamed: {position}"
        elif name != before:
            trimmed += 1
        unique = name
        number = 2
        while unique in used or (unique != name and unique in taken):
            unique = f"{name}_{number}"
            number += 1
        if unique != name:
            doubled.append(unique)
        used.add(unique)
        names.append(unique)
    said = []
    if trimmed:
        said.append(f"{trimmed} trimmed or shortened")
    if empty:
        said.append(f"{empty} empty, now called `Unnamed: <position>`")
    if doubled:
        said.append(f"{len(doubled)} named twice, now called {', '.join(map(repr, doubled[:5]))}")
    found = (finding(codes.NAMES, "; ".join(said)),) if said else ()
    return names, found


def _one(raw: str) -> str:
    name = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in raw)
    name = clean(" ".join(name.split()) if name != raw else name)
    while len(name.encode()) > _MOST_BYTES:
        name = name.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip()
    return name
