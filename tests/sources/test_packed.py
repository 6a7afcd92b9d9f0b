"""Packed tables are unpacked by what they are, whole or not at all, and never beyond the limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from mlwright.base.errors import Misuse, SourceUnreadable, UnknownName
from mlwright.sources import ReadOptions, packed, read_raw

MIB = 1 << 20
TABLE = b"a,b\n1,x\n2,y\n3,z\n"
ROWS = [("1", "x"), ("2", "y"), ("3", "z")]


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
    "zip": lambda data: zip_of({"table.csv": data}),
}


def kept(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_table_is_read_whatever_it_is_called(kind: str, tmp_path: Path) -> None:
    data = PACKERS[kind](TABLE)
    for name in (f"t.csv.{kind}", "t.csv", "t"):
        assert read_raw(kept(tmp_path, name, data)).frame.rows() == ROWS


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_table_that_was_cut_off_is_never_half_a_table(kind: str, tmp_path: Path) -> None:
    body = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 10007) for i in range(20_000))
    data = PACKERS[kind](body)
    for share in (0.3, 0.9, 0.999):
        with pytest.raises(SourceUnreadable, match=r"t\.csv: the .*(cut off|damaged)"):
            read_raw(kept(tmp_path, "t.csv", data[: int(len(data) * share)]))


@pytest.mark.parametrize("kind", ["bz2", "xz", "zst", "zip"])
def test_a_damaged_byte_is_seen(kind: str, tmp_path: Path) -> None:
    body = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 10007) for i in range(5_000))
    pack = {
        **PACKERS,
        "zst": lambda d: zstd.compress(d, options={zstd.CompressionParameter.checksum_flag: 1}),
    }
    data = bytearray(pack[kind](body))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(SourceUnreadable, match=r"t\.csv: the .*(cut off|damaged)"):
        read_raw(kept(tmp_path, "t.csv", bytes(data)))


@pytest.mark.parametrize("kind", PACKERS)
def test_a_bomb_is_refused_before_it_is_unpacked_whole(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept(tmp_path, "t.csv", PACKERS[kind](b"a,b\n" + bytes(48 * MIB)))
    assert path.stat().st_size < MIB
    monkeypatch.setattr(packed, "memory_limit", lambda: 8 * MIB)
    with pytest.raises(SourceUnreadable, match=r"unpacks to more than 4\.0 MiB"):
        read_raw(path)


@pytest.mark.parametrize("kind", ["bz2", "xz", "zst"])
def test_streams_one_after_another_are_one_table(kind: str, tmp_path: Path) -> None:
    pack = PACKERS[kind]
    assert read_raw(kept(tmp_path, "t.csv", pack(TABLE[:8]) + pack(TABLE[8:]))).frame.rows() == ROWS


def test_a_packed_table_in_an_archive_is_unpacked_too(tmp_path: Path) -> None:
    path = kept(tmp_path, "t.zip", zip_of({"t.csv.gz": gzip.compress(TABLE)}))
    assert read_raw(path).frame.rows() == ROWS


def test_the_format_is_that_of_the_file_in_the_archive(tmp_path: Path) -> None:
    path = kept(tmp_path, "t.zip", zip_of({"in/t.jsonl": b'{"a": 1}\n{"a": 2}\n'}))
    assert read_raw(path).frame["a"].to_list() == [1, 2]


def test_what_stands_beside_the_table_in_an_archive_is_passed_over_and_said(tmp_path: Path) -> None:
    files = {
        "t.csv": TABLE,
        "README.txt": b"about",
        "LICENSE": b"free",
        "__MACOSX/._t.csv": b"\0",
        ".x": b"y",
    }
    raw = read_raw(kept(tmp_path, "t.zip", zip_of(files)))
    assert raw.frame.rows() == ROWS
    assert [f.evidence for f in raw.findings if f.code == "MLW034"] == ["'t.csv', the only table of 3 files"]


def test_an_archive_of_several_tables_names_them_and_one_can_be_chosen(tmp_path: Path) -> None:
    path = kept(tmp_path, "t.zip", zip_of({"one.csv": TABLE, "in/two.csv": b"c\n7\n8\n"}))
    with pytest.raises(SourceUnreadable, match=r"2 files: 'one\.csv', 'in/two\.csv'.*t\.zip!/one\.csv"):
        read_raw(path)
    assert read_raw(f"{path}!/in/two.csv").frame.rows() == [("7",), ("8",)]
    for member in ("two.csv", "in/two.csv"):
        assert read_raw(path, ReadOptions(member=member)).frame.rows() == [("7",), ("8",)]
    with pytest.raises(UnknownName, match=r"did you mean 'one\.csv'"):
        read_raw(f"{path}!/ones.csv")
    with pytest.raises(Misuse, match="two members"):
        read_raw(f"{path}!/one.csv", ReadOptions(member="two.csv"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zip_of({}), "holds no table"),
        (zip_of({"readme.md": b"x", "licence": b"y"}), "holds no table"),
        (zip_of({"word/document.xml": b"<x/>"}), "a ZIP file that holds no table"),
        (zip_of({"t.csv": TABLE})[:-10], "damaged or cut off"),
    ],
    ids=["empty", "papers", "a letter", "cut"],
)
def test_an_archive_without_a_table_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        read_raw(kept(tmp_path, "t.zip", data))


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    data = bytearray(zip_of({"t.csv": TABLE}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    with pytest.raises(SourceUnreadable, match="locked with a password"):
        read_raw(kept(tmp_path, "t.zip", bytes(data)))


def test_a_member_of_what_has_none_is_a_misuse(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="only ZIP archives and JSON objects have members"):
        read_raw(kept(tmp_path, "t.csv", TABLE), ReadOptions(member="x"))
    with pytest.raises(Misuse, match="have sheets"):
        read_raw(kept(tmp_path, "t.csv", TABLE), ReadOptions(sheet="x"))
