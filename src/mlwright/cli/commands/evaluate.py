"""`mlwright evaluate`: how good a model is on fresh rows with known answers; a gate for CI."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.naming import shown_source
from mlwright.cli.commands.show import confusion_of
from mlwright.cli.flags import MODEL, WRITTEN, Command, Flag
from mlwright.cli.screen import Screen
from mlwright.cli.tables import options_of

if TYPE_CHECKING:
    from mlwright.base.evaluation import Score


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Measures, shows, and returns 1 where the main metric is worse than `--require`."""
    from mlwright.lifecycle import evaluate, load

    options = options_of(arguments)
    model = load(arguments.model)
    evaluation = evaluate(
        model,
        arguments.source,
        metric=arguments.metric,
        options=options,
        importance=arguments.importance,
        progress=screen.progress(),
    )
    passed = arguments.require is None or reaches(evaluation.score, arguments.require)
    caveats = evaluation.how.split("; ")[1:]  # after which rows they were: what to know about them
    screen.answer(
        {
            "model": arguments.model,
            "source": shown_source(arguments.source),
            "passed": passed,
            "warnings": caveats,
            "evaluation": evaluation,
        }
    )
    if not screen.json:
        from rich.text import Text

        from mlwright.cli import look
        from mlwright.cli.promised import promises_of
        from mlwright.cli.reliable import reliability_of
        from mlwright.cli.relied import relied_on
        from mlwright.cli.sliced import slices_of

        rows = f"on {figures.counted(evaluation.rows, 'row')} of {shown_source(arguments.source)}"
        screen.show(
            look.title(arguments.model, rows),
            look.quality(evaluation),
            *reliability_of(evaluation.reliability),
            *promises_of(evaluation.promises),
            *confusion_of(evaluation, model.schema, screen.console.width),
            *slices_of(evaluation, every=True),
            *relied_on(evaluation),
        )
        if arguments.require is not None:
            word = Text("passed", "green") if passed else Text("not passed", "red")
            word.append(f": {evaluation.metric} {figures.plain(evaluation.score.value)}", "default")
            word.append(f", required {figures.plain(arguments.require)}", "default")
            screen.show(look.section("Gate", word))
    for caveat in caveats:
        screen.warn(caveat)
    return 0 if passed else 1


def reaches(score: Score, required: float) -> bool:
    """Whether the score is at least as good as `required`, whichever way is better for its metric."""
    return score.value >= required if score.greater_is_better else score.value <= required


COMMAND = Command(
    name="evaluate",
    summary="Measure a model on fresh rows whose answers are known.",
    about=(
        "The table must hold the target beside the model's columns. Rows on which the model was trained "
        "make it look better than it is: use rows that came later."
    ),
    flags=(
        MODEL,
        Flag("source", "The table with the answers"),
        Flag(
            "--metric",
            "What stands first, and what --require is about",
            value="NAME",
            shown_default="the metric that the model was fitted for",
        ),
        Flag(
            "--require", "Exit with 1 unless the main metric is at least this good", "number", value="SCORE"
        ),
        Flag(
            "--importance",
            "Also measure which columns the answers rest on, and how they move them",
            "nothing",
        ),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright evaluate loans.mlw march.csv",
        "mlwright evaluate loans.mlw march.csv --require 0.75 --json",
    ),
)
