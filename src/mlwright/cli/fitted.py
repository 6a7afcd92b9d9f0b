"""The section of `show` on the fit itself: what was found wrong, with remedies, and what cannot be told."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlwright.base.fit_report import SAID, FitReport
from mlwright.cli.look import section
from mlwright.cli.screen import safe

STYLES = {"found": "yellow", "passed": "green"}


def fit_report_of(report: FitReport, *, every: bool = False) -> list[RenderableType]:
    """The section; none of a file without a report. Unless `every` diagnosis is asked for, those that found
    nothing stand in one line."""
    if not len(report):
        return []
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    told = [d for d in report if every or d.status == "found"]
    for d in told:
        body = Text.assemble((safe(d.kind), "bold" if d.status == "found" else ""), f": {safe(d.evidence)}")
        if d.remedy:
            body.append(f"\n→ {safe(d.remedy)}", "dim")
        grid.add_row(Text(SAID[d.status], STYLES.get(d.status, "dim")), body)
    quiet = []
    for status, said in SAID.items():
        kinds = [d.kind for d in report if d.status == status and d not in told]
        if kinds:
            quiet.append(f"{said}: {', '.join(kinds)}")
    parts: list[RenderableType] = [grid] if told else []
    parts += [Text("; ".join(quiet), style="dim")] if quiet else []
    return [section("The fit", Group(*parts))]
