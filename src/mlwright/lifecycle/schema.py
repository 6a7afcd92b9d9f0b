"""schema: what a table, a model or a file says that columns are; and what a table can be held to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mlwright.base.schema import Schema
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.read import RoleNames, read

if TYPE_CHECKING:
    from mlwright.checks.held import Reference
    from mlwright.sources import ReadOptions


def reference_of(
    against: object, options: ReadOptions | None = None, **roles: Unpack[RoleNames]
) -> Reference:
    """What a table can be held to: a model, a schema, or a table, with all that is known of it.

    Takes a Model, a Schema, a Dataset, the path of a `.mlw` file, or anything that `read` takes. Raises as
    `load` and `read` do.
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
    if isinstance(against, Schema):
        return Reference(against, "the schema")
    dataset = against if isinstance(against, Dataset) else read(against, options=options, **roles)
    return Reference(dataset.schema, dataset.provenance.source, profile_of(dataset), dataset)
