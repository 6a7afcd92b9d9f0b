"""The card's sections of protected groups and of slices in which the model is worse than elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from mlwright.base.evaluation import Evaluation
from mlwright.base.fit_report import brief
from mlwright.base.slice_words import (
    NOT_ENOUGH,
    compared_said,
    found_said,
    left_said,
    marked_said,
    metric_said,
    metrics_of,
)
from mlwright.base.slices import Figure, Slices, Subgroup, Subgroups, told

Plain = Callable[[str], str]
MOST_COLUMNS = 7


def slice_sections(evaluation: Evaluation, plain: Plain) -> list[list[str]]:
    """The sections, of lines each; `plain` makes any text one that Markdown shows as it is."""
    sections = []
    if evaluation.subgroups is not None:
        sections.append(_groups(evaluation.subgroups, plain))
    if evaluation.slices is not None:
        sections.append(_slices(evaluation.slices, plain))
    return sections


def _groups(subgroups: Subgroups, plain: Plain) -> list[str]:
    metrics = metrics_of(subgroups)[:MOST_COLUMNS]
    events = any(g.events is not None for g in subgroups.groups)
    heading = ["group", "rows", *(["positive"] if events else []), *map(metric_said, metrics)]
    lines = [
        "## For whom",
        "",
        f"{plain(compared_said(subgroups))} **Bold** {plain(marked_said(subgroups))}",
        "",
        f"| {' | '.join(plain(h) for h in heading)} |",
        f"|---|--:|{'--:|' if events else ''}{'---|' * len(metrics)}",
    ]
    lines += [_group(group, metrics, events, plain) for group in subgroups.groups]
    return [*lines, "", plain(left_said(subgroups))]


def _group(group: Subgroup, metrics: list[str], events: bool, plain: Plain) -> str:
    known = {f.metric: f for f in group.figures}
    cells = [plain(group.said), f"{group.rows:,}"]
    cells += ["" if group.events is None else f"{group.events:,}"] if events else []
    cells += [_cell(known.get(m)) for m in metrics] if group.enough else [NOT_ENOUGH] * len(metrics)
    return f"| {' | '.join(cells)} |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    value = brief(figure.value, 3)
    if figure.apart is not None and figure.apart.found:
        value = f"**{value}**"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({brief(figure.low, 3)} to {brief(figure.high, 3)})"


def _slices(slices: Slices, plain: Plain) -> list[str]:
    lines = ["## Where it is worse than elsewhere", "", plain(found_said(slices))]
    if not slices.found:
        return lines
    lines += ["", "| rows where | share | what is the matter | what to do |", "|---|--:|---|---|"]
    for one in slices.found:
        cells = (one.said, f"{one.share:.1%}", told(one, slices.loss), one.remedy)
        lines.append(f"| {' | '.join(plain(c) for c in cells)} |")
    return lines
