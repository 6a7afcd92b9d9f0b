"""`mlwright explain`: why a model answers rows as it does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlwright.base.errors import Misuse
from mlwright.base.figures import counted
from mlwright.cli.flags import MODEL, SOURCE, WRITTEN, Command, Flag
from mlwright.cli.screen import PROBLEMS_SHOWN, Screen, safe
from mlwright.cli.tables import options_of

if TYPE_CHECKING:
    from mlwright.lifecycle.explain import ExplainReport

SHOWN = 10
"""Rows that are shown to people."""


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Explains the first rows; 1 with `--strict` where one of them does not fit the schema."""
    from mlwright.lifecycle.explain import explain, explainable, rows_of, write_explained

    if arguments.top < 1:
        raise Misuse(f"{arguments.top} reasons cannot be given", where="--top", remedy="say 1 or more")
    read = (arguments.model, arguments.source, arguments.background)
    if arguments.output is not None:
        explainable(arguments.output, *read)  # before any work
    report = explain(
        arguments.model,
        arguments.source,
        first=arguments.first,
        label=arguments.label,
        background=arguments.background,
        options=options_of(arguments),
        seed=arguments.seed,
        progress=screen.progress(),
    )
    rows = list(rows_of(report, arguments.top))
    if arguments.output is not None:
        write_explained(report, arguments.output, arguments.top, *read)
    screen.answer(
        {
            "rows": report.total,
            "explained": len(rows),
            "background_rows": report.explanation.background,
            "background_refused": report.background_refused,
            "background_problems": list(report.background_problems[:PROBLEMS_SHOWN]),
            "exact": report.explanation.exact,
            "problems": list(report.problems[:PROBLEMS_SHOWN]),
            "output": arguments.output,
        }
        | ({"explanations": rows} if arguments.output is None else {})
    )
    if not screen.json:
        _show(screen, report, arguments)
    return 1 if arguments.strict and report.problems else 0


def _show(screen: Screen, report: ExplainReport, arguments: argparse.Namespace) -> None:
    from rich.text import Text

    explanation = report.explanation
    if arguments.output is None:
        reasons = explanation.reasons(arguments.top)
        for i, row in enumerate(report.rows[:SHOWN]):
            screen.show(Text(safe(f"row {row}: {explanation.headline(i)}"), "bold"))
            for reason in reasons[i]:
                screen.show(Text(safe(f"  {reason.text}")))
    more = len(report.rows) - SHOWN
    if arguments.output is not None:
        screen.show(Text(safe(f"{counted(len(report.rows), 'row')} explained, in {arguments.output}")))
    elif more > 0:
        screen.show(Text(f"and {counted(more, 'more row')}: --json or -o writes all", "dim"))
    if report.total > arguments.first:
        screen.show(
            Text(f"of {counted(report.total, 'row')}; --first {arguments.first * 10} takes more", "dim")
        )
    refused = len({p.row for p in report.problems})
    if refused:
        first = report.problems[0]
        screen.show(Text(safe(f"{counted(refused, 'row')} left out: {first}"), "yellow"))
    if report.background_refused:
        left = f"{counted(report.background_refused, 'row')} of the background left out"
        screen.show(Text(safe(f"{left}: {report.background_problems[0]}"), "yellow"))
    screen.show(Text(_how(report), "dim"))


def _how(report: ExplainReport) -> str:
    explanation = report.explanation
    beside = f"beside {counted(explanation.background, 'background row')}"
    if explanation.exact:
        return f"Shapley values {beside}, exact"
    sizes, errors = abs(explanation.contributions).max(axis=1), explanation.error.max(axis=1)
    largest = max((e / s for e, s in zip(errors.tolist(), sizes.tolist(), strict=True) if s), default=0.0)
    return f"Shapley values {beside}, sampled: an error of up to {largest:.1%} of a row's greatest"


COMMAND = Command(
    name="explain",
    summary="Explain predictions: what each column added to each answer.",
    about=(
        "Says for each row which of its values raised or lowered the answer, and by how much, beside "
        "background rows: synthetic ones from the model file, or rows of a table of yours. Shapley values "
        "over the raw columns, computed through the model's graph; docs/explanations.md says what they mean."
    ),
    flags=(
        MODEL,
        SOURCE,
        Flag("--output", "The file to write, .csv or .json", short="-o", value="FILE"),
        Flag("--first", "Explain so many rows from the top", "whole", default=100, value="N"),
        Flag("--top", "Reasons a row", "whole", default=3, short="-k", value="K"),
        Flag(
            "--label",
            "The class to explain",
            shown_default="of two classes the positive one, of more each row's likeliest",
            value="CLASS",
        ),
        Flag("--background", "A table of rows to compare with; 100 of them are drawn", value="FILE"),
        Flag("--seed", "The seed of what is drawn", "whole", default=0, value="N"),
        Flag("--strict", "Exit with 1 where a row was refused", "nothing"),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright explain loans.mlw new.csv",
        "mlwright explain loans.mlw new.csv -k 5 -o reasons.csv",
        "mlwright explain loans.mlw new.csv --background loans.csv --label yes --json",
    ),
)
