"""Whatever the bytes of a file, it reads or is refused; whatever a table holds comes back as it was."""

from __future__ import annotations

import csv
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlwright.base.errors import MlwrightError
from mlwright.sources import ReadOptions, Roles, read, read_raw
from mlwright.sources.delimited import parse
from mlwright.sources.dialect import Dialect

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FIELD = st.text(st.sampled_from('ab1.,;"\n\t é|'), max_size=5)
TABLES = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(FIELD, min_size=n, max_size=n), min_size=1, max_size=8)
)


@SETTINGS
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(st.sampled_from('ab1.,;"\n\r\t é|?-/:'), max_size=60).map(str.encode),
        st.text(st.sampled_from("12,\n.x "), max_size=60).map(str.encode),
    ),
    st.sampled_from(["x.csv", "x.tsv", "x.txt", "x.jsonl", "x.parquet", "x.gz"]),
)
def test_any_bytes_read_or_are_refused_with_a_remedy(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        data = read(path)
    except MlwrightError as e:
        assert e.remedy
    else:
        assert len(data) > 0


@SETTINGS
@given(st.lists(st.text(st.sampled_from('a1,"\n;'), max_size=12), min_size=1, max_size=6).map("\n".join))
def test_any_text_with_a_target_reads_or_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + content)
    try:
        read(path, Roles(target="y"))
    except MlwrightError as e:
        assert "x.csv" in str(e)


@SETTINGS
@given(TABLES, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_a_written_table_comes_back(table: list[list[str]], separator: str, quoting: int) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(table)  # type: ignore[arg-type]
    frame, _ = parse(out.getvalue().encode(), Dialect(separator, '"'), "x.csv")
    back = [["" if v is None else v for v in row] for row in frame.rows()]
    assert back == table


def test_the_lines_of_a_refusal_count_what_was_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('note\na,b\n"1\n1",2\n3\n')
    with pytest.raises(MlwrightError, match=r"line 5"):
        read_raw(path, ReadOptions(skip_rows=1))


WHOLE: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "x.parquet": pl.DataFrame.write_parquet,
    "x.arrow": pl.DataFrame.write_ipc,
    "x.feather": pl.DataFrame.write_ipc_stream,
    "x.jsonl": pl.DataFrame.write_ndjson,
    "x.csv.xz": lambda frame, path: path.write_bytes(lzma.compress(frame.write_csv().encode())),
    "x.zip": lambda frame, path: archive(path, "x.csv", frame.write_csv().encode()),
    "x.xlsx": lambda frame, path: workbook(path, frame),
}


def archive(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, data)


def workbook(path: Path, frame: pl.DataFrame) -> None:
    made = openpyxl.Workbook()
    for row in (frame.columns, *frame.rows()):
        made.active.append(row)
    made.save(path)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_was_changed_a_little_reads_or_is_refused(name: str, tmp_path: Path) -> None:
    """What Rust's parsers print when they panic is no failure; what they raise would be one."""
    path = tmp_path / name
    frame = pl.DataFrame(
        {"a": range(40), "b": [f"t{i % 7}" for i in range(40)], "c": [i / 3 for i in range(40)]}
    )
    WHOLE[name](frame, path)
    whole, dice = path.read_bytes(), random.Random(7)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 3])):
            at = dice.randrange(len(data))
            if dice.random() < 0.7:
                data[at] = dice.choice([0, 1, 127, 255, dice.randrange(256)])
            else:
                del data[at : at + dice.choice([1, 4, 50])]
        path.write_bytes(data)
        try:
            read_raw(path)
        except MlwrightError as e:
            refused += 1
            assert name in str(e)
    assert refused > 20
