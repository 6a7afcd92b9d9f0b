"""The section on what a model relies on: columns by importance, and how each moves the answer.

Called by `card`, in its order. Every figure that is drawn stands beside the drawing.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from mlwright.base.effect_words import change_said, effect_said, point_said
from mlwright.base.figures import plain
from mlwright.base.importance import Change, Curve, Importance, Reliance
from mlwright.base.reliance_words import (
    IN_USE,
    MOST_LINES,
    MOST_NAMED,
    SEEN,
    alone,
    further_said,
    grows_said,
    measured_said,
    together_said,
    unused_more,
    without_said,
)
from mlwright.pages import charts
from mlwright.pages.card_charts import At, Dot, Row, bar_list, curve, dot_list, table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section

MOST_CURVES: Final = 6
"""Columns whose effects are drawn at once; the others are folded away."""
MOST_PARTS: Final = 8
"""Columns of a group that stand under it."""
FAR: Final = 5.0
"""Where the last part of a curve reaches so many times farther than all before, it is not drawn."""


def reliance(shown: ModelPage) -> str:
    """How much worse the answers get without each column, and the effects of the most important ones."""
    importance = shown.evaluation.importance
    if importance is None:
        return ""
    parts = [f"<p>{text(IN_USE)}</p>" if not importance.skipped else ""]
    how = measured_said(importance)
    if not importance.skipped:
        how += f" The bars say what {grows_said(importance)}{_whiskers(importance)}"
    parts.append(f'<p class="small">{text(how)}</p>')
    if not importance.skipped and not importance.unseen:
        parts.append(f"<p><b>{SEEN[0]}</b> {SEEN[1]}</p>")
    ranked = importance.ranked()[:MOST_LINES]
    rows = [row for one in ranked for row in _rows(one, importance)]
    parts.append(bar_list(rows, ("column", grows_said(importance))))
    parts += [f'<p class="small soft">{text(s)}</p>' for s in (further_said(importance), _unused(importance))]
    parts.append(_effects(shown.evaluation.effects))
    return section("What it relies on", "".join(p for p in parts if p).replace(_NOTHING, ""))


def _whiskers(importance: Importance) -> str:
    """What the whiskers are, where there are any, and the end of the sentence."""
    without = without_said(importance)
    drawn = any(r.first.low is not None for r in importance.ranked())
    return f"{'; whiskers are 95 % intervals.' if drawn else '.'}{f' {without}' if without else ''}"


_NOTHING: Final = '<p class="small soft"></p>'


def _rows(one: Reliance, importance: Importance) -> list[Row]:
    """The line of a column; of columns together, theirs and then one for each of the first alone."""
    if len(one.columns) == 1:
        return [_row(one.columns[0], one.first)]
    parts = alone(one, importance)[:MOST_PARTS]
    return [
        _row(together_said(one), one.first),
        *(_row(f"{r.columns[0]} alone", r.first, part=True) for r in parts),
    ]


def _row(label: str, change: Change, *, part: bool = False) -> Row:
    value, interval = change_said(change)
    low = change.value if change.low is None else change.low
    high = change.value if change.high is None else change.high
    said = value if interval == "none" else f"{value} ({interval})"
    return Row(label, Dot(change.value, low, high), said, part=part)


def _unused(importance: Importance) -> str:
    if not importance.unused_count:
        return ""
    more = unused_more(importance)
    some = ", ".join(importance.unused[:MOST_NAMED])
    return f"Nothing rests on what it does not use: {some}{f' and {more} more' if more else ''}."


def _effects(effects: tuple[Curve, ...]) -> str:
    """A chart of each column; of several classes, of the class that it moves most."""
    of = [list(same) for _, same in groupby(effects, key=lambda c: c.column)]
    drawn = [d for curves in of if (d := _effect(curves))]
    if not drawn:
        return ""
    folded = drawn[MOST_CURVES:]
    more = (
        f'<details><summary>{len(folded)} more</summary><div class="grid">{"".join(folded)}</div></details>'
        if folded
        else ""
    )
    rows = [row for curves in of for row in _figures(_most(curves))]
    inner = table(("column", "at", "answer", "95 % interval"), rows, "effects", words=(0, 1))
    note = (
        "The mean answer as one column moves and all else stays as it is. The band is the 95 % interval, the "
        "dashed line the mean of all rows, and ticks stand where rows are: few ticks, thin ice."
    )
    return (
        f'<h3 class="part">How the answer moves</h3><p class="small soft">{note}</p>'
        f'<div class="grid">{"".join(drawn[:MOST_CURVES])}</div>{more}'
        f"<details><summary>the figures of these charts</summary>{inner}</details>"
    )


def _most(curves: list[Curve]) -> Curve:
    return max(curves, key=lambda c: c.spread)


def _effect(curves: list[Curve]) -> str:
    one = _most(curves)
    said = effect_said(curves)
    what = f"chance of {one.of}" if one.of else "answer"
    if one.levels or one.kind == "boolean":
        drawn, cut = _of_levels(one, what), ""
    else:
        drawn, cut = _of_numbers(one, what, said)
    if not drawn:
        return ""
    missing = f"; {one.missing:,} rows lack it" if one.missing else ""
    caption = f"{said}{cut}{missing}"
    return f"<figure><h3>{text(one.column)}</h3>{drawn}<figcaption>{text(caption)}</figcaption></figure>"


def _ends(one: Curve, place: int) -> tuple[float, float]:
    if one.low and one.high:
        return one.low[place], one.high[place]
    return one.answer[place], one.answer[place]


def _of_levels(one: Curve, what: str) -> str:
    count = min(len(one.answer), len(one.levels) or len(one.at))
    rows = [
        Row(point_said(one, k), Dot(one.answer[k], *_ends(one, k)), _answer(one, one.answer[k]))
        for k in range(count)
    ]
    return dot_list(rows, ("", what), marks=(one.average,))


def _of_numbers(one: Curve, what: str, said: str) -> tuple[str, str]:
    """The curve, and what of it is not drawn."""
    points = [At(x, one.answer[k], *_ends(one, k)) for k, x in enumerate(one.at)]
    points, cut = _near(points)
    left = "" if not cut else f"; up to {point_said(one, len(one.at) - 1)}, not drawn"
    if len(points) < 2:
        return "", ""
    moments = one.kind == "datetime"
    ends = (charts.figure(points[0].x, moments=moments), charts.figure(points[-1].x, moments=moments))
    drawn = curve(points, (one.column, what), said, rug=[p.x for p in points], mark=one.average, ends=ends)
    return drawn, left


def _near(points: list[At]) -> tuple[list[At], bool]:
    """The points without a last one that is far away from all others."""
    if len(points) < 4:
        return points, False
    rest, last = points[-2].x - points[0].x, points[-1].x - points[-2].x
    return (points[:-1], True) if last > FAR * rest else (points, False)


def _answer(one: Curve, value: float) -> str:
    return plain(value, 2 if one.of else 3)


def _figures(one: Curve) -> list[tuple[str, str, str, str]]:
    rows = []
    for k, value in enumerate(one.answer):
        low, high = _ends(one, k)
        between = f"{_answer(one, low)} to {_answer(one, high)}" if one.low else ""
        rows.append((one.column if k == 0 else "", point_said(one, k), _answer(one, value), between))
    return rows
