"""The parts of a source, read one by one and joined to one raw table.

Used by `reading`. All parts have the same columns; their order may differ, and whole numbers may meet
fractions. Row numbers count through all parts in sorted order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from mlwright.base.errors import SourceUnreadable, nearest, shown
from mlwright.base.finding import Finding, counted
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources.formats import format_of, read_file
from mlwright.sources.locating import Located, Part
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw

_UNTYPED = ("text", "JSON", "Excel", "OpenDocument")
"""Formats whose types are those of the values that a part happens to hold."""


def read_parts(place: Located, options: ReadOptions) -> Raw:
    """All rows of a located source. Raises `SourceUnreadable` naming the part that does not fit."""
    if place.whole:
        return _with_keys(_read(place.parts[0], options), place.parts[0])
    _refuse_mixture(place)
    read: list[tuple[Part, Raw]] = []
    empty: list[Part] = []
    for part in place.parts:
        if part.path.stat().st_size == 0:
            empty.append(part)
            continue
        first = read[0][1] if read else None
        raw = _with_keys(_read(part, options if first is None else _as_first(options, first)), part)
        if raw.frame.height == 0:
            empty.append(part)
        else:
            read.append((part, raw))
    if not read:
        raise SourceUnreadable("no part has a row", where=place.name, remedy="look at how they were written")
    return _joined(place, read, empty)


def _read(part: Part, options: ReadOptions) -> Raw:
    if part.member is not None:
        options = replace(options, member=part.member)
    return read_file(part.path, options, name=_shown_name(part), suffix=part.suffix)


def _shown_name(part: Part) -> str:
    """Nothing where the path is the user's own: then its errors name the whole path."""
    return "" if part.path.name == part.name else part.name


def _as_first(options: ReadOptions, first: Raw) -> ReadOptions:
    """Later parts are written as the first one is: a short part says less about it."""
    return replace(
        options,
        separator=options.separator or first.separator or None,
        header=first.header if options.header is None else options.header,
    )


def _refuse_mixture(place: Located) -> None:
    formats: dict[str, str] = {}
    for part in place.parts:
        formats.setdefault(format_of(f"x{part.suffix}" if part.suffix else part.name), part.name)
    if len(formats) > 1:
        (one, first), (other, second) = list(formats.items())[:2]
        raise SourceUnreadable(
            f"the parts are of several formats: {shown(first, 80)} is {one}, {shown(second, 80)} is {other}",
            where=place.name,
            remedy="name those that are meant, such as 'folder/*.csv'",
        )


def _with_keys(raw: Raw, part: Part) -> Raw:
    """The columns that the folders give, where the file has none of that name."""
    keys = [(name, value) for name, value in part.keys if name not in raw.frame.columns]
    if not keys:
        return raw
    return replace(
        raw, frame=raw.frame.with_columns(pl.lit(value, dtype=pl.String).alias(name) for name, value in keys)
    )


def _joined(place: Located, read: Sequence[tuple[Part, Raw]], empty: Sequence[Part]) -> Raw:
    first_part, first = read[0]
    names = first.frame.columns
    for part, raw in read[1:]:
        _same_names(names, raw.frame.columns, first_part, part, place)
    typed = format_of(first_part.name) not in _UNTYPED
    columns = [_column(name, read, typed, place) for name in names]
    digests = "\n".join(raw.sha256 for _, raw in read)
    found: dict[tuple[str, str], Finding] = {}
    for _, raw in read:
        for seen in raw.findings:
            found.setdefault((seen.code, seen.column), seen)
    if empty:
        evidence = f"{counted(len(empty), 'part')}, the first is {shown(empty[0].name, 80)}"
        found["", ""] = finding(codes.EMPTY_PARTS, evidence)
    same_index = {raw.index for _, raw in read}
    return Raw(
        pl.DataFrame(columns),
        f"{place.name} ({counted(len(read), 'part')})",
        hashlib.sha256(digests.encode()).hexdigest(),
        first.separator,
        index=first.index if len(same_index) == 1 else None,
        categorical=frozenset.union(*(raw.categorical for _, raw in read)),
        header=first.header,
        notes=(counted(len(read), "part"),),
        findings=tuple(found.values()),
    )


def _same_names(names: list[str], others: list[str], first: Part, part: Part, place: Located) -> None:
    missing = [n for n in names if n not in others]
    added = [n for n in others if n not in names]
    if not missing and not added:
        return
    said = []
    if missing:
        said.append(f"lacks the column {shown(missing[0])}")
    if added:
        near = f" (did it mean {shown(near)}?)" if missing and (near := nearest(added[0], missing)) else ""
        said.append(f"has a column {shown(added[0])} that {shown(first.name, 80)} has not{near}")
    more = len(missing) + len(added) - len(said)
    raise SourceUnreadable(
        f"{shown(part.name, 80)} {' and '.join(said)}" + (f"; {more} more differ" if more else ""),
        where=place.name,
        remedy="give parts of one table, with equal columns",
    )


def _column(name: str, read: Sequence[tuple[Part, Raw]], typed: bool, place: Located) -> pl.Series:
    """The column of all parts, in the narrowest type that holds them all."""
    pieces = [raw.frame[name] for _, raw in read]
    kinds = {p.dtype for p in pieces if p.dtype != pl.Null}
    if len(kinds) > 1 and not _widens(kinds):
        if typed:
            first = next(i for i, p in enumerate(pieces) if p.dtype != pl.Null)
            other = next(i for i, p in enumerate(pieces) if not _widens({p.dtype, pieces[first].dtype}))
            raise SourceUnreadable(
                f"column {shown(name)} is {pieces[other].dtype} in {shown(read[other][0].name, 80)} and "
                f"{pieces[first].dtype} in {shown(read[first][0].name, 80)}",
                where=place.name,
                remedy="write the parts with equal types",
            )
        pieces = [p.cast(pl.String) for p in pieces]
    return pl.concat([p.to_frame() for p in pieces], how="vertical_relaxed").to_series()


def _widens(kinds: set[pl.DataType]) -> bool:
    """Whether one type can hold the values of all of them."""
    kinds = {k for k in kinds if not k.is_(pl.Null)}
    return (
        len(kinds) < 2
        or all(k.is_numeric() for k in kinds)
        or all(k == pl.Date or isinstance(k, pl.Datetime) for k in kinds)
    )
