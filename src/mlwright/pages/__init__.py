"""Pages that people read: what is known about a table, as one self-contained HTML file.

Called by `lifecycle`. It draws values from `base` and knows no data, no model and no check.
"""

from mlwright.pages.page import digest_of
from mlwright.pages.table import TablePage, table_page

__all__ = ["TablePage", "digest_of", "table_page"]
