"""How a model does for protected groups, and where it is worse than elsewhere: sections of `show`, `fit` and
`evaluate`.

Draws values of `base.slices`; it measures nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mlwright.base.fit_report import brief
from mlwright.base.slices import Apart, Figure, Subgroup, Subgroups, told
from mlwright.cli.look import section
from mlwright.cli.screen import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.base.evaluation import Evaluation

MOST_GROUPS = 8
BRIEF = {
    "selection_rate": "positive",
    "true_positive_rate": "found",
    "false_positive_rate": "false alarm",
    "calibration": "too high by",
    "mean_error": "too high by",
}
LEFT_TO_THE_CARD = ("log_loss", "mae")


def slices_of(evaluation: Evaluation, *, every: bool = False) -> list[RenderableType]:
    """The sections by group and by slice; nothing where neither was looked for."""
    sections: list[RenderableType] = []
    if evaluation.subgroups is not None:
        sections.append(section("For whom", *_groups(evaluation.subgroups, every)))
    slices = evaluation.slices
    if slices is not None and slices.status != "not_applicable":
        lines: list[RenderableType] = []
        for one in slices.found:
            line = Text(safe(one.said), "bold")
            line.append(f": {safe(told(one, slices.loss))}; {one.share:.1%} of the rows", "default")
            lines.append(line)
        sections.append(section("Where it is worse", *(lines or [Text(safe(slices.said), "dim")])))
    return sections


def _groups(subgroups: Subgroups, every: bool) -> list[RenderableType]:
    groups = subgroups.groups if every else subgroups.groups[:MOST_GROUPS]
    metrics = list(dict.fromkeys(f.metric for g in groups for f in g.figures))
    metrics = [m for n, m in enumerate(metrics) if n == 0 or m not in LEFT_TO_THE_CARD]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("group")
    for heading in ("rows", *(BRIEF.get(m, m) for m in metrics)):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in groups:
        table.add_row(safe(group.said), f"{group.rows:,}", *_cells(group, metrics))
    said = "* differs from all other rows by more than chance"
    if not subgroups.compared:
        said = "whether groups differ cannot be told: none could be compared"
    said += "; intervals are on the card (mlwright show --card)"
    more = len(subgroups.groups) - len(groups)
    said += f"; {more} more groups (--all)" if more > 0 else ""
    return [table, Text(said, "dim")]


def _cells(group: Subgroup, metrics: list[str]) -> list[Text]:
    known = {f.metric: f for f in group.figures}
    if not group.enough:
        return [Text("not enough data", "dim")]
    return [_cell(known.get(m)) for m in metrics]


def _cell(figure: Figure | None) -> Text:
    if figure is None:
        return Text("-", "dim")
    apart: Apart | None = figure.apart
    found = apart is not None and apart.found
    return Text(f"{brief(figure.value, 3)}{'*' if found else ' '}", "yellow" if found else "")
