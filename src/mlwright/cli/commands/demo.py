"""`mlwright demo`: the whole way on a small real table, from raw rows to an answer over HTTP."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlwright.base import figures
from mlwright.base.errors import EnvironmentProblem
from mlwright.base.limits import limits
from mlwright.base.purpose import Purpose
from mlwright.cli.commands.fit import headed, show_result, show_table
from mlwright.cli.flags import Command, Flag
from mlwright.cli.screen import Screen, safe
from mlwright.cli.spoken import spoken, spoken_findings
from mlwright.cli.tables import Roles, read_and_check

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.schema import Schema

TABLE, NEW, MODEL = "bank.csv", "new_customers.csv", "bank.mlw"
TARGET, LEAK = "y", "duration"


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Writes the tables, checks, trains, shows, serves, asks, stops, and says how to go on."""
    folder = Path(arguments.folder)
    write_tables(folder)
    if arguments.data_only:
        screen.answer({"table": str(folder / TABLE), "new_rows": str(folder / NEW)})
        screen.show(f"written: {folder / TABLE}, {folder / NEW}")
        return 0
    from mlwright.base.amounts import seconds_of
    from mlwright.lifecycle import fit
    from mlwright.lifecycle.extras import need
    from mlwright.lifecycle.fit import CHECKING

    need("serve", "the demo")  # said before training, not after it

    if not screen.json:
        _show_story(screen, folder)
    progress = screen.progress()
    seconds = CHECKING * seconds_of(arguments.time_limit)
    roles: Roles = {"target": TARGET, "drop": (LEAK,)}
    dataset, found = read_and_check(folder / TABLE, roles, progress, seconds=seconds)
    if not screen.json:
        show_table(screen, str(folder / TABLE), len(dataset), len(dataset.schema.features), found)
    model = fit(dataset, findings=found, time_limit=arguments.time_limit, progress=headed(screen, progress))
    model.save(folder / MODEL)
    (folder / "card.md").write_text(model.card, encoding="utf-8")
    if not screen.json:
        show_result(screen, model, folder / MODEL, TABLE, onward=False)
    row, answer = _ask(model, folder / NEW)
    screen.answer(
        {
            "folder": str(folder),
            "model": str(folder / MODEL),
            "evaluation": model.evaluation,
            "findings": list(spoken_findings(found)),
            "request": row,
            "response": answer,
        }
    )
    if not screen.json:
        _show_answer(screen, model, folder, row, answer)
    return 0


def write_tables(folder: Path) -> None:
    """The demo's two tables as plain CSV in `folder`, which is made where it is not there."""
    import gzip
    import importlib.resources

    data = importlib.resources.files("mlwright") / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TABLE).write_bytes(gzip.decompress((data / f"{TABLE}.gz").read_bytes()))
        (folder / NEW).write_bytes((data / NEW).read_bytes())
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise EnvironmentProblem(
            reason, where=str(folder), remedy="choose another folder with --folder"
        ) from error


def _ask(model: Model, table: Path) -> tuple[dict[str, Any], Any]:  # Any: JSON values
    """Starts a server on a free port, asks it about the first row of `table`, and stops it."""
    import http.client
    import urllib.parse

    from mlwright.serving import running

    with table.open(encoding="utf-8", newline="") as file:
        row = _typed(model.schema, next(csv.DictReader(file, delimiter=";")))
    with running(model) as url:
        place = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        connection.request("POST", "/predict", json.dumps(row), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
    return row, answer


def _typed(schema: Schema, texts: dict[str, str]) -> dict[str, Any]:  # Any: JSON values
    """The row as JSON would carry it: numbers as numbers, `unknown` as null."""
    row: dict[str, Any] = {}
    for column in schema.features:
        text = texts[column.name]
        missing = text in ("", *column.missing)
        row[column.name] = None if missing else json.loads(text) if column.kind == "numeric" else text
    return row


def _show_story(screen: Screen, folder: Path) -> None:
    from rich.text import Text

    from mlwright.cli import look

    story = (
        f"A bank telephoned its customers: who takes a term deposit (column {TARGET!r})? Real calls, 2008 "
        f"to 2010. The column {LEAK!r}, the length of the call, is left out: nobody knows it before "
        f"calling. Files go to {folder}."
    )
    screen.show(look.title("mlwright demo", "from raw rows to a served prediction"), Text(story), Text(""))


def _show_answer(screen: Screen, model: Model, folder: Path, row: dict[str, Any], answer: Any) -> None:
    from rich.text import Text

    from mlwright.cli import look

    request = Text("POST /predict ", "bold").append(json.dumps(row), "not bold")
    response = Text("200 OK ", "green").append(safe(json.dumps(answer)), "default")
    purpose = Purpose.of(model.manifest.recipe)
    said = "\n".join(
        f"- {limit}" for limit in limits(model.evaluation, model.findings, purpose, model.schema)
    )
    onward = [
        ("what is wrong with your table", "mlwright check yours.csv --target COLUMN"),
        ("train on it", "mlwright fit yours.csv --target COLUMN -o yours.mlw"),
        ("serve it", "mlwright serve yours.mlw"),
    ]
    screen.show(
        look.section(
            "Limits, from the card", Text(spoken(said), "dim"), f"The whole card: {folder / 'card.md'}"
        ),
        look.section("Served", request, Text(""), response, Text("and the server is stopped", "dim")),
        look.section("The same with your own file", look.commands(onward)),
    )


COMMAND = Command(
    name="demo",
    summary="Go the whole way on a small real table: check, train, measure, serve, ask.",
    about=(
        f"A bank's telephone calls (UCI Bank Marketing, CC BY 4.0, {figures.counted(10_297, 'row')}, kept "
        "in the package) become a model that answers over HTTP. Needs the extras serve and train, and no "
        "network."
    ),
    flags=(
        Flag("--folder", "Where the tables, the model and its card go", default="mlwright-demo"),
        Flag("--time-limit", "For training", default="25s", value="TIME"),
        Flag("--data-only", "Only write the two tables", "nothing"),
    ),
    run=run,
    examples=("mlwright demo", "mlwright demo --data-only --folder ."),
)
