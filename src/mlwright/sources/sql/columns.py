"""From rows of a database to Polars columns whose types follow from what the database declares.

Used by the readers of SQL: every chunk of a result gets the same types, whatever values it holds, so that a
column of nulls in one chunk fits its numbers in the next. It knows no driver.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

import polars as pl

from mlwright.base.finding import Finding
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.sources.names import clean_names

Held = Literal[
    "whole", "unsigned", "number", "decimal", "boolean", "date", "moment", "instant", "time", "span",
    "text", "category", "left out",
]  # fmt: skip

_DTYPES: Final[dict[str, pl.DataType]] = {
    "whole": pl.Int64(),
    "unsigned": pl.UInt64(),
    "number": pl.Float64(),
    "decimal": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "moment": pl.Datetime("us"),
    "instant": pl.Datetime("us", "UTC"),
    "time": pl.Float64(),
    "span": pl.Float64(),
    "text": pl.String(),
    "category": pl.String(),
}
_CONVERTED: Final = {
    "time": "times of day became seconds since midnight",
    "span": "durations became seconds",
}
_DIGITS_OF_A_DOUBLE: Final = 15
_TIME: Final = r"^(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?)$"


@dataclass(frozen=True)
class Declared:
    """A column of a result: its name, what it holds, and the database's word for its type."""

    name: str
    held: Held
    called: str = ""


@dataclass
class Columns:
    """Makes frames of rows, and remembers what it had to do to values."""

    declared: tuple[Declared, ...]
    names: tuple[str, ...] = field(init=False)
    _renamed: tuple[Finding, ...] = field(init=False)
    _rounded: dict[str, int] = field(default_factory=dict)
    _no_date: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names, self._renamed = clean_names([d.name for d in self.declared])
        self.names = tuple(names)

    @property
    def categorical(self) -> frozenset[str]:
        """Columns whose type says that they are categories."""
        return frozenset(n for n, d in zip(self.names, self.declared, strict=True) if d.held == "category")

    def frame(self, rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
        """Rows as a frame, without the columns whose type no schema knows."""
        by_column = list(zip(*rows, strict=True)) if rows else [()] * len(self.declared)
        return pl.DataFrame(
            [
                self._series(name, declared, values)
                for name, declared, values in zip(self.names, self.declared, by_column, strict=True)
                if declared.held != "left out"
            ]
        )

    def findings(self) -> tuple[Finding, ...]:
        """What was done to columns and values, so far."""
        found = list(self._renamed)
        for name, declared in zip(self.names, self.declared, strict=True):
            if declared.held == "left out":
                remedy = "take the values out of it in the query"
                found.append(
                    finding(codes.LEFT_OUT, f"its type is {declared.called}", column=name, remedy=remedy)
                )
            if declared.held in _CONVERTED:
                found.append(finding(codes.CONVERTED, _CONVERTED[declared.held], column=name))
            if self._rounded.get(name):
                said = f"{self._rounded[name]:,} numbers of more than 15 digits were rounded"
                remedy = "cast it to text in the query, if its digits are a name"
                found.append(finding(codes.CONVERTED, said, column=name, remedy=remedy))
            if self._no_date.get(name):
                said = f"{self._no_date[name]:,} values are no dates of a calendar: read as missing"
                found.append(finding(codes.CONVERTED, said, column=name))
        return tuple(found)

    def _series(self, name: str, declared: Declared, values: Sequence[Any]) -> pl.Series:
        held, dtype = declared.held, _DTYPES[declared.held]
        if held in ("text", "category"):
            return pl.Series(name, [v if v is None or type(v) is str else _text(v) for v in values], dtype)
        if held == "decimal":
            texts = pl.Series(name, [None if v is None else str(v) for v in values], pl.String)
            self._count(self._rounded, name, _long(texts))
            return texts.cast(pl.Float64, strict=False)
        if held == "instant" and any(type(v) is int for v in values):
            return pl.Series(name, values, pl.Int64).cast(dtype)
        if held in ("whole", "unsigned") and any(type(v) is str for v in values):
            return pl.Series(name, values, pl.String).cast(dtype)
        if held == "whole" and any(type(v) is Decimal for v in values):
            return pl.Series(name, [None if v is None else int(v) for v in values], dtype)
        if held == "boolean":
            return pl.Series(name, [None if v is None else _truth(v) for v in values], dtype)
        if held == "span":
            return pl.Series(
                name, [v.total_seconds() if isinstance(v, dt.timedelta) else v for v in values], dtype
            )
        if held in ("date", "moment", "instant", "time") and any(type(v) is str for v in values):
            parsed = _parsed(
                pl.Series(name, [None if v is None else str(v) for v in values], pl.String), held
            )
            self._count(self._no_date, name, parsed.null_count() - sum(v is None for v in values))
            return parsed
        if held == "time":
            return pl.Series(name, [_seconds(v) for v in values], dtype)
        return pl.Series(name, list(values), dtype)

    @staticmethod
    def _count(counts: dict[str, int], name: str, more: int) -> None:
        if more:
            counts[name] = counts.get(name, 0) + more


def _text(value: Any) -> str:  # Any: a value of a type that has no column type of its own
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _truth(value: Any) -> bool:  # Any: a driver's truth value
    return value not in (b"\x00", 0, False)


def _seconds(value: Any) -> float | None:  # Any: time, timedelta or nothing
    if isinstance(value, dt.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return value.total_seconds() if isinstance(value, dt.timedelta) else None


def _long(texts: pl.Series) -> int:
    digits = texts.str.replace_all(r"[eE].*$|[^0-9]", "").str.strip_chars("0")
    return int((digits.str.len_bytes() > _DIGITS_OF_A_DOUBLE).sum())


def _parsed(texts: pl.Series, held: Held) -> pl.Series:
    if held == "date":
        return texts.str.to_date("%Y-%m-%d", strict=False)
    if held == "time":
        parts = texts.str.extract_groups(_TIME).struct.unnest()
        hours, minutes, seconds = (parts[n].cast(pl.Float64) for n in ("2", "3", "4"))
        sign = (parts["1"] == "-").cast(pl.Float64) * -2.0 + 1.0
        return (sign * (hours * 3600.0 + minutes * 60.0 + seconds)).alias(texts.name)
    plain = texts.str.strip_suffix("+00") if held == "instant" else texts
    moments = plain.str.replace("T", " ", literal=True).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False
    )
    return moments.dt.replace_time_zone("UTC") if held == "instant" else moments
