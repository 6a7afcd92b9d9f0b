"""How a file is written can be said to every verb that takes one, and means the same to each."""

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, SourceUnreadable

ODD = mw.ReadOptions(
    separator="|",
    encoding="utf-16-le",
    quote="'",
    header=False,
    names=("price", "town", "sold", "kept"),
    skip_rows=2,
    decimal=",",
    thousands=".",
    missing=("unknown",),
    dates=("%d.%m.%Y",),
)
PLAIN_HEADER = "price,town,sold,kept\n"


def plain_row(i):
    return (
        f"{1000 + i}.5,{'Rome' if i % 3 else 'Oslo'},2024-02-{1 + i % 28:02d},{'yes' if kept(i) else 'no'}\n"
    )


def kept(i):
    """Mostly the dearer ones: a price alone does not tell."""
    return bool(i > 60 if i % 7 < 5 else i % 2)


KEPT = sum(map(kept, range(120)))


def odd_row(i):
    town = "'Rome|Lazio'" if i % 3 else "unknown"
    return f"1.{i:03d},5|{town}|{1 + i % 28:02d}.02.2024|{'yes' if kept(i) else 'no'}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """odd.txt, written as no evidence would tell; plain.csv with the same prices; a model from the latter."""
    folder = tmp_path_factory.mktemp("odd")
    odd = "made by hand\n--\n" + "".join(odd_row(i) for i in range(120))
    (folder / "odd.txt").write_bytes(odd.encode("utf-16-le"))
    (folder / "plain.csv").write_text(PLAIN_HEADER + "".join(plain_row(i) for i in range(120)))
    mw.fit(folder / "plain.csv", target="kept", max_trials=2).save(folder / "plain.mlw")
    return folder


def test_fit_reads_the_table_and_the_test_rows_by_its_options(folder):
    borne = {"max_trials": 2, "waive": ("MLW651",)}  # the test rows are the training rows
    model = mw.fit(folder / "odd.txt", target="kept", test=folder / "odd.txt", options=ODD, **borne)
    price, town, sold = (model.schema.column(name) for name in ("price", "town", "sold"))
    assert (price.kind, price.minimum, price.maximum) == ("numeric", 1000.5, 1119.5)
    assert (town.categories, town.missing) == (("Rome|Lazio",), ("unknown",))
    assert (sold.kind, sold.formats) == ("datetime", ("%d.%m.%Y",))
    assert model.evaluation.rows == 120
    told = model.manifest.recipe["options"]
    assert (told["header"], told["names"], told["decimal"]) == (False, list(ODD.names), ",")


def test_a_setting_that_was_left_as_it_is_does_not_stand_in_the_recipe(folder):
    model = mw.fit(folder / "plain.csv", target="kept", options=mw.ReadOptions(separator=","), max_trials=2)
    assert model.manifest.recipe["options"] == {"separator": ","}
    assert "options" not in mw.load(folder / "plain.mlw").manifest.recipe


def test_predict_reads_a_file_that_is_written_otherwise_than_the_training_table(folder, tmp_path):
    import polars as pl

    model = mw.load(folder / "plain.mlw")
    report = mw.predict_file(model, folder / "odd.txt", tmp_path / "out.csv", options=ODD)
    assert (report.rows, report.refused) == (120, 0)
    rows = [
        {"price": 1000.5 + i, "town": "Rome|Lazio" if i % 3 else None, "sold": f"2024-02-{1 + i % 28:02d}"}
        for i in range(120)
    ]
    written = pl.read_csv(tmp_path / "out.csv")["probability_yes"].to_numpy()
    assert np.allclose(written, model.predict_proba(rows)[:, 1], rtol=1e-12)
    assert 0 < written.min() < written.max() < 1


def test_evaluate_reads_by_its_options_and_the_target_too(folder):
    e = mw.evaluate(folder / "plain.mlw", folder / "odd.txt", options=ODD)
    assert e.rows == 120 and "left out" not in e.how
    gone = mw.evaluate(folder / "plain.mlw", folder / "plain.csv", options=mw.ReadOptions(missing=("no",)))
    assert gone.rows == KEPT and f"{120 - KEPT} rows were left out" in gone.how


def test_the_model_keeps_its_own_rules(folder, tmp_path):
    model = mw.load(folder / "plain.mlw")
    before = model.schema
    mw.predict_file(model, folder / "odd.txt", tmp_path / "out.csv", options=ODD)
    assert model.schema == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"separator": "\n"}, "cannot stand between fields"),
        ({"quote": "<<"}, "the quote '<<' is not one ASCII character"),
        ({"skip_rows": -1}, "-1 rows cannot be skipped"),
        ({"decimal": ";"}, "the decimal mark cannot be ';'. What to do: it is one of '.', ','"),
        ({"thousands": "_"}, "the thousands separator cannot be '_'"),
        ({"decimal": ",", "thousands": ","}, "cannot be both"),
        ({"dates": ("DD.MM.YYYY",)}, "no form of dates"),
        ({"missing": "NA"}, r"missing=\('NA',\)"),
        ({"names": ("a", "b")}, "2 names for 4 columns"),
    ],
)
def test_what_no_file_can_be_is_refused(folder, tmp_path, wrong, said):
    with pytest.raises(Misuse, match=said):
        mw.predict_file(
            folder / "plain.mlw", folder / "plain.csv", tmp_path / "o.csv", options=mw.ReadOptions(**wrong)
        )
    assert not (tmp_path / "o.csv").exists()


def test_an_encoding_that_does_not_exist_or_does_not_fit_is_told_with_the_file(folder, tmp_path):
    with pytest.raises(SourceUnreadable, match=r"plain\.csv: no encoding is called 'klingon'"):
        mw.evaluate(folder / "plain.mlw", folder / "plain.csv", options=mw.ReadOptions(encoding="klingon"))
    western = tmp_path / "western.csv"
    western.write_bytes((PLAIN_HEADER + plain_row(1) + "5.5,Málaga,2024-02-01,no\n").encode("latin-1"))
    with pytest.raises(SourceUnreadable, match=r"western\.csv, line 3: the text is not utf-8"):
        mw.evaluate(folder / "plain.mlw", western, options=mw.ReadOptions(encoding="utf-8"))
