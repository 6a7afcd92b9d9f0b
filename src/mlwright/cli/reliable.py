"""Whether probabilities mean what they say: a section of `show` and `evaluate`.

Draws values of `base.reliability`; it measures nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mlwright.base import figures
from mlwright.cli.look import section

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.base.reliability import Reliability


def reliability_of(reliability: Reliability | None, *, every: bool = True) -> list[RenderableType]:
    """The section; nothing where it was not measured (in older files). A line for each bin with `every`, and
    for numbers where some bin is off, of which there is nothing else to say."""
    if reliability is None or not reliability.bins:
        return []
    numbers = reliability.subject == "number"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("rows", "foretold", "came", "95 % interval"):
        table.add_column(heading, justify="left" if heading.startswith("95") else "right")
    for b in reliability.bins:
        shown = figures.plain if numbers else _share
        interval = f"{shown(b.low)} to {shown(b.high)}"
        told = Text(shown(b.predicted), "" if b.holds else "yellow")
        table.add_row(f"{b.rows:,}", told, Text(shown(b.observed), "bold"), interval)
    wanted = every or (numbers and not all(b.holds for b in reliability.bins))
    body: list[RenderableType] = [*([table] if wanted else ()), *(Text(line) for line in reliability.said)]
    if reliability.remedy:
        body.append(Text(reliability.remedy, "yellow"))
    if not body:
        return []
    what = "Foretold and came" if numbers else f"Probability of the {reliability.subject}"
    return [section(what, *body)]


def _share(value: float) -> str:
    return f"{value:.1%}"
