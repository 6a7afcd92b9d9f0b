"""`mlwright schema`: what a table's columns are, written to a file that people read and edit."""

from __future__ import annotations

import argparse

from mlwright.base import figures
from mlwright.cli.flags import ROLES, WRITTEN, Command, Flag
from mlwright.cli.screen import Screen
from mlwright.cli.tables import options_of, roles_of


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Infers or reads the schema, writes it where that is asked for, and else prints it."""
    from mlwright.base.schema_json import schema_to_json
    from mlwright.lifecycle import schema

    progress = screen.progress()
    try:
        progress.stage("reading")
        found = schema(
            arguments.source, out=arguments.output, options=options_of(arguments), **roles_of(arguments)
        )
    finally:
        progress.done()
    if arguments.output is None:
        print(schema_to_json(found), end="")
        return 0
    screen.answer({"schema": arguments.output, "columns": len(found.columns)})
    if not screen.json:
        from mlwright.cli import look

        size = figures.counted(len(found.columns), "column")
        screen.show(
            look.title(arguments.source, size),
            look.written(arguments.output),
            look.section("Next", look.commands(_next(arguments))),
        )
    return 0


def _next(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    if not arguments.output.endswith(".json"):
        return []
    source = arguments.source if not arguments.source.endswith((".mlw", ".json")) else "new.csv"
    target = arguments.target or "COLUMN"
    return [
        ("edit it, then hold a table to it", f"mlwright check {source} --against {arguments.output}"),
        ("and train by it", f"mlwright fit {source} --target {target} --schema {arguments.output}"),
    ]


COMMAND = Command(
    name="schema",
    summary="Write what a table's columns are to a file that one can read, edit and train by.",
    about=(
        "Infers the schema of a table, or takes that of a model or a schema file. It says each column's kind "
        "and can be told more: least and greatest value, allowed texts, a pattern. All fields stand "
        "in docs/schema.md."
    ),
    flags=(
        Flag("source", "A table, a model file (.mlw) or a schema file (.json)"),
        Flag(
            "--output",
            "The file to write: .json, or .py for a Python class",
            short="-o",
            value="FILE",
            shown_default="JSON to standard output",
        ),
        *ROLES,
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright schema loans.csv -o schema.json",
        "mlwright fit loans.csv --target defaulted --schema schema.json",
        "mlwright schema loans.mlw",
    ),
)
