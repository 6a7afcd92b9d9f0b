"""DuckDB through its own module: the file opened read-only, without access to other files or the network.

Opened by `opening`. It imports duckdb when it is first used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mlwright.sources.sql.address import Address
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.driver import Dialect, Failure, Fetch, Folded, Happened, Table
from mlwright.sources.sql.sqlite import must_be_there
from mlwright.sources.sql.statement import Statement

if TYPE_CHECKING:
    import duckdb

_CLOSED: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "lock_configuration": "true",
}
_HELD: Final[dict[str, Held]] = {
    "TINYINT": "whole",
    "SMALLINT": "whole",
    "INTEGER": "whole",
    "BIGINT": "whole",
    "UTINYINT": "whole",
    "USMALLINT": "whole",
    "UINTEGER": "whole",
    "UBIGINT": "unsigned",
    "HUGEINT": "decimal",
    "UHUGEINT": "decimal",
    "FLOAT": "number",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "moment",
    "TIMESTAMP_S": "moment",
    "TIMESTAMP_MS": "moment",
    "TIMESTAMP_NS": "moment",
    "TIMESTAMP WITH TIME ZONE": "instant",
    "TIME": "time",
    "INTERVAL": "span",
    "BLOB": "left out",
    "BIT": "left out",
}
_PLAINLY: Final[dict[Held, str]] = {
    "date": "CAST({0} AS VARCHAR)",
    "moment": "CAST({0} AS VARCHAR)",
    "instant": "CASE WHEN isfinite({0}) THEN epoch_us({0}) END",
}
_NESTED: Final = ("STRUCT", "MAP", "UNION", "GEOMETRY", "VARIANT")
_INSERT: Final = re.compile(r"((?:\"(?:\"\"|[^\"])*\"|[^\"])*?)VALUES \(([?, ]+)\)(.*)", re.DOTALL)
"""An INSERT of ours: what stands before its row, the places of the row, what follows; names are in quotes."""
_COLLATED: Final = re.compile(r"\bCOLLATE\b", re.IGNORECASE)
_NAMES: Final = re.compile(r"\"(?:\"\"|[^\"])*\"|'(?:''|[^'])*'")
_BY_WORDS: Final[tuple[tuple[str, Happened], ...]] = (
    ("Catalog Error: Table", "no table"),
    ("Parser Error", "syntax"),
    ("not found in FROM", "no column"),
    ("Binder Error", "no column"),
    ("read-only", "changes data"),
    ("Permission Error", "changes data"),
    ("not a valid DuckDB database", "not a database"),
    ("lock on file", "busy"),
    ("different configuration", "busy"),
    ("IO Error", "no file"),
)


def _upsert(keys: Sequence[str], others: Sequence[str]) -> str:
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{c} = excluded.{c}" for c in others
    )


DIALECT: Final = Dialect(
    quote='"',
    place="?",
    types={
        "whole": "BIGINT",
        "unsigned": "UBIGINT",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "moment": "TIMESTAMP",
        "instant": "TIMESTAMPTZ",
        "text": "VARCHAR",
        "category": "VARCHAR",
    },
    key_text="VARCHAR",
    ordered="CAST({} AS VARCHAR)",
    upsert=_upsert,
)


def failures() -> tuple[type[Exception], ...]:
    """What duckdb raises."""
    import duckdb

    return (duckdb.Error,)


def meaning(error: Exception) -> Failure:
    """What an exception of duckdb says: its first paragraph, and the line of the query."""
    text = str(error)
    happened: Happened = next((h for words, h in _BY_WORDS if words in text), "other")
    said, _, rest = text.partition("\n\nLINE ")
    line = rest.partition(":")[0]
    return Failure(happened, f"{said}, line {line}" if line.isdigit() else said)


class DuckDB:
    """A connection to a file of DuckDB."""

    dialect = DIALECT

    def __init__(self, address: Address, writes: bool = False) -> None:
        import duckdb

        self.failures = failures()
        if not writes:
            must_be_there(address)
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(
            address.database, read_only=not writes, config=dict(_CLOSED)
        )

    def start_reading(self) -> None:
        self._connection.execute("BEGIN TRANSACTION")

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        import duckdb

        text = self.dialect.text(statement)
        kinds = [s.type.name for s in self._connection.extract_statements(text)]
        if kinds != ["SELECT"]:
            raise duckdb.PermissionException("Permission Error: this is no single SELECT")
        values = list(statement.values)
        self._connection.execute(f"SELECT * FROM (\n{text}\n) LIMIT 0", values).fetchall()
        described = self._connection.description or []
        declared = tuple(Declared(d[0], _held(str(d[1])), str(d[1])) for d in described)
        self._connection.execute(_plainly(text, declared), values)
        return declared, self._connection.fetchmany

    def set_aside(self, statement: Statement) -> Statement:
        return statement

    def tables(self) -> list[Table]:
        rows = self.ask(
            "SELECT table_schema, table_name, table_schema = current_schema() FROM information_schema.tables "
            "WHERE table_catalog = current_database() ORDER BY 1, 2"
        )
        return [Table(schema, name, bool(usual)) for schema, name, usual in rows]

    def columns(self, table: Table) -> list[Declared]:
        rows = self.ask(f"DESCRIBE {self.dialect.quoted(table.schema, table.name)}")
        return [Declared(row[0], _held(row[1]), row[1]) for row in rows]

    def unique_keys(self, table: Table) -> list[set[str]]:
        rows = self.ask(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE schema_name = ? "
            "AND table_name = ? AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
            (table.schema, table.name),
        )
        return [set(names) for (names,) in rows]

    def folded(self, table: Table) -> dict[str, Folded]:
        # Its catalogue does not tell the collation of a column, only the statement that made the table.
        made = self.ask(
            "SELECT sql FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
            (table.schema or "main", table.name),
        )
        if not any(_COLLATED.search(_NAMES.sub("", sql)) for (sql,) in made):
            return {}
        return {c.name: "letters" for c in self.columns(table) if c.held == "text"}

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, list(values)).fetchall()

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        # One statement of many rows: one at a time costs DuckDB a millisecond each.
        match = _INSERT.match(sql)
        if match is None:
            raise ValueError("this is no INSERT ... VALUES (?, ...)")
        before, row, after = match.groups()
        width = len(rows[0])
        most = max(1, 5_000 // width)
        for at in range(0, len(rows), most):
            part = rows[at : at + most]
            places = ", ".join([f"({row})"] * len(part))
            self.ask(f"{before}VALUES {places}{after}", [v for r in part for v in r])

    def begin(self) -> None:
        self._connection.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.execute("ROLLBACK")

    def failure(self, error: Exception) -> Failure:
        return meaning(error)

    def close(self) -> None:
        self._connection.close()


def _plainly(text: str, declared: Sequence[Declared]) -> str:
    """The query with moments as DuckDB writes them: Python's know no year 10000 and no infinity."""
    if not any(d.held in _PLAINLY for d in declared):
        return text
    places = [f"c{i}" for i in range(len(declared))]
    shown = [_PLAINLY.get(d.held, "{0}").format(c) for d, c in zip(declared, places, strict=True)]
    return f"WITH seen ({', '.join(places)}) AS (\n{text}\n) SELECT {', '.join(shown)} FROM seen"


def _held(called: str) -> Held:
    if called.endswith("]") or called.startswith(_NESTED):
        return "left out"
    if called.startswith("ENUM"):
        return "category"
    if called.startswith("DECIMAL"):
        digits, _, scale = called.removeprefix("DECIMAL(").rstrip(")").partition(",")
        return "whole" if scale.strip() == "0" and int(digits) <= 18 else "decimal"
    return _HELD.get(called, "text")
