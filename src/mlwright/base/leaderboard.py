"""The Leaderboard: the candidates, best first, each with its score, weight, costs and what became of it.

Offered by `artifact` as `model.leaderboard`; its cells are what the command line and the card show too. It is
a tuple of entries that prints and displays well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsIndex, overload

from mlwright.base import figures
from mlwright.base.evaluation import Entry
from mlwright.base.shown import cell, table
from mlwright.base.shown import shown as displayed

KEPT = "kept"
"""The reasons that most candidates have, as training writes them into a file."""
COMPARED = "the plain baseline, for comparison"
NO_GAIN = "left out: adds nothing to the others, or less than it costs to serve"
_BRIEFLY = (
    ("failed:", "failed"),
    (COMPARED, "for comparison"),
    (NO_GAIN, "adds too little"),
    ("left out: not tried", "not tried"),
    ("no time was left", "no time to refit"),
    ("after a first look", "left out early"),
    ("measured to break a limit", "over a limit"),
    ("max_latency is", "over max_latency"),
    ("max_size is", "over max_size"),
    ("max_memory is", "over max_memory"),
)
"""What a reason says, and that in two or three words."""
MOST_BRIEFLY = 16
"""Characters of a reason that is brief enough as it is."""

MOST_NAMES = 6
TO_THE_LEFT = (0, 2, 7)
"""Cells that are words: name, interval, outcome."""


class Leaderboard(tuple[Entry, ...]):
    """Candidates, best first. A tuple of entries, a part of which is a leaderboard too.

    >>> Leaderboard([Entry(name="linear", family="linear", score=None, fit_seconds=1, reason="failed: odd")])
    candidate  score  95 % interval  weight    fit  CPU/row  size  outcome
    linear         -                         1.0 s        -     -  failed
    linear: failed: odd
    scores are out of fold and chose the weights
    """

    __slots__ = ()

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Entry: ...
    @overload
    def __getitem__(self, place: slice, /) -> Leaderboard: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> Entry | Leaderboard:
        if isinstance(place, slice):
            return Leaderboard(super().__getitem__(place))
        return super().__getitem__(place)

    @property
    def kept(self) -> Leaderboard:
        """The candidates that the model is made of."""
        return Leaderboard(e for e in self if e.weight > 0)

    @property
    def headings(self) -> tuple[str, ...]:
        """The name of each cell, as `cells` has them."""
        metric = next((e.score.metric for e in self if e.score), "score")
        return ("candidate", shown(metric), "95 % interval", "weight", "fit", "CPU/row", "size")

    @property
    def was_tried(self) -> bool:
        """Whether one was chosen among others; a model of another library came as it was."""
        return len(self) > 1 or any(e.family != "converted" for e in self)

    @property
    def note(self) -> str:
        """What is to be known of the scores."""
        if self and all(e.family == "converted" for e in self):
            return "nothing was trained here: the model came as it is"
        less = any(e.score and not e.score.greater_is_better for e in self)
        return f"{'less is better; ' if less else ''}scores are out of fold and chose the weights"

    def __repr__(self) -> str:
        rows = [(*self.headings, "outcome"), *((*cells(e), in_brief(e)) for e in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            placed = enumerate(zip(row, widths, strict=True))
            aligned = (t.ljust(w) if i in TO_THE_LEFT else t.rjust(w) for i, (t, w) in placed)
            lines.append("  ".join(aligned).rstrip())
        return "\n".join([*lines, *remarks(self, beside=True), self.note])

    def _repr_html_(self) -> str:
        """A table for notebooks, what is kept in bold, each with its reason in full."""
        return displayed(self.table() + f"<small>{cell(self.note)}</small>")

    def table(self) -> str:
        """The table alone, in HTML."""
        numbers = [i for i in range(len(self.headings)) if i not in TO_THE_LEFT]
        rows = [_marked((*cells(e), shown(e.reason)), bold=e.weight > 0) for e in self]
        return table((*map(cell, self.headings), "why"), rows, numbers)


def cells(entry: Entry) -> tuple[str, ...]:
    """Name, score, interval, weight, fit time, CPU time a row and size, as people read them."""
    value, interval = figures.score(entry.score) if entry.score else ("-", "")
    return (
        shown(entry.name),
        value,
        interval,
        f"{entry.weight:.0%}" if entry.weight > 0 else "",
        figures.seconds(entry.fit_seconds or None),
        figures.microseconds(entry.cpu_us),
        figures.size(entry.size_bytes),
    )


def in_brief(entry: Entry) -> str:
    """What became of a candidate, in two or three words.

    >>> late = "dropped: max_latency is 50 us a row, and it takes 80 us"
    >>> in_brief(Entry(name="a", family="a", score=None, fit_seconds=1.0, reason=late))
    'over max_latency'
    """
    if entry.weight > 0:
        return KEPT
    reason = shown(entry.reason)
    brief = next((said for words, said in _BRIEFLY if words in reason), "")
    if brief or len(reason) <= MOST_BRIEFLY:
        return brief or reason
    head = reason.partition(":")[0]
    return head if len(head) <= MOST_BRIEFLY else "left out"


def remarks(entries: Iterable[Entry], *, beside: bool) -> list[str]:
    """A line for each reason why candidates were dropped, with their names.

    Where `in_brief` stands `beside` each candidate, only what that does not say.
    """
    lines: dict[str, list[str]] = {}
    for entry in entries:
        brief, reason = in_brief(entry), shown(entry.reason)
        limit = reason.partition(", and")[0] if brief.startswith("over ") else ""
        if beside and reason == NO_GAIN:
            lines[f"{brief}: nothing to the others, or less than it costs to serve"] = []
        elif beside and limit:
            said = limit.partition(": ")[2].replace(brief.removeprefix("over "), "it")
            lines[f"{brief}: {said}"] = []
        elif reason and brief != KEPT and not (beside and reason in (brief, COMPARED)):
            lines.setdefault(limit or reason, []).append(shown(entry.name))
    return [f"{_few(names)}: {said}" if names else said for said, names in lines.items()]


def _few(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def shown(text: str) -> str:
    """`text` without control characters: it may come from a file."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _marked(texts: Iterable[str], *, bold: bool) -> tuple[str, ...]:
    """Texts as cells of a table."""
    return tuple(f"<b>{cell(text)}</b>" if bold and text else cell(text) for text in texts)
