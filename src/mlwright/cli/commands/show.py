"""`mlwright show`: all that a model file says about itself, on one or two screens."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.finding import Findings
from mlwright.base.leaderboard import Leaderboard
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import of_checks
from mlwright.cli.flags import MODEL, Command, Flag
from mlwright.cli.screen import Screen, safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlwright.artifact import Model
    from mlwright.base.evaluation import Evaluation
    from mlwright.base.schema import Schema


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Opens the file, which verifies it, and shows it."""
    from mlwright.cli import look
    from mlwright.lifecycle import load, report
    from mlwright.lifecycle.report import page_at

    path = Path(arguments.model)
    page = page_at(arguments.html, path) if arguments.html else None
    model = load(path)
    if page is not None:
        report(model, page)
    screen.answer(
        {
            "model": str(path),
            "size_bytes": path.stat().st_size,
            "digest": model.digest,
            "file_digest": model.file_digest,
            "manifest": model.manifest,
            "schema": model.schema,
            "evaluation": model.evaluation,
            "findings": list(model.findings),
            **({"page": str(page)} if page else {}),
        }
    )
    if screen.json:
        return 0
    if page is not None:
        screen.show(look.title(str(path), "intact, not authenticated"), look.written(page))
    elif arguments.card:
        print("\n".join(safe(line) for line in model.card.splitlines()))
    else:
        show_model(screen, model, path, every=arguments.all)
    return 0


def show_model(screen: Screen, model: Model, path: Path, *, every: bool = False) -> None:
    """The whole page, as `show`, `demo` and the tests draw it."""
    from mlwright.cli import look
    from mlwright.cli.decided import decision_of
    from mlwright.cli.fitted import fit_report_of
    from mlwright.cli.reliable import reliability_of
    from mlwright.cli.relied import relied_on
    from mlwright.cli.sliced import slices_of
    from mlwright.cli.tried import tried

    most, board = 10_000 if every else 16, Leaderboard(model.leaderboard)
    screen.show(
        look.title(str(path), "intact, not authenticated"),
        look.section("Predicts", look.pairs(_predicts(model))),
        look.quality(model.evaluation),
        *reliability_of(model.evaluation.reliability, every=every),
        *decision_of(model.evaluation),
        *confusion_of(model.evaluation, model.schema, screen.console.width),
        *slices_of(model.evaluation, every=every),
        *relied_on(model.evaluation, most=10_000 if every else 6),
        *([tried(board, most=most)] if board.was_tried else []),
        *fit_report_of(model.fit_report, every=every),
        look.section("A row holds", look.columns(model.schema, model.profile, most=most)),
        *_never_judged(model),
        look.section("Found in the data", look.findings(of_checks(model.findings))),
        look.section("Costs", look.pairs(_costs(model, path))),
        look.section("Use it", look.commands(_uses(path))),
    )


def _never_judged(model: Model) -> list[RenderableType]:
    """The section of what a converted file lacks, where it was never evaluated."""
    from mlwright.cli import look

    own = Findings(tuple(f for f in model.findings if f.code == UNJUDGED))
    return [look.section("Found in the file", look.findings(own))] if own.items else []


def confusion_of(evaluation: Evaluation, schema: Schema, width: int) -> list[RenderableType]:
    """The section of right and wrong labels, where they were counted."""
    from mlwright.cli import look

    classes = schema.target.classes if schema.target else ()
    if not classes or len(evaluation.confusion) != len(classes):
        return []
    return [look.section("Right and wrong", look.confusion(evaluation, classes, width))]


def _predicts(model: Model) -> list[tuple[str, str]]:
    target = model.schema.target
    if target is None:
        return []
    rows = [("column", target.name), ("task", target.task)]
    if target.classes:
        names = ", ".join(f"{c} (positive)" if c == target.positive else c for c in target.classes[:12])
        more = len(target.classes) - 12
        rows.append(("classes", names + (f" and {more} more" if more > 0 else "")))
    directions: dict[str, int] = model.manifest.recipe.get("monotone") or {}
    for words, way in (("rises with", 1), ("falls with", -1)):
        names = ", ".join(name for name, direction in directions.items() if direction == way)
        rows += [(words, f"{names}, never against")] if names else []
    exposed = [c.name for c in model.schema.columns if c.role == "exposure"]
    rows += [("rate of", f"{exposed[0]}; the answer is rate x {exposed[0]}")] if exposed else []
    if model.evaluation.calibration:
        rows.append(("calibration", model.evaluation.calibration))
    sets = model.evaluation.sets
    rows += [
        (f"sets at {m.error:.0%} error", m.said) for m in (sets.measured if sets else ()) if m.error == 0.1
    ]
    intervals = model.evaluation.intervals
    rows += [
        (f"intervals at {m.error:.0%} error", m.said)
        for m in (intervals.measured if intervals else ())
        if m.error == 0.1
    ]
    return rows


def _costs(model: Model, path: Path) -> list[tuple[str, str]]:
    timings = model.timings
    rows = [("file", figures.size(path.stat().st_size))]
    if timings.cpu_us_p50 is not None:
        slow = f", 99th percentile {figures.microseconds(timings.cpu_us_p99)}" if timings.cpu_us_p99 else ""
        before = f"; {timings.original_said} before it was converted" if timings.original_said else ""
        now = f"{figures.microseconds(timings.cpu_us_p50)} of CPU{slow}{before}"
        rows.append(("one row", f"{now}, on {timings.machine}"))
    if timings.memory_said:
        rows.append(("memory", timings.memory_said))
    made = "converted" if "converted" in model.manifest.recipe else "trained"
    rows.append((made, f"in {figures.seconds(timings.fit_seconds)}, {timings.created_at[:10]}"))
    return rows


def _uses(path: Path) -> list[tuple[str, str]]:
    model, page = shlex.quote(str(path)), shlex.quote(f"{path.stem}.html")
    return [
        ("predict a table", f"mlwright predict {model} new.csv -o scored.csv"),
        ("why it answers so", f"mlwright explain {model} new.csv"),
        ("serve it over HTTP", f"mlwright serve {model}"),
        ("the card, to hand on", f"mlwright show {model} --html {page}"),
    ]


COMMAND = Command(
    name="show",
    summary="Show what a model file holds: scores beside the baseline, columns, findings, cost.",
    about=(
        "Opens the file, which checks every digest and replays its samples, and shows what it says about "
        "itself. Opening runs no code from the file."
    ),
    flags=(
        MODEL,
        Flag("--all", "List every column and every candidate", "nothing"),
        Flag("--card", "Print the model card (Markdown) instead", "nothing"),
        Flag(
            "--html", "Write the model card as a page with charts, which loads nothing, instead", value="FILE"
        ),
    ),
    run=run,
    examples=("mlwright show loans.mlw", "mlwright show loans.mlw --html loans.html"),
)
