"""Arrow streams with something wrong in them, decoded one after the other, in a process that may die of it.

    python tests/support/arrow_fuzz.py SEED FIRST COUNT [PLACE]

Prints, as JSON, how many were refused by the framing, refused later, and decoded, and the most memory. The
number of the stream that is being decoded stands in the file PLACE, so that one that ends the process is
known: `stream(SEED, NUMBER)` makes it again.
"""

from __future__ import annotations

import io
import json
import mmap
import random
import resource
import struct
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from mlwright.base.schema import Column, Schema
from mlwright.serving import ServeSettings
from mlwright.serving.answers import Refused
from mlwright.serving.dialects.arrow import Arrow
from mlwright.serving.dialects.arrow_framing import check
from mlwright.serving.options import PLAIN

NAMES = ("a", "b", "c", "d", "e", "f")
KINDS = ("numeric", "categorical", "datetime", "boolean", "text", "categorical")
SCHEMA = Schema(
    columns=tuple(Column(name=n, kind=k, optional=True) for n, k in zip(NAMES, KINDS, strict=True))
)
INTERESTING = (
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    64,
    127,
    255,
    4096,
    2**16,
    2**31 - 1,
    -(2**31),
    2**32 - 1,
    2**62,
    2**63 - 1,
)
WORDS = ["x", None, "a longer text than fits a view", "", "\u00e9\u4e2d"]


def arrow() -> Arrow:
    """The dialect of a model with a column of each kind."""
    return Arrow(SimpleNamespace(schema=SCHEMA), ServeSettings(max_body_bytes=1 << 20), "model")  # type: ignore[arg-type]


def written(table: pa.Table, rows: int = 3, **options: object) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, rows)
    return out.getvalue()


@cache
def seeds() -> tuple[bytes, ...]:
    """Sound streams of every kind of column."""
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    times = pa.array([moment, None, moment, moment, moment], pa.timestamp("ns", "Europe/Paris"))
    plain = {"a": [1.5, None, -3.0, 4.0, 5.0], "b": WORDS, "d": [True, None, False, True, True], "e": WORDS}
    packed = pa.array(WORDS).dictionary_encode()
    tables = [
        pa.table(plain),
        pa.table({n: [i, 2, 3, 4, 5] for i, n in enumerate(NAMES)}),
        pa.table({"a": pa.array([1, 2, 3, 4, 5], pa.int16()), "b": packed, "c": times, "f": packed}),
        pa.table({"a": [Decimal("1.50")] * 5, "c": [date(2024, 1, i) for i in range(1, 6)], "x": [b"x"] * 5}),
        pa.table({"b": pa.array(WORDS, pa.string_view()), "e": pa.array(WORDS, pa.large_string())}),
        pa.table({"b": pa.array(WORDS, pa.string_view()).dictionary_encode(), "a": pa.nulls(5)}),
        pa.table(
            {"a": pa.array([1, 2, 3, 4, 5], pa.float16()), "c": [moment] * 5, "d": pa.nulls(5, pa.bool_())}
        ),
        pa.table({"a": [1.0] * 5, "x": [[1, 2]] * 5, "y": [{"z": 1}] * 5}),
        pa.table({"b": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'] * 5)), "a": [1] * 5}),
        pa.table({"a": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 1, 0, 1], pa.int8()))}),
        pa.table(plain).replace_schema_metadata({"pandas": '{"columns": []}'}),
        pa.table({"a": pc.run_end_encode(pa.array([1, 1, 2, 2, 3])), "b": WORDS}),
    ]
    streams = [written(table) for table in tables] + [written(table, 1) for table in tables[:6]]
    grown = pa.table({"b": pa.chunked_array([pa.array(WORDS[:n]).dictionary_encode() for n in (1, 3, 5)])})
    streams += [written(grown), written(grown, emit_dictionary_deltas=True)]
    streams += [written(tables[0], compression=c) for c in ("lz4", "zstd")]
    streams += [
        written(tables[0], metadata_version=pa.ipc.MetadataVersion.V4),
        written(tables[2], use_legacy_format=True),
    ]
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y" * 20], "e": ["u", "v"]})
    frame = frame.with_columns(
        pl.col("e").cast(pl.Categorical), pl.lit("x").cast(pl.Enum(["x", "y"])).alias("f")
    )
    for level in (pl.CompatLevel.oldest(), pl.CompatLevel.newest()):
        out = io.BytesIO()
        frame.write_ipc_stream(out, compat_level=level)
        streams.append(out.getvalue())
    return tuple(streams)


def messages(stream: bytes) -> list[tuple[int, int, int]]:
    """Where each message of a sound stream begins, where its body does, and where it ends."""
    found, at = [], 0
    while at < len(stream):
        start = at
        if stream[at : at + 4] == b"\xff" * 4:
            at += 4
        (size,) = struct.unpack_from("<i", stream, at)
        if size == 0:
            break
        one = pa.ipc.read_message(stream[start:])
        body = at + 4 + size
        at = body + (one.body.size if one.body else 0)
        found.append((start, body, at))
    return found


def stream(seed: int, number: int) -> bytes:
    """One stream with something wrong in it, always the same for the same numbers."""
    dice = random.Random(f"{seed}:{number}")
    sound = dice.choice(seeds())
    data = bytearray(sound)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        dice.choice(WRONGS)(dice, data, sound)
    return bytes(data)


def flip(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """A bit, anywhere."""
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def cut(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """The end is lacking."""
    del data[dice.randrange(len(data) + 1) :]


def forge(dice: random.Random, data: bytearray, sound: bytes, where: tuple[int, int] | None = None) -> None:
    """A number that lengths and offsets are likely to mind, on a place where one may stand."""
    first, last = where or (0, len(data))
    width, layout = dice.choice(((1, "<B"), (2, "<H"), (4, "<I"), (4, "<I"), (8, "<Q"), (8, "<Q")))
    last = min(last, len(data)) - width
    if last < first:
        return
    at = first + (dice.randrange(last - first + 1) // width) * width
    at = at if at <= last else last
    value = dice.choice((*INTERESTING, len(data), dice.randrange(1024)))
    if dice.random() < 0.3:
        value = struct.unpack_from(layout, data, at)[0] + dice.choice((-8, -1, 1, 2, 8, 64))
    struct.pack_into(layout, data, at, value % (1 << 8 * width))


def forge_header(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """The same in a message's flatbuffer: lengths of buffers, rows, nulls, offsets, kinds."""
    start, body, _ = dice.choice(messages(sound))
    forge(dice, data, sound, (start, body))


def forge_body(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """The same in a message's buffers: offsets of texts, views, indices."""
    _, body, end = dice.choice(messages(sound))
    forge(dice, data, sound, (body, end))


def deal(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """Messages dropped, doubled, in another order, or those of another stream."""
    parts = [bytes(data[start:end]) for start, _, end in messages(sound)]
    other = dice.choice(seeds())
    strange = [other[start:end] for start, _, end in messages(other)]
    how = dice.randrange(5)
    if how == 0:
        dice.shuffle(parts)
    elif how == 1:
        parts.insert(dice.randrange(len(parts) + 1), dice.choice(parts))
    elif how == 2:
        parts.pop(dice.randrange(len(parts)))
    elif how == 3:
        parts[dice.randrange(len(parts))] = dice.choice(strange)
    else:
        parts = parts[:1] + strange[1:]
    data[:] = b"".join(parts)


def copy(dice: random.Random, data: bytearray, sound: bytes) -> None:
    """A piece of it stands in another place."""
    if len(data) > 32:
        size = dice.choice((2, 4, 8, 16))
        at, to = (dice.randrange((len(data) - size) // 2) * 2 for _ in range(2))
        data[to : to + size] = data[at : at + size]


Wrong = Callable[[random.Random, bytearray, bytes], None]
WRONGS: tuple[Wrong, ...] = (
    *(flip, flip, cut, deal, copy, forge),
    *(forge_header, forge_header, forge_header, forge_body, forge_body),
)


def main(seed: int, first: int, count: int, place: str = "") -> None:
    dialect, ends = arrow(), Counter[str]()
    known: mmap.mmap | None = None
    if place:
        Path(place).write_bytes(bytes(8))
        with Path(place).open("r+b") as file:
            known = mmap.mmap(file.fileno(), 8)
    for number in range(first, first + count):
        if known is not None:
            known[:] = struct.pack("<q", number)
        data = stream(seed, number)
        try:
            check(data)
        except ValueError:
            ends["refused by the framing"] += 1
            continue
        try:
            dialect.decode(data, PLAIN)
            ends["decoded"] += 1
        except Refused as refused:
            ends[json.loads(refused.answer.body)["error"]["code"]] += 1
    print(json.dumps({"ends": ends, "peak_mib": _peak_mib()}))


def _peak_mib() -> int:
    """The most memory that this process had. `ru_maxrss` counts that of the process which started it, too."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) >> 10


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:4]), *sys.argv[4:])
