"""MySQL and MariaDB through PyMySQL: an unbuffered cursor in a read-only transaction, in UTC.

Opened by `opening`. PyMySQL writes values into the statement itself, escaped by its own rules: the text
protocol of MySQL has no binding. It imports pymysql when it is first used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mlwright.sources.sql.address import Address
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.driver import Dialect, Failure, Fetch, Folded, Happened, Table
from mlwright.sources.sql.statement import Statement

if TYPE_CHECKING:
    import pymysql

_BINARY, _UNSIGNED, _ENUM = 63, 32, 256
_PATIENCE_S: Final = 600
_NUMBERED: Final[dict[int, Held]] = {
    0: "decimal",
    1: "whole",
    2: "whole",
    3: "whole",
    4: "number",
    5: "number",
    7: "instant",
    8: "whole",
    9: "whole",
    10: "date",
    11: "time",
    12: "moment",
    13: "whole",
    16: "boolean",
    246: "decimal",
    247: "category",
    255: "left out",
}
_NAMES: Final = {
    16: "BIT",
    249: "BLOB",
    250: "BLOB",
    251: "BLOB",
    252: "BLOB",
    253: "VARBINARY",
    254: "BINARY",
}
_EXACT: Final = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")
"""Collations, of MariaDB and of MySQL, in which blanks at the end of a text count."""
_NOT_READ_ONLY: Final = 1792
_READS: Final = re.compile(
    r"(?:\s|\(|--\s[^\n]*|#[^\n]*|/\*(?!!|M!).*?\*/)*(?:SELECT|WITH|VALUES|TABLE)\b", re.I | re.S
)
"""How a statement begins that is let through: not CALL, whose procedures may begin transactions."""
_BY_NUMBER: Final[dict[int, Happened]] = {
    1044: "no database",
    1045: "password",
    1049: "no database",
    1054: "no column",
    1064: "syntax",
    1142: "no rights",
    1143: "no rights",
    1146: "no table",
    1698: "password",
    1792: "changes data",
    1927: "gone",
    2002: "unreachable",
    2003: "unreachable",
    2006: "gone",
    2013: "gone",
    2014: "gone",
}


def _upsert(keys: Sequence[str], others: Sequence[str]) -> str:
    return "ON DUPLICATE KEY UPDATE " + ", ".join(f"{c} = VALUES({c})" for c in others)


DIALECT: Final = Dialect(
    quote="`",
    place="%s",
    types={
        "whole": "BIGINT",
        "unsigned": "BIGINT UNSIGNED",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "moment": "DATETIME(6)",
        "instant": "DATETIME(6)",
        "text": "LONGTEXT",
        "category": "LONGTEXT",
    },
    key_text="VARCHAR(255)",
    ordered="CAST(CONVERT({} USING utf8mb4) AS BINARY)",
    upsert=_upsert,
    after_create=" ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    doubles_percent=True,
)


def failures() -> tuple[type[Exception], ...]:
    """What PyMySQL raises; the packets of a broken connection may end in errors of Python's own."""
    import pymysql

    return (pymysql.Error, OSError)


def meaning(error: Exception) -> Failure:
    """What an exception of PyMySQL says, by its number."""
    number, text = (*error.args, "", "")[:2] if error.args else (0, "")
    happened = _BY_NUMBER.get(number, "other") if isinstance(number, int) else "gone"
    if isinstance(error, OSError):
        return Failure("gone", str(error))
    if happened == "unreachable" and "timed out" not in str(text) and "(" in str(text):
        text = str(text).partition("(")[2].rstrip(")")
    return Failure(happened, str(text))


class MySQL:
    """A connection to MySQL or MariaDB."""

    dialect = DIALECT

    def __init__(self, address: Address) -> None:
        import pymysql

        self.failures = failures()
        self._cursor: Any = None  # Any: PyMySQL has no types
        settings: dict[str, Any] = dict(address.settings)  # Any: what PyMySQL takes
        timeout = int(settings.pop("connect_timeout", "15"))
        if address.host.startswith("/"):
            settings["unix_socket"] = address.host
        whole: dict[int, Any] = dict.fromkeys((1, 2, 3, 8, 9, 13), int) | dict.fromkeys((4, 5), float)
        # SHOW and LIKE patterns aside, a decoder is a function of a text; all other types stay texts.
        self._connection: pymysql.Connection[Any] = pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user or None,
            password=(address.password or "").encode(),  # PyMySQL itself would write Latin 1
            database=address.database,
            charset="utf8mb4",
            connect_timeout=timeout,
            conv=whole | dict(pymysql.converters.encoders),
            autocommit=True,
            # Strict: a text that is too long for its column is refused, never cut.
            init_command=f"SET time_zone = '+00:00', net_write_timeout = {_PATIENCE_S}, "
            "sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
            **settings,
        )
        exact = self.ask(
            "SELECT collation_name FROM information_schema.collations WHERE collation_name IN %s", (_EXACT,)
        )
        if exact:
            self.dialect = replace(DIALECT, key_text=f"{DIALECT.key_text} COLLATE {exact[0][0]}")

    def start_reading(self) -> None:
        # DDL ends a transaction before it runs: only the session's own setting refuses it.
        self.ask("SET SESSION TRANSACTION READ ONLY")
        self.ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        import pymysql.cursors

        if not _READS.match(self.dialect.text(statement)):
            raise pymysql.ProgrammingError(_NOT_READ_ONLY, "this is no SELECT")
        self._cursor = cursor = self._connection.cursor(pymysql.cursors.SSCursor)
        cursor.execute(self.dialect.text(statement), statement.values)
        return _declared(cursor), lambda rows: list(cursor.fetchmany(rows))

    def set_aside(self, statement: Statement) -> Statement:
        return statement

    def tables(self) -> list[Table]:
        rows = self.ask(
            "SELECT table_schema, table_name, table_schema = DATABASE() FROM information_schema.tables "
            "WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') "
            "ORDER BY 1, 2"
        )
        return [Table(schema, name, bool(usual)) for schema, name, usual in rows]

    def columns(self, table: Table) -> list[Declared]:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {self.dialect.quoted(table.schema, table.name)} WHERE false")
            return list(_declared(cursor))

    def unique_keys(self, table: Table) -> list[set[str]]:
        rows = self.ask(
            "SELECT index_name, column_name FROM information_schema.statistics "
            "WHERE table_schema = %s AND table_name = %s AND non_unique = 0",
            (table.schema, table.name),
        )
        return [{c for i, c in rows if i == index} for index in dict.fromkeys(i for i, _ in rows)]

    def folded(self, table: Table) -> dict[str, Folded]:
        rows = self.ask(
            "SELECT column_name, collation_name FROM information_schema.columns "
            "WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s "
            "AND collation_name IS NOT NULL",
            (table.schema or None, table.name),
        )
        return {
            name: "blanks" if collation.endswith("_bin") else "letters"
            for name, collation in rows
            if collation not in _EXACT and not collation.endswith("_nopad_bin")
        }

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, tuple(values) if values else None)
            return list(cursor.fetchall())

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql, [tuple(r) for r in rows])

    def begin(self) -> None:
        self._connection.begin()

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def failure(self, error: Exception) -> Failure:
        return meaning(error)

    def close(self) -> None:
        # PyMySQL would first wait for all rows of an unbuffered cursor, and again when that is collected.
        if self._cursor is not None and self._cursor._result is not None:
            self._cursor._result.unbuffered_active = False
            self._cursor._result.connection = None
            self._cursor.connection = None
        self._connection._result = None
        if self._connection.open:
            self._connection._force_close()


def _declared(
    cursor: Any,
) -> tuple[Declared, ...]:  # Any: PyMySQL's cursor, whose description lacks the flags
    fields = () if cursor._result is None else cursor._result.fields or ()
    return tuple(Declared(f.name, _held(f), _NAMES.get(f.type_code, "GEOMETRY")) for f in fields)


def _held(field: Any) -> Held:  # Any: PyMySQL's description of a column
    code, flags = field.type_code, field.flags
    if code == 16:
        return "boolean" if field.length == 1 else "left out"
    held = _NUMBERED.get(code, "text")
    if held == "decimal" and field.scale == 0 and field.length <= 18:
        return "whole"
    if code == 8 and flags & _UNSIGNED:
        return "unsigned"
    if flags & _ENUM:
        return "category"
    return "left out" if held == "text" and code != 245 and field.charsetnr == _BINARY else held
