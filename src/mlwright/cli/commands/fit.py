"""`mlwright fit`: from a table to a model file, with what was found, how good it is, and what to do next."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mlwright.base import figures
from mlwright.base.errors import ChecksRefused, Misuse
from mlwright.base.evaluation import SplitRule
from mlwright.base.naming import shown_source
from mlwright.base.purpose import MOST
from mlwright.cli.flags import ROLES, SCHEMA, SOURCE, WAIVE, WRITTEN, Command, Flag
from mlwright.cli.parse import typed_again
from mlwright.cli.screen import Screen
from mlwright.cli.spoken import spoken_findings
from mlwright.cli.tables import options_of, read_and_check, roles_of
from mlwright.cli.written import costs_in, directions_in

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.finding import Findings
    from mlwright.base.progress import Progress
    from mlwright.data.dataset import Dataset
    from mlwright.lifecycle.state import State

_CARD = "what the card says of its use"


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Reads, checks, trains, writes."""
    began = time.monotonic()
    if arguments.target is None and arguments.schema is None:
        raise without_target()
    from mlwright.lifecycle.state import State

    output = output_for(arguments.source, arguments.output)
    state = State(output.with_name(f"{output.name}.partial"), arguments.resume, kept=True)
    asked = Asked(arguments, began, screen.progress(), state)
    dataset, found = asked.checked()
    if not screen.json:
        source = shown_source(arguments.source)
        show_table(screen, source, dataset.rows_in_all, len(dataset.schema.features), found)
    try:
        model = asked.model(dataset, found, screen)
    except ChecksRefused as refused:
        raise with_commands(refused, arguments) from None
    model.save(output)
    state.forget()
    screen.answer(
        {
            "model": str(output),
            "size_bytes": output.stat().st_size,
            "digest": model.digest,
            "evaluation": model.evaluation,
            "findings": list(spoken_findings(found)),
        }
    )
    if not screen.json:
        show_result(screen, model, output, arguments.source)
    return 0


class Asked:
    """What was asked for on the command line, and how much of its time is left.

    Raises what can be known to be wrong before the table is read.
    """

    def __init__(self, arguments: argparse.Namespace, began: float, progress: Progress, state: State) -> None:
        from mlwright.base.amounts import seconds_of
        from mlwright.lifecycle.fit import FitSettings
        from mlwright.lifecycle.foreseen import refuse_absent, refuse_settings
        from mlwright.lifecycle.warm import opened

        self._arguments, self._began, self._progress, self._state = arguments, began, progress, state
        self._limit_s = seconds_of(arguments.time_limit)
        self._earlier = None if arguments.warm_start is None else opened(arguments.warm_start)
        self._options = options_of(arguments)
        self._waive = tuple(arguments.waive or ())
        names = ("task", "metric", "time_limit", "max_trials", "seed", "threads")
        limits, labels = ("max_latency", "max_size", "max_memory"), ("threshold", "alerts", "rows_per_day")
        self._settings = FitSettings(
            **{name: getattr(arguments, name) for name in (*names, *limits, *labels)},
            costs=costs_in(arguments.costs),
            split=arguments.split,
            gap=arguments.gap,
            monotone=directions_in(arguments.monotone),
            simpler=arguments.simpler,
            waive=self._waive,
            **{name: getattr(arguments, name) for name in MOST},
        )
        refuse_settings(self._settings)
        refuse_absent(arguments.test, self._options and self._options.for_another)

    def checked(self) -> tuple[Dataset, Findings]:
        """The table, and what was found in it. Raises `Misuse` where nothing names its target."""
        from mlwright.lifecycle.fit import CHECKING

        arguments = self._arguments
        dataset, found = read_and_check(
            arguments.source,
            roles_of(arguments),
            self._progress,
            self._options,
            self._waive,
            settings=None if arguments.test else self._settings,
            task=arguments.task,
            seconds=None if arguments.max_trials else CHECKING * self._limit_s,
            threads=arguments.threads,
            seed=arguments.seed,
        )
        if arguments.target is None and dataset.target is None:
            raise without_target()
        return dataset, found

    def model(self, dataset: Dataset, found: Findings, screen: Screen) -> Model:
        """The model of a table that was checked, within the time that is left."""
        from mlwright.lifecycle import fit

        arguments = self._arguments
        return fit(
            dataset,
            settings=self._settings,
            spent_s=time.monotonic() - self._began,
            findings=found,
            test=arguments.test,
            options=self._options,
            state=self._state,
            warm_start=self._earlier,
            progress=headed(screen, self._progress),
        )


def without_target() -> Misuse:
    """What to say where neither a flag nor the schema names the target."""
    return Misuse(
        "fit needs to know what to predict", where="mlwright fit", remedy="name it with --target COLUMN"
    )


def output_for(source: str, output: str | None) -> Path:
    """Where the model goes, known to be writable before any time is spent on training."""
    from mlwright.base.naming import stem_of
    from mlwright.lifecycle.output import writable

    path = Path(output) if output else Path(f"{stem_of(source)}.mlw")
    if path.suffix.lower() != ".mlw" and not path.is_dir():
        raise Misuse(
            "a model file ends in .mlw", where=str(path), remedy=f"name it with -o {path.with_suffix('.mlw')}"
        )
    return writable(path, source)


def with_commands(refused: ChecksRefused, arguments: argparse.Namespace) -> ChecksRefused:
    """The same refusal, its remedy the commands that would go on: without the columns, or bearing them.

    Where no column is at fault, as with a test table whose rows were learned, mending it comes first.
    """
    from mlwright.checks import to_drop, to_waive

    columns, codes = to_drop(refused.findings), to_waive(refused.findings)
    ways = [] if columns or not codes else [refused.findings.issues[0].remedy.rstrip(".")]
    borne = "what is known in time after all" if columns else "it"
    for says, key, more in (
        ("leave out what is not known in time", "drop", columns),
        (f"bear {borne}, which the card then says", "waive", codes),
    ):
        if more:
            values = [*(getattr(arguments, key) or ()), *more]
            ways.append(f"{says}: `{typed_again(COMMAND, arguments, {key: values})}`")
    remedy = "; or ".join(ways) or refused.remedy
    return ChecksRefused(refused.findings, refused.message, where=refused.where, remedy=remedy)


def show_table(screen: Screen, source: str, rows: int, features: int, found: Findings) -> None:
    """What was read, and what was found in it."""
    from mlwright.cli import look

    size = f"{figures.counted(rows, 'row')}, {figures.counted(features, 'feature')}"
    screen.show(look.title(source, size), look.section("Findings", look.findings(found)))


def headed(screen: Screen, progress: Progress) -> Progress:
    """`progress` with a heading over what training says, once nothing that was found stops it."""
    from mlwright.cli import look
    from mlwright.cli.progress import Headed

    if screen.json:
        return progress
    return Headed(progress, "training", lambda: screen.show(look.section("Training")))


def show_result(screen: Screen, model: Model, output: Path, source: str, *, onward: bool = True) -> None:
    """What was tried, how good it is, what was written, and (`onward`) the next commands."""
    from mlwright.cli import look
    from mlwright.cli.decided import decision_of
    from mlwright.cli.fitted import fit_report_of
    from mlwright.cli.sliced import slices_of
    from mlwright.cli.tried import tried

    screen.show(
        tried(model.leaderboard),
        look.quality(model.evaluation),
        *decision_of(model.evaluation),
        *fit_report_of(model.fit_report),
        *slices_of(model.evaluation),
        look.written(output, figures.size(output.stat().st_size)),
    )
    if onward:
        screen.show(look.section("Next", look.commands(next_commands(output, source))))


def next_commands(output: Path, source: str) -> list[tuple[str, str]]:
    """What one does with a model file."""
    suffix, model = Path(source).suffix.lower(), shlex.quote(str(output))
    scored = "scored" + (suffix if suffix in (".parquet", ".pq") else ".csv")
    return [
        ("read all about it", f"mlwright show {model}"),
        ("predict a table", f"mlwright predict {model} new.csv -o {scored}"),
        ("serve it over HTTP", f"mlwright serve {model}"),
    ]


COMMAND = Command(
    name="fit",
    summary="Train a model on a table and write it to one .mlw file.",
    about=(
        "Reads and checks the table, tries candidates within the time limit beside a plain baseline, "
        "measures the result on rows it had not seen, and writes one file. Ctrl-C stops the search and "
        "keeps the best so far. What is finished is kept in a folder beside the model file, named after it "
        "with .partial, until that is written: a fit that was killed goes on with --resume."
    ),
    flags=(
        SOURCE,
        SCHEMA,
        *ROLES,
        Flag(
            "--output",
            "The model file to write",
            short="-o",
            value="FILE",
            shown_default="the table's name, .mlw",
        ),
        Flag(
            "--task",
            "What kind of prediction",
            choices=("binary", "multiclass", "regression"),
            shown_default="by the target's values",
        ),
        Flag(
            "--metric",
            "The metric to choose by, such as roc_auc, log_loss, f1, rmse or mae",
            shown_default="the task's usual one",
        ),
        Flag(
            "--costs",
            "What mistakes cost, such as fn=500,fp=20, or JSON by actual and predicted class; a column's "
            "name costs what the row holds there. The label is then what costs least",
            value="COSTS",
        ),
        Flag("--alerts", "How many rows may be called positive: 50/day, or 2% of them", value="NUMBER"),
        Flag(
            "--rows-per-day",
            "How many rows a day will bring, for --alerts",
            "number",
            value="N",
            shown_default="by --time",
        ),
        Flag(
            "--threshold",
            "The probability above which the positive class is answered",
            "number",
            value="P",
            shown_default="the likeliest class, or the best one for a --metric of labels",
        ),
        Flag(
            "--split",
            "How rows are divided into those that train and those that judge",
            choices=get_args(SplitRule),
            shown_default="by the roles that are named",
        ),
        Flag(
            "--gap",
            "How long labels take to be known, such as 7d: rows that shortly before the judges are left out",
            value="TIME",
        ),
        Flag(
            "--monotone",
            "Columns that the prediction may only rise or fall with, such as age=+1,income=-1",
            value="COLUMNS",
        ),
        Flag(
            "--simpler",
            "Prefer the candidate that is cheapest to serve where its error is within one standard error of "
            "the best choice's",
            "nothing",
        ),
        Flag("--time-limit", "For the whole call, such as 90s, 5m or 1h", default="60s", value="TIME"),
        Flag("--max-trials", "Candidates to try instead of a time limit; repeatable", "whole", value="N"),
        Flag("--max-latency", "CPU time a row that the model may take when asked one by one", value="TIME"),
        Flag("--max-size", "How large the file may be, such as 3MB", value="SIZE"),
        Flag(
            "--max-memory", "Memory that opening and serving the model may take, such as 200MB", value="SIZE"
        ),
        Flag("--test", "A table of rows, written alike, to measure on, never trained on", value="FILE"),
        Flag("--warm-start", "An earlier model whose candidates are tried first", value="FILE"),
        Flag(
            "--resume",
            "Go on with a fit of the same table and settings that was killed, in what is left of its time "
            "limit, or in a tenth of it",
            "nothing",
        ),
        WAIVE,
        Flag("--seed", "Makes runs repeatable, together with --max-trials", "whole", default=0, value="N"),
        Flag("--threads", "CPUs to use", "whole", value="N", shown_default="all that this process may use"),
        Flag("--intended-use", "What the answers are for, and who acts on them", value="TEXT", group=_CARD),
        Flag("--not-for", "What the model must not be used for", value="TEXT", group=_CARD),
        Flag("--owner", "Who answers for the model", value="TEXT", group=_CARD),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright fit loans.csv --target defaulted",
        "mlwright fit loans.csv -t defaulted --time applied_at --drop interest_paid --time-limit 5m -o "
        "loans.mlw",
    ),
)
