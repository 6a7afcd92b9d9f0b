"""How a delimited file is written: what stands between fields, and whether quotes mean anything.

Used by `delimited`. Looks at the first lines only; whether all lines agree is `structure`'s question.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from mlwright.sources.structure import structure_of

_CANDIDATES: Final = (",", ";", "\t", "|")
UNIT: Final = "\x1f"
"""A separator that no text file has: for files of one column, and for separators of several characters."""
_COLONS: Final = "::"
"""Between the fields of MovieLens's files."""
_SAMPLE_BYTES: Final = 256 * 1024
_SAMPLE_ROWS: Final = 300
_REGULAR: Final = 0.98
WHITESPACE: Final = "whitespace"


@dataclass(frozen=True)
class Dialect:
    """The separator (or `whitespace`, or one that does not occur) and the quoting character ("" for none)."""

    separator: str
    quote: str
    shown: str = ""
    """The separator as the user wrote it, where another stands for it."""


@dataclass(frozen=True)
class _Fit:
    fields: int
    """Most lines have this many."""
    share: float
    """Of lines with that many fields."""
    first: int
    """Fields of the first line."""


def dialect_of(
    data: bytes, *, suffix: str = ".csv", separator: str | None = None, quote: str | None = None
) -> Dialect:
    """The dialect of UTF-8 `data`; what is given is not looked for.

    >>> dialect_of(b"a;b\\n1,5;2,5\\n")
    Dialect(separator=';', quote='"', shown='')
    """
    sample = _sample(data)
    if separator == WHITESPACE:
        return Dialect(WHITESPACE, "" if quote is None else quote)
    candidates = _CANDIDATES if separator is None else (separator,)
    quotes = ('"', "") if quote is None else (quote,)
    if separator is not None and not (len(separator) == 1 and separator.isascii()):
        # Which of several characters are quoted is seldom meant: quotes count where the first line has them.
        plain = '"' if quote is None and '"' in sample.partition("\n")[0] else ""
        return Dialect(separator, plain if quote is None else quote)
    fits = {(s, q): _fit(sample, s, q) for s in candidates for q in quotes}
    if separator is None:
        separator = _separator(fits, quotes[0], suffix)
        if separator == UNIT and _has_colons(sample):
            return Dialect(_COLONS, "" if quote is None else quote)
        if suffix in (".txt", ".dat", ".data") and separator in (UNIT, ","):
            blanks = _blank_fit(sample)
            commas = separator == "," and fits[",", quotes[0]].share > _REGULAR
            if blanks.fields > 1 and blanks.share > _REGULAR and not commas:
                return Dialect(WHITESPACE, "")
    if quote is None:
        quote = _quote(separator, fits, sample)
    return Dialect(separator, quote)


def _sample(data: bytes) -> str:
    cut = data[:_SAMPLE_BYTES]
    if len(data) > len(cut):
        cut = cut[: cut.rfind(b"\n") + 1] or cut
    return cut.decode(errors="replace")


def _fit(sample: str, separator: str, quote: str) -> _Fit:
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=True,
    )
    counts: list[int] = []
    for row in rows:
        if row:
            counts.append(len(row))
        if len(counts) >= _SAMPLE_ROWS:
            break
    return _fit_of(counts)


def _has_colons(sample: str) -> bool:
    """Whether each of the first lines has the same number of `::`, at least one."""
    lines = [line for line in sample.split("\n")[:_SAMPLE_ROWS] if line.strip()]
    return lines != [] and lines[0].count(_COLONS) > 0 and len({line.count(_COLONS) for line in lines}) == 1


def _blank_fit(sample: str) -> _Fit:
    lines = [line for line in sample.split("\n")[:_SAMPLE_ROWS] if line.strip()]
    return _fit_of([len(line.split()) for line in lines])


def _fit_of(counts: list[int]) -> _Fit:
    if not counts:
        return _Fit(0, 0.0, 0)
    body = counts[1:] or counts
    fields, seen = Counter(body).most_common(1)[0]
    return _Fit(fields, seen / len(body), counts[0])


def _separator(fits: dict[tuple[str, str], _Fit], quote: str, suffix: str) -> str:
    def worth(separator: str) -> tuple[bool, bool, float, bool, int]:
        fit = fits[separator, quote]
        agrees = fit.first == fit.fields or fit.first == fit.fields - 1
        usual = separator == ("\t" if suffix == ".tsv" else ";")
        # In a file of decimal commas both `;` and `,` may be regular: the semicolon is then meant.
        return fit.fields > 1 and fit.first > 1, agrees, round(fit.share, 2), usual, fit.fields

    best = max(_CANDIDATES, key=worth)
    fit = fits[best, quote]
    if fit.first > 1 and (fit.fields > 1 or fit.share < 1.0):
        return best
    # A title above a table: the separator is right, and the title is refused with its line.
    titled = [s for s in _CANDIDATES if fits[s, quote].fields > 2 and fits[s, quote].share > 0.9]
    return titled[0] if titled else UNIT


def _quote(separator: str, fits: dict[tuple[str, str], _Fit], sample: str) -> str:
    if '"' not in sample:
        return '"'
    if structure_of(sample.encode(), separator, '"').regular_quotes:
        return '"'
    with_quotes = fits.get((separator, '"')) or _fit(sample, separator, '"')
    without = fits.get((separator, "")) or _fit(sample, separator, "")
    edge = re.escape(separator)
    opened = len(re.findall(rf'(?:^|{edge}) *"', sample, re.MULTILINE))
    closed = len(re.findall(rf'"(?:$|{edge})', sample, re.MULTILINE))
    balanced = abs(opened - closed) <= 0.05 * max(opened, closed)
    regular = without.share == 1.0 and without.first == without.fields
    if regular and (with_quotes.share < 1.0 or not balanced):
        return ""
    return '"'
