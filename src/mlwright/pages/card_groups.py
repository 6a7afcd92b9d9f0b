"""The sections on whom a model works for: groups of protected columns, and slices where it is worse.

Called by `card`, in its order. Every figure that is drawn stands beside the drawing.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Final

from mlwright.base.figures import plain
from mlwright.base.measures import METRICS
from mlwright.base.slice_words import (
    NOT_ENOUGH,
    compared_said,
    found_said,
    left_said,
    marked_said,
    metric_said,
    metrics_of,
)
from mlwright.base.slices import RATES, Figure, Slice, Subgroup, Subgroups, told
from mlwright.pages.card_charts import Dot, Row, dot_list, table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section

MOST_CHARTS: Final = 4
"""Figures of groups that are drawn; the others stand in the table that is folded away."""
MOST_METRICS: Final = 12
_MARK: Final = "≠ "
"""Before a figure that differs by more than chance."""
_KINDS: Final = {
    "unsure": "Less sure there than elsewhere",
    "too_low": "Predictions too low there",
    "too_high": "Predictions too high there",
    "too_sure": "Too sure of itself there",
}


def groups(shown: ModelPage) -> str:
    """Each figure of each group with its interval, differences beyond chance marked."""
    of = shown.evaluation.subgroups
    if of is None:
        return ""
    overall = {s.metric: s.value for s in shown.evaluation.scores}
    metrics = metrics_of(of)[:MOST_METRICS]
    # What differs beyond chance is seen first; the metric that was optimised, always.
    first = shown.evaluation.metric
    order = sorted(metrics, key=lambda m: (m != first, not _differs(of, m), m not in RATES))
    charts = [c for m in order if (c := _chart(of, m, overall.get(m)))][:MOST_CHARTS]
    apart = [clause for f in of.findings for clause in f.evidence.split("; ")]
    lead = (
        f"<p>Groups of {text(' and of '.join(_columns_apart(of)))} differ by more than chance.</p>"
        if apart
        else "<p>No group differs from all other rows by more than chance.</p>"
        if of.compared
        else "<p>Whether groups differ cannot be told: none could be compared.</p>"
    )
    remedies = dict.fromkeys(f.remedy for f in of.findings)
    remedy = "".join(f'<p class="do small">{text(r)}</p>' for r in remedies)
    clauses = "".join(f"<li>{text(clause)}</li>" for clause in apart)
    gaps = f'<ul class="plainly small">{clauses}</ul>'
    differs = f"<details><summary>what differs most, and by how much</summary>{gaps}</details>"
    every = f"<details><summary>all groups and figures</summary>{_table(of, metrics)}</details>"
    return section(
        "For whom it works",
        f'{lead}<p class="small">{text(compared_said(of))} {_MARK}{text(marked_said(of))}</p>{remedy}'
        f"{''.join(charts)}{differs if apart else ''}{every}"
        f'<p class="small soft">{text(left_said(of))}</p>',
    )


def weak(shown: ModelPage) -> str:
    """Slices in which the model is worse than elsewhere, by what is the matter there."""
    slices = shown.evaluation.slices
    if slices is None:
        return ""
    parts = [f"<p>{text(found_said(slices))}</p>"]
    for kind, same in groupby(sorted(slices.found, key=lambda s: s.kind), key=lambda s: s.kind):
        some = list(same)
        lines = "".join(_slice(one, slices.loss) for one in some)
        parts.append(
            f'<h3 class="part">{_KINDS[kind]}</h3><ul class="told">{lines}</ul>'
            f'<p class="do small">{text(some[0].remedy)}</p>'
        )
    return section("Where it is worse than elsewhere", "".join(parts))


def _slice(one: Slice, loss: str) -> str:
    return (
        f'<li><b>{text(one.said)}</b> <span class="soft">({one.share:.1%} of rows)</span>'
        f'<p class="small">{text(told(one, loss))}</p></li>'
    )


def _apart(figure: Figure) -> bool:
    return figure.apart is not None and figure.apart.found


def _differs(of: Subgroups, metric: str) -> bool:
    return any(_apart(f) for g in of.groups for f in g.figures if f.metric == metric)


def _columns_apart(of: Subgroups) -> list[str]:
    """Columns whose groups differ, and pairs of which neither does alone."""
    found = [tuple(c.column for c in g.conditions) for g in of.groups if any(_apart(f) for f in g.figures)]
    alone = [c[0] for c in found if len(c) == 1]
    both = [" with ".join(c) for c in found if len(c) > 1 and not set(c) & set(alone)]
    return list(dict.fromkeys([*alone, *both]))


def _chart(of: Subgroups, metric: str, overall: float | None) -> str:
    """One figure of the groups of single columns, the dashed line at that of all rows."""
    rows = [_row(g, metric) for g in of.groups if len(g.conditions) == 1]
    shown = [r for r in rows if r is not None]
    marks = [overall] if overall is not None and math.isfinite(overall) else []
    if metric in ("calibration", "mean_error"):
        marks = [0.0]
    drawn = dot_list(shown, ("group", metric_said(metric)), marks=marks)
    if not drawn:
        return ""
    line = "right on the whole" if metric in ("calibration", "mean_error") else "all rows"
    note = f'<p class="small soft">Dashed: {line}, {plain(marks[0], 3)}.</p>' if marks else ""
    name, meaning = metric_said(metric), METRICS.get(metric, "")
    named = f"{metric}: {meaning}" if meaning else name[:1].upper() + name[1:]
    return f'<div><h3 class="part">{text(named)}</h3>{drawn}{note}</div>'


def _row(group: Subgroup, metric: str) -> Row | None:
    if not group.enough:
        nothing = Dot(math.nan, math.nan, math.nan)
        return Row(group.said, nothing, NOT_ENOUGH)
    figure = next((f for f in group.figures if f.metric == metric), None)
    if figure is None:
        return None
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    mark = _MARK if _apart(figure) else ""
    return Row(group.said, Dot(figure.value, low, high), f"{mark}{_cell(figure)}", stressed=bool(mark))


def _cell(figure: Figure) -> str:
    value = plain(figure.value, 3)
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({plain(figure.low, 3)} to {plain(figure.high, 3)})"


def _table(of: Subgroups, metrics: list[str]) -> str:
    """Every group, pairs too."""
    events = any(g.events is not None for g in of.groups)
    rows = []
    for g in of.groups:
        known = {f.metric: f for f in g.figures}
        cells = [g.said, f"{g.rows:,}"]
        cells += ["" if g.events is None else f"{g.events:,}"] if events else []
        for m in metrics:
            f = known.get(m)
            cells.append(
                NOT_ENOUGH if not g.enough else "" if f is None else (_MARK if _apart(f) else "") + _cell(f)
            )
        rows.append(cells)
    heads = ("group", "rows", *(["positive"] if events else []), *(metric_said(m) for m in metrics))
    return table(heads, rows, "all groups and their figures")
