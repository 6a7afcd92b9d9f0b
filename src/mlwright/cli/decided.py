"""How a model decides its labels, and what that brought on unseen rows: a section of `fit` and `show`.

Draws values of `base.evaluation`; it measures nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mlwright.base import figures
from mlwright.base.evaluation import Outcome, Score
from mlwright.cli.look import section
from mlwright.cli.screen import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.base.evaluation import Evaluation


def decision_of(evaluation: Evaluation) -> list[RenderableType]:
    """The section of the decision, with its outcomes; nothing where the label is the likeliest class."""
    decision = evaluation.decision
    if decision is None:
        return []
    said = f"{decision.said[:1].upper()}{decision.said[1:]}."
    body: list[RenderableType] = [Text(safe(said)), outcomes(evaluation.outcomes)]
    for line in remarks(evaluation.outcomes):
        body.append(Text(safe(line), style="dim"))
    return [section("Decides", *body)]


def outcomes(ways: tuple[Outcome, ...]) -> RenderableType:
    """Ways to decide, one a line, with what each brought."""
    costs = any(_of(way, "cost_per_1000_rows") for way in ways)
    daily = any(_of(way, "alerts_per_day") for way in ways)
    two = any(_of(way, "alerts_per_1000_rows") for way in ways)
    headings = ["labels"]
    headings += [">cost per 1,000 rows", "95 % interval"] if costs else []
    headings += [">positive a day" if daily else ">positive of 1,000", ">precision", ">recall"] if two else []
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    for number, way in enumerate(ways):
        style = "bold" if number == 0 else ""
        cells = [Text(safe(way.way), style)]
        if costs:
            value, interval = _shown(_of(way, "cost_per_1000_rows"))
            cells += [Text(value, style), Text(interval)]
        if two:
            alerts = _of(way, "alerts_per_day" if daily else "alerts_per_1000_rows")
            cells.append(Text("-" if alerts is None else figures.plain(alerts.value, 3), style))
            shares = (_of(way, "precision"), _of(way, "recall"))
            cells += [Text("-" if share is None else f"{share.value:.3f}", style) for share in shares]
        table.add_row(*cells)
    return table


def remarks(ways: tuple[Outcome, ...]) -> list[str]:
    """What a table of outcomes leaves out: intervals, what was saved, what the probabilities foretold."""
    if not ways:
        return []
    lines = []
    named = (("precision", "precision"), ("recall", "recall"), ("alerts_per_day", "positive a day"))
    scores = [(name, _of(ways[0], metric)) for metric, name in named]
    said = [f"{name} {_shown(score)[1]}" for name, score in scores if score]
    if said:
        lines.append(f"As decided, 95 % intervals: {'; '.join(said)}.")
    foretold = _of(ways[0], "expected_cost_per_1000_rows")
    if foretold is not None:
        lines.append(f"The probabilities foretold a cost of {figures.plain(foretold.value)} per 1,000 rows.")
    for way in ways[1:2]:
        more = _of(way, "more_per_1000_rows")
        if more is not None:
            value, interval = _shown(more)
            lines.append(f"By the {way.way}, {value} more per 1,000 rows ({interval}).")
    return lines


def _of(way: Outcome, metric: str) -> Score | None:
    return next((score for score in way.scores if score.metric == metric), None)


def _shown(score: Score | None) -> tuple[str, str]:
    return ("-", "") if score is None else figures.score(score)
