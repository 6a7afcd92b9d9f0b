"""The bar of a notebook: one line of HTML in the cell's output, drawn again as the work goes on.

Made by `listening` where a kernel runs. It shows what the terminal's bar shows: stage, how far, time left;
the notes and the stages that took a second or more stay when it has gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from mlwright.base import figures
from mlwright.base.progress import Progress
from mlwright.base.shown import cell, shown

EVERY_S = 0.2
"""Between two drawings: a browser has more to do."""
WORTH_A_LINE_S = 1.0
MOST_MESSAGE = 70


class Handle(Protocol):
    """An output that can be changed, as IPython's `display(..., display_id=True)` gives it."""

    def update(self, thing: Any) -> None:  # Any: whatever displays itself
        """Shows `thing` in place of what was there."""


class Drawn:
    """HTML that a notebook displays, and its plain text elsewhere."""

    def __init__(self, html: str, plain: str) -> None:
        self.html, self.plain = html, plain

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.plain


class NotebookBar(Progress):
    """One bar for the whole call."""

    def __init__(
        self,
        display: Callable[[Drawn], Handle] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._display, self._clock = display or _displayed, clock
        self._handle: Handle | None = None
        self._kept: list[str] = []
        self._stage, self._since, self._drawn_at = "", 0.0, float("-inf")
        self._message, self._fraction = "", 0.0
        self._left: float | None = None

    def stage(self, name: str) -> None:
        self._end_stage()
        self._stage, self._since, self._message = name, self._clock(), ""
        self._draw()

    def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
        self._message, self._fraction, self._left = message, fraction, seconds_left
        if self._clock() - self._drawn_at >= EVERY_S:
            self._draw()

    def note(self, message: str) -> None:
        self._kept.append(cell(message))
        self._draw()

    def done(self) -> None:
        if self._handle is None:
            return
        self._end_stage()
        self._stage, self._message, self._fraction, self._left = "", "", 0.0, None
        self._draw()

    def _end_stage(self) -> None:
        took = self._clock() - self._since
        if self._stage and took >= WORTH_A_LINE_S:
            self._kept.append(f"&#10003; {cell(self._stage)} <small>{figures.seconds(took)}</small>")

    def _draw(self) -> None:
        """Shows what is known now; nothing is left of a bar that has ended but what was kept."""
        self._drawn_at = self._clock()
        left = "" if self._left is None else f"{figures.seconds(round(self._left))} left"
        lines = [f"<div>{line}</div>" for line in self._kept]
        if self._stage:
            share = min(max(self._fraction, 0.0), 1.0)
            lines.append(
                f'<div><b>{cell(self._stage)}</b> <progress max="1" value="{share:.3f}"></progress> '
                f"{cell(left)} <small>{cell(_short(self._message))}</small></div>"
            )
        drawn = Drawn(shown("".join(lines)), f"{self._stage} {left}".strip())
        if self._handle is None:
            self._handle = self._display(drawn)
        else:
            self._handle.update(drawn)


def _short(text: str) -> str:
    return text if len(text) <= MOST_MESSAGE else text[: MOST_MESSAGE - 1] + "…"


def _displayed(drawn: Drawn) -> Handle:
    from IPython.display import display

    handle: Handle = display(drawn, display_id=True)
    return handle
