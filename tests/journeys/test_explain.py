"""Someone asks why: on the command line, in files, and what is said where it cannot be."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mlwright as mw


@pytest.fixture
def run(place: Path, environment: Callable[[], dict[str, str]]) -> Callable[..., Any]:
    def command(*words: str) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "mlwright", "explain", *words],
            cwd=place,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    return command


TABLE = "mlwright-demo/bank.csv"
MODEL, NEW = "mlwright-demo/bank.mlw", "mlwright-demo/new_customers.csv"


def test_a_table_is_explained_as_rows_are_in_python(run, place: Path) -> None:
    done = run(MODEL, NEW, "--first", "4", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["explained"] == 4 and [e["row"] for e in told["explanations"]] == [0, 1, 2, 3]
    model = mw.load(place / MODEL)
    found = model.explain(_rows(model, place / NEW, 4))
    for expected, explained in zip(found.to_dicts(), told["explanations"], strict=True):
        assert explained["contributions"] == pytest.approx(expected["contributions"], abs=1e-12)
        assert explained["reasons"] == expected["reasons"]


def _rows(model: mw.Model, path: Path, count: int) -> list[dict[str, Any]]:
    names = set(model.schema.names)
    with path.open(encoding="utf-8") as file:
        listed = [row for row, _ in zip(csv.DictReader(file, delimiter=";"), range(count), strict=False)]
    columns = {name: [row[name] for row in listed] for name in listed[0] if name in names}
    decoded = model.decode(columns)  # by the rules of text, as a file's
    assert not decoded.problems
    return columns  # type: ignore[return-value]


def test_people_read_sentences_and_files_hold_a_line_or_an_object_a_row(run, place: Path) -> None:
    done = run(MODEL, NEW, "--first", "12", "-k", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" the probability of yes by ") == 20  # of ten rows
    assert "row 0: y: probability of yes 0." in done.stdout and "and 2 more rows" in done.stdout
    assert "Shapley values beside 64 background rows, " in " ".join(done.stdout.split())
    assert run(MODEL, NEW, "--first", "12", "-k", "2", "-o", "why.csv").returncode == 0
    assert run(MODEL, NEW, "--first", "12", "-k", "2", "-o", "why.json").returncode == 0
    lines = list(csv.DictReader((place / "why.csv").read_text(encoding="utf-8").splitlines()))
    objects = json.loads((place / "why.json").read_text(encoding="utf-8"))
    assert len(lines) == len(objects) == 12
    for line, one in zip(lines, objects, strict=True):
        assert [line["reason_1"], line["reason_2"]] == one["reasons"]
        parts = [float(v) for name, v in line.items() if name.startswith("contribution_")]
        assert sum(parts) + float(line["base"]) == pytest.approx(float(line["output"]), abs=1e-9)


def test_a_table_to_compare_with_and_another_class(run, place: Path) -> None:
    told = json.loads(run(MODEL, NEW, "--first", "2", "--background", TABLE, "--json").stdout)
    assert told["background_rows"] == 100
    other = json.loads(
        run(MODEL, NEW, "--first", "2", "--background", TABLE, "--label", "no", "--json").stdout
    )
    for yes, no in zip(told["explanations"], other["explanations"], strict=True):
        assert no["label"] == "no"
        mirrored = {name: -v for name, v in yes["contributions"].items()}
        assert no["contributions"] == pytest.approx(mirrored, abs=1e-9)


def test_what_cannot_be_is_said_with_what_to_do(run, place: Path) -> None:
    wrong = run(MODEL, NEW, "--label", "yess")
    assert wrong.returncode == 2 and "no class 'yess'; did you mean 'yes'?" in wrong.stderr
    assert "0 reasons cannot be given" in run(MODEL, NEW, "-k", "0").stderr
    assert (
        "end the output's name with .csv or .json" in run(MODEL, NEW, "-o", "why.txt", "--first", "1").stderr
    )
    over = run(MODEL, NEW, "-o", NEW, "--first", "1")
    assert over.returncode == 2 and "would be overwritten" in over.stderr
    text = (place / NEW).read_text(encoding="utf-8").splitlines()
    head = text[0].replace('"', "").split(";")
    bad = text[1].split(";")
    bad[head.index("age")] = "old"
    (place / "bad.csv").write_text("\n".join([text[0], ";".join(bad), text[2]]) + "\n", encoding="utf-8")
    done = run(MODEL, "bad.csv", "--strict", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [e["row"] for e in told["explanations"]] == [1] and told["problems"][0]["column"] == "age"
    (place / "worse.csv").write_text("\n".join([text[0], ";".join(bad)]) + "\n", encoding="utf-8")
    assert run(MODEL, "worse.csv").returncode == 3
    broken = run(MODEL, NEW, "--background", "worse.csv")
    assert broken.returncode == 3 and "the background" in broken.stderr
    (place / "less.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    assert "columns missing" in run(MODEL, "less.csv").stderr


def test_rows_of_the_background_that_do_not_fit_are_counted_and_too_few_are_refused(run, place: Path) -> None:
    text = (place / TABLE).read_text(encoding="utf-8").splitlines()
    head = text[0].replace('"', "").split(";")
    bad = text[1].split(";")
    bad[head.index("age")] = "old"

    def table(name: str, wrong: int, right: int) -> str:
        lines = [text[0], *[";".join(bad)] * wrong, *text[2 : 2 + right]]
        (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    some = run(MODEL, NEW, "--first", "1", "--background", table("some.csv", 3, 10))
    assert some.returncode == 0, some.stderr
    said = " ".join(some.stdout.split())
    assert "3 rows of the background left out: row 0, 'age': not a number" in said
    assert "beside 10 background rows" in said
    told = json.loads(run(MODEL, NEW, "--first", "1", "--background", "some.csv", "--json").stdout)
    assert (told["background_rows"], told["background_refused"]) == (10, 3)
    assert told["background_problems"][0]["column"] == "age"
    few = run(MODEL, NEW, "--first", "1", "--background", table("few.csv", 3, 9))
    assert few.returncode == 3
    assert "the background, where only 9 of 12 rows fit the model's schema" in " ".join(few.stderr.split())
    assert run(MODEL, NEW, "--first", "1", "--background", table("small.csv", 0, 9)).returncode == 0
