"""What a model relies on, and how each column moves its answer: a section of `fit`, `show` and `evaluate`.

Draws values of `base.importance`; it measures nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mlwright.base import figures
from mlwright.base.effect_words import change_said, effect_said
from mlwright.base.importance import Reliance
from mlwright.base.reliance_words import grows_said, without_said
from mlwright.cli.look import section
from mlwright.cli.screen import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.base.evaluation import Evaluation

MOST = 10


def relied_on(evaluation: Evaluation, *, most: int = MOST) -> list[RenderableType]:
    """The section of the columns that matter most; nothing where importance was not asked for."""
    importance = evaluation.importance
    if importance is None:
        return []
    if importance.skipped:
        return [section("Relies on", Text(safe(f"not measured: {importance.skipped}"), style="dim"))]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("column, shuffled", overflow="fold", ratio=2)
    table.add_column(grows_said(importance), justify="right", no_wrap=True)
    table.add_column("95 %", no_wrap=True)
    table.add_column("effect", style="dim", overflow="fold", ratio=3)
    ranked = importance.ranked()
    for one in ranked[:most]:
        _add(table, one, ", ".join(one.columns), evaluation)
    left = len(ranked) - most
    notes = [f"and {figures.counted(left, 'more line')} (--all lists them)"] if left > 0 else []
    if importance.not_measured:
        notes.append(f"{importance.not_measured} others were not measured")
    if without := without_said(importance):
        notes.append(without[0].lower() + without[1:-1])
    notes.append(f"by {importance.how}; {importance.rows:,} rows")
    body: list[RenderableType] = [table, *(Text(safe(note), style="dim") for note in notes)]
    if not importance.unseen:
        body.append(Text("it had seen these rows: what it merely remembers looks useful", style="yellow"))
    return [section("Relies on", *body)]


def _add(table: Table, one: Reliance, name: str, evaluation: Evaluation) -> None:
    value, interval = change_said(one.first)
    effect = ""
    if len(one.columns) == 1:
        effect = effect_said([c for c in evaluation.effects if c.column == one.columns[0]])
    style = "bold" if one.first.clear else ""
    table.add_row(Text(safe(name), style), value, interval, Text(safe(effect), "dim"))
