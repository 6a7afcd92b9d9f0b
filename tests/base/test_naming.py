"""A source's name where it is shown and in a file made from it; outputs that would spoil what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.base.errors import Misuse
from mlwright.base.naming import shown_source, stem_of
from mlwright.lifecycle.output import writable


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("loans.csv", "loans"),
        ("data/loans.2024.csv.zst", "loans.2024"),
        ("data/", "data"),
        ("data/part-*.parquet", "data"),
        ("*.csv", "model"),
        ("data/**/x?.csv", "data"),
        ("old.zip!/in/loans.csv", "loans"),
        ("https://me:word@example.org/open%20data/loans.csv?token=a/b.csv", "loans"),
        ("https://example.org/", "example.org"),
        ("s3://bank/loans/", "loans"),
        ("s3://bank/year=*/p-*.parquet", "bank"),
    ],
)
def test_a_model_is_called_as_its_table_is(source: str, stem: str) -> None:
    assert stem_of(source) in (stem, stem.partition(".")[0])


def test_what_may_be_secret_in_a_url_is_not_shown() -> None:
    for url in ("https://me:word@host/a.csv?key=word#word", "postgresql://me:w%40rd@host:1/db?password=word"):
        assert "rd@" not in shown_source(url) and "word" not in shown_source(url)
        assert "host" in shown_source(url)
    assert shown_source("a?b#c.csv") == "a?b#c.csv"


def test_an_output_is_never_one_of_the_parts_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").write_text("x\n1\n")
    for source in (tmp_path / "d", f"{tmp_path}/d/*.csv", f"{tmp_path}/*/*.csv"):
        with pytest.raises(Misuse, match="among the files that are read"):
            writable(tmp_path / "d" / "scored.csv", source)
        assert writable(tmp_path / "scored.csv", source)
    with pytest.raises(Misuse, match="would be overwritten"):
        writable(tmp_path / "d" / "a.csv", f"{tmp_path}/d/a.csv!/inner.csv")
    for harmless in ("https://host/" + "a" * 5000, "a" * 5000, "a\0b"):
        assert writable(tmp_path / "scored.csv", harmless)
