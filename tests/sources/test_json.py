"""JSON in the forms that people write tables in; what is no table is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.base.errors import SourceUnreadable, UnknownName
from mlwright.lifecycle import read
from mlwright.sources import ReadOptions, read_raw
from mlwright.sources.raw import Raw

ROWS = [(1, "x"), (2, "y"), (3, None)]
LINES = '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n{"a": 3}\n'


def raw_of(folder: Path, text: str, name: str = "t.json", options: ReadOptions | None = None) -> Raw:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_raw(path, options)


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3}]',
        '[\n  {"a": 1, "b": "x"},\n  {"a": 2, "b": "y"},\n  {"a": 3, "b": null}\n]\n',
        '{"made": "today", "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3}]}',
        '{"a": [1, 2, 3], "b": ["x", "y", null]}',
        '{"a": {"0": 1, "1": 2, "2": 3}, "b": {"0": "x", "1": "y", "2": null}}',
        '{"columns": ["a", "b"], "index": [0, 1, 2], "data": [[1, "x"], [2, "y"], [3, null]]}',
        "\ufeff" + LINES,
    ],
    ids=["lines", "array", "laid out", "inside", "columns", "by row", "split", "byte-order mark"],
)
def test_every_form_of_a_table_is_the_same_table(text: str, tmp_path: Path) -> None:
    several = text.lstrip("\ufeff").startswith("[") or text.count("\n") > 2
    # In a file of JSON lines one object is one row, whatever it holds.
    for name in ("t.json", "t.jsonl", "t.ndjson") if several else ("t.json",):
        assert raw_of(tmp_path, text, name).frame.rows() == ROWS


def test_which_array_was_read_is_said(tmp_path: Path) -> None:
    raw = raw_of(tmp_path, '{"meta": {"n": 1}, "rows": [{"a": 1}, {"a": 2}]}')
    assert [(f.code, f.evidence) for f in raw.findings] == [
        ("MLW034", "the array under the key 'rows' is read")
    ]


def test_of_several_arrays_one_is_to_be_named(tmp_path: Path) -> None:
    text = '{"loans": [{"a": 1}, {"a": 2}], "people": [{"b": 3}]}'
    with pytest.raises(SourceUnreadable, match=r"2 arrays of objects: 'loans', 'people'.*member='loans'"):
        raw_of(tmp_path, text)
    assert raw_of(tmp_path, text, options=ReadOptions(member="people")).frame.rows() == [(3,)]
    with pytest.raises(UnknownName, match="did you mean 'loans'"):
        raw_of(tmp_path, text, options=ReadOptions(member="loan"))


def test_objects_become_columns_one_level_down_and_arrays_are_left_out(tmp_path: Path) -> None:
    text = (
        '{"id": 1, "at": {"city": "Rome", "geo": {"lat": 1}}, "tags": ["a"]}\n'
        '{"id": 2, "at": {"zip": "0"}, "tags": []}\n{"id": 3, "at": null}\n'
    )
    raw = raw_of(tmp_path, text)
    assert raw.frame.columns == ["id", "at.city", "at.zip"]
    assert raw.frame.rows() == [(1, "Rome", None), (2, None, "0"), (3, None, None)]
    told = {(f.code, f.column) for f in raw.findings}
    assert told == {("MLW033", "at"), ("MLW013", "at.geo"), ("MLW013", "tags")}


def test_a_flat_name_that_is_taken_stays_its_own_column(tmp_path: Path) -> None:
    raw = raw_of(tmp_path, '{"a.b": 1, "a": {"b": 2}}\n{"a.b": 3, "a": {"b": 4}}\n')
    assert raw.frame["a.b"].to_list() == [1, 3]
    assert raw.frame.width == 2 and raw.frame[:, 1].to_list() == [2, 4]


def test_an_object_used_as_a_map_makes_no_thousand_columns(tmp_path: Path) -> None:
    rows = ", ".join(f'{{"id": {i}, "by_customer": {{"c{i}": 1}}}}' for i in range(1_200))
    raw = raw_of(tmp_path, f"[{rows}]")
    assert raw.frame.columns == ["id"]
    assert [f.code for f in raw.findings if f.column == "by_customer"] == ["MLW013"]


def test_large_numbers_mixed_types_and_nan_are_safe(tmp_path: Path) -> None:
    raw = raw_of(
        tmp_path, '[{"n": 123456789012345678901234567890, "m": 1, "x": NaN}, {"n": 1, "m": "a", "x": 2.5}]'
    )
    assert [int(n) for n in raw.frame["n"]] == [123456789012345678901234567890, 1]
    assert len(read(tmp_path / "t.json")) == 2
    assert raw.frame["m"].to_list() == ["1", "a"]
    assert raw.frame["x"].to_list() == [None, 2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1}, {"a": 2}', "cut off"),
        ('[{"a": 1}, 7]', "row 1 of the array is one number"),
        ("[[1, 2], [3, 4]]", "row 0 of the array is one array"),
        ('"text"', "the JSON is one text"),
        ("[]", "holds no rows"),
        ('{"a": [1, 2], "b": [1]}', "column 'a' has 2 values, column 'b' has 1"),
        ('{"columns": ["a"], "data": [[1, 2]]}', "row 0 of `data`"),
        ("[" * 100_000, "nested too deeply"),
        ("<html><body>no</body></html>", "web page"),
    ],
)
def test_what_is_no_table_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=said) as caught:
        raw_of(tmp_path, text)
    assert "t.json" in str(caught.value) and "What to do" in str(caught.value)


def test_one_object_is_one_row(tmp_path: Path) -> None:
    assert raw_of(tmp_path, '{\n "a": 1,\n "b": "x"\n}').frame.rows() == [(1, "x")]
