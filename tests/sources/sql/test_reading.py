"""Tables and queries of PostgreSQL, MariaDB, SQLite and DuckDB, read from real servers and files."""

import datetime as dt
import sqlite3
import threading

import database_servers
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, MlwrightError, SourceUnreadable, UnknownName
from mlwright.sources import ReadOptions, read_raw
from mlwright.sources.sql import address_of, open_sql, open_to_write, stream_sql

UTC = dt.UTC
TYPES = {
    "postgresql": "a int, b bigint, c text, d bytea, e numeric(10,2), f date, g timestamptz, h timestamp, "
    "i mood, j boolean, k numeric(12,0), l jsonb, m time, n uuid, o int[], p numeric",
    "mysql": "a int, b bigint unsigned, c text, d blob, e decimal(10,2), f date, g timestamp null, "
    "h datetime(6), i enum('sad','ok'), j bit(1), k decimal(12,0), l json, m time, n uuid, o geometry, "
    "p decimal(30,0)",
    "duckdb": "a int, b ubigint, c text, d blob, e decimal(10,2), f date, g timestamptz, h timestamp, "
    "i enum('sad','ok'), j boolean, k decimal(12,0), l json, m time, n uuid, o int[], p hugeint",
}
ROW = (
    "(1, 9007199254740993, 'x', 'abc', 12.30, '2024-02-29', '{zoned}', '2024-02-29 12:00:00.5', 'ok', {yes}, "
    "123456789012, '[1]', '12:30:00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', {nested}, 12345678901234567890)"
)
WRITTEN = {
    "postgresql": {"zoned": "2024-02-29 12:00:00+02", "yes": "true", "nested": "'{1,2}'"},
    "mysql": {"zoned": "2024-02-29 10:00:00", "yes": "b'1'", "nested": "null"},
    "duckdb": {"zoned": "2024-02-29 12:00:00+02", "yes": "true", "nested": "[1, 2]"},
}


def scheme_of(url):
    return address_of(url).scheme


def test_every_declared_type_becomes_the_same_columns_whatever_the_rows_hold(
    database_url, run_sql, monkeypatch
):
    scheme = scheme_of(database_url)
    if scheme == "sqlite":
        pytest.skip("SQLite declares no types of values")
    if scheme == "postgresql":
        run_sql(database_url, "CREATE TYPE mood AS ENUM ('sad', 'ok')")
    nulls = f"({', '.join(['null'] * 16)})"
    filled = ROW.format(**WRITTEN[scheme])
    run_sql(
        database_url, f"CREATE TABLE things ({TYPES[scheme]})", f"INSERT INTO things VALUES {nulls}, {nulls}"
    )
    run_sql(database_url, f"INSERT INTO things VALUES {filled}")
    monkeypatch.setattr(
        "mlwright.sources.sql.reading._MOST_VALUES", 16
    )  # a frame a row: the first hold nothing
    frames = list(stream_sql(database_url, ReadOptions(table="things")))
    assert [f.height for f in frames] == [1, 1, 1]
    assert len({tuple(f.schema.items()) for f in frames}) == 1
    last = frames[-1].row(0, named=True)
    assert last == {
        "a": 1,
        "b": 9007199254740993,
        "c": "x",
        "e": 12.3,
        "f": dt.date(2024, 2, 29),
        "g": dt.datetime(2024, 2, 29, 10, tzinfo=UTC),
        "h": dt.datetime(2024, 2, 29, 12, 0, 0, 500_000),
        "i": "ok",
        "j": True,
        "k": 123456789012,
        "l": "[1]",
        "m": 45000.0,
        "n": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "p": 12345678901234567890.0,
    }
    raw = read_raw(database_url, ReadOptions(table="things"))
    assert raw.categorical == {"i"}
    said = {f.column: f.evidence for f in raw.findings}
    assert said["d"].startswith("its type is") and said["o"].startswith("its type is")
    assert said["p"] == "1 numbers of more than 15 digits were rounded" and "midnight" in said["m"]


def test_dates_beyond_every_calendar_are_missing_and_told(database_url, run_sql):
    scheme = scheme_of(database_url)
    far = {"postgresql": "infinity", "duckdb": "infinity", "mysql": "0000-00-00"}.get(scheme)
    if far is None:
        pytest.skip("SQLite has no dates")
    rows = f"INSERT INTO days VALUES ('2024-05-01', '2024-05-01 10:00:00'), ('{far}', '{far}')"
    relaxed = ["SET SESSION sql_mode = ''"] if scheme == "mysql" else []
    run_sql(database_url, *relaxed, "CREATE TABLE days (day date, moment timestamp)", rows)
    raw = read_raw(database_url, ReadOptions(query="SELECT day, moment FROM days ORDER BY 1"))
    assert sorted(raw.frame["day"].is_null().to_list()) == [False, True]
    assert any("no dates of a calendar" in f.evidence for f in raw.findings if f.column == "day")


def test_a_column_of_sqlite_gets_the_type_that_holds_all_its_values(tmp_path, run_sql):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    run_sql(url, "CREATE TABLE t (a, b, c, d, e INTEGER)")
    rows = [(1, 1, 1, b"x", None), (None, 2.5, "two", None, None), (3, None, b"\xff", None, "odd")]
    run_sql(url, "INSERT INTO t", rows=rows)
    raw = read_raw(url, ReadOptions(table="t"))
    assert raw.frame.to_dict(as_series=False) == {
        "a": [1, None, 3],
        "b": [1.0, 2.5, None],
        "c": ["1", "two", "�"],
        "e": [None, None, "odd"],
    }
    assert {f.column for f in raw.findings} == {"d"}


def test_parameters_are_bound_and_a_percent_sign_stays_one(database_url, run_sql):
    run_sql(
        database_url, "CREATE TABLE t (a int, b varchar(30))", "INSERT INTO t VALUES (1, 'x%'), (7, 'it''s')"
    )
    query = "SELECT a % 5 AS rest, '%s' AS sign, b FROM t WHERE b = :b AND a > :a -- :c\n;"
    for parameters in ({"b": "it's", "a": 0}, {"b": "x%", "a": 0}):
        raw = read_raw(database_url, ReadOptions(query=query, parameters=parameters))
        assert raw.frame["b"].to_list() == [parameters["b"]] and raw.frame["sign"].to_list() == ["%s"]
    with pytest.raises(SourceUnreadable, match="there is no row"):
        read_raw(database_url, ReadOptions(query=query, parameters={"b": "' OR 1=1 --", "a": 0}))


CHANGES = [
    "DELETE FROM t",
    "DROP TABLE t",
    "INSERT INTO t VALUES (2)",
    "UPDATE t SET a = 2",
    "CREATE TABLE u (a int)",
    "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone",
    "COMMIT",
    "SELECT 1; DROP TABLE t",
    "CALL nothing()",
    "ATTACH 'other.db' AS other",
    "COPY t TO 'copy.csv'",
    "PRAGMA user_version = 7",
    "SET SESSION TRANSACTION READ WRITE",
    "VACUUM",
]


def test_a_query_cannot_change_anything(database_url, run_sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_sql(database_url, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    before = {p.name for p in tmp_path.iterdir()}
    for query in CHANGES:
        with pytest.raises((SourceUnreadable, Misuse)):
            read_raw(database_url, ReadOptions(query=query))
        assert read_raw(database_url, ReadOptions(table="t")).frame.rows() == [(1,)], query
    assert {p.name for p in tmp_path.iterdir()} == before
    with open_to_write(address_of(database_url)) as database:
        assert [t.name for t in database.tables() if t.usual] == ["t"]


def test_what_is_wrong_with_a_query_is_said_by_what_it_is(database_url, run_sql):
    run_sql(database_url, "CREATE TABLE orders (order_id int, amount int)")

    def refusal(query):
        with pytest.raises(SourceUnreadable) as refused:
            read_raw(database_url, ReadOptions(query=query))
        assert refused.value.__cause__ is None and refused.value.__context__ is None
        return str(refused.value)

    assert "table that is not there" in refusal("SELECT * FROM ordres") and "orders" in refusal(
        "SELECT * FROM ordres"
    )
    assert "column that is not there" in refusal("SELECT amoun FROM orders")
    assert "not understood" in refusal("SELECT amount FRM orders WHERE")
    if scheme_of(database_url) == "postgresql":
        assert "query, line 2, column 3" in refusal("SELECT order_id,\n  amoun FROM orders")


def test_without_a_question_the_tables_are_named_and_a_wrong_name_gets_its_near_miss(database_url, run_sql):
    run_sql(database_url, "CREATE TABLE orders (a int)", "CREATE TABLE customers (a int)")
    with pytest.raises(Misuse, match="there is customers, orders"):
        mw.read(database_url)
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        mw.read(database_url, table="order")
    with pytest.raises(UnknownName, match="no table"):
        mw.read(database_url, table='orders"; DROP TABLE orders; --')
    with pytest.raises(Misuse, match="both a query and a table"):
        mw.read(database_url, table="orders", query="SELECT 1")
    with pytest.raises(SourceUnreadable, match="no row"):
        mw.read(database_url, table="orders")


def test_odd_names_of_tables_and_columns_are_quoted(database_url, run_sql):
    mark = {"mysql": "`"}.get(scheme_of(database_url), '"')
    table, column = f"{mark}odd % name{mark}", f"{mark}select % from{mark}"
    run_sql(database_url, f"CREATE TABLE {table} ({column} int)", f"INSERT INTO {table} VALUES (3)")
    assert read_raw(database_url, ReadOptions(table="odd % name")).frame.to_dict(as_series=False) == {
        "select % from": [3]
    }
    twice = read_raw(database_url, ReadOptions(query="SELECT 1 AS a, 2 AS a"))
    assert len(set(twice.frame.columns)) == 2 and twice.frame.row(0) == (1, 2)


def test_a_table_of_another_schema_is_named_with_it(postgresql_server, run_sql):
    url = postgresql_server.fresh()
    run_sql(
        url, "CREATE SCHEMA sales", "CREATE TABLE sales.orders (a int)", "INSERT INTO sales.orders VALUES (5)"
    )
    data = mw.read(url, table="sales.orders")
    assert data.provenance.source.endswith("table sales.orders") and len(data) == 1


def test_a_dataset_from_sql_says_where_it_is_from_but_not_how_to_get_in(database_url, run_sql):
    run_sql(
        database_url,
        "CREATE TABLE t (a int, y varchar(5))",
        "INSERT INTO t",
        rows=[(i, "ab"[i % 2]) for i in range(60)],
    )
    data = mw.read(database_url, query="SELECT * FROM t WHERE a >= :low", parameters={"low": 10}, target="y")
    assert len(data) == 50 and data.provenance.rows_read == 50
    assert data.provenance.source.startswith(f"{scheme_of(database_url)}://")
    assert "query" in data.provenance.source and "SHA-256" in data.provenance.notes[0]
    assert database_servers.PASSWORD not in repr(data.provenance) and "low" not in repr(data.provenance)
    other = mw.read(database_url, query="SELECT * FROM t WHERE a >= :low", parameters={"low": 11})
    assert other.provenance.notes != data.provenance.notes


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_and_one_that_is_not_there(tmp_path, scheme):
    (tmp_path / "text.db").write_text("just words, and enough of them to be read as a header " * 40)
    with pytest.raises(SourceUnreadable, match="no database of this kind"):
        mw.read(f"{scheme}:///{tmp_path / 'text.db'}", table="t")
    with pytest.raises(SourceUnreadable, match=r"no such file.*did you mean 'text.db'"):
        mw.read(f"{scheme}:///{tmp_path / 'texd.db'}", table="t")
    assert [p.name for p in tmp_path.iterdir()] == ["text.db"]


@pytest.mark.parametrize(
    ("name", "noun"), [("postgresql_server", "PostgreSQL"), ("mariadb_server", "MariaDB")]
)
def test_what_a_server_refuses_is_said_without_its_secrets(request, name, noun, monkeypatch):
    server = request.getfixturevalue(name)
    monkeypatch.delenv("MLWRIGHT_DB_PASSWORD", raising=False)
    good = server.url("shop")
    cases = {
        "refuses the user or the password": server.url("shop", "wr0ng-w0rd"),
        "no such database": server.url("nowhere"),
        "no database server answers": good.replace(f":{server.port}/", ":1/"),
    }
    for said, url in cases.items():
        with pytest.raises(SourceUnreadable) as refused:
            mw.read(url, table="t")
        assert said in str(refused.value), noun
        told = str(refused.value) + repr(refused.value.__context__) + repr(refused.value.__cause__)
        assert database_servers.PASSWORD not in told and "wr0ng-w0rd" not in told
    monkeypatch.setenv("MLWRIGHT_DB_PASSWORD", database_servers.PASSWORD)
    with pytest.raises(Misuse, match="which rows"):
        mw.read(server.url("shop", None))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_dies_between_two_frames_is_told_as_that(kind, run_sql, monkeypatch):
    try:
        with getattr(database_servers, kind)() as server:
            url = server.url("shop")
            rows = [(i, "x" * 2000) for i in range(20_000)]
            run_sql(url, "CREATE TABLE t (a int, b text)", "INSERT INTO t", rows=rows)
            monkeypatch.setattr("mlwright.sources.sql.reading._MOST_VALUES", 200)
            with open_sql(url, ReadOptions(table="t")) as stream:
                frames = iter(stream)
                assert next(frames).height == 100
                server.kill()
                with pytest.raises(SourceUnreadable, match="went away") as gone:
                    for _ in frames:
                        pass
                assert database_servers.PASSWORD not in str(gone.value)
    except database_servers.Absent as why:
        pytest.skip(str(why))


def test_sqlite_that_another_program_has_locked_is_told_as_busy(tmp_path, run_sql, monkeypatch):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    run_sql(url, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    monkeypatch.setattr("mlwright.sources.sql.sqlite._PATIENCE_S", 0.1)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SourceUnreadable, match="locked"):
        mw.read(url, table="t")
    other.close()


def test_a_stream_reads_one_moment_while_others_write(database_url, run_sql, monkeypatch):
    if scheme_of(database_url) in ("sqlite", "duckdb"):
        pytest.skip("a file is locked for writers of other programs while it is read")
    run_sql(database_url, "CREATE TABLE t (a int)", "INSERT INTO t", rows=[(i,) for i in range(100)])
    monkeypatch.setattr("mlwright.sources.sql.reading._MOST_VALUES", 10)
    frames = stream_sql(database_url, ReadOptions(table="t"))
    seen = [next(frames)]
    writer = threading.Thread(target=run_sql, args=(database_url, "INSERT INTO t VALUES (1000)"))
    writer.start()
    writer.join()
    seen += list(frames)
    assert pl.concat(seen).height == 100


def test_a_file_is_asked_no_question(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    with pytest.raises(Misuse, match="query= is for databases"):
        mw.read(tmp_path / "a.csv", query="SELECT 1")


def test_a_name_cannot_drive_the_terminal(tmp_path, run_sql):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    run_sql(url, 'CREATE TABLE "t\x1b[31m" (a)')
    for ask in ({}, {"query": "SELECT * FROM other"}):
        with pytest.raises(MlwrightError, match=r"t\?\[31m") as caught:
            read_raw(url, ReadOptions(**ask))
        assert str(caught.value).isprintable()
