"""Opens a database by its address, to be read or to be written, and says which extra a driver needs.

Called by the reader beside it and by `lifecycle` where predictions are written.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from mlwright.base.errors import EnvironmentProblem, ExtraMissing
from mlwright.sources.sql import duckdb, mysql, postgresql, sqlite
from mlwright.sources.sql.address import Address
from mlwright.sources.sql.driver import Database

_LIBRARIES: Final = {"postgresql": "psycopg", "mysql": "pymysql", "duckdb": "duckdb", "sqlite": "sqlite3"}


def open_to_read(address: Address, beside_a_writer: bool = False) -> Database:
    """A connection that cannot change anything. With `beside_a_writer` of the same process, a file of DuckDB
    is opened as the writer has it; a SELECT is still all that it takes.

    Raises `ExtraMissing`, and `SourceUnreadable` for whatever a server or a file says.
    """
    _need(address)
    if address.scheme == "postgresql":
        return Database(address, postgresql.PostgreSQL, postgresql.failures(), postgresql.meaning)
    if address.scheme == "mysql":
        return Database(address, mysql.MySQL, mysql.failures(), mysql.meaning)
    if address.scheme == "sqlite":
        return Database(address, sqlite.SQLite, sqlite.failures(), sqlite.meaning)

    def connect(place: Address) -> duckdb.DuckDB:
        return duckdb.DuckDB(place, writes=beside_a_writer)

    return Database(address, connect, duckdb.failures(), duckdb.meaning)


def open_to_write(address: Address) -> Database:
    """A connection for our own statements; a file that is not there is made.

    Raises `ExtraMissing`, and `EnvironmentProblem` for whatever a server or a file says.
    """
    _need(address)
    wrong = EnvironmentProblem
    if address.scheme == "postgresql":
        return Database(address, postgresql.PostgreSQL, postgresql.failures(), postgresql.meaning, wrong)
    if address.scheme == "mysql":
        return Database(address, mysql.MySQL, mysql.failures(), mysql.meaning, wrong)
    if address.scheme == "sqlite":
        return Database(address, lambda a: sqlite.SQLite(a, True), sqlite.failures(), sqlite.meaning, wrong)
    return Database(address, lambda a: duckdb.DuckDB(a, True), duckdb.failures(), duckdb.meaning, wrong)


def _need(address: Address) -> None:
    library = _LIBRARIES[address.scheme]
    if importlib.util.find_spec(library) is None:
        raise ExtraMissing(f"{address.scheme}://", "sql", library)
