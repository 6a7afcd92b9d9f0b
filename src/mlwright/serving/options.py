"""What a query may ask of a prediction, read strictly.

Read once for each distinct head; passed to the dialect that decodes the body and writes the answer.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mlwright.base.errors import nearest
from mlwright.serving.answers import Refused

_SWITCHES = {b"true": True, b"false": False}
_NUMBER = re.compile(rb"[0-9]{0,20}\.?[0-9]{1,30}(?:[eE][+-]?[0-9]{1,3})?")
_RATES = ("set", "interval", "abstain")


class Options(NamedTuple):
    """What is wanted of one request's rows."""

    partial: bool = False
    """Answer the good rows, and say beside each bad one why, instead of refusing the request."""
    proba: bool = True
    """Write the probability of each class."""
    set: float = 0.0
    """Write the labels that are plausible at this error rate; 0: do not."""
    interval: float = 0.0
    """Write the two ends between which the truth lies but for this error rate; 0: do not."""
    abstain: float = 0.0
    """Leave labels out where they are not sure enough for at most this share to be wrong; 0: do not."""
    explain: bool = False
    """Write what each column added to the answer."""


PLAIN = Options()


def options_of(query: bytes) -> Options:
    """The options that `query` (without "?") names. Raises `Refused` (400) for anything else.

    >>> options_of(b"partial=true&proba=false")
    Options(partial=True, proba=False, set=0.0, interval=0.0, abstain=0.0, explain=False)
    """
    if not query:
        return PLAIN
    said: dict[str, Any] = {}  # Any: by the option's type
    for part in query.split(b"&"):
        name, equals, value = part.partition(b"=")
        word = name.decode("ascii", "replace")
        if word not in Options._fields:
            like = nearest(word, Options._fields)
            known = ", ".join(Options._fields)
            hint = f"did you mean {like}?" if like else f"there are {known}"
            raise _refused("unknown_parameter", "the query names a parameter that there is not", hint)
        if word in said:
            raise _refused("bad_parameter", f"{word} is said twice", "say it once")
        if word in _RATES:
            if not _NUMBER.fullmatch(value) or not 0.0 < float(value) < 1.0:
                message = f"{word} is no error rate between 0 and 1"
                raise _refused("bad_parameter", message, f"say {word}=0.1")
            said[word] = float(value)
            continue
        if not equals or value not in _SWITCHES:
            raise _refused("bad_parameter", f"{word} is neither true nor false", f"say {word}=true")
        said[word] = _SWITCHES[value]
    return Options(**said)


def _refused(code: str, message: str, remedy: str) -> Refused:
    return Refused(400, code, message, remedy)
