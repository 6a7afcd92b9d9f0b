"""`mlwright split`: a table becomes one to train on and one to test on."""

from __future__ import annotations

import argparse

from mlwright.base import figures
from mlwright.base.finding import Findings
from mlwright.cli.flags import SOURCE, WRITTEN, Command, Flag
from mlwright.cli.screen import Screen
from mlwright.cli.spoken import spoken_findings
from mlwright.cli.tables import options_of


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Writes both files and says how many rows each has."""
    from mlwright.lifecycle import split

    parted = split(
        arguments.source,
        arguments.train,
        arguments.test,
        share=arguments.share,
        time=arguments.time,
        group=arguments.group,
        seed=arguments.seed,
        options=options_of(arguments),
    )
    found = Findings.of(parted.findings)
    screen.answer(
        {
            "train": arguments.train,
            "train_rows": parted.train_rows,
            "test": arguments.test,
            "test_rows": parted.test_rows,
            "how": parted.how,
            "findings": list(spoken_findings(found)),
        }
    )
    if not screen.json:
        from mlwright.cli import look

        rows = [
            (arguments.train, figures.counted(parted.train_rows, "row")),
            (arguments.test, figures.counted(parted.test_rows, "row")),
        ]
        screen.show(
            look.title(arguments.source, f"to test on: {parted.how}"),
            *([look.section("Findings", look.findings(found))] if parted.findings else []),
            look.section("Written", look.pairs(rows)),
        )
    return 0


COMMAND = Command(
    name="split",
    summary="Part a table into one to train on and one to test on, however large it is.",
    about=(
        "Rows are parted by chance, by group (none is torn apart) or by time (the latest are to test on). "
        "They keep their order, each stands in one of the files, and equal calls write equal parts. The "
        "table streams by: it need not fit into memory."
    ),
    flags=(
        SOURCE,
        Flag("--train", "The file to train on: CSV, TSV or Parquet", default="train.csv", value="FILE"),
        Flag("--test", "The file to test on", default="test.csv", value="FILE"),
        Flag(
            "--share",
            "The part of the rows, or of the groups, to test on",
            "number",
            default=0.2,
            value="SHARE",
        ),
        Flag("--time", "The column that says when: the latest rows are to test on", value="COLUMN"),
        Flag("--group", "The column whose values must not be torn apart, such as a patient", value="COLUMN"),
        Flag("--seed", "Another seed draws other rows or groups", "whole", default=0, value="N"),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright split loans.csv",
        "mlwright split trips.parquet --time started_at --train before.parquet --test after.parquet",
        "mlwright split visits.csv --group patient --share 0.3",
    ),
)
