"""Entities, dates and ids: what a random split would hide, what was given by the target, and what to say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.checks.entities import agreement
from mlwright.tasks.tabular.split import choose_split

RANDOM = np.random.default_rng(9)
N = 900


def of(code, frame, **roles):
    return [f for f in mw.check(pl.DataFrame(frame), **roles) if f.code == code]


def patients(effect, n=N, seed=3):
    random = np.random.default_rng(seed)
    who = random.integers(0, n // 5, n)
    level = random.normal(size=n // 5) * effect
    y = np.where(level[who] + random.normal(size=n) > 0, "sick", "well")
    return {"patient_id": [f"P{k:05d}" for k in who], "a": random.normal(size=n), "y": y}


def dates(trend, n=N, seed=4):
    random = np.random.default_rng(seed)
    day = random.integers(0, 700, n)
    moment = (np.datetime64("2023-01-01") + day).astype(str)
    y = np.where(trend * (day / 350 - 1) + random.normal(size=n) > 0, "up", "down")
    return {"seen_on": moment, "a": random.normal(size=n), "y": y}


def test_patients_whose_rows_agree_are_found_and_a_group_is_advised():
    [found] = of("MLW407", patients(2.0), target="y")
    assert (found.status, found.column) == ("found", "patient_id") and "group='patient_id'" in found.remedy
    [advice] = of("MLW701", patients(2.0), target="y")
    assert advice.status == "found" and advice.evidence.startswith("by group")


def test_patients_whose_rows_do_not_agree_are_not_found():
    [found] = of("MLW407", patients(0.0), target="y")
    assert found.status == "passed"
    [advice] = of("MLW701", patients(0.0), target="y")
    assert advice.status == "passed" and advice.evidence.startswith("stratified")


def test_a_named_group_needs_no_advice():
    roles = {"target": "y", "group": "patient_id"}
    assert [f.status for f in of("MLW407", patients(2.0), **roles)] == ["not_applicable"]
    [advice] = of("MLW701", patients(2.0), **roles)
    assert advice.status == "passed" and "by group: 'patient_id'" in advice.evidence


@pytest.mark.parametrize(
    ("roles", "rule"),
    [({}, "stratified"), ({"group": "patient_id"}, "group"), ({"time": "seen_on"}, "time")],
)
def test_the_advice_says_the_split_that_fit_makes(roles, rule):
    frame = pl.DataFrame(dates(0.0) | {"patient_id": patients(0.0)["patient_id"]})
    data = mw.read(frame, target="y", **roles)
    classes = (data.frame["y"] == "up").cast(pl.Float64).to_numpy()
    assert choose_split(data, classes, test=None, seed=0).rule == rule
    [advice] = [f for f in mw.check(data) if f.code == "MLW701"]
    assert advice.status == "passed" and advice.evidence.removeprefix("by ").startswith(rule)


def test_a_target_that_moves_along_a_date_asks_for_a_time():
    [found] = of("MLW408", dates(2.0), target="y")
    assert (found.status, found.column) == ("found", "seen_on") and "time='seen_on'" in found.remedy
    assert [f.status for f in of("MLW408", dates(0.0), target="y")] == ["passed"]
    assert [f.status for f in of("MLW408", dates(2.0), target="y", time="seen_on")] == ["not_applicable"]
    [advice] = of("MLW701", dates(2.0), target="y")
    assert advice.status == "found" and advice.evidence.startswith("by time")


@pytest.mark.parametrize(
    ("share", "status", "severity"), [(0, "passed", "tip"), (0.05, "found", "tip"), (0.9, "found", "issue")]
)
def test_dates_later_than_the_time_of_prediction_are_counted(share, status, severity):
    frame = pl.DataFrame(dates(0.0)).with_columns(pl.col("seen_on").str.to_date())
    late = np.random.default_rng(0).random(N) < share
    days = pl.Series(np.where(late, 10, -10))
    frame = frame.with_columns(closed_on=pl.col("seen_on") + pl.duration(days=days))
    [found] = of("MLW410", frame, target="y", time="seen_on")
    assert (found.status, found.severity) == (status, severity)
    if share:
        assert found.column == "closed_on" and set(found.rows) <= set(np.flatnonzero(late).tolist())


def test_ids_given_by_the_target_are_found_and_ids_in_order_of_time_are_not():
    y = RANDOM.integers(0, 2, N)
    frame = {"case_id": [f"{'RX'[k]}{i:06d}" for i, k in enumerate(y)], "a": RANDOM.normal(size=N)}
    [found] = of("MLW406", frame | {"y": np.where(y == 1, "yes", "no")}, target="y", id="case_id")
    assert (found.status, found.column) == ("found", "case_id") and "first character" in found.evidence
    drift = np.where(np.arange(N) / N + RANDOM.normal(size=N) * 0.3 > 0.5, "yes", "no")
    frame["case_id"] = [f"C{i:06d}" for i in range(N)]
    assert [f.status for f in of("MLW406", frame | {"y": drift}, target="y", id="case_id")] == ["passed"]


def test_a_closing_date_that_is_the_outcome_is_an_issue_that_stops():
    y = RANDOM.integers(0, 2, N)
    day = RANDOM.integers(0, 300, N) + 365 * y
    frame = {"closed_on": (np.datetime64("2022-01-01") + day).astype(str), "a": RANDOM.normal(size=N)}
    [found] = of("MLW406", frame | {"y": np.where(y == 1, "yes", "no")}, target="y")
    assert (found.status, found.severity, found.column) == ("found", "issue", "closed_on")


def test_agreement_is_nought_by_chance_and_one_where_entities_are_all_alike():
    entity = np.repeat(np.arange(200), 5)
    y = RANDOM.normal(size=(1000, 1))
    assert abs(agreement(y, entity)) < 0.1
    assert agreement(np.repeat(y[:200], 5, axis=0), entity) == pytest.approx(1.0)
    assert agreement(np.repeat(y[:200], 5, axis=0) + RANDOM.normal(size=(1000, 1)), entity) == pytest.approx(
        0.5, abs=0.12
    )
