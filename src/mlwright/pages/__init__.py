"""Pages that people read: what is known about a table, or a model, as one self-contained HTML file.

Called by `lifecycle`. It draws values from `base` and knows no data, no model and no check.
"""

from mlwright.pages.card import model_page
from mlwright.pages.page import digest_of
from mlwright.pages.shown import ModelPage
from mlwright.pages.table import TablePage, table_page

__all__ = ["ModelPage", "TablePage", "digest_of", "model_page", "table_page"]
