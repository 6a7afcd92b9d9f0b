"""Writes docs/cli.md, docs/checks.md and docs/metrics.md from the declarations that the program itself uses.

Called by `make docs` (`python -m mlwright.cli.pages FOLDER`) and by the tests that compare pages and program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mlwright.cli.commands import COMMANDS
from mlwright.cli.flags import EVERYWHERE, Command, Flag
from mlwright.cli.parse import usage

CLI_HEAD = """# The command line

<!-- Written by `make docs` from the declarations in src/mlwright/cli/commands; a test compares. -->

`mlwright COMMAND [options]`, or `python -m mlwright`. Exit codes and the form of errors are in
[errors.md](errors.md). Standard output carries the answer, standard error progress and errors. Colours appear
only on a terminal, and never with `NO_COLOR` set.

"""


CHECKS_HEAD = """# Checks

<!-- Written by `make docs` from the table in src/mlwright/checks/running.py; a test compares. -->

What `mlwright check` and `mlwright fit` look for. An *issue* means that a score would not be believable or
that training would fail; a *tip* that it may be better otherwise. A check that could not look says
`not_enough_data`, `not_applicable` or `skipped`, never `passed`. Findings name columns and row numbers, never
values, save for labels of the target, which are the model's public classes, and (MLW801 to MLW803) for what
groups and slices of thirty rows or more have in common.

"""


METRICS_HEAD = """# Metrics

<!-- Written by `make docs` from the table in src/mlwright/evaluation/metrics.py; a test compares. -->

What `mlwright fit --metric` and `mw.fit(metric=...)` take: the metric that candidates are chosen by. It and
the others that fit the task are shown in the end, each with a 95 % interval and beside the plain baseline;
one that is undefined or misleads on the rows that were judged is left out. Definitions are scikit-learn's
where it has them; rows count by their weights.

A function of your own is made a metric by `mw.metric(function, needs="label", better="more")`, and then taken
by `fit`, `evaluate` and `compare`. The model file keeps its name alone, for it holds no code. It is clocked
first: where a time limit leaves no room for the hundreds of calls that an interval takes, it is drawn less
often, or not at all, and the result says so.

"""


def cli_page(commands: Sequence[Command] = COMMANDS) -> str:
    """The whole page as Markdown."""
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| [`{c.name}`](#mlwright-{c.name}) | {c.summary} |" for c in commands]
    lines += ["", "Every command takes:", "", *_table(EVERYWHERE)]
    for command in commands:
        lines += ["", f"## mlwright {command.name}", "", f"    {usage(command)}", "", command.about, ""]
        if not command.flags:
            lines.append("It has no options of its own.")
        for title, flags in command.groups.items():
            lines += ["", f"{title.capitalize()}:", ""] if title else []
            lines += _table(flags) if flags else []
        if command.examples:
            lines += ["", *(f"    {example}" for example in command.examples)]
    return CLI_HEAD + "\n".join(lines) + "\n"


def checks_page() -> str:
    """Every check with how it is computed, as Markdown."""
    from mlwright.base import unjudged
    from mlwright.base.slices import HOW
    from mlwright.base.slices import TITLES as SLICED
    from mlwright.checks import AGAINST, CHECKS, CONTAMINATION, SHIFT
    from mlwright.data.codes import TITLES

    lines: list[str] = []
    for title, checks in (
        ("One table", CHECKS),
        ("A table held to a schema", AGAINST),
        ("A table beside another: shift", SHIFT),
        ("A test table beside the training table: contamination", CONTAMINATION),
    ):
        lines += [f"## {title}", "", "| code | what is found | severity | how |", "|---|---|---|---|"]
        for check in checks:
            stops = "; an issue stops `fit`" if check.stops else ""
            source = f" ({_cell(check.source)})" if check.source else ""
            severity = f"{check.severity}{stops}"
            lines.append(f"| {check.code} | {_cell(check.title)} | {severity} | {_cell(check.how)}{source} |")
        lines.append("")
    lines += ["## What the evaluation of a model shows", ""]
    lines += ["| code | what is found | how |", "|---|---|---|"]
    lines += [f"| {code} | {_cell(title)} | {_cell(HOW[code])} |" for code, title in SLICED.items()]
    lines += ["", "## What a converted model shows", ""]
    lines += ["| code | what is found | how |", "|---|---|---|"]
    lines += [f"| {unjudged.CODE} | {unjudged.TITLE} | {_cell(unjudged.HOW)} |"]
    lines += ["", "## What reading notices", "", "| code | what was noticed |", "|---|---|"]
    lines += [f"| {code} | {_cell(title)} |" for code, title in TITLES.items()]
    return CHECKS_HEAD + "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Every metric by task, and which is chosen by where none is named, as Markdown."""
    from mlwright.evaluation.asked import FAMILIES
    from mlwright.evaluation.metrics import DEFAULT, METRICS

    lines: list[str] = []
    for title, tasks in (("Classes", ("binary", "multiclass")), ("Numbers", ("regression",))):
        lines += ["", f"## {title}", "", "| metric | better is | what it says |", "|---|---|---|"]
        for metric in METRICS.values():
            if metric.tasks[0] in tasks:
                usual = [task for task in metric.tasks if DEFAULT[task] == metric.name]
                said = f" The usual one for {' and '.join(usual)}." if usual else ""
                better = "more" if metric.greater_is_better else "less"
                lines.append(f"| `{metric.name}` | {better} | {_cell(metric.doc)}{said} |")
    lines += ["", "## With a number of your own", "", "| such as | what it says |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(said)} |" for name, said in FAMILIES.items()]
    return METRICS_HEAD + "\n".join(lines[1:]) + "\n"


def _table(flags: Sequence[Flag]) -> list[str]:
    rows = ["| argument | meaning |", "|---|---|"]
    for flag in flags:
        name = f"{flag.short}`, `{flag.usage}" if flag.short else flag.usage
        rows.append(f"| `{_cell(name)}` | {_cell(flag.note)} |")
    return rows


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
    (folder / "checks.md").write_text(checks_page(), encoding="utf-8")
    (folder / "metrics.md").write_text(metrics_page(), encoding="utf-8")
