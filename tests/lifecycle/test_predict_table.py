"""Predictions written to tables of databases: whole, once, resumable after a kill, and refused where they
would not fit."""

import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import DataProblem, EnvironmentProblem, Misuse, UnknownName
from mlwright.sources.sql import address_of, open_to_read, open_to_write

ROWS = 600


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    amount, shop = rng.uniform(0, 100, 800), rng.choice(["a", "b", "c"], 800)
    late = np.where((amount > 60) & (shop != "c"), "yes", "no")
    rows = pl.DataFrame({"amount": amount, "shop": shop, "late": late})
    path = tmp_path_factory.mktemp("model") / "late.mlw"
    mw.fit(rows, target="late", max_trials=2, time_limit=None).save(path)
    return path


def orders(rows=ROWS):
    """Keys out of order, among them some that only their case or a blank tells apart."""
    rng = np.random.default_rng(1)
    codes = [f"{'kK'[i % 2]}{i // 2:05d}" for i in range(rows)]
    amounts, shops = rng.uniform(0, 100, rows), rng.choice(["a", "b", "c"], rows)
    table = list(
        zip(map(int, rng.permutation(rows)), codes, map(float, amounts), shops.tolist(), strict=True)
    )
    table[5] = (*table[5][:2], None, table[5][3])
    return table


def fill(url, rows, text=False):
    """The table of orders; with `text`, its amounts are texts, of which some are no numbers."""
    amount = "varchar(20)" if text else "double precision"
    with open_to_write(address_of(url)) as db:
        binary = " COLLATE utf8mb4_bin" if db.address.scheme == "mysql" else ""
        columns = f"order_id bigint, code varchar(20){binary}, amount {amount}, shop varchar(5)"
        db.ask(f"CREATE TABLE orders ({columns})")
        db.in_one_transaction(
            lambda: db.write(f"INSERT INTO orders VALUES ({', '.join([db.dialect.place] * 4)})", rows)
        )


def table(url, name, key="order_id"):
    with open_to_read(address_of(url)) as db:
        return db.ask(f"SELECT * FROM {name} ORDER BY {key}")


def test_every_row_gets_the_models_answer_under_its_key(database_url, model):
    fill(database_url, orders())
    report = mw.predict_table(
        model, database_url, database_url, table="predictions", key="order_id",
        query="SELECT * FROM orders WHERE amount > :least OR amount IS NULL", parameters={"least": -1},
        proba=True, chunk_rows=70,
    )  # fmt: skip
    assert (report.rows, report.refused, report.skipped, report.complete) == (ROWS, 0, 0, True)
    written = {row[0]: row[1:] for row in table(database_url, "predictions")}
    opened = mw.load(model)
    asked = [{"amount": a, "shop": s} for _, _, a, s in orders()]
    labels, shares = opened.predict(asked).tolist(), opened.predict_proba(asked)
    for (key, *_), label, share in zip(orders(), labels, shares, strict=True):
        answer, no, yes, error = written[key]
        assert (answer, error) == (label, None)
        assert (no, yes) == pytest.approx(tuple(share), rel=1e-12)


def test_the_same_command_again_changes_nothing_and_new_values_replace_old_ones(database_url, model):
    fill(database_url, orders())
    ask = {
        "table": "predictions",
        "key": "code",
        "options": mw.ReadOptions(table="orders"),
        "chunk_rows": 100,
    }
    mw.predict_table(model, database_url, database_url, **ask)
    before = table(database_url, "predictions", "code")
    assert len(before) == ROWS
    assert mw.predict_table(model, database_url, database_url, **ask).rows == ROWS
    assert table(database_url, "predictions", "code") == before
    with open_to_write(address_of(database_url)) as db:
        db.ask("UPDATE orders SET amount = 99, shop = 'a'")
    mw.predict_table(model, database_url, database_url, **ask)
    assert {row[1] for row in table(database_url, "predictions", "code")} == {"yes"}


def test_a_run_that_is_cut_off_goes_on_after_its_last_chunk(database_url, model, monkeypatch):
    from mlwright.lifecycle.predicted_table import PredictedTable

    fill(database_url, orders())
    ask = {"key": ["shop", "code"], "query": "SELECT * FROM orders", "chunk_rows": 100}
    mw.predict_table(model, database_url, database_url, table="whole", **ask)
    real = PredictedTable.write
    calls = []

    def write(self, run, keys, answers, done):
        calls.append(done)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(self, run, keys, answers, done)

    monkeypatch.setattr(PredictedTable, "write", write)
    cut = mw.predict_table(model, database_url, database_url, table="parts", **ask)
    assert (cut.rows, cut.skipped, cut.complete) == (300, 0, False)
    monkeypatch.setattr(PredictedTable, "write", real)
    rest = mw.predict_table(model, database_url, database_url, table="parts", **ask)
    assert (rest.rows, rest.skipped, rest.complete) == (ROWS - 300, 300, True)
    assert table(database_url, "parts", "code") == table(database_url, "whole", "code")
    assert mw.predict_table(model, database_url, database_url, table="parts", **ask).skipped == 0


def test_a_chunk_that_cannot_be_written_whole_is_not_written_at_all(database_url, model, monkeypatch):
    from mlwright.lifecycle.predicted_table import PredictedTable

    fill(database_url, orders())

    def broken(self, run, done, last, *, finished):
        raise RuntimeError("no power")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(PredictedTable, "_note", broken)
        mw.predict_table(
            model, database_url, database_url, table="p", key="order_id", query="SELECT * FROM orders"
        )
    assert table(database_url, "p") == []


@pytest.mark.parametrize("name", ["postgresql_server", "sqlite"])
def test_a_killed_run_and_its_next_leave_the_table_of_one_that_was_not_killed(
    request, tmp_path, model, name, environment
):
    url = f"sqlite:///{tmp_path / 'a.db'}" if name == "sqlite" else request.getfixturevalue(name).fresh()
    fill(url, orders(6_000))
    command = [
        *(sys.executable, "-m", "mlwright", "predict", str(model), "--from", url, "--to", url, "--quiet"),
        *("--query", "SELECT * FROM orders", "--key", "order_id", "--chunk-rows", "40", "--table"),
    ]
    began = subprocess.Popen([*command, "parts"], env=environment(), stdout=subprocess.DEVNULL)
    until = time.monotonic() + 100
    while done(url) < 400 and began.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    began.send_signal(signal.SIGKILL)
    assert began.wait() == -signal.SIGKILL, "it was over before it could be killed"
    at_kill = len(table(url, "parts"))
    assert 0 < at_kill < 6_000 and at_kill % 40 == 0 and at_kill == done(url)
    again = subprocess.run([*command, "parts", "--json"], env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f'"skipped": {at_kill}' in again.stdout
    mw.predict_table(model, url, url, table="whole", key="order_id", query="SELECT * FROM orders")
    assert table(url, "parts") == table(url, "whole")


def done(url):
    try:
        with open_to_read(address_of(url)) as db:
            rows = db.ask("SELECT rows_done FROM mlwright_runs") if any(
                t.name == "mlwright_runs" for t in db.tables()
            ) else []  # fmt: skip
    except DataProblem:  # locked for a moment
        return 0
    return rows[0][0] if rows else 0


def test_a_row_that_breaks_the_schema_has_its_reason_instead_of_a_prediction(database_url, model):
    rows = [(i, c, "many" if i % 50 == 7 else f"{a or 0:.3f}", s) for i, c, a, s in orders()]
    fill(database_url, rows, text=True)
    report = mw.predict_table(
        model,
        database_url,
        database_url,
        table="p",
        key="order_id",
        query="SELECT * FROM orders",
        chunk_rows=90,
    )
    wrong = {i for i, *_ in rows if i % 50 == 7}
    assert report.refused == len(wrong) == sum(r.values for r in report.refusals)
    written = table(database_url, "p")
    assert {row[0] for row in written if row[1] is None} == wrong
    assert {row[-1] for row in written if row[0] in wrong} == {
        "amount: not a number, expected a finite number"
    }
    assert [p.row for p in report.problems] == sorted(wrong)  # in the order of the key, over all chunks


def test_keys_that_cannot_be_are_refused_before_or_at_the_row(database_url, model):
    fill(database_url, [*orders(), (3, "x", 1.0, "a"), (None, "y", 1.0, "a")])
    to = {"table": "p", "chunk_rows": 50}
    with pytest.raises(DataProblem, match=r"missing in row|not unique"):
        mw.predict_table(
            model, database_url, database_url, key="order_id", query="SELECT * FROM orders", **to
        )
    some = "SELECT * FROM orders WHERE order_id IS NOT NULL"
    with pytest.raises(DataProblem, match="not unique"):
        mw.predict_table(model, database_url, database_url, key="order_id", query=some, **to)
    with pytest.raises(UnknownName, match="did you mean 'order_id'"):
        mw.predict_table(model, database_url, database_url, key="order_ids", query=some, **to)
    with pytest.raises(Misuse, match="cannot be a key"):
        mw.predict_table(model, database_url, database_url, key="amount", query=some, **to)


def test_a_table_that_does_not_fit_is_refused_and_left_alone(database_url, model):
    fill(database_url, orders())
    with open_to_write(address_of(database_url)) as db:
        columns = "predicted_late varchar(9), probability_yes double precision, error varchar(200)"
        db.ask(f"CREATE TABLE no_key (order_id bigint, {columns})")
        db.ask("CREATE TABLE no_column (order_id bigint PRIMARY KEY, predicted_late varchar(9))")
        other = columns.replace("double precision", "date")
        db.ask(f"CREATE TABLE wrong_type (order_id bigint PRIMARY KEY, {other})")
        db.ask(f"CREATE TABLE fine (note varchar(9), order_id bigint PRIMARY KEY, {columns})")
    said = {
        "no_key": "unique",
        "no_column": "probability_yes",
        "wrong_type": "probability_yes",
        "orders": "no column",
    }
    for name, words in said.items():
        with pytest.raises(Misuse, match=words):
            mw.predict_table(
                model, database_url, database_url, table=name, key="order_id", query="SELECT * FROM orders"
            )
    with open_to_read(address_of(database_url)) as db:
        assert "mlwright_runs" not in {t.name for t in db.tables() if t.usual}
    fits = mw.predict_table(
        model, database_url, database_url, table="fine", key="order_id", query="SELECT * FROM orders"
    )
    assert fits.rows == ROWS and len(table(database_url, "fine")) == ROWS


def test_a_file_goes_into_a_database_and_on_from_where_it_stopped(database_url, model, tmp_path, monkeypatch):
    from mlwright.lifecycle.predicted_table import PredictedTable

    path = tmp_path / "orders.csv"
    pl.DataFrame(orders(), schema=["order_id", "code", "amount", "shop"], orient="row").write_csv(path)
    real, calls = PredictedTable.write, []

    def write(self, run, keys, answers, done):
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, run, keys, answers, done)

    monkeypatch.setattr(PredictedTable, "write", write)
    ask = {"table": "p", "key": "order_id", "chunk_rows": 250}
    assert mw.predict_table(model, path, database_url, **ask).rows == 250
    monkeypatch.setattr(PredictedTable, "write", real)
    rest = mw.predict_table(model, path, database_url, **ask)
    assert (rest.rows, rest.skipped) == (ROWS - 250, 250)
    assert [row[0] for row in table(database_url, "p")] == list(range(ROWS))


def test_dates_and_moments_may_be_part_of_a_key(database_url, model, monkeypatch):
    from mlwright.lifecycle.predicted_table import PredictedTable

    zoned = {"postgresql": "timestamptz", "duckdb": "timestamptz", "mysql": "timestamp(6) NULL"}
    moment = zoned.get(address_of(database_url).scheme, "text")
    day = "date" if moment != "text" else "text"
    with open_to_write(address_of(database_url)) as db:
        db.ask(f"CREATE TABLE visits (day {day}, seen_at {moment}, amount double precision, shop varchar(5))")
        rows = [
            (f"2024-05-{1 + i // 10:02d}", f"2024-05-01 10:{i % 10:02d}:00.5", i, "a") for i in range(100)
        ]
        db.write(f"INSERT INTO visits VALUES ({', '.join([db.dialect.place] * 4)})", rows)
    real, calls = PredictedTable.write, []

    def write(self, run, keys, answers, done):
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(self, run, keys, answers, done)

    monkeypatch.setattr(PredictedTable, "write", write)
    ask = {"table": "p", "key": ["day", "seen_at"], "query": "SELECT * FROM visits", "chunk_rows": 33}
    assert mw.predict_table(model, database_url, database_url, **ask).rows == 66
    monkeypatch.setattr(PredictedTable, "write", real)
    assert mw.predict_table(model, database_url, database_url, **ask).rows == 34
    counted = "(SELECT count(*) AS n FROM (SELECT DISTINCT day, seen_at FROM p) AS keyed) AS counted"
    assert table(database_url, counted, "n") == [(100,)]


def test_one_database_into_another(postgresql_server, mariadb_server, model, tmp_path):
    first, second = postgresql_server.fresh(), mariadb_server.fresh()
    fill(first, orders())
    ask = {"key": "order_id", "table": "p"}
    mw.predict_table(model, first, second, query="SELECT * FROM orders", **ask)
    mw.predict_table(
        model, second, f"duckdb:///{tmp_path / 'p.duckdb'}", key="order_id", table="p",
        query="SELECT p.order_id, 5.0 AS amount, 'a' AS shop FROM p",
    )  # fmt: skip
    assert len(table(second, "p")) == len(table(f"duckdb:///{tmp_path / 'p.duckdb'}", "p")) == ROWS


def test_a_target_that_refuses_is_told_as_a_problem_of_the_environment(postgresql_server, model, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("order_id,amount,shop\n1,2,a\n")
    nowhere = postgresql_server.url("nowhere")
    with pytest.raises(EnvironmentProblem, match="no such database"):
        mw.predict_table(model, path, nowhere, table="p", key="order_id")
    with pytest.raises(EnvironmentProblem):
        mw.predict_table(model, path, f"sqlite:///{tmp_path}/no/such/folder.db", table="p", key="order_id")
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
