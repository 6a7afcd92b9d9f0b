"""read: the outside world becomes a Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

import msgspec

from mlwright.base.schema import Column, Schema
from mlwright.base.texts import clean
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.given import schema_of

if TYPE_CHECKING:
    from mlwright.data.dataset import Dataset
    from mlwright.sources.options import ReadOptions, Roles


class RoleNames(TypedDict, total=False):
    """What columns are for, by name: the keyword arguments of `read` and `fit`."""

    target: str | None
    """The column to predict; rows without it are left out."""
    time: str | None
    """When a row happened; later rows then judge earlier ones."""
    group: str | None
    """Rows of one group stay on one side of every split."""
    id: str | None
    """Names a row; never a feature."""
    weight: str | None
    """How much a row counts."""
    exposure: str | None
    """How long or how much was watched, such as days insured: the target is learned as a rate of it."""
    fold: str | None
    """Names the fold that each row belongs to, which judges models fitted on the others. Rows called `test`
    are the holdout, those called `train` judge nothing."""
    protected: Iterable[str]
    """Kept out of training."""
    drop: Iterable[str]
    """Not read at all."""
    kinds: Mapping[str, str] | None
    """Kinds by column name, where the evidence is to be overruled."""
    schema: object
    """What the columns are, in place of all inference: a Schema, a schema file, a Columns class, a model."""
    query: str | None
    """What to read from a database: one SELECT, with `:name` where a parameter stands."""
    table: str | None
    """Or all of one of its tables."""
    parameters: Mapping[str, object] | None
    """The values of the query's parameters; bound, never pasted."""


def read(source: object, *, options: ReadOptions | None = None, **roles: Unpack[RoleNames]) -> Dataset:
    """Reads a table: a file (text, JSON, Parquet, Arrow, a workbook; packed or not), a folder or pattern of
    parts, a URL (`https://`, `s3://`, `gs://`, `az://`), a database's URL with `query` or `table`, a frame
    (Polars, pandas, Arrow, DuckDB), a dict of columns, a list of dicts.

    With `schema`, columns are what that says, and what breaks it is told in the findings. Raises
    `SourceUnreadable`, `TargetUnusable`, `UnknownName` with the near miss; with `schema`, `SchemaBroken` for
    columns that are missing. docs/sources.md has each source.

    >>> data = read({"age": [41, 7, 30], "sick": ["y", "n", "y"]}, target="sick")
    >>> len(data), data.target.name
    (3, 'sick')
    """
    need("train", "reading data")
    options, roles = with_question(options, roles)
    from mlwright.sources import read as read_source
    from mlwright.sources import read_by_schema

    given, meant = roles.get("schema"), roles_of(**roles)
    if given is not None:
        schema = schema_of(given)
        dataset = read_by_schema(source, schema, meant, options, as_written(schema, options))
    else:
        dataset = read_source(source, meant, options)
    asked = replace(dataset.provenance, dropped=meant.drop, by_schema=given is not None)
    return replace(dataset, provenance=asked)


def with_question(options: ReadOptions | None, roles: RoleNames) -> tuple[ReadOptions | None, RoleNames]:
    """`options` that also hold what is asked of a database, and the roles without it."""
    asked = {"query": roles.get("query"), "table": roles.get("table"), "parameters": roles.get("parameters")}
    said = {name: value for name, value in asked.items() if value is not None}
    rest: RoleNames = {k: v for k, v in roles.items() if k not in asked}  # type: ignore[assignment]
    if not said:
        return options, rest
    from mlwright.sources.options import ReadOptions

    return replace(options or ReadOptions(), **said), rest  # type: ignore[arg-type]


def as_written(schema: Schema, options: ReadOptions | None) -> Schema:
    """`schema` with what `options` say about how values are written: to decode one file by, not to keep.

    A model's schema says how its training table wrote numbers, dates and missing values. Another file may
    write the same values otherwise. Texts that mean missing are added to those of the schema.

    >>> from mlwright.sources import ReadOptions
    >>> known = Schema(columns=(Column(name="price", kind="numeric", missing=("?",)),))
    >>> price = as_written(known, ReadOptions(decimal=",", missing=("n/a",))).column("price")
    >>> price.number.decimal, price.missing
    (',', ('?', 'n/a'))
    """
    if options is None:
        return schema
    number = options.number
    markers = tuple(clean(m) for m in options.missing or ())

    def changed(column: Column) -> Column:
        marks = column.number
        if number is not None and column.kind == "numeric":
            marks = msgspec.structs.replace(marks, decimal=number.decimal, thousands=number.thousands)
        dates = options.dates if column.kind == "datetime" else ()
        return msgspec.structs.replace(
            column,
            number=marks,
            missing=tuple(dict.fromkeys((*column.missing, *markers))),
            formats=tuple(dict.fromkeys((*dates, *column.formats))),
        )

    return msgspec.structs.replace(schema, columns=tuple(changed(c) for c in schema.columns))


def roles_of(**roles: Unpack[RoleNames]) -> Roles:
    """The roles as one value."""
    from mlwright.sources.options import Roles

    def names(value: Iterable[str] | None) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else tuple(value or ())

    return Roles(
        target=roles.get("target"),
        time=roles.get("time"),
        group=roles.get("group"),
        id=roles.get("id"),
        weight=roles.get("weight"),
        exposure=roles.get("exposure"),
        fold=roles.get("fold"),
        protected=names(roles.get("protected")),
        drop=names(roles.get("drop")),
        kinds=dict(roles.get("kinds") or {}),
    )
