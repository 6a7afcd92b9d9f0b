"""Canonical text, which every way in and every comparison of texts goes by."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SHORT: Final = 256
_RUN: Final = re.compile(r"[^\w\s!-~]{64}")
"""So many characters in a row that are neither letters nor blanks."""
_STACKED: Final = 30
"""So many combining marks in a row are the most of a text that Unicode calls stream-safe."""
_BLANKS: Final = " \t\r\n\f\v\u00a0\ufeff\u200b"


def clean(text: str) -> str:
    """Canonical text: Unicode NFC, without blanks, no-break spaces or byte-order marks around it.

    A text that stacks combining marks without end is left as it is written.

    >>> clean("  caf\\u0065\\u0301 ")
    'café'
    """
    if not text.isascii() and not _is_stacked(text):
        text = unicodedata.normalize("NFC", text)
    return text.strip(_BLANKS)


def _is_stacked(text: str) -> bool:
    """Whether marks are stacked without end: normalising takes the square of their number, minutes a MB."""
    if len(text) <= _SHORT:
        return False
    return any(sum(unicodedata.combining(c) > 0 for c in run[0]) > _STACKED for run in _RUN.finditer(text))
