"""Characters: what Python does to each one of a text, as tables and as classes that RE2 understands.

RE2's own `\\w` and `\\b`, and onnxruntime's lower-casing, know ASCII alone. What Python's know is asked of
Python, character by character, when a model is converted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
"""By code point, whether a character is meant."""
_COUNT = 0x110000
_SOME = 256
_HALVES = slice(0xD800, 0xE000)
"""Surrogates: halves of characters, which no text in UTF-8 holds."""


@cache
def every() -> str:
    """All characters in one text."""
    return "".join(map(chr, [*range(_HALVES.start), *range(_HALVES.stop, _COUNT)]))


@cache
def matching(pattern: str) -> Mask:
    """The characters that a pattern of one character matches, by Python's own `re`.

    >>> matching(r"[^\\W\\d]")[[ord("é"), ord("7")]].tolist()
    [True, False]
    """
    mask = np.zeros(_COUNT, dtype=np.bool_)
    for run in re.finditer(f"(?:{pattern})+", every()):
        mask[ord(run[0][0]) : ord(run[0][-1]) + 1] = True
    mask[_HALVES] = False
    return mask


def among(characters: Iterable[str]) -> Mask:
    """Just these characters."""
    mask = np.zeros(_COUNT, dtype=np.bool_)
    mask[[ord(c) for c in characters]] = True
    return mask


def a_class(*masks: Mask) -> str:
    """A class of RE2 of the characters of any of `masks`; of none where they have none.

    >>> a_class(among("abcé"))
    '[\\\\x{61}-\\\\x{63}\\\\x{E9}-\\\\x{E9}]'
    """
    whole = np.any(masks, axis=0)
    edge = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    if not len(edge):
        return r"[^\x{0}-\x{10FFFF}]"
    spans = zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True)
    return "[" + "".join(f"\\x{{{a:X}}}-\\x{{{b - 1:X}}}" for a, b in spans) + "]"


@dataclass(frozen=True)
class Changes:
    """What lower-casing and taking accents off do to characters."""

    table: dict[str, str]
    """What becomes of each character that they change."""
    off: Mask
    """Characters of which nothing is left."""


@cache
def changes(lower: bool, accents: str) -> Changes:
    """Of lower-casing, and then of taking accents off ("" for no, "unicode" or "ascii"), where it does not
    depend on a character's neighbours: of the Greek sigma it does.

    >>> found = changes(True, "unicode")
    >>> found.table["É"], found.table["½"], "e" in found.table, bool(found.off[0x301])
    ('e', '1⁄2', False, True)
    """
    table: dict[str, str] = {}
    off = np.zeros(_COUNT, dtype=np.bool_)
    for start in range(0, len(every()), _SOME):
        some = every()[start : start + _SOME]
        if _after(some, lower, accents) == some:
            continue
        for character in some:
            found = _after(character, lower, accents)
            if not found:
                off[ord(character)] = True
            elif found != character:
                table[character] = found
    return Changes(table, off)


def _after(text: str, lower: bool, accents: str) -> str:
    text = text.lower() if lower else text
    if not accents or text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text)
    if accents == "ascii":
        return text.encode("ascii", "ignore").decode()
    return "".join(c for c in text if not unicodedata.combining(c))
