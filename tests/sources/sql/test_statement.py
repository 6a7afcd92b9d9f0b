"""What a user writes as a query becomes one statement with bound values, in the rules of each database."""

import pytest

from mlwright.base.errors import Misuse, UnknownName
from mlwright.sources.sql.address import address_of, is_database
from mlwright.sources.sql.statement import Statement, statement_of


@pytest.mark.parametrize(
    ("scheme", "query"),
    [
        (
            "postgresql",
            "select ':a', \":a\", $$ :a $$, $x$ ; :a $x$, e'\\' :a', a::text -- :a ;\n, /* :a ; */ 1",
        ),
        ("mysql", "select ':a\\' :a', `:a`, \":a\" # :a ;\n, 5--3 -- :a\n, /* ; */ 1"),
        ("sqlite", "select ':a', [:a], `:a`, \":a\" -- :a ;\n, 1"),
        ("duckdb", "select ':a', x[1:2], x[:2], $$;$$, '12:30:00' -- :a\n"),
    ],
)
def test_colons_and_semicolons_in_texts_names_and_comments_mean_nothing(scheme, query):
    statement = statement_of(f"{query} where b = :a ;; -- the end", {"a": 1}, scheme)
    assert statement.text("?") == f"{query} where b = ? "
    assert statement.values == (1,)


def test_a_value_is_bound_as_often_as_it_is_named_and_never_pasted():
    evil = "x'; drop table t; --"
    statement = statement_of("select :a, :b where :a = 1", {"a": evil, "b": 2}, "sqlite")
    assert statement.text("?") == "select ?, ? where ? = 1"
    assert statement.values == (evil, 2, evil)


@pytest.mark.parametrize("query", ["select 1; select 2", "select 1;\ndrop table t", "", " ; -- nothing"])
def test_no_statement_and_two_statements_are_refused(query):
    with pytest.raises(Misuse, match=r"more than one statement|empty"):
        statement_of(query, None, "postgresql")


def test_a_parameter_without_a_value_and_a_value_without_a_parameter_are_told_with_the_near_miss():
    with pytest.raises(UnknownName, match=r"'sinc'.*did you mean 'since'"):
        statement_of("select :sinc", {"since": 1}, "duckdb")
    with pytest.raises(UnknownName, match=r"':since'.*did you mean ':sinc'"):
        statement_of("select :sinc", {"sinc": 1, "since": 1}, "duckdb")


def test_a_place_in_the_rendered_text_is_told_as_a_place_in_the_users_text():
    statement = statement_of("select :first_day,\n  nope", {"first_day": 1}, "postgresql").within("SELECT (")
    assert statement.line_and_column(len("SELECT (select $1,\n  ")) == (2, 3)
    assert statement.line_and_column(3) is None and statement.line_and_column(999) is None
    assert isinstance(statement, Statement)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:pa/ss-word@host/db",
        "postgresql://ann:pass#word@host/db",
        "mysql://ann:pass-word@host:port/db",
        "mysql://ann:pass-word@host",
        "postgresql://ann:pass-word@host/db?sslmod=require",
        "postgresql://host/db?port=x&password=pass-word",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(Misuse) as refused:
        address_of(url)
    assert "word" not in str(refused.value).replace("in a password", "").replace("PASSWORD", "").replace(
        "the password", ""
    )


def test_secrets_stand_neither_in_an_address_nor_in_what_it_cleans(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "from-the-environment")
    address = address_of("postgres://ann:s3%40cret@[::1]:7/shop?sslpassword=k3y-word")
    assert (address.password, address.port, address.host) == ("s3@cret", 7, "::1")
    assert "cret" not in repr(address) + address.shown and "k3y" not in repr(address) + address.shown
    assert address.cleaned("a s3@cret\nk3y-word from-the-environment") == "a *** *** ***"


def test_the_password_may_come_from_the_environment_and_the_url_comes_first(monkeypatch):
    monkeypatch.setenv("MLWRIGHT_DB_PASSWORD", "of-the-environment")
    assert address_of("mariadb://ann@host/db").password == "of-the-environment"
    assert address_of("mariadb://ann:own@host/db").password == "own"


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("sqlite://shop.db", "sqlite:///shop.db"),
        ("sqlite:///:memory:", "name its file"),
        ("duckdb://", "duckdb:///shop.db"),
        ("postgresql://host", "USER@HOST/DATABASE"),
    ],
)
def test_a_url_without_a_database_says_how_to_write_one(url, remedy):
    with pytest.raises(Misuse) as refused:
        address_of(url)
    assert remedy in str(refused.value)


def test_only_urls_of_databases_are_databases():
    assert not any(map(is_database, ("shop.db", "https://host/a.csv", "s3://a/b", "C:\\a.csv", 7, None)))
    assert all(map(is_database, ("sqlite:///a", "POSTGRES://h/d", "mysql+pymysql://h/d", "duckdb:///a")))
