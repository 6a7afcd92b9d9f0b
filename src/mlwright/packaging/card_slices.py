"""The card's sections of protected groups and of slices in which the model is worse than elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import counted
from mlwright.base.slices import LEAST_OF_CLASS, LEAST_ROWS, RATES, Figure, Slices, Subgroup, Subgroups, told

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
    columns = ", ".join(f"`{plain(c)}`" for c in subgroups.columns)
    metrics = list(dict.fromkeys(f.metric for g in subgroups.groups for f in g.figures))[:MOST_COLUMNS]
    events = any(g.events is not None for g in subgroups.groups)
    heading = ["group", "rows", *(["positive"] if events else []), *(RATES.get(m, m) for m in metrics)]
    lines = [
        "## For whom",
        "",
        f"By {columns}, of which the model sees nothing, on the judged rows; with 95 % intervals. "
        f"**Bold** differs from all other rows by more than chance, corrected for the "
        f"{counted(subgroups.compared, 'difference')} that were tested (Benjamini and Hochberg, 5 %).",
        "",
        f"| {' | '.join(plain(h) for h in heading)} |",
        f"|---|--:|{'--:|' if events else ''}{'---|' * len(metrics)}",
    ]
    lines += [_group(group, metrics, events, plain) for group in subgroups.groups]
    small = any(not g.enough for g in subgroups.groups)
    notes = [f"Not enough data to tell: groups of fewer than {LEAST_ROWS} rows."] if small else []
    notes.append(f"Shares that rest on fewer than {LEAST_OF_CLASS} rows of a class are not compared.")
    if subgroups.left_out:
        notes.append(f"{counted(subgroups.left_out, 'further group')} not shown.")
    if subgroups.not_looked_at:
        names = ", ".join(f"`{plain(c)}`" for c in subgroups.not_looked_at)
        notes.append(f"Not looked at: {names}.")
    return [*lines, "", " ".join(notes)]


def _group(group: Subgroup, metrics: list[str], events: bool, plain: Plain) -> str:
    known = {f.metric: f for f in group.figures}
    cells = [plain(group.said), f"{group.rows:,}"]
    cells += ["" if group.events is None else f"{group.events:,}"] if events else []
    cells += [_cell(known.get(m)) for m in metrics] if group.enough else ["not enough data"] * len(metrics)
    return f"| {' | '.join(cells)} |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    value = f"{figure.value:.3g}"
    if figure.apart is not None and figure.apart.found:
        value = f"**{value}**"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({figure.low:.3g} to {figure.high:.3g})"


def _slices(slices: Slices, plain: Plain) -> list[str]:
    lines = ["## Where it is worse than elsewhere", "", f"{plain(_capital(slices.said))}."]
    if not slices.found:
        return lines
    lines += ["", "| rows where | share | what is the matter | what to do |", "|---|--:|---|---|"]
    for one in slices.found:
        cells = (one.said, f"{one.share:.1%}", told(one, slices.loss), one.remedy)
        lines.append(f"| {' | '.join(plain(c) for c in cells)} |")
    return lines


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
