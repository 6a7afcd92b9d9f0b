"""The outside world to a Dataset: files and data frames.

Called by `lifecycle`. It decides how a table is written and what its columns are; it knows no model.
"""

from mlwright.sources.by_schema import read_by_schema
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.raw import Raw
from mlwright.sources.reading import held_or_streamed, read, read_raw
from mlwright.sources.stream import Stream

__all__ = ["Raw", "ReadOptions", "Roles", "Stream", "held_or_streamed", "read", "read_by_schema", "read_raw"]
