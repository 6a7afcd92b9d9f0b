"""Separators of several characters, and of characters beyond ASCII."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.base.errors import SourceUnreadable
from mlwright.sources import ReadOptions, read_raw


def written(folder: Path, text: str, name: str = "t.dat") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_double_colons_of_movielens_are_found(tmp_path: Path) -> None:
    path = written(tmp_path, "1::Toy Story (1995)::Animation\n2::Heat: Again (1995)::Action\n3::X::Drama\n")
    frame = read_raw(path, ReadOptions(header=False)).frame
    assert frame.rows()[1] == ("2", "Heat: Again (1995)", "Action")
    ratings = written(tmp_path, "".join(f"{i}::{i * 7}::{i % 5}::97830{i:04d}\n" for i in range(1, 50)))
    assert read_raw(ratings).frame.shape == (49, 4)


@pytest.mark.parametrize("separator", ["::", "||", " | ", "§", "~|~", "tab"])
def test_a_separator_can_be_said(separator: str, tmp_path: Path) -> None:
    mark = "\t" if separator == "tab" else separator
    path = written(tmp_path, f"a{mark}b\n1{mark}x y\n\n2{mark}z\n", "t.csv")
    raw = read_raw(path, ReadOptions(separator=separator))
    assert raw.frame.to_dict(as_series=False) == {"a": ["1", "2"], "b": ["x y", "z"]}
    assert [f.evidence for f in raw.findings] == ["1 line, the first is line 3"]


def test_a_quoted_field_may_hold_the_separator(tmp_path: Path) -> None:
    path = written(tmp_path, '"a"::"b"\n"1::2"::"say ""hi::there"""\n3::4\n', "t.csv")
    rows = read_raw(path, ReadOptions(separator="::")).frame.rows()
    assert rows == [("1::2", 'say "hi::there"'), ("3", "4")]


def test_a_broken_line_is_told_with_the_separator_as_it_was_said(tmp_path: Path) -> None:
    path = written(tmp_path, "a::b\n1::2\n3::4::5\n", "t.csv")
    with pytest.raises(
        SourceUnreadable, match=r"line 3: 3 fields where the first line has 2 \(separator '::'\)"
    ):
        read_raw(path, ReadOptions(separator="::"))
    with pytest.raises(SourceUnreadable, match="control character"):
        read_raw(written(tmp_path, "a::b\n1::\x1f\n", "t.csv"), ReadOptions(separator="::"))
