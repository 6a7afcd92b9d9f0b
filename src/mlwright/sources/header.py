"""Whether a file's first line holds names or values, and whether a column only numbers the rows.

Used by `delimited`. Goes by the first line beside a part of the body; it knows no files.
"""

from __future__ import annotations

import polars as pl

from mlwright.data.plain import mostly_plain
from mlwright.data.texts import cleaned, plain_numbers

_BODY = 2_000
_INDEX_NAMES = frozenset(
    ["", "unnamed: 0", "index", "row", "rownames", "row.names", "x", "_id", "idx", "__index_level_0__"]
)


def has_header(first: list[str], body: pl.DataFrame) -> bool:
    """Whether `first`, the first line, holds the names of the columns of `body`.

    Names are no numbers, differ from each other and do not come again among the values.

    >>> has_header(["a", "b"], pl.DataFrame({"x": ["1"], "y": ["u"]}))
    True
    >>> has_header(["196", "3"], pl.DataFrame({"x": ["186"], "y": ["5"]}))
    False
    """
    if body.height == 0:
        return True
    cells = cleaned(pl.Series(first, dtype=pl.String)).fill_null("")
    numbers = plain_numbers(cells)
    places = [str(i) for i in range(len(first))]
    if len(first) > 1 and cells.to_list() in (places, ["", *places[:-1]]):
        return True  # pandas writes these for columns without names
    body = body.head(_BODY)
    named = repeated = numeric = 0
    plain = mostly_plain(body)
    for cell, number, column, over_numbers in zip(cells, numbers, body.get_columns(), plain, strict=True):
        values = column
        if not over_numbers:  # blanks around them may hide numbers
            values = cleaned(column.drop_nulls())
            values = values.filter(values != "")
            if values.is_empty():
                continue
            over_numbers = plain_numbers(values).null_count() < 0.2 * len(values)
        if number is not None:
            # A year may be a name (2019 over the figures of 2019); other numbers are values.
            numeric += not (number == int(number) and 1800 <= number <= 2200 and not cell.startswith("+"))
        elif cell and over_numbers:
            named += 1
        elif cell and (values == cell).sum() > 1 and len(values) > 3:
            repeated += 1
    if numeric and numeric >= named:
        return False
    if named:
        return True
    if plain_numbers(cells).null_count() == 0:
        return False
    return not repeated


def is_row_index(name: str, column: pl.Series) -> bool:
    """Whether a leading column only numbers the rows: no name, or one like `index`, over 0, 1, 2, ...

    >>> is_row_index("", pl.Series(["0", "1", "2"])), is_row_index("age", pl.Series(["0", "1", "2"]))
    (True, False)
    """
    if name.strip().lower() not in _INDEX_NAMES or len(column) < 2:
        return False
    if column.dtype == pl.String:
        numbers = plain_numbers(cleaned(column))
    elif column.dtype.is_numeric():
        numbers = column.cast(pl.Float64)
    else:
        return False
    if numbers.null_count() or numbers[0] not in (0.0, 1.0):
        return False
    return bool((numbers.diff().drop_nulls() == 1.0).all())
