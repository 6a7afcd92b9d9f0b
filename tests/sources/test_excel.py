"""Workbooks: the sheet that is meant, the header where it stands, cells with their types."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from mlwright.base.errors import Misuse, SourceUnreadable, TargetUnusable, UnknownName
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, packed, read_raw

Cells = Sequence[Sequence[object]]
PEOPLE: Cells = [
    ["name", "n", "when", "ok"],
    *([f"p{i}", i, dt.datetime(2024, 1, 1 + i), i % 2 == 0] for i in range(9)),
]


def book(folder: Path, **sheets: Cells) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path = folder / "book.xlsx"
    made.save(path)
    return path


def test_typed_cells_become_typed_columns(tmp_path: Path) -> None:
    raw = read_raw(book(tmp_path, People=PEOPLE))
    assert raw.frame.schema == {"name": pl.String, "n": pl.Int64, "when": pl.Datetime("ms"), "ok": pl.Boolean}
    assert raw.frame.row(3) == ("p3", 3, dt.datetime(2024, 1, 4), False)
    assert raw.findings == ()
    kinds = {c.name: c.kind for c in read(book(tmp_path, People=PEOPLE)).schema.columns}
    assert (kinds["n"], kinds["when"], kinds["ok"]) == ("numeric", "datetime", "boolean")


def test_the_sheet_is_chosen_by_name_or_number_and_the_choice_is_said(tmp_path: Path) -> None:
    path = book(tmp_path, Empty=[], People=PEOPLE, Prices=[["p", "q"], [1, 2], [3, 4]])
    raw = read_raw(path)
    assert raw.frame.height == 9
    assert [(f.code, f.evidence) for f in raw.findings] == [
        ("MLW031", "'People'; not read: 'Empty', 'Prices'")
    ]
    for sheet in ("Prices", 3, "3"):
        raw = read_raw(path, ReadOptions(sheet=sheet))
        assert (raw.frame.rows(), raw.findings) == ([(1, 2), (3, 4)], ())
    with pytest.raises(UnknownName, match="no sheet 'Price'; did you mean 'Prices'"):
        read_raw(path, ReadOptions(sheet="Price"))
    with pytest.raises(Misuse, match="no sheet 4: there are 3 sheets"):
        read_raw(path, ReadOptions(sheet=4))
    with pytest.raises(Misuse, match="numbered from 1"):
        ReadOptions(sheet=0)
    with pytest.raises(SourceUnreadable, match=r"sheet 'Empty' is empty.*name another"):
        read_raw(path, ReadOptions(sheet="Empty"))


def test_a_column_of_another_sheet_is_missed_with_the_sheets_named(tmp_path: Path) -> None:
    path = book(tmp_path, People=PEOPLE, Prices=[["p", "q"], [1, 2], [3, 4]])
    said = "the sheet that was read: 'People'; not read: 'Prices'.*sheet="
    with pytest.raises(TargetUnusable, match=said):
        read(path, target="q")
    with pytest.raises(UnknownName, match=said):
        read(path, target="ok", group="q")
    with pytest.raises(TargetUnusable, match="name a column of the table"):
        read(path, target="q", options=ReadOptions(sheet="People"))


def test_titles_above_the_header_and_empty_rows_and_columns_are_passed_over(tmp_path: Path) -> None:
    rows: Cells = [
        [None, "Quarterly report"],
        [],
        [None, "name", "n", None, "x"],
        *([None, f"p{i}", i, None, i / 2] for i in range(5)),
        [],
        [None, "q", 7, None, 1.5],
    ]
    raw = read_raw(book(tmp_path, A=rows))
    assert raw.frame.columns == ["name", "n", "x"]
    assert raw.frame.rows()[-1] == ("q", 7, 1.5)
    assert {(f.code, f.evidence) for f in raw.findings} == {
        ("MLW032", "2 rows of the sheet 'A'"),
        ("MLW019", "1 row of the sheet 'A'"),
    }
    assert read_raw(book(tmp_path, A=rows), ReadOptions(skip_rows=2)).frame.equals(raw.frame)


def test_a_sheet_without_a_header_gets_names(tmp_path: Path) -> None:
    path = book(tmp_path, A=[[i, i * 2.5, i + 1] for i in range(5, 15)])
    raw = read_raw(path)
    assert raw.frame.columns == ["column_1", "column_2", "column_3"]
    assert raw.frame.height == 10 and [f.code for f in raw.findings] == ["MLW003"]
    assert read_raw(path, ReadOptions(names=("a", "b", "c"))).frame.columns == ["a", "b", "c"]
    with pytest.raises(Misuse, match="1 names for 3 columns"):
        read_raw(path, ReadOptions(names=("a",)))


def test_a_blank_header_cell_and_a_name_given_twice(tmp_path: Path) -> None:
    raw = read_raw(book(tmp_path, A=[["a", None, "a"], ["u", 2, 3], ["v", 5, 6]]))
    assert raw.frame.columns == ["a", "Unnamed: 1", "a_2"]


def test_errors_are_missing_and_mixed_columns_are_texts(tmp_path: Path) -> None:
    rows: Cells = [
        ["v", "mixed", "all_errors"],
        [1.5, 1, "#N/A"],
        ["#N/A", "x", "#DIV/0!"],
        ["#DIV/0!", 2.5, "#REF!"],
        [4.0, None, "#N/A"],
    ]
    frame = read_raw(book(tmp_path, A=rows)).frame
    assert frame["v"].to_list() == [1.5, None, None, 4.0]
    assert frame["mixed"].to_list() == ["1", "x", "2.5", None]
    assert "all_errors" not in frame.columns or frame["all_errors"].null_count() == 4


def test_the_same_table_in_every_kind_of_workbook(tmp_path: Path) -> None:
    """OpenDocument written by hand; .xls and .xlsb have no writer that a test should need."""
    cell = "<table:table-cell office:value-type="
    rows = "".join(
        f'<table:table-row>{cell}"string"><text:p>{t}</text:p></table:table-cell>'
        f'{cell}"float" office:value="{v}"><text:p>{v}</text:p></table:table-cell>'
        "</table:table-row>"
        for t, v in [("a", 1), ("b", 2), ("c", 3.5)]
    )
    head = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{n}</text:p></table:table-cell>'
        for n in ("t", "v")
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{space}:office:1.0" '
        f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="S"><table:table-row>{head}</table:table-row>{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0"/>'
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    assert read_raw(path).frame.rows() == [("a", 1.0), ("b", 2.0), ("c", 3.5)]


def test_a_workbook_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = book(tmp_path, A=PEOPLE)
    assert read_raw(path.rename(tmp_path / "book.csv")).frame.height == 9


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.xlsx", b"a,b\n1,2\n", "no Excel file"),
        ("a.xls", b"<html><table></table></html>", "web page"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged or cut off"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + bytes(512) + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)
def test_what_is_no_open_workbook_is_refused(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceUnreadable, match=said) as caught:
        read_raw(path)
    assert name in str(caught.value) and "What to do" in str(caught.value)


def test_a_workbook_that_was_cut_off_or_damaged_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path, A=PEOPLE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceUnreadable, match="the workbook is damaged or cut off"):
        read_raw(path)
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(io.BytesIO(data)) as before:
        for info in before.infolist():
            content = before.read(info)
            archive.writestr(info.filename, content[:200] if "sheet1" in info.filename else content)
    with pytest.raises(SourceUnreadable, match=r"cannot be read|is empty"):
        read_raw(path)


def test_a_workbook_that_expands_or_spans_beyond_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = openpyxl.Workbook()
    made.active.append(["a", "b"])
    made.active.append([1, 2])
    made.active["XFD1048576"] = "lost"
    path = tmp_path / "wide.xlsx"
    made.save(path)
    with pytest.raises(SourceUnreadable, match="spans 1,048,576 rows and 16,384 columns"):
        read_raw(path)
    monkeypatch.setattr(packed, "memory_limit", lambda: 1 << 20)
    long = book(tmp_path, A=[["text"], *(["x" * 1000 + str(i)] for i in range(1_000))])
    with pytest.raises(SourceUnreadable, match=r"unpacks to more than 512\.0 KiB"):
        read_raw(long)
