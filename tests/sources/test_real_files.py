"""Every tabular file of the shared data reads with the right kinds, given nothing but its target."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlwright.base.schema import NUMBER_KINDS
from mlwright.data.dataset import Dataset
from mlwright.sources import ReadOptions, Roles, read

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIST = DATA / "datasets.json"
pytestmark = pytest.mark.skipif(not LIST.exists(), reason="the shared data is not there (MLWRIGHT_DATA)")
BIG = {"nycflights13", "covertype", "movielens_1m_interactions", "online_retail"}
OPTIONS = {
    "sms_spam": ReadOptions(header=False, names=("label", "text"), quote=""),
    "movielens_100k": ReadOptions(names=("user_id", "item_id", "rating", "timestamp")),
}


def entries() -> list[dict[str, Any]]:
    if not LIST.exists():
        return []
    return [d for d in json.loads(LIST.read_text()) if d["kind"] != "images"]


def load(name: str) -> Dataset:
    entry = next(d for d in entries() if d["name"] == name)
    return read(DATA / entry["file"], Roles(target=entry["target"]), OPTIONS.get(name))


@pytest.mark.parametrize("entry", [e for e in entries() if e["name"] not in BIG], ids=lambda e: e["name"])
def test_a_real_file_reads_with_the_target_alone(entry: dict[str, Any]) -> None:
    data = load(entry["name"])
    assert data.provenance.rows_read == entry["rows"]
    assert len(data) == entry["rows"]
    assert not [f for f in data.findings if f.severity == "issue"]
    assert data.frame.columns == list(data.schema.names)
    for column in data.schema.columns:
        expected = pl.Float64 if column.kind in NUMBER_KINDS else pl.String
        assert data.frame[column.name].dtype == expected
    if entry["task"] == "regression":
        assert data.target is not None and data.target.kind == "numeric"


KINDS = {
    "adult": {"workclass": "categorical", "age": "numeric", "fnlwgt": "numeric", "income": "categorical"},
    "telco_churn": {
        "TotalCharges": "numeric",
        "customerID": "id",
        "Partner": "boolean",
        "Churn": "categorical",
    },
    "titanic": {"PassengerId": "id", "Name": "text", "Ticket": "categorical", "Cabin": "categorical"},
    "heart_disease": {"ca": "numeric", "thal": "numeric", "site": "categorical"},
    "breast_cancer_wisconsin": {"id": "id", "bare_nuclei": "numeric"},
    "vehicle_insurance_fraud": {
        "PolicyNumber": "id",
        "AgeOfVehicle": "categorical",
        "WitnessPresent": "boolean",
    },
    "ames_housing": {"Order": "id", "PID": "id", "MS SubClass": "categorical", "Lot Frontage": "numeric"},
    "bike_sharing_hourly": {"instant": "id", "dteday": "datetime", "hr": "numeric"},
    "penguins_raw": {"Date Egg": "datetime", "Clutch Completion": "boolean", "Body Mass (g)": "numeric"},
    "bank_marketing": {"age": "numeric", "job": "categorical", "euribor3m": "numeric"},
    "womens_clothing_reviews": {"Title": "text", "Review Text": "text", "Clothing ID": "categorical"},
    "cdnow": {"customer_id": "categorical", "date": "datetime", "dollar_value": "numeric"},
    "movielens_100k": {"user_id": "categorical", "rating": "numeric", "timestamp": "numeric"},
    "sms_spam": {"text": "text", "label": "categorical"},
    "imdb_reviews_5k": {"id": "id", "review": "text"},
    "open_bandit_small_random": {"Unnamed: 0": "id", "timestamp": "datetime", "item_id": "categorical"},
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kinds_of_a_real_file_are_what_a_person_would_say(name: str) -> None:
    data = load(name)
    assert {n: data.schema.column(n).kind for n in KINDS[name]} == KINDS[name]


def test_question_marks_in_adult_are_missing_and_labels_are_trimmed() -> None:
    data = load("adult")
    assert data.schema.column("workclass").missing == ("?",)
    assert data.frame["workclass"].null_count() == 1836
    assert data.schema.column("income").categories == ("<=50K", ">50K")


def test_the_dots_after_the_labels_of_adults_test_file_go() -> None:
    data = read(DATA / "adult/adult_test.csv.gz", Roles(target="income"))
    assert data.schema.column("income").categories == ("<=50K", ">50K")
    assert "MLW016" in {f.code for f in data.findings}


def test_blank_charges_of_telco_are_missing() -> None:
    assert load("telco_churn").frame["TotalCharges"].null_count() == 11


def test_a_column_without_a_name_that_counts_the_rows_is_not_used() -> None:
    data = load("open_bandit_small_random")
    assert data.schema.column("Unnamed: 0").role == "ignored"
    assert "MLW004" in {f.code for f in data.findings}


def test_flights_without_an_arrival_are_left_out_and_said() -> None:
    data = load("nycflights13")
    assert (data.provenance.rows_read, data.provenance.rows_dropped, len(data)) == (336_776, 9_430, 327_346)
    said = next(f for f in data.findings if f.code == "MLW009")
    assert said.rows[:3] == (471, 477, 615)
    assert data.schema.column("time_hour").kind == "datetime"


def test_spam_reads_without_options_but_for_the_names() -> None:
    data = read(DATA / "sms_spam.tsv")
    assert data.frame.shape == (5574, 2)
    assert [c.kind for c in data.schema.columns] == ["categorical", "text"]


def test_latin_1_and_bars_in_the_items_of_movielens_are_found() -> None:
    data = read(DATA / "movielens_100k/u.item", options=ReadOptions(header=False))
    assert data.frame.height == 1682
    assert "MLW001" in {f.code for f in data.findings}
    assert data.schema.columns[2].kind == "datetime"
