"""What a database must be able to do for us, and how its failures become our errors.

Implemented by one file a database beside this one; called through `Database`, which alone turns a driver's
exceptions into messages, so that no driver's text reaches anybody uncleaned.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

from mlwright.base.errors import MlwrightError, SourceUnreadable, UnknownName
from mlwright.sources.sql.address import PASSWORD, Address
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.statement import Statement

Happened = Literal[
    "unreachable", "password", "no database", "no file", "not a database", "busy", "no table", "no column",
    "syntax", "no rights", "changes data", "gone", "other",
]  # fmt: skip
Folded = Literal["letters", "blanks"]
"""What tells two texts apart and not two keys: case or accents; blanks at the end alone."""
Fetch = Callable[[int], list[tuple[Any, ...]]]
"""Gives at most so many more rows; none at the end. Any: values of any type."""
_Answer = TypeVar("_Answer")

_SAID: Final[dict[Happened, tuple[str, str]]] = {
    "unreachable": (
        "no database server answers",
        "look at the host and the port, and whether the server runs",
    ),
    "password": (
        "the server refuses the user or the password",
        f"name the user in the URL, and give the password in {PASSWORD} (for PostgreSQL, PGPASSWORD and "
        "~/.pgpass do as well)",
    ),
    "no database": (
        "there is no such database on the server, or it is closed to this user",
        "look at its name",
    ),
    "no file": ("the file of the database cannot be opened", "look at the path and its permissions"),
    "not a database": ("the file is no database of this kind", "look at the path"),
    "busy": ("another program has the database locked", "wait until it has finished, or copy the file"),
    "no table": ("the query names a table that is not there", "look at the names of the tables"),
    "no column": ("the query names a column that is not there", "look at the names of the columns"),
    "syntax": ("the query is not understood", "try it in the database's own client"),
    "no rights": ("this user may not do that", "ask for the right to it, or name another user"),
    "changes data": ("the query would change data or settings", "give a single SELECT: reading only reads"),
    "gone": ("the database went away in the middle", "look at the server and its log, then run it again"),
    "other": ("the database refuses", "try the query in the database's own client"),
}


@dataclass(frozen=True)
class Failure:
    """What a driver's exception means."""

    happened: Happened
    text: str = ""
    """The database's own words."""
    offset: int | None = None
    """The character of the statement that it points at, from 0."""


@dataclass(frozen=True)
class Table:
    """A table or a view, by its schema and name."""

    schema: str
    name: str
    usual: bool = True
    """Found without naming its schema."""

    @property
    def shown(self) -> str:
        return self.name if self.usual else f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Dialect:
    """How a database writes what others write otherwise."""

    quote: str
    """Stands on both sides of a name."""
    place: str
    """Stands for a bound value."""
    types: Mapping[Held, str]
    """Its types for columns that are made."""
    key_text: str
    """Its type of a text that is a key."""
    ordered: str
    """A text's order by its bytes; `{}` is the text."""
    upsert: Callable[[Sequence[str], Sequence[str]], str]
    """What follows VALUES (...) so that rows with known keys are replaced; of quoted keys and others."""
    after_create: str = ""
    """What follows the columns of a table that is made."""
    alike: Mapping[str, str] = field(default_factory=dict)
    """By its types whose values are not the texts that are read of them: `{}` taken back from such a text."""
    tells_case: bool = False
    """Whether two columns of a table may differ by case alone."""
    doubles_percent: bool = False

    def quoted(self, *names: str) -> str:
        return ".".join(
            f"{self.quote}{n.replace(self.quote, self.quote * 2)}{self.quote}" for n in names if n
        )

    def text(self, statement: Statement) -> str:
        escape = (lambda t: t.replace("%", "%%")) if self.doubles_percent else str
        return statement.text(self.place, escape)


class Driver(Protocol):
    """One connection. Not safe between threads. Every method may raise what `failures` names."""

    dialect: Dialect
    failures: tuple[type[Exception], ...]

    def start_reading(self) -> None:
        """From here on nothing can be changed, and all that is read is of one moment."""

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        """What the columns hold, and how to get the next rows from the cursor."""

    def set_aside(self, statement: Statement) -> Statement:
        """The same rows, kept where they hold up no writer; the statement itself where none is held up."""

    def tables(self) -> list[Table]:
        """Tables and views that the user may see, without those of the database itself."""

    def columns(self, table: Table) -> list[Declared]:
        """The columns of a table."""

    def unique_keys(self, table: Table) -> list[set[str]]:
        """The sets of columns that a primary key or a plain unique index keeps unique."""

    def folded(self, table: Table) -> dict[str, Folded]:
        """The columns in which a key takes different texts for the same one, and what it passes over."""

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement of ours and gives all its rows."""

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs one statement of ours, `INSERT ... VALUES (...) ...`, for each of `rows`."""

    def begin(self) -> None:
        """Begins a transaction that may write."""

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def failure(self, error: Exception) -> Failure:
        """What `error`, one of `failures`, means."""

    def close(self) -> None:
        """Never raises."""


class Database:
    """A connection whose failures are errors of ours, without secrets and without a chain behind them."""

    def __init__(
        self,
        address: Address,
        connect: Callable[[Address], Driver],
        failures: tuple[type[Exception], ...],
        meaning: Callable[[Exception], Failure],
        error: type[MlwrightError] = SourceUnreadable,
    ) -> None:
        self.address = address
        self._error = error
        self._failures = failures
        self._meaning = meaning
        self.driver: Driver = self._told(lambda: connect(address))

    @property
    def dialect(self) -> Dialect:
        return self.driver.dialect

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.close()

    def close(self) -> None:
        self.driver.close()

    def start_reading(self) -> None:
        self._told(self.driver.start_reading)

    def tables(self) -> list[Table]:
        return self._told(self.driver.tables)

    def columns(self, table: Table) -> list[Declared]:
        return self._told(lambda: self.driver.columns(table))

    def unique_keys(self, table: Table) -> list[set[str]]:
        return self._told(lambda: self.driver.unique_keys(table))

    def folded(self, table: Table) -> dict[str, Folded]:
        return self._told(lambda: self.driver.folded(table))

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._told(lambda: self.driver.ask(sql, values))

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._told(lambda: self.driver.write(sql, rows))

    def in_one_transaction(self, work: Callable[[], None]) -> None:
        """All of `work`, or nothing."""
        self._told(self.driver.begin)
        try:
            work()
        except BaseException:  # also Ctrl-C leaves no half of a transaction
            # What broke the transaction is told; that it cannot be rolled back any more adds nothing.
            with contextlib.suppress(*self._failures):
                self.driver.rollback()
            raise
        self._told(self.driver.commit)

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        """As `Driver.select`; whatever fails while the rows come is told as what it is."""
        declared, fetch = self._told(lambda: self.driver.select(statement), statement)
        return declared, lambda rows: self._told(lambda: fetch(rows), statement)

    def stop_reading(self) -> None:
        """The end of what `start_reading` began."""
        self._told(self.driver.rollback)

    def set_aside(self, statement: Statement) -> Statement:
        """The same rows, kept where nobody waits for them who writes to the same file."""
        return self._told(lambda: self.driver.set_aside(statement), statement)

    def table(self, name: str) -> Table:
        """The table `name` or `schema.name` of the catalogue. Raises `UnknownName` with the near miss."""
        found = self.found(name)
        if found is None:
            raise UnknownName("table", name, self.names(), where=self.address.shown)
        return found

    def found(self, name: str) -> Table | None:
        """The table `name` (of the usual schema) or `schema.name`, where there is one."""
        return next((t for t in self.tables() if name in (t.shown, f"{t.schema}.{t.name}")), None)

    def names(self) -> list[str]:
        """How the tables there are may be called, the usual ones first."""
        return [t.shown for t in sorted(self.tables(), key=lambda t: not t.usual)]

    def _told(self, work: Callable[[], _Answer], statement: Statement | None = None) -> _Answer:
        try:
            return work()
        except self._failures as error:
            failure = self._meaning(error)
        # Outside of `except`: the driver's exception, which may hold a secret, is not chained to ours.
        tables: list[Table] = []
        if failure.happened == "no table":
            with contextlib.suppress(*self._failures):  # the message does without them
                self.driver.rollback()
                tables = self.driver.tables()
        said, where, remedy = _words(failure, statement, self.address, tables)
        raise self._error(said, where=where, remedy=remedy)


def _words(
    failure: Failure, statement: Statement | None, address: Address, tables: Sequence[Table]
) -> tuple[str, str, str]:
    """What to say of a failure, where it was, and what to do about it; without any secret."""
    said, remedy = _SAID[failure.happened]
    words = address.cleaned(failure.text)
    where = address.shown
    if statement is not None and failure.offset is not None:
        place = statement.line_and_column(failure.offset)
        where += f", query, line {place[0]}, column {place[1]}" if place else ""
    if tables:
        names = [t.shown for t in sorted(tables, key=lambda t: not t.usual)]
        remedy = address.cleaned(f"the tables there are: {', '.join(names[:20])}")
    return f"{said} ({words})" if words else said, where, remedy
