"""The report on a real table, as a data scientist makes it."""

import os
from pathlib import Path

import pytest

import mlwright as mw
from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.cli import main

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


@pytest.fixture
def patients():
    if not DATA.is_dir():
        pytest.skip("MLWRIGHT_DATA names no folder of data sets")
    return DATA / "heart_disease.csv"


def test_a_real_table_becomes_one_page_with_all_its_columns(patients, tmp_path):
    data = mw.read(patients, target="num", drop=["site"])
    path = mw.report(data, tmp_path / "heart.html")
    page = path.read_text(encoding="utf-8")
    assert all(f"<h3>{name}</h3>" in page for name in data.schema.names)
    assert "920" in page and list(tmp_path.iterdir()) == [path]


def test_a_report_shows_the_findings_that_were_given(patients, tmp_path):
    data = mw.read(patients, target="num")
    found = mw.check(data)
    page = mw.report(data, tmp_path / "heart.html", findings=found).read_text(encoding="utf-8")
    assert found.found and all(f.code in page for f in found.found)


def test_a_report_reads_a_file_and_shows_the_target_along_columns(patients, tmp_path):
    path = mw.report(patients, tmp_path / "heart.html", target="chol")
    page = path.read_text(encoding="utf-8")
    assert page.count("mean of chol, ") > 5


def test_rare_categories_are_not_named(tmp_path):
    rows = [{"town": "Bergen" if k else "Zzyzx", "age": k} for k in range(60)]
    page = mw.report(rows, tmp_path / "x.html").read_text(encoding="utf-8")
    assert "Zzyzx" not in page


def test_a_report_is_refused_where_it_would_not_be_a_page(patients, tmp_path):
    with pytest.raises(Misuse, match=r"end its name with \.html"):
        mw.report(patients, tmp_path / "heart.pdf")
    with pytest.raises(EnvironmentProblem, match="no such folder"):
        mw.report(patients, tmp_path / "nowhere" / "heart.html")


def test_the_command_writes_the_page_that_it_is_asked_for(patients, tmp_path, capsys):
    page = tmp_path / "heart.html"
    assert main(["check", str(patients), "-t", "num", "--fail-on", "nothing", "--report", str(page)]) == 0
    assert "<h3>chol</h3>" in page.read_text(encoding="utf-8") and "heart.html" in capsys.readouterr().out
    assert main(["check", str(patients), "--report", str(tmp_path / "heart.txt")]) == 2
