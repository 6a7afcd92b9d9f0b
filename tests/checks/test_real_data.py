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
BIG = {"covertype", "nycflights13"}

KNOWN: dict[str, set[tuple[str, str]]] = {
    "bike_sharing_hourly": {("MLW402", "casual"), ("MLW402", "registered"), ("MLW401", "registered")},
    "nycflights13": {("MLW401", "dep_delay"), ("MLW405", "")},
    "womens_clothing_reviews": {("MLW401", "Rating")},
    "breast_cancer_wisconsin": {("MLW203", "id"), ("MLW201", "")},
    "insurance": {("MLW201", "")},
    "dry_bean": {("MLW201", ""), ("MLW404", "")},
    "sms_spam": {("MLW201", "")},
    "pima_diabetes": {
        ("MLW106", c) for c in ("glucose", "blood_pressure", "skin_thickness", "insulin", "bmi")
    },
    "heart_disease": {("MLW106", "chol"), ("MLW103", "ca")},
    "bank_marketing": {("MLW106", "pdays"), ("MLW404", "")},
    "titanic": {("MLW103", "Cabin")},
    "adult": {("MLW105", "education-num"), ("MLW106", "capital-gain")},
    "ames_housing": {("MLW103", "Pool QC"), ("MLW404", "PID")},
    "creditcard_fraud_sample": {("MLW303", "Class")},
    "mammography": {("MLW303", "class")},
    "vehicle_insurance_fraud": {("MLW303", "FraudFound_P")},
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


@pytest.mark.skipif(not DATA.is_dir(), reason="MLWRIGHT_DATA names no folder of data sets")
@pytest.mark.parametrize("entry", tables())
def test_known_defects_are_found_by_name_and_no_issue_is_false(entry):
    findings = checked(entry)
    found = {(f.code, f.column) for f in findings.found}
    assert KNOWN.get(entry["name"], set()) <= found
    issues = {(entry["name"], f.column) for f in findings.issues if f.code.startswith("MLW4")}
    assert issues <= TRUE_ISSUES
    if entry["name"] == "nycflights13":
        pairs = " ".join(f.evidence for f in findings.issues if f.code == "MLW405")
        assert "'arr_time' and 'sched_arr_time'" in pairs and "'dep_time' and 'sched_dep_time'" in pairs
    assert not [f for f in findings.issues if f.code.startswith(("MLW1", "MLW2", "MLW305"))]
    assert not [f for f in findings if f.status == "skipped"]
