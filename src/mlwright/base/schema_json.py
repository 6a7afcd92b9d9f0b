"""A Schema as JSON that people read and edit, and back, with errors that name the column and the field.

Used by `lifecycle.schema` for files and by `schema_class` for Python classes. What was seen stands apart,
under `seen`; all else is a rule. Model files hold the Schema itself and do not come this way.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from mlwright.base.constraints import bound, faults
from mlwright.base.decoding import category_of, moment_of, seconds_of
from mlwright.base.errors import Misuse, nearest, shown
from mlwright.base.schema import KINDS, Column, NumberFormat, Role, Schema, Target
from mlwright.base.texts import clean

MOST_BYTES = 16 << 20
_LONGEST_NAME = 256
_MOST_TOLD = 5
_SEEN: Final = ("minimum", "maximum", "categories")
_MOMENTS: Final = ("least", "most", "minimum", "maximum")
_FIELDS: Final = tuple(f for f in Column.__struct_fields__ if f not in _SEEN)
_NUMBER_FIELDS: Final = NumberFormat.__struct_fields__
_ROLES: Final = get_args(Role)
_MEANT: Final = {
    "type": "kind", "dtype": "kind", "min": "least", "max": "most", "ge": "least", "le": "most",
    "minimum": "least", "maximum": "most", "categories": "allowed", "values": "allowed", "enum": "allowed",
    "isin": "allowed", "regex": "pattern", "null": "nullable", "required": "nullable", "na_values": "missing",
    "format": "formats",
}  # fmt: skip
"""Other tools' words for a field."""
_TYPES: Final = {
    "bool": "true or false", "str": "a text", "float": "a number", "int": "a number", "array": "a list",
    "object": "an object", "null": "null",
}  # fmt: skip

Fields = Mapping[str, Any]  # Any: JSON values, and Python's moments


def schema_to_json(schema: Schema) -> str:
    """`schema` as indented JSON, always the same for the same schema; moments in ISO 8601.

    >>> print(schema_to_json(Schema(columns=(Column(name="age", kind="numeric", least=18, maximum=95),))))
    {
      "columns": [
        {
          "name": "age",
          "kind": "numeric",
          "least": 18,
          "seen": {"maximum": 95}
        }
      ]
    }
    <BLANKLINE>
    """
    blocks = [_block(fields_of(c), "    ") for c in schema.columns]
    lines = ["{", '  "columns": [', ",\n".join(blocks), "  ]" + ("," if schema.target else "")]
    if schema.target is not None:
        named = _block(msgspec.to_builtins(schema.target), "  ").lstrip()
        lines.append(f'  "target": {named}')
    return "\n".join([*lines, "}"]) + "\n"


def fields_of(column: Column) -> dict[str, Any]:  # Any: JSON values
    """The fields of a column that differ from their defaults, as they are written."""
    given = msgspec.to_builtins(column)
    given |= {f: _moment(given[f]) for f in _MOMENTS if f in given and column.kind == "datetime"}
    seen = {f: given[f] for f in _SEEN if f in given}
    fields = {f: given[f] for f in _FIELDS if given.get(f) not in (None, {}) and f != "why"}
    fields |= {"seen": seen} if seen else {}
    return fields | ({"why": given["why"]} if "why" in given else {})


def schema_from_json(data: bytes | str, where: str = "") -> Schema:
    """The schema that `data` writes. Raises `Misuse`, naming place and near miss, for what it cannot be.

    >>> schema_from_json('{"columns": [{"name": "age", "kind": "numeric", "nulable": false}]}')
    Traceback (most recent call last):
    mlwright.base.errors.Misuse: column 'age': no field 'nulable'; did you mean 'nullable'?
    """
    if len(data) > MOST_BYTES:
        raise Misuse(f"a schema has at most {MOST_BYTES >> 20} MiB", where=where)
    try:
        given = json.loads(data, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as wrong:
        place = f"line {wrong.lineno}, column {wrong.colno}"
        raise Misuse(f"this is no JSON: {wrong.msg} ({place})", where=where) from wrong
    except (UnicodeDecodeError, RecursionError) as wrong:
        raise Misuse("this is no JSON in UTF-8", where=where) from wrong
    except Misuse as wrong:
        wrong.where = where
        raise
    return schema_from(given, where)


def is_schema(given: object) -> bool:
    """Whether parsed JSON means to be a schema: an object with a list of named columns."""
    columns = given.get("columns") if isinstance(given, dict) else None
    return isinstance(columns, list) and all(isinstance(c, dict) and "name" in c for c in columns)


def schema_from(given: object, where: str = "") -> Schema:
    """The schema that a tree of JSON values writes. Raises as `schema_from_json` does."""
    wrong: list[str] = []
    if not isinstance(given, dict) or not isinstance(given.get("columns"), list):
        raise Misuse(
            'a schema is an object with a list of "columns"',
            where=where,
            remedy="let `mlwright schema TABLE -o schema.json` write one, and edit it",
        )
    wrong += [f"the schema has {unknown}" for unknown in _unknown(given, ("columns", "target"))]
    columns = []
    for number, fields in enumerate(given["columns"], 1):
        column, problems = column_from(fields)
        name = fields.get("name") if isinstance(fields, dict) else None
        place = f"column {shown(name)}" if isinstance(name, str) else f"column number {number}"
        wrong += [f"{place}: {problem}" for problem in problems]
        columns.append(column)
    known = tuple(c for c in columns if c is not None)
    target = None
    if not wrong:
        target, problems = _target(given.get("target"))
        wrong += problems
        schema = Schema(columns=known, target=target)
        wrong += list(_whole(schema))
    if wrong:
        more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        raise Misuse("; ".join(wrong[:_MOST_TOLD]) + more, where=where)
    return schema


def column_from(given: object) -> tuple[Column | None, list[str]]:
    """The column that `given` writes, and what is wrong with it; no column where anything is.

    >>> column_from({"name": "day", "kind": "datetime", "least": "2020-01-01"})[0].least
    1577836800.0
    >>> column_from({"name": "age", "kind": "number"})[1]
    ["no kind 'number'; did you mean 'numeric'?"]
    """
    if not isinstance(given, Mapping):
        return None, ['it is no object such as {"name": "age", "kind": "numeric"}']
    wrong = list(_unknown(given, (*_FIELDS, "seen")))
    seen = given.get("seen", {})
    if isinstance(seen, Mapping):
        wrong += [f"seen has {unknown}" for unknown in _unknown(seen, _SEEN)]
    else:
        wrong.append(f"field 'seen': it holds {', '.join(_SEEN)}, as an object")
    name, kind = given.get("name"), given.get("kind")
    if not isinstance(name, str) or not clean(name) or len(name.encode(errors="replace")) > _LONGEST_NAME:
        wrong.append(f"field 'name': it is a text of 1 to {_LONGEST_NAME} bytes")
    wrong += _no_such("kind", kind, KINDS) + _no_such("role", given.get("role", "feature"), _ROLES)
    if wrong:
        return None, wrong
    fields = {k: v for k, v in given.items() if k != "seen"} | dict(seen)
    read: dict[str, Any] = {}  # Any: as above
    for field, value in fields.items():
        try:
            read[field] = _reader(field, fields)(value)
        except (ValueError, Misuse) as problem:
            wrong.append(f"field {field!r}: {problem}")
    if wrong:
        return None, wrong
    column = Column(**read)
    return column, [f"field {field!r}: {why}" for field, why in faults(column)]


def _reader(field: str, fields: Fields) -> Callable[[Any], Any]:  # Any: as above
    """What makes the value of a field of what was written. It raises ValueError with the reason."""
    if field == "name":
        return clean
    if field in _MOMENTS and fields["kind"] == "datetime":
        return _seconds
    if field in ("allowed", "categories"):
        return lambda texts: tuple(category_of(t, fields.get("codes") is True) for t in _listed(texts))
    if field == "missing":
        return lambda texts: tuple(str(t) if isinstance(t, (int, float)) else t for t in _listed(texts))
    if field in ("true", "false"):
        return lambda texts: tuple(_converted(t, str).lower() for t in _listed(texts))
    of_type = _TYPES_OF[field]
    if field == "number":
        return _number
    return lambda value: _converted(value, of_type)


_TYPES_OF: Final = {f.name: f.type for f in msgspec.structs.fields(Column)}


def _listed(texts: object) -> list[Any]:  # Any: JSON values
    if isinstance(texts, str) or not isinstance(texts, (list, tuple, set, frozenset)):
        raise ValueError('it is a list of texts, such as ["a", "b"]')
    return list(texts)


def _number(given: object) -> NumberFormat:
    unknown = list(_unknown(given, _NUMBER_FIELDS)) if isinstance(given, Mapping) else []
    if unknown:
        raise ValueError(unknown[0])
    return _converted(given, NumberFormat)  # type: ignore[no-any-return]


def _converted(value: Any, of_type: Any) -> Any:  # Any: a JSON value, a type and a value of it
    try:
        return msgspec.convert(value, of_type)
    except msgspec.ValidationError as problem:
        text = re.sub(r"`(\w+)( \| null)?`", lambda m: _TYPES.get(m[1], m[1]), str(problem))
        raise ValueError(text[0].lower() + text[1:].replace(" - at $", ", at ")) from problem


def _seconds(value: object) -> float | None:
    """Seconds since 1970 of a number, an ISO 8601 text, or Python's own moments."""
    if isinstance(value, (dt.datetime, dt.date)):
        return seconds_of(value)
    if not isinstance(value, str):
        return _converted(value, float | None)  # type: ignore[no-any-return]
    seconds = moment_of(clean(value))
    if seconds is None:
        raise ValueError(f"{shown(value)} is no date or time in ISO 8601, such as 2020-12-31")
    return seconds


def _moment(seconds: float) -> str | float:
    """A moment as people write it, or its seconds where that would not be exact."""
    text = bound(seconds, "datetime")
    return text if moment_of(text) == seconds else seconds


def _target(given: object) -> tuple[Target | None, list[str]]:
    if given is None:
        return None, []
    unknown = list(_unknown(given, Target.__struct_fields__)) if isinstance(given, Mapping) else []
    if unknown:
        return None, [f"the target has {u}" for u in unknown]
    try:
        return _converted(given, Target), []
    except ValueError as problem:
        return None, [f"the target: {problem}"]


def _whole(schema: Schema) -> Iterator[str]:
    """What cannot be about the columns together."""
    names = schema.names
    if not names:
        yield "it has no column"
    if len(set(names)) < len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        yield f"two columns are called {twice!r}"
    targets = [c.name for c in schema.columns if c.role == "target"]
    if len(targets) > 1:
        yield f"{targets[0]!r} and {targets[1]!r} are both the target; there is one"
    if schema.target and targets and schema.target.name != targets[0]:
        yield f"the target is called {schema.target.name!r}, but column {targets[0]!r} has the role"


def _unknown(given: Fields, known: tuple[str, ...]) -> Iterator[str]:
    for field in given:
        if field in known:
            continue
        near = _MEANT.get(field) if _MEANT.get(field) in known else nearest(str(field), known)
        about = ": what was seen stands under 'seen'" if field in _SEEN and "seen" in known else ""
        hint = f"; did you mean {near!r}?" if near else f"; there are {', '.join(known)}"
        yield f"no field {shown(field)}{about}{hint}"


def _no_such(noun: str, value: object, known: tuple[str, ...]) -> list[str]:
    if isinstance(value, str) and value in known:
        return []
    if value is None:
        return [f"it has no {noun}; there are {', '.join(known)}"]
    near = nearest(value, known) if isinstance(value, str) else None
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    return [f"no {noun} {shown(value)}; {hint}"]


def _block(fields: Fields, indent: str) -> str:
    """An object with one field a line."""
    lines = [f"{indent}  {json.dumps(k)}: {_compact(v)}" for k, v in fields.items()]
    return "\n".join([indent + "{", ",\n".join(lines), indent + "}"])


def _compact(value: Any) -> str:  # Any: a JSON value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_compact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        raise Misuse(f"the field {twice!r} stands twice in one object")
    return fields


def _no_number(text: str) -> float:
    raise Misuse(f"{text} is no number in JSON; leave a limit out where there is none")
