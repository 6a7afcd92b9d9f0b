"""Folders and patterns of parts are one table, in sorted order, or a clear refusal that names the part."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from mlwright.base.errors import Misuse, SourceUnreadable
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, read_raw


def written(folder: Path, **parts: str) -> Path:
    for name, text in parts.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_folder_and_a_pattern_are_read_in_sorted_order(tmp_path: Path) -> None:
    written(tmp_path / "d", b_csv="x,y\n3,c\n4,d\n", a_csv="x,y\n1,a\n2,b\n", c_csv="y,x\ne,5\n")
    for source in (tmp_path / "d", f"{tmp_path}/d/*.csv", Path(f"{tmp_path}/d/[a-c].csv")):
        raw = read_raw(source)
        assert raw.frame.rows() == [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d"), ("5", "e")]
        assert raw.notes == ("3 parts",)
    assert read_raw(tmp_path / "d").source == "d/ (3 parts)"
    assert read_raw(f"{tmp_path}/d/?.csv").source == "?.csv (3 parts)"


def test_the_digest_is_of_all_parts_and_provenance_counts_them(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="x,y\n1,a\n2,b\n", b_csv="x,y\n3,c\n4,d\n")
    digests = [hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in ("a.csv", "b.csv")]
    told = read(folder).provenance
    assert told.sha256 == hashlib.sha256("\n".join(digests).encode()).hexdigest()
    assert (told.notes, told.rows_read) == (("2 parts",), 4)
    (folder / "b.csv").write_text("x,y\n3,c\n4,e\n")
    assert read(folder).provenance.sha256 != told.sha256


def test_folders_that_name_a_value_give_a_column(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for year, city in ((2023, "a%20b"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        folder = root / f"year={year}" / f"city={city}"
        folder.mkdir(parents=True)
        pl.DataFrame({"v": [year * 1.0, 1.0]}).write_parquet(folder / "part-0.parquet")
    (root / "_SUCCESS").touch()
    (root / "year=2023" / ".part-0.crc").write_bytes(b"x")
    (root / "_temporary").mkdir()
    (root / "_temporary" / "part-9.parquet").write_bytes(b"not yet")
    for source in (root, f"{root}/**/*.parquet", f"{root}/year=*/city=*/*"):
        frame = read_raw(source).frame
        assert frame["year"].to_list() == ["2023", "2023", "2024", "2024"]
        assert frame["city"].to_list() == ["a b", "a b", None, None]
    assert read(root).schema.column("year").name == "year"


def test_parts_with_other_columns_are_refused_naming_part_and_column(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="amount,y\n1,2\n", b_csv="ammount,y\n3,4\n")
    with pytest.raises(
        SourceUnreadable, match=r"'b\.csv' lacks the column 'amount' and has a column 'ammount'"
    ):
        read_raw(folder)


def test_whole_numbers_and_fractions_meet_but_numbers_and_texts_do_not(tmp_path: Path) -> None:
    pl.DataFrame({"v": [1, 2], "n": [None, None]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"v": [0.5], "n": ["x"]}).write_parquet(tmp_path / "b.parquet")
    frame = read_raw(tmp_path).frame
    assert frame.rows() == [(1.0, None), (2.0, None), (0.5, "x")]
    pl.DataFrame({"v": ["1"], "n": ["x"]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(
        SourceUnreadable, match=r"column 'v' is String in 'c\.parquet' and Int64 in 'a\.parquet'"
    ):
        read_raw(tmp_path)


def test_untyped_parts_whose_values_differ_in_type_meet_as_texts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"v": 1}\n{"v": 2}\n')
    (tmp_path / "b.jsonl").write_text('{"v": "x"}\n')
    assert read_raw(tmp_path).frame["v"].to_list() == ["1", "2", "x"]


def test_several_formats_in_one_folder_are_refused_by_name(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="x\n1\n2\n")
    pl.DataFrame({"x": [1]}).write_parquet(folder / "b.parquet")
    with pytest.raises(SourceUnreadable, match=r"several formats: 'a\.csv' is text, 'b\.parquet' is Parquet"):
        read_raw(folder)
    assert read_raw(f"{folder}/*.csv").frame.height == 2


def test_empty_parts_are_passed_over_and_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="x,y\n1,a\n", b_csv="", c_csv="x,y\n", d_csv="x,y\n2,b\n")
    raw = read_raw(folder)
    assert raw.frame.rows() == [("1", "a"), ("2", "b")]
    assert [f.evidence for f in raw.findings if f.code == "MLW035"] == ["2 parts, the first is 'b.csv'"]
    with pytest.raises(SourceUnreadable, match="no part has a row"):
        read_raw(f"{folder}/[bc].csv")


def test_later_parts_are_written_as_the_first_one_is(tmp_path: Path) -> None:
    """A part of one row alone could be read otherwise: as one column, or its names as a row."""
    written(tmp_path / "d", a_csv="id;note\n1;a,b\n2;c,d\n3;e,f\n", b_csv="id;note\n4;g,h\n")
    assert read_raw(tmp_path / "d").frame.rows()[-1] == ("4", "g,h")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("d/*.parquet", r"no file fits the pattern.*holds 'loans\.csv'"),
        ("no/*.csv", "there is no folder"),
        ("d/empty", "the folder holds no files"),
    ],
)
def test_where_there_is_nothing_the_way_out_is_said(source: str, said: str, tmp_path: Path) -> None:
    written(tmp_path / "d", loans_csv="x\n1\n")
    (tmp_path / "d" / "empty").mkdir()
    (tmp_path / "d" / "empty" / ".hidden").touch()
    with pytest.raises(SourceUnreadable, match=said):
        read_raw(f"{tmp_path}/{source}")


def test_a_file_that_exists_is_no_pattern(tmp_path: Path) -> None:
    written(tmp_path, **{"a[1]_csv": "x,y\n1,a\n", "a1_csv": "x,y\n2,b\n"})
    assert read_raw(tmp_path / "a[1].csv").frame.rows() == [("1", "a")]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="x,y\n1,a\n2,b\n", b_csv="x,y\n1,a\n2,b,c\n")
    with pytest.raises(SourceUnreadable, match=r"b\.csv, line 3"):
        read_raw(folder)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ftp://host/a.csv", "no source is called ftp://"),
        ("htps://host/a.csv", r"did you mean https://\?"),
        ("file://elsewhere/a.csv", "names no other machine"),
        (Path("s3://bucket/a.csv"), "a Path cannot hold a URL"),
    ],
)
def test_a_url_that_cannot_be_is_told(source: str | Path, said: str) -> None:
    with pytest.raises(Misuse, match=said):
        read_raw(source)


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    path = written(tmp_path, **{"a b_csv": "x,y\n1,a\n"}) / "a b.csv"
    assert read_raw(path.as_uri()).frame.rows() == [("1", "a")]


def test_names_that_no_file_can_have_are_told() -> None:
    for name in ("a" * 5000, "a\0b.csv"):
        with pytest.raises(SourceUnreadable):
            read_raw(name)


def test_a_sheet_of_no_workbook_is_refused_for_parts_too(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", a_csv="x\n1\n", b_csv="x\n1\n")
    with pytest.raises(Misuse, match="have sheets"):
        read_raw(folder, ReadOptions(sheet=1))
