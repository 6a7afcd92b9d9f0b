"""What a command is, as values: its flags are declared once, and parsing, `--help` and docs/cli.md come from
them.

Used by every file in `commands`, by `parse` and by `pages`. It knows neither argparse nor how things look.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mlwright.cli.screen import Screen

Takes = Literal["text", "whole", "number", "nothing", "pair", "named"]


@dataclass(frozen=True)
class Flag:
    """One argument of a command. A name without dashes is a positional argument."""

    name: str
    """As typed: `--target`, or `source` for a positional argument."""
    says: str
    """One sentence for the reader of `--help`, without the default."""
    takes: Takes = "text"
    """`pair` is COLUMN=VALUE, `named` NAME=VALUE with any value; `nothing` makes a switch."""
    default: str | int | float | None = None
    shown_default: str = ""
    """What `--help` says where the default is worked out later."""
    short: str = ""
    """One-letter form, such as `-o`."""
    value: str = ""
    """What stands for the value in `--help`; made from the name where empty."""
    choices: tuple[str, ...] = ()
    repeats: bool = False
    """May be given more than once; the values become a list."""
    optional: bool = False
    """Of a positional argument: may be left out."""
    group: str = ""
    """The heading under which `--help` shows it apart from the rest."""

    @property
    def is_positional(self) -> bool:
        return not self.name.startswith("-")

    @property
    def key(self) -> str:
        """The attribute that holds the parsed value."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def usage(self) -> str:
        """As it stands in the usage line and in the list of flags."""
        if self.is_positional:
            name = f"{self.name.upper()}..." if self.repeats else self.name.upper()
            return f"[{name}]" if self.optional else name
        if self.takes == "nothing":
            return self.name
        value = self.value or "|".join(self.choices) or self.key.upper()
        before = {"pair": "COLUMN=", "named": "NAME="}.get(self.takes, "")
        return f"{self.name} {before}{value}"

    @property
    def note(self) -> str:
        """The sentence with what may follow it: repetition and default."""
        parts = [self.says.rstrip(".")]
        if self.repeats:
            parts.append("may be repeated")
        if self.shown_default or self.default is not None:
            parts.append(f"default: {self.shown_default or self.default}")
        return "; ".join(parts) + "."


@dataclass(frozen=True)
class Command:
    """One command: what it is for, what it takes, and the function that does it and returns the exit code."""

    name: str
    summary: str
    """One line, for the list of commands."""
    about: str
    """What the summary cannot say: one short paragraph."""
    flags: tuple[Flag, ...]
    run: Callable[[argparse.Namespace, Screen], int]
    examples: tuple[str, ...] = field(default=())

    @property
    def every_flag(self) -> tuple[Flag, ...]:
        """Its own flags and those of every command."""
        return (*self.flags, *EVERYWHERE)

    @property
    def groups(self) -> dict[str, tuple[Flag, ...]]:
        """Its flags by heading, those without one (the positional ones among them) first, under no name."""
        names = dict.fromkeys(("", *(f.group for f in self.flags)))
        return {name: tuple(f for f in self.flags if f.group == name) for name in names}


EVERYWHERE = (
    Flag("--json", "Write one JSON object to standard output instead of text", "nothing"),
    Flag("--quiet", "Show no progress", "nothing", short="-q"),
    Flag("--help", "Show this page", "nothing", short="-h"),
)

SOURCE = Flag("source", "The table: a file, a folder or 'pattern*' of parts, or a URL; see docs/sources.md")
MODEL = Flag("model", "The model file, *.mlw")

ROLES = (
    Flag("--target", "The column to predict", short="-t", value="COLUMN"),
    Flag("--time", "The column that says when; training then never looks ahead", value="COLUMN"),
    Flag("--group", "The column whose values must not be torn apart, such as a patient", value="COLUMN"),
    Flag("--id", "The column that only names the row", value="COLUMN"),
    Flag("--weight", "The column that says how much a row counts", value="COLUMN"),
    Flag(
        "--exposure",
        "The column that says how long or how much was watched: the target is learned as a rate of it",
        value="COLUMN",
    ),
    Flag("--fold", "The column that names the fold of each row; 'test' is the holdout", value="COLUMN"),
    Flag("--protected", "A column for checks of fairness, never a feature", value="COLUMN", repeats=True),
    Flag(
        "--drop", "A column to leave out, such as one that is not known in time", value="COLUMN", repeats=True
    ),
    Flag(
        "--kind",
        "Overrules what was inferred: numeric, categorical, boolean, datetime, text or id",
        "pair",
        value="KIND",
        repeats=True,
    ),
)

WAIVE = Flag(
    "--waive",
    "The code of a finding that is known and borne, such as MLW401; the card names it",
    value="CODE",
    repeats=True,
)

SCHEMA = Flag(
    "--schema",
    "What the columns are, in place of inference: a schema file (.json), as `mlwright schema` writes it",
    value="FILE",
)
AGAINST = Flag(
    "--against",
    "Hold the table to this instead: a model (.mlw), a schema file (.json), or another table",
    value="FILE",
)

_WRITTEN = "how the table is written, where that is not as it seems"
_ASKED = "what to read, where the source is a database (postgresql://, mysql://, sqlite:///, duckdb:///)"

WRITTEN = (
    Flag(
        "--separator",
        "What stands between fields: a character, tab, or whitespace",
        value="CHARACTER",
        group=_WRITTEN,
    ),
    Flag("--encoding", "Such as utf-8, latin-1 or utf-16", group=_WRITTEN),
    Flag("--quote", "What quotes fields; none where nothing does", value="CHARACTER", group=_WRITTEN),
    Flag("--header", "The first line holds the names of the columns", "nothing", group=_WRITTEN),
    Flag("--no-header", "The first line is a row like the others", "nothing", group=_WRITTEN),
    Flag(
        "--column-names",
        "The names of all columns, with commas between them",
        value="NAMES",
        repeats=True,
        group=_WRITTEN,
    ),
    Flag("--skip-rows", "Lines to pass over at the start", "whole", default=0, value="N", group=_WRITTEN),
    Flag("--decimal", "The decimal mark of all numbers (. or ,)", value="MARK", group=_WRITTEN),
    Flag(
        "--thousands",
        "The thousands separator of all numbers (. , ' space or none)",
        value="MARK",
        group=_WRITTEN,
    ),
    Flag(
        "--missing", "A text that means missing in every column", value="TEXT", repeats=True, group=_WRITTEN
    ),
    Flag(
        "--date-format", "How dates are written, such as %d.%m.%Y", value="FORM", repeats=True, group=_WRITTEN
    ),
    Flag("--sheet", "The sheet of a workbook, by name or number from 1", value="SHEET", group=_WRITTEN),
    Flag(
        "--member",
        "The file of a ZIP archive, or the key of a JSON object, that holds the table",
        value="NAME",
        group=_WRITTEN,
    ),
    Flag(
        "--memory",
        "What a table may take in memory, such as 2GiB; a larger one is read as a stream, and a sample "
        "stands for it",
        value="SIZE",
        shown_default="an eighth of the memory",
        group=_WRITTEN,
    ),
    Flag(
        "--sample-rows",
        "Rows that are kept of a table larger than that",
        "whole",
        value="N",
        shown_default="500000",
        group=_WRITTEN,
    ),
    Flag(
        "--most-bytes",
        "The most that is fetched from a URL, such as 500MB",
        value="SIZE",
        shown_default="8GiB",
        group=_WRITTEN,
    ),
    Flag("--query", "One SELECT, with :NAME where a parameter stands", value="SQL", group=_ASKED),
    Flag("--table", "Or all of one of its tables", group=_ASKED),
    Flag("--parameter", "A value for the query", "named", value="VALUE", repeats=True, group=_ASKED),
)
"""How a file is written: the fields of `ReadOptions`, for every command that reads a table."""
