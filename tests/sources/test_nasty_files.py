"""Files as the world writes them: each reads right, or is refused with its place and a way out."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.base.errors import Misuse, MlwrightError, SourceUnreadable, TargetUnusable, UnknownName
from mlwright.sources import ReadOptions, Roles, read, read_raw


def written(folder: Path, content: bytes | str, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path, options: ReadOptions | None = None) -> list[tuple[str | None, ...]]:
    return read_raw(path, options).frame.rows()


PLAIN = [("1", "ü"), ("2", "é")]


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,ü\n2,é\n".encode(),
        "a,b\n1,ü\n2,é".encode(),
        "a,b\r\n1,ü\r\n2,é\r\n".encode(),
        "a,b\r1,ü\r2,é\r".encode(),
        "\ufeffa,b\n1,ü\n2,é\n".encode(),
        "a,b\n1,ü\n2,é\n".encode("utf-16"),
        "\ufeffa,b\n1,ü\n2,é\n".encode("utf-16-be"),
        "a,b\n1,ü\n2,é\n".encode("utf-16-le"),
        "a,b\n1,ü\n2,é\n".encode("cp1252"),
        "a;b\n1;ü\n2;é\n".encode(),
        "a\tb\n1\tü\n2\té\n".encode(),
        "a|b\n1|ü\n2|é\n".encode(),
        '"a","b"\n"1","ü"\n"2","é"\n'.encode(),
        "a,b\n1,ü\n\n2,é\n\n\n".encode(),
        'a, b\n1, "ü"\n2, "é"\n'.encode(),
        gzip.compress("a,b\n1,ü\n2,é\n".encode()),
        "a,b\n1,ü\n2,é\n\x1a".encode(),
    ],
    ids=[
        *(
            "plain",
            "no-last-newline",
            "windows",
            "old-mac",
            "bom",
            "utf-16",
            "utf-16-be",
            "utf-16-bare",
            "cp1252",
        ),
        *("semicolon", "tab", "bar", "quoted", "blank-lines", "blank-before-quote", "gzip", "ctrl-z"),
    ],
)
def test_one_small_table_reads_alike_however_it_is_written(tmp_path: Path, content: bytes) -> None:
    raw = read_raw(written(tmp_path, content))
    assert raw.frame.columns == ["a", "b"]
    assert raw.frame.rows() == PLAIN


def test_another_encoding_is_said_with_its_line(tmp_path: Path) -> None:
    found = read_raw(written(tmp_path, "a,b\n1,x\n2,é\n".encode("latin-1"))).findings
    assert [(f.code, "line 3" in f.evidence) for f in found] == [("MLW001", True)]


def test_quoted_newlines_separators_and_quotes_stay_in_their_field(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,"x\ny, ""z"""\n2,w\n')
    assert rows(path) == [("1", 'x\ny, "z"'), ("2", "w")]


def test_a_stray_quote_within_a_field_is_a_letter(tmp_path: Path) -> None:
    assert rows(written(tmp_path, 'a,b\n1,5" pipe\n2,y\n')) == [("1", '5" pipe'), ("2", "y")]


def test_lone_quotes_at_the_start_of_fields_of_a_tab_file_are_letters(tmp_path: Path) -> None:
    path = written(tmp_path, 'a\tb\n1\t"so it goes\n2\tthe end\n', "x.tsv")
    assert rows(path) == [("1", '"so it goes'), ("2", "the end")]


def test_names_are_cleaned_and_made_unique_and_that_is_said(tmp_path: Path) -> None:
    raw = read_raw(written(tmp_path, " a ,a,,b\x07c,a_2\n1,2,3,4,5\n"))
    assert raw.frame.columns == ["a", "a_3", "Unnamed: 2", "b c", "a_2"]
    assert [f.code for f in raw.findings] == ["MLW002"]


def test_a_name_is_at_most_256_bytes(tmp_path: Path) -> None:
    name = read_raw(written(tmp_path, "é" * 300 + ",b\n1,2\n")).frame.columns[0]
    assert name == "é" * 128


def test_a_file_without_a_header_is_seen_by_its_numbers(tmp_path: Path) -> None:
    raw = read_raw(written(tmp_path, "5.1,3.5,red\n4.9,3.0,red\n4.7,3.2,blue\n"))
    assert raw.frame.columns == ["column_1", "column_2", "column_3"]
    assert raw.frame.height == 3
    assert [f.code for f in raw.findings] == ["MLW003"]


def test_years_and_places_may_be_names(tmp_path: Path) -> None:
    assert read_raw(written(tmp_path, "land,2019,2020\nitaly,1.5,2.5\n")).frame.columns == [
        "land",
        "2019",
        "2020",
    ]
    assert read_raw(written(tmp_path, "0,1,2\n5.1,3.5,1\n4.9,3.0,2\n")).frame.columns == ["0", "1", "2"]


def test_header_and_names_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "u,v\nu,w\n")
    assert rows(path, ReadOptions(header=False, names=("p", "q"))) == [("u", "v"), ("u", "w")]
    assert rows(path, ReadOptions(header=True, names=("p", "q"))) == [("u", "w")]
    with pytest.raises(Misuse, match="1 names for 2 columns"):
        read_raw(path, ReadOptions(names=("p",)))


def test_lines_before_the_header_can_be_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, "made by hand\n\na,b\n1,2\n3,4,5\n")
    with pytest.raises(SourceUnreadable, match="line 5: 3 fields"):
        read_raw(path, ReadOptions(skip_rows=2))


def test_a_title_above_the_table_is_refused_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"line 2: 3 fields where the first line has 1.*skip_rows"):
        read(written(tmp_path, "sales of May\na,b,c\n1,2,3\n4,5,6\n"))


def test_excels_line_about_the_separator_is_obeyed(tmp_path: Path) -> None:
    assert rows(written(tmp_path, "sep=;\na;b\n1,5;2\n")) == [("1,5", "2")]


def test_the_index_that_r_and_pandas_write_is_not_used(tmp_path: Path) -> None:
    for head in ('"","a","b"', '"a","b"'):
        body = "".join(f'"{i}",{i % 3},{"xyz"[i % 3]}\n' for i in range(1, 40))
        data = read(written(tmp_path, f"{head}\n{body}"))
        assert [(c.name, c.role) for c in data.schema.columns] == [
            ("Unnamed: 0", "ignored"),
            ("a", "feature"),
            ("b", "feature"),
        ]
        assert "MLW004" in {f.code for f in data.findings}


def test_runs_of_blanks_separate_fields_of_a_text_file(tmp_path: Path) -> None:
    path = written(tmp_path, "  id   value\n  1  2.5 \n  20 \t 3.5\n", "x.txt")
    assert rows(path) == [("1", "2.5"), ("20", "3.5")]


def test_semicolons_beside_decimal_commas(tmp_path: Path) -> None:
    data = read(written(tmp_path, "preis;menge\n1,5;1.000\n2,25;2.500\n1.234,5;12\n"))
    assert data.frame["preis"].to_list() == [1.5, 2.25, 1234.5]
    assert data.frame["menge"].to_list() == [1000.0, 2500.0, 12.0]


def test_one_column_reads_with_its_missing_rows(tmp_path: Path) -> None:
    data = read(written(tmp_path, "x\n1\n\n3\n"))
    assert data.frame["x"].to_list() == [1.0, None, 3.0]


def test_a_thousand_columns_read(tmp_path: Path) -> None:
    values = np.arange(4_000).reshape(4, 1_000) % 7 / 2
    frame = pl.DataFrame(values, schema=[f"c{i}" for i in range(1_000)])
    path = tmp_path / "wide.csv"
    frame.write_csv(path)
    assert read(path).frame.equals(frame)


def test_trailing_separators_make_no_column_of_values(tmp_path: Path) -> None:
    data = read(written(tmp_path, "a,b,\n1,x,\n2,y,\n"))
    assert data.schema.column("Unnamed: 2").role == "ignored"
    assert rows(written(tmp_path, "a,b\n1,x,\n2,y,\n")) == [("1", "x"), ("2", "y")]


REFUSED = {
    "empty": (b"", "0 bytes"),
    "blank": (b"\n\n  \n", "blank ones"),
    "header-only": (b"a,b\n", "no rows"),
    "too-long": (b"a,b\n1,2\n1,2,3\n", r"x\.csv, line 3: 3 fields where the first line has 2"),
    "too-short": (b"a,b,c\n1,2,3\n1,2\n", r"x\.csv, line 3: 2 fields where the first line has 3"),
    "short-after-quoted-newline": (b'a,b,c\n1,"x\ny",3\n1,2\n', "line 4: 2 fields"),
    "nul": (b"a,b\n1,2\n3,\x00\n", "line 3: the text holds a NUL"),
    "binary": (bytes(range(256)) * 20, "binary data"),
    "truncated-gzip": (gzip.compress(b"a,b\n" * 1000)[:-20], "cut off"),
    "damaged-gzip": (gzip.compress(b"a,b\n1,2\n" * 50)[:15] + b"\xff" * 30, "damaged|cut off"),
    "damaged-zip": (b"PK\x03\x04" + b"\x00" * 50, "ZIP file is damaged or cut off"),
    "parquet": (b"PAR1" + b"\x00" * 50, "Parquet"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "picture"),
    "pickle": (b"\x80\x04\x95" + b"\x00" * 50, "pickle"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_with_a_way_out(tmp_path: Path, case: str) -> None:
    content, message = REFUSED[case]
    with pytest.raises(SourceUnreadable, match=message) as caught:
        read(written(tmp_path, content))
    assert "x.csv" in str(caught.value) and "What to do" in str(caught.value)


def test_a_file_that_is_not_there_has_a_near_miss(tmp_path: Path) -> None:
    written(tmp_path, "a\n1\n", "loans.csv")
    with pytest.raises(SourceUnreadable, match=r"did you mean 'loans\.csv'"):
        read(tmp_path / "loan.csv")


def test_an_encoding_that_does_not_fit_or_exist_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,é\n".encode("latin-1"))
    assert rows(path, ReadOptions(encoding="latin-1")) == [("1", "é")]
    with pytest.raises(SourceUnreadable, match="line 2: the text is not utf-8"):
        read(path, options=ReadOptions(encoding="utf-8"))
    with pytest.raises(SourceUnreadable, match="no encoding is called"):
        read(path, options=ReadOptions(encoding="klingon"))


def test_separator_and_quote_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "a:b\n'1:2':3\n")
    assert rows(path, ReadOptions(separator=":", quote="'")) == [("1:2", "3")]
    for wrong in ("", "\n", "x" * 9, "'"):
        with pytest.raises(Misuse, match="cannot stand between fields"):
            read(path, options=ReadOptions(separator=wrong, quote="'"))


def test_decimal_thousands_and_missing_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "a;b\n1,234;-1\n2,5;7\n")
    data = read(path, options=ReadOptions(decimal=",", missing=("-1",)))
    assert data.frame.rows() == [(1.234, None), (2.5, 7.0)]
    plain = read(written(tmp_path, "a;b\n1,234;?\n2,500;7\n"), options=ReadOptions(thousands=",", missing=()))
    assert plain.frame["a"].to_list() == [1234.0, 2500.0]
    assert plain.schema.column("b").missing == ()


JSON_LINES = '{"a": 1, "b": "x"}\n{"b": "y", "a": null}\n\n{"a": 2.5, "c": [1]}\n'


def test_json_lines_read_with_absent_keys_missing(tmp_path: Path) -> None:
    raw = read_raw(written(tmp_path, JSON_LINES, "x.jsonl"))
    assert raw.frame.rows() == [(1.0, "x"), (None, "y"), (2.5, None)]
    assert [f.code for f in raw.findings] == ["MLW013"]
    packed = written(tmp_path, gzip.compress(JSON_LINES.encode()), "x.ndjson.gz")
    assert read_raw(packed).frame.equals(raw.frame)


def test_broken_json_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="line 2"):
        read(written(tmp_path, '{"a": 1}\n{"a": \n', "x.jsonl"))
    with pytest.raises(SourceUnreadable, match=r"one array.*without brackets"):
        read(written(tmp_path, '{"a": 1}\n[{"a": 1}]\n', "x.json"))


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": list(range(1000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceUnreadable, match="damaged"):
        read(path)
    with pytest.raises(SourceUnreadable, match="no Parquet"):
        read(written(tmp_path, "a,b\n1,2\n", "y.parquet"))


def test_roles_are_given_by_name(tmp_path: Path) -> None:
    body = "".join(
        f"2020-01-{i % 28 + 1:02d},{i % 5},{i},{i % 2},{'mf'[i % 2]},{i * 0.5}\n" for i in range(60)
    )
    path = written(tmp_path, "when,shop,no,w,sex,y\n" + body)
    roles = Roles(target="y", time="when", group="shop", id="no", weight="w", protected=("sex",))
    data = read(path, roles)
    assert [c.role for c in data.schema.columns] == ["time", "group", "id", "weight", "protected", "target"]
    assert [c.name for c in data.schema.features] == ["when"]
    assert read(path, Roles(drop=("w", "no"))).frame.columns == ["when", "shop", "sex", "y"]


@pytest.mark.parametrize(
    ("roles", "error", "message"),
    [
        (Roles(target="prize"), TargetUnusable, "did you mean 'price'"),
        (Roles(time="citty"), UnknownName, "did you mean 'city'"),
        (Roles(drop=("citty",)), UnknownName, "did you mean 'city'"),
        (Roles(kinds={"citty": "text"}), UnknownName, "did you mean 'city'"),
        (Roles(kinds={"city": "txt"}), UnknownName, "did you mean 'text'"),
        (Roles(time="city"), Misuse, "time column 'city' is categorical"),
        (Roles(target="void"), TargetUnusable, "no value in any row"),
    ],
)
def test_roles_that_cannot_be_are_refused(
    tmp_path: Path, roles: Roles, error: type[MlwrightError], message: str
) -> None:
    path = written(tmp_path, "price,city,void\n1,Rome,\n2,Oslo,NA\n3,Rome,\n")
    with pytest.raises(error, match=message):
        read(path, roles)


def test_kinds_can_be_overruled(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,c\n7,1,x\n7.0,2,3\n8,oops,4\n")
    data = read(path, Roles(kinds={"a": "categorical", "b": "numeric", "c": "text"}))
    assert data.frame.rows() == [("7", 1.0, "x"), ("7", 2.0, "3"), ("8", None, "4")]
    refused = next(f for f in data.findings if f.code == "MLW012")
    assert (refused.column, refused.rows) == ("b", (2,))


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path) -> None:
    data = read(written(tmp_path, "a,y\n1,p\n2,\n3,?\n4,q\n"), Roles(target="y"))
    assert data.frame.rows() == [(1.0, "p"), (4.0, "q")]
    assert (data.provenance.rows_read, data.provenance.rows_dropped) == (4, 2)
    assert next(f for f in data.findings if f.code == "MLW009").rows == (1, 2)


def test_rows_without_a_target_are_counted_by_what_stands_in_its_place(tmp_path: Path) -> None:
    targets = ["1.5", "2.5"] * 20 + ["", "unknown", "unknown", "NA", " unknown ", "twelve"]
    path = written(tmp_path, "a,y\n" + "".join(f"{i % 7},{y}\n" for i, y in enumerate(targets)))
    said = next(f for f in read(path, Roles(target="y")).findings if f.code == "MLW009")
    assert said.evidence == "6 of 46 rows: 3 `unknown`, 1 `NA`, 1 empty, 1 other text"


def test_a_cell_of_fifty_megabytes_is_a_cell(tmp_path: Path) -> None:
    frame = read_raw(written(tmp_path, f"a,b\n1,{'x' * 50_000_000}\n2,y\n")).frame
    assert frame["b"].str.len_bytes().to_list() == [50_000_000, 1]


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    path = written(tmp_path, "a\n1\n", "x.csv")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        SourceUnreadable, match=r"x\.csv: permission denied.*look at its permissions"
    ) as caught:
        read_raw(path)
    assert caught.value.__suppress_context__
