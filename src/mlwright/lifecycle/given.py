"""What a user may give where a schema is asked for: a Schema, a class, a model, or a file of either."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mlwright.base.errors import EnvironmentProblem, Misuse, nearest, nearest_file
from mlwright.base.schema import Schema
from mlwright.base.schema_class import Columns, schema_of_class
from mlwright.base.schema_json import MOST_BYTES, is_schema, schema_from_json
from mlwright.lifecycle.load import load

_REMEDY = "give a Schema, a schema file (.json), a class of columns, a model, or a table already read"


def schema_of(given: object) -> Schema:
    """The schema in what was given. Raises `Misuse` where there is none, and what opening a model raises.

    >>> from mlwright.base.schema import Column
    >>> schema_of(Schema(columns=(Column(name="age", kind="numeric"),))).names
    ('age',)
    """
    found = schema_in(given)
    if found is not None:
        return found
    own = getattr(given, "schema", None)
    if isinstance(own, Schema):  # a Dataset, which only the extra `train` knows
        return own
    if isinstance(given, (str, os.PathLike)):
        raise Misuse(f"this is no schema file{_why_not(Path(given))}", where=str(given), remedy=_REMEDY)
    raise Misuse(f"a {type(given).__name__} is no schema", remedy=_REMEDY)


def schema_in(given: object) -> Schema | None:
    """The schema in what was given; None where it is a table, or anything else."""
    from mlwright.artifact import Model

    if isinstance(given, Schema):
        return given
    if isinstance(given, type) and issubclass(given, Columns):
        return schema_of_class(given)
    if isinstance(given, Model):
        return given.schema
    if not isinstance(given, (str, os.PathLike)):
        return None
    path = Path(given)
    if path.suffix.lower() == ".mlw":
        return load(path).schema
    return _in_file(path) if path.suffix.lower() == ".json" else None


def _why_not(path: Path) -> str:
    """What a JSON file has in place of a schema's `columns`, where that can be told."""
    if path.suffix.lower() != ".json":
        return ""
    try:
        given = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ": it is not JSON"
    if not isinstance(given, dict):
        return f": it holds a {type(given).__name__}, not an object with `columns`"
    near = nearest("columns", given)
    return f": it has no `columns`{f'; did you mean that by {near!r}?' if near else ''}"


def _in_file(path: Path) -> Schema | None:
    """The schema in a JSON file; None for a table in JSON."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as missing:
        near = nearest_file(path.name, path.parent)
        hint = f"; did you mean {near!r}?" if near else ""
        raise Misuse(f"there is no such file{hint}", where=str(path), remedy="check the path") from missing
    except OSError as problem:
        raise EnvironmentProblem(
            f"it cannot be read: {problem.strerror}", where=str(path), remedy="check the path and permissions"
        ) from problem
    begins = data[:300].lstrip()
    if not begins.startswith(b"{"):
        return None
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        given = None
    if is_schema(given) or (given is None and b'"columns"' in begins):
        return schema_from_json(data, str(path))
    return None
