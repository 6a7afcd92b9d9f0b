"""`mlwright convert`: somebody's fitted model, in a file or a notebook, becomes a model file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlwright.base import figures
from mlwright.base.errors import Misuse
from mlwright.base.naming import shown_source
from mlwright.base.purpose import MOST
from mlwright.cli.flags import WAIVE, WRITTEN, Command, Flag
from mlwright.cli.screen import Screen
from mlwright.cli.spoken import spoken_findings
from mlwright.cli.tables import options_of
from mlwright.cli.written import classes_in

if TYPE_CHECKING:
    from mlwright.artifact import Model

_CARD = "what the card says of its use"
_NOTEBOOK = "of a notebook (.ipynb)"
_NETWORK = "of a network"


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Opens, converts, compares, writes."""
    from mlwright.cli.commands.fit import output_for
    from mlwright.lifecycle.extras import need

    if arguments.target is None:
        raise Misuse(
            "convert needs to know what the model predicts",
            where="mlwright convert",
            remedy="say what the answer is called with --target NAME",
        )
    need("train", "converting")
    from mlwright.conversion.files import refuse_folder

    refuse_folder(Path(arguments.file))
    output = output_for(arguments.file, arguments.output)
    notes: tuple[str, ...] = ()
    if Path(arguments.file).suffix.lower() == ".ipynb":
        model = from_notebook(arguments, screen)
    else:
        model, notes = from_file(arguments, screen)
    model.save(output)
    for note in notes:
        screen.warn(note)
    screen.answer(
        {
            "model": str(output),
            "size_bytes": output.stat().st_size,
            "digest": model.digest,
            "converted": model.manifest.recipe.get("converted"),
            "parity": model.evaluation.parity,
            "evaluation": model.evaluation,
            "findings": list(spoken_findings(model.findings)),
            "warnings": list(notes),
        }
    )
    if not screen.json:
        show(screen, model, output, arguments)
    return 0


def from_file(arguments: argparse.Namespace, screen: Screen) -> tuple[Model, tuple[str, ...]]:
    """The model in a file, and what is to be known of how it was opened. Raises `Misuse` for what belongs to
    notebooks, and for a program that is not trusted."""
    from mlwright.lifecycle import convert

    for flag in ("model", "data_name", "kernel", "cell_timeout"):
        if getattr(arguments, flag) is not None:
            name = f"--{flag.replace('_', '-')}"
            raise Misuse(f"{name} is for notebooks (.ipynb)", remedy=f"leave {name} out")
    example = arguments.example or arguments.data
    if example is None:
        raise Misuse(
            "convert needs some rows as the model takes them",
            where="mlwright convert",
            remedy="name a table with --example rows.csv",
        )
    options = options_of(arguments)
    held, notes = opened_or_trusted(Path(arguments.file), screen, trust=arguments.trust)
    model = convert(
        held,
        example=Path(example) if Path(example).exists() else example,
        target=arguments.target,
        data=arguments.data,
        options=options,
        kinds=dict(arguments.kind) if arguments.kind else None,
        drop=tuple(arguments.drop or ()),
        waive=tuple(arguments.waive or ()),
        answers=arguments.answers,
        classes=classes_in(arguments.classes),
        int8=arguments.int8,
        progress=screen.progress(),
        **{name: getattr(arguments, name) for name in MOST},
    )
    return model, notes


def opened_or_trusted(
    path: Path,
    screen: Screen,
    *,
    trust: bool,
) -> tuple[Any, tuple[str, ...]]:  # Any: somebody's fitted model
    """The model in the file: data as it is, a program only where the user trusts it."""
    from mlwright.conversion.files import opened
    from mlwright.conversion.pickled import is_pickle
    from mlwright.conversion.tensorflow import is_saved_model

    if not (trust and (is_saved_model(path) or (path.is_file() and is_pickle(path)))):
        return opened(path), ()
    from mlwright.cli.trusted import WARNING, trusted

    screen.warn(WARNING)
    return trusted(path)


def from_notebook(arguments: argparse.Namespace, screen: Screen) -> Model:
    """The model that a notebook makes. Raises `Misuse` unless it is trusted."""
    from mlwright.cli.notebooks import Running, converted_in
    from mlwright.lifecycle.named import Request

    if not arguments.trust:
        raise Misuse(
            "converting a notebook runs it: whatever code it holds",
            where=arguments.file,
            remedy="say --trust if you know who wrote it",
        )
    if arguments.example is None:
        raise Misuse(
            "convert needs some rows as the model takes them",
            where="mlwright convert",
            remedy="name a variable of the notebook with --example X_test",
        )
    if arguments.data and arguments.data_name:
        raise Misuse(
            "both --data, a file, and --data-name, variables, say by which rows it is judged",
            where="mlwright convert",
            remedy="leave one of them out",
        )
    if arguments.kind or arguments.drop or options_of(arguments) is not None:
        raise Misuse(
            "what is said of a table's columns is about files; in a notebook the rows have types",
            where="mlwright convert",
            remedy="leave --kind, --drop and what says how a table is written out",
        )
    asked = Request(
        model=arguments.model or "model",
        example=arguments.example,
        target=arguments.target,
        data_name=arguments.data_name,
        data=None if arguments.data is None else str(Path(arguments.data).resolve()),
        waive=tuple(arguments.waive or ()),
        answers=arguments.answers,
        classes=classes_in(arguments.classes),
        int8=arguments.int8,
        **{name: getattr(arguments, name) for name in MOST},
    )
    running = Running.of(arguments.kernel, arguments.cell_timeout)
    return converted_in(Path(arguments.file), asked, running, screen.progress())


def show(screen: Screen, model: Model, output: Path, arguments: argparse.Namespace) -> None:
    """What it was made of, how nearly it answers alike, how good it is, and the next commands."""
    from mlwright.base.unjudged import CODE
    from mlwright.cli import look
    from mlwright.cli.commands.fit import next_commands

    told: dict[str, Any] = model.manifest.recipe["converted"]  # Any: JSON values
    versions = ", ".join(f"{k} {v}" for k, v in told["versions"].items())
    parity = model.evaluation.parity
    assert parity is not None  # of every converted file
    compared = f"{figures.counted(parity.rows, 'row')}, largest difference {parity.largest:.1g}"
    rows = [
        ("steps", " > ".join(told["steps"])),
        ("made with", versions),
        ("compared", f"{compared} ({parity.tolerance:g} is allowed)"),
        ("example", shown_source(arguments.example or arguments.data)),
    ]
    timings = model.timings
    if timings.cpu_us_p50 is not None:
        before = f"; {timings.original_said} before" if timings.original_said else ""
        rows.append(("one row", f"{figures.microseconds(timings.cpu_us_p50)} of CPU{before}"))
    screen.show(
        look.title(shown_source(arguments.file), f"answers {model.target.name!r} without its library"),
        look.section("Converted", look.pairs(rows)),
        look.section("A row holds", look.columns(model.schema, model.profile)),
        *([look.quality(model.evaluation)] if model.evaluation.scores else []),
        *(
            [look.section("Found", look.findings(model.findings))]
            if any(f.code == CODE for f in model.findings)
            else []
        ),
        look.written(output, figures.size(output.stat().st_size)),
        look.section("Next", look.commands(next_commands(output, "new.csv"))),
    )


COMMAND = Command(
    name="convert",
    summary="Turn a model of another library into a model file.",
    about=(
        "Reads the steps of a fitted model into one graph, compares both on the example's rows and on rows "
        "at the edges, and writes one file, or refuses with the step's place. A file that is data (a native "
        "file of a booster, .skops, .onnx) is opened as it is. A pickle or joblib file is a program, and so "
        "is a folder with a SavedModel of TensorFlow: they are read only with --trust, and can then do "
        "anything on this machine. So can a notebook: with --trust it is run in its own kernel and folder, "
        "its file is not changed, and the model that it makes is converted there. With --data the model is "
        "measured on rows that it was not fitted on; without, the file has the issue MLW901."
    ),
    flags=(
        Flag("file", "The model's file, or a notebook (.ipynb)"),
        Flag(
            "--example",
            "Some hundred rows as the model takes them: a table; of a notebook, the name of a variable",
            value="ROWS",
            shown_default="the table of --data",
        ),
        Flag(
            "--target",
            "What the answer is called; a column of that name is no input",
            short="-t",
            value="NAME",
        ),
        Flag("--data", "A table of rows with known answers that it was not fitted on", value="FILE"),
        Flag(
            "--output",
            "The model file to write",
            short="-o",
            value="FILE",
            shown_default="the file's name, .mlw",
        ),
        Flag(
            "--trust",
            "Read a pickle or a SavedModel, or run a notebook: whatever code it holds is run",
            "nothing",
        ),
        Flag(
            "--kind",
            "What a column of the example was for the model, where neither tells: numeric, boolean, text, or "
            "category (pandas' type)",
            "pair",
            value="KIND",
            repeats=True,
        ),
        Flag(
            "--drop",
            "A column of the example that the model was not fitted on, where it knows no names",
            value="COLUMN",
            repeats=True,
        ),
        WAIVE,
        Flag(
            "--answers",
            "What the last tensor is, where it does not say so itself",
            choices=("numbers", "probabilities", "logits"),
            group=_NETWORK,
        ),
        Flag(
            "--classes",
            "The labels in the order of its outputs, with commas between them",
            value="LABELS",
            group=_NETWORK,
        ),
        Flag(
            "--int8", "Keep weights in eight bits where that loses next to nothing", "nothing", group=_NETWORK
        ),
        Flag(
            "--model",
            "The variable that holds the model",
            value="NAME",
            shown_default="model",
            group=_NOTEBOOK,
        ),
        Flag(
            "--data-name",
            "The variable of rows with known answers; or of rows and of answers, with a comma between them",
            value="NAMES",
            group=_NOTEBOOK,
        ),
        Flag("--kernel", "The kernel to run it in", value="NAME", shown_default="its own", group=_NOTEBOOK),
        Flag(
            "--cell-timeout",
            "How long a cell may run, such as 90s or 10m",
            value="TIME",
            shown_default="10m",
            group=_NOTEBOOK,
        ),
        Flag("--intended-use", "What the answers are for, and who acts on them", value="TEXT", group=_CARD),
        Flag("--not-for", "What the model must not be used for", value="TEXT", group=_CARD),
        Flag("--owner", "Who answers for the model", value="TEXT", group=_CARD),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright convert lightgbm.txt --example rows.csv -t defaulted --data march.csv",
        "mlwright convert pipeline.joblib --example rows.csv -t defaulted --trust -o loans.mlw",
        "mlwright convert loans.ipynb --model pipe --example X_test --data-name X_test,y_test -t y --trust",
    ),
)
