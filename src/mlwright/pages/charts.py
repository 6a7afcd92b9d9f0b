"""Small static charts as inline SVG: how a column is spread, and the target along it.

Drawn from sketches (quantiles and counts), never from rows. Used by the pages of this package.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from mlwright.base.profile import Along, ColumnProfile
from mlwright.pages.page import text

WIDTH: Final = 300
HEIGHT: Final = 70
BINS: Final = 30
MOST_BARS: Final = 6
FAR: Final = 5.0
"""Where the outermost hundredths reach so many times farther than all the rest, they are not drawn."""


def histogram(column: ColumnProfile, *, moments: bool) -> str:
    """The spread of numbers, in bars of equal width, from their hundredths."""
    if len(column.quantiles) < 3 or column.quantiles[0] == column.quantiles[-1]:
        return ""
    places = list(column.quantiles)
    low, high, cut = _ends(places)
    heights = _masses(places, low, high, _bins(column, low, high))
    most = max(heights)
    step = WIDTH / len(heights)
    # One path for all bars keeps a page of two hundred columns small.
    path = "".join(
        f"M{k * step:.1f} {HEIGHT}v{-HEIGHT * h / most:.1f}h{max(step - 1, 0.8):.1f}V{HEIGHT}z"
        for k, h in enumerate(heights)
        if h > 0
    )
    said = f"from {figure(low, moments=moments)} to {figure(high, moments=moments)}"
    drawn = _svg(f'<path class="bar" d="{path}"/>', HEIGHT, f"spread {said}")
    return _figure(drawn, f"{said}{'; the outermost 1 % at a far end is not drawn' if cut else ''}")


def bars(column: ColumnProfile) -> str:
    """The most frequent categories and their shares of the rows."""
    if not column.counts or not column.rows:
        return ""
    shown = [*column.counts[:MOST_BARS]]
    rest = sum(n for _, n in column.counts[MOST_BARS:]) + column.other
    rows = [(name, n) for name, n in shown] + ([("all others", rest)] if rest else [])
    most, height = max(n for _, n in rows), 16
    parts = []
    for k, (name, n) in enumerate(rows):
        y, length = k * height, max(1.0, 130 * n / most)
        parts.append(
            f'<rect class="bar" x="120" y="{y + 2}" width="{length:.1f}" height="{height - 5}"/>'
            f'<text x="114" y="{y + 11}" text-anchor="end">{text(_short(name))}</text>'
            f'<text x="{124 + length:.1f}" y="{y + 11}">{share(n, column.rows)}</text>'
        )
    return _figure(_svg("".join(parts), height * len(rows), "most frequent categories"), "")


def along(curve: Along) -> str:
    """The mean target in each part of a column, with 95 % intervals; the dashed line is the mean of all."""
    parts = curve.parts
    if len(parts) < 2:
        return ""
    low, high = min(p.low for p in parts), max(p.high for p in parts)
    low, high = min(low, curve.mean), max(high, curve.mean)
    if not high > low:
        return ""

    def y(value: float) -> float:
        return 4 + (HEIGHT - 8) * (1 - (value - low) / (high - low))

    step = WIDTH / len(parts)
    drawn = [f'<path class="base" d="M0 {y(curve.mean):.1f}H{WIDTH}"/>']
    for k, part in enumerate(parts):
        x = (k + 0.5) * step
        drawn.append(f'<path class="error" d="M{x:.1f} {y(part.low):.1f}V{y(part.high):.1f}"/>')
        drawn.append(f'<circle class="point" cx="{x:.1f}" cy="{y(part.mean):.1f}" r="2.5"/>')
    ends = [f"{100 * v:.3g} %" if curve.shares else figure(v) for v in (low, high)]
    said = f"{curve.what}, {ends[0]} to {ends[1]}"
    order = (
        "in tenths of the rows, low to high" if curve.ordered else ", ".join(_short(p.label) for p in parts)
    )
    return _figure(_svg("".join(drawn), HEIGHT, said), f"{said}; {order}")


def figure(value: float, *, moments: bool = False) -> str:
    """A number, or a moment in seconds since 1970, for a reader.

    >>> figure(1234567.0), figure(0.000123), figure(0.0, moments=True)
    ('1,234,567', '0.000123', '1970-01-01')
    """
    if moments and -6.2e10 < value < 2.5e11:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=value)
        return moment.strftime("%Y-%m-%d") if value % 86400 == 0 else moment.strftime("%Y-%m-%d %H:%M")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """A share in percent that never says 0 or 100 % of what is not.

    >>> share(1, 30000), share(29999, 30000), share(1, 3)
    ('under 0.1 %', 'over 99.9 %', '33.3 %')
    """
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return "over 99.9 %" if 99.9 < percent < 100 else f"{percent:.1f} %".replace(".0 %", " %")


def _ends(places: Sequence[float]) -> tuple[float, float, bool]:
    """What is drawn: all, or all but a far end."""
    low, high = places[0], places[-1]
    middle = places[-2] - places[1]
    if middle > 0 and high - places[-2] > FAR * middle:
        high = places[-2]
    if middle > 0 and places[1] - low > FAR * middle:
        low = places[1]
    return low, high, (low, high) != (places[0], places[-1])


def _bins(column: ColumnProfile, low: float, high: float) -> int:
    """Thirty, or one a value of few whole numbers."""
    span = high - low + 1
    return int(span) if column.whole and span <= BINS and column.distinct <= BINS else BINS


def _masses(places: Sequence[float], low: float, high: float, count: int) -> list[float]:
    """The share of rows in each of `count` bins of equal width, every hundredth spread over where it lies."""
    width = (high - low) / count
    masses = [0.0] * count
    for one, other in pairwise(places):
        start, end = max(one, low), min(other, high)
        if start > high or end < low:
            continue
        first = min(count - 1, max(0, math.floor((start - low) / width)))
        last = min(count - 1, max(0, math.floor((end - low) / width)))
        if first == last or other <= one:
            masses[first] += 1.0
            continue
        for k in range(first, last + 1):
            inside = min(end, low + (k + 1) * width) - max(start, low + k * width)
            masses[k] += max(0.0, inside) / (other - one)
    return masses


def _svg(inner: str, height: int, said: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{text(said)}">{inner}</svg>'


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}{f'<figcaption>{text(caption)}</figcaption>' if caption else ''}</figure>"


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
