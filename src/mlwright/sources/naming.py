"""What the user said of columns by name: held against the table's names, then written into its schema.

Used by `reading` and `large`. It reads nothing.
"""

from __future__ import annotations

import polars as pl

from mlwright.base.errors import Misuse, TargetUnusable, UnknownName
from mlwright.base.schema import NUMBER_KINDS, Column, Role, Schema
from mlwright.data import codes
from mlwright.data.infer import Hints
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.raw import Raw


def require_names(raw: Raw, roles: Roles) -> None:
    """Raises `TargetUnusable` or `UnknownName`, with the near miss, for a role's column that is not in `raw`,
    which is without the columns to drop; `Misuse` for one that is dropped."""
    sheets = next((f.evidence for f in raw.findings if f.code == codes.SHEETS), "")
    for noun, name in (("target", roles.target), *named_roles(roles)):
        if name is not None and name in roles.drop:
            raise Misuse(
                f"the {noun} column {name!r} is also dropped",
                where=raw.source,
                remedy=f"leave drop={name!r} out",
            )
        if name is not None and name not in raw.frame.columns:
            _refuse_name(noun, name, raw, sheets)


def without_dropped(frame: pl.DataFrame, roles: Roles, source: str = "") -> pl.DataFrame:
    """The table without the columns to drop. Raises `UnknownName`, naming the source."""
    for name in roles.drop:
        if name not in frame.columns:
            raise UnknownName("column to drop", name, frame.columns, where=source)
    return frame.drop(roles.drop)


def named_roles(roles: Roles) -> list[tuple[Role, str]]:
    """Each role but the target with the column that has it."""
    single: tuple[tuple[Role, str | None], ...] = (
        ("time", roles.time),
        ("group", roles.group),
        ("id", roles.id),
        ("weight", roles.weight),
        ("exposure", roles.exposure),
        ("fold", roles.fold),
    )
    named: list[tuple[Role, str]] = [(role, name) for role, name in single if name is not None]
    return named + [("protected", name) for name in roles.protected]


def _refuse_name(noun: str, name: str, raw: Raw, sheets: str) -> None:
    """`sheets` says which sheet of a workbook was read, and which were not."""
    wrong = UnknownName(f"{noun} column", name, raw.frame.columns, where=raw.source)
    if sheets:
        wrong.message += f" (the sheet that was read: {sheets})"
        wrong.remedy = "say sheet= where another sheet is meant, or name a column of this one"
    if noun == "target":
        remedy = wrong.remedy or "name a column of the table as the target"
        raise TargetUnusable(wrong.message, where=raw.source, remedy=remedy)
    raise wrong


def hints_of(raw: Raw, roles: Roles, options: ReadOptions) -> Hints:
    """What inference is told."""
    return Hints(
        kinds=roles.kinds,
        missing=options.missing,
        target=roles.target,
        index=None if raw.index in roles.kinds else raw.index,
        spoken_for=frozenset(name for _, name in named_roles(roles)),
        separator=raw.separator,
        number=options.number,
        dates=options.dates,
        categorical=raw.categorical,
    )


def with_roles(schema: Schema, roles: Roles, source: str = "") -> Schema:
    """The schema with the roles that were named. Raises `Misuse` where a kind cannot have its role."""
    for role, name in named_roles(roles):
        column = schema.column(name)
        if role in ("time", "weight", "exposure"):
            _must_be_number(column, role, source)
        schema = schema.with_roles(role, [name])
    return schema


def _must_be_number(column: Column, role: Role, source: str) -> None:
    if column.kind not in NUMBER_KINDS:
        kinds, kind = ("numbers or dates", "datetime") if role == "time" else ("numbers", "numeric")
        raise Misuse(
            f"the {role} column {column.name!r} is {column.kind} ({column.why})",
            where=source,
            remedy=f"name a column of {kinds}, or overrule its kind: kinds={{{column.name!r}: {kind!r}}}",
        )
