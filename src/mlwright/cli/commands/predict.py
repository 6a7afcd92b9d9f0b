"""`mlwright predict`: a table in, the same table with predictions out."""

from __future__ import annotations

import argparse

from mlwright.base.errors import Misuse
from mlwright.cli import figures
from mlwright.cli.flags import MODEL, WRITTEN, Command, Flag
from mlwright.cli.screen import PROBLEMS_SHOWN, Screen, safe
from mlwright.cli.tables import options_of


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Predicts every row that fits the schema; 1 with `--strict` where a row did not."""
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
            "problems": list(report.problems[:PROBLEMS_SHOWN]),
        }
    )
    if not screen.json:
        from rich.text import Text

        screen.show(
            Text(f"{figures.counted(report.rows - report.refused, 'row')} predicted, in {report.out}")
        )
        if report.refused:
            screen.show(
                Text(
                    f"{figures.counted(report.refused, 'row')} refused; the column `error` says why", "yellow"
                )
            )
            screen.show(*(Text(f"  {safe(p)}", "dim") for p in report.problems[:PROBLEMS_SHOWN]))
    return 1 if arguments.strict and report.refused else 0


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
