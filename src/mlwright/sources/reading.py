"""From any source to a Dataset: read, infer the schema, decode, leave out rows without a target.

Called by `lifecycle` for every verb that takes data. A file format is one line in the table below and one
file beside this one; nothing here knows how a format is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from mlwright.base.errors import Misuse, TargetUnusable, UnknownName
from mlwright.base.finding import Finding
from mlwright.base.schema import NUMBER_KINDS, Column, Role, Schema
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_series
from mlwright.data.infer import Hints, infer_table, judge
from mlwright.data.missing import by_marker
from mlwright.data.texts import cleaned
from mlwright.sources.delimited import read_delimited
from mlwright.sources.frames import from_columns, from_pandas, from_polars, from_rows
from mlwright.sources.jsonlines import read_json_lines
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.parquet import read_parquet
from mlwright.sources.raw import Raw

_BY_SUFFIX: Final[dict[str, Callable[[Path, ReadOptions], Raw]]] = {
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
}


def read(source: object, roles: Roles | None = None, options: ReadOptions | None = None) -> Dataset:
    """Read a table: a path, a Polars, pandas or Arrow frame, a dict of columns, a list of dicts.

    Raises `SourceUnreadable` where it is no table, `UnknownName` for a column that does not exist,
    `TargetUnusable` where no row has a target.

    >>> data = read({"age": [41, 7, 30], "sick": ["y", "n", None]}, Roles(target="sick"))
    >>> len(data), [(c.name, c.kind, c.role) for c in data.schema.columns]
    (2, [('age', 'numeric', 'feature'), ('sick', 'categorical', 'target')])
    """
    roles, options = roles or Roles(), options or ReadOptions()
    raw = read_raw(source, options)
    frame = _without(raw.frame, roles)
    for noun, name in (("target", roles.target), *_named_roles(roles)):
        if name not in frame.columns:
            _refuse_name(noun, name, frame.columns, raw.source)
    hints = _hints(raw, roles, options)
    found = list(raw.findings)
    read_rows = frame.height
    if roles.target is not None:
        frame, more = _with_target(frame, roles.target, hints, raw.source)
        found.extend(more)
    inferred = infer_table(frame, hints)
    schema = _with_roles(inferred.schema, roles)
    provenance = Provenance(raw.source, raw.sha256, read_rows, read_rows - frame.height)
    return Dataset(inferred.frame, schema, provenance, (*found, *inferred.findings))


def read_raw(source: object, options: ReadOptions | None = None) -> Raw:
    """Read a table without deciding about its columns: prediction decodes it by the model's schema."""
    options = options or ReadOptions()
    if isinstance(source, (str, os.PathLike)):
        return _from_path(Path(source), options)
    if isinstance(source, pl.LazyFrame):
        return from_polars(source.collect(), options)
    if isinstance(source, pl.DataFrame):
        return from_polars(source, options)
    if isinstance(source, Mapping):
        return from_columns(source, options)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return from_pandas(source, options)
    if hasattr(source, "__arrow_c_stream__"):
        return from_polars(pl.DataFrame(source), options, "an Arrow table")
    if isinstance(source, Sequence) and not isinstance(source, (bytes, bytearray)):
        return from_rows(source, options)
    raise Misuse(
        f"a {type(source).__name__} is no table",
        remedy="give a path, a Polars, pandas or Arrow frame, a dict of columns or a list of dicts",
    )


def _from_path(path: Path, options: ReadOptions) -> Raw:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    # A file with any other ending may well be delimited text; if it is not, its first bytes say what it is.
    return _BY_SUFFIX.get(suffix, read_delimited)(path, options)


def _without(frame: pl.DataFrame, roles: Roles) -> pl.DataFrame:
    for name in roles.drop:
        if name not in frame.columns:
            raise UnknownName("column to drop", name, frame.columns)
    return frame.drop(roles.drop)


def _named_roles(roles: Roles) -> list[tuple[Role, str]]:
    single: tuple[tuple[Role, str | None], ...] = (
        ("time", roles.time),
        ("group", roles.group),
        ("id", roles.id),
        ("weight", roles.weight),
    )
    named: list[tuple[Role, str]] = [(role, name) for role, name in single if name is not None]
    return named + [("protected", name) for name in roles.protected]


def _refuse_name(noun: str, name: str | None, known: list[str], source: str) -> None:
    if name is None:
        return
    wrong = UnknownName(f"{noun} column", name, known, where=source)
    if noun == "target":
        raise TargetUnusable(wrong.message, where=source, remedy="name a column of the table as the target")
    raise wrong


def _hints(raw: Raw, roles: Roles, options: ReadOptions) -> Hints:
    return Hints(
        kinds=roles.kinds,
        missing=options.missing,
        target=roles.target,
        index=None if raw.index in roles.kinds else raw.index,
        spoken_for=frozenset(name for _, name in _named_roles(roles)),
        separator=raw.separator,
        number=options.number,
        dates=options.dates,
        categorical=raw.categorical,
    )


def _with_target(
    frame: pl.DataFrame, target: str, hints: Hints, source: str
) -> tuple[pl.DataFrame, list[Finding]]:
    """Only the rows that have a target, its labels without a dot at the end."""
    found = []
    labels = frame[target]
    if labels.dtype == pl.String:
        plain = _without_dots(cleaned(labels))
        if plain is not None:
            found.append(finding(codes.TARGET_LABELS, "`x.` is read as `x`", column=target))
            frame = frame.with_columns(plain)
            labels = plain
    column = judge(labels, hints).column
    values, _ = decode_series(labels, column, text=True)
    absent = values.is_null()
    if absent.all():
        raise TargetUnusable(
            f"the target {target!r} has no value in any row", where=source, remedy="name another target"
        )
    if absent.any():
        rows = absent.arg_true().to_list()
        evidence = f"{len(rows):,} of {frame.height:,} rows"
        if labels.dtype == pl.String:
            evidence += f": {by_marker(cleaned(labels.filter(absent)), hints.missing or ())}"
        found.append(finding(codes.TARGET_MISSING, evidence, column=target, rows=rows))
        frame = frame.filter(~absent)
    return frame, found


def _without_dots(labels: pl.Series) -> pl.Series | None:
    """The labels without a final dot, where all have one or some come with and without; otherwise None."""
    seen = set(labels.drop_nulls().unique().to_list()) - {""}
    dotted = {s for s in seen if len(s) > 1 and s.endswith(".") and not s[-2].isspace() and s[:-1].strip(".")}
    if not dotted or len(seen) > 1_000 or all(_is_number(s) for s in dotted):
        return None
    if dotted == seen or any(s[:-1] in seen for s in dotted):
        return labels.str.strip_suffix(".")
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _with_roles(schema: Schema, roles: Roles) -> Schema:
    for role, name in _named_roles(roles):
        column = schema.column(name)
        if role in ("time", "weight"):
            _must_be_number(column, role)
        schema = schema.with_roles(role, [name])
    return schema


def _must_be_number(column: Column, role: Role) -> None:
    if column.kind not in NUMBER_KINDS:
        raise Misuse(
            f"the {role} column {column.name!r} is {column.kind} ({column.why})",
            remedy=f"name a column of numbers or dates, or overrule its kind: kinds={{{column.name!r}: ...}}",
        )
