"""compare: a second model beside a first on the same fresh rows."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from interval_models import ROWS, interval_model

import mlwright as mw
from mlwright.base.errors import Misuse, SchemaBroken, UnknownName
from mlwright.cli import main


def people(n: int, seed: int, rare: str = "stays") -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age, income = rng.normal(45, 12, n), rng.normal(30, 9, n)
    odds = (age - 45) / 12 + (income - 30) / 9 - 1.5
    common = "goes" if rare == "stays" else "stays"
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), rare, common)
    columns = {
        "age": age.round(1),
        "income": income.round(1),
        "town": rng.choice(["Oslo", "Bergen"], n),
        "y": y,
    }
    return pl.DataFrame(columns)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One that knows age alone, one that knows all, one whose classes are in the other order."""
    folder = tmp_path_factory.mktemp("compare")
    table = people(900, 0)
    quick = {"target": "y", "max_trials": 2, "seed": 0}
    mw.fit(table.drop("income"), **quick).save(folder / "half.mlw")
    mw.fit(table, costs={"fn": 9, "fp": 1}, **quick).save(folder / "whole.mlw")
    mw.fit(people(900, 0, rare="goes"), **quick).save(folder / "turned.mlw")
    people(600, 1).write_csv(folder / "fresh.csv")
    return folder


def test_a_model_that_knows_more_is_better_and_the_other_way_round_worse(models):
    found = mw.compare(models / "half.mlw", models / "whole.mlw", models / "fresh.csv")
    assert (found.metric, found.gain.verdict, found.gain.method) == ("roc_auc", "better", "DeLong, paired")
    assert found.pairs[0].second.value - found.pairs[0].first.value == pytest.approx(found.gain.value)
    assert found.pairs[0].second == mw.evaluate(models / "whole.mlw", models / "fresh.csv").score
    turned = mw.compare(models / "whole.mlw", models / "half.mlw", models / "fresh.csv")
    assert turned.gain.value == pytest.approx(-found.gain.value) and turned.gain.verdict == "worse"
    assert "whole.mlw is better than" in found.said and 0 < found.alike < 1


def test_a_model_beside_itself_is_alike(models):
    found = mw.compare(models / "whole.mlw", mw.load(models / "whole.mlw"), models / "fresh.csv")
    assert found.gain.verdict == "unclear" and found.alike == 1.0 and "No row tells" in found.said


def test_classes_in_another_order_are_the_same_classes(models):
    whole, turned = mw.load(models / "whole.mlw"), mw.load(models / "turned.mlw")
    assert whole.target.classes == tuple(reversed(turned.target.classes))
    found = mw.compare(whole, turned, models / "fresh.csv")
    assert found.gain.verdict == "worse" and found.pairs[0].second.value < 0.5


def test_costs_of_the_first_model_are_paid_by_both(models):
    fresh = models / "fresh.csv"
    found = mw.compare(models / "whole.mlw", models / "half.mlw", fresh, metric="cost_per_1000_rows")
    paid = mw.evaluate(models / "whole.mlw", fresh).outcomes[0].scores[0]
    assert (paid.metric, found.pairs[0].first.value) == ("cost_per_1000_rows", pytest.approx(paid.value))
    assert found.gain.value == pytest.approx(found.pairs[0].first.value - found.pairs[0].second.value)
    with pytest.raises(Misuse, match="needs a first model that was given costs"):
        mw.compare(models / "half.mlw", models / "whole.mlw", fresh, metric="cost_per_1000_rows")


def test_rows_that_either_cannot_judge_are_left_out(models, tmp_path):
    odd = pl.read_csv(models / "fresh.csv").with_columns(pl.col("income").cast(pl.String))
    odd = odd.with_columns(
        income=pl.when(pl.int_range(len(odd)) < 5).then(pl.lit("much")).otherwise("income")
    )
    found = mw.compare(models / "half.mlw", models / "whole.mlw", odd)
    assert found.rows == 595 and "5 rows were left out" in found.how


def test_what_cannot_be_compared_is_refused_with_its_reason(models):
    fresh = pl.read_csv(models / "fresh.csv")
    with pytest.raises(UnknownName, match="did you mean 'roc_auc'"):
        mw.compare(models / "half.mlw", models / "whole.mlw", fresh, metric="roc_acu")
    with pytest.raises(Misuse, match="does not measure"):
        mw.compare(models / "half.mlw", models / "whole.mlw", fresh, metric="rmse")
    with pytest.raises(Misuse, match="roc_auc is undefined on these rows"):
        mw.compare(models / "half.mlw", models / "whole.mlw", fresh.filter(pl.col("y") == "goes"))
    with pytest.raises(SchemaBroken, match="income"):
        mw.compare(models / "half.mlw", models / "whole.mlw", fresh.drop("income"))
    other = mw.fit(
        fresh.with_columns(z=pl.col("age") * 2).drop("y"),
        target="z",
        max_trials=2,
        waive=("MLW401", "MLW402"),
    )
    with pytest.raises(Misuse, match=r"predicts 'y' \(binary\), the second 'z' \(regression\)"):
        mw.compare(models / "half.mlw", other, fresh)
    three = mw.fit(
        fresh.with_columns(y=pl.when(pl.col("age") > 60).then(pl.lit("old")).otherwise("y")),
        target="y",
        max_trials=2,
    )
    with pytest.raises(Misuse, match="only one of the models knows the classes 'old'"):
        mw.compare(models / "half.mlw", three, fresh)


def test_a_metric_of_ones_own_is_not_in_the_file_and_said_so(models):
    own = mw.metric(lambda truth, label: float((truth == label).mean()), name="right")
    table = people(300, 3)
    model = mw.fit(table, target="y", metric=own, max_trials=2, seed=0)
    found = mw.compare(model, models / "whole.mlw", models / "fresh.csv")
    assert found.metric == "roc_auc" and "'right' is not kept in the file" in found.how


def test_the_command_is_a_gate(models, capsys):
    half, whole, fresh = (str(models / name) for name in ("half.mlw", "whole.mlw", "fresh.csv"))
    assert main(["compare", half, whole, fresh, "--require", "better"]) == 0
    out = capsys.readouterr().out
    assert "passed: better, required better" in " ".join(out.split()) and "DeLong" not in out
    assert main(["compare", whole, half, fresh, "--require", "not-worse", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["passed"]) == ("worse", False)
    assert main(["compare", whole, whole, fresh, "--require", "not-worse"]) == 0
    assert main(["compare", whole, whole, fresh, "--require", "better"]) == 1


def test_a_gate_that_passes_on_few_rows_says_how_little_they_could_show(models, tmp_path, capsys):
    half, whole = (str(models / name) for name in ("half.mlw", "whole.mlw"))
    pl.read_csv(models / "fresh.csv").head(40).write_csv(tmp_path / "few.csv")
    few = mw.compare(whole, half, tmp_path / "few.csv", metric="log_loss")
    assert few.gain.verdict == "unclear"
    error = (few.gain.high - few.gain.low) / 2 / 1.96
    assert few.gain.detectable == pytest.approx(2.8 * error, rel=0.01)
    assert few.gain.detectable > 0.1 * few.pairs[0].first.value
    assert f"40 rows would have shown a difference of {few.gain.detectable:.2g} log_loss" in few.blind
    assert f"these rows would show one of {few.gain.detectable:.2g}" in few.said
    gate = ["--metric", "log_loss", "--require", "not-worse", "--json"]
    assert main(["compare", whole, half, str(tmp_path / "few.csv"), *gate]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["warnings"][0] == f"not shown to be worse, for want of rows: {few.blind}"


def test_rows_that_would_have_shown_a_loss_are_not_warned_of(models, tmp_path, capsys):
    whole, fresh = (str(models / name) for name in ("whole.mlw", "fresh.csv"))
    assert main(["compare", whole, whole, fresh, "--require", "not-worse", "--json"]) == 0
    assert not any("want of rows" in w for w in json.loads(capsys.readouterr().out)["warnings"])
    pl.read_csv(fresh).head(12).write_csv(tmp_path / "dozen.csv")
    assert "too few to tell models apart" in mw.compare(whole, whole, tmp_path / "dozen.csv").blind
    clear = mw.compare(models / "half.mlw", whole, fresh)
    assert clear.gain.verdict == "better" and clear.blind == ""


def test_rows_whose_answer_is_larger_than_any_number_are_left_out():
    bare = mw.load(interval_model(learned=False, constant=(-9.0, -4.0, 4.0, 9.0), measured=()))
    rows = [r | {"price": 3 * r["age"]} for r in ROWS] * 20
    told = mw.compare(bare, bare, rows)
    found = mw.compare(bare, bare, [*rows, ROWS[0] | {"age": 1e308, "price": 1.0}])
    assert (found.rows, found.pairs[0].first) == (told.rows, told.pairs[0].first)
    assert "1 row was left out: 1 cannot be answered" in found.how


def test_numbers_are_not_said_to_be_alike(models, tmp_path, capsys):
    table = people(300, 2).drop("y").with_columns(z=pl.col("age") * 2 + pl.col("income"))
    quick = {"target": "z", "max_trials": 2, "seed": 0, "waive": ("MLW401", "MLW402")}
    mw.fit(table, **quick).save(tmp_path / "a.mlw")
    mw.fit(table.drop("income"), **quick).save(tmp_path / "b.mlw")
    table.write_csv(tmp_path / "t.csv")
    assert main(["compare", *(str(tmp_path / n) for n in ("a.mlw", "b.mlw", "t.csv"))]) == 0
    assert "answer alike" not in capsys.readouterr().out
    found = mw.compare(tmp_path / "a.mlw", tmp_path / "b.mlw", tmp_path / "t.csv")
    assert found.alike is None and found.gain.verdict == "worse"
