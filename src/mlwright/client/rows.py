"""Rows of Python - dicts, lists of them, frames - as bodies of requests, whole or in parts of bounded size.

Values are sent as the schema's typed values: numbers as numbers, times in ISO 8601, what is missing as null.
What JSON cannot say is refused here, with its row and column, instead of becoming something else on the way.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import numbers
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import msgspec

from mlwright.base.errors import ExtraMissing, Misuse, RowProblem, RowsRefused, shown

Row = Mapping[str, Any]  # Any: values of any library
_JSON = msgspec.json.Encoder()
_PLAIN = frozenset((str, int, bool, type(None)))
PART_BYTES = 4 * 1024 * 1024
"""An endpoint's usual limit is twice this."""


class Frame(Protocol):
    """A frame of Polars, pandas or pyarrow, none of which is imported here."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Rows = Iterable[Row] | Frame


class Part(NamedTuple):
    """Some of the rows, as the body of one request."""

    body: bytes
    first: int
    """The number of its first row among all."""
    rows: int


def one(row: Row) -> bytes:
    """The body of a request of one row.

    >>> one({"age": 41, "joined": dt.date(2024, 3, 1), "city": None, "score": float("nan")})
    b'{"age":41,"joined":"2024-03-01","city":null,"score":null}'
    """
    return _encoded(row, 0)


def whole(rows: Rows) -> Part:
    """The body of a request of all rows.

    >>> whole([{"age": 41}, {"age": 7}])
    Part(body=b'[{"age":41},{"age":7}]', first=0, rows=2)
    """
    return _part([_encoded(row, i) for i, row in enumerate(dicts_of(rows))], 0)


def parts(rows: Rows, most: int) -> Iterator[Part]:
    """The same in parts of at most `most` rows, each read when it is asked for.

    >>> [(part.first, part.rows) for part in parts(({"age": i} for i in range(5)), 2)]
    [(0, 2), (2, 2), (4, 1)]
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise Misuse(f"{most!r} rows are no part", remedy="give batch_rows from 1 on")
    encoded: list[bytes] = []
    size = first = 0
    for row in dicts_of(rows):
        data = _encoded(row, first + len(encoded))
        if encoded and size + len(data) > PART_BYTES:
            yield _part(encoded, first)
            first, size, encoded = first + len(encoded), 0, []
        encoded.append(data)
        size += len(data) + 1
        if len(encoded) == most:
            yield _part(encoded, first)
            first, size, encoded = first + most, 0, []
    if encoded:
        yield _part(encoded, first)


def _part(encoded: list[bytes], first: int) -> Part:
    return Part(b"[" + b",".join(encoded) + b"]", first, len(encoded))


def dicts_of(rows: Any) -> Iterable[Row]:  # Any: `Rows`, told apart by what they can do
    """The rows of a frame or an iterable, each a mapping by column name. Raises `Misuse`."""
    if hasattr(rows, "to_pylist"):  # pyarrow
        _check_names(rows.column_names)
        return list(rows.to_pylist())
    if hasattr(rows, "iter_rows"):  # Polars
        names = rows.columns
        return (dict(zip(names, values, strict=True)) for values in rows.iter_rows())
    if hasattr(rows, "itertuples"):  # pandas
        names = list(rows.columns)
        _check_names(names)
        return (dict(zip(names, values, strict=True)) for values in rows.itertuples(index=False, name=None))
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise Misuse(
            f"{type(rows).__name__} is neither rows nor a frame",
            remedy="give a dict for one row, a list of dicts, or a frame of Polars, pandas or pyarrow",
        )
    return rows


def arrow_of(frame: Any) -> bytes:  # Any: `Frame`, as above
    """A frame as an Arrow stream, not compressed. Raises `Misuse`; `ExtraMissing` where pyarrow is absent."""
    stream = io.BytesIO()
    if hasattr(frame, "write_ipc_stream"):  # Polars
        frame.write_ipc_stream(stream, compression="uncompressed")
        return stream.getvalue()
    arrow = _pyarrow()
    if hasattr(frame, "itertuples"):  # pandas
        _check_names(list(frame.columns))
        frame = arrow.Table.from_pandas(frame, preserve_index=False)
    if not isinstance(frame, arrow.Table):
        raise Misuse(
            f"{type(frame).__name__} is no frame",
            remedy="give one of Polars, pandas or pyarrow",
        )
    with arrow.ipc.new_stream(stream, frame.schema) as writer:
        writer.write_table(frame)
    return stream.getvalue()


def frame_like(frame: Frame, data: bytes) -> Any:  # Any: a frame of the library of `frame`
    """An Arrow stream as a frame of the same library as `frame`."""
    if hasattr(frame, "write_ipc_stream"):
        return sys.modules["polars"].read_ipc_stream(io.BytesIO(data))
    table = _pyarrow().ipc.open_stream(data).read_all()
    return table.to_pandas() if hasattr(frame, "itertuples") else table


def _pyarrow() -> Any:  # Any: a module that is not there for types
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise ExtraMissing("sending this frame as Arrow", "arrow", "pyarrow") from error
    return pyarrow


def _check_names(names: list[Any]) -> None:  # Any: pandas takes anything for a name
    wrong = next((n for n in names if type(n) is not str or names.count(n) > 1), None)
    if wrong is not None:
        why = "more than one column is called" if type(wrong) is str else "a column's name is no text:"
        raise Misuse(f"{why} {shown(wrong)}", where="the frame", remedy="rename it")


def _encoded(row: Row, number: int) -> bytes:
    if not isinstance(row, Mapping):
        raise Misuse(
            f"row {number} is {shown(row)}, no dict", remedy="give each row as a dict by column name"
        )
    if not all(type(name) is str for name in row):
        name = next(name for name in row if type(name) is not str)
        raise Misuse(
            f"row {number} has a field {shown(name)}, which is no text", remedy="call it as the model does"
        )
    values = {
        name: value if type(value) in _PLAIN else _sent(value, name, number) for name, value in row.items()
    }
    try:
        return _JSON.encode(values)
    except (TypeError, UnicodeEncodeError, OverflowError) as error:
        raise Misuse(f"row {number} cannot be written as JSON: {error}") from error


def _sent(value: Any, column: str, row: int) -> str | int | float | bool | None:  # Any: of any library
    """A value that JSON has. Raises `RowsRefused` for one that it has not."""
    if isinstance(value, str):
        return str.__str__(value)  # of an Enum, too, the text and not its name
    if isinstance(value, (float, Decimal)):
        return _number(value, column, row)
    if isinstance(value, int):
        return int(value)
    kind = type(value).__name__
    if kind in ("NAType", "NaTType"):  # pandas: what is missing
        return None
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if kind == "datetime64":  # numpy, whose item() may be nanoseconds without saying so
        text = str(value)
        return None if text == "NaT" else text
    # numpy's numbers; its durations count as whole numbers, of a unit that nobody would see
    if isinstance(value, numbers.Real) and kind != "timedelta64":
        return int(value) if isinstance(value, numbers.Integral) else _number(value, column, row)
    if kind in ("bool", "bool_") and hasattr(value, "dtype"):  # numpy
        return bool(value)
    raise _refused(value, column, row, f"of type {kind}", "a text, a number, true or false, or a time")


def _number(value: Any, column: str, row: int) -> float | None:  # Any: of any library
    if value != value:
        return None
    number = float(value)
    if math.isinf(number):
        raise _refused(value, column, row, "infinite", "a finite number")
    return number


def _refused(value: object, column: str, row: int, reason: str, expected: str) -> RowsRefused:
    return RowsRefused([RowProblem(row, column, shown(value), expected, reason)])
