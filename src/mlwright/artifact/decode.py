"""Rows in any shape that Python knows -> the two tensors of a graph, with a reason beside each refused value.

Called by `Model` and by tests that compare ways in. Dicts follow the typed rules of `base.decoding`; columns
and frames follow the rules of text where they hold text. Frames are known by their methods: no data frame
library is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import NAN, Value, ValueRefused, decoder, missing_numbers
from mlwright.base.errors import Misuse, RowProblem, SchemaBroken, nearest, shown
from mlwright.base.schema import NUMBER_KINDS, Column, Schema
from mlwright.base.texts import clean

Decode = Callable[[Any], Value]  # Any: whatever was sent
Values = npt.NDArray[Any] | Sequence[Any]  # Any: a column's values, not yet judged


@dataclass(frozen=True)
class Decoded:
    """N rows as a graph takes them. Where a value was refused, its place is missing and its row is marked."""

    numbers: npt.NDArray[np.float64]
    """[N, a], NaN where missing."""
    strings: npt.NDArray[np.object_]
    """[N, b], "" where missing; never None."""
    problems: tuple[RowProblem, ...]
    """By row, then in the schema's order."""
    refused: npt.NDArray[np.bool_]
    """[N], whether the row has a problem."""

    def __len__(self) -> int:
        return len(self.numbers)


def decode_rows(rows: object, schema: Schema) -> Decoded:
    """Decodes one dict, a sequence of dicts, a dict of columns, or a pandas, Polars or Arrow frame.

    Values that a column cannot hold, absent keys and unknown keys become problems, not errors. Raises
    `SchemaBroken` for a table without a needed column, `Misuse` for what is not rows.

    >>> from mlwright.base.schema import Column
    >>> schema = Schema(columns=(Column(name="age", kind="numeric"), Column(name="city", kind="categorical")))
    >>> decoded = decode_rows([{"age": 41, "city": " Oslo"}, {"age": "old", "city": None}], schema)
    >>> decoded.numbers.tolist(), decoded.strings.tolist()
    ([[41.0], [nan]], [['Oslo'], ['']])
    >>> print(decoded.problems[0])
    row 1, 'age': not a number, expected a number, got 'old'
    """
    return RowDecoder(schema).decode(rows)


class RowDecoder:
    """Decodes rows by one schema, again and again; never changes, so that threads may share it."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known = frozenset(schema.names) | ({schema.target.name} if schema.target else frozenset())
        self._places: list[_Place] = []
        widths = {True: 0, False: 0}
        for column in schema.features:
            number = column.kind in NUMBER_KINDS
            self._places.append(_Place(column, decoder(column), number, widths[number]))
            widths[number] += 1
        self._widths = widths[True], widths[False]

    def decode(self, rows: object) -> Decoded:
        """See `decode_rows`."""
        if isinstance(rows, Mapping):
            return self._columns(rows) if _holds_columns(rows) else self._dicts([rows])
        if isinstance(rows, (str, os.PathLike)):
            raise Misuse("a path holds no rows by itself", remedy="mw.predict(model, path) reads the file")
        if isinstance(rows, (np.ndarray, bytes)):
            raise Misuse(f"a {type(rows).__name__} has no column names", remedy=_SHAPES)
        if hasattr(rows, "collect"):
            raise Misuse(f"a {type(rows).__name__} has no rows yet", remedy="collect() it first")
        # By the class, because a pandas frame shows its columns as attributes too.
        attribute = "column_names" if hasattr(type(rows), "column_names") else "columns"
        names = getattr(rows, attribute, None)
        if names is not None and hasattr(rows, "__getitem__") and hasattr(rows, "__len__"):
            return self._columns(_frame_columns(rows, list(names)), len(rows))
        if isinstance(rows, Iterable):
            listed = list(rows)
            if all(isinstance(row, Mapping) for row in listed):
                return self._dicts(listed)
        raise Misuse(f"a {type(rows).__name__} is not rows", remedy=_SHAPES)

    def _dicts(self, rows: Sequence[Mapping[str, Any]]) -> Decoded:  # Any: typed values
        decoded = self._empty(len(rows))
        problems: list[RowProblem] = []
        for i, row in enumerate(rows):
            for place in self._places:
                column = place.column
                value = row.get(column.name, _ABSENT)
                if value is _ABSENT:
                    if not column.optional:
                        problems.append(_absent_key(i, column))
                    continue
                try:
                    decoded[place.number][i, place.index] = place.decode(value)
                except ValueRefused as refusal:
                    problems.append(_problem(i, column, refusal))
            if not row.keys() <= self._known:
                unknown = [key for key in row if key not in self._known]
                problems += [_unknown(i, key, row[key], self._schema) for key in unknown]
        return _decoded(decoded[True], decoded[False], problems)

    def _columns(self, table: Mapping[Any, Any], count: int | None = None) -> Decoded:  # Any: not yet judged
        columns = _needed(table, [place.column for place in self._places])
        values = {
            p.column.name: _values(columns[p.column.name], p)
            for p in self._places
            if p.column.name in columns
        }
        lengths = {len(v) for v in values.values()} | ({count} if count is not None else set())
        if len(lengths) > 1:
            raise Misuse(f"the columns have different lengths: {sorted(lengths)}")
        decoded = self._empty(lengths.pop() if lengths else max(map(len, table.values()), default=0))
        problems: list[RowProblem] = []
        for place in self._places:
            if place.column.name in values:
                out = decoded[place.number][:, place.index]
                refusals = _decode_column(values[place.column.name], place.column, out)
                problems += [_problem(i, place.column, refusal) for i, refusal in refusals]
        return _decoded(decoded[True], decoded[False], sorted(problems, key=lambda p: p.row))

    def _empty(self, count: int) -> dict[bool, npt.NDArray[Any]]:  # Any: float64 and object
        """Tensors of `count` rows in which everything is missing, by whether they hold numbers."""
        numbers, strings = self._widths
        return {True: np.full((count, numbers), NAN), False: np.full((count, strings), "", dtype=object)}


@dataclass(frozen=True)
class _Place:
    """A feature, its decoder of typed values, and its place: the tensor and the column in it."""

    column: Column
    decode: Decode
    number: bool
    index: int


_SHAPES = "give dicts, a dict of columns, or a data frame"
_ONE_NAME_EACH = "give each column a name of its own"
_ABSENT = object()


def _holds_columns(rows: Mapping[Any, Any]) -> bool:  # Any: not yet judged
    """Whether a dict is a table of columns rather than one row."""
    lists = [_is_column(value) for value in rows.values()]
    if any(lists) and not all(lists):
        remedy = "give one dict a row, or a list for every column"
        raise Misuse("some values are lists and some are not", remedy=remedy)
    return bool(lists) and all(lists)


def _is_column(value: object) -> bool:
    return isinstance(value, (list, tuple)) or (hasattr(value, "__array__") and getattr(value, "ndim", 1) > 0)


def _frame_columns(frame: Any, names: list[Any]) -> dict[str, Any]:  # Any: a frame of any library
    for name in names:
        if names.count(name) > 1:
            raise SchemaBroken(f"two columns are called {name!r}", remedy=_ONE_NAME_EACH)
    return {name: frame[name] for name in names}


def _needed(
    table: Mapping[Any, Any],  # Any: columns, not yet judged
    features: Sequence[Column],
) -> dict[str, Any]:  # Any: as above
    """The columns of the schema's features. Raises `SchemaBroken` where one is absent."""
    by_clean = {clean(str(name)): name for name in reversed(list(table))}
    found, absent = {}, []
    for column in features:
        if column.name in table:
            found[column.name] = table[column.name]
        elif column.name in by_clean:
            found[column.name] = table[by_clean[column.name]]
        elif not column.optional:
            absent.append(column.name)
    if absent:
        noun = "the column" if len(absent) == 1 else f"{len(absent)} columns:"
        near = [(name, nearest(name, set(by_clean) - set(found))) for name in absent]
        texts = [repr(name) + (f" (is it {other!r}?)" if other else "") for name, other in near]
        remedy = "give every column that the model was trained on"
        raise SchemaBroken(f"the table lacks {noun} {', '.join(texts)}", remedy=remedy)
    return found


def _values(column: Any, place: _Place) -> Values:  # Any: a column of any library
    """The column as an array or a sequence of Python values, whatever library it comes from."""
    if isinstance(column, (np.ndarray, list, tuple)):
        return column
    if not hasattr(column, "to_numpy"):
        return list(column)
    kind = getattr(column.dtype, "kind", "") if hasattr(column, "dtype") else ""
    if kind in ("i", "u", "f") and place.number and hasattr(column.dtype, "na_value"):
        array = column.to_numpy(dtype="float64", na_value=NAN)  # pandas' nullable numbers
    elif kind == "M":
        array = column.to_numpy(dtype="datetime64[us]")  # pandas, to UTC where it knows the zone
    elif hasattr(column, "null_count") and hasattr(column, "to_pylist"):
        array = column.to_numpy(zero_copy_only=False)  # Arrow
    else:
        array = column.to_numpy()
    return np.asarray(array)


Refusal = tuple[int, ValueRefused]


def _decode_column(
    values: Values,
    column: Column,
    out: npt.NDArray[Any],  # Any: float64 or object
) -> list[Refusal]:
    """Decodes a whole column into `out`; returns the refused values by row."""
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise Misuse(f"the column {column.name!r} has {values.ndim} dimensions instead of one")
        if values.dtype.kind in "iufbM":
            by_array = _numbers_from_array if column.kind in NUMBER_KINDS else _strings_from_array
            return by_array(values, column, out)
    decode = decoder(column, text=True)
    seen: dict[str, Value | ValueRefused] = {}
    refusals = []
    for i, value in enumerate(values):
        if type(value) is str:
            known = seen.get(value)
            if known is None:
                known = seen[value] = _attempt(decode, value)
        else:
            known = _attempt(decode, value)
        if isinstance(known, ValueRefused):
            refusals.append((i, known))
        else:
            out[i] = known
    return refusals


def _attempt(decode: Decode, value: object) -> Value | ValueRefused:
    try:
        return decode(value)
    except ValueRefused as refusal:
        return refusal


def _numbers_from_array(
    values: npt.NDArray[Any],  # Any: of numbers, booleans or times
    column: Column,
    out: npt.NDArray[np.float64],
) -> list[Refusal]:
    """Whole arrays at once; what the column's rules refuse goes to the decoder, which says why."""
    kind = values.dtype.kind
    if kind == "M":
        micros = values.astype("datetime64[us]")
        number = micros.astype(np.int64) / 1e6
        number[np.isnat(micros)] = NAN
    else:
        number = values.astype(np.float64)
        number[np.isin(number, list(missing_numbers(column)))] = NAN
    present = ~np.isnan(number)
    fits = {"numeric": "iuf", "boolean": "iufb", "datetime": "M"}[column.kind]
    if kind not in fits:
        bad = present
    elif column.kind == "boolean":
        bad = present & (number != 0) & (number != 1)
    else:
        bad = np.isinf(number)
    if column.least is not None:
        bad = bad | (present & (number < column.least))
    if column.most is not None:
        bad = bad | (present & (number > column.most))
    if not column.nullable:
        bad = bad | ~present
    out[~bad] = number[~bad]
    return _explain(values, column, np.flatnonzero(bad))


def _strings_from_array(
    values: npt.NDArray[Any],  # Any: of numbers, booleans or times
    column: Column,
    out: npt.NDArray[np.object_],
) -> list[Refusal]:
    """Each distinct value once."""
    if values.dtype.kind == "M":
        values = values.astype("datetime64[us]")
    distinct, inverse = np.unique(values, return_inverse=True)
    decode = decoder(column, text=True)
    # Times become Python's own; numbers keep their type, which decides how many digits their text has.
    texts = [_attempt(decode, v) for v in (distinct.tolist() if values.dtype.kind == "M" else distinct)]
    refused = np.array([isinstance(t, ValueRefused) for t in texts], dtype=bool)
    table = np.array(["" if isinstance(t, ValueRefused) else t for t in texts], dtype=object)
    if len(values):
        out[:] = table[inverse]
    return _explain(
        values, column, np.flatnonzero(refused[inverse]) if refused.any() else np.empty(0, np.int64)
    )


def _explain(
    values: npt.NDArray[Any], column: Column, rows: npt.NDArray[np.int64]
) -> list[Refusal]:  # Any: as above
    decode = decoder(column, text=True)
    refusals = []
    for i in rows.tolist():
        answer = _attempt(decode, values[i])
        if isinstance(answer, ValueRefused):
            refusals.append((i, answer))
    return refusals


def _problem(row: int, column: Column, refusal: ValueRefused) -> RowProblem:
    return RowProblem(row, column.name, shown(refusal.value), refusal.expected, refusal.reason)


def _absent_key(row: int, column: Column) -> RowProblem:
    return RowProblem(row, column.name, "nothing", column.kind, "the key is absent")


def _unknown(row: int, key: object, value: object, schema: Schema) -> RowProblem:
    near = nearest(key, schema.names) if isinstance(key, str) else None
    reason = "no such column" + (f"; did you mean {near!r}?" if near else "")
    return RowProblem(row, str(key), shown(value), "only columns of the schema", reason)


def _decoded(
    numbers: npt.NDArray[np.float64], strings: npt.NDArray[np.object_], problems: list[RowProblem]
) -> Decoded:
    refused = np.zeros(len(numbers), dtype=bool)
    refused[[p.row for p in problems]] = True
    return Decoded(numbers, strings, tuple(problems), refused)
