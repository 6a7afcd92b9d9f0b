"""Rows in any shape that Python knows -> the two tensors of a graph, with a reason beside each refused value.

Called by `Model` and by tests that compare ways in. Dicts follow the typed rules of `base.decoding`; columns
and frames follow the rules of text where they hold text. Frames are known by their methods: no data frame
library is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import NAN, Value, ValueRefused, clean, decoder, missing_numbers
from mlwright.base.errors import Misuse, RowProblem, SchemaBroken, nearest, shown
from mlwright.base.schema import NUMBER_KINDS, Column, Schema

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
    if isinstance(rows, Mapping):
        return _from_columns(rows, schema) if _holds_columns(rows) else _from_dicts([rows], schema)
    if isinstance(rows, (np.ndarray, str, bytes)):
        raise Misuse(f"a {type(rows).__name__} has no column names", remedy=_SHAPES)
    if hasattr(rows, "collect"):
        raise Misuse(f"a {type(rows).__name__} has no rows yet", remedy="collect() it first")
    # By the class, because a pandas frame shows its columns as attributes too.
    attribute = "column_names" if hasattr(type(rows), "column_names") else "columns"
    names = getattr(rows, attribute, None)
    if names is not None and hasattr(rows, "__getitem__") and hasattr(rows, "__len__"):
        return _from_columns(_frame_columns(rows, list(names)), schema, len(rows))
    if isinstance(rows, Iterable):
        listed = list(rows)
        if all(isinstance(row, Mapping) for row in listed):
            return _from_dicts(listed, schema)
    raise Misuse(f"a {type(rows).__name__} is not rows", remedy=_SHAPES)


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


def _from_dicts(rows: Sequence[Mapping[str, Any]], schema: Schema) -> Decoded:  # Any: typed values
    problems: list[RowProblem] = []
    numbers = np.full((len(rows), len(schema.numbers)), NAN)
    strings = np.full((len(rows), len(schema.strings)), "", dtype=object)
    places = _places(schema, numbers, strings)
    known = frozenset(schema.names) | ({schema.target.name} if schema.target else set())
    for i, row in enumerate(rows):
        for column, decode, target, j in places:
            value = row.get(column.name, _ABSENT)
            if value is _ABSENT:
                if not column.optional:
                    problems.append(RowProblem(i, column.name, "nothing", column.kind, "the key is absent"))
                continue
            try:
                target[i, j] = decode(value)
            except ValueRefused as refusal:
                problems.append(_problem(i, column, refusal))
        if not row.keys() <= known:
            problems += [_unknown(i, key, row[key], schema) for key in row if key not in known]
    return _decoded(numbers, strings, problems)


def _places(
    schema: Schema, numbers: npt.NDArray[np.float64], strings: npt.NDArray[np.object_]
) -> list[tuple[Column, Decode, npt.NDArray[Any], int]]:  # Any: float64 or object
    """Each feature with its decoder and its place: the tensor and the column in it."""
    places = []
    counts = {True: 0, False: 0}
    for column in schema.features:
        number = column.kind in NUMBER_KINDS
        places.append((column, decoder(column), numbers if number else strings, counts[number]))
        counts[number] += 1
    return places


def _from_columns(
    table: Mapping[Any, Any], schema: Schema, count: int | None = None
) -> Decoded:  # Any: not judged
    columns = _needed(table, schema)
    values = {name: _values(column, schema.column(name)) for name, column in columns.items()}
    lengths = {len(v) for v in values.values()} | ({count} if count is not None else set())
    if len(lengths) > 1:
        raise Misuse(f"the columns have different lengths: {sorted(lengths)}")
    n = lengths.pop() if lengths else _length(table)
    numbers = np.full((n, len(schema.numbers)), NAN)
    strings = np.full((n, len(schema.strings)), "", dtype=object)
    problems: list[RowProblem] = []
    for column, _, target, j in _places(schema, numbers, strings):
        if column.name in values:
            refusals = _decode_column(values[column.name], column, target[:, j])
            problems += [_problem(i, column, refusal) for i, refusal in refusals]
    return _decoded(numbers, strings, sorted(problems, key=lambda p: p.row))


def _length(table: Mapping[Any, Any]) -> int:  # Any: columns
    return max((len(column) for column in table.values()), default=0)


def _needed(table: Mapping[Any, Any], schema: Schema) -> dict[str, Any]:  # Any: columns, not judged
    """The columns of the schema's features. Raises `SchemaBroken` where one is absent."""
    by_clean = {clean(str(name)): name for name in reversed(list(table))}
    found, absent = {}, []
    for column in schema.features:
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


def _values(column: Any, rule: Column) -> Values:  # Any: a column of any library
    """The column as an array or a sequence of Python values, whatever library it comes from."""
    if isinstance(column, (np.ndarray, list, tuple)):
        return column
    if not hasattr(column, "to_numpy"):
        return list(column)
    kind = getattr(column.dtype, "kind", "") if hasattr(column, "dtype") else ""
    if kind in ("i", "u", "f") and rule.kind in NUMBER_KINDS and hasattr(column.dtype, "na_value"):
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
