"""Numbers written as text: the decimal mark, thousands separator, currency or percent sign of a column.

Used by inference and by decoding whole columns. `base.decoding.number_of` has the last word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec
import polars as pl

from mlwright.base.schema import NumberFormat
from mlwright.data.marks import marks_of, unmarked
from mlwright.data.texts import any_matches, plain_numbers
from mlwright.data.units import scaled, units_of, without_units

_DIGIT = re.compile("[0-9]")
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
_POINTED_GROUPS = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"
_UNSCALED = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"


@dataclass(frozen=True)
class Written:
    """The distinct texts that are numbers, and how they are written."""

    number: NumberFormat
    values: pl.Series
    """Float64, one for each distinct text; null where it is no number."""
    ambiguous: bool = False
    """Read the other way (comma for point, or point for comma) every number would be valid as well."""


def written(texts: pl.Series, separator: str = "", forced: NumberFormat | None = None) -> Written:
    """How most of the distinct cleaned `texts` write numbers.

    `separator` is that of the file: where it is `;` a comma is rather a decimal mark. `forced` overrules.

    >>> w = written(pl.Series(["1.234,5", "12,25"]))
    >>> w.number.decimal, w.number.thousands, w.values.to_list()
    (',', '.', [1234.5, 12.25])
    """
    if forced is None and not any_matches(texts, _DIGIT):
        return Written(NumberFormat(), pl.Series(texts.name, [None] * len(texts), dtype=pl.Float64))
    way = _separated(texts, separator, forced)
    if way.values.null_count() == 0:
        return way
    marks = marks_of(texts) or units_of(texts)
    if marks is None:
        return way
    bare = without_units(texts, marks)[0] if marks.units else unmarked(texts, marks)
    under = _separated(bare.fill_null(""), separator, forced, money=bool(marks.symbols))
    number = msgspec.structs.replace(marks, decimal=under.number.decimal, thousands=under.number.thousands)
    values = numbers_in(texts, number)
    better = values.null_count() < way.values.null_count()
    return Written(number, values, under.ambiguous) if better else way


def _separated(
    texts: pl.Series, separator: str, forced: NumberFormat | None, *, money: bool = False
) -> Written:
    """The decimal mark and the thousands separator of texts without other marks."""
    if forced is not None and forced != NumberFormat():
        return Written(forced, numbers_in(texts, forced))
    plain = plain_numbers(texts)
    best, most = Written(NumberFormat(), plain), len(plain) - plain.null_count()
    if most == len(plain) and not money:
        return best
    marked = texts.str.contains("[0-9][,' \u00a0\u202f][0-9]" r"|\.[0-9]{3}[.,]|^[+-]?,[0-9]")
    if forced is None and money and _grouped_by_points(texts):
        european = NumberFormat(decimal=",", thousands=".")
        return Written(european, numbers_in(texts, european), ambiguous=True)
    if forced is not None or not marked.any():
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
    chosen = thousands if only_groups and not long and (money or separator != ";") else comma
    return Written(chosen, found[chosen], ambiguous=bool(only_groups and not long))


def numbers_in(texts: pl.Series, number: NumberFormat) -> pl.Series:
    """The numbers that cleaned `texts` write in the format `number`; null for any other text."""
    if number.units:
        return _measured(texts, number)
    if number.marked:
        texts = unmarked(texts, number)
    texts = _with_point(texts, NumberFormat(decimal=number.decimal, thousands=number.thousands))
    if number.percent:
        texts = texts.set(~texts.str.contains(_UNSCALED), None) + "e-2"
    return plain_numbers(texts)


def _measured(texts: pl.Series, number: NumberFormat) -> pl.Series:
    """The numbers of texts with units, in the column's unit."""
    bare, unit = without_units(texts, number)
    plain = _with_point(bare, NumberFormat(decimal=number.decimal, thousands=number.thousands))
    shifted, factors = scaled(plain, unit, number)
    return plain_numbers(shifted) * factors


def _grouped_by_points(texts: pl.Series) -> bool:
    """Amounts such as `12.500` and `900`: money is not in thousandths (a litre's `1.459` is)."""
    pointed = texts.filter(texts.str.contains(".", literal=True))
    return (
        len(pointed) > 0
        and not texts.str.contains(",", literal=True).any()
        and bool(pointed.str.contains(_POINTED_GROUPS).all())
        and bool(pointed.str.contains(r"^[+-]?[0-9]{2}|\..*\.").any())
    )


def _with_point(texts: pl.Series, number: NumberFormat) -> pl.Series:
    """Texts of numbers with a decimal point and no separator; null for texts of another form."""
    if number == NumberFormat():
        return texts
    if number.decimal == number.thousands:  # only the decoder of single values knows what that means
        return pl.Series([None] * len(texts), dtype=pl.String)
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
    return kept
