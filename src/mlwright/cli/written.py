"""Settings that are written as text on the command line, and are mappings in Python: costs and directions.

Used by `commands.fit`. It knows how they are written, not what they mean.
"""

from __future__ import annotations

import csv
import re
from typing import Any

import msgspec

from mlwright.base.errors import Misuse


def costs_in(text: str | None) -> Any:  # Any: JSON values
    """`fn=500,fp=20`, or JSON, as the setting `costs`. Raises `Misuse`.

    >>> costs_in("fn=500,fp=20"), costs_in("fn=Amount,fp=20")
    ({'fn': 500.0, 'fp': 20.0}, {'fn': 'Amount', 'fp': 20.0})
    >>> costs_in('{"sick": {"well": 500}, "*": {"*": 1}}')
    {'sick': {'well': 500}, '*': {'*': 1}}
    """
    if text is None:
        return None
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise Misuse(
                f"--costs is no JSON: {error}", remedy="--costs fn=500,fp=20, or JSON in quotes"
            ) from None
    return {name: _number(value) for name, value in _pairs(text, "--costs", "fn=500,fp=20")}


def directions_in(text: str | None) -> dict[str, int] | None:
    """`age=+1,income=-1` as the setting `monotone`. Raises `Misuse`.

    >>> directions_in("age=+1,income=-1")
    {'age': 1, 'income': -1}
    """
    if text is None:
        return None
    out = {}
    for name, value in _pairs(text, "--monotone", "age=+1,income=-1"):
        if value not in ("1", "+1", "-1", "+", "-"):
            raise Misuse(
                f"--monotone {name}={value}: a direction is +1 or -1",
                remedy="+1: the prediction may only rise with the column; -1: only fall",
            )
        out[name] = -1 if value.startswith("-") else 1
    return out


def classes_in(text: str | None) -> list[int | str] | None:
    """Labels of classes, which are whole numbers where all of them are.

    >>> classes_in("no,yes"), classes_in("0, 1"), classes_in('"a,b",c')
    (['no', 'yes'], [0, 1], ['a,b', 'c'])
    """
    if text is None:
        return None
    labels = next(csv.reader([text], skipinitialspace=True), [])
    whole = all(re.fullmatch(r"-?[0-9]+", label.strip()) for label in labels)
    return [int(label) if whole else label for label in labels]


def _pairs(text: str, flag: str, such_as: str) -> list[tuple[str, str]]:
    parts = next(csv.reader([text], skipinitialspace=True), [])
    pairs = [part.rpartition("=") for part in parts]
    for part, (name, equals, value) in zip(parts, pairs, strict=True):
        if not (equals and name.strip() and value.strip()):
            raise Misuse(f"{flag} does not understand {part!r}", remedy=f"such as {flag} {such_as}")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
