"""A file's bytes are unpacked within limits, whatever they claim to hold."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from mlwright.base.errors import SourceUnreadable
from mlwright.sources import files, packed
from mlwright.sources.files import open_file
from mlwright.sources.packed import most_unpacked

MIB = 1 << 20


def test_a_small_file_that_expands_without_end_is_refused_before_it_is_unpacked_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + bytes(64 * MIB)))
    monkeypatch.setattr(packed, "memory_limit", lambda: 4 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(SourceUnreadable, match=r"unpacks to more than 2\.0 MiB") as caught:
            open_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB
    assert "bomb.csv.gz" in str(caught.value) and "unpack it first" in str(caught.value)


def test_a_file_as_large_as_the_limit_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv.gz"
    monkeypatch.setattr(packed, "memory_limit", lambda: 4 * MIB)
    path.write_bytes(gzip.compress(bytes(2 * MIB)))
    assert open_file(path).data == bytes(2 * MIB)
    path.write_bytes(gzip.compress(bytes(2 * MIB + 1)))
    with pytest.raises(SourceUnreadable, match="unpacks to more than"):
        open_file(path)


def test_parts_packed_one_after_another_are_one_file_and_count_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n"))
    assert open_file(path).data == b"a,b\n1,2\n"
    monkeypatch.setattr(packed, "memory_limit", lambda: 4 * MIB)
    path.write_bytes(gzip.compress(bytes(MIB)) * 3)
    with pytest.raises(SourceUnreadable, match="unpacks to more than"):
        open_file(path)


def test_the_limit_is_half_of_the_memory_and_at_most_8_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "memory_limit", lambda: 2 << 30)
    assert most_unpacked() == 1 << 30
    for memory in (None, 1 << 40):
        monkeypatch.setattr(packed, "memory_limit", lambda memory=memory: memory)
        assert most_unpacked() == 8 << 30


def test_a_model_given_for_a_table_is_said_to_be_one(tmp_path: Path) -> None:
    model = tmp_path / "bank.mlw"
    model.write_bytes(Path(__file__).parents[1].joinpath("fixtures", "format-1.mlw").read_bytes())
    with pytest.raises(SourceUnreadable, match=r"an mlwright model, not a table.*mlwright show bank\.mlw"):
        files.refuse_foreign(open_file(model))


def test_one_blank_line_is_one_line(tmp_path: Path) -> None:
    from mlwright.lifecycle import read

    table = tmp_path / "gap.csv"
    table.write_text("a,b\n" + "".join(f"{i},x{i % 3}\n" for i in range(20)) + "\n1,x1\n", encoding="utf-8")
    assert "1 line, the first" in str([f.evidence for f in read(table).findings])
