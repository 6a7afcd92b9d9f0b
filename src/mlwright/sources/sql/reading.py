"""A query or a table of a database, as frames of a few thousand rows that all have the same columns.

Called by `sources.reading` for tables that fit into memory, and by whatever goes through larger ones a part
at a time. It reads in one transaction that can change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import polars as pl

from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.base.finding import Finding
from mlwright.sources.frames import from_polars
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw
from mlwright.sources.sql.address import address_of
from mlwright.sources.sql.columns import Columns
from mlwright.sources.sql.driver import Database, Fetch
from mlwright.sources.sql.opening import open_to_read
from mlwright.sources.sql.statement import Statement, statement_of

ROWS: Final = 50_000
_MOST_VALUES: Final = 1_000_000
_DIGITS_SHOWN: Final = 12


class SqlRows:
    """The rows of a query or a table: an iterator of frames, and a context that closes the connection.

    Iterate once. Raises `SourceUnreadable` where the database goes away between two frames.
    """

    def __init__(
        self, database: Database, columns: Columns, fetch: Fetch, source: str, notes: tuple[str, ...] = ()
    ) -> None:
        self._database = database
        self._fetch = fetch
        self.columns = columns
        self.source = source
        """Scheme, host, database, and the table or the query's digest; no secret."""
        self.notes = notes
        """For the provenance: the whole digest of a query with its parameters."""
        self.rows = 0
        """Those that came so far."""

    def __enter__(self) -> SqlRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return self.frames(ROWS)

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Frames of `rows` rows, of fewer where they are wide."""
        most = max(1, min(rows, _MOST_VALUES // max(1, len(self.columns.names))))
        while found := self._fetch(most):
            self.rows += len(found)
            yield self.columns.frame(found)

    def findings(self) -> tuple[Finding, ...]:
        """What was done to columns and values so far."""
        return self.columns.findings()


def open_sql(url: str, options: ReadOptions | None = None) -> SqlRows:
    """The rows that `options.query` or `options.table` asks for, not yet read.

    Raises `Misuse` where neither is said (naming the tables there are), `UnknownName` for a table or a
    parameter, `SourceUnreadable` for whatever the database says.
    """
    options = options or ReadOptions()
    address = address_of(url)
    database = open_to_read(address)
    try:
        database.start_reading()
        statement, source = asked_of(database, options)
        declared, fetch = database.select(statement)
        notes = (
            (f"SHA-256 of the query and its parameters: {query_digest(options)}",) if options.query else ()
        )
        return SqlRows(database, Columns(declared), fetch, source, notes)
    except BaseException:  # whatever it was, the connection is closed, and it goes on
        database.close()
        raise


def read_sql(url: str, options: ReadOptions) -> Raw:
    """The same rows in memory. Raises as `open_sql`, and `SourceUnreadable` where there is no row."""
    with open_sql(url, options) as rows:
        frames = list(rows)
        if not frames:
            raise no_rows(rows.source)
        raw = from_polars(pl.concat(frames), options, rows.source)
        return replace(
            raw,
            categorical=raw.categorical | rows.columns.categorical,
            notes=rows.notes,
            findings=(*rows.findings(), *raw.findings),
        )


def stream_sql(url: str, options: ReadOptions | None = None) -> Iterator[pl.DataFrame]:
    """The same rows as frames of at most 50,000 rows, all of the same columns and types, at least one.

    Raises as `open_sql`, and `SourceUnreadable` where there is no row.
    """
    with open_sql(url, options) as rows:
        yield from all_rows(rows)


def all_rows(rows: SqlRows) -> Iterator[pl.DataFrame]:
    """The frames of `rows`. Raises `SourceUnreadable` where there is no row."""
    yield from rows
    if not rows.rows:
        raise no_rows(rows.source)


def asked_of(database: Database, options: ReadOptions) -> tuple[Statement, str]:
    """The statement that `options` ask for, and how a reader may call what it reads."""
    address = database.address
    if options.query is not None and options.table is not None:
        raise Misuse("both a query and a table are named", where=address.shown, remedy="name one of them")
    if options.query is not None:
        statement = statement_of(options.query, options.parameters, address.scheme)
        return statement, f"{address.shown}, query {query_digest(options)[:_DIGITS_SHOWN]}"
    if options.parameters:
        raise Misuse("parameters belong to a query", where=address.shown, remedy="give one with query=")
    if options.table is None:
        raise _nothing_asked(database)
    table = database.table(options.table)
    whole = Statement((f"SELECT * FROM {database.dialect.quoted(table.schema, table.name)}",))
    return whole, f"{address.shown}, table {table.shown}"


def query_digest(options: ReadOptions) -> str:
    """The SHA-256 of a query with the names and values of its parameters.

    >>> len(query_digest(ReadOptions(query="select 1")))
    64
    """
    values = {name: str(value) for name, value in (options.parameters or {}).items()}
    return sha256(canonical_json([options.query, values]))


def no_rows(source: str) -> SourceUnreadable:
    """The error of a query or a table without rows."""
    return SourceUnreadable("there is no row", where=source, remedy="look at the conditions of the query")


def _nothing_asked(database: Database) -> Misuse:
    names = database.names()
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    there = f"there is {shown}" if names else "it has no table"
    return Misuse(
        database.address.cleaned(f"which rows of the database? {there}"),
        where=database.address.shown,
        remedy="name a table with table=, or write a SELECT with query=",
    )
