"""Progress of long work on standard error: on a terminal one bar with time left, elsewhere a line a stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from mlwright.base import figures
from mlwright.base.progress import Progress
from mlwright.cli.screen import safe

WORTH_A_LINE_S = 1.0


class BarProgress(Progress):
    """One bar for the whole call; stages that took a second or more stay above it with their time."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._stage = ""
        self._since = 0.0
        self._bars = Bars(
            TextColumn("  {task.fields[stage]}", style="bold"),
            BarColumn(bar_width=24, style="bright_black", complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.fields[left]}", style="cyan"),
            TextColumn("{task.fields[message]}", style="dim"),
            console=console,
            transient=True,
            auto_refresh=False,  # drawn when something happens: no thread beside the training
        )
        self._task = self._bars.add_task("", total=1.0, stage="", left="", message="")

    def stage(self, name: str) -> None:
        self._end_stage()
        self._stage, self._since = name, self._clock()
        self._bars.update(self._task, stage=safe(name), message="")
        self._bars.start()
        self._bars.refresh()

    def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
        left = "" if seconds_left is None else f"{figures.seconds(round(seconds_left))} left"
        room = max(10, self._console.width - len(self._stage) - len(left) - 34)
        self._bars.update(
            self._task, completed=fraction, left=left, message=_short(message, room), refresh=True
        )

    def note(self, message: str) -> None:
        self._console.print(f"  {safe(message)}", style="yellow")

    def done(self) -> None:
        self._end_stage()
        self._stage = ""
        self._bars.stop()
        self._bars.update(self._task, completed=0.0, left="", message="")

    def _end_stage(self) -> None:
        took = self._clock() - self._since
        if self._stage and took >= WORTH_A_LINE_S:
            line = Text.assemble(
                "  ", ("✓ ", "green"), safe(self._stage), (f" {figures.seconds(took)}", "dim")
            )
            self._console.print(line)


class Headed(Progress):
    """Passes on to another listener, and shows a heading just before a stage, if it ever comes."""

    def __init__(self, to: Progress, before: str, show: Callable[[], None]) -> None:
        self._to, self._before, self._show = to, before, show

    def stage(self, name: str) -> None:
        if name == self._before:
            self._to.done()  # no bar may move where the heading goes
            self._show()
        self._to.stage(name)

    def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
        self._to.step(message, fraction, seconds_left)

    def note(self, message: str) -> None:
        self._to.note(message)

    def done(self) -> None:
        self._to.done()


class LineProgress(Progress):
    """For logs and pipes: a line when a stage begins for the first time, and the notes."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def stage(self, name: str) -> None:
        if name not in self._said:
            self._said.add(name)
            _line(f"{safe(name)} ...")

    def note(self, message: str) -> None:
        _line(safe(message))


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _short(text: str, room: int) -> str:
    text = safe(text)
    return text if len(text) <= room else text[: room - 1] + "…"
