"""The table that predictions are written to: made, held to what is to be written, filled a chunk at a time.

Used by `predict_table`. Each chunk is one transaction that also says how far the run has come, in the table
`mlwright_runs` beside it: whatever happens, both are true or neither.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mlwright.base.errors import DataProblem, Misuse, shown
from mlwright.lifecycle.keyed_rows import Key, Start
from mlwright.sources.sql.columns import Declared, Held
from mlwright.sources.sql.driver import Table

if TYPE_CHECKING:
    import polars as pl

    from mlwright.sources.sql import Database

RUNS: Final = "mlwright_runs"
ERROR: Final = "error"
_LONGEST_NAME: Final = 63
_FITS: Final[dict[Held, tuple[Held, ...]]] = {
    "whole": ("whole", "unsigned", "number", "decimal"),
    "unsigned": ("whole", "unsigned", "number", "decimal"),
    "number": ("number", "decimal"),
    "boolean": ("boolean", "whole"),
    "text": ("text", "category"),
    "category": ("text", "category"),
    "date": ("date", "moment", "instant", "text"),
    "moment": ("moment", "instant", "text"),
    "instant": ("moment", "instant", "text"),
}
_RUN_COLUMNS: Final[tuple[tuple[str, Held], ...]] = (
    ("target", "text"),
    ("rows_done", "whole"),
    ("last_key", "text"),
    ("finished", "boolean"),
    ("started_at", "text"),
    ("updated_at", "text"),
)


class PredictedTable:
    """A table keyed by `keys`, to be opened for one run; `run` is the run's own digest, empty for none."""

    def __init__(
        self, database: Database, name: str, keys: Sequence[Declared], answers: pl.DataFrame
    ) -> None:
        self._database = database
        self._name = name
        self._keys = list(keys)
        self._others = [*((n, _held(t)) for n, t in answers.schema.items()), (ERROR, "text")]
        names = [*(k.name for k in keys), *(n for n, _ in self._others)]
        alike = names if database.dialect.tells_case else [n.lower() for n in names]
        double = next((n for n, a in zip(names, alike, strict=True) if alike.count(a) > 1), None)
        if double is not None:
            raise Misuse(
                f"two columns of the table would both be called {double!r}",
                remedy="rename the key, or the label; leave --proba out",
            )
        long = next((n for n in names if len(n.encode()) > _LONGEST_NAME), None)
        if long is not None:
            raise Misuse(
                f"{shown(long, 80)} is too long for the name of a column", remedy="leave --proba out"
            )
        self.table = self._find()

    @property
    def shown(self) -> str:
        return f"{self._database.address.shown}, table {self.table.shown}"

    def prepare(self, keys: Sequence[Declared]) -> None:
        """Makes the table, or holds the one that is there to what is to be written. Raises `Misuse`.

        `keys` are those of the rows as they were read, whose types may be known better by now.
        """
        self._keys = list(keys)
        known = {c.name: c for c in self._database.columns(self.table)} if self.is_there else {}
        if known:
            self._must_fit(known)
        else:
            self._database.ask(self._create())
        self._blanks = self._without_blanks()
        names = [*(k.name for k in self._keys), *(n for n, _ in self._others)]
        self._upsert = self._upsert_into(self.table, [k.name for k in self._keys], names)
        runs = self._runs()
        if not self._has(runs):
            self._database.ask(self._create_runs(runs))
        self._progress = self._upsert_into(runs, ["run"], ["run", *(n for n, _ in _RUN_COLUMNS)])

    def start(self, run: str) -> Start:
        """Where the same run stopped before; the beginning, where it finished or never ran."""
        self._started_at = _now()
        runs = self._runs()
        if not self._has(runs):
            return Start()
        found = self._database.ask(
            f"SELECT rows_done, last_key, finished, started_at FROM {self._in(runs)} "
            f"WHERE {self._database.dialect.quoted('run')} = {self._database.dialect.place}",
            (run,),
        )
        if not found or found[0][2]:
            return Start()
        rows, last, _, self._started_at = found[0]
        return Start(int(rows), tuple(json.loads(last)) if last else None)

    def write(self, run: str, keys: Sequence[Key], answers: pl.DataFrame, done: int) -> None:
        """One chunk, and that the run has come to `done` rows: both or neither.

        Raises `DataProblem` for a key that the table could not tell from another.
        """
        for i in self._blanks:
            wrong = next((k[i] for k in keys if str(k[i]).endswith(" ")), None)
            if wrong is not None:
                raise DataProblem(
                    f"the key {shown(wrong, 80)} ends in a blank, which {self._keys[i].name!r} does not keep",
                    where=self.shown,
                    remedy="trim it in the query, or write to a table that is not there yet",
                )
        rows = [(*key, *values) for key, values in zip(keys, answers.rows(), strict=True)]

        def work() -> None:
            self._database.write(self._upsert, rows)
            if run:
                self._note(run, done, keys[-1], finished=False)

        self._database.in_one_transaction(work)

    def finish(self, run: str, done: int) -> None:
        """The run is over: the same command starts anew."""
        if run:
            self._database.in_one_transaction(lambda: self._note(run, done, None, finished=True))

    def _note(self, run: str, done: int, last: Key | None, *, finished: bool) -> None:
        key = None if last is None else json.dumps(list(last))
        said = (run, self.table.shown, done, key, finished, self._started_at, _now())
        self._database.write(self._progress, [said])

    def _runs(self) -> Table:
        return Table(self.table.schema, RUNS)

    def _has(self, table: Table) -> bool:
        return any(t.name == table.name and _same_schema(t, table) for t in self._database.tables())

    def _create_runs(self, runs: Table) -> str:
        dialect = self._database.dialect
        columns = [f"{dialect.quoted(n)} {dialect.types[h]}" for n, h in _RUN_COLUMNS]
        key = f"{dialect.quoted('run')} {dialect.key_text} PRIMARY KEY"
        return self._created(runs, [key, *columns])

    def _find(self) -> Table:
        found = self._database.found(self._name)
        self.is_there = found is not None
        if found is not None:
            return found
        schema, dot, name = self._name.rpartition(".")
        for part in (schema, name) if dot else (name,):
            if not part or not part.isprintable() or len(part.encode()) > _LONGEST_NAME:
                raise Misuse(
                    f"no table can be called {shown(self._name, 80)}",
                    remedy=f"give a name of at most {_LONGEST_NAME} bytes, such as predictions",
                )
        return Table(schema, name, usual=not schema)

    def _in(self, table: Table) -> str:
        return self._database.dialect.quoted(table.schema, table.name)

    def _upsert_into(self, table: Table, keys: Sequence[str], names: Sequence[str]) -> str:
        dialect = self._database.dialect
        quoted = [dialect.quoted(n) for n in names]
        places = ", ".join([dialect.place] * len(names))
        rest = dialect.upsert([dialect.quoted(k) for k in keys], quoted[len(keys) :])
        into = f"{self._in(table)} ({', '.join(quoted)})"
        if dialect.doubles_percent:
            into, rest = into.replace("%", "%%"), rest.replace("%", "%%")
        return f"INSERT INTO {into} VALUES ({places}) {rest}"

    def _create(self) -> str:
        dialect = self._database.dialect
        keyed = [
            f"{dialect.quoted(k.name)} "
            f"{dialect.key_text if k.held in ('text', 'category') else dialect.types[k.held]} NOT NULL"
            for k in self._keys
        ]
        others = [f"{dialect.quoted(n)} {dialect.types[h]}" for n, h in self._others]
        key = f"PRIMARY KEY ({', '.join(dialect.quoted(k.name) for k in self._keys)})"
        return self._created(self.table, [*keyed, *others, key])

    def _created(self, table: Table, parts: Sequence[str]) -> str:
        # Another run may make the same table between our look and this.
        ending = self._database.dialect.after_create
        return f"CREATE TABLE IF NOT EXISTS {self._in(table)} ({', '.join(parts)}){ending}"

    def _without_blanks(self) -> list[int]:
        """The keys whose texts must not end in a blank. Raises `Misuse` where case or accents are lost."""
        folded = self._database.folded(self.table)
        for key in self._keys:
            if key.held in ("text", "category") and folded.get(key.name) == "letters":
                raise Misuse(
                    f"its column {key.name!r} takes different texts for the same key, such as 'A' and 'a'",
                    where=self.shown,
                    remedy="give it a binary collation, or write to another table",
                )
        return [i for i, key in enumerate(self._keys) if folded.get(key.name) == "blanks"]

    def _must_fit(self, known: dict[str, Declared]) -> None:
        remedy = "write to another table, or mend this one; one that is not there is made"
        for name, held in (*((k.name, k.held) for k in self._keys), *self._others):
            if name not in known:
                raise Misuse(f"the table has no column {name!r}", where=self.shown, remedy=remedy)
            own = known[name]
            if own.held not in _FITS[held]:
                said = f"its column {name!r} is {own.called or own.held}, {held} is to be written"
                raise Misuse(said, where=self.shown, remedy=remedy)
        names = {k.name for k in self._keys}
        if names not in self._database.unique_keys(self.table):
            raise Misuse(
                f"nothing keeps {', '.join(sorted(names))} unique in it, so that no row could be replaced",
                where=self.shown,
                remedy="make it the primary key, or write to another table",
            )


def _held(dtype: Any) -> Held:  # Any: a Polars type, which is not imported here
    name = str(dtype)
    return (
        "number"
        if name == "Float64"
        else "whole"
        if name == "Int64"
        else "boolean"
        if name == "Boolean"
        else "text"
    )


def _same_schema(table: Table, wanted: Table) -> bool:
    return table.schema == wanted.schema if wanted.schema else table.usual


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
