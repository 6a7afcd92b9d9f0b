"""`mlwright check`: what is wrong with a table, before anything is trained on it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.errors import Misuse
from mlwright.base.naming import shown_source
from mlwright.cli.flags import AGAINST, ROLES, SCHEMA, SOURCE, WAIVE, WRITTEN, Command, Flag
from mlwright.cli.screen import Screen
from mlwright.cli.spoken import spoken_findings
from mlwright.cli.tables import options_of, read_and_check, roles_of

if TYPE_CHECKING:
    from mlwright.base.finding import Findings


FAULT = 4
"""The exit code where a check itself failed: what it would have found is not known."""


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Reads the table, checks it, and shows the findings; 1 where the worst is as bad as `--fail-on`."""
    from mlwright.lifecycle.report import page_at, report

    if arguments.against is not None:
        return run_against(arguments, screen)
    options = options_of(arguments)
    page = None if arguments.report is None else page_at(arguments.report, arguments.source)
    dataset, found = read_and_check(
        arguments.source, roles_of(arguments), screen.progress(), options, arguments.waive or ()
    )
    if page is not None:
        report(dataset, page, findings=spoken_findings(found))
    refused = is_refused(found, arguments.fail_on)
    screen.answer(
        {
            "source": shown_source(arguments.source),
            "rows": dataset.rows_in_all,
            "rows_looked_at": len(dataset),
            "columns": len(dataset.schema.columns),
            "passed": not refused,
            "findings": list(spoken_findings(found)),
        }
    )
    if not screen.json:
        from mlwright.cli import look

        width = figures.counted(len(dataset.schema.columns), "column")
        size = f"{figures.counted(dataset.rows_in_all, 'row')}, {width}"
        screen.show(
            look.title(shown_source(arguments.source), size),
            look.section("Findings", look.findings(found, every=arguments.all)),
            look.section("In short", look.in_short(found)),
        )
        if page is not None:
            screen.show(look.written(page))
    return FAULT if found.faults else 1 if refused else 0


def run_against(arguments: argparse.Namespace, screen: Screen) -> int:
    """Holds the table to a model, a schema or another table, and shows what does not fit."""
    from mlwright.lifecycle import check

    if arguments.report is not None:
        raise Misuse("--report has no effect beside --against", remedy="leave one of them out")
    progress = screen.progress()
    try:
        progress.stage("checking")
        found = check(
            arguments.source,
            against=arguments.against,
            waive=tuple(arguments.waive or ()),
            options=options_of(arguments),
            **roles_of(arguments),
        )
    finally:
        progress.done()
    refused = is_refused(found, arguments.fail_on)
    screen.answer(
        {
            "source": shown_source(arguments.source),
            "against": arguments.against,
            "passed": not refused,
            "findings": list(spoken_findings(found)),
        }
    )
    if not screen.json:
        from mlwright.cli import look

        screen.show(
            look.title(arguments.source, f"held to {arguments.against}"),
            look.section("Findings", look.findings(found, every=arguments.all)),
            look.section("In short", look.in_short(found)),
        )
    return FAULT if found.faults else 1 if refused else 0


def is_refused(found: Findings, fail_on: str) -> bool:
    """Whether the worst finding is as bad as `--fail-on`."""
    return {"issue": bool(found.issues), "tip": bool(found.found), "nothing": False}[fail_on]


COMMAND = Command(
    name="check",
    summary="Find what is wrong with a table: leaks, duplicates, imbalance, missing values.",
    about=(
        "Reads the table as training would and looks for what spoils models. With --target the checks "
        "that need a target run as well. With --against it looks for what does not fit instead: missing "
        "columns, values that break the schema, what was never seen, shift. A finding names columns and row "
        "numbers; of values, only labels."
    ),
    flags=(
        SOURCE,
        AGAINST,
        SCHEMA,
        *ROLES,
        Flag(
            "--fail-on",
            "The least serious finding that makes the exit code 1",
            default="issue",
            choices=("issue", "tip", "nothing"),
        ),
        WAIVE,
        Flag(
            "--report",
            "Also write a page for people: what was found, and how each column looks",
            value="FILE.html",
        ),
        Flag("--all", "List the checks that passed or could not look as well", "nothing"),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright check loans.csv --target defaulted",
        "mlwright check loans.csv -t defaulted --json",
        "mlwright check new.csv --against loans.mlw",
        "mlwright check loans.csv -t defaulted --report loans.html",
        "mlwright check prices.txt -t price --separator ';' --decimal , --missing unknown",
    ),
)
