"""Databases as sources: PostgreSQL, MySQL and MariaDB, SQLite, DuckDB.

`sources.reading` reads whole tables through it, `lifecycle` streams and writes. It knows no schema and no
model.
"""

from mlwright.sources.sql.address import Address, address_of, is_database
from mlwright.sources.sql.driver import Database, Table
from mlwright.sources.sql.opening import open_to_read, open_to_write
from mlwright.sources.sql.reading import SqlRows, all_rows, open_sql, query_digest, read_sql, stream_sql

__all__ = [
    "Address",
    "Database",
    "SqlRows",
    "Table",
    "address_of",
    "all_rows",
    "is_database",
    "open_sql",
    "open_to_read",
    "open_to_write",
    "query_digest",
    "read_sql",
    "stream_sql",
]
