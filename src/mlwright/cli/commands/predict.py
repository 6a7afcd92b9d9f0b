"""`mlwright predict`: a table in, the same table with predictions out."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from mlwright.base.errors import Misuse
from mlwright.cli import figures
from mlwright.cli.flags import MODEL, WRITTEN, Command, Flag
from mlwright.cli.screen import PROBLEMS_SHOWN, Screen, safe
from mlwright.cli.tables import options_of

if TYPE_CHECKING:
    from mlwright.lifecycle.predict import PredictReport

NOTHING_PREDICTED = 3
"""The exit code of bad data: a table of which no row could be predicted is one."""
_DECIMAL_COMMA = re.compile(r"""['"]?[-+]?\d{1,3}(?:[. ]?\d{3})*,\d+['"]?""")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Predicts every row that fits the schema; 3 where none did, 1 with `--strict` where one did not."""
    if arguments.output is None:
        raise Misuse(
            "predict needs a file to write", where="mlwright predict", remedy="name it with -o scored.csv"
        )
    from mlwright.lifecycle import predict_file

    report = predict_file(
        arguments.model,
        arguments.source,
        arguments.output,
        options=options_of(arguments),
        submission=arguments.submission,
        proba=arguments.proba,
        progress=screen.progress(),
    )
    screen.answer(
        {
            "output": str(report.out),
            "rows": report.rows,
            "refused": report.refused,
            "refusals": list(report.refusals),
            "problems": list(report.problems[:PROBLEMS_SHOWN]),
        }
    )
    if not screen.json:
        _show(screen, report)
    if report.rows and report.refused == report.rows:
        return NOTHING_PREDICTED
    return 1 if arguments.strict and report.refused else 0


def _show(screen: Screen, report: PredictReport) -> None:
    from rich.text import Text

    screen.show(Text(f"{figures.counted(report.rows - report.refused, 'row')} predicted, in {report.out}"))
    if not report.refused:
        return
    screen.show(
        Text(f"{figures.counted(report.refused, 'row')} refused; the column `error` says why", "yellow")
    )
    for why in report.refusals[:PROBLEMS_SHOWN]:
        first = next((p for p in report.problems if (p.column, p.reason) == (why.column, why.reason)), None)
        said = f"  {why.column}: {why.reason}, {figures.counted(why.values, 'time')}; expected {why.expected}"
        said += f", got {first.value} in row {first.row}" if first else ""
        screen.show(Text(safe(said), "dim"))
    more = len(report.refusals) - PROBLEMS_SHOWN
    if more > 0:
        screen.show(Text(f"  and {figures.counted(more, 'more reason')}", "dim"))
    if any(_DECIMAL_COMMA.fullmatch(p.value) for p in report.problems):
        hint = "decimal commas? say --decimal , (and --separator, where fields were torn apart)"
        screen.show(Text(f"  {hint}", "yellow"))


COMMAND = Command(
    name="predict",
    summary="Add predictions to a table.",
    about=(
        "Writes the table with its columns and order kept, and the predictions beside them, as CSV or "
        "Parquet by the output's name. A row that does not fit the model's schema is not predicted: its "
        "reason stands in the column `error`."
    ),
    flags=(
        MODEL,
        Flag("source", "The table to predict: CSV, TSV (also .gz), Parquet or JSON lines"),
        Flag("--output", "The table to write, .csv or .parquet", short="-o", value="FILE"),
        Flag("--proba", "Write the probability of every class", "nothing"),
        Flag("--submission", "A sample submission; the output gets its columns and row order", value="FILE"),
        Flag("--strict", "Exit with 1 where a row was refused", "nothing"),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright predict loans.mlw new.csv -o scored.csv",
        "mlwright predict loans.mlw test.csv -o mine.csv --submission sample_submission.csv",
    ),
)
