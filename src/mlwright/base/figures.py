"""Numbers as people read them: as many digits as the interval supports, sizes, durations, microseconds.

Pure functions, used wherever people read a figure: by the command line, the card and notebooks.
"""

from __future__ import annotations

import math

from mlwright.base.finding import counted as counted
from mlwright.base.score import Score


def plain(value: float, digits: int = 4) -> str:
    """`value` with about `digits` significant digits and thousands separators; in powers of ten only where
    it is tiny or huge.

    >>> plain(0.123456), plain(48213.7), plain(3.0), plain(float("nan")), plain(1e-9), plain(-1e308)
    ('0.1235', '48,214', '3', '-', '1e-09', '-1e+308')
    """
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if not 1e-5 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def places_for(width: float) -> int:
    """Decimal places at which an interval of this width shows two digits.

    >>> places_for(0.023), places_for(1200), places_for(0.0)
    (3, 0, 4)
    """
    if not math.isfinite(width) or width <= 0:
        return 4
    return max(0, min(8, 1 - math.floor(math.log10(width))))


def score(value: Score) -> tuple[str, str]:
    """A score and its interval as texts with the same number of decimals.

    >>> score(Score(metric="roc_auc", value=0.80123, low=0.789, high=0.8123, rows=9, greater_is_better=True))
    ('0.801', '0.789 to 0.812')
    """
    if not math.isfinite(value.value):
        return "-", ""
    places = places_for(value.high - value.low)
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return f"{value.value:,.{places}f}", ""
    if value.method.startswith("none"):
        return f"{value.value:,.{places}f}", "none"
    return f"{value.value:,.{places}f}", f"{value.low:,.{places}f} to {value.high:,.{places}f}"


def like(value: float, beside: Score) -> str:
    """`value` with the decimals that `beside` is shown with."""
    places = places_for(beside.high - beside.low)
    return f"{round(value, places) + 0.0:,.{places}f}" if math.isfinite(value) else "-"  # never -0


def seconds(value: float | None) -> str:
    """A duration.

    >>> seconds(0.0123), seconds(4.26), seconds(83), seconds(3700), seconds(None)
    ('12 ms', '4.3 s', '1 min 23 s', '1 h 01 min', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float | None) -> str:
    """A number of bytes.

    >>> size(512), size(48_300), size(1_250_000), size(None)
    ('512 B', '48 kB', '1.2 MB', '-')
    """
    if count is None:
        return "-"
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            return f"{count:.1f} {unit}" if count < 9.95 else f"{count:.0f} {unit}"
    return "-"


def microseconds(value: float | None) -> str:
    """CPU time of one row.

    >>> microseconds(12.34), microseconds(1830.0), microseconds(None)
    ('12 µs', '1.8 ms', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.0f} µs" if value < 1000 else f"{value / 1000:.1f} ms"
