"""Error rates that users choose: what is none, and how the least that can be kept to is told.

Used by whatever answers at a rate: sets, intervals, abstaining.
"""

from __future__ import annotations

import math

from mlwright.base.errors import Misuse


def refuse_no_rate(name: str, rate: object) -> None:
    """Raises `Misuse` where `rate` is no number between 0 and 1."""
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 < rate < 1.0:
        raise Misuse(f"{name}={rate!r} is no rate between 0 and 1", remedy="say such as 0.1")


def rounded_up(rate: float) -> float:
    """A rate rounded up to three digits, which can be kept to.

    >>> rounded_up(0.012345), rounded_up(1 - 0.95)
    (0.0124, 0.05)
    """
    scale = 10.0 ** (2 - math.floor(math.log10(max(rate, 1e-12))))
    return math.ceil(rate * scale - 1e-9) / scale
