"""On real tables: shifts that are known are found by name, and two parts of one population are left alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mlwright.checks.comparing import Sketch, compare, contaminated
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_frame
from mlwright.data.profile import profile_of
from mlwright.lifecycle.fit import like
from mlwright.sources import Roles, read, read_raw
from mlwright.statistics.intervals import wilson

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="MLWRIGHT_DATA names no folder of data sets")


def table(file: str, target: str, **roles: str) -> Dataset:
    return read(DATA / file, Roles(target=target, **roles))


def parts(whole: Dataset, *borders: float) -> tuple[Dataset, Dataset]:
    first, second, third, last = (int(b * len(whole)) for b in borders)
    return whole.rows(np.arange(first, second)), whole.rows(np.arange(third, last))


def found(reference: Dataset | Sketch, fresh: Dataset) -> set[tuple[str, str]]:
    return {(f.code, f.column) for f in compare(reference, fresh).found}


def test_a_bank_meets_another_economy_in_the_second_half_of_its_calls():
    old, new = parts(table("bank_marketing/bank-additional-full.csv.gz", "y"), 0, 0.5, 0.5, 1)
    moved = {("MLW601", "euribor3m"), ("MLW601", "nr.employed"), ("MLW602", ""), ("MLW603", "y")}
    assert moved | {("MLW604", "month")} <= found(old, new)
    by_profile = found(Sketch(profile_of(old), old.schema), new)
    assert moved - {("MLW602", "")} | {("MLW604", "month")} <= by_profile


def test_electricity_is_traded_between_states_in_the_last_third_only():
    old, new = parts(table("electricity_nsw.csv.gz", "class"), 0, 1 / 3, 2 / 3, 1)
    assert {("MLW601", "transfer"), ("MLW601", "vicprice"), ("MLW602", "")} <= found(old, new)


def test_a_growing_bicycle_hire_has_shifted_and_its_weather_has_not():
    whole = table("bike_sharing_hourly.csv", "cnt", time="dteday")
    year = whole.frame["yr"].to_numpy()
    seen = found(whole.rows(year == year.min()), whole.rows(year == year.max()))
    assert {("MLW603", "cnt"), ("MLW601", "registered"), ("MLW602", "")} <= seen
    assert not seen & {("MLW601", c) for c in ("hum", "windspeed", "hr", "weekday", "holiday", "mnth")}


def test_the_census_two_files_are_one_population():
    train = table("adult/adult_train.csv.gz", "income")
    test = like(train, DATA / "adult/adult_test.csv.gz")
    assert not found(train, test)
    assert not found(Sketch(profile_of(train), train.schema), test)
    assert not contaminated(train, test).found


def test_titanic_train_and_test_are_one_ship():
    train = table("titanic/train.csv", "Survived")
    raw = read_raw(DATA / "titanic/test.csv", None)
    decoded = decode_frame(raw.frame, train.schema, text=True, features_only=True)
    test = Dataset(decoded.frame, train.schema, Provenance("test"))
    assert not found(train, test)
    assert not contaminated(train, test).found


@pytest.mark.parametrize("seed", range(3))
def test_random_halves_of_customers_are_one_population(seed):
    whole = table("telco_churn.csv", "Churn")
    dealt = np.random.default_rng(seed).permutation(len(whole))
    one, other = whole.rows(dealt[:3500]), whole.rows(dealt[3500:])
    assert not found(one, other)
    assert not contaminated(one, other).found


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [100, 300, 1000])
def test_parts_of_one_population_raise_an_alarm_in_one_comparison_of_twenty_at_most(fresh):
    whole = table("adult/adult_train.csv.gz", "income")
    alarms = 0
    for seed in range(60):
        picked = np.random.default_rng(seed).choice(len(whole), 3000 + fresh, replace=False)
        alarms += bool(found(whole.rows(picked[:3000]), whole.rows(picked[3000:])))
    assert wilson(alarms, 60).low <= 0.05
