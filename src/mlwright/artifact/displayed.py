"""How an opened model looks in a notebook: the facts of `mlwright show` in a small table.

Used by `Model._repr_html_`. It reads values and measures nothing; texts from the file are escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.finding import counted
from mlwright.base.leaderboard import Leaderboard
from mlwright.base.score_table import score_table
from mlwright.base.shown import cell, shown
from mlwright.base.verdict import verdict

if TYPE_CHECKING:
    from mlwright.artifact.model import Model


def displayed(model: Model) -> str:
    """The model as HTML."""
    evaluation = model.evaluation
    columns = counted(len(model.schema.features), "column")
    title = f"{cell(model.target.name)}: {model.task} from {columns}"
    parts = [f"<p><b>{title}</b> <code>{model.digest[:12]}</code></p>"]
    if evaluation.scores:
        parts.append(f"<p>{cell(evaluation.doubt or verdict(evaluation, model.target))}</p>")
        parts.append(score_table(evaluation.scores, evaluation.baseline))
    parts.append(f'<p class="soft">{cell(evaluation.how)}</p>')
    parts += [
        f'<p><span class="issue">{cell(word)} {cell(f.code)}</span> {cell(f.title)}</p>'
        for word, f in ((f.status if f.status == "waived" else f.severity, f) for f in model.findings)
        if f.severity == "issue" and f.status in ("found", "waived")
    ]
    parts.append(_made_of(model.leaderboard) + _costs(model))
    return shown("".join(parts))


def _made_of(board: Leaderboard) -> str:
    """The candidates that were kept, and how many others there are."""
    others = len(board) - len(board.kept)
    said = f"<small>{counted(others, 'other candidate')}: <code>model.leaderboard</code></small>"
    more = said if others else ""
    return f"{board.kept.table()}{more}" if board.kept and board.was_tried else ""


def _costs(model: Model) -> str:
    timings, size = model.timings, figures.size(len(model.to_bytes()))
    row = f"one row takes {figures.microseconds(timings.cpu_us_p50)} of CPU, " if timings.cpu_us_p50 else ""
    row += f"before it was converted {timings.original_said}, " if timings.original_said else ""
    return f'<p class="soft">{row}the file {size}</p>'
