"""Charts of the page about a model, as SVG and tables: whiskers, bars, a heat table, curves, reliability.

Each draws plain figures and stands beside a table of them, so that nothing is in the picture alone. They know
nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mlwright.pages.charts import figure
from mlwright.pages.page import text

STRIP: Final = (200, 20)
"""Width and height of one whisker."""
PLOT: Final = (340, 200)
SQUARE: Final = 260
LEFT, BOTTOM, TOP, RIGHT = 44, 30, 8, 10
"""Room about a plot for its axes."""
COUNTS: Final = 40
"""Height of the bars of counts under a reliability plot."""
SHADES: Final = 9
"""Of a heat table, in CSS `h0` to `h9` and `w0` to `w9`."""


@dataclass(frozen=True)
class Scale:
    """Figures from `low` to `high` laid out over pixels from `start` to `end`; beyond them lies the end."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a figure.

        >>> Scale(0.0, 2.0, 10.0, 110.0).at(1.0), Scale(0.0, 2.0, 10.0, 110.0).at(9.0)
        (60.0, 110.0)
        """
        width = self.high - self.low
        share = min(1.0, max(0.0, (value - self.low) / width)) if width > 0 else 0.5
        return self.start + share * (self.end - self.start)


def across(low: float, high: float) -> Scale:
    """The scale of a strip, with room for the dots at its ends."""
    return Scale(low, high, 6.0, STRIP[0] - 6.0)


@dataclass(frozen=True)
class Dot:
    """A figure with its interval; no interval where both ends are the figure."""

    value: float
    low: float
    high: float


def strip(
    scale: Scale, dot: Dot, said: str, *, marks: Sequence[float] = (), plain: float | None = None
) -> str:
    """One dot with its whisker, dashed lines at `marks`, and a hollow dot at `plain`; `said` is its text.

    Strips with one scale under each other are a chart. Empty for a figure that is not finite.
    """
    if not all(map(math.isfinite, (dot.value, dot.low, dot.high))):
        return ""
    middle = STRIP[1] / 2
    parts = [f'<path class="mark" d="M{scale.at(m):.1f} 0V{STRIP[1]}"/>' for m in marks]
    if plain is not None and math.isfinite(plain):
        parts.append(f'<circle class="plain" cx="{scale.at(plain):.1f}" cy="{middle}" r="3"/>')
    if dot.high > dot.low:
        parts.append(_whisker(scale, dot, middle))
    parts.append(f'<circle class="dot" cx="{scale.at(dot.value):.1f}" cy="{middle}" r="3"/>')
    return _svg("".join(parts), *STRIP, said, "strip")


def ends(scale: Scale, names: Sequence[tuple[float, str]]) -> str:
    """The head of strips: what stands at some figures of their scale."""
    parts = []
    for value, name in names:
        at = scale.at(value)
        side = "start" if at < 30 else "end" if at > STRIP[0] - 30 else "middle"
        parts.append(f'<text x="{at:.1f}" y="{STRIP[1] - 7}" text-anchor="{side}">{text(name)}</text>')
    return _svg("".join(parts), *STRIP, ", ".join(name for _, name in names), "strip")


def bar(scale: Scale, dot: Dot, said: str) -> str:
    """A bar from 0 to the figure, with the whisker of its interval. Empty for a figure that is not finite."""
    if not all(map(math.isfinite, (dot.value, dot.low, dot.high))):
        return ""
    zero, end, middle = scale.at(0.0), scale.at(dot.value), STRIP[1] / 2
    left, width = min(zero, end), max(1.0, abs(end - zero))
    parts = [f'<rect class="bar" x="{left:.1f}" y="{middle - 5}" width="{width:.1f}" height="10"/>']
    parts += [_whisker(scale, dot, middle)] if dot.high > dot.low else []
    return _svg("".join(parts), *STRIP, said, "strip")


@dataclass(frozen=True)
class Row:
    """One line of a list."""

    label: str
    dot: Dot
    said: str
    """The figure as people read it."""
    stressed: bool = False
    """Whether it stands out; `said` must tell so, too."""
    part: bool = False
    """Whether it is a part of what the row above tells."""


def bar_list(rows: Sequence[Row], headings: tuple[str, str]) -> str:
    """Labels, bars with whiskers on one scale that holds 0, and figures: a table that is its own chart."""
    scale = _around(rows, (0.0,))
    return "" if scale is None else _listed(rows, headings, lambda r: bar(scale, r.dot, r.said))


def dot_list(rows: Sequence[Row], headings: tuple[str, str], *, marks: Sequence[float] = ()) -> str:
    """The same with dots, and dashed lines at `marks`, which the scale holds."""
    scale = _around(rows, marks)
    return (
        "" if scale is None else _listed(rows, headings, lambda r: strip(scale, r.dot, r.said, marks=marks))
    )


def _around(rows: Sequence[Row], marks: Sequence[float]) -> Scale | None:
    """The scale that holds all that can be drawn; None where nothing can."""
    whole = [r.dot for r in rows if all(map(math.isfinite, (r.dot.value, r.dot.low, r.dot.high)))]
    ends = [*marks, *(e for d in whole for e in (d.value, d.low, d.high))]
    return across(min(ends), max(ends)) if whole else None


def _listed(rows: Sequence[Row], headings: tuple[str, str], draw: Callable[[Row], str]) -> str:
    lines = (
        f'<tr{_kind(r)}><th scope="row">{text(r.label)}</th><td class="plot">{draw(r)}</td>'
        f'<td class="n">{text(r.said)}</td></tr>'
        for r in rows
    )
    first, last = (text(h) for h in headings)
    head = f'<tr><th scope="col">{first}</th><td></td><th scope="col" class="n">{last}</th></tr>'
    return f'<table class="bars"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'


def _kind(row: Row) -> str:
    kinds = [name for name, so in (("stressed", row.stressed), ("part", row.part)) if so]
    return f' class="{" ".join(kinds)}"' if kinds else ""


def heat(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Counts by true class (rows) and predicted class (columns), shaded by their share of the row."""
    heads = "".join(f'<th scope="col">{text(_short(n))}</th>' for n in names)
    lines = []
    for i, (name, row) in enumerate(zip(names, counts, strict=True)):
        total = sum(row)
        cells = "".join(
            f'<td class="{"h" if i == k else "w"}{_shade(n, total)}">{n:,}</td>' for k, n in enumerate(row)
        )
        share = f"{100 * row[i] / total:.0f} %" if total else "-"
        lines.append(f'<tr><th scope="row">{text(_short(name))}</th>{cells}<td class="n">{share}</td></tr>')
    said = "Rows: what was true. Columns: what was predicted. Shaded by the share of the row."
    return f'<p class="small soft">{said}</p>' + wide(
        f'<table class="heat"><thead><tr><td></td>{heads}<th scope="col">right</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>",
        "counts of true and predicted classes",
    )


@dataclass(frozen=True)
class Bin:
    """Rows of which nearly the same was predicted, and what happened to them."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def reliability(
    bins: Sequence[Bin],
    said: str,
    *,
    span: tuple[float, float] = (0.0, 1.0),
    ends: tuple[str, str] = ("0", "1"),
) -> str:
    """What was predicted against what was observed, with intervals; on the dashed line is right.

    Both axes go over `span`, at whose ends stands `ends`. The bars below count the rows. Empty where there
    is no bin.
    """
    if not bins:
        return ""
    x, y = Scale(*span, _left(ends), SQUARE - RIGHT), Scale(*span, SQUARE - BOTTOM, TOP)
    most = max(b.rows for b in bins)
    foot = SQUARE + COUNTS
    parts = [f'<path class="mark" d="M{x.start} {y.start}L{x.end} {y.end}"/>']
    for b in bins:
        at, height = x.at(b.predicted), max(1.0, (COUNTS - 4) * b.rows / most)
        parts.append(f'<path class="whisker" d="M{at:.1f} {y.at(b.low):.1f}V{y.at(b.high):.1f}"/>')
        parts.append(f'<circle class="dot" cx="{at:.1f}" cy="{y.at(b.observed):.1f}" r="3.5"/>')
        parts.append(
            f'<rect class="bar" x="{at - 3:.1f}" y="{foot - height:.1f}" width="6" height="{height:.1f}"/>'
        )
    parts += _axes(x, y, ends, ends, ("predicted", "happened"))
    return _svg("".join(parts), SQUARE, foot, said, "square")


@dataclass(frozen=True)
class At:
    """A point of a curve with its band."""

    x: float
    y: float
    low: float
    high: float


def curve(
    points: Sequence[At],
    axes: tuple[str, str],
    said: str,
    *,
    rug: Iterable[float] = (),
    mark: float | None = None,
    ends: tuple[str, str] | None = None,
    beyond: Sequence[At] = (),
) -> str:
    """A line with its band; ticks of `rug` below show where rows are; a dashed line lies at `mark`.

    `ends` are what stands at the ends of the axis below, where that is not the figures there (dates, say).
    `beyond` are points that nobody measured: from the last one a dashed line goes there. Empty for fewer than
    two points.
    """
    if len(points) < 2:
        return ""
    every = [*points, *beyond]
    xs = [p.x for p in every]
    ys = [v for p in every for v in (p.low, p.high, p.y)] + ([] if mark is None else [mark])
    y = Scale(min(ys), max(ys), PLOT[1] - BOTTOM, TOP)
    of_y = figure(y.low), figure(y.high)
    x = Scale(min(xs), max(xs), _left(of_y), PLOT[0] - RIGHT)
    parts = [_band(points, x, y, "band")]
    if mark is not None:
        parts.append(f'<path class="mark" d="M{x.start} {y.at(mark):.1f}H{x.end}"/>')
    if beyond:
        last = points[-1]
        ahead = [At(last.x, last.y, last.y, last.y), *beyond]  # their bands are of what changes from here
        parts += [_band(ahead, x, y, "band guessed"), _line(ahead, x, y, "line guessed")]
        parts += [
            f'<circle class="plain" cx="{x.at(p.x):.1f}" cy="{y.at(p.y):.1f}" r="3.5"/>' for p in beyond
        ]
    parts.append(_line(points, x, y, "line"))
    ticks = "".join(f"M{x.at(r):.1f} {PLOT[1] - BOTTOM}v-5" for r in rug if x.low <= r <= x.high)
    parts += [f'<path class="rug" d="{ticks}"/>'] if ticks else []
    below = ends or (figure(x.low), figure(x.high))
    parts += _axes(x, y, below, of_y, axes)
    return _svg("".join(parts), *PLOT, said, "plotted")


def _line(points: Sequence[At], x: Scale, y: Scale, kind: str) -> str:
    path = "L".join(f"{x.at(p.x):.1f} {y.at(p.y):.1f}" for p in points)
    return f'<path class="{kind}" d="M{path}"/>'


def _band(points: Sequence[At], x: Scale, y: Scale, kind: str) -> str:
    there = [f"{x.at(p.x):.1f} {y.at(p.high):.1f}" for p in points]
    back = [f"{x.at(p.x):.1f} {y.at(p.low):.1f}" for p in reversed(points)]
    return f'<path class="{kind}" d="M{"L".join([*there, *back])}z"/>'


def wide(inner: str, said: str) -> str:
    """Markup that scrolls sideways by itself where the page is narrow, with a keyboard too."""
    return f'<div class="wide" role="region" aria-label="{text(said)}" tabindex="0">{inner}</div>'


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], said: str, *, words: Sequence[int] = (0,)
) -> str:
    """Texts as a table; columns but those in `words` stand to the right."""
    heads = "".join(
        f'<th scope="col"{"" if k in words else _RIGHT}>{text(h)}</th>' for k, h in enumerate(headings)
    )
    lines = "".join(
        "<tr>"
        + "".join(f"<td{'' if k in words else _RIGHT}>{text(c)}</td>" for k, c in enumerate(r))
        + "</tr>"
        for r in rows
    )
    return wide(f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>", said)


_RIGHT: Final = ' class="n"'


def _whisker(scale: Scale, dot: Dot, middle: float) -> str:
    low, high = scale.at(dot.low), scale.at(dot.high)
    caps = f"M{low:.1f} {middle - 6}v12M{high:.1f} {middle - 6}v12"
    return f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}{caps}"/>'


def _left(said: tuple[str, str]) -> float:
    """Room for the figures beside an axis, of which a digit is some 6.6 wide."""
    return max(float(LEFT), 10 + 6.6 * max(map(len, said)))


def _axes(
    x: Scale, y: Scale, of_x: tuple[str, str], of_y: tuple[str, str], names: tuple[str, str]
) -> list[str]:
    """Two lines with the figures at their ends, and what they are."""
    under, middle = y.start + 14, (x.start + x.end) / 2
    return [
        f'<path class="axis" d="M{x.start} {y.end}V{y.start}H{x.end}"/>',
        f'<text x="{x.start}" y="{under}">{text(of_x[0])}</text>',
        f'<text x="{x.end}" y="{under}" text-anchor="end">{text(of_x[1])}</text>',
        f'<text x="{middle}" y="{under + 12}" text-anchor="middle">{text(names[0])}</text>',
        f'<text x="{x.start - 4}" y="{y.start}" text-anchor="end">{text(of_y[0])}</text>',
        f'<text x="{x.start - 4}" y="{y.end + 8}" text-anchor="end">{text(of_y[1])}</text>',
        f'<text x="{x.start + 5}" y="{y.end + 8}">{text(names[1])}</text>',
    ]


def _svg(inner: str, width: float, height: float, said: str, kind: str) -> str:
    box = f'viewBox="0 0 {width} {height}"'
    return f'<svg class="{kind}" {box} role="img" aria-label="{text(said)}">{inner}</svg>'


def _shade(count: int, total: int) -> int:
    """0 for nothing, else 1 to `SHADES` by the share."""
    return 0 if not count or not total else max(1, round(SHADES * count / total))


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"
