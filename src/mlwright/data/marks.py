"""Currency and percent signs beside numbers: which of them a column uses, and whole columns without them.

Used by inference and decoding through `numbers`. A currency is known by the table below; whatever else stands
beside a number is a unit, and such a column stays text. `base.decoding.number_of` has the last word.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from mlwright.base.schema import NumberFormat
from mlwright.data.texts import any_matches

_CURRENCIES: Final[tuple[tuple[str, ...], ...]] = (
    ("$", "US$", "USD", "usd"),
    ("€", "EUR", "eur", "Euro", "euro"),
    ("£", "GBP", "gbp"),
    ("¥", "JPY", "円"),
    ("CN¥", "CNY", "RMB", "元"),
    ("₹", "INR", "Rs.", "Rs"),
    ("₩", "KRW", "원"),
    ("₽", "RUB", "руб.", "руб"),
    ("₺", "TRY", "TL"),
    ("₴", "UAH"),
    ("₪", "ILS"),
    ("₫", "VND"),
    ("฿", "THB"),
    ("₦", "NGN"),
    ("₱", "PHP"),
    ("R$", "BRL"),
    ("C$", "CA$", "CAD"),
    ("A$", "AU$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("NT$", "TWD"),
    ("MX$", "MXN"),
    ("CHF", "Fr.", "SFr."),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Ft", "HUF"),
    ("lei", "RON"),
    ("лв", "лв.", "BGN"),
    ("kr", "kr."),
    ("SEK",),
    ("NOK",),
    ("DKK",),
    ("ZAR",),
    ("AED",),
    ("SAR",),
    ("IDR",),
    ("MYR",),
)
"""Spellings of each currency that the world writes beside amounts; a bare `$` may go with `USD` alone."""
_CURRENCY_OF: Final = {spelling: group[0] for group in _CURRENCIES for spelling in group}
_PERCENT: Final = "%"
_LONGEST: Final = 40
_OF_NUMBERS: Final = re.compile("[0-9.,]")
_BLANK: Final = "[ \u00a0\u202f]?"
_DIGITS: Final = "[0-9.,](?:[0-9.,' \u00a0\u202f]*[0-9.,])?"
_UNIT: Final = r"^[+-]?[0-9.,' ]*[0-9] ?([A-Za-z]{1,3})$"
_MOST_UNITS: Final = 4


def marks_of(texts: pl.Series) -> NumberFormat | None:
    """The currency or percent sign of most of the cleaned `texts` that have one, without separators; or None.

    Letters such as `USD` count only where nearly all texts carry them: few beside plain numbers are codes.

    >>> marks = marks_of(pl.Series(["$1,200", "($15)"]))
    >>> marks.symbols, marks.accounting, marks_of(pl.Series(["12 kg"]))
    (('$',), True, None)
    """
    counts = _counted(texts)
    totals: dict[str, int] = {}
    for mark, count in counts.items():
        totals[_currency(mark)] = totals.get(_currency(mark), 0) + count
    if not totals:
        return None
    first = max(sorted(totals), key=lambda c: totals[c])
    if first == _PERCENT:
        return NumberFormat(percent=True)
    symbols = [mark for mark in counts if _currency(mark) == first]
    if all(s.strip(".").isalpha() for s in symbols) and totals[first] * 10 < len(texts) * 9:
        return None
    brackets = bool(_short(texts).str.contains(r"^[^()]*\([^()]*[0-9][^()]*\)[^()]*$").any())
    return NumberFormat(symbols=tuple(sorted(symbols, key=lambda s: (-len(s), s))), accounting=brackets)


def currencies_of(texts: pl.Series) -> list[str]:
    """A spelling of each currency among cleaned `texts` that are nearly all amounts of money; else nothing.

    >>> currencies_of(pl.Series(["$5", "7 EUR", "USD 9"])), currencies_of(pl.Series(["$5", "red"]))
    (['$', '€'], [])
    """
    counts = {m: n for m, n in _counted(texts).items() if m != _PERCENT}
    return sorted(set(map(_currency, counts))) if sum(counts.values()) * 10 >= len(texts) * 9 else []


def unmarked(texts: pl.Series, number: NumberFormat) -> pl.Series:
    """Cleaned `texts` without the currency or percent sign of `number`, a minus for its brackets.

    Null where a percent sign is due and absent, and for formats that only the decoder of single values knows.

    >>> unmarked(pl.Series(["-$5", "(7 $)", "9"]), NumberFormat(symbols=("$",), accounting=True)).to_list()
    ['-5', '-7', '9']
    """
    known = bool(number.symbols) != number.percent and all(s in _CURRENCY_OF for s in number.symbols)
    if not known or (number.percent and number.accounting):
        return pl.Series([None] * len(texts), dtype=pl.String)
    marks = (_PERCENT,) if number.percent else number.symbols
    mark = f"(?:{_either(marks)})"
    if number.accounting:
        inside = rf"\((?:{mark}{_BLANK})?({_DIGITS})\)|\(({_DIGITS}){_BLANK}{mark}\)"
        beside = rf"{mark}{_BLANK}\(({_DIGITS})\)|\(({_DIGITS})\){_BLANK}{mark}"
        texts = texts.str.replace(f"^(?:{inside}|{beside})$", "-${1}${2}${3}${4}")
    form = (
        f"^(?:([+-]?){mark}{_BLANK}({_DIGITS})|{mark}{_BLANK}([+-]{_DIGITS})|([+-]?{_DIGITS}){_BLANK}{mark})$"
    )
    if number.percent:
        texts = texts.set(~texts.str.contains(form), None)
    return texts.str.replace(form, "${1}${2}${3}${4}")


def with_unit(texts: list[str]) -> bool:
    """Whether nearly all texts are a number with a currency, percent or short unit.

    >>> with_unit(["$1,200", "$15"]), with_unit(["12%", "7 kg"]), with_unit(["A12", "B7"])
    (True, True, False)
    """
    series = pl.Series(texts, dtype=pl.String)
    if not any_matches(series, _OF_NUMBERS):
        return False
    suffixes = series.str.extract(_UNIT, 1)
    marks = _mark_of_each(series)
    marked = suffixes if suffixes.n_unique() <= _MOST_UNITS else marks  # the letters of codes are many
    units = int((marked.is_not_null() | marks.is_not_null()).sum())
    return units > 0 and units * 10 >= len(texts) * 9


_MARKS: Final = (*_CURRENCY_OF, _PERCENT)


def _either(marks: tuple[str, ...]) -> str:
    return "|".join(re.escape(m) for m in sorted(marks, key=len, reverse=True))


_FRONT: Final = rf"^[+-]?\(?({_either(_MARKS)}){_BLANK}\(?[+-]?[0-9.,][0-9.,' \u00a0\u202f]*\)?$"
_BACK: Final = rf"^[+-]?\(?[0-9.,][0-9.,' \u00a0\u202f]*?\)?{_BLANK}({_either(_MARKS)})\)?$"


def _short(texts: pl.Series) -> pl.Series:
    return texts.filter(texts.str.len_bytes() <= _LONGEST)


def _mark_of_each(texts: pl.Series) -> pl.Series:
    """The currency or percent sign beside the digits of each text; null for any other text."""
    return texts.str.extract(_FRONT, 1).fill_null(texts.str.extract(_BACK, 1))


def _counted(texts: pl.Series) -> dict[str, int]:
    """How many of the texts are digits with each mark, in the order of the marks."""
    if not any_matches(texts, _OF_NUMBERS):
        return {}
    table = _mark_of_each(_short(texts)).drop_nulls().alias("mark").value_counts(name="count").sort("mark")
    return dict(zip(table["mark"].to_list(), table["count"].to_list(), strict=True))


def _currency(mark: str) -> str:
    return _CURRENCY_OF.get(mark, mark)
