"""`mlwright top`: what a running server does, live."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlwright.cli.flags import Command, Flag
from mlwright.cli.screen import Screen, safe

if TYPE_CHECKING:
    from mlwright.lifecycle.top import Traffic

TOKEN_VARIABLE = "MLWRIGHT_TOKEN"
HEADS = ("model", "version", "rows/s", "a run", "us a row", "refused/s", "shed/s", "failed/s", "queued")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Shows the traffic until Ctrl-C; with `--json` or off a terminal one look, then 0."""
    from mlwright.lifecycle import top

    token = os.environ.get(TOKEN_VARIABLE, "")
    looks = top(arguments.url, token=token, every_s=arguments.every)
    if screen.json or arguments.once or not screen.console.is_terminal:
        traffic = next(looks)
        screen.answer(asdict(traffic))
        screen.show(drawn(arguments.url, traffic))
        return 0
    from rich.live import Live

    with Live(console=screen.console, auto_refresh=False, transient=False) as live:
        try:
            for traffic in looks:
                live.update(drawn(arguments.url, traffic), refresh=True)
        except KeyboardInterrupt:  # the way to end it
            return 0
    return 0


def drawn(url: str, traffic: Traffic) -> Any:  # Any: what rich draws
    """One look as a table."""
    from rich.console import Group
    from rich.table import Table

    from mlwright.cli import look

    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    for i, head in enumerate(HEADS):
        table.add_column(head, justify="left" if i < 2 else "right", no_wrap=True)
    for m in traffic.models:
        numbers = (m.rows_per_s, m.rows_a_run, m.run_us_a_row, m.refused_per_s, m.shed_per_s, m.failed_per_s)
        style = "red" if m.failed_per_s else "yellow" if m.shed_per_s or m.refused_per_s else ""
        table.add_row(safe(m.name), m.version[:7], *map(_figure, numbers), f"{m.queued_rows:,}", style=style)
    parts = (
        f"{_figure(traffic.requests_per_s)} requests/s",
        f"p50 {_span(traffic.p50_s)}",
        f"p99 {_span(traffic.p99_s)}",
        f"{traffic.connections:,} connections",
        f"{traffic.in_flight:,} in flight",
        f"{_figure(traffic.errors_per_s)} failures/s",
    )
    return Group(look.title(safe(url), f"over {traffic.seconds:.1f} s"), "   ".join(parts), "", table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3g}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return "over 10 s" if seconds == float("inf") else f"<= {seconds * 1000:g} ms"


COMMAND = Command(
    name="top",
    summary="Show what a running server does, live.",
    about=(
        "Reads the server's metrics every few seconds and shows what happened in between: requests, latency, "
        "and of each model its rows, the time in its graph, what was refused, shed and failed. Ctrl-C ends "
        f"it; off a terminal it shows one look. {TOKEN_VARIABLE} holds a token with the scope metrics."
    ),
    flags=(
        Flag("url", "The server, such as http://127.0.0.1:8080"),
        Flag("--every", "Seconds between two looks", "number", default=2.0, value="SECONDS"),
        Flag("--once", "Show one look, then end", "nothing"),
    ),
    run=run,
    examples=("mlwright top http://127.0.0.1:8080",),
)
