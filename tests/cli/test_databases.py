"""Databases on the command line, and what must never be seen of them: the password, wherever one looks."""

import json

import database_servers
import pytest

import mlwright as mw
from mlwright.sources.sql import address_of, open_to_write

SECRETS = (database_servers.PASSWORD, database_servers.PASSWORD_IN_URL, "s3cret")


@pytest.fixture(params=["postgresql_server", "mariadb_server"])
def shop(request):
    """The URL of a database with a table of orders, its password in it."""
    url = request.getfixturevalue(request.param).fresh()
    with open_to_write(address_of(url)) as database:
        database.ask(
            "CREATE TABLE orders (order_id int PRIMARY KEY, amount double precision, late varchar(5))"
        )
        rows = [
            (i, (i * 37 % 100) / 10, "yes" if i * 37 % 100 > 50 or i % 9 == 0 else "no") for i in range(400)
        ]
        database.write("INSERT INTO orders VALUES (%s, %s, %s)", rows)
    return url


@pytest.fixture
def run(mlwright, tmp_path, monkeypatch):
    """One command with its tracebacks shown; fails where a secret is in what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLWRIGHT_DEBUG", "1")

    def one(*strings, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        done = mlwright(*strings)
        assert not [s for s in SECRETS if s in done.out + done.err], "a secret was shown"
        return done

    return one


def test_a_whole_story_shows_the_password_nowhere(shop, tmp_path, run):
    ask = ("--query", "SELECT amount, late FROM orders WHERE order_id >= :least", "--parameter", "least=7")
    checked = run("check", shop, *ask, "--json")
    assert json.loads(checked.out)["rows"] == 393
    fitted = run("fit", shop, *ask, "-t", "late", "--max-trials", "2", "-o", "m.mlw")
    assert fitted.code == 0, fitted.err
    assert run("evaluate", "m.mlw", shop, "--table", "orders").code == 0
    to = ("--to", shop, "--table", "predictions", "--key", "order_id")
    written = run("predict", "m.mlw", "--from", shop, "--from-table", "orders", *to)
    assert written.code == 0 and "400 rows predicted" in written.out, written.err
    scored = run("predict", "m.mlw", shop, "--table", "orders", "-o", "scored.csv")
    assert scored.code == 0 and len((tmp_path / "scored.csv").read_text().splitlines()) == 401
    model = (tmp_path / "m.mlw").read_bytes()
    assert not [s for s in SECRETS if s.encode() in model]
    recipe = mw.load(tmp_path / "m.mlw").manifest.recipe
    assert recipe["options"]["parameters"] == ["least"] and len(recipe["options"]["query_sha256"]) == 64
    assert "SELECT" not in json.dumps(recipe)


def test_what_goes_wrong_shows_the_password_nowhere_not_even_in_a_traceback(shop, run):
    for strings in (
        ["check", shop],
        ["check", shop, "--table", "ordrs"],
        ["check", shop, "--query", "SELECT nothing FROM orders"],
        ["check", shop, "--query", "SELECT 1; SELECT 2"],
        ["check", shop.replace("/t", "/nowhere"), "--table", "orders"],
        ["check", shop.replace("127.0.0.1", "nowhere.invalid"), "--table", "orders"],
        ["fit", shop, "--table", "orders", "-t", "latte"],
        ["fit", shop.replace("%2F", "/"), "--table", "orders", "-t", "late"],
        ["check", shop.replace("://", "sql://"), "--table", "orders"],
        ["check", shop.replace("127.0.0.1:", "127.0.0.1:x"), "--table", "orders"],
    ):
        done = run(*strings)
        assert done.code in (2, 3) and "error: " in done.err, done.err


def test_the_password_of_the_environment_is_used_and_cleaned_away(shop, run):
    bare = shop.replace(f":{database_servers.PASSWORD_IN_URL}", "")
    good = run("check", bare, "--table", "orders", MLWRIGHT_DB_PASSWORD=database_servers.PASSWORD)
    assert good.code in (0, 1) and "orders" not in good.err
    bad = run("check", bare, "--table", "orders", MLWRIGHT_DB_PASSWORD="s3cret-but-wrong")
    assert bad.code == 3 and "refuses the user or the password" in bad.err


def test_parameters_of_sqlite_that_are_numbers_compare_as_numbers(tmp_path, mlwright, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_to_write(address_of("sqlite:///shop.db")) as database:
        database.ask("CREATE TABLE orders (day int, amount real, code text)")
        database.write(
            "INSERT INTO orders VALUES (?, ?, ?)", [(i % 7, i / 2, f"0{i % 3}") for i in range(70)]
        )
    ask = "SELECT day, count(*) AS n FROM orders WHERE code = :code GROUP BY day HAVING sum(amount) > :least"
    done = mlwright(
        "check",
        "sqlite:///shop.db",
        "--query",
        ask,
        "--parameter",
        "code=01",
        "--parameter",
        "least=3.5",
        "--json",
    )
    assert json.loads(done.out)["rows"] == 7
    assert "no value for the query's parameter" in mlwright("check", "sqlite:///shop.db", "--query", ask).err
    assert "NAME=VALUE" in mlwright("check", "sqlite:///shop.db", "--parameter", "code").err


def test_predict_says_what_it_still_needs_for_a_table(mlwright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    to = ("predict", "m.mlw", "a.csv", "--to", "sqlite:///p.db")
    assert "--table NAME --key COLUMN" in mlwright(*to).err
    unsaid = mlwright(
        "predict", "m.mlw", "sqlite:///p.db", "--to", "sqlite:///p.db", "--table", "t", "--key", "k"
    )
    assert "what to read" in unsaid.err and "--from-table TABLE" in unsaid.err
    assert "-o has no effect beside --to" in mlwright(*to, "-o", "a.csv").err
    assert (
        "--key has no effect without --to"
        in mlwright("predict", "m.mlw", "a.csv", "-o", "b.csv", "--key", "a").err
    )
    assert "one table to predict" in mlwright("predict", "m.mlw", "-o", "b.csv").err
    assert (
        "one table to predict" in mlwright("predict", "m.mlw", "a.csv", "--from", "b.csv", "-o", "c.csv").err
    )
    assert not list(tmp_path.iterdir())
