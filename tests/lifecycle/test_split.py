"""split: every row in one file, in order, alike whenever it is called, whatever the size of its chunks."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import EnvironmentProblem, Misuse, SourceUnreadable, UnknownName
from mlwright.sources import blocks, stream


@pytest.fixture
def visits():
    random = np.random.default_rng(0)
    n = 2_000
    return pl.DataFrame(
        {
            "row": np.arange(n),
            "patient": random.choice([f"p{i}" for i in range(300)], n),
            "on": pl.Series(random.permutation(n) // 4).cast(pl.Int32).cast(pl.Date).cast(pl.String),
            "note": random.choice(["plain", 'with, comma "and" quotes', "two\nlines", ""], n),
        }
    )


def both(folder, ending):
    train, test = (folder / f"{part}{ending}" for part in ("train", "test"))
    reader = pl.read_parquet if ending == ".parquet" else pl.read_csv
    return reader(train), reader(test)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("rule", [{}, {"group": "patient"}, {"time": "on"}])
def test_every_row_is_in_one_file_in_its_order(visits, tmp_path, ending, rule, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 900)
    monkeypatch.setattr(stream, "CHUNK_BYTES", 5_000)
    source = tmp_path / f"visits{ending}"
    visits.write_parquet(source) if ending == ".parquet" else visits.write_csv(source)
    out = tmp_path / "out"
    out.mkdir()
    parted = mw.split(source, out / f"train{ending}", out / f"test{ending}", **rule)
    train, test = both(out, ending)
    assert (len(train), len(test)) == (parted.train_rows, parted.test_rows)
    together = pl.concat([train, test]).sort("row")
    assert together["row"].to_list() == list(range(2_000))
    assert together["note"].to_list() == visits["note"].to_list()
    assert train["row"].is_sorted()
    assert test["row"].is_sorted()
    if "group" in rule:
        assert not set(train["patient"]) & set(test["patient"])
        assert 0.1 < len(test) / 2_000 < 0.3
    elif "time" in rule:
        assert train["on"].max() < test["on"].min()
        assert 396 <= len(test) <= 404
    else:
        assert len(test) == 400
    # The same rows of a frame in memory, whose chunks end elsewhere, go the same way.
    mw.split(visits, out / "train.tsv", out / "test.tsv", **rule)
    assert pl.read_csv(out / "test.tsv", separator="\t")["row"].to_list() == test["row"].to_list()


def test_another_seed_draws_other_rows(visits, tmp_path):
    rows = []
    for seed in (0, 0, 1):
        mw.split(visits, tmp_path / "a.csv", tmp_path / "b.csv", seed=seed)
        rows.append(pl.read_csv(tmp_path / "b.csv")["row"].to_list())
    assert rows[0] == rows[1] != rows[2]
    assert (
        40 < len(set(rows[0]) & set(rows[2])) < 120
    )  # 80 are expected of two draws that know nothing of another


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"share": 1.5}, "a share of 1.5"),
        ({"time": "on", "group": "patient"}, "not by both"),
        ({"time": "note"}, "time column 'note'"),
        ({"train": "t.xlsx"}, "ending '.xlsx'"),
        ({"test": "train.csv"}, "one file"),
        ({"share": 0.0001}, "no row is left to test on"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(visits, tmp_path, changed, said):
    named = {"train": "train.csv", "test": "test.csv"} | changed
    train, test = tmp_path / named.pop("train"), tmp_path / named.pop("test")
    with pytest.raises(Misuse, match=said):
        mw.split(visits, train, test, **named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("share", "tested"), [(0.001, 1), (0.2, 1), (0.5, 2), (0.999, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_of_few_groups_at_least_one_is_on_each_side(tmp_path, share, tested, seed):
    sites = pl.DataFrame({"row": range(40), "site": ["a", "b", "c", "d"] * 10})
    mw.split(sites, tmp_path / "a.csv", tmp_path / "b.csv", group="site", share=share, seed=seed)
    assert pl.read_csv(tmp_path / "b.csv")["site"].n_unique() == tested
    assert pl.read_csv(tmp_path / "a.csv")["site"].n_unique() == 4 - tested


def test_one_group_cannot_be_parted(tmp_path):
    with pytest.raises(Misuse, match="'site' has one group"):
        mw.split({"n": [1, 2], "site": ["a", "a"]}, tmp_path / "a.csv", tmp_path / "b.csv", group="site")


def test_a_column_that_is_not_there_is_told_with_its_near_miss(visits, tmp_path):
    with pytest.raises(UnknownName, match="patient"):
        mw.split(visits, tmp_path / "a.csv", tmp_path / "b.csv", group="pateint")


def test_columns_that_neither_file_has_are_named(visits, tmp_path):
    nested = visits.with_columns(pl.concat_list("row").alias("list"))
    for source in (nested, tmp_path / "nested.parquet"):
        if source is not nested:
            nested.write_parquet(source)
        parted = mw.split(source, tmp_path / "a.csv", tmp_path / "b.csv")
        assert [(f.code, f.column) for f in parted.findings] == [("MLW013", "list")]
    assert pl.read_csv(tmp_path / "a.csv").columns == visits.columns


def test_both_files_appear_or_none(visits, tmp_path, monkeypatch):
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("as it was")
    renamed = Path.replace

    def fails(self, target):
        if target == test:
            raise PermissionError(13, "Permission denied", str(target))
        return renamed(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(EnvironmentProblem, match=r"test\.csv: cannot write: Permission denied"):
        mw.split(visits, train, test)
    assert [p.name for p in tmp_path.iterdir()] == ["train.csv"]
    assert train.read_text() == "as it was"
    train.unlink()
    with pytest.raises(EnvironmentProblem):
        mw.split(visits, train, test)
    assert list(tmp_path.iterdir()) == []


def test_two_names_of_one_file_are_refused(visits, tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(Misuse, match="one file"):
        mw.split(visits, tmp_path / "a.csv", tmp_path / "in" / ".." / "a.csv")


def test_a_source_whose_types_change_within_is_refused_for_parquet_and_parted_for_csv(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 900)
    lines = [f'{{"n": {i if i < 300 else chr(34) + "x" + chr(34)}}}' for i in range(600)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(Misuse, match="column 'n' is"):
        mw.split(tmp_path / "t.jsonl", out / "a.parquet", out / "b.parquet")
    assert list(out.iterdir()) == []
    assert mw.split(tmp_path / "t.jsonl", out / "a.csv", out / "b.csv").test_rows == 120


def test_a_damaged_source_is_told_and_nothing_is_written(visits, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "CHUNK_BYTES", 5_000)
    visits.write_parquet(tmp_path / "visits.parquet", row_group_size=200)
    data = bytearray((tmp_path / "visits.parquet").read_bytes())
    data[len(data) // 3 : len(data) // 2] = b"\xff" * (len(data) // 2 - len(data) // 3)
    (tmp_path / "visits.parquet").write_bytes(data)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(SourceUnreadable, match="damaged"):
        mw.split(tmp_path / "visits.parquet", out / "a.parquet", out / "b.parquet")
    assert list(out.iterdir()) == []
