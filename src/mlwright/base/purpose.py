"""The Purpose: what a model is meant for, what it must not be used for and who answers for it, as stated.

Said by people to `fit`, kept in the recipe of a model file, shown by the cards and by `show`. Texts only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mlwright.base.errors import Misuse
from mlwright.base.texts import clean

MOST: Final[dict[str, int]] = {"intended_use": 1000, "not_for": 1000, "owner": 200}
"""Characters of each text that a model file takes."""


_HARMLESS: Final = "\n\u200c\u200d"
"""Line ends, and the joiners that some scripts are not spelled without."""


class Purpose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people said of a model's use. Empty where nothing was said: nobody may guess it."""

    intended_use: str = ""
    """What its answers are for, and who acts on them."""
    not_for: str = ""
    """Uses that its owner rules out."""
    owner: str = ""
    """Who answers for it: a team, a role, an address."""

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> Purpose:  # Any: JSON values of a file, which may be anything
        """What a recipe says of it; what is no text, or too long for one, counts as not said.

        >>> Purpose.of({"intended_use": "rank calls", "owner": 7, "seed": 0})
        Purpose(intended_use='rank calls', not_for='', owner='')
        """
        told = {name: recipe.get(name) for name in MOST}
        return cls(**{k: v for k, v in told.items() if isinstance(v, str) and len(v) <= MOST[k]})


UNSTATED: Final = Purpose()
"""Nothing was said."""


def stated(**texts: object) -> Purpose:
    """The Purpose that a caller states, trimmed. Raises `Misuse` for what is no plain text, or too long.

    >>> stated(intended_use=" Rank customers for a call. ", not_for=None, owner="")
    Purpose(intended_use='Rank customers for a call.', not_for='', owner='')
    """
    return Purpose(**{name: _plain(name, value) for name, value in texts.items()})


def _plain(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Misuse(
            f"{name}= takes a text, not {type(value).__name__}", remedy="say it in a sentence or two"
        )
    text = clean(value.replace("\r\n", "\n"))
    if len(text) > MOST[name]:
        raise Misuse(
            f"{name}= has {len(text):,} characters, and a model file takes {MOST[name]:,}",
            remedy="say it shortly, and where more is to be read",
        )
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text if c not in _HARMLESS):
        raise Misuse(f"{name}= holds control characters", remedy="give plain text")
    return text
