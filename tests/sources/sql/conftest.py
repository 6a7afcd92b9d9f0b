"""Filling the databases of tests."""

from collections.abc import Callable, Sequence

import pytest

from mlwright.sources.sql import address_of, open_to_write


@pytest.fixture
def run_sql() -> Callable[..., None]:
    """Runs statements in a database; or one INSERT with the row that follows."""

    def run(url: str, *statements: str, rows: Sequence[Sequence[object]] = ()) -> None:
        with open_to_write(address_of(url)) as database:
            for statement in statements[: -1 if rows else None]:
                database.ask(statement)
            if rows:
                places = ", ".join([database.dialect.place] * len(rows[0]))
                insert = f"{statements[-1]} VALUES ({places})"
                database.in_one_transaction(lambda: database.write(insert, rows))

    return run
