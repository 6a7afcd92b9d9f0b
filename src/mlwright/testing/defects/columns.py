"""Defects of single columns: constants, ids, twins, disguised missing values, slips, damaged text.

Each function takes a `Clean` and returns a `Spoilt`; `inject` calls them by name.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.errors import Misuse
from mlwright.testing.defects.spoiling import (
    SHARES,
    Clean,
    Defect,
    Spoilt,
    deviation,
    is_any,
    is_category,
    is_number,
    is_text,
    listed,
    numbers_of,
    replaced,
)

NINES: Final = (-999.0, 9999.0, -9999.0, 99999.0, -99999.0, 999999.0)
UNKNOWN: Final = ("unknown", "N/A", "?", "missing", "not available", "-")
WORDS: Final = ("twelve", "see note", "abc", "about 5", "ERROR", "#REF!")
ACCENTS: Final = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
_AGE: Final = re.compile(r"(^|_)age($|_)", re.IGNORECASE)
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def constant(clean: Clean) -> Spoilt:
    """Every value of a column becomes one of them; known in a share of the rows."""
    name = clean.pick(is_any, "one with two values or more")
    series = clean.frame[name]
    value = series.drop_nulls()[int(clean.random.integers(series.len() - series.null_count()))]
    column = pl.Series(name, [value] * len(clean), dtype=series.dtype)
    if clean.degree:
        column = replaced(column, clean.some(clean.degree), None)
    return Spoilt(clean.frame.with_columns(column), (name,))


def near_constant(clean: Clean) -> Spoilt:
    """All but a few rows hold the column's most frequent value."""
    name = clean.pick(is_any, "one with two values or more")
    series = clean.frame[name]
    usual = series.drop_nulls().mode().sort()[0]
    others = np.flatnonzero((series != usual).fill_null(False).to_numpy())
    rows = clean.random.choice(others, min(len(others), max(1, round(clean.degree * len(clean)))), False)
    column = pl.Series(name, [usual] * len(clean), dtype=series.dtype)
    values = series.gather(rows)
    return Spoilt(clean.frame.with_columns(column.scatter(rows, values)), (name,), listed(rows))


def mostly_missing(clean: Clean) -> Spoilt:
    """A share of a column's values is taken away."""
    name = clean.pick(is_any, "one with two values or more")
    rows = clean.some(clean.degree)
    return Spoilt(clean.frame.with_columns(replaced(clean.frame[name], rows, None)), (name,), listed(rows))


def id_like(clean: Clean) -> Spoilt:
    """A column that names the row: numbers that count, or codes of letters and digits; a share repeats."""
    random, n = clean.random, len(clean)
    if random.random() < 0.5:
        name = clean.new("customer_id")
        values = pl.Series(name, random.permutation(n) + int(random.integers(1, 9)) * 10 ** len(str(n)))
    else:
        name = clean.new("reference")
        numbers = random.choice(24**3 * 10_000, n, replace=False)
        values = pl.Series(name, [_code(int(k)) for k in numbers])
    if clean.degree:
        rows = clean.some(clean.degree)
        values = replaced(values, rows, values.gather(random.integers(0, n, len(rows))))
    return Spoilt(clean.add(name, values), (name,))


def duplicated_column(clean: Clean) -> Spoilt:
    """A second copy of a column under another name; a share of its values is missing."""
    name = clean.pick(is_any, "one with two values or more")
    copy = clean.new(f"{name}_copy")
    values = clean.frame[name].rename(copy)
    if clean.degree:
        values = replaced(values, clean.some(clean.degree), None)
    return Spoilt(clean.add(copy, values), (copy, name))


def redundant_column(clean: Clean) -> Spoilt:
    """A column nearly a function of another: a line with noise, or its categories renamed with slips."""
    name = clean.pick(lambda s: is_number(s) or is_category(s), "a number or a category")
    series, random = clean.frame[name], clean.random
    again = clean.new(f"{name}_derived")
    if is_number(series):
        noise = random.normal(0, clean.degree * deviation(series), len(clean))
        values = pl.Series(again, 3 * numbers_of(series) + 7 + 3 * noise).fill_nan(None)
        return Spoilt(clean.add(again, values), (again, name))
    distinct = series.drop_nulls().unique().sort().to_list()
    renamed = series.replace_strict({v: f"group {i + 1}" for i, v in enumerate(distinct)})
    rows = clean.some(clean.degree)
    renamed = replaced(renamed, rows, [f"group {int(random.integers(len(distinct))) + 1}" for _ in rows])
    return Spoilt(clean.add(again, renamed), (again, name))


def disguised_number(clean: Clean) -> Spoilt:
    """-999, 9999 and their like where a number is not known, outside what the column may hold."""

    def fits(s: pl.Series) -> bool:
        return is_number(s) and bool(_outside(s))

    name = clean.pick(fits, "a number whose range leaves out -999 and its like")
    series = clean.frame[name]
    choices = _outside(series)
    rows = clean.some(clean.degree, np.flatnonzero(series.is_not_null().to_numpy()))
    value = choices[int(clean.random.integers(len(choices)))]
    return _spoilt(clean, name, rows, int(value) if series.dtype.is_integer() else value)


def disguised_text(clean: Clean) -> Spoilt:
    """`unknown`, `N/A` and their like where a category is not known."""

    def fits(s: pl.Series) -> bool:
        known = {str(v).casefold() for v in s.drop_nulls().unique()}
        return is_category(s) and not known & {u.casefold() for u in UNKNOWN}

    name = clean.pick(fits, "a category without a word for unknown")
    rows = clean.some(clean.degree, np.flatnonzero(clean.frame[name].is_not_null().to_numpy()))
    return _spoilt(clean, name, rows, UNKNOWN[int(clean.random.integers(len(UNKNOWN)))])


def disguised_zero(clean: Clean) -> Spoilt:
    """0 where it cannot be: in a column whose values all lie well over it."""

    def fits(s: pl.Series) -> bool:
        if not is_number(s):
            return False
        low, middle = np.nanquantile(numbers_of(s), (0.0, 0.5))
        return bool(low > 0.2 * middle > 0)

    name = clean.pick(fits, "a number whose values all lie well over zero")
    rows = clean.some(clean.degree, np.flatnonzero(clean.frame[name].is_not_null().to_numpy()))
    return _spoilt(clean, name, rows, 0)


def string_variants(clean: Clean) -> Spoilt:
    """One category is written in another way in some rows: case, hyphens, underscores, doubled blanks."""

    def fits(s: pl.Series) -> bool:
        return is_category(s) and is_text(s) and bool((s.str.len_chars() > 3).any())

    name = clean.pick(fits, "a category of words")
    series = clean.frame[name]
    values = [str(v) for v in series.drop_nulls().unique().sort() if re.search("[A-Za-z]{3}", str(v))]
    value = max(values, key=lambda v: int((series == v).sum()))
    known = set(series.drop_nulls().unique())
    ways = [w for w in _ways(value) if w != value and w not in known]
    if not ways:
        raise Misuse(f"the categories of {name!r} are written in all ways already")
    rows = clean.some(clean.degree, np.flatnonzero((series == value).fill_null(False).to_numpy()))
    return _spoilt(clean, name, rows, ways[int(clean.random.integers(len(ways)))])


def mixed_types(clean: Clean) -> Spoilt:
    """Words among numbers: the column comes as text, as it would from a file."""
    name = clean.pick(is_number, "a number")
    series = clean.frame[name]
    rows = clean.some(clean.degree, np.flatnonzero(series.is_not_null().to_numpy()))
    words = [WORDS[int(i)] for i in clean.random.integers(0, len(WORDS), len(rows))]
    column = series.cast(pl.String).scatter(rows, pl.Series(words))
    return Spoilt(clean.frame.with_columns(column), (name,), listed(rows))


def impossible_values(clean: Clean) -> Spoilt:
    """Ages under 0 and over 150, in the table's own column of ages or in one that is added."""
    ages = [c for c in clean.frame.columns if _AGE.search(c) and is_number(clean.frame[c])]
    name = clean.column or (ages[0] if ages else clean.new("age"))
    if name in clean.frame.columns:
        frame = clean.frame
    else:
        drawn = np.clip(clean.random.normal(44, 15, len(clean)), 18, 92).round().astype(np.int64)
        frame = clean.add(name, drawn)
    rows = clean.some(clean.degree, np.flatnonzero(frame[name].is_not_null().to_numpy()))
    values = clean.random.choice([-7, -41, 178, 230, 999], len(rows))
    whole = frame[name].dtype.is_integer()
    column = replaced(frame[name], rows, values if whole else values.astype(np.float64))
    return Spoilt(frame.with_columns(column), (name,), listed(rows))


def decimal_slips(clean: Clean) -> Spoilt:
    """Numbers with the decimal point in the wrong place, in one row of two hundred: too large by a factor.

    Only in columns where a slip of a hundred can be seen: all values lie within ten medians.
    """

    def fits(s: pl.Series) -> bool:
        if not is_number(s):
            return False
        low, middle, most = np.nanquantile(numbers_of(s), (0.05, 0.5, 1.0))
        return bool(low > 0 and most < 10 * middle)

    name = clean.pick(fits, "a number whose values lie within ten medians")
    series = clean.frame[name]
    values = numbers_of(series)
    usual = np.flatnonzero(values >= np.nanquantile(values, 0.25))
    rows = clean.some(0.005, usual)
    return _spoilt(clean, name, rows, values[rows] * clean.degree)


def high_cardinality(clean: Clean) -> Spoilt:
    """A category with very many values, some frequent and most rare."""
    name, n = clean.new("agent_code"), len(clean)
    count = max(30, round(clean.degree * n))
    weights = 1 / (np.arange(count) + 10.0)
    drawn = clean.random.choice(count, n, p=weights / weights.sum())
    drawn[clean.random.permutation(n)[:count]] = np.arange(min(count, n))
    codes = clean.random.choice(24**3 * 10_000, count, replace=False)
    return Spoilt(clean.add(name, [_code(int(codes[d])) for d in drawn]), (name,))


def damaged_encoding(clean: Clean) -> Spoilt:
    """Letters with accents read in the wrong encoding: UTF-8 taken for Latin-1, or lost to U+FFFD."""
    name = clean.pick(is_text, "text")
    series = clean.frame[name]
    lettered = series.str.contains("[aeiouAEIOU]").fill_null(False).to_numpy()
    rows = clean.some(clean.degree, np.flatnonzero(lettered))
    lost = clean.random.random() < 0.25
    texts = [_damaged(str(v), lost) for v in series.gather(rows)]
    return _spoilt(clean, name, rows, texts)


def _spoilt(
    clean: Clean, name: str, rows: np.ndarray[tuple[int], np.dtype[np.int64]], values: object
) -> Spoilt:
    frame = clean.frame.with_columns(replaced(clean.frame[name], rows, values))
    return Spoilt(frame, (name,), listed(rows))


def _outside(series: pl.Series) -> list[float]:
    values = numbers_of(series)
    low, high = np.nanmin(values), np.nanmax(values)
    return [v for v in NINES if not low <= v <= high]


def _code(number: int) -> str:
    """A code of three letters and four digits, another for each number."""
    number, digits = divmod(number, 10_000)
    number, last = divmod(number, 24)
    first, middle = divmod(number, 24)
    return f"{_LETTERS[first]}{_LETTERS[middle]}{_LETTERS[last]}{digits:04}"


def _ways(text: str) -> list[str]:
    ways = [text.upper(), text.lower(), text.title()]
    if " " in text:
        ways += [text.replace(" ", "_"), text.replace(" ", "-")]
    if "-" in text:
        ways += [text.replace("-", " "), text.replace("-", "_")]
    return ways


def _damaged(text: str, lost: bool) -> str:
    """The text with one vowel that had an accent and was read wrongly.

    >>> _damaged("Rome", lost=False), _damaged("Rome", lost=True)
    ('RÃ³me', 'R\\ufffdme')
    """
    at = next(i for i, letter in enumerate(text) if letter in "aeiouAEIOU")
    accent = text[at].translate(ACCENTS)
    wrong = "\ufffd" if lost else accent.encode("utf-8").decode("latin-1")
    return text[:at] + wrong + text[at + 1 :]


DEFECTS: Final = (
    Defect("constant", "a column holds one value", ("MLW101", "MLW007"), "share of rows missing",
           (0.02, 0.0, 0.0), constant),
    Defect("near_constant", "all but a few rows of a column hold one value", ("MLW102",),
           "share of other rows", (0.002, 0.001, 0.0005), near_constant),
    Defect("mostly_missing", "a column is mostly missing", ("MLW103", "MLW008"),
           "share missing", (0.6, 0.8, 1.0), mostly_missing),
    Defect("id_like", "a column names the row", ("MLW104", "MLW017", "MLW015", "MLW004"),
           "share that repeats", (0.05, 0.01, 0.0), id_like),
    Defect("duplicated_column", "a column stands twice", ("MLW105", "MLW112"), "share missing in the copy",
           (0.02, 0.005, 0.0), duplicated_column),
    Defect("redundant_column", "a column is nearly a function of another", ("MLW112", "MLW105"),
           "noise, in deviations or share of rows", (0.1, 0.03, 0.005), redundant_column),
    Defect("disguised_number", "-999 or its like stands for missing", ("MLW106",), "share of rows",
           SHARES, disguised_number),
    Defect("disguised_text", "`unknown` or its like stands for missing", ("MLW106", "MLW005"),
           "share of rows", SHARES, disguised_text),
    Defect("disguised_zero", "0 stands for missing where it cannot be", ("MLW106",), "share of rows",
           SHARES, disguised_zero),
    Defect("string_variants", "one category is written in two ways", ("MLW107",), "share of rows",
           SHARES, string_variants),
    Defect("mixed_types", "words stand among numbers", ("MLW108", "MLW006"), "share of rows",
           SHARES, mixed_types),
    Defect("impossible_values", "ages under 0 and over 150", ("MLW109",), "share of rows",
           (0.002, 0.01, 0.05), impossible_values),
    Defect("decimal_slips", "numbers with the point in the wrong place", ("MLW110",), "factor",
           (10.0, 100.0, 1000.0), decimal_slips),
    Defect("high_cardinality", "a category has very many values", ("MLW111",), "distinct values a row",
           (0.05, 0.2, 0.5), high_cardinality),
    Defect("damaged_encoding", "text was read in the wrong encoding", ("MLW113",), "share of rows",
           SHARES, damaged_encoding),
)  # fmt: skip
