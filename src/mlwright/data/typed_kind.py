"""The kind of a column that has a type already, or whose texts turned out to be numbers.

Used by inference, for frames and Parquet as for files: a number column of either gets the same kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.base.finding import Finding
from mlwright.base.schema import Column, Kind
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.named import is_called_id, names_a_code, names_an_identifier, names_things
from mlwright.data.texts import FEW

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
    if natural != "numeric" or dtype == pl.Null or target:
        naive = isinstance(dtype, pl.Datetime) and dtype.time_zone is None
        why = f"its type is {dtype}" + (", without a zone: taken as UTC" if naive else "")
        return Judged(Column(name=name, kind=natural, why=why))
    numbers = raw.cast(pl.Float64).to_numpy()
    present = pl.Series(name, numbers[~np.isnan(numbers)])
    return judge_numbers(Numbers(name, present, len(present), len(raw) - len(present), lambda: present))


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column."""

    name: str
    values: pl.Series
    """Each number at least once, none missing."""
    rows: int
    """Those that hold a number."""
    missing: int
    ordered: Callable[[], pl.Series]
    """The numbers in the order of the rows, made when asked for."""


def judge_numbers(numbers: Numbers) -> Judged:
    """Whether numbers are amounts, codes or identifiers."""
    name, rows, values = numbers.name, numbers.rows, numbers.values.to_numpy()
    amount = Judged(Column(name=name, kind="numeric", why="all values are numbers"))
    if not len(values) or not np.isfinite(values).all() or (values != np.floor(values)).any():
        return amount
    distinct = len(np.unique(values)) if len(values) <= FEW else numbers.values.n_unique()
    if distinct == rows and rows >= _FEWEST_COUNTED and values.max() - values.min() + 1 == distinct:
        if names_an_identifier(name):
            return _code(name, "id", f"named an id, {rows:,} consecutive numbers")
        if numbers.missing == 0 and (numbers.ordered().diff().drop_nulls() == 1.0).all():
            found = finding(
                codes.ROW_COUNTER,
                f"{rows:,} rows, in steps of 1",
                column=name,
                remedy="drop it, unless it is a time step",
            )
            return Judged(amount.column, (found,))
    if distinct * 2 > rows and rows >= _FEWEST_COUNTED and is_called_id(name):
        return _code(name, "id", f"named an id, {distinct:,} values in {rows:,} rows")
    few = distinct <= _FEW_CODES and names_a_code(name)
    many = names_things(name) and distinct * 2 <= rows
    if (few or many) and distinct > 2:
        return _code(name, "categorical", f"named a code, {distinct} whole numbers")
    return amount


def _code(name: str, kind: Kind, why: str) -> Judged:
    return Judged(Column(name=name, kind=kind, codes=True, why=why))
