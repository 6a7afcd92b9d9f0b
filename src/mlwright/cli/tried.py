"""What was tried: the leaderboard with costs, weights and reasons, a section of `fit` and `show`.

Draws the cells of `base.leaderboard` in as many columns as the terminal has room for; it measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from mlwright.base import figures
from mlwright.base.evaluation import Entry
from mlwright.base.leaderboard import TO_THE_LEFT, Leaderboard, cells, in_brief, remarks
from mlwright.cli.look import section

GAP = 2
LONGEST_METRIC = 9
SHORTEST_NAME = 18
"""Names are shortened so far for the sake of a column."""
SCORE, WEIGHT, OUTCOME = 1, 3, 7
COLUMNS = (
    (0, 1, 2, 3, 4, 5, 6, OUTCOME),
    (0, 1, 2, 3, 4, 5, 6),
    (0, 1, 2, 3, 5, 6),
    (0, 1, 3, 5, 6),
    (0, 1, 3),
)
"""Places of the cells to show, from the widest terminal to the narrowest."""


def tried(entries: Sequence[Entry], *, most: int = 12) -> RenderableType:
    """The section of the candidates: the best `most` of them, and all that were kept."""
    return section("Tried", Tried(Leaderboard(entries), most))


@dataclass(frozen=True)
class Tried:
    """A leaderboard on a terminal: why each was dropped stands in its row where there is room, else below."""

    board: Leaderboard
    most: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        entries = [e for i, e in enumerate(self.board) if i < self.most or e.weight > 0]
        rows = [self._headings(), *((*cells(e), in_brief(e)) for e in entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        places = _fitting(widths, options.max_width)
        others = sum(widths[i] + GAP for i in places[1:])
        widths[0] = min(widths[0], max(options.max_width - others, SHORTEST_NAME))
        for row, entry in zip(rows, (None, *entries), strict=True):
            yield _line(row, widths, places, entry)
        for line in self._remarks(len(entries), beside=OUTCOME in places):
            yield Text(line, style="dim")

    def _headings(self) -> tuple[str, ...]:
        names = self.board.headings
        metric = names[SCORE] if len(names[SCORE]) <= LONGEST_METRIC else "score"
        return (names[0], metric, *names[SCORE + 1 :], "outcome")

    def _remarks(self, drawn: int, *, beside: bool) -> Iterator[str]:
        if drawn < len(self.board):
            yield f"and {figures.counted(len(self.board) - drawn, 'more candidate')}"
        yield from remarks(self.board, beside=beside)
        metric, judged = self._headings()[SCORE], self.board.headings[SCORE]
        yield self.board.note if metric == judged else f"score: {judged}; {self.board.note}"


def _fitting(widths: list[int], room: int) -> tuple[int, ...]:
    """The most columns for which there is room, with names as short as they may be."""
    for places in COLUMNS:
        least = min(widths[0], SHORTEST_NAME) + sum(widths[i] + GAP for i in places[1:])
        if least <= room:
            return places
    return COLUMNS[-1]


def _line(row: tuple[str, ...], widths: list[int], places: tuple[int, ...], entry: Entry | None) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for i in places:
        text = _short(row[i], widths[i])
        padded = text.ljust(widths[i]) if i in TO_THE_LEFT else text.rjust(widths[i])
        line.append(padded + " " * GAP, _style(i, entry))
    line.rstrip()
    return line


def _style(place: int, entry: Entry | None) -> str:
    if entry is None:
        return "dim"
    if entry.weight > 0:
        return {0: "bold", SCORE: "bold", WEIGHT: "green", OUTCOME: "green"}.get(place, "")
    return "dim" if place == OUTCOME else ""


def _short(text: str, width: int) -> str:
    """`text` without its middle where it is too long: names of candidates differ at their ends.

    >>> _short("lightgbm-random-few-rich", 18)
    'lightgbm…-few-rich'
    """
    if len(text) <= width:
        return text
    end = (width - 1) // 2 + 1
    return f"{text[: width - 1 - end]}…{text[-end:]}"
