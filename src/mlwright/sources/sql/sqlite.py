"""SQLite through Python's own module: opened read-only, and with an authorizer that lets only a SELECT pass.

Opened by `opening`. A column of SQLite may hold values of any type: what a result holds is found by asking
for the types of all its values, within the same transaction, before the first row is taken.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mlwright.base.errors import SourceUnreadable, nearest_file
from mlwright.sources.sql.address import Address
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.driver import Dialect, Failure, Fetch, Folded, Happened, Table
from mlwright.sources.sql.statement import Statement

_PATIENCE_S: Final = 10.0
_WHOLE, _REAL, _TEXT, _BLOB = 1, 2, 4, 8
_TYPES_OF: Final = (
    "COALESCE(MAX(typeof({0}) = 'integer'), 0) + COALESCE(MAX(typeof({0}) = 'real'), 0) * 2 "
    "+ COALESCE(MAX(typeof({0}) = 'text'), 0) * 4 + COALESCE(MAX(typeof({0}) = 'blob'), 0) * 8"
)
_READS: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_SPOOLS: Final = {sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE}
_SPOOL: Final = "mlwright_rows"


def _upsert(keys: Sequence[str], others: Sequence[str]) -> str:
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{c} = excluded.{c}" for c in others
    )


DIALECT: Final = Dialect(
    quote='"',
    place="?",
    types={
        "whole": "INTEGER",
        "unsigned": "INTEGER",
        "number": "REAL",
        "boolean": "BOOLEAN",
        "date": "TEXT",
        "moment": "TEXT",
        "instant": "TEXT",
        "text": "TEXT",
        "category": "TEXT",
    },
    key_text="TEXT",
    ordered="{} COLLATE BINARY",
    upsert=_upsert,
)


def failures() -> tuple[type[Exception], ...]:
    """What sqlite3 raises; an integer beyond 64 bits is an OverflowError."""
    return (sqlite3.Error, OverflowError)


def meaning(error: Exception) -> Failure:
    """What an exception of sqlite3 says."""
    text = str(error)
    marks: tuple[tuple[str, Happened], ...] = (
        ("no such table", "no table"),
        ("no such column", "no column"),
        ("syntax error", "syntax"),
        ("incomplete input", "syntax"),
        ("not authorized", "changes data"),
        ("prohibited", "changes data"),
        ("readonly database", "changes data"),
        ("unable to open", "no file"),
        ("not a database", "not a database"),
        ("malformed", "not a database"),
        ("locked", "busy"),
        ("disk I/O", "gone"),
    )
    return Failure(next((h for mark, h in marks if mark in text), "other"), text)


class SQLite:
    """A connection to a file of SQLite."""

    dialect = DIALECT

    def __init__(self, address: Address, writes: bool = False) -> None:
        self.failures = failures()
        path = Path(address.database)
        if not writes:
            must_be_there(address)
        place = f"file:{quote(str(path))}?mode={'rwc' if writes else 'ro'}"
        self._connection = sqlite3.connect(place, uri=True, timeout=_PATIENCE_S, isolation_level=None)
        self._connection.text_factory = lambda b: b.decode("utf-8", "replace")
        self._spooling = False
        self.ask("SELECT COUNT(*) FROM sqlite_master")  # what is no database is known from here on
        if writes:
            self.ask("PRAGMA synchronous = FULL")

    def start_reading(self) -> None:
        self._connection.execute("BEGIN")
        self._connection.set_authorizer(self._may)

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        text = self.dialect.text(statement)
        names = [d[0] for d in self._connection.execute(text, statement.values).description or ()]
        if not names:
            raise sqlite3.DatabaseError("not authorized: the query gives no table")
        places = [f"c{i}" for i in range(len(names))]
        asked = f"WITH seen ({', '.join(places)}) AS (\n{text}\n) SELECT " + ", ".join(
            map(_TYPES_OF.format, places)
        )
        (seen,) = self._connection.execute(f"{asked} FROM seen", statement.values).fetchall()
        declared = tuple(Declared(n, _held(int(s)), "BLOB") for n, s in zip(names, seen, strict=True))
        cursor = self._connection.execute(text, statement.values)
        reals = [i for i, d in enumerate(declared) if d.held == "number"]
        return declared, lambda rows: [_as_reals(row, reals) for row in cursor.fetchmany(rows)]

    def set_aside(self, statement: Statement) -> Statement:
        # A reader of the file keeps every writer out: the rows go to a temporary table first.
        self._spooling = True
        self._connection.execute(
            f"CREATE TEMP TABLE {_SPOOL} AS {self.dialect.text(statement)}", statement.values
        )
        self._spooling = False
        self._connection.set_authorizer(None)
        self._connection.execute("COMMIT")
        self._connection.set_authorizer(self._may)
        return Statement((f"SELECT * FROM temp.{_SPOOL} ORDER BY rowid",))

    def tables(self) -> list[Table]:
        names = self.ask(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        )
        return [Table("", name) for (name,) in names]

    def columns(self, table: Table) -> list[Declared]:
        rows = self.ask("SELECT name, type FROM pragma_table_info(?)", (table.name,))
        return [Declared(name, _declared_as(called), called) for name, called in rows]

    def unique_keys(self, table: Table) -> list[set[str]]:
        keys = [{n for (n,) in self.ask("SELECT name FROM pragma_table_info(?) WHERE pk > 0", (table.name,))}]
        sql = 'SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND partial = 0'
        for (index,) in self.ask(sql, (table.name,)):
            keys.append({n for (n,) in self.ask("SELECT name FROM pragma_index_info(?)", (index,))})
        return [k for k in keys if k]

    def folded(self, table: Table) -> dict[str, Folded]:
        rows = self.ask(
            "SELECT c.name, c.coll FROM pragma_index_list(?) AS i, pragma_index_xinfo(i.name) AS c "
            "WHERE i.\"unique\" = 1 AND c.key = 1 AND c.coll <> 'BINARY'",
            (table.name,),
        )
        return {name: "blanks" if order.upper() == "RTRIM" else "letters" for name, order in rows}

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, tuple(values)).fetchall()

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.set_authorizer(None)
        self._connection.rollback()

    def failure(self, error: Exception) -> Failure:
        return meaning(error)

    def close(self) -> None:
        self._connection.close()

    def _may(self, action: int, one: str | None, two: str | None, schema: str | None, _: str | None) -> int:
        if action in _READS or (self._spooling and action in _SPOOLS and schema == "temp"):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY


def must_be_there(address: Address) -> None:
    """Raises `SourceUnreadable` where the file of a database is not there."""
    path = Path(address.database)
    if path.is_file():
        return
    near = nearest_file(path.name, path.parent)
    remedy = (
        f"did you mean {near!r}?"
        if near
        else "look at the path: three slashes, or four before an absolute one"
    )
    raise SourceUnreadable("there is no such file", where=str(path), remedy=remedy)


def _as_reals(row: tuple[Any, ...], places: list[int]) -> tuple[Any, ...]:
    if not places:
        return row
    values = list(row)
    for i in places:
        values[i] = None if values[i] is None else float(values[i])
    return tuple(values)


def _held(seen: int) -> Held:
    if seen & _TEXT:
        return "text"
    if seen & _BLOB:
        return "left out"
    if seen & _REAL:
        return "number"
    return "whole" if seen & _WHOLE else "text"


def _declared_as(called: str) -> Held:
    """By the rules of affinity (sqlite.org/datatype3.html, section 3.1), and the usual names of truth."""
    name = called.upper()
    if "BOOL" in name:
        return "boolean"
    if "INT" in name:
        return "whole"
    if re.search("CHAR|CLOB|TEXT", name):
        return "text"
    return "number" if re.search("REAL|FLOA|DOUB|NUM|DEC", name) else "text"
