"""The codes of what reading finds, MLW001 to MLW049, in one table.

Used by `data` and `sources` to make findings; `checks` has the codes from MLW101 on. It knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mlwright.base.finding import Finding, Severity

ENCODING: Final = "MLW001"
NAMES: Final = "MLW002"
NO_HEADER: Final = "MLW003"
INDEX_COLUMN: Final = "MLW004"
MISSING_MARKERS: Final = "MLW005"
ODD_TEXTS: Final = "MLW006"
CONSTANT: Final = "MLW007"
ALL_MISSING: Final = "MLW008"
TARGET_MISSING: Final = "MLW009"
DAY_OR_MONTH: Final = "MLW010"
NUMBER_FORMAT: Final = "MLW011"
REFUSED_VALUES: Final = "MLW012"
LEFT_OUT: Final = "MLW013"
MARKER_KEPT: Final = "MLW014"
ROW_COUNTER: Final = "MLW015"
TARGET_LABELS: Final = "MLW016"
IDENTIFIER: Final = "MLW017"
NUMBER_WITH_UNIT: Final = "MLW018"
BLANK_LINES: Final = "MLW019"
CONVERTED: Final = "MLW020"
MARKED_NUMBERS: Final = "MLW021"
LARGER: Final = "MLW022"
SHEETS: Final = "MLW031"
ABOVE_HEADER: Final = "MLW032"
FLATTENED: Final = "MLW033"
INNER_TABLE: Final = "MLW034"
EMPTY_PARTS: Final = "MLW035"
NOT_IN_SCHEMA: Final = "MLW041"
ROWS_LEFT_OUT: Final = "MLW042"
NOT_UNIQUE: Final = "MLW043"

TITLES: Final[dict[str, str]] = {
    ENCODING: "the file is not UTF-8",
    NAMES: "column names were changed",
    NO_HEADER: "the file has no header line",
    INDEX_COLUMN: "a column only numbers the rows",
    MISSING_MARKERS: "texts that stand for a missing value",
    ODD_TEXTS: "a few texts among numbers or dates are counted as missing",
    CONSTANT: "one value in all rows; the column is not used",
    ALL_MISSING: "no value in any row; the column is not used",
    TARGET_MISSING: "rows without a target were left out",
    DAY_OR_MONTH: "dates that can be read day first or month first",
    NUMBER_FORMAT: "numbers whose comma or point can be read in two ways",
    REFUSED_VALUES: "values that the column cannot hold are counted as missing",
    LEFT_OUT: "a column of nested or binary values was left out",
    MARKER_KEPT: "`NA` is kept as a category here",
    ROW_COUNTER: "a column counts the rows from first to last",
    TARGET_LABELS: "labels were cleaned of a dot at their end",
    IDENTIFIER: "a column identifies the row and is not used",
    NUMBER_WITH_UNIT: "numbers with a unit are read as text",
    BLANK_LINES: "blank lines were passed over",
    CONVERTED: "values were converted to what a column can hold",
    MARKED_NUMBERS: "a currency, a percent sign or a unit is taken off the numbers",
    LARGER: "the table is larger than memory: a sample of its rows stands for it",
    SHEETS: "the workbook has several sheets; one is read",
    ABOVE_HEADER: "rows above the header were passed over",
    FLATTENED: "nested objects became columns of their own",
    INNER_TABLE: "the table is one part of the file",
    EMPTY_PARTS: "parts without rows were passed over",
    NOT_IN_SCHEMA: "columns that the schema does not name were not read",
    ROWS_LEFT_OUT: "rows that lack a value which the schema needs were left out",
    NOT_UNIQUE: "a value that must be unique stands in several rows",
}
"""What each code means, in one line."""

_MOST_ROWS = 20


def finding(
    code: str,
    evidence: str,
    *,
    column: str = "",
    rows: Iterable[int] = (),
    remedy: str = "",
    severity: Severity = "tip",
) -> Finding:
    """A finding of reading, with the title that belongs to `code`; at most 20 `rows` are kept.

    >>> finding(CONSTANT, "891 rows", column="country").title
    'one value in all rows; the column is not used'
    """
    return Finding(
        code=code,
        title=TITLES[code],
        severity=severity,
        status="found",
        column=column,
        evidence=evidence,
        rows=tuple(int(r) for r in rows)[:_MOST_ROWS],
        remedy=remedy,
    )
