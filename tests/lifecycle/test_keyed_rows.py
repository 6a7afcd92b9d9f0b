"""The rows to predict, by themselves: from wherever a run stops, the rest comes, whatever the key is."""

import pytest

from mlwright.base.errors import Misuse
from mlwright.lifecycle.keyed_rows import RowsInMemory, RowsOfDatabase, Start
from mlwright.sources import ReadOptions
from mlwright.sources.sql import address_of, open_to_write

TEXTS = [
    "A",
    "a",
    "a ",
    "a!",
    "a\tb",
    "B",
    "b",
    "Ä",
    "ä",
    "ab",
    "a-b",
    "a b",
    "_a",
    "10",
    "9",
    "é",
    "e\u0301",
    "z",
]


def run(url, *statements, rows=()):
    """Runs statements in a database; or one INSERT with the rows that follow."""
    with open_to_write(address_of(url)) as db:
        for statement in statements[: -1 if rows else None]:
            db.ask(statement)
        if rows:
            places = ", ".join([db.dialect.place] * len(rows[0]))
            db.in_one_transaction(lambda: db.write(f"{statements[-1]} VALUES ({places})", rows))


def keys_of(url, keys, start, query="SELECT * FROM t", rows=1):
    read = RowsOfDatabase(url, ReadOptions(query=query), keys, address_of("sqlite:///elsewhere.db"))
    try:
        return [key for chunk in read.chunks(start, rows) for key in chunk.keys]
    finally:
        read.close()


def goes_on_anywhere(url, keys, count):
    """Whether the rest comes after each of the keys: nothing lost, nothing twice."""
    every = keys_of(url, keys, Start())
    assert len(set(every)) == len(every) == count
    for at, key in enumerate(every):
        assert keys_of(url, keys, Start(at + 1, key)) == every[at + 1 :], key


def test_texts_of_any_collation(database_url):
    binary = " COLLATE utf8mb4_nopad_bin" if address_of(database_url).scheme == "mysql" else ""
    run(
        database_url, f"CREATE TABLE t (k varchar(9){binary}, x bigint)", "INSERT INTO t",
        rows=[(t, 1) for t in TEXTS],
    )  # fmt: skip
    goes_on_anywhere(database_url, ["k"], len(TEXTS))


def test_texts_first_in_a_key_of_several_columns(database_url):
    rows = [(t, n) for t in ("A", "a", "ab", "b") for n in (-1, 2, 10)]
    run(database_url, "CREATE TABLE t (k varchar(9), n bigint)", "INSERT INTO t", rows=rows)
    goes_on_anywhere(database_url, ["k", "n"], len(rows))
    goes_on_anywhere(database_url, ["n", "k"], len(rows))


@pytest.mark.parametrize("kind", ["char(6)", "inet", "cidr", "uuid", "money", "bpchar"])
def test_types_of_postgresql_that_are_read_as_texts(postgresql_server, kind):
    url = postgresql_server.fresh()
    values = ["10.0.0.1", "10.0.0.2", "9.1.1.1"]
    if kind == "uuid":
        values = [f"{i}0000000-0000-0000-0000-00000000000{i}" for i in range(3)]
    elif kind == "money":
        values = ["10.00", "9.00", "1000.00"]
    elif kind not in ("inet", "cidr"):
        values = ["a", "ab", "B"]
    run(url, f"CREATE TABLE t (k {kind}, n bigint)")
    for value in values:
        run(url, f"INSERT INTO t VALUES ('{value}', 1), ('{value}', 2)")
    goes_on_anywhere(url, ["k", "n"], 2 * len(values))


def test_numbers_and_texts_in_one_column_of_sqlite(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    rows = [(k, 1) for k in (1, 2, 10, "3", "x", -5, "ä")]
    run(url, "CREATE TABLE t (k, n)", "INSERT INTO t", rows=rows)
    with pytest.raises(Misuse, match="both numbers and texts"):
        keys_of(url, ["n", "k"], Start(), rows=2)
    run(url, "CREATE VIEW v AS SELECT CAST(k AS TEXT) AS k, n FROM t")
    every = keys_of(url, ["k"], Start(), "SELECT * FROM v")
    assert keys_of(url, ["k"], Start(2, every[1]), "SELECT * FROM v") == every[2:] and len(every) == len(rows)


def test_another_sheet_or_separator_of_the_same_file_is_another_run(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,x\n1,2\n")
    first, again = (RowsInMemory(path, ReadOptions(), ["id"]).identity for _ in range(2))
    assert first == again != RowsInMemory(path, ReadOptions(missing=("2",)), ["id"]).identity
