"""A table held to a schema: what the checks of one table against another look at.

Made by `lifecycle.check` with `hold`; looked at by the themes `against` and `shift`. A reference is a schema
and, where there are some, the profile and the rows that it came from. It knows no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np
import polars as pl

from mlwright.base.errors import RowProblem
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import NUMBER_KINDS, Column, Schema
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_series
from mlwright.data.infer import Hints, judge
from mlwright.statistics.intervals import Codes


@dataclass(frozen=True)
class Reference:
    """What a table is held to."""

    schema: Schema
    name: str
    """A model's or a table's file, for messages."""
    profile: Profile | None = None
    """The distribution of the table that the schema came from; None where only the schema is known."""
    dataset: Dataset | None = None
    """Its rows, where the reference is a table."""
    features_only: bool = False
    """Whether only what a model is given must be there, as when predicting."""

    @property
    def needed(self) -> tuple[Column, ...]:
        """The columns that a table must have, unless they are optional."""
        if self.features_only:
            return self.schema.features
        kept = (c for c in self.schema.columns if c.role not in ("target", "ignored"))
        return tuple(c for c in kept if not c.unused)

    def seen(self, name: str) -> ColumnProfile | None:
        """The profile of the column `name`, if there is one."""
        profiles = self.profile.columns if self.profile else ()
        return next((p for p in profiles if p.name == name), None)


@dataclass(frozen=True)
class Held:
    """A table decoded by a reference's schema, and what did not fit. Rows are numbered as they came."""

    new: Dataset
    """The reference's columns that the table has, in the reference's order; refused values are missing."""
    reference: Reference
    raw: pl.DataFrame = field(repr=False)
    """The table as it came."""
    unread: dict[str, list[RowProblem]]
    """By column, the values that its kind cannot hold."""
    broken: dict[str, list[RowProblem]]
    """By column, the values of its kind that its constraints refuse."""
    seed: int = 0

    def __len__(self) -> int:
        return len(self.new)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that both have and that are used, in the reference's order."""
        return tuple(c for c in self.new.schema.columns if c.role != "ignored")

    @cached_property
    def comparable(self) -> Codes:
        """The rows to compare with what was seen: where the target was known, for so it was then."""
        target = next((c.name for c in self.new.schema.columns if c.role == "target"), None)
        if target is None:
            return np.arange(len(self))
        known = self.new.frame[target].is_not_null().to_numpy()
        return np.flatnonzero(known) if known.any() else np.arange(len(self))

    def values(self, name: str) -> pl.Series:
        """The values of a column in the rows that can be compared; null is missing."""
        return self.new.frame[name].gather(self.comparable)

    def rows(self, mask: pl.Series) -> list[int]:
        """The rows of the table that a mask over the comparable rows picks."""
        picked: list[int] = self.comparable[mask.fill_null(False).to_numpy()].tolist()
        return picked

    @property
    def absent(self) -> tuple[Column, ...]:
        """The columns that the table should have and has not."""
        return tuple(c for c in self.reference.needed if c.name not in self.raw.columns)

    @property
    def added(self) -> tuple[str, ...]:
        """The names of columns that the reference does not know."""
        target = self.reference.schema.target
        known = {*self.reference.schema.names, *((target.name,) if target else ())}
        return tuple(n for n in self.raw.columns if n not in known)

    def own(self, name: str) -> Column:
        """What the column `name` would be by its own evidence."""
        known = {c.name: c for c in self.new.schema.columns}
        missing = known[name].missing if name in known else ()
        return judge(self.raw[name], Hints(missing=missing or None)).column


def hold(
    frame: pl.DataFrame,
    reference: Reference,
    *,
    written: Schema | None = None,
    source: str = "",
    seed: int = 0,
) -> Held:
    """Decodes `frame` by the reference's schema, or by `written`, which says how its values are written.

    Neither missing columns nor refused values raise: the checks tell them.

    >>> schema = Schema(columns=(Column(name="age", kind="numeric", least=0),))
    >>> frame = pl.DataFrame({"age": ["41", "-1", "old"], "x": ["", "", ""]})
    >>> held = hold(frame, Reference(schema, "a model"))
    >>> held.new.frame["age"].to_list(), held.added, len(held.broken["age"]), len(held.unread["age"])
    ([41.0, None, None], ('x',), 1, 1)
    """
    columns, values = [], []
    unread: dict[str, list[RowProblem]] = {}
    broken: dict[str, list[RowProblem]] = {}
    for column in (written or reference.schema).columns:
        if column.name not in frame.columns:
            continue
        raw = frame[column.name]
        decoded, refused = decode_series(raw, column, text=True)
        if refused:
            _, at_all = decode_series(raw, _lenient(column), text=True)
            rows = {p.row for p in at_all}
            unread[column.name] = at_all
            broken[column.name] = [p for p in refused if p.row not in rows]
        columns.append(column)
        values.append(decoded)
    schema = msgspec.structs.replace(reference.schema, columns=tuple(columns))
    new = Dataset(pl.DataFrame(values), schema, Provenance(source, rows_read=frame.height))
    return Held(new, reference, frame, unread, broken, seed)


def as_raw(dataset: Dataset, schema: Schema) -> pl.DataFrame:
    """The values of a table already read as a source would give them to `schema`.

    Moments are such again, not seconds; yes and no are spelt as the schema spells them, where they are texts.

    >>> read = Schema(columns=(Column(name="day", kind="datetime"), Column(name="ok", kind="boolean")))
    >>> values = pl.DataFrame({"day": [86400.0], "ok": [1.0]})
    >>> texts = Schema(columns=(Column(name="ok", kind="categorical", categories=("True", "False")),))
    >>> as_raw(Dataset(values, read, Provenance("")), texts).row(0)
    (datetime.datetime(1970, 1, 2, 0, 0), 'True')
    """
    frame, known = dataset.frame, {c.name: c for c in schema.columns}
    for own in dataset.schema.columns:
        values, column = frame[own.name], known.get(own.name)
        if own.kind == "datetime":
            values = (values * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
        elif own.kind == "boolean" and column is not None and column.kind not in NUMBER_KINDS:
            spelt = {1.0: _spelt(("true", *own.true), column), 0.0: _spelt(("false", *own.false), column)}
            values = values.replace_strict(spelt, default=None, return_dtype=pl.String)
        else:
            continue
        frame = frame.with_columns(values.alias(own.name))
    return frame


def _spelt(spellings: tuple[str, ...], column: Column) -> str:
    """How the column's own texts spell it, else the first that was read."""
    own = (t for t in (*column.allowed, *column.categories) if t.lower() in spellings)
    return next(own, spellings[-1])


def _lenient(column: Column) -> Column:
    """The column without what it allows: only its kind."""
    return msgspec.structs.replace(column, nullable=True, least=None, most=None, allowed=(), pattern="")
