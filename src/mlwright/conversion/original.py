"""Somebody's fitted model beside the rows that it takes: asked as its owner would ask it.

Rows at the edges are the owner's own example rows with one thing changed, so that they have the very types
that the model was fitted on.
"""

from __future__ import annotations

import copy
import itertools
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.decoding import category_of
from mlwright.base.errors import ConversionRefused, Misuse
from mlwright.base.schema import Column, Kind
from mlwright.base.texts import clean
from mlwright.conversion.names import kind_of
from mlwright.conversion.native import ASKED, call
from mlwright.conversion.networks import Network

Doubles = npt.NDArray[np.float64]


CLOCKED_S, FEWEST_CLOCKED, MOST_CLOCKED = 0.1, 5, 100
"""How long, and how often at the least and at the most, the original is asked one row for its time."""


@dataclass(frozen=True)
class Said:
    """What the original answers: probabilities [N, K] (None where it has none), and labels or numbers [N]."""

    probability: Doubles | None
    answer: npt.NDArray[Any]  # Any: labels of whatever type, or numbers

    @property
    def size(self) -> float:
        """How large its numbers are, in the mean; 0 of labels."""
        return float(np.abs(self.answer.astype(np.float64)).mean()) if self.answer.dtype.kind == "f" else 0.0

    def only(self, which: Sequence[int]) -> Said:
        rows = list(which)
        return Said(None if self.probability is None else self.probability[rows], self.answer[rows])


class Example:
    """Rows in the types that a model takes: a pandas frame, an array of two dimensions, or texts alone (a
    list, an array or a pandas series of them)."""

    def __init__(
        self,
        rows: Any,  # Any: a pandas frame, an array or texts
        called: tuple[str, ...] = (),
        written: Mapping[str, Column] | None = None,
    ) -> None:
        """`called` names the columns of an array; `written` says by name how a table wrote their values."""
        if isinstance(rows, (list, tuple)) and rows and all(isinstance(t, str) for t in rows):
            rows = np.array(rows, dtype=object)
        self._called, self.written = called, dict(written or {})
        of_pandas = type(rows).__module__.split(".")[0] == "pandas"
        self.is_frame = of_pandas and hasattr(rows, "columns")
        self._is_series = of_pandas and not self.is_frame and hasattr(rows, "iloc")
        self._is_text = self._is_series or (
            isinstance(rows, np.ndarray) and rows.ndim == 1 and rows.dtype.kind in "OUT"
        )
        if not (self.is_frame or self._is_text or (isinstance(rows, np.ndarray) and rows.ndim == 2)):
            raise _no_rows(rows)
        if self.is_frame and not rows.columns.is_unique:
            twice = rows.columns[rows.columns.duplicated()][0]
            raise Misuse(f"example= has the column {twice!r} twice", remedy="rename or leave out one of them")
        if not len(rows):
            raise Misuse("example= has no rows", remedy="give some rows as the model takes them")
        self.rows = _in_doubles(rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        if self._is_text:
            name = self._called[0] if self._called else getattr(self.rows, "name", None)
            return (name if isinstance(name, str) and name and clean(name) == name else "text",)
        if not self.is_frame:
            return self._called or tuple(f"x{i}" for i in range(self.rows.shape[1]))
        for name in self.rows.columns:
            if not isinstance(name, str):
                raise Misuse(f"the column {name!r} is not called by a text", remedy="name columns by texts")
            if clean(name) != name or not name:
                raise Misuse(
                    f"the column name {name!r} is empty or has spaces around it",
                    remedy="rename it and fit again",
                )
        return tuple(self.rows.columns)

    def kind(self, name: str) -> Kind:
        """What a column is, by its type in the example. Raises `Misuse` for types that no schema has."""
        if self._is_text:
            return "categorical"
        if not self.is_frame:
            if self.rows.dtype.kind in "fiub":
                return "numeric"
            raise Misuse(
                f"an array of {self.rows.dtype} has no types by column", remedy="give a pandas frame"
            )
        dtype = self.rows[name].dtype
        known: dict[str, Kind] = {"f": "numeric", "i": "numeric", "u": "numeric", "b": "boolean"}
        letter = getattr(dtype, "kind", "O")
        if letter in known and str(dtype) != "category":
            return known[letter]
        if letter == "O" or str(dtype) in ("category", "str", "string"):
            return "categorical"
        numbers = "make numbers of it before the model, such as the days since a date, and fit on those"
        raise Misuse(
            f"column {name!r} of {dtype} is no input of a model that can be converted",
            remedy=numbers if letter in ("M", "m") else "give columns of numbers, texts, or yes and no",
        )

    def has_codes(self, name: str) -> bool:
        """Whether a column's categories are numbers, of which 7 and 7.0 are one."""
        if not self.is_frame or str(self.rows[name].dtype) != "category":
            return False
        return getattr(self.rows[name].dtype.categories.dtype, "kind", "O") in "iuf"

    def values(self, name: str) -> list[Any]:  # Any: of the column's type
        """A column's values as they are."""
        if self._is_text:
            return list(self.rows.tolist())
        column = self.rows[name] if self.is_frame else self.rows[:, self.names.index(name)]
        return list(column.tolist())

    def first(self, count: int) -> Example:
        return self.only(range(min(count, len(self))))

    def only(self, which: Sequence[int]) -> Example:
        return self._of((self.rows.iloc if self.is_frame or self._is_series else self.rows)[list(which)])

    def _of(self, rows: Any) -> Example:  # Any: rows of the same columns
        return Example(rows, self._called, self.written)

    def changed(self, changes: Sequence[Mapping[str, Any]]) -> Example:  # Any: values of the columns' kinds
        """The first row once for each of `changes`, with those values in some columns. None is missing."""
        if self._is_text:
            [name], texts = self.names, []
            first = (self.rows.iloc if self._is_series else self.rows)[0]
            texts = [values.get(name, first) for values in changes]
            if self._is_series:
                return self._of(_like(self.rows, texts).rename(self.rows.name))
            return self._of(np.array(texts, dtype=object))
        if not self.is_frame:
            rows = np.repeat(np.array(self.rows[:1], dtype=np.float64), len(changes), axis=0)
            for i, values in enumerate(changes):
                for name, value in values.items():
                    rows[i, self.names.index(name)] = np.nan if value is None else value
            return self._of(rows)
        rows = self.rows.iloc[[0] * len(changes)].reset_index(drop=True)
        for name in sorted({name for values in changes for name in values}):
            column = rows[name].tolist()
            for i, values in enumerate(changes):
                column[i] = values.get(name, column[i])
            rows[name] = _like(self.rows[name], column)
        return self._of(rows)

    def cleaned(self, names: Sequence[str]) -> Example:
        """The rows with the texts of columns as a file is given them: in NFC, without blanks around them."""

        def clean_of(values: Any) -> list[Any]:  # Any: a column of texts and missing values
            return [clean(v) if isinstance(v, str) else v for v in values.tolist()]

        if self._is_series:
            return self._of(type(self.rows)(clean_of(self.rows), dtype=self.rows.dtype, name=self.rows.name))
        if self._is_text:
            return self._of(np.array(clean_of(self.rows), dtype=object))
        rows = self.rows.reset_index(drop=True)
        for name in names:
            rows[name] = type(rows[name])(clean_of(rows[name]), dtype=rows[name].dtype)
        return self._of(rows)

    def texts(self, name: str) -> list[str]:
        """The distinct texts of a column, in order."""
        return list(dict.fromkeys(t for t in self.values(name) if isinstance(t, str)))

    def scaled(self, factor: float) -> Example:
        """The same with every float times `factor`."""
        if self._is_text:
            return self
        if not self.is_frame:
            return self._of(self.rows.astype(np.float64) * factor)
        rows = self.rows.copy()
        for name in rows.columns:
            if getattr(rows[name].dtype, "kind", "O") == "f":
                rows[name] = rows[name] * factor
        return self._of(rows)

    def table(self) -> pl.DataFrame:
        """The rows as they are, for decoding."""
        if self._is_text:
            given = [t if isinstance(t, str) else None for t in self.rows.tolist()]
            return pl.DataFrame({self.names[0]: pl.Series(given, dtype=pl.String)})
        if not self.is_frame:
            return pl.DataFrame({n: self.rows[:, i].astype(np.float64) for i, n in enumerate(self.names)})
        from mlwright.sources import read_raw

        return read_raw(self.rows.reset_index(drop=True)).frame


def _no_rows(given: Any) -> Misuse:  # Any: whatever was given as rows
    remedy = "give rows as you give them to the model's predict, without the target"
    if hasattr(given, "to_pandas"):
        remedy = "give it as .to_pandas()"
    elif isinstance(given, list) and given:
        remedy = "give pandas.DataFrame(rows), in the types that the model was fitted on"
    kind, library = type(given).__name__, type(given).__module__.split(".")[0]
    called = kind if library == "builtins" else f"{library}.{kind}"
    return Misuse(
        f"example= takes a pandas frame, an array of two dimensions or a list of texts, not {called}",
        remedy=remedy,
    )


def _in_doubles(rows: Any) -> Any:  # Any: a pandas frame or series, or an array
    """The same rows, single numbers as doubles: scikit-learn calculates as precisely as its rows are, and a
    file calculates in doubles."""
    if isinstance(rows, np.ndarray):
        return rows.astype(np.float64) if rows.dtype in (np.float16, np.float32) else rows
    if not hasattr(rows, "columns"):
        return rows
    single = [name for name in rows.columns if str(rows[name].dtype) in ("float16", "float32")]
    return rows.astype(dict.fromkeys(single, "float64")) if single else rows


def _like(column: Any, values: list[Any]) -> Any:  # Any: a pandas column; values of its kind, None is missing
    """`values` as a column of the same type, or of the nearest that can hold them."""
    series, text, kind = type(column), str(column.dtype), getattr(column.dtype, "kind", "O")
    if text in ("category", "object"):
        values = _as_held(column, values)
    if text == "category":
        known = list(column.cat.categories)
        more = [v for v in dict.fromkeys(values) if v is not None and v == v and v not in known]
        return series(values, dtype="object").astype("category").cat.set_categories([*known, *more])
    if kind not in "fiub":
        marker = _marker(column) if text == "object" else np.nan
        plain: list[Any] = [marker if v is None else v for v in values]
        return series(plain, dtype="object" if text == "object" else column.dtype)
    plain = [np.nan if v is None else v for v in values]
    holds = np.iinfo(text.lower().partition("[")[0]) if kind in "iu" else None
    least, most = (holds.min, holds.max) if holds else (0, 2**31)
    whole = kind in "iub" and all(v == v and float(v).is_integer() and least <= v <= most for v in plain)
    return series(plain, dtype=column.dtype if whole or kind == "f" else "float64")


def _as_held(column: Any, values: list[Any]) -> list[Any]:  # Any: a pandas column of objects; its values
    """Texts that stand for numbers, or for yes and no, as what the column holds in their place."""
    known = column.cat.categories if str(column.dtype) == "category" else column
    held = [v for v in known if v == v and not (isinstance(v, float) and np.isinf(v))]
    own = {category_of(v): v for v in dict.fromkeys(held) if v is not None and not isinstance(v, str)}
    numbers = bool(own) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in own.values())

    def held_as(text: str) -> Any:  # Any: of the column's type
        if text in own or not numbers:
            return own.get(text, text)
        try:  # a category that a step knows and no row of the example has
            return float(text) if "." in text else int(text)
        except ValueError:
            return text

    return [held_as(v) if isinstance(v, str) else v for v in values] if own else values


def _marker(column: Any) -> float | None:  # Any: a pandas column of objects
    """What stands for a missing value in it: None where the example says so, else NaN."""
    values = column.tolist()
    return None if any(v is None for v in values) and all(v == v for v in values) else np.nan


@contextmanager
def _unheard() -> Iterator[None]:
    """Without the original's warnings: they would be of rows that its owner never gave. Where warnings are
    errors, it would seem not to take what it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Original:
    """The fitted model, asked on rows; never changed."""

    def __init__(self, model: Any) -> None:  # Any: somebody's fitted model
        self.model = model

    def says(self, example: Example) -> Said:
        """Its answers; whatever it raises is passed on."""
        rows = copy.copy(example.rows)
        with _unheard():
            return self._said(rows, len(example))

    def _said(self, rows: Any, count: int) -> Said:  # Any: rows as the model takes them
        if isinstance(self.model, Network):
            return Said(*self.model.said(rows))
        asked = ASKED.get(kind_of(self.model))
        if asked is not None:
            return Said(*asked(self.model, rows))
        probability = None
        if hasattr(self.model, "predict_proba"):
            probability = self.model.predict_proba(rows)
            if not isinstance(probability, list):
                probability = np.asarray(probability, dtype=np.float64)
        answer = np.asarray(self.model.predict(rows))
        if isinstance(probability, list) or answer.size != count:
            raise ConversionRefused(
                "it answers several targets at once",
                where=type(self.model).__name__,
                remedy="fit a model for each target",
            )
        return Said(probability, answer.reshape(count))

    def cpu_us(self, example: Example, within_s: float = CLOCKED_S) -> float:
        """CPU microseconds of one-row calls, in all threads: the median of those that `within_s` has room
        for, of five at the least."""
        rows = [example.only([i]).rows for i in range(min(len(example), MOST_CLOCKED))]
        times: list[int] = []
        with _unheard():
            call(self.model, rows[0])
            began = time.monotonic()
            for row in itertools.islice(itertools.cycle(rows), MOST_CLOCKED):
                if len(times) >= FEWEST_CLOCKED and time.monotonic() - began > within_s:
                    break
                start = time.process_time_ns()
                call(self.model, row)
                times.append(time.process_time_ns() - start)
        return round(float(np.median(times)) / 1e3, 1)

    def steady(self, example: Example, tolerance: float) -> npt.NDArray[np.bool_]:
        """Which rows [N] it answers alike when their numbers change in the thirteenth digit."""
        found = np.ones(len(example), dtype=np.bool_)
        said = self.says(example)
        for step in _NUDGES:
            moved = example.scaled(1.0 + step * 2.0**-43)
            if self.takes(moved):
                found &= _alike(said, self.says(moved), tolerance)
        return found

    def taken(self, example: Example, changes: Sequence[Mapping[str, Any]]) -> list[int]:
        """Which of the `changes` of the example's first row it answers in numbers that count: asked all at
        once, and where that fails one by one, since a missing value turns a whole column of integers into
        another type. Any: values of the columns' kinds."""
        if self.takes(example.changed(changes)):
            return list(range(len(changes)))
        return [i for i, change in enumerate(changes) if self.takes(example.changed([change]))]

    def answers(self, example: Example) -> bool:
        """Whether it answers at all, be it no number, instead of raising."""
        try:
            self.says(example)
        except Exception:  # noqa: BLE001  # whatever somebody's model raises: it does not take the row
            return False
        return True

    def takes(self, example: Example) -> bool:
        """Whether it answers in numbers that count."""
        try:
            said = self.says(example)
        except Exception:  # noqa: BLE001  # whatever somebody's model raises: it does not take the row
            return False
        numbers = [said.answer] if said.answer.dtype.kind == "f" else []
        numbers += [] if said.probability is None else [said.probability]
        return all(bool(np.isfinite(n).all()) for n in numbers)


_NUDGES = (1, -1, 2, -2, 3, -3, 5, -5)
"""In steps of 1e-13: several, since rounding may by chance answer alike."""


def _alike(said: Said, other: Said, tolerance: float) -> npt.NDArray[np.bool_]:
    if said.probability is not None and other.probability is not None:
        near = np.abs(said.probability - other.probability).max(axis=1) <= tolerance
        return np.asarray(near & (said.answer == other.answer), dtype=np.bool_)
    if said.answer.dtype.kind == "f":
        return relative(said.answer, other.answer, said.size) <= tolerance
    return np.asarray(said.answer == other.answer, dtype=np.bool_)


def relative(true: Doubles, found: Doubles, size: float) -> Doubles:
    """How far numbers are apart, in relation to themselves, or to `size` where they are small."""
    scale = np.maximum(np.maximum(np.abs(true), np.abs(found)), max(size, 1e-300))
    return np.asarray(np.abs(found - true) / scale, dtype=np.float64)
