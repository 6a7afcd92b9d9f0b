"""Tables larger than memory: what is said of all rows is what reading them whole says."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.base.errors import SourceUnreadable, TargetUnusable, UnknownName
from mlwright.checks import check
from mlwright.data.profile import profile_of
from mlwright.sources import ReadOptions, Roles, blocks, large, read, stream
from mlwright.sources.dialect import Dialect

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
TINY = ReadOptions(memory=1)
"""So little that every table is larger."""
COMMAS = Dialect(",", '"')


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Many chunks of few rows, also of small files."""
    monkeypatch.setattr(blocks, "BLOCK", 700)
    monkeypatch.setattr(stream, "CHUNK_BYTES", 9_000)


@pytest.fixture
def people():
    random = np.random.default_rng(0)
    n = 3_000
    return pl.DataFrame(
        {
            "age": random.integers(18, 90, n),
            "income": np.where(random.random(n) < 0.1, np.nan, random.lognormal(10, 1, n)),
            "town": random.choice(["Lyon", "Ulm", "Bath, Avon", 'the "old" one', "two\nlines"], n),
            "member": random.choice(["yes", "no"], n),
            "number": [f"P{i:05d}" for i in range(n)],
            "one": ["same"] * n,
            "sick": random.choice(["a", "b", None], n, p=[0.6, 0.3, 0.1]),
        }
    ).with_columns(pl.col("income").fill_nan(None))


def written(frame, folder, ending):
    path = folder / f"people{ending}"
    if ending == ".parquet":
        frame.write_parquet(path, row_group_size=700)
    elif ending == ".arrow":
        frame.write_ipc(path)
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dicts()))
    elif ending == ".csv.gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        path.write_text(frame.write_csv(separator="\t" if ending == ".tsv" else ","))
    return path


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".jsonl", ".csv", ".csv.gz", ".tsv"])
def test_a_table_read_as_a_stream_says_what_it_says_in_memory(people, tmp_path, ending):
    path = written(people, tmp_path, ending)
    roles = Roles(target="sick")
    whole, streamed = read(path, roles), read(path, roles, ReadOptions(memory=1, sample_rows=10_000))
    assert whole.whole is None
    assert streamed.whole is not None
    assert streamed.provenance.sha256 == whole.provenance.sha256
    assert streamed.rows_in_all == streamed.whole.rows == len(whole)
    assert streamed.provenance.rows_dropped == whole.provenance.rows_dropped
    # At least a thousand rows are sampled, however little memory there is.
    assert len(streamed) < len(whole)
    ranges = [(c.name, c.kind, c.role, c.minimum, c.maximum, c.categories) for c in whole.schema.columns]
    assert ranges == [
        (c.name, c.kind, c.role, c.minimum, c.maximum, c.categories) for c in streamed.schema.columns
    ]
    for mine, known in zip(streamed.whole.profile.columns, profile_of(whole).columns, strict=True):
        assert mine.quantiles == pytest.approx(known.quantiles, rel=1e-12)
        if known.mean is not None:
            assert mine.mean == pytest.approx(known.mean, rel=1e-12)
            assert mine.deviation == pytest.approx(known.deviation, rel=1e-9)
        for field in ("name", "rows", "missing", "distinct", "counts", "other", "whole", "words", "length"):
            assert getattr(mine, field) == getattr(known, field), (field, mine.name)
    assert dict(streamed.whole.classes) == dict(whole.frame["sick"].value_counts().iter_rows())


def test_rows_of_the_sample_are_rows_of_the_file_by_their_numbers(people, tmp_path):
    path = written(people, tmp_path, ".csv")
    data = read(path, Roles(target="sick"), TINY)
    assert data.whole is not None
    numbers = data.whole.numbers
    assert len(numbers) == len(data) == len(set(numbers.tolist()))
    assert sorted(numbers) == list(numbers)
    labelled = people.filter(pl.col("sick").is_not_null())
    assert data.frame["number"].to_list() == people["number"].gather(numbers).to_list()
    assert data.frame["town"].to_list() == people["town"].gather(numbers).to_list()
    assert set(data.frame["number"]) <= set(labelled["number"])
    again = read(path, Roles(target="sick"), TINY)
    assert again.frame.equals(data.frame)


def test_findings_name_rows_of_the_file_and_say_that_a_sample_was_looked_at(people, tmp_path):
    people = people.with_columns(pl.col("income").fill_null(pl.int_range(pl.len())))
    people = pl.concat([people, people[[5, 17]]])
    # Which rows are drawn depends on how many there are alone: one that is not drawn holds the wrong value.
    first = read(written(people, tmp_path, ".csv"), Roles(id="number"), TINY)
    assert first.whole is not None
    wrong = min(set(range(1_000, 3_000)) - set(first.whole.numbers.tolist()))
    ages = people["age"].cast(pl.String).scatter(wrong, "old")
    data = read(written(people.with_columns(ages), tmp_path, ".csv"), Roles(id="number"), TINY)
    found = check(data)
    by_code = {f.code: f for f in found.found}
    assert by_code["MLW201"].rows == (3_000, 3_001)
    assert by_code["MLW201"].evidence.startswith("2 of 3,002 rows")
    assert by_code["MLW012"].rows == (wrong,)
    assert "rows drawn from 3,002" in by_code["MLW022"].evidence
    assert by_code["MLW007"].column == "one"
    sampled = next(f for f in found if f.code == "MLW106")
    assert "rows drawn from 3,002" in sampled.evidence
    assert "drawn from" not in next(f for f in found if f.code == "MLW103").evidence


def test_what_the_sample_does_not_hold_is_still_known(tmp_path):
    n = 4_000
    lines = ["a,b,c,y"] + [f"{i},0,u{i % 2000},{'yes' if i % 2 else 'no'}" for i in range(n)]
    lines[3_001] = "NA,0,u0,yes"
    lines[3_501] = "7,1,u0,rare"
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    data = read(path, Roles(target="y"), ReadOptions(memory=1))
    assert data.whole is not None
    missed = [row for row in (3_000, 3_500) if row not in set(data.whole.numbers.tolist())]
    assert missed, "the seed drew both rows: choose others"
    schema = data.schema
    assert schema.column("a").missing == ("NA",)
    assert not [f for f in data.findings if f.code == "MLW012"]
    assert (schema.column("b").role, schema.column("b").maximum) == ("feature", 1.0)
    assert (schema.column("c").kind, schema.column("c").role) == ("categorical", "feature")
    assert dict(data.whole.classes)["rare"] == 1
    rare = next(f for f in check(data).found if f.code == "MLW302")
    assert "the rarest 1" in rare.evidence
    larger = next(f for f in data.findings if f.code == "MLW022")
    assert "1 of 3 values of the target, each in one row, stand in none of them" in larger.evidence
    near = next(f for f in check(data).found if f.code == "MLW102")
    assert (near.column, near.rows) == ("b", (3_500,))


def test_a_broken_line_is_named_by_its_number_in_the_file(people, tmp_path):
    people = people.with_columns(pl.col("town").str.replace("\n", " "))
    path = written(people, tmp_path, ".csv")
    lines = path.read_text().splitlines()
    lines[2_345] += ",one too many"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(SourceUnreadable, match="line 2346"):
        read(path, Roles(), TINY)


def test_errors_are_those_of_a_table_in_memory(people, tmp_path):
    path = written(people, tmp_path, ".csv")
    with pytest.raises(TargetUnusable, match="sicc"):
        read(path, Roles(target="sicc"), TINY)
    with pytest.raises(UnknownName, match="twn"):
        read(path, Roles(drop=("twn",)), TINY)
    damaged = tmp_path / "cut.csv.gz"
    damaged.write_bytes(gzip.compress(path.read_bytes())[:-2_000])
    with pytest.raises(SourceUnreadable, match="cut off"):
        read(damaged, Roles(), TINY)
    empty = tmp_path / "empty.csv"
    people.with_columns(pl.lit(None, dtype=pl.String).alias("sick")).write_csv(empty)
    with pytest.raises(TargetUnusable, match="no value in any row"):
        read(empty, Roles(target="sick"), TINY)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_the_encoding_is_that_of_the_whole_file(tmp_path, encoding):
    rows = [f"{i},plain" for i in range(900)] + ["900,Köln"] + [f"{i},plain" for i in range(901, 1_200)]
    path = tmp_path / "t.csv"
    path.write_bytes(("n,town\r\n" + "\r\n".join(rows) + "\r\n").encode(encoding))
    data = read(path, Roles(), ReadOptions(memory=1, sample_rows=5_000))
    assert data.whole is not None
    towns = data.whole.profile.columns[1]
    assert (data.whole.rows, towns.distinct, data.schema.names) == (1_200, 2, ("n", "town"))


def test_parts_of_a_folder_stream_one_after_another(people, tmp_path):
    for number, part in enumerate((people[:1_300], people[1_300:])):
        part.select(people.columns[::-1] if number else people.columns).write_parquet(
            tmp_path / f"part-{number}.parquet"
        )
    data = read(tmp_path, Roles(), TINY)
    assert data.whole is not None
    assert data.whole.rows == 3_000
    assert data.frame["number"].to_list() == people["number"].gather(data.whole.numbers).to_list()


def test_rows_that_come_only_once_are_kept_in_a_file_and_read_again(people, tmp_path):
    import sqlite3

    path = tmp_path / "people.db"
    with sqlite3.connect(path) as database:
        database.execute("create table people (age integer, number text, sick text)")
        database.executemany(
            "insert into people values (?, ?, ?)", people.select("age", "number", "sick").iter_rows()
        )
    asked = {"query": "select * from people order by number"}
    known = read(f"sqlite:///{path}", Roles(target="sick"), ReadOptions(**asked))
    for source, options in (
        (f"sqlite:///{path}", ReadOptions(**asked, memory=1)),
        (people.lazy().select("age", "number", "sick"), TINY),
    ):
        data = read(source, Roles(target="sick"), options)
        assert data.whole is not None
        assert data.whole.rows == len(known)
        assert data.frame["number"].to_list() == people["number"].gather(data.whole.numbers).to_list()
        assert data.schema.column("age").maximum == known.schema.column("age").maximum


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b"a,b\n1,2", 4),
        (b'a\n"b\nc"\nd', 8),
        (b'a\n"b\nc', 2),
        (b'5" pipe,1\n6" pipe,2\n7', 20),
        (b'5" pipe,1\n"6\n,2', 10),
        (b'a,b\n"x ""y"" z\n', 4),
        (b"no line end", 0),
    ],
)
def test_blocks_are_cut_where_a_record_ends(text, end):
    assert blocks.last_end(text, COMMAS) == end


def test_ranges_and_counts_of_real_tables_are_exact_when_streamed():
    path = DATA / "womens_clothing_reviews.csv.gz"
    if not path.exists():
        pytest.skip("the data sets are not there")
    blocks.BLOCK = 400_000
    roles = Roles(target="Recommended IND")
    whole, streamed = read(path, roles), read(path, roles, TINY)
    assert streamed.whole is not None
    known = profile_of(whole)
    for mine, column in zip(streamed.whole.profile.columns, known.columns, strict=True):
        assert (mine.missing, mine.distinct, mine.counts) == (column.missing, column.distinct, column.counts)
        assert (mine.words, mine.quantiles) == (column.words, column.quantiles)


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".jsonl", ".csv"])
@pytest.mark.parametrize("change", ["grows", "goes"])
def test_a_file_that_changes_between_two_passes_is_no_table(people, tmp_path, monkeypatch, ending, change):
    path = written(people, tmp_path, ending)
    draw = large.draw

    def meanwhile(*given):
        drawn = draw(*given)
        if change == "goes":
            path.unlink()
        else:
            with path.open("ab") as file:
                file.write(b"\n")
        return drawn

    monkeypatch.setattr(large, "draw", meanwhile)
    said = "went away" if change == "goes" else "changed"
    with pytest.raises(SourceUnreadable, match=rf"people{ending}: the file {said} while it was read"):
        read(path, Roles(), TINY)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_a_damaged_file_is_told_as_damage_also_where_its_parser_panics(people, tmp_path, ending):
    path = written(people, tmp_path, ending)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    damaged = [whole[: int(len(whole) * share)] for share in (0.01, 0.5, 0.999)]
    for _ in range(25):
        data = bytearray(whole)
        for place in random.integers(8, len(data), 12):
            data[place] ^= 0xFF
        damaged.append(bytes(data))
    told = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            read(path, Roles(), TINY)
        except SourceUnreadable as problem:
            told += path.name in str(problem)
    assert told >= 20


def test_ids_and_rows_are_compared_over_all_rows(people, tmp_path):
    people = pl.concat([people, people[[3, 7, 7]].with_columns(age=pl.lit(1, dtype=pl.Int64))])
    found = check(read(written(people, tmp_path, ".csv"), Roles(id="number"), TINY))
    ids = next(f for f in found.found if f.code == "MLW203")
    assert ids.evidence.startswith("3 rows repeat one of 3,000 ids, ")
    assert (ids.column, ids.rows) == ("number", (3_000, 3_001, 3_002))


def test_rows_that_are_alike_by_chance_and_differ_in_their_id_are_not_called_repeated(tmp_path):
    random = np.random.default_rng(0)
    rows = {"pid": [f"P{i}" for i in range(3_000)]} | {n: random.choice(["x", "y"], 3_000) for n in "ab"}
    path = written(pl.DataFrame(rows), tmp_path, ".csv")
    assert {f.status for f in check(read(path, Roles(), TINY)) if f.code in ("MLW201", "MLW203")} == {
        "passed"
    }
