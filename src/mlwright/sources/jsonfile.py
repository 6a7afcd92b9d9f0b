"""JSON to a raw table: one object a line, an array of objects, or an object that holds such a table.

Used by `formats`. Keys that a row lacks are missing there; objects in a row become columns one level down,
`address.city`; arrays are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from mlwright.base.errors import SourceUnreadable, UnknownName, shown
from mlwright.base.finding import Finding, counted
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources.encoding import utf8_of
from mlwright.sources.files import File, refuse_foreign
from mlwright.sources.frames import from_rows
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw

_MOST_FLATTENED: Final = 1_000
_MOST_NAMED: Final = 8
_NO_TABLE: Final = "write an array of objects, or one object a line"
Row = Mapping[str, object]


def read_json(file: File, options: ReadOptions) -> Raw:
    """Read a JSON file; `file.member` names the key whose table is meant. Raises `SourceUnreadable`."""
    refuse_foreign(file)
    data, found = utf8_of(file.data, file.name, options.encoding)
    rows, more = _rows(data, file, options)
    if not rows:
        raise SourceUnreadable("the file holds no rows", where=file.name, remedy="look at how it was written")
    flat, flattened = _flat(rows)
    raw = from_rows(flat, options, file.name)
    return replace(raw, sha256=file.sha256, findings=(*found, *more, *flattened, *raw.findings))


def read_json_lines(data: bytes, name: str, options: ReadOptions, before: int = 0) -> Raw:
    """Rows of UTF-8 `data` with one object a line; `before` lines stood before. Raises `SourceUnreadable`."""
    flat, flattened = _flat(_from_lines(data, name, max(0, options.skip_rows - before), before))
    raw = from_rows(flat, options, name)
    return replace(raw, findings=(*flattened, *raw.findings))


def _rows(data: bytes, file: File, options: ReadOptions) -> tuple[list[Row], tuple[Finding, ...]]:
    start = data.lstrip()[:1]
    if options.skip_rows or (start != b"[" and _is_lines(data, file.suffix)):
        return _from_lines(data, file.name, options.skip_rows), ()
    value = _decoded(data, file.name)
    if isinstance(value, list):
        return _objects(value, file.name), ()
    if isinstance(value, dict):
        return _from_object(value, file)
    raise SourceUnreadable(f"the JSON is one {_noun(value)}, not a table", where=file.name, remedy=_NO_TABLE)


def _is_lines(data: bytes, suffix: str) -> bool:
    """Whether each line is an object: the first one is, and there is another, or the ending says so."""
    first, _, rest = data.lstrip().partition(b"\n")
    try:
        whole = isinstance(_value(first), dict)
    except (ValueError, RecursionError):
        return suffix in (".jsonl", ".ndjson")
    return whole and (bool(rest.strip()) or suffix in (".jsonl", ".ndjson"))


def _from_lines(data: bytes, name: str, skip: int, before: int = 0) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if number <= skip or not line.strip():
            continue
        where = f"{name}, line {number + before}"
        try:
            row = _value(line)
        except (ValueError, RecursionError) as e:
            array = line.lstrip().startswith(b"[")
            remedy = "write one object a line, without brackets around" if array else "mend the line"
            raise SourceUnreadable(f"not a JSON object: {_why(e)}", where=where, remedy=remedy) from None
        if not isinstance(row, dict):
            raise SourceUnreadable(
                f"not a JSON object but one {_noun(row)}",
                where=where,
                remedy="write one object a line, without brackets around it",
            )
        rows.append(row)
    return rows


def _decoded(data: bytes, name: str) -> object:
    try:
        return _value(data)
    except (ValueError, RecursionError) as e:
        raise SourceUnreadable(
            f"the JSON is damaged: {_why(e)}", where=name, remedy="write it again, or mend it there"
        ) from None


def _value(data: bytes) -> object:
    """The value of a JSON text; NaN and infinities, which Python writes though JSON has none, are missing."""
    try:
        return msgspec.json.decode(data)
    except ValueError:
        if not any(word in data for word in (b"NaN", b"Infinity")):
            raise
        return json.loads(data, parse_constant=lambda _: None)


def _why(problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    text = str(problem).removeprefix("JSON is malformed: ")
    return "it ends too early: it was cut off" if text == "Input data was truncated" else text


def _from_object(value: dict[str, object], file: File) -> tuple[list[Row], tuple[Finding, ...]]:
    if file.member is not None:
        if file.member not in value:
            raise UnknownName("key in the JSON object", file.member, value, where=file.name)
        inner = value[file.member]
        if not isinstance(inner, list):
            raise SourceUnreadable(
                f"the key {shown(file.member)} holds {_noun(inner)}, not an array of objects",
                where=file.name,
                remedy="name another with member",
            )
        return _objects(inner, file.name), ()
    tables = [k for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if len(tables) == 1:
        note = finding(codes.INNER_TABLE, f"the array under the key {shown(tables[0])} is read")
        return _objects(value[tables[0]], file.name), (note,)
    if tables:
        named = ", ".join(shown(k) for k in tables[:_MOST_NAMED])
        raise SourceUnreadable(
            f"the JSON object holds {len(tables)} arrays of objects: {named}",
            where=file.name,
            remedy=f"name one: member={tables[0]!r}",
        )
    return _from_columns(value, file.name), ()


def _from_columns(value: dict[str, object], name: str) -> list[Row]:
    """An object of columns (arrays of one length, or objects by row as pandas writes them), or one row."""
    split = value.get("columns"), value.get("data")
    if (
        isinstance(split[0], list)
        and isinstance(split[1], list)
        and set(value) <= {"columns", "index", "data"}
    ):
        return _split(split[0], split[1], name)
    columns = list(value.values())
    if columns and all(isinstance(c, list) for c in columns):
        lists = {k: v for k, v in value.items() if isinstance(v, list)}
        longest, shortest = max(lists, key=lambda k: len(lists[k])), min(lists, key=lambda k: len(lists[k]))
        if len(lists[longest]) != len(lists[shortest]):
            raise SourceUnreadable(
                f"column {shown(longest)} has {len(lists[longest])} values, "
                f"column {shown(shortest)} has {len(lists[shortest])}",
                where=name,
                remedy="give columns of one length",
            )
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    if columns and all(isinstance(c, dict) and c and not _holds_more(c) for c in columns):
        dicts = {k: v for k, v in value.items() if isinstance(v, dict)}
        keys = dict.fromkeys(k for c in dicts.values() for k in c)
        if all(k.isdigit() for k in keys):
            return [{name: column.get(k) for name, column in dicts.items()} for k in keys]
    if any(not isinstance(c, (list, dict)) for c in columns):
        return [value]
    raise SourceUnreadable("the JSON object holds no table", where=name, remedy=_NO_TABLE)


def _split(names: list[object], rows: list[object], name: str) -> list[Row]:
    """The form that pandas calls `split`: names apart from rows."""
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise SourceUnreadable(
                f"row {number} of `data` has not the {len(names)} values of `columns`",
                where=name,
                remedy=_NO_TABLE,
            )
    return [dict(zip(map(str, names), row, strict=True)) for row in rows if isinstance(row, list)]


def _objects(values: object, name: str) -> list[Row]:
    rows: list[Row] = []
    for number, value in enumerate(values if isinstance(values, Sequence) else ()):
        if not isinstance(value, dict):
            raise SourceUnreadable(
                f"row {number} of the array is one {_noun(value)}, not an object",
                where=name,
                remedy=_NO_TABLE,
            )
        rows.append(value)
    return rows


def _flat(rows: list[Row]) -> tuple[list[Row], tuple[Finding, ...]]:
    """The rows with the values of inner objects as columns `outer.inner`, and what was done."""
    inner: dict[str, dict[str, None]] = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, dict):
                inner.setdefault(key, {}).update(dict.fromkeys(value))
    if not inner:
        return rows, ()
    # Whoever uses an object as a map, with a key for each customer, means no thousand columns.
    spread = {k for k, keys in inner.items() if len(keys) <= _MOST_FLATTENED and not _mixed(rows, k)}
    taken = {key for row in rows for key in row}
    names = {k: _free_names(k, inner[k], taken) for k in inner if k in spread}
    flat = [_spread(row, names) for row in rows]
    return flat, tuple(
        finding(
            codes.FLATTENED,
            f"{counted(len(names[k]), 'column')}, such as {shown(next(iter(names[k].values())))}",
            column=k,
        )
        for k in inner
        if k in spread and names[k]
    )


def _mixed(rows: list[Row], key: str) -> bool:
    """Whether the key holds objects in some rows and other values in others: no group of columns."""
    return any(row.get(key) is not None and not isinstance(row[key], dict) for row in rows)


def _free_names(outer: str, inner: Mapping[str, None], taken: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for key in inner:
        name = f"{outer}.{key}"
        while name in taken:
            name += "_"
        taken.add(name)
        names[key] = name
    return names


def _spread(row: Row, names: Mapping[str, Mapping[str, str]]) -> Row:
    flat: dict[str, object] = {}
    for key, value in row.items():
        if key not in names:
            flat[key] = value
        elif isinstance(value, dict):
            flat.update((names[key][k], v) for k, v in value.items())
    return flat


def _holds_more(values: Mapping[str, object]) -> bool:
    return any(isinstance(v, (dict, list)) for v in values.values())


def _noun(value: object) -> str:
    kinds = {dict: "object", list: "array", str: "text", bool: "truth value", int: "number", float: "number"}
    return kinds.get(type(value), "null")
