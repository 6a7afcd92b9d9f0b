"""Which texts of a column stand for a missing value.

Used by inference. Goes by the known spellings and by what stands beside them; it knows no files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl

from mlwright.data.texts import Distinct

KNOWN: Final = frozenset(
    ("?", "??", "na", "n/a", "#n/a", "#na", "n.a.", "n.a", "<na>", "nan", "-nan", "1.#qnan")
    + ("null", "(null)", "<null>", "nat", "#null!", "#value!", "#div/0!", "\\n")
    + ("-", "--", "---", ".", "..", "*", "missing", "(missing)", "not available", "no data")
)
"""Spellings, lower-cased, that mean missing in a column of any kind."""

_BESIDE_NUMBERS: Final = frozenset(
    ("none", "nil", "unknown", "unk", "undefined", "tbd", "inf", "-inf", "infinity", "x")
)
_LONGEST: Final = max(map(len, KNOWN))
_CODE_OF_TWO: Final = re.compile(r"[A-Z]{2}")


def known_markers(distinct: Distinct) -> list[str]:
    """The texts of the column that are known spellings of missing.

    >>> import polars as pl
    >>> known_markers(Distinct.of(pl.Series(["NA", "?", "red"]))[1])
    ['?', 'NA']
    """
    if distinct.is_small:
        return sorted(t for t in distinct.texts.to_list() if t.lower() in KNOWN)
    short = distinct.texts.filter(distinct.texts.str.len_bytes() <= _LONGEST)
    return short.filter(short.str.to_lowercase().is_in(list(KNOWN))).sort().to_list()


def beside_numbers(text: str) -> bool:
    """Whether `text`, found among numbers, means that there is none."""
    return text.lower() in _BESIDE_NUMBERS


def means_missing(text: str) -> bool:
    """Whether `text` is a known spelling of missing, in a column of any kind or among numbers.

    >>> means_missing("N/A"), means_missing("unknown"), means_missing("old")
    (True, True, False)
    """
    return text.lower() in KNOWN or beside_numbers(text)


def by_marker(texts: pl.Series, declared: Sequence[str] = ()) -> str:
    """How often the cleaned `texts`, all of which count as missing, are which marker, in words.

    Names the `declared` markers and the known ones; any other text may be somebody's value.

    >>> by_marker(pl.Series(["?", None, "", "?", "Bob"]))
    '2 `?`, 2 empty, 1 other text'
    """
    counts: dict[str, int] = {}
    for text in texts.fill_null("").to_list():
        named = text in declared or text.lower() in KNOWN or beside_numbers(text)
        said = f"`{text}`" if named else "other text" if text else "empty"
        counts[said] = counts.get(said, 0) + 1
    return ", ".join(f"{n:,} {said}" for said, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def is_code_beside(marker: str, others: list[str]) -> bool:
    """Whether `marker` is one of a set of two-letter codes: `NA` is Namibia beside `DE` and `FR`.

    >>> is_code_beside("NA", ["DE", "FR", "IT"]), is_code_beside("NA", ["red", "blue", "green"])
    (True, False)
    """
    return (
        _CODE_OF_TWO.fullmatch(marker) is not None
        and len(others) >= 3
        and all(_CODE_OF_TWO.fullmatch(o) for o in others)
    )
