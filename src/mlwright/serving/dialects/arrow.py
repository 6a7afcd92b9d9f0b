"""Arrow IPC streams: record batches in, one record batch of answers out, row by row the same order.

pyarrow reads and writes them; this file is imported only where Arrow streams are asked for. What it would
take in before anybody could look is refused from the framing beforehand, and no value is read from a batch
that it has not validated in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mlwright.serving.answers import Answer, Refused
from mlwright.serving.decode import Decoded
from mlwright.serving.dialects.arrow_framing import check
from mlwright.serving.dialects.frames import Frames, columns_of
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings

KIND = b"application/vnd.apache.arrow.stream"
_READING = pa.ipc.IpcReadOptions(use_threads=False, ensure_alignment=pa.ipc.Alignment.DataTypeSpecific)
_TEXTS = (types.is_string, types.is_large_string, types.is_string_view)
_NUMBERS = (types.is_boolean, types.is_integer, types.is_float32, types.is_float64)
_PLAIN = (
    *_TEXTS, *_NUMBERS, types.is_null, types.is_float16, types.is_decimal, types.is_date, types.is_timestamp
)  # fmt: skip


class Arrow:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        self._frames, self._most = Frames(model, settings), settings.max_rows
        self._most_text = settings.max_body_bytes
        _written({"prediction_id": [""]})  # loads what pyarrow loads late, pandas where it is installed

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        data = bytes(body)
        try:
            check(data)
        except ValueError as error:
            raise _refused(str(error)) from error
        try:
            table = self._table(data)
            if sum(_text_bytes(column) for column in table.columns) > self._most_text:
                # A dictionary, or a view, repeats a long text for a few bytes a row.
                message = "its texts are too long in all"
                raise Refused(413, "body_too_large", message, "send fewer rows at a time")
            columns = {name: _values(table[name]) for name in table.column_names}
        except Refused:
            raise
        except Exception as error:  # whatever pyarrow finds wrong: its errors have no root of their own
            raise _refused(str(error)[:200]) from error
        # A mapping of nothing would be a row, not a table.
        return self._frames.decode(columns or {"": [None] * table.num_rows}, table.num_rows)

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._frames.run(decoded)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        parts = self._frames.parts(asked, outputs, ids)
        return [
            Answer(200, _written(columns_of(rows, part, self._frames.classes)), KIND)
            for (rows, _), part in zip(asked, parts, strict=True)
        ]

    def refusal(self, answer: Answer) -> Answer:
        return answer

    def _table(self, data: bytes) -> Any:  # Any: pyarrow has no types
        """The columns that the model knows, of batches that are what they say they are."""
        with pa.ipc.open_stream(pa.BufferReader(data), options=_READING) as stream:
            schema = stream.schema
            if len(set(schema.names)) != len(schema.names):
                raise _refused("it has a column twice")
            wanted = [name for name in schema.names if name in self._frames.names]
            for name in wanted:
                _check_plain(name, schema.field(name).type)
            batches, rows = [], 0
            for batch in stream:
                rows += batch.num_rows
                if rows > self._most:
                    message = f"{rows} rows, over {self._most}"
                    raise Refused(413, "too_many_rows", message, "send fewer rows at a time")
                batch.validate(full=True)
                batches.append(batch)
        return pa.Table.from_batches(batches, schema).select(wanted)


def _check_plain(name: str, kind: Any) -> None:  # Any: pyarrow has no types
    kind = kind.value_type if types.is_dictionary(kind) else _storage(kind)
    if not any(is_so(kind) for is_so in _PLAIN):
        message = f"the column {name!r} is of type {kind}"
        raise _refused(message, "write numbers, booleans, texts, dates and times")


def _storage(kind: Any) -> Any:  # Any: pyarrow has no types
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _text_bytes(column: Any) -> int:  # Any: pyarrow has no types
    """The bytes of all texts of a column, each as often as it comes; 0 for other columns."""
    total = 0
    for chunk in column.chunks:
        chunk = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        texts = chunk.dictionary if types.is_dictionary(chunk.type) else chunk
        if any(is_so(texts.type) for is_so in _TEXTS):
            sizes = _sizes(texts)
            if texts is not chunk:
                sizes = sizes[chunk.indices.drop_null().to_numpy(zero_copy_only=False)]
            total += int(sizes.sum())
    return total


def _sizes(texts: Any) -> npt.NDArray[np.int64]:  # Any: pyarrow has no types
    if types.is_string_view(texts.type):  # no kernel measures these: the first of four whole numbers does
        views = np.frombuffer(texts.buffers()[1] or b"", np.int32).reshape(-1, 4)
        sizes = views[texts.offset : texts.offset + len(texts), 0].astype(np.int64)
        sizes[texts.is_null().to_numpy(zero_copy_only=False)] = 0
        return sizes
    found: npt.NDArray[np.int64] = pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False)
    return found


def _values(column: Any) -> Any:  # Any: an array of numpy's, or a list of Python's values
    kind = _storage(column.type)
    if kind is not column.type:
        column = column.cast(kind)
    if types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)  # Python's own times end there
    if any(is_so(kind) for is_so in _NUMBERS) and not column.null_count:
        return column.to_numpy()
    return column.to_pylist()


def _written(table: dict[str, list[Any]]) -> bytes:  # Any: values of one type a column
    batch = pa.RecordBatch.from_arrays([_array(values) for values in table.values()], list(table))
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(out.getvalue())


def _array(values: list[Any]) -> Any:  # Any: as above; pyarrow has no types
    found = pa.array(values)
    return found.cast(pa.string()) if types.is_null(found.type) else found


def _refused(
    message: str, remedy: str = "send an Arrow IPC stream of one flat table, uncompressed"
) -> Refused:
    return Refused(400, "malformed_arrow", f"the Arrow stream cannot be read: {message}", remedy)
