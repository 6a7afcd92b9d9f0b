"""PostgreSQL through psycopg: a named cursor in a read-only transaction, dates as the server writes them.

Opened by `opening`. It imports psycopg when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mlwright.sources.sql.address import Address
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.driver import Dialect, Failure, Fetch, Folded, Happened, Table
from mlwright.sources.sql.statement import Statement

if TYPE_CHECKING:
    import psycopg

_CURSOR: Final = "mlwright"
_BEFORE: Final = f'DECLARE "{_CURSOR}" CURSOR FOR '
# Dates and numbers come as text and are parsed a column at a time: no date that Python lacks can break a row.
_AS_TEXT: Final = (
    "numeric", "date", "timestamp", "timestamptz", "time", "timetz", "uuid", "json", "jsonb", "money",
    "inet", "cidr",
)  # fmt: skip
_HELD: Final[dict[str, Held]] = {
    "int2": "whole",
    "int4": "whole",
    "int8": "whole",
    "oid": "whole",
    "float4": "number",
    "float8": "number",
    "numeric": "decimal",
    "bool": "boolean",
    "date": "date",
    "timestamp": "moment",
    "timestamptz": "instant",
    "time": "time",
    "interval": "span",
    "bytea": "left out",
}
_BY_STATE: Final[tuple[tuple[str, Happened], ...]] = (
    ("42P01", "no table"),
    ("42703", "no column"),
    ("42501", "no rights"),
    ("42601", "syntax"),
    ("25006", "changes data"),
    ("0A000", "changes data"),
    ("28", "password"),
    ("3D000", "no database"),
    ("57P", "gone"),
    ("08", "gone"),
)


def _upsert(keys: Sequence[str], others: Sequence[str]) -> str:
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{c} = EXCLUDED.{c}" for c in others
    )


DIALECT: Final = Dialect(
    quote='"',
    place="%s",
    types={
        "whole": "bigint",
        "unsigned": "numeric(20, 0)",
        "number": "double precision",
        "boolean": "boolean",
        "date": "date",
        "moment": "timestamp",
        "instant": "timestamptz",
        "text": "text",
        "category": "text",
    },
    key_text="text",
    ordered='CAST({} AS text) COLLATE "C"',
    upsert=_upsert,
    alike={t: f"CAST({{}} AS {t})" for t in ("bpchar", "inet", "cidr")},
    tells_case=True,
    doubles_percent=True,
)


def failures() -> tuple[type[Exception], ...]:
    """What psycopg raises."""
    import psycopg

    return (psycopg.Error,)


def meaning(error: Exception) -> Failure:
    """What an exception of psycopg says, by its SQLSTATE; while connecting it has none, only a text."""
    import psycopg

    diagnosis = getattr(error, "diag", None)
    text = getattr(diagnosis, "message_primary", None) or str(error).partition("\n")[0]
    hint = getattr(diagnosis, "message_hint", None)
    state = getattr(error, "sqlstate", None) or ""
    position = getattr(diagnosis, "statement_position", None)
    happened = next((h for prefix, h in _BY_STATE if state.startswith(prefix)), None)
    if happened is None and not state and isinstance(error, psycopg.OperationalError):
        happened = _without_state(str(error))
    if happened == "changes data" and "DECLARE CURSOR" not in text and not state.startswith("25"):
        happened = "other"
    # The server counts from the start of DECLARE; of the user's query it is the rest that matters.
    offset = max(int(position) - 1 - len(_BEFORE), 0) if position else None
    if happened == "syntax" and offset == 0:
        # What a cursor does not take is no SELECT: an INSERT, a DROP, a SHOW.
        text += "; the query must be a SELECT"
    return Failure(happened or "other", f"{text}; {hint}" if hint else text, offset)


def _without_state(text: str) -> Happened:
    if "authentication failed" in text or "no password supplied" in text or "pg_hba.conf" in text:
        return "password"
    if "role" in text and "does not exist" in text:
        return "password"
    if "database" in text and "does not exist" in text:
        return "no database"
    if any(
        s in text
        for s in ("resolve host", "Connection refused", "could not connect", "timeout", "connection failed")
    ):
        return "unreachable"
    return "gone"


class PostgreSQL:
    """A connection to PostgreSQL, in UTC and with ISO dates."""

    dialect = DIALECT

    def __init__(self, address: Address) -> None:
        import psycopg
        from psycopg.types.string import TextLoader

        self.failures = failures()
        self._cursor: psycopg.ServerCursor[Any] | None = None
        settings: dict[str, Any] = {  # Any: connection parameters of libpq
            "host": address.host,
            "port": address.port,
            "dbname": address.database,
            "connect_timeout": 15,
            "application_name": "mlwright",
            **address.settings,
        }
        if address.user:
            settings["user"] = address.user
        if address.password is not None:
            settings["password"] = address.password
        self._connection: psycopg.Connection[Any] = psycopg.connect(autocommit=True, **settings)
        for name in _AS_TEXT:
            self._connection.adapters.register_loader(name, TextLoader)
        self._connection.execute("SET TIME ZONE 'UTC'")
        self._connection.execute("SET datestyle TO 'ISO, YMD'")

    def start_reading(self) -> None:
        self._connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def select(self, statement: Statement) -> tuple[tuple[Declared, ...], Fetch]:
        if self._cursor is not None:
            self._cursor.close()
        self._cursor = cursor = self._connection.cursor(_CURSOR)
        try:
            cursor.execute(self.dialect.text(statement).encode(), statement.values)
        except self.failures:
            cursor.close()
            raise
        described = [(c.name, c.type_code, c.precision, c.scale) for c in cursor.description or ()]
        return self._declared(described), cursor.fetchmany

    def set_aside(self, statement: Statement) -> Statement:
        return statement

    def tables(self) -> list[Table]:
        return [
            Table(schema, name, usual)
            for schema, name, usual in self.ask(
                "SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') "
                "AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' "
                "AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') "
                "ORDER BY 1, 2"
            )
        ]

    def columns(self, table: Table) -> list[Declared]:
        sql = f"SELECT * FROM {self.dialect.quoted(table.schema, table.name)} WHERE false"
        cursor = self._connection.execute(sql.encode())
        return list(
            self._declared([(c.name, c.type_code, c.precision, c.scale) for c in cursor.description or ()])
        )

    def unique_keys(self, table: Table) -> list[set[str]]:
        rows = self.ask(
            "SELECT array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indrelid "
            "AND a.attnum = ANY(i.indkey)) FROM pg_index i WHERE i.indrelid = %s::regclass AND i.indisunique "
            "AND i.indpred IS NULL AND i.indexprs IS NULL",
            (self.dialect.quoted(table.schema, table.name),),
        )
        return [set(names) for (names,) in rows]

    def folded(self, table: Table) -> dict[str, Folded]:
        rows = self.ask(
            "SELECT a.attname::text, t.typname = 'bpchar' AND c.collisdeterministic FROM pg_attribute a "
            "JOIN pg_type t ON t.oid = a.atttypid JOIN pg_collation c ON c.oid = a.attcollation "
            "WHERE a.attrelid = %s::regclass AND a.attnum > 0 "
            "AND (t.typname IN ('citext', 'bpchar') OR NOT c.collisdeterministic)",
            (self.dialect.quoted(table.schema, table.name),),
        )
        return {name: "blanks" if padded else "letters" for name, padded in rows}

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(sql.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.encode(), rows)

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.execute("ROLLBACK")

    def failure(self, error: Exception) -> Failure:
        return meaning(error)

    def close(self) -> None:
        self._connection.close()
        if self._cursor is not None:
            self._cursor.close()

    def _declared(self, described: Sequence[tuple[str, int, int | None, int | None]]) -> tuple[Declared, ...]:
        oids = sorted({oid for _, oid, _, _ in described})
        rows = self.ask(
            "SELECT oid, typname::text, typcategory::text, typtype::text FROM pg_type WHERE oid = ANY(%s)",
            (oids,),
        )
        known = {int(oid): (name, category, form) for oid, name, category, form in rows}
        out = []
        for name, oid, precision, scale in described:
            called, category, form = known.get(oid, ("?", "X", "b"))
            held = _HELD.get(called, "text")
            if form == "e":
                held = "category"
            elif category in ("A", "C", "R", "G", "P"):
                held = "left out"
            elif called == "numeric" and scale == 0 and precision is not None and precision <= 18:
                held = "whole"
            out.append(Declared(name, held, called))
        return tuple(out)
