"""The rows to predict, in chunks with their keys, from where an earlier run stopped.

Used by `predict_table`. A database gives its rows in the order of the key, so that a run goes on after the
last key that was written, and a key that is not unique is seen as two neighbours; other tables are in memory
and go on after a number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import DataProblem, Misuse, UnknownName
from mlwright.sources import ReadOptions, read_raw
from mlwright.sources.sql import Address, address_of, is_database, open_to_read, query_digest
from mlwright.sources.sql.columns import Columns, Declared, Held
from mlwright.sources.sql.reading import asked_of
from mlwright.sources.sql.statement import Bound, Statement

if TYPE_CHECKING:
    import polars as pl

    from mlwright.sources.sql import Database

Key = tuple[Any, ...]
"""The values of the key columns of one row: whole numbers and texts. Any: either."""
_MAY_BE_KEYS: Final[tuple[Held, ...]] = ("whole", "unsigned", "text", "category", "date", "moment", "instant")


@dataclass(frozen=True)
class Chunk:
    """Some rows, and the key of each."""

    raw: pl.DataFrame
    keys: list[Key]


@dataclass(frozen=True)
class Start:
    """Where an earlier run stopped."""

    rows: int = 0
    key: Key | None = None


class RowsInMemory:
    """A file or a frame with a key."""

    def __init__(self, source: object, options: ReadOptions | None, keys: Sequence[str]) -> None:
        raw = read_raw(source, options)
        self.source = raw.source
        self.identity = sha256(canonical_json([raw.sha256, _how(options)])) if raw.sha256 else ""
        """Empty where nothing tells one table from another: such a run always starts at the beginning."""
        self._frame = raw.frame
        for name in keys:
            if name not in raw.frame.columns:
                raise UnknownName("column for the key", name, raw.frame.columns, where=raw.source)
        self.keys = [Declared(name, _held(raw.frame[name])) for name in keys]
        self._values = _keys(raw.frame, self.keys, offsets=True)
        seen: dict[Key, int] = {}
        for row, value in enumerate(self._values):
            _refuse_null(value, row, keys, raw.source)
            if value in seen:
                raise _double(keys, raw.source, f"rows {seen[value]} and {row} have the same one")
            seen[value] = row

    def chunks(self, start: Start, rows: int) -> Iterator[Chunk]:
        for at in range(start.rows, self._frame.height, rows):
            yield Chunk(self._frame[at : at + rows], self._values[at : at + rows])

    def close(self) -> None:
        """Nothing is open."""


class RowsOfDatabase:
    """A query or a table of a database, in the order of its key."""

    def __init__(self, url: str, options: ReadOptions, keys: Sequence[str], target: Address) -> None:
        address = address_of(url)
        self._beside = address.same_file is not None and address.same_file == target.same_file
        self._database: Database = open_to_read(address, beside_a_writer=self._beside)
        try:
            self._database.start_reading()
            self._asked, self.source = asked_of(self._database, options)
            described = _described(self._database, self._asked)
            if self._beside:  # nothing may hold up the writer until the rows are asked for
                self._database.stop_reading()
        except BaseException:  # whatever it was, the connection is closed, and it goes on
            self._database.close()
            raise
        by_name = {d.name: d for d in described}
        for name in keys:
            if name not in by_name:
                self._database.close()
                raise UnknownName("column for the key", name, by_name, where=self.source)
        self.keys = [by_name[name] for name in keys]
        place = (
            str(address.same_file) if address.is_file else f"{address.host}:{address.port}/{address.database}"
        )
        asked = query_digest(options) if options.query else options.table
        self.identity = sha256(canonical_json([address.scheme, place, asked, _how(options)]))
        self._offsets = address.scheme != "mysql"

    def chunks(self, start: Start, rows: int) -> Iterator[Chunk]:
        database, names = self._database, [k.name for k in self.keys]
        statement = self._after(start.key)
        if self._beside:
            database.start_reading()
            statement = database.set_aside(statement)
        declared, fetch = database.select(statement)
        columns = Columns(declared)
        own = dict(zip((d.name for d in declared), columns.names, strict=True))
        self.keys = [d for name in names for d in declared if d.name == name]
        for key in self.keys:
            if key.held not in _MAY_BE_KEYS:
                raise Misuse(
                    f"the column {key.name!r} cannot be a key: it holds {key.held}",
                    where=self.source,
                    remedy="name whole numbers, texts or dates, or cast it in the query",
                )
        before, done = start.key, start.rows
        while found := fetch(rows):
            self._refuse_mixed(declared, found)
            frame = columns.frame(found)
            keys = _keys(frame, [Declared(own[k.name], k.held) for k in self.keys], self._offsets)
            for row, value in enumerate(keys):
                _refuse_null(value, done + row, names, self.source)
                if value == before:
                    raise _double(names, self.source, f"row {done + row} in its order repeats the one before")
                before = value
            done += len(keys)
            yield Chunk(frame, keys)

    def close(self) -> None:
        self._database.close()

    def _refuse_mixed(self, declared: Sequence[Declared], rows: Sequence[Key]) -> None:
        """SQLite orders 2 and '1' by their types first, which the texts that are read of them do not tell."""
        names = {k.name for k in self.keys}
        texts = [i for i, d in enumerate(declared) if d.name in names and d.held == "text"]
        if self._database.address.scheme == "sqlite" and any(
            row[i] is not None and not isinstance(row[i], str) for i in texts for row in rows
        ):
            raise Misuse(
                "a key holds both numbers and texts",
                where=self.source,
                remedy="make them one type in the query: CAST(... AS TEXT) AS ...",
            )

    def _after(self, last: Key | None) -> Statement:
        """The rows whose key comes after `last`, in order of the key."""
        dialect = self._database.dialect
        every = self._database.address.scheme == "sqlite"  # what it holds is known only from its values
        sides = []
        for key in self.keys:
            text = every or key.held in ("text", "category")
            name = dialect.quoted(key.name)
            sides.append((dialect.ordered.format(name) if text else name, text))
        condition: list[str | Bound] = []
        for depth in range(len(sides) if last is not None else 0):
            condition.append(" OR (" if condition else "\n) AS mlwright_rows WHERE (")
            for i in range(depth + 1):
                side, text = sides[i]
                condition.append(f"{' AND ' if i else ''}{side} {'=' if i < depth else '>'} ")
                value = Bound(self.keys[i].name, last[i] if last is not None else None)
                alike = dialect.alike.get(self.keys[i].called, "{}")
                bound = dialect.ordered.format(alike) if text and not every else "{}"
                before, _, after = bound.partition("{}")
                condition += [before, value, after]
            condition.append(")")
        order = ", ".join(side for side, _ in sides)
        ending = condition or ["\n) AS mlwright_rows"]
        return self._asked.within("SELECT * FROM (\n", *ending, f" ORDER BY {order}")


def rows_of(
    source: object, options: ReadOptions | None, keys: Sequence[str], target: Address
) -> RowsInMemory | RowsOfDatabase:
    """The rows of anything that `read` takes. Raises `UnknownName` for a key that is no column."""
    if isinstance(source, str) and is_database(source):
        return RowsOfDatabase(source, options or ReadOptions(), keys, target)
    return RowsInMemory(source, options, keys)


def _described(database: Database, statement: Statement) -> tuple[Declared, ...]:
    """What the columns of a statement would hold, as far as can be told without its rows."""
    declared, fetch = database.select(
        statement.within("SELECT * FROM (\n", "\n) AS mlwright_rows WHERE 1 = 0")
    )
    fetch(1)
    return declared


def _how(options: ReadOptions | None) -> str:
    """What of the options decides which values are read; how much memory they may take does not."""
    said = replace(options or ReadOptions(), query=None, table=None, parameters=None)
    return repr(replace(said, most_bytes=None, memory=None, sample_rows=1))


def _keys(frame: pl.DataFrame, declared: Sequence[Declared], offsets: bool) -> list[Key]:
    """The keys as whole numbers and texts, in which every database takes them."""
    columns = []
    for d in declared:
        values = frame[d.name].to_list()
        if d.held in ("whole", "unsigned", "text", "category"):
            columns.append(values)
        elif d.held == "date":
            columns.append([None if v is None else v.isoformat() for v in values])
        else:
            zone = "+00:00" if d.held == "instant" and offsets else ""
            columns.append([None if v is None else f"{v:%Y-%m-%d %H:%M:%S.%f}{zone}" for v in values])
    return list(zip(*columns, strict=True))


def _held(values: pl.Series) -> Held:
    import polars as pl

    dtype = values.dtype
    if dtype.is_integer():
        return "unsigned" if dtype == pl.UInt64 else "whole"
    if dtype == pl.String:
        # A file holds texts; a key of plain whole numbers makes a table that is keyed by numbers.
        whole = values.cast(pl.Int64, strict=False)
        same = whole.null_count() == values.null_count() and (whole.cast(pl.String) == values).all()
        return "whole" if same and values.null_count() < len(values) else "text"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "instant" if dtype.time_zone else "moment"
    raise Misuse(
        f"the column {values.name!r} cannot be a key: its type is {dtype}",
        remedy="name whole numbers, texts or dates",
    )


def _refuse_null(key: Key, row: int, names: Sequence[str], source: str) -> None:
    if None in key:
        raise DataProblem(
            f"the key ({', '.join(names)}) is missing in row {row}",
            where=source,
            remedy="leave such rows out in the query, or name another key",
        )


def _double(names: Sequence[str], source: str, how: str) -> DataProblem:
    return DataProblem(
        f"the key ({', '.join(names)}) is not unique: {how}",
        where=source,
        remedy="name more columns of the key (--key may be repeated), or one row a key in the query",
    )
