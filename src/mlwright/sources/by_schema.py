"""From any source to a Dataset by a schema that is given, in place of inference.

Called by `lifecycle.read` where the user has a schema. Columns that it does not name are left out; a value
that breaks it counts as missing; a row without a target, or without a value that may not be missing, is left
out. Each is told with its rows, which are numbered as in the source.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import msgspec
import numpy as np
import polars as pl

from mlwright.base.errors import Misuse, RowProblem, SchemaBroken, TargetUnusable, UnknownName, nearest
from mlwright.base.finding import Finding, counted
from mlwright.base.schema import NUMBER_KINDS, Column, Role, Schema
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_series
from mlwright.data.infer import categories_of
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.raw import Raw
from mlwright.sources.reading import read_raw

_NAMED = 20


def read_by_schema(
    source: object,
    schema: Schema,
    roles: Roles | None = None,
    options: ReadOptions | None = None,
    written: Schema | None = None,
) -> Dataset:
    """Read a table by `schema`; `written` is the same with how this source writes its values.

    The Dataset's schema is the one given, with the roles that are named and with what was seen in this table.
    Raises `SchemaBroken` for columns that are missing, `TargetUnusable` where no row has a target, that and
    `UnknownName` for roles of columns that the schema does not name.

    >>> by = Schema(columns=(Column(name="age", kind="numeric", least=0),))
    >>> data = read_by_schema({"age": [41, -1], "shoe": [42, 43]}, by)
    >>> data.frame["age"].to_list(), data.schema.column("age").minimum, [f.code for f in data.findings]
    ([41.0, None], 41.0, ['MLW041', 'MLW012'])
    """
    roles = roles or Roles()
    raw = read_raw(source, options)
    schema = _with_roles(schema, roles, raw)
    columns, absent = _present(raw, schema)
    ways = {c.name: c for c in (written or schema).columns}
    found = [*raw.findings, *_left_out(raw, schema)]
    values, out = [], np.zeros(raw.frame.height, dtype=bool)
    for column in columns:
        if column.name in absent:
            values.append(pl.Series(column.name, [None] * raw.frame.height, dtype=_dtype(column)))
            continue
        way = msgspec.structs.replace(ways[column.name], role=column.role)
        decoded, problems = decode_series(raw.frame[column.name], way, text=True)
        if column.role == "target":
            out |= decoded.is_null().to_numpy()
            found += _without_target(column, decoded, problems)
        else:
            if not column.nullable:
                out |= decoded.is_null().to_numpy()
            found += _refused(column, problems, raw.frame.height)
        found += _repeated(column, decoded)
        values.append(decoded)
    if out.all() and len(out):
        raise _nothing_left(found, raw)
    frame = pl.DataFrame(values).filter(~out)
    seen = tuple(_with_seen(c, frame[c.name]) for c in columns)
    provenance = Provenance(raw.source, raw.sha256, raw.frame.height, int(out.sum()))
    return Dataset(frame, Schema(columns=seen), provenance, tuple(found))


def _nothing_left(found: list[Finding], raw: Raw) -> TargetUnusable | SchemaBroken:
    """What to say where no row is left: the column that cost most rows, and why."""
    left_out = [f for f in found if f.code in (codes.TARGET_MISSING, codes.ROWS_LEFT_OUT)]
    said = "; ".join(f"{f.column!r}: {f.evidence}" for f in left_out)
    no_target = any(f.code == codes.TARGET_MISSING for f in left_out)
    noun, kind = ("a target", TargetUnusable) if no_target else ("all that the schema needs", SchemaBroken)
    return kind(f"no row has {noun} ({said})", where=raw.source, remedy="compare the table with the schema")


def _with_roles(schema: Schema, roles: Roles, raw: Raw) -> Schema:
    """The schema with the roles that are named, without the columns to drop, and without classes."""
    if roles.kinds:
        raise Misuse("kinds= has no effect beside schema=", remedy="change the kinds in the schema")
    for name in roles.drop:
        if name not in schema.names:
            raise UnknownName("column to drop", name, schema.names, where="the schema")
    # What one model made no use of, the next may.
    kept = [msgspec.structs.replace(c, unused=False) for c in schema.columns if c.name not in roles.drop]
    if roles.target is not None:
        if roles.target not in schema.names:
            wrong = UnknownName("target column", roles.target, schema.names, where="the schema")
            raise TargetUnusable(wrong.message, where="the schema", remedy="name one of its columns")
        if roles.target not in raw.frame.columns:
            wrong = UnknownName("target column", roles.target, raw.frame.columns)
            raise TargetUnusable(wrong.message, where=raw.source, remedy="name a column of the table")
        kept = [msgspec.structs.replace(c, role="feature") if c.role == "target" else c for c in kept]
    elif schema.target is not None and schema.target.name in schema.names:
        roles = replace(roles, target=schema.target.name)
    schema = Schema(columns=tuple(kept))
    named: list[tuple[Role, str | None]] = [("target", roles.target), ("time", roles.time)]
    named += [("group", roles.group), ("id", roles.id), ("weight", roles.weight)]
    named += [("exposure", roles.exposure), ("fold", roles.fold)]
    named += [("protected", name) for name in roles.protected]
    for role, of in named:
        if of is not None:
            schema = schema.with_roles(role, [of])
    for column in schema.columns:
        if column.role in ("time", "weight", "exposure") and column.kind not in NUMBER_KINDS:
            raise Misuse(
                f"the {column.role} column {column.name!r} is {column.kind} in the schema",
                remedy="name a column of numbers or dates",
            )
    return schema


def _present(raw: Raw, schema: Schema) -> tuple[list[Column], set[str]]:
    """The columns of the schema that are read, and those of them that the table may lack and does."""
    names = set(raw.frame.columns)
    lacking = [c for c in schema.columns if c.name not in names]
    needed = [c for c in lacking if not c.optional and c.role not in ("ignored", "target")]
    if needed:
        strangers = [n for n in raw.frame.columns if n not in schema.names]
        near = [(c.name, nearest(c.name, strangers)) for c in needed[:10]]
        said = ", ".join(repr(n) + (f" (is {other!r} meant?)" if other else "") for n, other in near)
        more = f" and {len(needed) - 10} more" if len(needed) > 10 else ""
        raise SchemaBroken(
            f"{counted(len(needed), 'column')} of the schema missing: {said}{more}",
            where=raw.source,
            remedy='give them, or make them "optional" in the schema',
        )
    absent = {c.name for c in lacking}
    return [c for c in schema.columns if c.name in names or (c.optional and c.role != "target")], absent


def _left_out(raw: Raw, schema: Schema) -> list[Finding]:
    strangers = [n for n in raw.frame.columns if n not in schema.names]
    if not strangers:
        return []
    names = ", ".join(map(repr, strangers[:_NAMED]))
    more = f" and {len(strangers) - _NAMED} more" if len(strangers) > _NAMED else ""
    evidence = f"{counted(len(strangers), 'column')}: {names}{more}"
    return [finding(codes.NOT_IN_SCHEMA, evidence, remedy="name them in the schema to use them")]


def _refused(column: Column, problems: list[RowProblem], rows: int) -> list[Finding]:
    if not problems:
        return []
    (reason, expected), _ = Counter((p.reason, p.expected) for p in problems).most_common(1)[0]
    others = len({(p.reason, p.expected) for p in problems}) - 1
    more = f" (and {others} more)" if others else ""
    code = codes.REFUSED_VALUES if column.nullable else codes.ROWS_LEFT_OUT
    return [
        finding(
            code,
            f"{len(problems):,} of {rows:,} rows: {reason}, expected {expected}{more}",
            column=column.name,
            rows=sorted(p.row for p in problems),
            remedy="mend the values, or the schema",
            severity="issue",
        )
    ]


def _without_target(column: Column, values: pl.Series, problems: list[RowProblem]) -> list[Finding]:
    gone = values.is_null().arg_true().to_list()
    if not gone:
        return []
    evidence = f"{len(gone):,} of {len(values):,} rows"
    if not problems:
        return [finding(codes.TARGET_MISSING, evidence, column=column.name, rows=gone)]
    first = problems[0]
    evidence += f"; in {counted(len(problems), 'row')} {first.reason}, expected {first.expected}"
    remedy = "mend the values, or the schema"
    return [
        finding(
            codes.TARGET_MISSING, evidence, column=column.name, rows=gone, remedy=remedy, severity="issue"
        )
    ]


def _repeated(column: Column, values: pl.Series) -> list[Finding]:
    if not column.unique:
        return []
    again = (~values.is_first_distinct() & values.is_not_null()).arg_true().to_list()
    if not again:
        return []
    evidence = f"an earlier row has the value of {counted(len(again), 'row')}"
    remedy = "leave out the rows that came twice"
    return [
        finding(codes.NOT_UNIQUE, evidence, column=column.name, rows=again, remedy=remedy, severity="issue")
    ]


def _with_seen(column: Column, values: pl.Series) -> Column:
    """The column with what was seen of it in this table."""
    why = column.why or "named by the schema"
    if column.kind in NUMBER_KINDS:
        low, high = values.min(), values.max()
        return msgspec.structs.replace(column, why=why, minimum=low, maximum=high)
    seen = categories_of(values) if column.kind == "categorical" else ()
    return msgspec.structs.replace(column, why=why, categories=seen)


def _dtype(column: Column) -> type[pl.Float64] | type[pl.String]:
    return pl.Float64 if column.kind in NUMBER_KINDS else pl.String
