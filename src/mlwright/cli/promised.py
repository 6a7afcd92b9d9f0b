"""Whether a model's promises of doubt were kept on fresh rows: a section of `evaluate`.

Draws values of `base.promise`; it measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from rich.text import Text

from mlwright.base import figures
from mlwright.cli.look import section
from mlwright.cli.screen import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.base.promise import Promise

MOST_CLASSES = 6
"""Of sets, at one error rate: the classes that were left out most often."""
LEAST_WIDTH = 12
"""Of what is promised, which may hold a class's name: narrower, words would be torn to pieces."""
_WHAT = {"set": "set", "interval": "interval", "abstain": "answer"}
_COLOUR = {"kept": "green", "not kept": "red", "too few rows to tell": "yellow"}
_BRIEF = {"too few rows to tell": "too few"}
_NOTE = (
    "Wrong: sets and intervals without the truth, and answers where it may abstain. Too few: rows to tell. "
    "Size: labels in a set, width, share answered; beside it, when the model was fitted."
)


def promises_of(promises: Sequence[Promise]) -> list[RenderableType]:
    """The section; nothing where nothing was promised."""
    if not promises:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("", overflow="fold", min_width=LEAST_WIDTH)
    for heading in ("at most", "wrong", "95 % interval", "rows", "", "size", "fitted"):
        side: Literal["left", "right"] = "left" if heading in ("", "95 % interval") else "right"
        table.add_column(heading, justify=side, no_wrap=True)
    for one in _shown(promises):
        told = one.wrong.rows and not one.wrong.method.startswith("none")
        table.add_row(
            Text(safe(f"{_WHAT[one.of]}{f', {one.label}' if one.label else ''}")),
            f"{100 * one.error:.3g}%",
            Text(f"{one.wrong.value:.1%}" if one.wrong.rows else "-", "bold"),
            f"{one.wrong.low:.1%} to {one.wrong.high:.1%}" if told else "none",
            f"{one.wrong.rows:,}",
            Text(_BRIEF.get(one.kept, one.kept), _COLOUR[one.kept]),
            _size(one, one.size),
            _size(one, one.size_before),
        )
    return [section("When it is unsure: what was promised, and came", table, Text(_NOTE, "dim"))]


def _shown(promises: Sequence[Promise]) -> list[Promise]:
    """All, but of the classes of one error rate those that kept to it least."""
    shown: list[Promise] = [p for p in promises if p.of != "set"]
    for error in sorted({p.error for p in promises if p.of == "set"}, reverse=True):
        of = [p for p in promises if p.of == "set" and p.error == error]
        shown[:0] = sorted(of, key=lambda p: -p.wrong.low if p.wrong.rows else 1.0)[:MOST_CLASSES]
    return shown


def _size(one: Promise, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0%}" if one.of == "abstain" else figures.plain(value, 3)
