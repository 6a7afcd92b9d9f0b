"""How a table looks in a notebook: its size, and what each column is, how often missing, and of which values.

Used by `Dataset._repr_html_`. Never a row: what a notebook shows is saved in its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlwright.base import figures
from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.base.shown import cell, shown, table

if TYPE_CHECKING:
    from mlwright.data.dataset import Dataset

MOST: Final = 20
"""Columns that are listed at once; the others are folded away, up to a few hundred."""
MOST_FOLDED: Final = 300
_MOST_VALUES: Final = 4


def displayed(dataset: Dataset) -> str:
    """The table as HTML."""
    columns = dataset.schema.columns
    title = f"{counted(dataset.rows_in_all, 'row')}, {counted(len(columns), 'column')}"
    rows = [_row(column, dataset) for column in columns[: MOST + MOST_FOLDED]]
    head = ("column", "kind", "role", "missing", "values")
    parts = [
        f"<p><b>{cell(dataset.provenance.source)}</b> {title}</p>",
        table(head, rows[:MOST], numbers=(3,)),
    ]
    if len(columns) > MOST:
        more = counted(len(columns) - MOST, "more column")
        parts.append(
            f"<details><summary>and {more}</summary>{table(head, rows[MOST:], numbers=(3,))}</details>"
        )
    if dataset.whole is not None:
        parts.append(f'<p class="soft">larger than memory: {cell(dataset.whole.said)}</p>')
    if dataset.findings:
        noticed = counted(len(dataset.findings), "thing")
        parts.append(f'<p class="soft">reading noticed {noticed}: <code>mw.check(...)</code> tells them</p>')
    return shown("".join(parts))


def _row(column: Column, dataset: Dataset) -> tuple[str, ...]:
    values, absent = "", 0
    if column.name in dataset.frame.columns and len(dataset):
        absent = dataset.frame[column.name].null_count()
    if column.kind == "numeric" and column.minimum is not None and column.maximum is not None:
        values = f"{figures.plain(column.minimum)} to {figures.plain(column.maximum)}"
    elif column.categories:
        more = len(column.categories) - _MOST_VALUES
        values = ", ".join(column.categories[:_MOST_VALUES]) + (f" and {more:,} more" if more > 0 else "")
    role = "" if column.role == "feature" else f"<b>{column.role}</b>"
    missing = f"{absent / len(dataset):.1%}" if absent else ""
    return cell(column.name), column.kind, role, missing, f'<span class="soft">{cell(values)}</span>'
