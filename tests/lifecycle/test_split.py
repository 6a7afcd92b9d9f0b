"""split: every row in one file, in order, alike whenever it is called, whatever the size of its chunks."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, UnknownName
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


def test_a_column_that_is_not_there_is_told_with_its_near_miss(visits, tmp_path):
    with pytest.raises(UnknownName, match="patient"):
        mw.split(visits, tmp_path / "a.csv", tmp_path / "b.csv", group="pateint")
