"""The table that predictions are written to: odd names, and keys that a database takes for the same."""

import polars as pl
import pytest

from mlwright.base.errors import DataProblem, EnvironmentProblem, Misuse, MlwrightError
from mlwright.lifecycle.predicted_table import PredictedTable
from mlwright.sources.sql import address_of, open_to_read, open_to_write
from mlwright.sources.sql.columns import Declared


def written(url, keys, rows, answers=None, table="p"):
    """Writes `rows` of keys as one run, each with the same answer, and gives what is in the table."""
    answers = answers or {"predicted_late": "yes"}
    empty = pl.DataFrame(schema=dict.fromkeys(answers, pl.String))
    frame = pl.DataFrame({**{n: [v] * len(rows) for n, v in answers.items()}, "error": [None] * len(rows)})
    with open_to_write(address_of(url)) as db:
        to = PredictedTable(db, table, keys, empty)
        to.start("run")
        to.prepare(keys)
        to.write("run", rows, frame, len(rows))
        to.finish("run", len(rows))
    with open_to_read(address_of(url)) as db:
        return db.ask(f"SELECT * FROM {db.dialect.quoted(table)}")


ODD = ("50%", "%s", 'a"b', "a`b", "VALUES (?, ?)", "order", "é ü", "semi;colon", "'; DROP TABLE p; --", ")")


def test_labels_of_any_characters_become_columns(database_url):
    keys = [Declared("select", "whole"), Declared("VALUES (%s)", "text")]
    answers = {f"probability_{name}": name for name in ODD}
    for _ in range(2):
        rows = written(database_url, keys, [(1, "a%sb"), (2, "x'y")], answers, table="from %s")
    assert sorted(rows) == [(1, "a%sb", *ODD, None), (2, "x'y", *ODD, None)]


def test_keys_that_differ_by_case_accents_or_blanks_are_different_rows(database_url):
    texts = ["a", "A", "a ", "ä", "ss", "ß", "a\u0301", "á", "", " "]
    rows = written(database_url, [Declared("code", "text")], [(t,) for t in texts])
    assert sorted(r[0] for r in rows) == sorted(texts)


def test_an_existing_key_that_takes_different_texts_for_the_same_is_refused(database_url):
    folding = {
        "sqlite": "varchar(20) COLLATE NOCASE",
        "mysql": "varchar(20) COLLATE utf8mb4_general_ci",
        "postgresql": "varchar(20) COLLATE mlwright_ci",
        "duckdb": "varchar COLLATE NOCASE",
    }[address_of(database_url).scheme]
    with open_to_write(address_of(database_url)) as db:
        if "mlwright_ci" in folding:
            of_icu = "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            try:
                db.ask(f"CREATE COLLATION mlwright_ci {of_icu}")
            except EnvironmentProblem as why:
                if "ICU" not in str(why):
                    raise
                pytest.skip("this PostgreSQL was built without ICU: it has no collation that folds")
        db.ask(f"CREATE TABLE p (code {folding} PRIMARY KEY, predicted_late varchar(9), error varchar(90))")
    with pytest.raises(Misuse, match=r"'code'.*takes different texts for the same key"):
        written(database_url, [Declared("code", "text")], [("a",), ("A",)])


def test_a_key_that_keeps_no_blanks_takes_none(mariadb_server, postgresql_server, tmp_path):
    for url, kind in (
        (mariadb_server.fresh(), "varchar(20) COLLATE utf8mb4_bin"),
        (postgresql_server.fresh(), "char(6)"),
        (f"sqlite:///{tmp_path / 'a.db'}", "text COLLATE RTRIM"),
    ):
        with open_to_write(address_of(url)) as db:
            db.ask(f"CREATE TABLE p (code {kind} PRIMARY KEY, predicted_late varchar(9), error varchar(90))")
        assert len(written(url, [Declared("code", "text")], [("a",), ("A",)])) == 2
        with pytest.raises(DataProblem, match="'a ' ends in a blank"):
            written(url, [Declared("code", "text")], [("b",), ("a ",)])


def test_columns_that_only_case_tells_apart_are_refused_where_the_database_does_not(database_url):
    answers = {"probability_Yes": "1", "probability_yes": "0"}
    if address_of(database_url).scheme == "postgresql":
        assert written(database_url, [Declared("id", "whole")], [(1,)], answers) == [(1, "1", "0", None)]
        return
    with pytest.raises(Misuse, match="would both be called"):
        written(database_url, [Declared("id", "whole")], [(1,)], answers)
    with pytest.raises(Misuse, match="would both be called"):
        written(database_url, [Declared("ERROR", "whole")], [(1,)])


def test_two_runs_that_begin_at_once_both_find_their_table(database_url):
    keys, empty = [Declared("id", "whole")], pl.DataFrame(schema={"predicted_late": pl.String})
    frame = pl.DataFrame({"predicted_late": ["yes"], "error": [None]})
    with open_to_write(address_of(database_url)) as db:
        first, second = (PredictedTable(db, "p", keys, empty) for _ in range(2))
        for number, run in enumerate((first, second)):
            run.start(f"run {number}")
            run.prepare(keys)
            run.write(f"run {number}", [(1,)], frame, 1)
        assert db.ask("SELECT * FROM p") == [(1, "yes", None)]


@pytest.mark.parametrize("name", ["", "n" * 64, "ü" * 32, "a\x00b", "main."])
def test_a_name_that_no_table_can_have_is_refused(database_url, name):
    with pytest.raises(Misuse, match="table"):
        written(database_url, [Declared("id", "whole")], [(1,)], table=name)


def test_a_key_longer_than_its_column_is_refused_and_never_cut(mariadb_server):
    url = mariadb_server.fresh()
    with open_to_write(address_of(url)) as db:
        db.ask("SET GLOBAL sql_mode = ''")
    try:
        with pytest.raises(MlwrightError, match="too long"):
            written(url, [Declared("code", "text")], [("k" * 255 + "1",), ("k" * 255 + "2",)])
    finally:
        with open_to_write(address_of(url)) as db:
            db.ask("SET GLOBAL sql_mode = DEFAULT")
