"""schema: what a table, a model or a file says that columns are; and what a table can be held to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mlwright.base.errors import Misuse
from mlwright.base.schema import Schema
from mlwright.base.schema_class import source_of
from mlwright.base.schema_json import schema_to_json
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.given import schema_in
from mlwright.lifecycle.load import load
from mlwright.lifecycle.output import writable, write_text
from mlwright.lifecycle.read import RoleNames, read

if TYPE_CHECKING:
    from mlwright.checks.held import Reference
    from mlwright.sources import ReadOptions


def schema(
    source: object,
    *,
    out: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    **roles: Unpack[RoleNames],
) -> Schema:
    """The schema of a table (inferred), of a Dataset or a model, or in a schema file or class.

    With `out` it is written there too: as JSON to be read and edited, or as a Python class where the name
    ends in .py. Raises what `read` and `load` raise, `Misuse` for a schema file that is wrong, naming the
    place, and `EnvironmentProblem` where it cannot be written.

    >>> schema({"age": [41, 7, 30]}).column("age").kind
    'numeric'
    """
    path = None if out is None else writable(out, source)
    if path is not None and path.suffix.lower() not in (".json", ".py"):
        raise Misuse(
            "a schema is written as JSON, or as a Python class",
            where=str(path),
            remedy="end the name in .json or .py",
        )
    found = schema_in(source)
    if found is None:
        own = getattr(source, "schema", None)
        found = own if isinstance(own, Schema) else read(source, options=options, **roles).schema
    if path is not None:
        write_text(source_of(found) if path.suffix.lower() == ".py" else schema_to_json(found), path)
    return found


def reference_of(
    against: object, options: ReadOptions | None = None, **roles: Unpack[RoleNames]
) -> Reference:
    """What a table can be held to, with all that is known of it: a model, a schema, or a table.

    Takes what `schema` takes. Raises as `schema` does.
    """
    need("train", "checking data")
    from mlwright.artifact import Model
    from mlwright.checks.held import Reference
    from mlwright.data.dataset import Dataset
    from mlwright.data.profile import profile_of

    if isinstance(against, (str, os.PathLike)) and Path(against).suffix.lower() == ".mlw":
        against = load(Path(against))
    if isinstance(against, Model):
        name = str(against.path or "the model")
        return Reference(against.schema, name, against.profile, features_only=True)
    found = schema_in(against)
    if found is not None:
        return Reference(found, str(against) if isinstance(against, (str, os.PathLike)) else "the schema")
    dataset = against if isinstance(against, Dataset) else read(against, options=options, **roles)
    return Reference(dataset.schema, dataset.provenance.source, profile_of(dataset), dataset)
