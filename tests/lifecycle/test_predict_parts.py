"""Large files: predicted in parts on all CPUs, gone on with where they were cut off, the same as whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from small_models import small_model

import mlwright as mw
from mlwright.base.errors import Misuse
from mlwright.lifecycle import answering, predict, predict_file, predict_parts
from mlwright.sources import stream

ROWS = 5_000
VERB = sys.modules["mlwright.lifecycle.predict"]
"""The module, of which the package offers the function by the same name."""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "shop.mlw"
    path.write_bytes(small_model(2.0))
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and parts are small."""
    monkeypatch.setattr(VERB, "STREAMED_BYTES", 0)
    monkeypatch.setattr(stream, "CHUNK_BYTES", 40_000)
    monkeypatch.setattr(answering, "SLICE", 100)


def table(**more: Any) -> pl.DataFrame:
    ages = [i / 8 for i in range(ROWS)]
    return pl.DataFrame(
        {"name": [f'n "{i}", x' for i in range(ROWS)], "age": ages, "member": ["true"] * ROWS} | more
    )


def written(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


@pytest.mark.parametrize("out", ["o.csv", "o.parquet"])
@pytest.mark.parametrize("source", ["s.csv", "s.parquet"])
def test_parts_give_what_the_whole_gives_in_its_order(model, tmp_path, monkeypatch, source, out):
    read = written(table(), tmp_path / source)
    report = predict_file(model, read, tmp_path / out)
    assert (report.rows, report.refused, report.complete, report.skipped) == (ROWS, 0, True, 0)
    monkeypatch.setattr(VERB, "STREAMED_BYTES", 1 << 40)
    predict_file(model, read, tmp_path / f"whole-{out}")
    load = pl.read_parquet if out.endswith("parquet") else pl.read_csv
    parts, whole = load(tmp_path / out), load(tmp_path / f"whole-{out}")
    assert_frame_equal(parts, whole)
    assert parts["predicted_price"].to_list() == [i / 4 for i in range(ROWS)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({"shop.mlw", source, out, f"whole-{out}"})


def test_a_refused_row_anywhere_brings_the_column_of_reasons(model, tmp_path):
    ages = [str(i) for i in range(ROWS)]
    ages[3], ages[4_321] = "old", "older"
    read = written(table(age=ages), tmp_path / "s.csv")
    report = predict_file(model, read, tmp_path / "o.csv")
    assert (report.rows, report.refused) == (ROWS, 2)
    assert [p.row for p in report.problems] == [3, 4_321]
    assert [r.values for r in report.refusals] == [2]
    answered = pl.read_csv(tmp_path / "o.csv")
    assert answered["error"].is_not_null().arg_true().to_list() == [3, 4_321]
    assert answered["predicted_price"].null_count() == 2


class Cut(Exception):
    """As a process that dies."""


def cut_after(monkeypatch: pytest.MonkeyPatch, parts: int, error: type[BaseException]) -> list[int]:
    """From now on a run ends after so many parts; the list gets the numbers of those that were predicted."""
    kept, inner = [], predict_parts.Parts.keep

    def keep(self: predict_parts.Parts, number: int, *rest: Any) -> None:
        if len(kept) == parts:
            raise error
        inner(self, number, *rest)
        kept.append(number)

    monkeypatch.setattr(predict_parts.Parts, "keep", keep)
    return kept


def test_a_run_that_was_cut_off_is_gone_on_with(model, tmp_path, monkeypatch):
    read = written(table(), tmp_path / "s.parquet")
    with monkeypatch.context() as patched:
        cut_after(patched, 2, Cut)
        with pytest.raises(Cut):
            predict_file(model, read, tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()
    with monkeypatch.context() as patched:
        kept = cut_after(patched, 999, Cut)
        report = predict_file(model, read, tmp_path / "o.csv")
    assert kept[0] == 2 and report.rows == ROWS and report.skipped > 0
    assert pl.read_csv(tmp_path / "o.csv")["predicted_price"].to_list() == [i / 4 for i in range(ROWS)]


def test_an_interrupted_run_says_so_and_writes_nothing_yet(model, tmp_path, monkeypatch):
    read = written(table(), tmp_path / "s.parquet")
    with monkeypatch.context() as patched:
        cut_after(patched, 1, KeyboardInterrupt)
        report = predict_file(model, read, tmp_path / "o.csv")
    assert not report.complete and report.rows < ROWS and not (tmp_path / "o.csv").exists()
    assert predict_file(model, read, tmp_path / "o.csv").complete


@pytest.mark.parametrize("what", ["table", "model", "question", "restart", "damage"])
def test_what_was_kept_is_not_used_for_another_run(model, tmp_path, monkeypatch, what):
    read = written(table(), tmp_path / "s.parquet")
    with monkeypatch.context() as patched:
        cut_after(patched, 2, Cut)
        with pytest.raises(Cut):
            predict_file(model, read, tmp_path / "o.csv")
    expected, more = 2.0, {}
    if what == "table":
        written(table(name=["x"] * ROWS), read)
    elif what == "model":
        model.write_bytes(small_model(3.0))
        expected = 3.0
    elif what == "question":
        more = {"proba": True}
    elif what == "restart":
        more = {"restart": True}
    else:
        (tmp_path / ".o.csv.parts" / "000000.json").write_text("{")
    report = predict_file(model, read, tmp_path / "o.csv", **more)
    assert report.skipped == 0 or what == "damage"
    first = pl.read_csv(tmp_path / "o.csv")
    assert first["predicted_price"].to_list() == [i / 8 * expected for i in range(ROWS)]
    assert (first["name"][0] == "x") == (what == "table")


def test_a_column_that_would_be_written_twice_is_refused(model, tmp_path):
    read = written(table(predicted_price=["x"] * ROWS), tmp_path / "s.csv")
    with pytest.raises(Misuse, match="already has a column 'predicted_price'"):
        predict_file(model, read, tmp_path / "o.csv")


def test_classes_and_texts_are_answered_on_all_threads_as_on_one(place):
    model = mw.load(place / "mlwright-demo" / "bank.mlw")
    frame = pl.read_csv(place / "mlwright-demo" / "bank.csv", separator=";", infer_schema_length=None).head(
        2_000
    )
    one = predict(model, frame, proba=True)
    with answering.Answering(model, answering.Beside(proba=True), threads=4) as many:
        spread, problems = many.to(frame, model.schema)
        assert many.nothing().schema == spread.schema
    assert not problems
    assert_frame_equal(one.select(spread.columns), spread)
    monkeypatched = answering.Answering(model, answering.Beside(proba=True))
    monkeypatched._coded = None  # the whole graph, with its dictionaries
    with monkeypatched:
        assert_frame_equal(monkeypatched.to(frame, model.schema)[0], spread)
