"""Arrow streams as bodies: what is read, what is refused before it can grow, and what forged bytes do."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serving.conftest import ROW, Doubler, Wire, request

from mlwright.base.errors import ExtraMissing, Misuse
from mlwright.serving import ServeSettings, asgi, running, serve
from mlwright.serving.answers import Refused
from mlwright.serving.dialects.arrow_framing import check
from mlwright.serving.options import PLAIN

pa = pytest.importorskip("pyarrow", reason="the extra arrow is not installed")

ARROW = "application/vnd.apache.arrow.stream"
FUZZ = Path(__file__).parents[1] / "support" / "arrow_fuzz.py"


def written(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return out.getvalue()


def table_of(count: int = 1, **columns: object) -> pa.Table:
    return pa.table({name: [value] * count for name, value in ROW.items()} | columns)


def sent(url: str, body: bytes, query: str = ""):
    with Wire(url) as wire:
        wire.send(request("POST", f"/predict{query}", body, Content_Type=ARROW))
        return wire.reply()


def dialect(**settings: int):
    from mlwright.serving.dialects.arrow import Arrow

    return Arrow(Doubler(), ServeSettings(**settings), "model")


def refused(body: bytes, **settings: int) -> tuple[int, str, str]:
    with pytest.raises(Refused) as found:
        dialect(**settings).decode(body, PLAIN)
    error = json.loads(found.value.answer.body)["error"]
    return found.value.answer.status, error["code"], error["message"]


def test_streams_are_read_only_where_that_was_asked_for():
    with running(Doubler()) as url:
        reply = sent(url, written(table_of()))
        assert (reply.status, reply.json["error"]["code"]) == (415, "no_arrow")
        with Wire(url) as wire:
            wire.send(request(path="/openapi.json"))
            assert ARROW not in wire.reply().body.decode()


def test_a_server_that_does_not_read_streams_loads_no_pyarrow():
    code = (
        "import sys; from tests.serving.conftest import Doubler; from mlwright.serving import running\n"
        "with running(Doubler()): print(sorted({'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_no_server_starts_that_could_not_read_the_streams_it_is_to_read(monkeypatch, workers):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    settings = ServeSettings(arrow=True, insecure=True, workers=workers)
    for start in (lambda: serve(Doubler(), port=0, settings=settings), lambda: asgi(Doubler(), settings)):
        with pytest.raises(ExtraMissing, match="pyarrow") as missing:
            start()
        assert missing.value.remedy == "pip install 'mlwright[arrow]'"


def test_no_server_starts_with_a_pyarrow_that_forged_bytes_bring_down(monkeypatch):
    monkeypatch.setattr("mlwright.serving.libraries.version", lambda name: "22.0.0")
    with pytest.raises(Misuse, match="unsafely") as old:
        serve(Doubler(), port=0, settings=ServeSettings(arrow=True))
    assert old.value.remedy == "pip install 'pyarrow>=26'"


def test_notes_that_are_nested_deep_are_told_or_let_be():
    notes = {"ARROW:extension:name": "arrow.opaque", "ARROW:extension:metadata": "[" * 1_000_000}
    table = table_of()
    table = table.cast(pa.schema([table.schema.field(0).with_metadata(notes), *list(table.schema)[1:]]))
    assert refused(written(table))[:2] == (400, "malformed_arrow")


@pytest.mark.parametrize("level", ["oldest", "newest"])
def test_tables_of_polars_are_read_and_further_columns_let_be(url, level):
    columns = {
        "age": [1, None, 3],
        "member": [True, False, None],
        "city": ["a", None, "b" * 20],
        "x": [1, 2, 3],
    }
    frame = pl.DataFrame(columns).with_columns(
        pl.col("city").alias("note"), pl.col("city").cast(pl.Categorical)
    )
    out = io.BytesIO()
    frame.filter(pl.col("age").is_not_null()).write_ipc_stream(
        out, compat_level=getattr(pl.CompatLevel, level)()
    )
    read = pa.ipc.open_stream(sent(url, out.getvalue()).body).read_all()
    assert read["prediction"].to_pylist() == [2.0, 6.0]


def test_every_plain_type_becomes_the_value_that_rows_would_hold():
    moment = datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=UTC)
    table = pa.table(
        {
            "age": pa.array([2, 3], pa.int8()),
            "member": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None], pa.int8())),
            "joined": pa.array([moment, None], pa.timestamp("ns", "Europe/Paris")),
            "city": pa.array([2**60 + 1, None]),
            "note": pa.array(
                ["caf\u00e9", "a text of more than twelve"], pa.string_view()
            ).dictionary_encode(),
        }
    )
    decoded = dialect().decode(written(table), PLAIN)
    assert decoded.numbers[0].tolist() == [2.0, 1.0, moment.timestamp()]
    assert decoded.strings.tolist() == [[str(2**60 + 1), "caf\u00e9"], ["", "a text of more than twelve"]]


def test_batches_follow_one_another():
    many = pa.concat_tables([table_of(age=[float(i)]) for i in range(7)])
    assert len(many["age"].chunks) == 7
    assert dialect().decode(written(many), PLAIN).numbers[:, 0].tolist() == list(range(7))


@pytest.mark.parametrize(
    ("column", "part"),
    [
        (pa.array([{"a": 1}]), "within"),
        (pa.array([[1, 2]]), "within"),
        (pa.array([[None] * 5], pa.list_(pa.null(), 5)), "within"),
        (pa.array([b"x"]), "'note' is of type binary"),
        (pa.array([b"x" * 16], pa.uuid()), "'note' is of type"),
    ],
    ids=["struct", "list", "fixed", "binary", "uuid"],
)
def test_a_column_of_another_type_is_refused(url, column, part):
    reply = sent(url, written(table_of(note=column)))
    assert reply.status == 400 and part in reply.json["error"]["message"]


def test_a_column_twice_and_a_column_too_few_are_told():
    twice = pa.Table.from_arrays([pa.array([1.0])] * 2, ["age", "age"])
    assert "a column twice" in refused(written(twice))[2]
    assert refused(written(pa.table({"x": [1, 2]})))[:2] == (422, "table_refused")
    assert refused(written(table_of().slice(1)))[:2] == (400, "no_rows")
    assert refused(b"")[:2] == (400, "malformed_arrow")


# What could grow


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_refused(url, compression):
    reply = sent(url, written(table_of(), compression=compression))
    assert reply.status == 400 and "compressed" in reply.json["error"]["message"]


def test_notes_in_which_arrow_0_17_told_of_compression_are_refused():
    table, out = table_of(), io.BytesIO()
    old = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4)
    with pa.ipc.new_stream(out, table.schema, options=old) as writer:
        writer.write_batch(table.to_batches()[0], custom_metadata={"ARROW:experimental_compression": "ZSTD"})
    assert "old version" in refused(out.getvalue())[2]


def test_a_billion_rows_of_nothing_are_too_many():
    stream = written(pa.table({"city": pa.nulls(10**9)}))
    assert len(stream) < 1000
    assert refused(stream)[:2] == (413, "too_many_rows")


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view()], ids=["dictionary", "view"])
def test_a_long_text_that_is_told_again_and_again_is_too_long(kind):
    text = "x" * 100_000
    if pa.types.is_string_view(kind):
        one = pa.array([text], kind)
        view = one.buffers()[1].to_pybytes() * 1_000
        city = pa.StringViewArray.from_buffers(kind, 1_000, [None, pa.py_buffer(view), one.buffers()[2]])
    else:
        city = pa.array([text]).dictionary_encode().take(pa.array([0] * 1_000))
    stream = written(table_of(1_000, city=city))
    assert len(stream) < 200_000
    assert refused(stream)[:2] == (413, "body_too_large")


def test_a_text_is_counted_only_where_a_row_has_it():
    city = pa.array(["x" * 100_000, "y"]).dictionary_encode().take(pa.array([1, None] * 500))
    view = pa.array(["x" * 50, None, "y"], pa.string_view())
    stream = written(table_of(1_000, city=city, note=pa.concat_arrays([view] * 334)[:1_000]))
    assert dialect(max_body_bytes=200_000).decode(stream, PLAIN).count == 1_000


def test_a_dictionary_that_goes_on_from_an_earlier_one_is_refused():
    city = pa.chunked_array([pa.array(texts).dictionary_encode() for texts in (["a"], ["a", "b"])])
    table = pa.table({"age": [1.0, 2.0, 3.0], "member": [True] * 3, "city": city})
    assert dialect().decode(written(table), PLAIN).strings[:, 0].tolist() == ["a", "a", "b"]
    assert "goes on" in refused(written(table, emit_dictionary_deltas=True))[2]


def test_a_long_dictionary_is_not_checked_for_thousands_of_batches():
    city = pa.array(["x" * 1_000_000]).dictionary_encode()
    out = io.BytesIO()
    batch = pa.record_batch({"city": city})
    with pa.ipc.new_stream(out, batch.schema) as writer:
        for _ in range(2_000):
            writer.write_batch(batch)
    assert len(out.getvalue()) < 2_000_000
    assert "too long for so many batches" in refused(out.getvalue())[2]


def test_too_many_columns_or_messages_are_refused():
    assert "columns" in refused(written(pa.table({str(i): pa.nulls(1) for i in range(10_001)})))[2]
    out, batch = io.BytesIO(), pa.record_batch({"age": pa.nulls(0)})
    with pa.ipc.new_stream(out, batch.schema) as writer:
        for _ in range(10_001):
            writer.write_batch(batch)
    assert "messages" in refused(out.getvalue())[2]


def test_a_name_that_many_columns_share_is_not_read_for_each():
    count, long = 50, "n" * 5_000
    stream = bytearray(written(pa.table({name: pa.nulls(1) for name in (long, *map(str, range(count)))})))
    place = stream.index(long.encode()) - 4
    for i in range(count):
        name = stream.index(struct.pack("<I", len(str(i))) + str(i).encode() + b"\0")
        for at in (j for j in range(0, name, 4) if j + struct.unpack_from("<I", stream, j)[0] == name):
            if place > at:
                struct.pack_into("<I", stream, at, place - at)
    assert "longer than what was sent" in refused(bytes(stream))[2]


# Forged bytes


@given(st.data())
def test_bytes_changed_never_break_the_reader_of_the_framing(data):
    stream = bytearray(written(table_of(2)))
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    try:
        check(bytes(stream[: data.draw(st.integers(0, len(stream)))]))
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 4_000), pytest.param(2, 300_000, marks=pytest.mark.slow)],
    ids=["thousands", "hundreds of thousands"],
)
def test_forged_streams_are_refused_and_end_no_process(tmp_path, seed, count):
    place = tmp_path / "place"
    command = [sys.executable, FUZZ, str(seed), "0", str(count), place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    at = struct.unpack("<q", place.read_bytes())[0] if place.exists() else -1
    assert done.returncode == 0, f"stream({seed}, {at}) ended it with {done.returncode}: {done.stderr[-500:]}"
    told = json.loads(done.stdout)
    assert sum(told["ends"].values()) == count
    assert told["ends"]["malformed_arrow"] > count / 5 and told["ends"]["decoded"] > count / 20
    assert told["peak_mib"] < 1024
