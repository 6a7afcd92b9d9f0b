"""Writes docs/cli.md from the same declarations that `--help` comes from.

Called by `make docs` (`python -m mlwright.cli.pages FILE`) and by the test that compares the page with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mlwright.cli.commands import COMMANDS
from mlwright.cli.flags import EVERYWHERE, Command, Flag
from mlwright.cli.parse import usage

HEAD = """# The command line

<!-- Written by `make docs` from the declarations in src/mlwright/cli/commands; a test compares. -->

`mlwright COMMAND [options]`, or `python -m mlwright`. Exit codes and the form of errors are in
[errors.md](errors.md). Standard output carries the answer, standard error progress and errors. Colours appear
only on a terminal, and never with `NO_COLOR` set.

"""


def cli_page(commands: Sequence[Command] = COMMANDS) -> str:
    """The whole page as Markdown."""
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| [`{c.name}`](#mlwright-{c.name}) | {c.summary} |" for c in commands]
    lines += ["", "Every command takes:", "", *_table(EVERYWHERE)]
    for command in commands:
        lines += ["", f"## mlwright {command.name}", "", f"    {usage(command)}", "", command.about, ""]
        lines += _table(command.flags) if command.flags else ["It has no options of its own."]
        if command.examples:
            lines += ["", *(f"    {example}" for example in command.examples)]
    return HEAD + "\n".join(lines) + "\n"


def _table(flags: Sequence[Flag]) -> list[str]:
    rows = ["| argument | meaning |", "|---|---|"]
    for flag in flags:
        name = f"{flag.short}`, `{flag.usage}" if flag.short else flag.usage
        rows.append(f"| `{_cell(name)}` | {_cell(flag.note)} |")
    return rows


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(cli_page(), encoding="utf-8")
