"""A census with people's sex and race, from reading to serving: not learned from, but judged by."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.cli import main
from mlwright.evaluation.cuts import holds, values_of

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
ADULT = DATA / "adult" / "adult_train.csv.gz"
pytestmark = pytest.mark.skipif(not ADULT.exists(), reason="MLWRIGHT_DATA names no folder with the census")
KEPT_OUT = ["--protected", "sex", "--protected", "race", "--drop", "fnlwgt", "--max-trials", "2", "-q"]


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    table = pl.read_csv(ADULT).sample(14_000, seed=0)
    return table.with_columns(pl.col(pl.String).str.strip_chars())


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory) -> Path:
    """The census as a file, later rows of it as another, and a model that the command line made."""
    folder = tmp_path_factory.mktemp("census")
    people.head(11_000).write_csv(folder / "census.csv")
    people.tail(3_000).write_csv(folder / "later.csv")
    where = [str(folder / "census.csv"), "-t", "income", "-o", str(folder / "census.mlw")]
    assert main(["fit", *where, *KEPT_OUT]) == 0
    return folder


def test_the_model_neither_sees_nor_asks_for_what_is_protected(folder):
    model = mw.load(folder / "census.mlw")
    assert {c.name for c in model.schema.columns if c.role == "protected"} == {"sex", "race"}
    assert not {"sex", "race"} & {c.name for c in model.schema.features}
    rows = pl.read_csv(folder / "later.csv").head(50)
    without = rows.drop("sex", "race", "income", "fnlwgt").to_dicts()
    turned = [{**row, "sex": "Female", "race": "Black"} for row in without]
    assert np.array_equal(model.predict_proba(without), model.predict_proba(turned))


def test_a_row_is_served_without_what_is_protected(folder):
    from mlwright.serving import running

    rows = pl.read_csv(folder / "later.csv").head(3).drop("sex", "race", "income", "fnlwgt").to_dicts()
    with running(mw.load(folder / "census.mlw")) as url:
        body = json.dumps({"rows": rows}).encode()
        asked = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
        answer = json.load(urllib.request.urlopen(asked))
        described = json.load(urllib.request.urlopen(f"{url}/openapi.json"))
    assert len(answer["predictions"]) == 3
    assert '"age"' in json.dumps(described) and '"sex"' not in json.dumps(described)


def test_groups_are_told_on_the_card_and_on_the_terminal(folder, capsys):
    model = mw.load(folder / "census.mlw")
    groups = model.evaluation.subgroups
    sexes = {g.said: g for g in groups.of("sex")}
    assert set(sexes) == {"sex = Male", "sex = Female"} and groups.columns == ("race", "sex")
    selected = {said: next(f for f in g.figures if f.metric == "selection_rate") for said, g in sexes.items()}
    assert selected["sex = Male"].value > 2 * selected["sex = Female"].value
    assert selected["sex = Male"].apart.found
    found = [f for f in model.findings.found if f.code == "MLW801"]
    assert any(f.column == "sex" and "share predicted positive" in f.evidence for f in found)
    assert "## For whom" in model.card and "| sex = Female |" in model.card
    assert "no subgroup was examined" not in model.card
    capsys.readouterr()
    assert main(["show", str(folder / "census.mlw")]) == 0
    shown = capsys.readouterr().out
    assert "For whom" in shown and "sex = Female" in shown and "MLW801" in shown


def test_fresh_rows_are_judged_by_group_where_they_say_who(folder, capsys):
    assert main(["evaluate", str(folder / "census.mlw"), str(folder / "later.csv"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["evaluation"]
    rows = {
        g["conditions"][0]["value"]: g["rows"]
        for g in told["subgroups"]["groups"]
        if len(g["conditions"]) == 1
    }
    assert rows["Male"] + rows["Female"] == 3_000
    assert told["slices"]["columns"] == 13
    without = pl.read_csv(folder / "later.csv").drop("sex", "race")
    assert mw.evaluate(folder / "census.mlw", without).subgroups is None
    assert main(["evaluate", str(folder / "census.mlw"), str(folder / "later.csv")]) == 0
    assert "For whom" in capsys.readouterr().out


def test_finding_codes_can_be_waived_and_are_then_borne(folder, people):
    model = mw.fit(
        people.head(3_000),
        target="income",
        protected="sex",
        drop="fnlwgt",
        max_trials=2,
        waive=("MLW801", "MLW802"),
    )
    assert not {f.code for f in model.findings.found} & {"MLW801", "MLW802"}
    assert "MLW801" in {f.code for f in model.findings if f.status == "waived"}


def test_a_protected_column_that_tells_the_target_is_no_feature():
    random = np.random.default_rng(0)
    y = random.random(600) < 0.4
    table = {
        "x": random.normal(size=600),
        "z": random.normal(size=600),
        "faith": np.where(y, "a", "b"),
        "y": y,
    }
    model = mw.fit(pl.DataFrame(table), target="y", protected="faith", max_trials=2, seed=0)
    assert model.evaluation.score.value < 0.65
    assert [c.name for c in model.schema.features] == ["x", "z"]
    assert {g.said: g.events for g in model.evaluation.subgroups.groups} == {
        "faith = b": 0,
        "faith = a": y.sum(),
    }


def test_labels_spoilt_in_one_part_of_the_census_are_found_there(people):
    # In one group of jobs, for those of middle age, half of the labels are turned: no model can know which.
    odd = (pl.col("occupation") == "Prof-specialty") & pl.col("age").is_between(25, 60)
    random = np.random.default_rng(1).random(len(people)) < 0.5
    other = pl.when(pl.col("income") == "<=50K").then(pl.lit(">50K")).otherwise(pl.lit("<=50K"))
    spoilt = people.with_columns(
        pl.when(odd & pl.Series(random)).then(other).otherwise(pl.col("income")).alias("income")
    )
    model = mw.fit(spoilt, target="income", drop=("fnlwgt", "sex", "race"), max_trials=2, waive="MLW307")
    read = mw.read(spoilt, target="income", drop=("fnlwgt", "sex", "race"))
    truly = spoilt.select(odd)["occupation"].fill_null(False).to_numpy()
    shared = []
    for s in model.evaluation.slices.found:
        inside = np.logical_and.reduce(
            [holds(c, values_of(read, read.schema.column(c.column))) for c in s.conditions]
        )
        shared.append((inside & truly).sum() / (inside | truly).sum())
    assert max(shared) > 0.6
    assert any("Prof-specialty" in f.evidence for f in model.findings.found if f.code == "MLW802")
    assert "## Where it is worse than elsewhere" in model.card and "Prof-specialty" in model.card
