"""Canonical JSON (RFC 8785) and content digests: the same value is the same bytes everywhere."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal
from typing import Any

import msgspec

from mlwright.base.errors import Misuse

_encode_string = msgspec.json.Encoder().encode
_SURELY_EXACT = 2**53


def canonical_json(value: Any) -> bytes:  # Any: a tree of JSON values and msgspec structs
    """`value` as canonical JSON bytes: sorted keys, no blanks, numbers as ECMAScript writes them.

    JSON's numbers are doubles here, so that what was read back writes the same bytes. Raises `Misuse` for NaN
    and infinity, for whole numbers that a double would change, and for half a character (a lone surrogate).

    >>> canonical_json({"b": 1.0, "a": [True, None, 1e21]})
    b'{"a":[true,null,1e+21],"b":1}'
    """
    parts: list[bytes] = []
    _write(msgspec.to_builtins(value), parts)
    return b"".join(parts)


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` as lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def number_text(value: float) -> str:
    """`value` as ECMAScript's Number-to-string writes it (RFC 8785, section 3.2.2.3).

    >>> number_text(1e20), number_text(1e-7), number_text(-0.0), number_text(0.1)
    ('100000000000000000000', '1e-7', '0', '0.1')
    """
    if not math.isfinite(value):
        raise Misuse("JSON has no number for NaN or infinity")
    if value == 0:
        return "0"
    text = repr(value)
    if "e" not in text:  # both write the shortest digits, and from 1e-4 to 1e16 alike but for a last ".0"
        return text.removesuffix(".0")
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # The decimal point stands `point` digits from the left of `digits`.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0") or "0"
    n = len(digits)
    if n <= point <= 21:
        return sign + digits + "0" * (point - n)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + (f".{digits[1:]}" if n > 1 else "") + power


def _write(value: Any, parts: list[bytes]) -> None:
    if type(value) is float:  # most of a model file are
        parts.append(number_text(value).encode())
    elif isinstance(value, bool) or value is None:
        parts.append({True: b"true", False: b"false", None: b"null"}[value])
    elif isinstance(value, str):
        parts.append(_string(value))
    elif isinstance(value, int):
        parts.append(_whole(value))
    elif isinstance(value, float):
        parts.append(number_text(value).encode())
    elif isinstance(value, dict):
        plain = all(isinstance(key, str) and key.isascii() for key in value)
        for i, key in enumerate(sorted(value) if plain else sorted(value, key=_in_utf_16)):
            parts.append(b"{" if i == 0 else b",")
            parts.append(_string(str(key)))
            parts.append(b":")
            _write(value[key], parts)
        parts.append(b"}" if value else b"{}")
    elif len(value) > 1 and all(type(item) is float for item in value):
        parts.append(f"[{','.join(map(number_text, value))}]".encode())
    else:
        for i, item in enumerate(value):
            parts.append(b"[" if i == 0 else b",")
            _write(item, parts)
        parts.append(b"]" if len(value) else b"[]")


def _string(value: str) -> bytes:
    try:
        return _encode_string(value)
    except UnicodeEncodeError:
        raise Misuse("JSON has no text with half a character in it (a lone surrogate)") from None


def _whole(value: int) -> bytes:
    """A whole number's own digits; beyond 2**53 only where the double's text is the same number."""
    if abs(value) <= _SURELY_EXACT:
        return str(value).encode()
    try:
        text = number_text(float(value))
    except OverflowError:
        text = "0"
    if Decimal(text) != value:
        digits = len(str(abs(value))) if abs(value) < 10**30 else "more than 30"
        raise Misuse(
            f"a whole number of {digits} digits is not one that a double keeps, as JSON's readers do"
        )
    return text.encode()


def _in_utf_16(key: object) -> bytes:
    return str(key).encode("utf-16-be", "surrogatepass")
