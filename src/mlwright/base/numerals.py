"""Numbers as people write them: separators, currency, percent, accounting brackets, units.

Used by `base.decoding` for one text and by `data` for whole columns. It knows no kinds and no missing values.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Final

from mlwright.base.schema import NumberFormat
from mlwright.base.texts import clean

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_POINT: Final = NumberFormat()
_BESIDE_MARKS: Final = (" ", "\u00a0", "\u202f")


def number_of(text: str, number: NumberFormat = _POINT) -> float | None:
    """The finite number that cleaned `text` writes in the format `number`, or None.

    >>> number_of("1.234,5", NumberFormat(decimal=",", thousands=".")), number_of("1_000"), number_of("inf")
    (1234.5, None, None)
    >>> number_of("-$1,200", NumberFormat(thousands=",", symbols=("$",)))
    -1200.0
    >>> number_of("12.3 %", NumberFormat(percent=True)), number_of("12.3", NumberFormat(percent=True))
    (0.123, None)
    >>> number_of("123 g", NumberFormat(units=(("kg", 1.0), ("g", 0.001))))
    0.123
    """
    power, factor = 0, 1.0
    if number.units:
        measured = _without_unit(text, number.units)
        if measured is None:
            return None
        text, power, factor = measured
    elif number.marked:
        bare = _unmarked(text, number)
        if bare is None:
            return None
        text = bare
    decimal, thousands = number.decimal, number.thousands
    if thousands == " ":
        text = text.replace("\u00a0", " ").replace("\u202f", " ")
    if thousands:
        head, point, tail = text.partition(decimal)
        groups = head.lstrip("+-").split(thousands)
        regular = 1 <= len(groups[0]) <= 3 and all(len(g) == 3 and g.isdecimal() for g in groups[1:])
        if len(groups) > 1 and not (regular and groups[0].isdecimal()):
            return None
        text = head.replace(thousands, "") + point + tail
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    if not _NUMBER.fullmatch(text):
        return None
    if number.percent:
        if "e" in text.lower():
            return None
        text += "e-2"  # dividing by 100 would round twice: 12.3% is to be exactly the 0.123 of a request
    if power and "e" not in text.lower():
        text, factor = f"{text}e{power}", 1.0
    value = float(text) * factor
    return None if math.isinf(value) else value


@lru_cache(maxsize=256)
def unit_scales(units: tuple[tuple[str, float], ...]) -> tuple[tuple[str, int | None, float], ...]:
    """For each unit its spelling, the power of ten that brings it into the column's unit (None where none
    does), and the factor.

    >>> unit_scales((("kg", 1.0), ("g", 0.001), ("lb", 0.45359237)))
    (('kg', 0, 1.0), ('g', -3, 0.001), ('lb', None, 0.45359237))
    """
    powers = {float(f"1e{k}"): k for k in range(-24, 25)}
    return tuple((clean(spelling), powers.get(factor), factor) for spelling, factor in units)


def _without_unit(text: str, units: tuple[tuple[str, float], ...]) -> tuple[str, int, float] | None:
    """`text` without its unit, the power of ten and the factor; None where one is due and absent."""
    scales = unit_scales(units)
    for spelling, power, factor in sorted(scales, key=lambda s: -len(s[0])):
        if spelling and text.endswith(spelling):
            rest = text[: -len(spelling)]
            return (rest[:-1] if rest[-1:] in _BESIDE_MARKS else rest), power or 0, factor
    return (text, 0, 1.0) if len({factor for _, _, factor in scales}) == 1 else None


def _unmarked(text: str, number: NumberFormat) -> str | None:
    """`text` without its one sign of currency or percent, a minus for brackets; None for a broken form."""
    marks = ("%",) if number.percent else _longest_first(number.symbols)
    text, found = _without_mark(text, marks)
    if number.accounting and text[:1] == "(" and text[-1:] == ")":
        text = text[1:-1]
        if not found:
            text, found = _without_mark(text, marks)
        if text[:1] in ("+", "-"):
            return None
        text = "-" + text
    elif not found and text[:1] in ("+", "-"):
        rest, found = _without_mark(text[1:], marks)
        if found and rest[:1] in ("+", "-"):
            return None
        text = text[0] + rest
    return text if found or not number.percent else None


def _without_mark(text: str, marks: tuple[str, ...]) -> tuple[str, bool]:
    """`text` without the one of `marks` that it begins or else ends with, and at most one blank beside it."""
    for mark in marks:
        if text.startswith(mark):
            rest = text[len(mark) :]
            return (rest[1:] if rest[:1] in _BESIDE_MARKS else rest), True
    for mark in marks:
        if text.endswith(mark):
            rest = text[: -len(mark)]
            return (rest[:-1] if rest[-1:] in _BESIDE_MARKS else rest), True
    return text, False


@lru_cache(maxsize=256)
def _longest_first(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """`US$` before `$`, so that the whole mark is taken off."""
    return tuple(sorted((s for s in map(clean, symbols) if s), key=len, reverse=True))
