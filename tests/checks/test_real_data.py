"""On real tables: defects that are known are found by name, and nothing else is called an issue."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlwright.base.finding import Findings
from mlwright.checks import check
from mlwright.sources import ReadOptions, Roles, read

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
BIG = {
    "ag_news_subset", "banking77", "covertype", "creditcard_fraud_sample", "dry_bean", "letter_recognition",
    "nycflights13", "womens_clothing_reviews",
}  # fmt: skip

KNOWN: dict[str, set[tuple[str, str]]] = {
    "california_housing": {("MLW308", "median_house_value")},
    "movielens_100k": {("MLW407", "user_id"), ("MLW407", "item_id")},
    "bike_sharing_hourly": {
        ("MLW408", "dteday"),
        ("MLW701", "dteday"),
        ("MLW402", "casual"),
        ("MLW402", "registered"),
        ("MLW401", "registered"),
    },
    "nycflights13": {("MLW308", "arr_delay"), ("MLW401", "dep_delay"), ("MLW405", "")},
    "womens_clothing_reviews": {("MLW401", "Rating")},
    "breast_cancer_wisconsin": {("MLW203", "id"), ("MLW201", "")},
    "insurance": {("MLW201", "")},
    "dry_bean": {("MLW201", ""), ("MLW404", ""), ("MLW206", ""), ("MLW112", "Area")},
    "sms_spam": {("MLW201", ""), ("MLW113", "text")},
    "pima_diabetes": {
        ("MLW106", c) for c in ("glucose", "blood_pressure", "skin_thickness", "insulin", "bmi")
    },
    "heart_disease": {("MLW106", "chol"), ("MLW103", "ca"), ("MLW206", "")},
    "bank_marketing": {("MLW401", "duration"), ("MLW106", "pdays"), ("MLW404", ""), ("MLW206", "")}
    | {("MLW106", c) for c in ("job", "marital", "education", "default", "housing", "loan")},
    "titanic": {("MLW103", "Cabin")},
    "adult": {("MLW105", "education-num"), ("MLW106", "capital-gain")},
    "ames_housing": {("MLW103", "Pool QC"), ("MLW404", "PID"), ("MLW109", "Garage Yr Blt")},
    "creditcard_fraud_sample": {("MLW303", "Class")},
    "mammography": {("MLW303", "class")},
    "vehicle_insurance_fraud": {("MLW303", "FraudFound_P"), ("MLW106", "Age")},
    "penguins_raw": {("MLW205", "")},
    "wdbc": {("MLW112", "mean_radius")},
    "covertype": {("MLW303", "Cover_Type"), ("MLW102", "Soil_Type15")},
}
"""Defects that the description of the data, or a look at it, says are there."""
TRUE_ISSUES = {
    ("bike_sharing_hourly", "casual"),
    ("bike_sharing_hourly", "registered"),
    ("nycflights13", "dep_delay"),
    ("nycflights13", ""),  # arrival less scheduled arrival, departure less scheduled departure
    ("womens_clothing_reviews", "Rating"),
}
"""The first two stop `fit`; the others may be honest for all that the table tells."""


def tables() -> list[object]:
    listed = json.loads((DATA / "datasets.json").read_text()) if DATA.is_dir() else []
    usable = [e for e in listed if e["target"] and not e["file"].endswith((".npz", ".zip"))]
    return [
        pytest.param(e, id=e["name"], marks=[pytest.mark.slow] if e["name"] in BIG else []) for e in usable
    ]


def checked(entry: dict[str, object]) -> Findings:
    how = entry["read"]
    assert isinstance(how, dict)
    options = ReadOptions(
        names=tuple(how["names"]) if "names" in how else None,
        header=False if "header" in how else None,
        quote="" if how.get("quoting") == 3 else None,
    )
    return check(read(DATA / str(entry["file"]), Roles(target=str(entry["target"])), options))


CLEAN: dict[str, set[str]] = {
    "insurance": {"MLW106", "MLW108", "MLW109", "MLW110", "MLW111", "MLW112", "MLW204", "MLW206", "MLW207"},
    "california_housing": {"MLW106", "MLW109", "MLW110", "MLW201", "MLW206", "MLW207"},
    "letter_recognition": {"MLW106", "MLW109", "MLW110", "MLW201", "MLW204", "MLW206", "MLW207"},
    "telco_churn": {"MLW106", "MLW109", "MLW110", "MLW111", "MLW201", "MLW205", "MLW206", "MLW207"},
    "adult": {"MLW108", "MLW109", "MLW110", "MLW112", "MLW113", "MLW204", "MLW206", "MLW207"},
    "wdbc": {"MLW106", "MLW109", "MLW110", "MLW201", "MLW204", "MLW207"},
}
"""What must be said of none of these."""


@pytest.mark.skipif(not DATA.is_dir(), reason="MLWRIGHT_DATA names no folder of data sets")
@pytest.mark.parametrize("entry", tables())
def test_known_defects_are_found_by_name_and_no_issue_is_false(entry):
    findings = checked(entry)
    found = {(f.code, f.column) for f in findings.found}
    assert KNOWN.get(entry["name"], set()) <= found
    assert not CLEAN.get(entry["name"], set()) & {code for code, _ in found}
    issues = {(entry["name"], f.column) for f in findings.issues if f.code.startswith("MLW4")}
    assert issues <= TRUE_ISSUES
    if entry["name"] == "nycflights13":
        pairs = " ".join(f.evidence for f in findings.found if f.code == "MLW405")
        assert "'arr_time' and 'sched_arr_time'" in pairs and "'dep_time' and 'sched_dep_time'" in pairs
    assert not [f for f in findings.issues if f.code.startswith(("MLW1", "MLW2", "MLW305"))]
    assert not [f for f in findings if f.status == "skipped"]
    assert not [f for f in findings.found if f.code == "MLW307"], "hard rows are not wrong labels"
