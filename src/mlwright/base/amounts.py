"""Amounts with units as people write them: spans of time and sizes of memory.

Used where limits are given, in Python and on the command line. It knows nothing of what is limited.
"""

from __future__ import annotations

import re

from mlwright.base.errors import Misuse

_SPANS = {
    "": 1.0,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
_SIZES = {
    "": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
}  # fmt: skip


def seconds_of(span: float | str, name: str = "time_limit") -> float:
    """Seconds in a span such as 90, "90", "90s", "5m", "1.5h", "50us" or "2 ms". Raises `Misuse`.

    >>> seconds_of("5m"), seconds_of(30), seconds_of("50us")
    (300.0, 30.0, 5e-05)
    """
    number, unit = _parted(span)
    if number <= 0 or unit not in _SPANS:
        examples = _EXAMPLES.get(name, '"90s", "5m"')
        raise Misuse(f"{name}={span!r} is no span of time", remedy=f"say seconds, or {examples}")
    return number * _SPANS[unit] if _SPANS[unit] >= 1 else round(number * _SPANS[unit], 12)


def bytes_of(size: float | str, name: str = "max_size") -> int:
    """Bytes in a size such as 4096, "3MB" (3,000,000) or "3 MiB" (3,145,728). Raises `Misuse`.

    >>> bytes_of("3MB"), bytes_of("1.5 KiB"), bytes_of(100)
    (3000000, 1536, 100)
    """
    number, unit = _parted(size)
    if number <= 0 or unit.lower() not in _SIZES:
        raise Misuse(f"{name}={size!r} is no size", remedy='say bytes, or "500KB", "3MB", "1GiB"')
    return round(number * _SIZES[unit.lower()])


_EXAMPLES = {"gap": '"12h", "7d"', "time_limit": '"90s", "5m", "1h"', "max_latency": '"50us", "1ms"'}


def _parted(amount: float | str) -> tuple[float, str]:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)\s*([a-zµ]*)\s*", str(amount), re.I)
    return (float(match[1]), match[2]) if match else (0.0, "?")
