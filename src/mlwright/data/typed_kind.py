"""The kind of a column that has a type already, or whose texts turned out to be numbers.

Used by inference, for frames and Parquet as for files: a number column of either gets the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from mlwright.base.finding import Finding
from mlwright.base.schema import Column, Kind
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.named import is_called_id, names_a_code, names_an_identifier, names_things

_FEW_CODES = 100
_FEWEST_COUNTED = 30


@dataclass(frozen=True)
class Judged:
    """A column's kind and reading rules, and what was found on the way."""

    column: Column
    findings: tuple[Finding, ...] = ()


def judge_typed(raw: pl.Series, *, forced: Kind | None = None, target: bool = False) -> Judged:
    """The kind of a column of numbers, truth values, dates or nothing at all.

    >>> judge_typed(pl.Series("store_id", [3, 3, 4, 4, 5, 5])).column.kind
    'categorical'
    """
    name, dtype = raw.name, raw.dtype
    if dtype == pl.Boolean:
        natural: Kind = "boolean"
    elif dtype == pl.Date or isinstance(dtype, pl.Datetime):
        natural = "datetime"
    else:
        natural = "numeric"
    if forced is not None:
        codes_ = forced in ("categorical", "id") and dtype.is_numeric()
        return Judged(Column(name=name, kind=forced, codes=codes_, why="named by the user"))
    if natural == "numeric" and dtype != pl.Null:
        return judge_numbers(name, raw.cast(pl.Float64), target=target)
    return Judged(Column(name=name, kind=natural, why=f"its type is {dtype}"))


def judge_numbers(name: str, numbers: pl.Series, *, target: bool = False) -> Judged:
    """Whether numbers are amounts, codes or identifiers; `numbers` is Float64, null or NaN is missing."""
    amount = Judged(Column(name=name, kind="numeric", why="all values are numbers"))
    present = numbers.drop_nulls().drop_nans()
    if target or present.is_empty():
        return amount
    whole = bool((present == present.floor()).all()) and not present.is_infinite().any()
    if not whole:
        return amount
    rows, distinct = len(present), present.n_unique()
    if rows == len(numbers) and _counts_rows(present):
        if names_an_identifier(name):
            return Judged(Column(name=name, kind="id", codes=True, why="it counts the rows and is named so"))
        found = finding(
            codes.ROW_COUNTER,
            f"{rows} rows, from {present[0]:.0f} to {present[-1]:.0f}",
            column=name,
            remedy="drop it, unless it is a time step",
        )
        return Judged(amount.column, (found,))
    unique = distinct * 2 > rows and rows >= _FEWEST_COUNTED
    if unique and is_called_id(name):
        return Judged(
            Column(name=name, kind="id", codes=True, why=f"named an id, {distinct} values in {rows} rows")
        )
    consecutive = distinct == rows and present.max() - present.min() + 1 == rows  # type: ignore[operator]
    if consecutive and rows >= _FEWEST_COUNTED and names_an_identifier(name):
        return Judged(Column(name=name, kind="id", codes=True, why="consecutive numbers, named an id"))
    few = distinct <= _FEW_CODES and names_a_code(name)
    many = names_things(name) and distinct * 2 <= rows
    if (few or many) and distinct > 2:
        return Judged(
            Column(name=name, kind="categorical", codes=True, why=f"named a code, {distinct} whole numbers")
        )
    return amount


def _counts_rows(present: pl.Series) -> bool:
    """Whether the values are n, n+1, n+2, ... in the order of the rows, from 0 or 1."""
    if len(present) < _FEWEST_COUNTED or present[0] not in (0.0, 1.0):
        return False
    return bool((present.diff().drop_nulls() == 1.0).all())
