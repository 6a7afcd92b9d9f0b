"""The Dataset: a table of decoded values (Polars) with its Schema, provenance and what reading found.

Made by `sources`; used by `checks`, `tasks` and `training`. Values in `frame` are already decoded: Float64
for numeric, boolean and datetime columns (seconds since 1970), String otherwise; null is missing everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.finding import Finding
from mlwright.base.schema import Column, Schema
from mlwright.data.displayed import displayed
from mlwright.data.whole import Whole


@dataclass(frozen=True)
class Provenance:
    """Where a table came from: never a secret, never a value of the table."""

    source: str
    """The file's name, or the kind of frame."""
    sha256: str = ""
    """Of the file's bytes, where it was a file."""
    rows_read: int = 0
    rows_dropped: int = 0
    """Rows left out for want of a target."""
    notes: tuple[str, ...] = field(default=())
    dropped: tuple[str, ...] = ()
    """Columns that were not read, as asked."""
    by_schema: bool = False
    """Whether a schema said what the columns are."""


@dataclass(frozen=True)
class Dataset:
    """A decoded table with its schema. Frozen: every change is a copy."""

    frame: pl.DataFrame
    schema: Schema
    provenance: Provenance
    findings: tuple[Finding, ...] = ()
    whole: Whole | None = None
    """Of a table larger than memory: what all its rows say, of which `frame` is a sample."""

    unlabelled: pl.DataFrame | None = None
    """Some of the rows that were left out for want of a target, decoded, for the checks alone."""

    def __len__(self) -> int:
        return self.frame.height

    @property
    def rows_in_all(self) -> int:
        """Rows of the table; of one larger than memory `frame` holds a sample of them."""
        return len(self) if self.whole is None else self.whole.rows

    @property
    def target(self) -> Column | None:
        """The column with the role `target`, or None."""
        return next((c for c in self.schema.columns if c.role == "target"), None)

    def role(self, role: str) -> tuple[Column, ...]:
        """The columns with this role."""
        return tuple(c for c in self.schema.columns if c.role == role)

    def numbers(self) -> npt.NDArray[np.float64]:
        """The features of number kinds as a double matrix [N, a] in schema order; NaN is missing."""
        columns = self.schema.numbers
        matrix = np.empty((len(self), len(columns)), dtype=np.float64)
        for j, c in enumerate(columns):
            matrix[:, j] = self.frame[c.name].to_numpy()  # where it holds null, NaN
        return matrix

    def strings(self) -> npt.NDArray[np.object_]:
        """The other features as a matrix of str [N, b] in schema order; "" is missing."""
        columns = self.schema.strings
        matrix = np.empty((len(self), len(columns)), dtype=object)
        for j, c in enumerate(columns):
            matrix[:, j] = [v or "" for v in self.frame[c.name].to_list()]
        return matrix

    def rows(self, index: npt.NDArray[Any]) -> Dataset:  # Any: row numbers or a mask
        """A copy with only the rows `index` (row numbers or a mask); it stands for no larger table."""
        picked = np.flatnonzero(index) if index.dtype == bool else index
        return replace(self, frame=self.frame[picked], whole=None)

    def _repr_html_(self) -> str:
        """A table for notebooks: what each column is, never a row."""
        return displayed(self)

    def with_schema(self, schema: Schema) -> Dataset:
        """A copy with another schema over the same values."""
        return replace(self, schema=schema)
