"""What the name of a column says about it: an identifier, a code, a date.

Used by inference, always together with what the values say. It knows no values.
"""

from __future__ import annotations

import re
from typing import Final

_IDENTIFIER: Final = frozenset(
    ("id", "ids", "pid", "uid", "uuid", "guid", "key", "index", "idx", "code", "ref", "reference")
    + ("row", "rowid", "rownum", "record", "recordid", "number", "no", "nr", "num", "order", "instant")
    + ("seq", "sequence", "serial", "unnamed", "customerid", "userid", "passengerid", "patientid", "sampleid")
)
_ALWAYS_CODE: Final = frozenset(("id", "code", "zip", "zipcode", "postcode", "postalcode", "plz", "sku"))
_CODE: Final = _ALWAYS_CODE | {"class", "subclass", "type", "category", "pid", "uid"}


def words_of(name: str) -> list[str]:
    """The words of a column name, lower-cased: at blanks, punctuation and changes of case.

    >>> words_of("MS SubClass"), words_of("customerID"), words_of("zip_code")
    (['ms', 'sub', 'class'], ['customer', 'id'], ['zip', 'code'])
    """
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", parted.lower())


def names_an_identifier(name: str) -> bool:
    """Whether the last word of the name is one that identifiers have.

    >>> names_an_identifier("PolicyNumber"), names_an_identifier("age")
    (True, False)
    """
    words = words_of(name)
    return not words or words[-1] in _IDENTIFIER or words[0] == "unnamed"


def is_called_id(name: str) -> bool:
    """Whether the name says outright that it is an identifier.

    >>> is_called_id("PID"), is_called_id("house number")
    (True, False)
    """
    words = words_of(name)
    return bool(words) and words[-1] in ("id", "pid", "uid", "uuid", "guid")


def names_a_code(name: str) -> bool:
    """Whether whole numbers under this name are rather codes than amounts, where there are few of them.

    >>> names_a_code("MS SubClass"), names_a_code("Pclass")
    (True, False)
    """
    words = words_of(name)
    return bool(words) and words[-1] in _CODE


def names_things(name: str) -> bool:
    """Whether whole numbers under this name are codes of things, however many there are.

    >>> names_things("store_id"), names_things("room type")
    (True, False)
    """
    words = words_of(name)
    return bool(words) and words[-1] in _ALWAYS_CODE
