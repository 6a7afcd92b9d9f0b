"""How a table is written, said on the command line: what it becomes, and the answer to what cannot be."""

import json

import pytest

from mlwright.sources import ReadOptions

FLAGS = (
    *("--separator", "|", "--encoding", "utf-16-le", "--quote", "'", "--no-header", "--skip-rows", "2"),
    *("--column-names", "price,'odd',\"sold, at\"", "--column-names", "kept", "--decimal", ","),
    *("--thousands", ".", "--missing", "-999", "--missing", "unknown", "--date-format", "%d.%m.%Y"),
    *("--sheet", "2024", "--member", "in/a.csv", "--most-bytes", "2GiB"),
)
OPTIONS = ReadOptions(
    separator="|",
    encoding="utf-16-le",
    quote="'",
    header=False,
    names=("price", "'odd'", "sold, at", "kept"),
    skip_rows=2,
    decimal=",",
    thousands=".",
    missing=("-999", "unknown"),
    dates=("%d.%m.%Y",),
    sheet="2024",
    member="in/a.csv",
    most_bytes="2GiB",
)


@pytest.mark.parametrize(
    ("command", "verbs"),
    [
        (("check", "a.txt"), ("read",)),
        (("fit", "a.txt", "-t", "y", "--test", "b.txt"), ("read", "fit")),
        (("predict", "m.mlw", "a.txt", "-o", "out.csv"), ("predict_file",)),
        (("evaluate", "m.mlw", "a.txt"), ("evaluate",)),
    ],
)
def test_every_command_that_reads_a_table_passes_on_what_was_said(
    mlwright, lifecycle, tmp_path, command, verbs
):
    (tmp_path / "b.txt").write_text("a table of rows to test on is there\n")
    assert "error" not in mlwright(*command, *FLAGS).err
    assert [lifecycle.called(verb)[1]["options"] for verb in verbs] == [OPTIONS] * len(verbs)
    lifecycle.calls.clear()
    mlwright(*command)
    assert [lifecycle.called(verb)[1]["options"] for verb in verbs] == [None] * len(verbs)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--quote", "none"), ReadOptions(quote="")),
        (("--quote", ""), ReadOptions(quote="")),
        (("--thousands", "space"), ReadOptions(thousands=" ")),
        (("--thousands", "none"), ReadOptions(thousands="")),
        (("--header",), ReadOptions(header=True)),
        (("--missing", "-"), ReadOptions(missing=("-",))),
        (("--missing=--", "--missing=a=--"), ReadOptions(missing=("--", "a=--"))),
        (("--separator", "-"), ReadOptions(separator="-")),
        (("--missing", "-1"), ReadOptions(missing=("-1",))),
        (("--missing", "-1x"), ReadOptions(missing=("-1x",))),
        (("--date-format", "%A, %d. %B %Y %I:%M:%S.%f %p %z"),)
        + (ReadOptions(dates=("%A, %d. %B %Y %I:%M:%S.%f %p %z",)),),
        (("--date-format", "%j %y %Z"), ReadOptions(dates=("%j %y %Z",))),
    ],
)
def test_what_is_hard_to_type_has_a_word_and_dashes_are_values(mlwright, lifecycle, flags, expected):
    mlwright("check", "a.txt", *flags)
    assert lifecycle.called("read")[1]["options"] == expected


def test_an_odd_file_is_read_as_it_is_said_to_be(mlwright, tmp_path):
    rows = "".join(f"1.{i:03d},5|'a|{i % 7}'|{1 + i % 28:02d}.02.2024|{'yn'[i % 2]}\n" for i in range(60))
    table = tmp_path / "odd.txt"
    table.write_bytes(("by hand\n--\n" + rows).encode("utf-16-le"))
    names = ("--column-names", "price,town,sold,kept")
    said = [
        f
        for f in FLAGS[: FLAGS.index("--sheet")]
        if f not in ("--column-names", "price,'odd',\"sold, at\"", "kept")
    ]
    done = mlwright("check", str(table), "-t", "kept", "--json", *said, *names, "--fail-on", "nothing")
    told = json.loads(done.out)
    assert (done.code, told["rows"], told["columns"]) == (0, 60, 4)
    near_miss = mlwright("check", str(table), "-t", "pric", *said, *names).err
    assert "did you mean 'price'" in near_miss


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--separator", "=======|="), 2, "'=======|=' cannot stand between fields"),
        (("--encoding", "klingon"), 3, "no encoding is called 'klingon'"),
        (("--quote", "<<"), 2, "the quote '<<' is not one ASCII character"),
        (("--skip-rows", "-1"), 2, "-1 rows cannot be skipped"),
        (("--skip-rows", "two"), 2, "needs a whole number, got 'two'"),
        (("--skip-rows=--",), 2, "needs a whole number, got '--'"),
        (("--decimal", "point"), 2, "the decimal mark cannot be 'point'"),
        (("--thousands", "_"), 2, "the thousands separator cannot be '_'"),
        (("--decimal", ",", "--thousands", ","), 2, "cannot be both"),
        (("--date-format", "DD.MM.YYYY"), 2, "'DD.MM.YYYY' is no form of dates"),
        (("--date-format", "%Q"), 2, "'%Q' is no form of dates"),
        (("--date-format", "%d.%m.%Y %"), 2, "is no form of dates"),
        (("--date-format", "%d.%d.%Y"), 2, "is no form of dates"),
        (("--column-names", "a"), 2, "1 names for 2 columns"),
        (("--header", "--no-header"), 2, "contradict each other"),
        (("--seperator", ";"), 2, "did you mean '--separator'"),
    ],
)
def test_what_no_file_can_be_is_told_and_what_to_do(mlwright, tmp_path, flags, code, said):
    table = tmp_path / "a.csv"
    table.write_text("x,y\n1,a\n2,b\n")
    done = mlwright("check", str(table), *flags)
    assert (done.code, said in done.err) == (code, True), done.err


def test_help_shows_them_under_a_heading_of_their_own(mlwright):
    for command in ("check", "fit", "predict", "evaluate"):
        usual, heading, written = mlwright(command, "--help").out.partition("how the table is written")
        assert heading and "--separator" in written and "--separator" not in usual and "--json" in usual
    assert "how the table" not in mlwright("serve", "--help").out
