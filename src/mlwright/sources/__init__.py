"""The outside world to a Dataset: files and data frames.

Called by `lifecycle`. It decides how a table is written and what its columns are; it knows no model.
"""

from mlwright.sources.by_schema import read_by_schema
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.raw import Raw
from mlwright.sources.reading import read, read_raw

__all__ = ["Raw", "ReadOptions", "Roles", "read", "read_by_schema", "read_raw"]
