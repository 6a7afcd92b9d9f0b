"""`mlwright predict`: a table in, the same table with predictions out."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.errors import Misuse
from mlwright.cli.flags import MODEL, WRITTEN, Command, Flag
from mlwright.cli.screen import PROBLEMS_SHOWN, Screen, safe
from mlwright.cli.tables import options_of

if TYPE_CHECKING:
    from mlwright.lifecycle import TableReport
    from mlwright.lifecycle.predict import PredictReport

INTERRUPTED = 130
NOTHING_PREDICTED = 3
"""The exit code of bad data: a table of which no row could be predicted is one."""
_DECIMAL_COMMA = re.compile(r"""['"]?[-+]?\d{1,3}(?:[. ]?\d{3})*,\d+['"]?""")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Predicts every row that fits the schema; 3 where none did, 1 with `--strict` where one did not."""
    source_of(arguments)
    if arguments.to is not None:
        return run_to_table(arguments, screen)
    if arguments.output is None:
        raise Misuse(
            "predict needs a file or a database to write",
            where="mlwright predict",
            remedy="name it with -o scored.csv, or with --to URL --table NAME --key COLUMN",
        )
    if arguments.key:
        raise Misuse("--key has no effect without --to", where="mlwright predict", remedy="leave it out")
    from mlwright.lifecycle import predict_file

    report = predict_file(
        arguments.model,
        arguments.source,
        arguments.output,
        options=options_of(arguments),
        submission=arguments.submission,
        proba=arguments.proba,
        sets=arguments.set,
        interval=arguments.interval,
        abstain=arguments.abstain,
        restart=arguments.restart,
        progress=screen.progress(),
    )
    screen.answer(
        {
            "output": str(report.out),
            "rows": report.rows,
            "refused": report.refused,
            "skipped": report.skipped,
            "complete": report.complete,
            "refusals": list(report.refusals),
            "problems": list(report.problems[:PROBLEMS_SHOWN]),
        }
    )
    if not screen.json and report.complete:
        _show(screen, report)
    if not report.complete:
        screen.warn("interrupted: the same command goes on from here")
        return INTERRUPTED
    if report.rows and report.refused == report.rows:
        return NOTHING_PREDICTED
    return 1 if arguments.strict and report.refused else 0


def source_of(arguments: argparse.Namespace) -> None:
    """One source, said as an argument or by `--from`; and of a database, what to read by `--from-table`."""
    if (arguments.source is None) == (getattr(arguments, "from") is None):
        raise Misuse(
            "predict needs one table to predict",
            where="mlwright predict",
            remedy="name it after the model, or with --from",
        )
    arguments.source = arguments.source or getattr(arguments, "from")
    if arguments.to is None and arguments.from_table is not None:
        arguments.table = arguments.table or arguments.from_table


def run_to_table(arguments: argparse.Namespace, screen: Screen) -> int:
    """Predicts into a table of a database."""
    for flag, name in (("output", "-o"), ("submission", "--submission")):
        if getattr(arguments, flag) is not None:
            raise Misuse(
                f"{name} has no effect beside --to", where="mlwright predict", remedy="leave one out"
            )
    if arguments.table is None or not arguments.key:
        raise Misuse(
            "predict needs a table to write and its key",
            where="mlwright predict",
            remedy="name them with --table NAME --key COLUMN",
        )
    from mlwright.lifecycle import predict_table
    from mlwright.lifecycle.extras import need

    need("train", "predicting from tables")
    from mlwright.sources.sql import is_database

    if is_database(arguments.source) and arguments.from_table is None and arguments.query is None:
        raise Misuse(
            "predict needs to know what to read from the database: --table names what is written",
            where="mlwright predict",
            remedy="name it with --from-table TABLE, or --query SELECT",
        )
    table, arguments.table = arguments.table, arguments.from_table  # beside --to, --table is what is written
    report = predict_table(
        arguments.model,
        arguments.source,
        arguments.to,
        table=table,
        key=arguments.key,
        options=options_of(arguments),
        proba=arguments.proba,
        sets=arguments.set,
        interval=arguments.interval,
        abstain=arguments.abstain,
        chunk_rows=arguments.chunk_rows,
        restart=arguments.restart,
        progress=screen.progress(),
    )
    screen.answer(
        {
            "table": report.table,
            "rows": report.rows,
            "refused": report.refused,
            "skipped": report.skipped,
            "complete": report.complete,
            "refusals": list(report.refusals),
            "problems": list(report.problems[:PROBLEMS_SHOWN]),
        }
    )
    if not screen.json:
        _show(screen, report)
    if not report.complete:
        screen.warn("interrupted: the same command goes on from here")
        return INTERRUPTED
    if report.rows and report.refused == report.rows:
        return NOTHING_PREDICTED
    return 1 if arguments.strict and report.refused else 0


def _show(screen: Screen, report: PredictReport | TableReport) -> None:
    from rich.text import Text

    from mlwright.lifecycle import TableReport

    place = report.table if isinstance(report, TableReport) else report.out
    screen.show(Text(safe(f"{figures.counted(report.rows - report.refused, 'row')} predicted, in {place}")))
    if report.skipped:
        screen.show(Text(f"{figures.counted(report.skipped, 'row')} done before by a run that was cut off"))
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


_TO = "predictions into a database"

COMMAND = Command(
    name="predict",
    summary="Add predictions to a table.",
    about=(
        "Writes the table with its columns and order kept, and the predictions beside them, as CSV or "
        "Parquet by the output's name. A row that does not fit the model's schema is not predicted: its "
        "reason stands in the column `error`. A large file is read in parts, on all CPUs. With --to the "
        "predictions go to a table of a database, under the key of their rows. Cut off, the same command "
        "goes on where it stopped."
    ),
    flags=(
        MODEL,
        Flag(
            "source", "The table to predict: a file, a folder or 'pattern*' of parts, or a URL", optional=True
        ),
        Flag("--output", "The table to write, .csv or .parquet", short="-o", value="FILE"),
        Flag("--proba", "Write the probability of every class", "nothing"),
        Flag(
            "--set",
            "Write the labels that are plausible at this error rate, such as 0.1",
            "number",
            value="RATE",
        ),
        Flag(
            "--interval",
            "Write the ends between which a number lies but for this error rate, such as 0.1",
            "number",
            value="RATE",
        ),
        Flag(
            "--abstain",
            "Leave labels empty where it is not sure enough for at most this share to be wrong, such as 0.05",
            "number",
            value="RATE",
        ),
        Flag("--submission", "A sample submission; the output gets its columns and row order", value="FILE"),
        Flag(
            "--from",
            "The table to predict, in place of the argument; such as the URL of a database",
            value="SOURCE",
            group=_TO,
        ),
        Flag(
            "--from-table",
            "Beside --to: the table to read, where --table is the one to write",
            value="TABLE",
            group=_TO,
        ),
        Flag(
            "--to",
            "The database to write to; --table names its table, made where absent",
            value="URL",
            group=_TO,
        ),
        Flag("--key", "The column that tells rows apart", value="COLUMN", repeats=True, group=_TO),
        Flag("--chunk-rows", "Rows a transaction", "whole", default=10_000, value="N", group=_TO),
        Flag("--restart", "Begin anew, whatever a run that was cut off has done", "nothing"),
        Flag("--strict", "Exit with 1 where a row was refused", "nothing"),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright predict loans.mlw new.csv -o scored.csv",
        "mlwright predict prices.mlw new.csv -o scored.csv --interval 0.1",
        "mlwright predict loans.mlw new.csv -o scored.csv --abstain 0.05",
        "mlwright predict loans.mlw --from sqlite:///bank.db --query 'SELECT * FROM loans WHERE day = :day' "
        "--parameter day=2024-05-01 --to sqlite:///bank.db --table predictions --key loan_id",
        "mlwright predict loans.mlw test.csv -o mine.csv --submission sample_submission.csv",
    ),
)
