"""Checks of how texts are written: kinds mixed in one column (MLW108), damage by encodings (MLW113).

Called by `check` through the table of checks. Looks at each distinct text once.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.meaning import MISSING_WORDS
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.table import Table
from mlwright.statistics.intervals import wilson

LEAST_ROWS = 20
LEAST_MIXED = 3
MOST_MIXED = 0.5
_NUMBER: Final = (
    r"^[+-]?(?:[0-9]{1,3}(?:[,' ][0-9]{3})+(?:[.,][0-9]*)?|[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)"
    r"(?:[eE][+-]?[0-9]+)?$"
)
_WHOLE: Final = r"^[0-9]+$"
_DATE: Final = (
    r"^(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2}))"
    r"(?:[T ][0-9]{1,2}:[0-9]{2}.*)?$"
)
_DIGIT: Final = r"[0-9]"
_UNIT: Final = r"^[+-]?[0-9.,]+ +\p{L}+\.?$"


def mixed(table: Table) -> Iterator[Seen]:
    """MLW108."""
    need_rows(len(table), LEAST_ROWS)
    columns = _text_columns(table)
    for column in columns:
        yield from _mixed(table, column)


def _text_columns(table: Table) -> list[Column]:
    columns = [c for c in table.features if c.kind in ("categorical", "text")]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature is text or categories")
    return columns


def _mixed(table: Table, column: Column) -> Iterator[Seen]:
    if column.codes:
        return
    series = table.series(column)
    counts = series.drop_nulls().alias("text").value_counts(name="rows")
    counts = counts.filter(
        (pl.col("text") != "") & ~pl.col("text").str.to_lowercase().is_in(list(MISSING_WORDS))
    )
    text = pl.col("text").str.strip_chars()
    kinds = counts.with_columns(
        pl.when(text.str.contains(_DATE))
        .then(pl.lit("dates"))
        .when(text.str.contains(_NUMBER))
        .then(pl.lit("numbers"))
        .otherwise(pl.lit("texts"))
        .alias("kind")
    )
    sums = kinds.group_by("kind").agg(pl.col("rows").sum(), pl.len().alias("distinct")).sort("rows", "kind")
    if sums.height < 2:
        return
    rows_of = dict(zip(sums["kind"].to_list(), sums["rows"].to_list(), strict=True))
    usual = sums["kind"][-1]
    rare = [k for k in rows_of if k != usual and rows_of[k] >= LEAST_MIXED]
    if not rare or _one_system(kinds, rows_of):
        return
    odd = kinds.filter(pl.col("kind").is_in(rare))["text"]
    rows = series.is_in(odd.implode()).fill_null(False).to_numpy()
    known = int(counts["rows"].sum())
    parts = " and ".join(f"{rows_of[k]:,} rows hold {k}" for k in rare)
    yield Seen(
        f"among {usual}, {parts}: {percent(wilson(int(rows.sum()), known))} of those that are not missing",
        "Find out whether two columns were mixed; write numbers and dates in one way, and make what is "
        "neither missing.",
        column.name,
        first_rows(rows),
    )


def _one_system(kinds: pl.DataFrame, rows_of: dict[str, int]) -> bool:
    """Whether numbers and texts are codes or steps of one system: `A12` and `113`, `2` and `3+`."""
    texts = kinds.filter(pl.col("kind") == "texts")
    numbers = kinds.filter(pl.col("kind") == "numbers")
    if "dates" in rows_of or not texts.height or not numbers.height:
        return False
    if not numbers["text"].str.contains(_WHOLE).all():
        return False
    with_digits = texts["text"].str.contains(_DIGIT) & ~texts["text"].str.contains(_UNIT)
    short = texts["text"].str.len_chars() <= 2
    steps = numbers.height <= 10 and texts.height <= 10 and _counts_up(numbers["text"])
    share = float((texts["rows"] * (with_digits | short)).sum()) / float(texts["rows"].sum())
    return share > MOST_MIXED or (steps and share > 0)


def _counts_up(texts: pl.Series) -> bool:
    """Whether whole numbers are neighbours, as the steps of a scale are."""
    values = np.sort(texts.cast(pl.Float64, strict=False).drop_nulls().to_numpy())
    return len(values) > 1 and bool((np.diff(values) == 1).all())


_SUSPECT: Final = "[\u0080-\u009f\u00c2-\u00f4\ufffd&\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]"
_ENTITY: Final = re.compile(r"&(#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_HIGH: Final = re.compile(r"[^\x00-\x7f]+")
_C0: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_C1: Final = re.compile("[\x80-\x9f]")

_AGAIN: Final = "Read a text file again with"
_ELSEWHERE: Final = "mend any other source where it was written"
_REMEDIES: Final = {
    "UTF-8 read as Windows-1252": f"{_AGAIN} encoding='utf-8'; {_ELSEWHERE}, or undo it: "
    "text.encode('cp1252').decode('utf-8').",
    "characters lost (U+FFFD)": f"{_AGAIN} its own encoding, often encoding='cp1252'; {_ELSEWHERE}, "
    "from what it was made of: what was lost is only there.",
    "Windows-1252 read as Latin-1": f"{_AGAIN} encoding='cp1252'; {_ELSEWHERE}.",
    "HTML entities": "Undo them before reading: html.unescape(text).",
    "control characters": "Take them out before reading.",
}


def damage(table: Table) -> Iterator[Seen]:
    """MLW113."""
    for column in table.dataset.schema.columns:
        kinds = damage_of(column.name) - {"HTML entities"}
        for kind in sorted(kinds):
            yield Seen(f"in its name: {kind}", _REMEDIES[kind], column.name)
    for column in _text_columns(table):
        series = table.series(column)
        suspects = series.filter(series.str.contains(_SUSPECT).fill_null(False)).unique().sort()
        texts_of: dict[str, list[str]] = {}
        for text in suspects.to_list():
            for kind in damage_of(text):
                texts_of.setdefault(kind, []).append(text)
        for kind, texts in texts_of.items():
            rows = series.is_in(texts).fill_null(False).to_numpy()
            count = int(rows.sum())
            yield Seen(
                f"{kind} in {counted(count, 'row')}, {percent(wilson(count, len(rows)))}",
                _REMEDIES[kind],
                column.name,
                first_rows(rows),
            )


def damage_of(text: str) -> set[str]:
    """What a wrong encoding, or a page's markup, has left in a text.

    >>> sorted(damage_of("CafÃ© &amp; Bar")), damage_of("Café & Bar")
    (['HTML entities', 'UTF-8 read as Windows-1252'], set())
    """
    found = set()
    if any(_was_utf8(run) for run in _HIGH.findall(text)):
        found.add("UTF-8 read as Windows-1252")
    elif _C1.search(text):
        found.add("Windows-1252 read as Latin-1")
    if "\ufffd" in text:
        found.add("characters lost (U+FFFD)")
    if any(e[0] == "#" or e + ";" in html.entities.html5 for e in _ENTITY.findall(text)):
        found.add("HTML entities")
    if _C0.search(text):
        found.add("control characters")
    return found


def _was_utf8(run: str) -> bool:
    """Whether characters beyond ASCII, as bytes again, are UTF-8: two or more that no language writes so."""
    if len(run) < 2:
        return False
    try:
        return len(bytes(map(_byte, run)).decode("utf-8")) < len(run)
    except (UnicodeDecodeError, UnicodeEncodeError):
        return False


def _byte(character: str) -> int:
    """The byte that Windows-1252, or Latin-1 where it has none, shows as this character."""
    return ord(character) if ord(character) < 0x100 else character.encode("cp1252")[0]


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW108",
        "numbers, dates and texts in one column",
        "tip",
        mixed,
        "Tells numbers, dates and other texts apart, markers of missing values aside; found where a column "
        "holds more than one of them in 3 rows or more each, unless they are codes (`A12`, `113`) or steps "
        "of one scale (`2`, `3+`). A few odd texts among numbers are MLW006.",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW113",
        "texts are damaged by a wrong encoding",
        "tip",
        damage,
        "Counts rows with UTF-8 that was read as Windows-1252 (`Ã©` for `é`: as bytes again it is valid "
        "UTF-8), the replacement character U+FFFD, control characters, and HTML entities (`&amp;`).",
        "The Unicode Standard, chapters 3.9 and 23; the Encoding Standard, WHATWG; the HTML Standard, 13.5",
    ),
)
