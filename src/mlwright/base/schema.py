"""The Schema: the named, typed columns of a table and what the model predicts.

Inferred once when data is read (`data`), written into every model file, enforced by every way in
(files, frames, requests). It holds rules, never rows. It does no I/O and knows no library but msgspec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from mlwright.base.errors import Misuse, UnknownName

Kind = Literal["numeric", "boolean", "datetime", "categorical", "text", "id"]
Role = Literal[
    "feature", "target", "time", "group", "id", "weight", "exposure", "fold", "protected", "ignored"
]
TaskName = Literal["binary", "multiclass", "regression"]
LabelType = Literal["text", "integer", "boolean"]

KINDS: tuple[Kind, ...] = ("numeric", "boolean", "datetime", "categorical", "text", "id")
NUMBER_KINDS: tuple[Kind, ...] = ("numeric", "boolean", "datetime")


class NumberFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """How numbers are written in the *text* of a column (files); typed values need none of it."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    symbols: tuple[str, ...] = ()
    """Spellings of one currency (`$`, `EUR`), any of which may stand before or after a number."""
    percent: bool = False
    """Every number carries a percent sign: `12%` is 0.12, a bare `12` is refused, for it may be either."""
    accounting: bool = False
    """A number in brackets is negative: `(1,200)` is -1200."""
    units: tuple[tuple[str, float], ...] = ()
    """Spellings of units that stand after a number, and what one of each is in the first, the column's own.

    A bare number is in the column's unit, and refused where several units are in use."""

    @property
    def marked(self) -> bool:
        """Whether numbers may have something other than digits, signs and separators about them."""
        return bool(self.symbols or self.units) or self.percent or self.accounting


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column: what it is, what it is for, and how its text is read."""

    name: str
    """As in the table, cleaned of padding (NFC, at most 256 bytes)."""
    kind: Kind
    role: Role = "feature"
    nullable: bool = True
    """Whether a value may be missing."""
    optional: bool = False
    """Whether the whole key or column may be absent; it then counts as missing."""
    least: float | None = None
    """The least and the greatest value allowed (numbers; datetimes as seconds since 1970); None: any."""
    most: float | None = None
    allowed: tuple[str, ...] = ()
    """The only texts that are allowed (categorical, text, id); none: any."""
    pattern: str = ""
    """What the whole canonical text must match, in the language of `base.pattern`; empty: anything."""
    unique: bool = False
    """Whether no value may stand in two rows of a table. A row alone cannot break it."""
    minimum: float | None = None
    """The least and the greatest value seen, which says nothing about what is allowed."""
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    """Canonical texts seen at least five times, most frequent first; others are allowed."""
    codes: bool = False
    """The categories are whole numbers: the texts `7` and `7.0` are one category."""
    missing: tuple[str, ...] = ()
    """Texts that mean missing, besides the empty one."""
    number: NumberFormat = NumberFormat()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    """Spellings of a boolean, lower-cased; besides JSON's own true and false."""
    formats: tuple[str, ...] = ()
    """strptime forms of a datetime; ISO 8601 is always understood."""
    unused: bool = False
    """Whether no part of the model asks for it: rows may bring it or not, and it is not looked at."""
    why: str = ""
    """One sentence: how this kind and role were arrived at."""


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is predicted. `classes` are canonical texts in the order of the probabilities."""

    name: str
    task: TaskName
    classes: tuple[str, ...] = ()
    label_type: LabelType = "text"
    positive: str | None = None
    """The class that a binary model's second probability stands for."""

    def label(self, index: int) -> str | int | bool:
        """The class at `index`, in its original type."""
        text = self.classes[index]
        if self.label_type == "integer":
            return int(text)
        return text == "true" if self.label_type == "boolean" else text


class Schema(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All columns in the table's order, and the target once it is known.

    >>> s = Schema(columns=(Column(name="age", kind="numeric"), Column(name="city", kind="categorical")))
    >>> [c.name for c in s.numbers], [c.name for c in s.strings]
    (['age'], ['city'])
    """

    columns: tuple[Column, ...]
    target: Target | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that a model is given, in order: used features, and what a rate is answered for."""
        given = ("feature", "time", "exposure")
        return tuple(c for c in self.columns if c.role in given and c.kind != "id" and not c.unused)

    @cached_property
    def numbers(self) -> tuple[Column, ...]:
        """Features that become the double tensor `numbers` [N, a], in order."""
        return tuple(c for c in self.features if c.kind in NUMBER_KINDS)

    @cached_property
    def strings(self) -> tuple[Column, ...]:
        """Features that become the string tensor `strings` [N, b], in order."""
        return tuple(c for c in self.features if c.kind not in NUMBER_KINDS)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {c.name: c for c in reversed(self.columns)}

    def column(self, name: str) -> Column:
        """The column called `name`. Raises `UnknownName` with the near miss."""
        known = self._by_name.get(name)
        if known is None:
            raise UnknownName("column", name, self.names)
        return known

    def changed(self, name: str, **fields: Any) -> Schema:  # Any: the fields of Column, which msgspec checks
        """A copy in which the column `name` has other fields."""
        self.column(name)
        new = (msgspec.structs.replace(c, **fields) if c.name == name else c for c in self.columns)
        return msgspec.structs.replace(self, columns=tuple(new))

    def with_kinds(self, kinds: Mapping[str, str]) -> Schema:
        """A copy with kinds overruled by name. Raises `Misuse` for a kind that does not exist."""
        schema = self
        for name, kind in kinds.items():
            if kind not in KINDS:
                raise UnknownName("kind", kind, KINDS)
            schema = schema.changed(name, kind=kind, why="named by the user")
        return schema

    def with_roles(self, role: Role, names: Iterable[str]) -> Schema:
        """A copy in which the columns `names` have the role `role`."""
        schema = self
        for name in names:
            before = schema.column(name).role
            if before == "target" and role != "target":
                raise Misuse(f"column {name!r} is the target and cannot also be {role!r}")
            schema = schema.changed(name, role=role)
        return schema
