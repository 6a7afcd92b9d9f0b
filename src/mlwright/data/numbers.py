"""Numbers written as text: which decimal mark and which thousands separator a column uses.

Used by inference. `base.decoding.number_of` has the last word on what is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from mlwright.base.schema import NumberFormat
from mlwright.data.texts import plain_numbers

_DIGITS = r"^[+-]?[0-9]+"
_FORMS: tuple[tuple[NumberFormat, str], ...] = (
    (NumberFormat(decimal=","), r"^[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?$"),
    (NumberFormat(thousands=","), r"^[+-]?[0-9]{1,3}(,[0-9]{3})*(\.[0-9]*)?$"),
    (NumberFormat(decimal=",", thousands="."), r"^[+-]?[0-9]{1,3}(\.[0-9]{3})*(,[0-9]*)?$"),
    (NumberFormat(thousands=" "), r"^[+-]?[0-9]{1,3}( [0-9]{3})*(\.[0-9]*)?$"),
    (NumberFormat(decimal=",", thousands=" "), r"^[+-]?[0-9]{1,3}( [0-9]{3})*(,[0-9]*)?$"),
    (NumberFormat(thousands="'"), r"^[+-]?[0-9]{1,3}('[0-9]{3})*(\.[0-9]*)?$"),
)
_LONG = r"^[+-]?[0-9]{4,}([.,][0-9]*)?$"
_ONE_GROUP = r"^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$"
_WITH_UNIT = re.compile(r"^(?:[$€£¥]\s?)?[+-]?[\d.,' ]*\d(?:\s?(?:%|[$€£¥]|[A-Za-z]{1,3}))?$", re.ASCII)


@dataclass(frozen=True)
class Written:
    """The distinct texts that are numbers, and how they are written."""

    number: NumberFormat
    values: pl.Series
    """Float64, one for each distinct text; null where it is no number."""
    ambiguous: bool = False
    """Read the other way (comma for point) every number would be valid as well."""


def written(texts: pl.Series, separator: str = "", forced: NumberFormat | None = None) -> Written:
    """How most of the distinct cleaned `texts` write numbers.

    `separator` is that of the file: where it is `;` a comma is rather a decimal mark. `forced` overrules.

    >>> w = written(pl.Series(["1.234,5", "12,25"]))
    >>> w.number.decimal, w.number.thousands, w.values.to_list()
    (',', '.', [1234.5, 12.25])
    """
    if forced is not None and forced != NumberFormat():
        return Written(forced, numbers_in(texts, forced))
    plain = plain_numbers(texts)
    best, most = Written(NumberFormat(), plain), len(plain) - plain.null_count()
    marked = texts.str.contains("[0-9][,' \u00a0\u202f][0-9]" r"|\.[0-9]{3}[.,]|^[+-]?,[0-9]")
    if forced is not None or (most == len(texts) and not marked.any()) or not marked.any():
        return best
    found: dict[NumberFormat, pl.Series] = {}
    for number, _ in _FORMS:
        found[number] = numbers_in(texts, number)
        count = len(texts) - found[number].null_count()
        if count > most:
            best, most = Written(number, found[number]), count
    comma, thousands = NumberFormat(decimal=","), NumberFormat(thousands=",")
    both = best.number in (comma, thousands) and (
        found[comma].null_count() == found[thousands].null_count() == best.values.null_count()
    )
    if not both:
        return best
    grouped = texts.filter(best.values.is_not_null())
    only_groups = grouped.filter(grouped.str.contains(",", literal=True)).str.contains(_ONE_GROUP).all()
    long = grouped.str.contains(_LONG).any()
    chosen = thousands if only_groups and not long and separator != ";" else comma
    return Written(chosen, found[chosen], ambiguous=bool(only_groups and not long))


def numbers_in(texts: pl.Series, number: NumberFormat) -> pl.Series:
    """The numbers that cleaned `texts` write in the format `number`; null for any other text."""
    if number == NumberFormat():
        return plain_numbers(texts)
    forms = dict(_FORMS)
    form = forms.get(number)
    if form is None:
        point, comma = re.escape(number.decimal), re.escape(number.thousands)
        form = rf"^[+-]?[0-9]{{1,3}}({comma}[0-9]{{3}})*({point}[0-9]*)?$"
    if number.thousands == " ":
        texts = texts.str.replace_all("[\u00a0\u202f]", " ")
    kept = texts.set(~texts.str.contains(form), None)
    if number.thousands:
        # A number of four digits or more may also be written without its separator.
        loose = texts.str.contains(rf"{_DIGITS}({re.escape(number.decimal)}[0-9]*)?$")
        kept = pl.select(pl.when(loose).then(texts).otherwise(kept)).to_series()
        kept = kept.str.replace_all(number.thousands, "", literal=True)
    if number.decimal != ".":
        kept = kept.str.replace_all(number.decimal, ".", literal=True)
    return plain_numbers(kept)


def with_unit(texts: list[str]) -> bool:
    """Whether nearly all texts are a number with a currency, percent or short unit.

    >>> with_unit(["$1,200", "$15"]), with_unit(["12%", "7 %"]), with_unit(["A12", "B7"])
    (True, True, False)
    """
    marked = [t for t in texts if (_WITH_UNIT.match(t) and not t[-1:].isdigit()) or t[:1] in "$€£¥"]
    return bool(texts) and len(marked) * 10 >= len(texts) * 9
