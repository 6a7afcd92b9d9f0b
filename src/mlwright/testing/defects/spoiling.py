"""The words of the injector: what a clean table is, what a spoilt one is, and where the defect lies.

Used by the files of defects beside it, and through `inject` by whoever tests a check of their own. It knows
no check: codes are only names here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import Misuse, UnknownName

Strength = Literal["weak", "medium", "strong"]
Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

STRENGTHS: Final[tuple[Strength, ...]] = ("weak", "medium", "strong")
SHARES: Final = (0.005, 0.02, 0.10)
"""Rows spoilt where the share of rows is what makes a defect weak or strong."""
LEAST_SPOILT: Final = 3
"""Rows that are spoilt even where their share would be fewer."""
FEW_CLASSES: Final = 30
LEAST_FINE: Final = 25.0
"""Deviation of whole numbers from which on a change by 1 is a small one."""
LABELLED_SHARE: Final = 0.5


@dataclass(frozen=True)
class Spoilt:
    """A table with one defect, and the truth about it.

    `frame` has the defect; `other` is the table it is compared with, where the defect lies between two.
    """

    frame: pl.DataFrame
    columns: tuple[str, ...] = ()
    """Columns any of which names the defect; none where the whole table has it."""
    rows: tuple[int, ...] = ()
    """Rows of `frame` that have the defect, counted from 0; none where it is in no row alone."""
    partners: tuple[int, ...] = ()
    """Rows that belong to the defect without being spoilt: the originals of copies."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Roles that the reader must know for the defect to mean anything, such as the time column."""
    other: pl.DataFrame | None = None
    defect: str = ""
    strength: Strength = "medium"
    codes: tuple[str, ...] = ()
    """Codes any of which finds the defect."""

    def located(self, rows: Sequence[int]) -> float:
        """The share of row numbers that belong to the defect; 1.0 for none.

        >>> Spoilt(pl.DataFrame(), rows=(3, 5), partners=(1,)).located([1, 3, 4, 5])
        0.75
        """
        known = {*self.rows, *self.partners}
        return sum(r in known for r in rows) / len(rows) if len(rows) else 1.0


@dataclass(frozen=True)
class Clean:
    """The table that a defect is put into, with how much of it and the random numbers to draw from."""

    frame: pl.DataFrame
    random: np.random.Generator
    degree: float
    """How much, in the defect's own measure."""
    target: str | None = None
    column: str | None = None
    """The column to spoil, where the caller chose one."""
    other: pl.DataFrame | None = None

    def __len__(self) -> int:
        return self.frame.height

    # Which column, which rows.

    def pick(self, fits: Callable[[pl.Series], bool], what: str) -> str:
        """One column that is not the target and fits. Raises `Misuse` where there is none."""
        if self.column is not None:
            if self.column not in self.frame.columns:
                raise UnknownName("column", self.column, self.frame.columns)
            if not fits(self.frame[self.column]):
                raise Misuse(f"column {self.column!r} is not {what}", remedy="name another, or none")
            return self.column
        names = [c for c in self.frame.columns if c != self.target and fits(self.frame[c])]
        if not names:
            raise Misuse(f"no column is {what}", remedy="try the defect on another table")
        return names[int(self.random.integers(len(names)))]

    def some(self, share: float, among: Ints | None = None) -> Ints:
        """Row numbers, in order: a share of all rows, at least 3, drawn from `among`.

        Raises `Misuse` where that would be most of them.
        """
        rows = np.arange(len(self)) if among is None else among
        count = max(LEAST_SPOILT, round(share * len(self)))
        if count > len(rows):
            raise Misuse(f"{count} rows are to be spoilt of {len(rows)}", remedy="give a larger table")
        return np.sort(self.random.choice(rows, count, replace=False))

    def new(self, name: str) -> str:
        """A column name that neither table has yet."""
        taken = {*self.frame.columns, *(self.other.columns if self.other is not None else ())}
        while name in taken:
            name += "_2"
        return name

    def add(self, name: str, values: Any) -> pl.DataFrame:  # Any: what a series is made of
        """The frame with one more column, somewhere between the others."""
        at = int(self.random.integers(1, self.frame.width)) if self.frame.width > 1 else 0
        return self.frame.clone().insert_column(at, pl.Series(name, values))

    # The target.

    def labels(self) -> Ints:
        """The class of each row, from 0 in the order of the labels. Raises `Misuse` without classes."""
        if not self.classified:
            raise Misuse("the target has no classes", remedy="try the defect on a table with labels")
        return self._filled().rank("dense").cast(pl.Int64).to_numpy() - 1

    @property
    def classified(self) -> bool:
        """Whether the target has classes: text, yes and no, or a few whole numbers."""
        target = self._target()
        if target.dtype == pl.Boolean or not target.dtype.is_numeric():
            return target.n_unique() <= max(FEW_CLASSES, 0.1 * len(target))
        values = target.cast(pl.Float64).drop_nulls()
        return values.n_unique() <= FEW_CLASSES and bool((values == values.floor()).all())

    def outcome(self) -> Doubles:
        """The target as a number [N]: the class in the order of the labels, or units of its deviation."""
        if self.classified:
            return self.labels().astype(np.float64)
        values: Doubles = self._filled().cast(pl.Float64).to_numpy()
        return np.asarray((values - values.mean()) / max(float(values.std()), 1e-300))

    def high(self) -> npt.NDArray[np.bool_]:
        """Rows outside the most frequent class, or over the median."""
        y = self.outcome()
        if not self.classified:
            return np.asarray(y > np.median(y))
        return np.asarray(y != np.bincount(y.astype(np.int64)).argmax())

    def _target(self) -> pl.Series:
        if self.target is None:
            raise Misuse("the defect is one of the target, and none is named", remedy="name it: target=")
        if self.target not in self.frame.columns:
            raise UnknownName("column", self.target, self.frame.columns)
        return self.frame[self.target]

    def _filled(self) -> pl.Series:
        """The target with its missing values drawn from the others, so that every row has one."""
        target = self._target()
        if not target.null_count():
            return target
        known = target.drop_nulls()
        if len(known) < LABELLED_SHARE * len(target):
            raise Misuse("the target is mostly missing", remedy="leave out the rows without it")
        drawn = known[self.random.integers(0, len(known), len(target))]
        return pl.select(pl.coalesce(target, drawn)).to_series()


@dataclass(frozen=True)
class Defect:
    """One way to spoil a table: its name, what it is, and what makes it weak, medium or strong."""

    name: str
    what: str
    codes: tuple[str, ...]
    """Codes of `mlwright check` that may find it: any of them will do."""
    measure: str
    """What the three degrees count."""
    degrees: tuple[float, float, float]
    put: Callable[[Clean], Spoilt]
    pair: bool = False
    """Whether it lies between two tables."""

    def degree(self, strength: Strength) -> float:
        """The degree of a strength. Raises `UnknownName` for one that does not exist."""
        if strength not in STRENGTHS:
            raise UnknownName("strength", strength, STRENGTHS)
        return self.degrees[STRENGTHS.index(strength)]


def replaced(series: pl.Series, rows: Ints, values: Any) -> pl.Series:  # Any: values of the series' type
    """A copy of the series with `values` (one, or one a row) in `rows`."""
    listed = values if isinstance(values, (list, np.ndarray, pl.Series)) else [values] * len(rows)
    dtype = series.dtype
    if dtype.is_integer() and any(isinstance(v, (float, np.floating)) for v in listed):
        dtype = pl.Float64()
    wide = series.cast(pl.Int64) if dtype.is_integer() else series.cast(dtype)
    return wide.clone().scatter(rows, pl.Series(values=listed, dtype=wide.dtype, strict=False))


def listed(rows: npt.NDArray[Any]) -> tuple[int, ...]:  # Any: row numbers or a mask
    """Row numbers of a mask or an array, as a tuple in order."""
    numbers = np.flatnonzero(rows) if rows.dtype == bool else np.sort(rows)
    return tuple(int(r) for r in numbers)


def is_number(series: pl.Series) -> bool:
    """Whether a series holds numbers that measure: 10 or more distinct, most of them known."""
    return series.dtype.is_numeric() and series.drop_nulls().n_unique() >= 10 and _mostly_known(series)


def is_fine(series: pl.Series) -> bool:
    """Whether a series holds numbers that can be a little changed: a hundredth of their deviation, or by 1
    where they are whole."""
    return is_number(series) and (series.dtype.is_float() or deviation(series) >= LEAST_FINE)


def moved(series: pl.Series, spread: float) -> pl.Series:
    """The numbers of a fine series, each larger by a hundredth of `spread`, or by 1 where they are whole."""
    step = max(1, round(spread / 100)) if series.dtype.is_integer() else spread / 100
    return (series + step).cast(series.dtype)


def is_category(series: pl.Series) -> bool:
    """Whether a series holds texts that repeat: at least 2 distinct, 10 rows for each on average."""
    distinct = series.drop_nulls().n_unique()
    return series.dtype == pl.String and 2 <= distinct <= len(series) / 10 and _mostly_known(series)


def is_text(series: pl.Series) -> bool:
    """Whether a series holds texts with letters."""
    if series.dtype != pl.String or not _mostly_known(series):
        return False
    share = series.drop_nulls().str.contains("[A-Za-z]").mean()
    return isinstance(share, float) and share > 0.5


def is_any(series: pl.Series) -> bool:
    """Whether a series holds two values or more, most of them known."""
    return series.drop_nulls().n_unique() >= 2 and _mostly_known(series)


def numbers_of(series: pl.Series) -> Doubles:
    """The values as doubles [N]; NaN where missing."""
    return series.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()


def deviation(series: pl.Series) -> float:
    """The standard deviation of the known values; 1.0 where there is none."""
    return float(np.nanstd(numbers_of(series))) or 1.0


def _mostly_known(series: pl.Series) -> bool:
    return series.null_count() < 0.5 * len(series)
