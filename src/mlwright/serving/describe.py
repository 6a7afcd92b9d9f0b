"""What a row holds, as JSON Schema: for GET /schema and OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlwright.base.constraints import bound
from mlwright.base.schema import Column, Schema

_TYPES = {
    "numeric": ["number"],
    "boolean": ["boolean"],
    "datetime": ["string"],
    "categorical": ["string", "number", "boolean"],
    "text": ["string"],
}


def describe(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    """The JSON Schema of one row, the target, and an example row.

    >>> described = describe(Schema(columns=(Column(name="age", kind="numeric", nullable=False),)), ())
    >>> described["properties"], described["required"]
    ({'age': {'type': ['number']}}, ['age'])
    """
    features = schema.features
    described: dict[str, Any] = {  # Any: JSON values
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {column.name: _property(column) for column in features},
        "required": [column.name for column in features if not column.optional],
        "additionalProperties": False,
    }
    unused = {c.name: {"description": "not used by the model"} for c in schema.columns if c.unused}
    described["properties"] |= unused
    target = schema.target
    if target is not None:
        classes = [target.label(i) for i in range(len(target.classes))]
        described["x-target"] = {"name": target.name, "task": target.task, "classes": classes}
    if rows:
        described["examples"] = [{c.name: rows[0].get(c.name) for c in features if c.name in rows[0]}]
    return described


def _property(column: Column) -> dict[str, Any]:  # Any: JSON values
    types = _TYPES[column.kind] + (["null"] if column.nullable else [])
    described: dict[str, Any] = {"type": types}  # Any: JSON values
    if column.kind == "datetime":
        described["format"] = "date-time"
    if column.kind == "numeric" and column.minimum is not None and column.maximum is not None:
        described["x-seen"] = [column.minimum, column.maximum]
    if column.categories:
        described["x-seen"] = list(column.categories[:50])
    return described | _rules(column)


def _rules(column: Column) -> dict[str, Any]:  # Any: as above
    """What the column allows, in JSON Schema's words where it has them."""
    rules: dict[str, Any] = {}  # Any: as above
    for end, word in ((column.least, "minimum"), (column.most, "maximum")):
        if end is not None and column.kind == "numeric":
            rules[word] = end
        elif end is not None:
            rules[f"x-{word}"] = bound(end, column.kind)
    if column.allowed:
        rules["enum"] = [*column.allowed, *_typed(column), *([None] if column.nullable else [])]
    if column.pattern:
        rules["pattern"] = f"^(?:{column.pattern.removeprefix('^')})$"
    return rules


def _typed(column: Column) -> list[int | bool]:
    """The allowed categories that a whole number, true or false may stand for."""
    if column.kind != "categorical":
        return []
    whole = [int(t) for t in column.allowed if t.isdecimal() and str(int(t)) == t]
    return [*whole, *(t == "true" for t in column.allowed if t in ("true", "false"))]
