"""The Screen: where a command writes, as text for people or as one JSON object; errors go to standard error.

Made by `entry`, given to every command. rich is imported when the first thing is drawn, never for `--json`
or `--help`.
"""

from __future__ import annotations

import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from mlwright.base.errors import ChecksRefused, MlwrightError, RowsRefused
from mlwright.base.progress import Progress
from mlwright.cli.spoken import spoken, spoken_findings

if TYPE_CHECKING:
    from rich.console import Console

_BLANKS_AT_END = re.compile(r" +((?:\x1b\[[0-9;]*m)*)\n")
WIDEST = 100
PROBLEMS_SHOWN = 10
_ARGUMENT = re.compile(r"\w+=")
"""A place that is an argument of Python's, and a flag here; other places are names, shown as they are."""


class Screen:
    """Where a command writes. Colours only on a terminal without NO_COLOR; never wider than 100 columns."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    @cached_property
    def console(self) -> Console:
        """Standard output."""
        return _console(sys.stdout)

    @cached_property
    def side(self) -> Console:
        """Standard error: progress, notes and errors."""
        return _console(sys.stderr)

    def show(self, *things: Any) -> None:  # Any: whatever rich can draw
        """Draws `things` below each other; nothing with `--json`."""
        if not self.json:
            for thing in things:
                with self.console.capture() as drawn:
                    self.console.print(thing, crop=False)
                # rich fills the last column with blanks; whoever copies a line does not want them.
                sys.stdout.write(_BLANKS_AT_END.sub(r"\1\n", drawn.get()))
            sys.stdout.flush()

    def answer(self, value: Any) -> None:  # Any: msgspec structs and plain values
        """With `--json`: writes `value` as the one JSON object of this command."""
        if self.json:
            text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
            sys.stdout.write(text.decode() + "\n")
            sys.stdout.flush()  # a server goes on after this; a pipe should not wait for its end

    def progress(self) -> Progress:
        """A listener for long work: a bar on a terminal, a line a stage elsewhere, silence with `--quiet`."""
        if self.quiet:
            return Progress()
        from mlwright.cli.progress import BarProgress, LineProgress

        return BarProgress(self.side) if self.side.is_terminal else LineProgress()

    def warn(self, text: str) -> None:
        """Writes what should not be missed to standard error, with `--json` and `--quiet` too."""
        sys.stdout.flush()
        sys.stderr.write(f"warning: {safe(text)}\n")

    def error(self, error: BaseException, code: int) -> None:
        """Writes what happened, where, and what to do; with `--json` as an object as well."""
        facts = _facts(error)
        if self.json:
            self.answer({"error": {"kind": type(error).__name__, "exit_code": code, **facts}})
        sys.stderr.write(_block(facts))


def safe(text: object) -> str:
    """`text` without control characters, so that a name from a file cannot drive the terminal.

    >>> safe("age\\x1b[2J")
    'age?[2J'
    """
    return "".join(c if c.isprintable() else "?" for c in str(text))


def _console(stream: Any) -> Console:  # Any: a text stream
    from rich.console import Console

    console = Console(file=stream, highlight=False, emoji=False, markup=False, soft_wrap=False)
    if console.width > WIDEST:
        console.width = WIDEST
    return console


def _facts(error: BaseException) -> dict[str, Any]:  # Any: texts and lists of texts
    if isinstance(error, MlwrightError):
        facts: dict[str, Any] = {
            "message": spoken(error.message),
            "where": spoken(error.where) if _ARGUMENT.fullmatch(error.where) else error.where,
            "what_to_do": spoken(error.remedy),
        }
        if isinstance(error, ChecksRefused):
            facts["findings"] = list(spoken_findings(error.findings))
        if isinstance(error, RowsRefused) and len(error.problems) > 1:
            facts["message"] = f"{len(error.problems):,} values do not fit the schema"
            facts["problems"] = [str(p) for p in error.problems[:PROBLEMS_SHOWN]]
        return facts
    if isinstance(error, KeyboardInterrupt):
        notes = getattr(error, "__notes__", [])
        message = "interrupted" if notes else "interrupted before there was anything to keep"
        return {"message": message, "where": "", "what_to_do": spoken("; ".join(notes))}
    if isinstance(error, OSError) and error.strerror:
        place = str(error.filename or "")
        return {"message": error.strerror.lower(), "where": place, "what_to_do": ""}
    if isinstance(error, MemoryError):
        return {
            "message": "not enough memory",
            "where": "",
            "what_to_do": "use fewer rows, or a larger machine",
        }
    return {
        "message": f"this is a fault in mlwright, not in your data ({type(error).__name__}: {error})",
        "where": "",
        "what_to_do": "run it again with MLWRIGHT_DEBUG=1 set and report what is printed",
    }


def _block(facts: dict[str, Any]) -> str:  # Any: as made by _facts
    lines = [f"error: {safe(facts['message'])}"]
    lines += [f"         {safe(p)}" for p in facts.get("problems", ())]
    if facts["where"]:
        lines.append(f"  where: {safe(facts['where'])}")
    if facts["what_to_do"]:
        lines.append(f"  to do: {safe(facts['what_to_do'])}")
    return "\n".join(lines) + "\n"
