"""Predicting a file keeps it whole: columns, order, and a reason beside each row that cannot be answered."""

import json

import numpy as np
import polars as pl
import pytest
from interval_models import ROWS, interval_model

import mlwright as mw
from mlwright.base.errors import ChecksRefused, EnvironmentProblem, Misuse, RowsRefused, SchemaBroken
from mlwright.cli.entry import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with shop.csv (ids, numbers, text, a target) and a model made from it."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    n = 300
    age, city = rng.integers(18, 80, n), rng.integers(0, 3, n)
    frame = pl.DataFrame(
        {
            "order": [f"A{i:04d}" for i in range(n)],
            "age": age,
            "city": [["Rome", "Oslo", "Lima"][c] for c in city],
            "kept": [["no", "yes"][int(a > 45)] for a in age + rng.normal(0, 16, n)],
        }
    )
    frame.write_csv(folder / "shop.csv")
    mw.fit(folder / "shop.csv", target="kept", id="order", max_trials=3).save(folder / "shop.mlw")
    return folder


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_columns_and_order_are_kept_and_answers_stand_behind(folder, tmp_path):
    source = write(tmp_path, "new.csv", "city,order,extra,age\nOslo,B2,x,20\nRome,B1,y,70\n")
    report = mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv")
    out = pl.read_csv(tmp_path / "out.csv")
    assert out.columns == ["city", "order", "extra", "age", "predicted_kept", "probability_yes"]
    assert out["order"].to_list() == ["B2", "B1"] and out["predicted_kept"].to_list() == ["no", "yes"]
    assert (report.rows, report.refused) == (2, 0)


def test_a_row_that_breaks_the_schema_gets_its_reason_beside_it(folder, tmp_path):
    source = write(tmp_path, "new.csv", "order,age,city\nB1,70,Rome\nB2,young,Oslo\nB3,,Atlantis\n")
    report = mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv", proba=True)
    out = pl.read_csv(tmp_path / "out.csv")
    assert out["error"].to_list() == [None, "age: not a number, expected a finite number", None]
    assert out["predicted_kept"].null_count() == 1 and out["predicted_kept"][2] is not None
    assert {"probability_no", "probability_yes"} <= set(out.columns)
    assert report.refused == 1 and report.problems[0].row == 1


def test_parquet_goes_in_and_out(folder, tmp_path):
    pl.DataFrame({"age": [20, 70], "city": ["Rome", None]}).write_parquet(tmp_path / "new.parquet")
    mw.predict_file(folder / "shop.mlw", tmp_path / "new.parquet", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["predicted_kept"].to_list() == ["no", "yes"]


def test_every_way_in_gives_the_same_answer(folder, tmp_path):
    model = mw.load(folder / "shop.mlw")
    rows = [{"age": 20, "city": "Rome"}, {"age": 70, "city": None}]
    expected = model.predict_proba(rows)
    frame = pl.DataFrame(rows)
    assert np.array_equal(model.predict_proba(frame), expected)
    assert np.array_equal(model.predict_proba(frame.to_pandas()), expected)
    assert np.array_equal(model.predict_proba(frame.to_arrow()), expected)
    assert np.array_equal(model.predict_proba({"age": [20, 70], "city": ["Rome", ""]}), expected)
    assert np.array_equal(model.predict_proba(rows[0]), expected[:1])
    frame.write_csv(tmp_path / "rows.csv")
    mw.predict_file(model, tmp_path / "rows.csv", tmp_path / "out.csv")
    assert np.allclose(
        pl.read_csv(tmp_path / "out.csv")["probability_yes"].to_numpy(), expected[:, 1], rtol=1e-15
    )


def test_a_path_becomes_a_frame_with_its_answers(folder, tmp_path):
    source = write(tmp_path, "new.csv", "order,age,city\nB1,70,Rome\nB2,young,Oslo\n")
    out = mw.predict(folder / "shop.mlw", source)
    assert out.columns == ["order", "age", "city", "predicted_kept", "probability_yes", "error"]
    assert out["predicted_kept"].to_list() == ["yes", None]
    with pytest.raises(Misuse, match=r"mw\.predict"):
        mw.load(folder / "shop.mlw").predict(str(source))


def test_a_missing_column_is_named_with_the_near_miss(folder, tmp_path):
    source = write(tmp_path, "new.csv", "order,Agee,city\nB1,70,Rome\n")
    with pytest.raises(SchemaBroken, match="age"):
        mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_cannot_be_is_refused_before_any_work(folder, tmp_path):
    with pytest.raises(Misuse, match="end the output's name"):
        mw.predict_file(folder / "shop.mlw", folder / "shop.csv", tmp_path / "out.xlsx")
    source = write(tmp_path, "new.csv", "age,city,predicted_kept\n1,Rome,yes\n")
    with pytest.raises(Misuse, match="already has a column"):
        mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv")


@pytest.mark.parametrize("name", ["new.csv", "./sub/../new.csv", "link.csv"])
def test_what_is_read_is_never_written_over(folder, tmp_path, name):
    source = write(tmp_path, "new.csv", "age,city\n70,Rome\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(Misuse, match="is the file that is read"):
        mw.predict_file(folder / "shop.mlw", source, tmp_path / name)
    with pytest.raises(Misuse, match="is the file that is read"):
        mw.predict_file(folder / "shop.mlw", folder / "shop.csv", source, submission=tmp_path / name)
    assert source.read_text() == "age,city\n70,Rome\n"


def test_an_output_in_no_folder_is_refused_before_any_work(folder, tmp_path):
    with pytest.raises(EnvironmentProblem, match="mkdir -p"):
        mw.predict_file(folder / "shop.mlw", "absent.csv", tmp_path / "nodir" / "sub" / "out.csv")


def test_no_rows_give_a_file_with_the_columns(folder, tmp_path):
    source = write(tmp_path, "new.csv", "order,age,city\nB1,young,Rome\n")
    report = mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv")
    assert report.refused == 1
    assert pl.read_csv(tmp_path / "out.csv")["predicted_kept"].to_list() == [None]


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("order,kept\nA0003,no\nA0001,no\n", "labels"),
        ("order,kept\nA0003,0.5\nA0001,0.5\n", "probabilities"),
        ("order,kept_no,kept_yes\nA0003,0.5,0.5\nA0001,0.5,0.5\n", "classes"),
    ],
)
def test_a_submission_has_the_form_of_its_sample(folder, tmp_path, sample, expected):
    form = write(tmp_path, "sample.csv", sample)
    source = pl.read_csv(folder / "shop.csv").drop("kept")
    source.write_csv(tmp_path / "test.csv")
    mw.predict_file(folder / "shop.mlw", tmp_path / "test.csv", tmp_path / "sub.csv", submission=form)
    out = pl.read_csv(tmp_path / "sub.csv")
    assert out.columns == sample.split("\n")[0].split(",") and out["order"].to_list() == ["A0003", "A0001"]
    p = mw.load(folder / "shop.mlw").predict_proba(source[[3, 1]])
    if expected == "labels":
        assert out["kept"].to_list() == [["no", "yes"][int(v > 0.5)] for v in p[:, 1]]
    elif expected == "probabilities":
        assert np.allclose(out["kept"].to_numpy(), p[:, 1])
    else:
        assert np.allclose(out.select("kept_no", "kept_yes").to_numpy(), p)


def test_a_submission_that_cannot_be_complete_is_refused(folder, tmp_path):
    test = write(tmp_path, "test.csv", "order,age,city\nB1,20,Rome\nB2,old,Rome\n")
    form = write(tmp_path, "sample.csv", "order,kept\nB1,no\nB2,no\n")
    with pytest.raises(RowsRefused, match="row 1, 'age'"):
        mw.predict_file(folder / "shop.mlw", test, tmp_path / "s.csv", submission=form)
    test = write(tmp_path, "test.csv", "order,age,city\nB1,20,Rome\n")
    with pytest.raises(SchemaBroken, match="1 ids of the sample are not in the input"):
        mw.predict_file(folder / "shop.mlw", test, tmp_path / "s.csv", submission=form)


def test_fresh_rows_are_judged_beside_the_baseline_and_what_was_left_out_is_said(folder, tmp_path):
    text = (
        "order,age,city,kept\nB1,20,Rome,no\nB2,70,Oslo,YES.\nB3,old,Rome,no\nB4,60,Lima,maybe\n"
        + "".join(f"C{i},{20 + i},Rome,{'yes' if i > 25 else 'no'}\n" for i in range(50))
    )
    e = mw.evaluate(folder / "shop.mlw", write(tmp_path, "fresh.csv", text))
    assert e.rows == 52 and "2 rows were left out" in e.how
    assert "flatter" not in e.how and "flatter" in mw.evaluate(folder / "shop.mlw", folder / "shop.csv").how
    assert e.score.value > 0.9 and len(e.baseline) == len(e.scores)
    with pytest.raises(SchemaBroken, match="'kept' is not there"):
        mw.evaluate(folder / "shop.mlw", write(tmp_path, "x.csv", "age,city\n1,Rome\n"))


def test_an_input_column_named_error_is_never_overwritten(folder, tmp_path):
    fine = write(tmp_path, "fine.csv", "age,city,error\n20,Oslo,mine\n")
    mw.predict_file(folder / "shop.mlw", fine, tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv")["error"].to_list() == ["mine"]
    broken = write(tmp_path, "broken.csv", "age,city,error\nyoung,Oslo,mine\n")
    with pytest.raises(Misuse, match="already has a column 'error'"):
        mw.predict_file(folder / "shop.mlw", broken, tmp_path / "out.csv")


def test_test_rows_are_judged_by_labels_spelt_as_in_training(folder, tmp_path):
    table = pl.read_csv(folder / "shop.csv")
    dotted = table.with_columns(pl.col("kept").str.to_uppercase() + ".")
    strange = pl.concat([dotted, dotted.head(3).with_columns(pl.lit("perhaps.").alias("kept"))])
    strange.write_csv(tmp_path / "test.csv")
    roles = {"target": "kept", "id": "order"}
    with pytest.raises(ChecksRefused, match="MLW651: test rows stand in training too"):
        mw.fit(folder / "shop.csv", test=tmp_path / "test.csv", max_trials=3, **roles)
    borne = {"max_trials": 3, "waive": ("MLW651",)}
    model = mw.fit(folder / "shop.csv", test=tmp_path / "test.csv", **roles, **borne)
    assert model.target.classes == ("no", "yes")
    assert model.evaluation.rows == 300 and model.evaluation.score.value > 0.85
    left_out = next(f for f in model.findings.found if f.code == "MLW031")
    assert left_out.evidence == "3 of 303 test rows"


def test_sets_of_labels_stand_beside_as_json(folder, tmp_path):
    model = mw.load(folder / "shop.mlw")
    source = write(tmp_path, "new.csv", "order,age,city\nB1,70,Rome\nB2,young,Oslo\nB3,46,Lima\nB4,20,Oslo\n")
    mw.predict_file(folder / "shop.mlw", source, tmp_path / "out.csv", sets=0.1)
    told = pl.read_csv(tmp_path / "out.csv")["set_kept"].to_list()
    rows = [{"age": a, "city": c} for a, c in ((70, "Rome"), (46, "Lima"), (20, "Oslo"))]
    held = model.predict_set(rows, 0.1)
    assert [told[0], told[2], told[3]] == [json.dumps(list(s)) for s in held] and told[1] is None
    assert len({len(s) for s in held}) > 1
    assert mw.predict(model, source, sets=0.9)["set_kept"].to_list() != told


def test_ends_of_intervals_stand_beside_numbers(tmp_path):
    (tmp_path / "price.mlw").write_bytes(interval_model())
    model = mw.load(tmp_path / "price.mlw")
    source = write(tmp_path, "new.csv", "age,city,weeks\n40,Oslo,2\nold,Rome,1\n10,Rome,1\n")
    mw.predict_file(model, source, tmp_path / "out.parquet", interval=0.1)
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out.columns[3:] == ["predicted_price", "predicted_price_low", "predicted_price_high", "error"]
    expected = model.predict_interval(ROWS, 0.1)
    made = out.select("predicted_price_low", "predicted_price_high")[[0, 2]].to_numpy()
    assert (made == expected).all() and out["predicted_price_low"][1] is None


def test_tables_of_many_slices_have_the_intervals_of_their_rows(tmp_path):
    model = mw.load(interval_model())
    rows = [ROWS[0] | {"age": float(age)} for age in range(2_500)]
    out = mw.predict(model, pl.DataFrame(rows), interval=0.3)
    made = out.select("predicted_price_low", "predicted_price_high").to_numpy()
    assert (made == model.predict_interval(rows, 0.3)).all()


def test_what_a_model_cannot_write_beside_is_refused_before_anything_is_written(folder, tmp_path):
    (tmp_path / "price.mlw").write_bytes(interval_model())
    source = write(tmp_path, "new.csv", "order,age,city\nB1,70,Rome\n")
    out = tmp_path / "out.csv"
    for model, beside, said in (
        (folder / "shop.mlw", {"interval": 0.1}, "classes have no intervals"),
        (folder / "shop.mlw", {"sets": 1.5}, "no rate between 0 and 1"),
        (tmp_path / "price.mlw", {"sets": 0.1}, "no sets"),
        (tmp_path / "price.mlw", {"interval": 0.001}, "ask for 0.05 or more"),
    ):
        with pytest.raises(Misuse, match=said):
            mw.predict_file(model, source, out, **beside)
    assert not out.exists()


@pytest.mark.parametrize("interval", [None, 0.1])
def test_an_answer_larger_than_any_number_is_refused_with_its_row(tmp_path, interval):
    (tmp_path / "m.mlw").write_bytes(interval_model())
    rows = [ROWS[0] | {"age": "old"}, ROWS[0], ROWS[0] | {"age": "1e308"}]
    pl.DataFrame([{k: str(v) for k, v in r.items()} for r in rows]).write_csv(tmp_path / "new.csv")
    report = mw.predict_file(
        tmp_path / "m.mlw", tmp_path / "new.csv", tmp_path / "out.csv", interval=interval
    )
    out = pl.read_csv(tmp_path / "out.csv")
    assert out["predicted_price"].to_list() == [None, 120.0, None] and report.refused == 2
    assert "larger than any number" in out["error"][2] and out["error"][1] is None
    assert [p.row for p in report.problems] == [0, 2]
    lone = mw.predict(tmp_path / "m.mlw", [ROWS[0] | {"age": 1e308}], interval=interval)
    assert lone["predicted_price"].to_list() == [None] and lone["error"][0]


def test_labels_that_are_not_sure_enough_stay_empty_in_files_and_frames(folder, tmp_path):
    model = mw.load(folder / "shop.mlw")
    rate = model.evaluation.abstaining.least
    rows = pl.DataFrame({"age": list(range(18, 80)), "city": ["Rome"] * 62})
    expected = model.predict(rows, abstain=rate).tolist()
    assert 0 < expected.count(None) < 62
    out = mw.predict(model, rows, abstain=rate)
    assert out["predicted_kept"].to_list() == expected and out["probability_yes"].null_count() == 0
    rows.write_csv(tmp_path / "new.csv")
    words = ["predict", str(folder / "shop.mlw"), str(tmp_path / "new.csv"), "-o", str(tmp_path / "out.csv")]
    assert main([*words, "--abstain", str(rate)]) == 0
    assert pl.read_csv(tmp_path / "out.csv")["predicted_kept"].to_list() == expected
    sample = write(tmp_path, "sample.csv", "order,kept\nA0001,no\n")
    with pytest.raises(Misuse, match="an answer in every row"):
        mw.predict_file(model, folder / "shop.csv", tmp_path / "o.csv", submission=sample, abstain=rate)


def test_what_cannot_be_is_said_in_flags(folder, tmp_path, capsys):
    (tmp_path / "price.mlw").write_bytes(interval_model())
    source = str(folder / "shop.csv")
    for model, flag, rate, said in (
        (folder / "shop.mlw", "--interval", "0.1", "ask for sets of labels with --set"),
        (folder / "shop.mlw", "--abstain", "0.0001", "allow 0."),
        (folder / "shop.mlw", "--abstain", "7", "--abstain 7.0 is no rate between 0 and 1"),
        (folder / "shop.mlw", "--set", "7", "the error rate 7.0 is no rate"),
        (tmp_path / "price.mlw", "--abstain", "0.1", "ask for intervals with --interval"),
        (tmp_path / "price.mlw", "--set", "0.1", "ask for intervals with --interval"),
        (tmp_path / "price.mlw", "--interval", "0.01", "the error rate 0.01 is less than 19 rows"),
    ):
        assert main(["predict", str(model), source, "-o", str(tmp_path / "out.csv"), flag, rate]) == 2
        assert said in " ".join(capsys.readouterr().err.split()), (flag, rate)
