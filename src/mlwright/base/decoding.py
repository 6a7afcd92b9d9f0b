"""From what people send to values: one function a kind, used by every way in.

Two ways in exist. *Typed* values come from JSON, Python rows and typed frame columns: a number is a number.
*Text* comes from files and string columns: a number is written, by the rules in the schema. Both end in
the same values: float (NaN is missing) for numeric, boolean and datetime; str ("" is missing) for the rest.
tests/vectors/decoding.json is the specification; this module must know neither frames nor tensors.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from mlwright.base.constraints import breach
from mlwright.base.errors import shown
from mlwright.base.months import in_english
from mlwright.base.numerals import number_of
from mlwright.base.schema import Column
from mlwright.base.texts import clean

NAN = math.nan
Value = float | str

_WHOLE = re.compile(r"-?(0|[1-9]\d*)(\.0*)?", re.ASCII)
_NOTHING = frozenset({"NAType", "NaTType"})
"""Names of the types of pandas' missing values, whatever the column's kind."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BIGGEST_WHOLE = 2**53


class ValueRefused(ValueError):
    """A value that its column cannot hold: `reason` says why, `expected` what would do."""

    def __init__(self, value: object, reason: str, expected: str) -> None:
        super().__init__(f"{reason}, expected {expected}, got {shown(value)}")
        self.value, self.reason, self.expected = value, reason, expected


def decoder(column: Column, *, text: bool = False) -> Callable[[Any], Value]:  # Any: whatever was sent
    """A function from one sent value to one decoded value, by the column's kind and rules.

    `text=True` for values that were written in a file or a string column. The function raises
    `ValueRefused` for what the column cannot hold.

    >>> decoder(Column(name="age", kind="numeric"))(41)
    41.0
    >>> decoder(Column(name="zip", kind="categorical"))(7.0)
    '7'
    """
    scalar = _TEXT[column.kind] if text else _TYPED[column.kind]
    markers = frozenset(clean(m) for m in column.missing)
    numbers = missing_numbers(column)
    missing: Value = NAN if column.kind in ("numeric", "boolean", "datetime") else ""

    # What a marker means once it is read: -999.0 is -999, and the code 7.0 is 7.
    read_markers: frozenset[Any] = numbers if column.kind == "numeric" else markers
    broken = breach(column)

    def decode(value: Any) -> Value:
        if isinstance(value, str):
            stripped = clean(value)
            decoded = missing if not stripped or stripped in markers else scalar(stripped, column)
        elif _is_nothing(value) or (numbers and not _is_bool(value) and _as_float(value) in numbers):
            decoded = missing
        else:
            decoded = scalar(value, column)
        if decoded != decoded or decoded in read_markers:
            decoded = missing
        if not column.nullable and (decoded == "" or decoded != decoded):
            raise ValueRefused(value, "a value is missing", f"{column.kind}, never missing")
        if broken is not None and decoded != "" and decoded == decoded:
            why = broken(decoded)
            if why is not None:
                raise ValueRefused(value, *why)
        return decoded

    return decode


def missing_numbers(column: Column) -> frozenset[float]:
    """The markers of `column` that are numbers: the typed value -999 is missing where the text is.

    >>> missing_numbers(Column(name="age", kind="numeric", missing=("NA", "-999")))
    frozenset({-999.0})
    """
    # A marker stands in place of a number: it needs no percent sign.
    number = msgspec.structs.replace(column.number, percent=False) if column.number.percent else column.number
    found = (number_of(clean(m), number) for m in column.missing)
    return frozenset(number for number in found if number is not None)


def category_of(value: Any, codes: bool = False) -> str:
    """Canonical text of a category: 7, 7.0 and "7" are "7"; "07" stays; trimmed; NFC.

    With `codes`, the texts "7" and "7.0" are one as well. Missing is "".

    >>> category_of(7.0), category_of("07"), category_of(True)
    ('7', '07', 'true')
    >>> category_of("7.0"), category_of("7.0", codes=True)
    ('7.0', '7')
    """
    if isinstance(value, str):
        text = clean(value)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise ValueRefused(value, "holds half a character", "text in Unicode")
        if codes and _WHOLE.fullmatch(text):
            whole = text.split(".")[0]
            return "0" if whole == "-0" else whole
        return text
    if value is None:
        return ""
    if _is_bool(value):
        return "true" if value else "false"
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    number = _as_float(value)
    if number is None:
        raise ValueRefused(value, "not a category", "text, a number, true or false")
    if isinstance(value, int) or _dtype_kind(value) in ("i", "u"):
        return str(int(value))
    if number != number:
        return ""
    if math.isinf(number):
        raise ValueRefused(value, "infinite", "a category")
    return str(int(number)) if number.is_integer() and abs(number) < _BIGGEST_WHOLE else repr(number)


def seconds_of(moment: dt.datetime | dt.date) -> float:
    """Seconds since 1970 UTC; a naive time is taken as UTC."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if getattr(moment, "nanosecond", 0):  # pandas counts those; texts and other tables end at microseconds
        moment = moment.replace(nanosecond=0)  # type: ignore[call-arg]
    return (moment - _EPOCH) / dt.timedelta(seconds=1)


def moment_of(text: str, formats: tuple[str, ...] = ()) -> float | None:
    """Seconds since 1970 that `text` writes, in ISO 8601 or one of `formats`, or None.

    >>> moment_of("1970-01-02"), moment_of("2/1/1970", ("%d/%m/%Y",)), moment_of("soon")
    (86400.0, 86400.0, None)
    """
    for form in formats:
        moment = read_by(text, form)
        if moment is not None:
            return seconds_of(moment)
    if len(text) < 8 or not text[:4].isdigit() or ("-" not in text[4:6] and "T" not in text):
        return None
    try:
        return seconds_of(dt.datetime.fromisoformat(text))
    except ValueError:
        return None


def read_by(text: str, form: str) -> dt.datetime | None:
    """The moment that `text` writes in a strptime form, or None; names of months in any known language.

    >>> read_by("3. März 2024", "%d. %b %Y")
    datetime.datetime(2024, 3, 3, 0, 0)
    """
    if "%b" in form or "%B" in form:
        text, form = in_english(text), form.replace("%B", "%b").replace("%A", "%a")
    try:
        return dt.datetime.strptime(text, form)
    except ValueError:
        return None


def _as_float(value: Any) -> float | None:
    """A Python or numpy number as float; None for anything else."""
    if isinstance(value, (int, float, Decimal)) or _dtype_kind(value) in ("i", "u", "f"):
        try:
            return float(value)
        except (OverflowError, TypeError, ValueError):
            return None
    return None


def _finite(value: Any, expected: str) -> float:
    number = None if _is_bool(value) else _as_float(value)
    if number is None:
        raise ValueRefused(value, f"not {expected}", expected)
    if math.isinf(number):
        raise ValueRefused(value, "infinite", expected)
    return number


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or _dtype_kind(value) == "b"


def _is_nothing(value: Any) -> bool:
    """None, pandas' missing values, and numpy's not-a-time."""
    if value is None or type(value).__name__ in _NOTHING:
        return True
    return _dtype_kind(value) in ("M", "m") and bool(value != value)


def _dtype_kind(value: Any) -> str:
    """numpy's letter for the type of one of its scalars; "" for whole arrays and everything else."""
    return getattr(getattr(value, "dtype", None), "kind", "") if getattr(value, "ndim", 1) == 0 else ""


def _number_typed(value: Any, column: Column) -> float:
    return _finite(value, "a number")


def _number_text(value: Any, column: Column) -> float:
    if not isinstance(value, str):
        return _number_typed(value, column)
    number = number_of(value, column.number)
    if number is None:
        expected = "a finite number with %" if column.number.percent else "a finite number"
        if column.number.units:
            expected += f" in {' or '.join(unit for unit, _ in column.number.units[:4])}"
        raise ValueRefused(value, "not a number", expected)
    return number


def _boolean_typed(value: Any, column: Column) -> float:
    if _is_bool(value):
        return float(value)
    expected = _spellings(column)
    if isinstance(value, str):
        low = value.lower()
        if low in column.true:
            return 1.0
        if low in column.false:
            return 0.0
        raise ValueRefused(value, "not a yes or no", expected)
    number = _finite(value, expected)
    if number not in (0.0, 1.0) and number == number:
        raise ValueRefused(value, "not a yes or no", expected)
    return number


def _boolean_text(value: Any, column: Column) -> float:
    if isinstance(value, str):
        low = value.lower()
        if low in ("true", "1", "1.0") and low not in column.false:
            return 1.0
        if low in ("false", "0", "0.0") and low not in column.true:
            return 0.0
    return _boolean_typed(value, column)


def _spellings(column: Column) -> str:
    return " or ".join(["true", "false", *(repr(s) for s in (*column.true[:2], *column.false[:2]))])


def _datetime(value: Any, column: Column) -> float:
    expected = "an ISO 8601 date or time" + (f" or {column.formats[0]!r}" if column.formats else "")
    if isinstance(value, str):
        seconds = moment_of(value, column.formats)
        if seconds is None:
            raise ValueRefused(value, "not a date or time", expected)
        return seconds
    if isinstance(value, (dt.datetime, dt.date)):
        return seconds_of(value)
    if type(value).__name__ == "datetime64":
        return float(value.astype("datetime64[us]").astype("int64")) / 1e6
    number = _as_float(value)
    if number is not None and number != number:
        return NAN
    raise ValueRefused(value, "not a date or time", expected)


def _category(value: Any, column: Column) -> str:
    return category_of(value, column.codes)


_TYPED: dict[str, Callable[[Any, Column], Value]] = {
    "numeric": _number_typed,
    "boolean": _boolean_typed,
    "datetime": _datetime,
    "categorical": _category,
    "text": _category,
    "id": _category,
}
_TEXT = _TYPED | {"numeric": _number_text, "boolean": _boolean_text}
