"""A raw table to decoded values by its schema, a column at a time.

Used by every way in that has a table: reading, batch prediction. Gives exactly what `base.decoding.decoder`
gives value by value: what Polars can do alike is done for the column, the rest goes through the decoder once
for each distinct value. It knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.constraints import breach
from mlwright.base.decoding import ValueRefused, decoder, missing_numbers
from mlwright.base.errors import RowProblem, SchemaBroken, nearest, shown
from mlwright.base.schema import NUMBER_KINDS, Column, Schema
from mlwright.base.texts import clean
from mlwright.data.dates import seconds_of_iso, seconds_of_moments
from mlwright.data.numbers import numbers_in
from mlwright.data.texts import cleaned, whole_codes


@dataclass(frozen=True)
class Decoded:
    """What became of a raw table: Float64 and String columns, and what was refused."""

    frame: pl.DataFrame
    """The schema's columns in its order; null is missing, and also where a value was refused."""
    problems: tuple[RowProblem, ...]
    """One for each refused value, column by column."""
    refused: npt.NDArray[np.bool_]
    """For each row, whether any value was refused."""


def decode_frame(
    raw: pl.DataFrame, schema: Schema, *, text: bool, features_only: bool = False, where: str = ""
) -> Decoded:
    """Decode the columns of `raw` that `schema` names; others are ignored.

    `text=True` where String columns hold written values (files, frames), `False` where a text is a text
    (JSON). With `features_only` the target and other roles are left alone, as when predicting.
    Raises `SchemaBroken` naming `where` and every missing column, with near misses.

    >>> s = Schema(columns=(Column(name="age", kind="numeric"), Column(name="zip", kind="categorical")))
    >>> d = decode_frame(pl.DataFrame({"zip": ["07", ""], "age": ["41", "old"]}), s, text=True)
    >>> d.frame.rows(), [str(p) for p in d.problems]
    ([(41.0, '07'), (None, None)], ["row 1, 'age': not a number, expected a finite number, got 'old'"])
    """
    wanted = schema.features if features_only else schema.columns
    _require(raw, schema, wanted, where)
    refused = np.zeros(raw.height, dtype=bool)
    problems: list[RowProblem] = []
    columns = []
    for c in wanted:
        if c.name in raw.columns:
            values, wrong = decode_series(raw[c.name], c, text=text)
            refused[[p.row for p in wrong]] = True
            problems.extend(wrong)
        else:
            values = pl.Series(c.name, [None] * raw.height, dtype=_dtype(c))
        columns.append(values)
    return Decoded(pl.DataFrame(columns), tuple(problems), refused)


def decode_series(raw: pl.Series, column: Column, *, text: bool) -> tuple[pl.Series, list[RowProblem]]:
    """Decode one column: its values (null is missing) and a problem for each value refused."""
    if raw.dtype == pl.Null:
        values: pl.Series | None = pl.Series([None] * len(raw), dtype=_dtype(column))
    elif raw.dtype == pl.String:
        values = _from_text(cleaned(raw), column, text)
    else:
        values = _from_typed(raw, column)
    if values is None:
        values, problems = _by_distinct(raw, column, text)
    else:
        values, problems = _within(raw, values, column)
    if not column.nullable:
        problems += _absent(raw, values, column, {p.row for p in problems})
    return values.rename(column.name), problems


def _require(raw: pl.DataFrame, schema: Schema, wanted: tuple[Column, ...], where: str) -> None:
    needed = {c.name for c in schema.features}
    names = set(raw.columns)
    missing = [c.name for c in wanted if c.name in needed and not c.optional and c.name not in names]
    if not missing:
        return
    strangers = [n for n in raw.columns if n not in schema.names]
    parts = []
    for name in missing[:10]:
        near = nearest(name, strangers)
        parts.append(f"{name!r} (is {near!r} meant?)" if near else repr(name))
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    noun = "column" if len(missing) == 1 else "columns"
    raise SchemaBroken(
        f"{len(missing)} {noun} missing: {', '.join(parts)}{more}",
        where=where,
        remedy="give the table the columns that the model was trained on; extra ones do no harm",
    )


def _dtype(column: Column) -> type[pl.Float64] | type[pl.String]:
    return pl.Float64 if column.kind in NUMBER_KINDS else pl.String


def _from_text(texts: pl.Series, column: Column, text: bool) -> pl.Series | None:
    """The decoded column where Polars alone decides every value, otherwise None."""
    empty = texts == ""
    if empty.any():
        texts = texts.set(empty.fill_null(False), None)
    texts = _without(texts, _markers(column))
    if column.kind not in NUMBER_KINDS:
        return _without(whole_codes(texts), _markers(column)) if column.codes else texts
    if column.kind == "numeric" and text:
        values = numbers_in(texts, column.number)
    elif column.kind == "datetime" and not column.formats:
        values = seconds_of_iso(texts)
    else:
        return None
    if values.null_count() != texts.null_count():
        return None
    return _without(values, missing_numbers(column)) if column.kind == "numeric" else values


def _from_typed(raw: pl.Series, column: Column) -> pl.Series | None:
    """The decoded column of a typed series where its type decides every value, otherwise None."""
    dtype = raw.dtype
    if column.kind == "numeric" and dtype.is_numeric() and not dtype.is_decimal():
        values = raw.cast(pl.Float64)
        array = values.to_numpy()  # of a thousand short columns, numpy looks at each sooner than Polars
        if np.isinf(array).any():
            return None
        if np.count_nonzero(np.isnan(array)) > values.null_count():
            values = values.fill_nan(None)
        return _without(values, missing_numbers(column))
    if column.kind == "boolean" and dtype == pl.Boolean:
        return raw.cast(pl.Float64)
    if column.kind == "datetime" and dtype == pl.Date:
        return raw.cast(pl.Int32).cast(pl.Float64) * 86400.0
    if column.kind == "datetime" and isinstance(dtype, pl.Datetime):
        return seconds_of_moments(raw)
    if column.kind not in NUMBER_KINDS and (dtype.is_integer() or dtype == pl.Boolean):
        texts = raw.cast(pl.String)
        if dtype.is_integer():
            numbers = missing_numbers(column)
            texts = (
                texts.set(raw.cast(pl.Float64).is_in(list(numbers)).fill_null(False), None)
                if numbers
                else texts
            )
        return _without(texts, _markers(column))
    return None


def _within(raw: pl.Series, values: pl.Series, column: Column) -> tuple[pl.Series, list[RowProblem]]:
    """Decoded values, null where the column does not allow one, and a problem for each."""
    broken = breach(column)
    if broken is None:
        return values, []
    if column.kind in NUMBER_KINDS:
        wrong = pl.Series([False]).new_from_index(0, len(values))
        wrong = wrong | (values < column.least) if column.least is not None else wrong
        wrong = wrong | (values > column.most) if column.most is not None else wrong
    else:
        distinct = values.unique().drop_nulls()
        refused = [v for v in distinct.to_list() if broken(v) is not None]
        wrong = values.is_in(refused)
    wrong = wrong.fill_null(False)
    problems = []
    for row in wrong.arg_true().to_list():
        why = broken(values[row])
        assert why is not None
        problems.append(RowProblem(row, column.name, shown(raw[row]), why[1], why[0]))
    return values.set(wrong, None) if problems else values, problems


def _markers(column: Column) -> list[str]:
    return [m for m in map(clean, column.missing) if m]


def _without(values: pl.Series, missing: Collection[float | str]) -> pl.Series:
    """`values` with null where they are one of `missing`."""
    return values.set(values.is_in(list(missing)).fill_null(False), None) if missing else values


def _by_distinct(raw: pl.Series, column: Column, text: bool) -> tuple[pl.Series, list[RowProblem]]:
    """Each distinct value through the decoder once, then back to the rows."""
    lenient = msgspec.structs.replace(column, nullable=True)
    decode: Callable[[Any], float | str] = decoder(lenient, text=text)  # Any: a value of any Polars type
    distinct, codes = _numbered(raw)
    decoded: list[float | str | None] = []
    refusals: dict[int, ValueRefused] = {}
    for code, value in enumerate(distinct.to_list()):
        result: float | str | None = None
        try:
            result = decode(value)
        except ValueRefused as e:
            refusals[code] = e
        decoded.append(None if result == "" or result != result else result)
    problems = []
    if refusals:
        rows = codes.is_in(list(refusals)).arg_true()
        for row, code in zip(rows.to_list(), codes.gather(rows).to_list(), strict=True):
            why = refusals[code]
            problems.append(RowProblem(row, column.name, shown(why.value), why.expected, why.reason))
    return pl.Series(decoded, dtype=_dtype(column)).gather(codes), problems


def _numbered(raw: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The distinct values, and for each row the number of its value."""
    if raw.dtype.is_nested() or raw.dtype in (pl.Object, pl.Binary, pl.Unknown):
        return raw, pl.arange(0, len(raw), eager=True)
    distinct = raw.unique(maintain_order=True).rename("value")
    numbered = pl.DataFrame({"value": distinct, "code": pl.arange(0, len(distinct), eager=True)})
    rows = pl.DataFrame({"value": raw})
    codes = rows.join(numbered, on="value", how="left", nulls_equal=True, maintain_order="left")["code"]
    return distinct, codes


def _absent(raw: pl.Series, values: pl.Series, column: Column, known: set[int]) -> list[RowProblem]:
    rows = values.is_null().arg_true().to_list()
    expected = f"{column.kind}, never missing"
    return [
        RowProblem(r, column.name, shown(raw[r]), expected, "a value is missing")
        for r in rows
        if r not in known
    ]
