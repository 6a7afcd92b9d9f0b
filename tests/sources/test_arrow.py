"""Arrow files and streams, and what a Parquet footer says before anything is unpacked."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlwright.base.errors import SourceUnreadable
from mlwright.sources import packed, read_raw
from mlwright.sources.footer import Footer, footer_of

FRAME = pl.DataFrame(
    {"a": [1, 2, None], "b": ["x", None, "z"], "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical)}
)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize("name", ["t.arrow", "t.feather", "t.ipc", "t.csv"])
def test_files_and_streams_are_read_whatever_they_are_called(
    name: str, compression: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    for write in (FRAME.write_ipc, FRAME.write_ipc_stream):
        write(path, compression=compression)
        raw = read_raw(path)
        assert raw.frame.rows() == FRAME.rows() and raw.categorical == {"c"}
        assert (raw.source, len(raw.sha256)) == (name, 64)


def test_an_arrow_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    for write in (FRAME.write_ipc, FRAME.write_ipc_stream):
        write(path)
        data = path.read_bytes()
        for end in (len(data) // 2, 20):
            path.write_bytes(data[:end])
            with pytest.raises(SourceUnreadable, match=r"t\.arrow"):
                read_raw(path)
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(SourceUnreadable, match="no Arrow file"):
        read_raw(path)
    path.write_bytes(b"FEA1" + bytes(50))
    with pytest.raises(SourceUnreadable, match="Feather file of version 1"):
        read_raw(path)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("rows_a_group", [7, 1_000])
def test_a_footer_is_read_as_the_reference_reads_it(rows_a_group: int, compression: str) -> None:
    table = pa.table(
        {
            "n": list(range(100)),
            "t": [f"text {i}" * 3 for i in range(100)],
            "nested": [[{"k": i, "ok": True}] for i in range(100)],
            "ok": [i % 2 == 0 for i in range(100)],
        }
    ).replace_schema_metadata({"about": "a table", "long": "x" * 300})
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows_a_group, compression=compression)
    reference = pq.ParquetFile(out).metadata
    groups = [reference.row_group(i).total_byte_size for i in range(reference.num_row_groups)]
    assert footer_of(out.getvalue()) == Footer(100, sum(groups))


def test_a_polars_footer_is_read_too() -> None:
    out = io.BytesIO()
    FRAME.write_parquet(out)
    assert footer_of(out.getvalue()).rows == 3


def test_a_footer_of_nonsense_is_no_crash() -> None:
    out = io.BytesIO()
    FRAME.write_parquet(out)
    data = out.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    for at in range(len(data) - 8 - length, len(data) - 8):
        for value in (0x00, 0x19, 0x1C, 0xFF):
            try:
                footer_of(data[:at] + bytes([value]) + data[at + 1 :])
            except ValueError:
                continue
    for broken in (b"", b"PAR1", b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1", data[:-1]):
        with pytest.raises(ValueError, match="its"):
            footer_of(broken)


@pytest.mark.parametrize("what", ["rows", "texts"])
def test_a_parquet_bomb_is_refused_before_it_is_unpacked(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    values = [7] * 4_000_000 if what == "rows" else ["x" * 500_000 + str(i) for i in range(40)]
    pl.DataFrame({"a": values}).write_parquet(path, compression="zstd")
    assert path.stat().st_size < 200_000
    assert read_raw(path).frame.height == len(values)
    monkeypatch.setattr(packed, "memory_limit", lambda: 8 << 20)
    with pytest.raises(
        SourceUnreadable, match=r"t\.parquet: the Parquet file \(.*\) unpacks to .*above 4\.0 MiB"
    ):
        read_raw(path)
