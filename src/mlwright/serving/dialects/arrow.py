"""Arrow IPC streams: record batches in, one record batch of answers out, row by row the same order.

nanoarrow reads and writes them; it is imported with the first such request. What it would take in before
anybody could look - compressed buffers, lengths without bytes - is refused from the framing beforehand.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlwright.serving.answers import Answer, Refused
from mlwright.serving.decode import Decoded
from mlwright.serving.dialects.arrow_framing import batches
from mlwright.serving.dialects.frames import Frames, columns_of
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings

KIND = b"application/vnd.apache.arrow.stream"
_MOST_COLUMNS = 10_000


class Arrow:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        self._frames, self._most = Frames(model, settings), settings.max_rows
        self._most_text = settings.max_body_bytes

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        data = bytes(body)
        try:
            found = batches(data)
        except ValueError as error:
            raise _refused(str(error)) from error
        if any(batch.compressed for batch in found):
            raise _refused("its buffers are compressed", "write the stream without compression")
        rows = sum(batch.rows for batch in found if not batch.is_dictionary)
        most = max([rows, *(batch.rows for batch in found if batch.is_dictionary)])
        if most > self._most:
            message = f"{most} rows, over {self._most}"
            raise Refused(413, "too_many_rows", message, "send fewer rows at a time")
        columns = self._columns(data)
        if any(len(values) != rows for values in columns.values()):
            raise _refused("its columns have other numbers of rows than it says")
        size = sum(len(v) for values in columns.values() for v in values if isinstance(v, (str, bytes)))
        if size > self._most_text:  # a dictionary repeats a long text for a few bytes a row
            raise Refused(413, "body_too_large", "its texts are too long in all", "send fewer rows at a time")
        return self._frames.decode(columns, rows)

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._frames.run(decoded)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        parts = self._frames.parts(asked, outputs, ids)
        return [
            Answer(200, _written(columns_of(rows, part, self._frames.classes), rows.count), KIND)
            for (rows, _), part in zip(asked, parts, strict=True)
        ]

    def refusal(self, answer: Answer) -> Answer:
        return answer

    def _columns(self, data: bytes) -> dict[str, list[Any]]:  # Any: values of any type
        nanoarrow = _nanoarrow()
        try:
            stream = nanoarrow.ArrayStream.from_readable(data)
            names = [field.name for field in stream.schema.fields]
            if len(set(names)) != len(names) or len(names) > _MOST_COLUMNS:
                raise _refused("it has a column twice, or more columns than can be")
            wanted = {name: i for i, name in enumerate(names) if name in self._frames.names}
            table = stream.read_all()
            return {name: list(table.child(i).iter_py()) for name, i in wanted.items()}
        except Refused:
            raise
        except Exception as error:  # nanoarrow has many classes of errors
            remedy = "write columns of plain types (Polars: compat_level=CompatLevel.oldest())"
            raise _refused(str(error)[:200], remedy) from error


def _written(table: dict[str, list[Any]], rows: int) -> bytes:  # Any: values of one type a column
    nanoarrow = _nanoarrow()
    children = [_array(nanoarrow, values) for values in table.values()]
    schema = nanoarrow.struct(dict(zip(table, [nanoarrow.Schema(c.schema) for c in children], strict=True)))
    batch = nanoarrow.c_array_from_buffers(schema, length=rows, buffers=[None], children=children)
    out = io.BytesIO()
    from nanoarrow.ipc import StreamWriter

    with StreamWriter.from_writable(out) as writer:
        writer.write_stream(batch)
    return out.getvalue()


def _array(nanoarrow: Any, values: list[Any]) -> Any:  # Any: nanoarrow has no types here
    known = next((v for v in values if v is not None), "")
    if isinstance(known, bool):
        return nanoarrow.c_array(values, nanoarrow.bool_())
    if isinstance(known, int):
        return nanoarrow.c_array(values, nanoarrow.int64())
    if isinstance(known, float):
        if None in values:
            return nanoarrow.c_array(values, nanoarrow.float64())
        return nanoarrow.c_array(np.array(values, dtype=np.float64))
    return nanoarrow.c_array(values, nanoarrow.string())


def _nanoarrow() -> Any:  # Any: as above
    try:
        import nanoarrow
        import nanoarrow.ipc
    except ImportError as error:
        message = "this server was installed without the reader of Arrow streams"
        raise Refused(415, "no_arrow", message, "send JSON or CSV, or have nanoarrow installed") from error
    return nanoarrow


def _refused(message: str, remedy: str = "send an Arrow IPC stream of one table") -> Refused:
    return Refused(400, "malformed_arrow", f"the Arrow stream cannot be read: {message}", remedy)
