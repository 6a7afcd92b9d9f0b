"""Canonical text, which every way in and every comparison of texts goes by."""

from __future__ import annotations

import unicodedata
from typing import Final

_BLANKS: Final = " \t\r\n\f\v\u00a0\ufeff\u200b"


def clean(text: str) -> str:
    """Canonical text: Unicode NFC, without blanks, no-break spaces or byte-order marks around it.

    >>> clean("  caf\\u0065\\u0301 ")
    'café'
    """
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip(_BLANKS)
