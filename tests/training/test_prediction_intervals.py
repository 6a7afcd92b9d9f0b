"""Intervals that a fit learns: around the blend, as wide as rows ask for, honest about what they rest on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import mlwright as mw
from mlwright.base.errors import ParityFailed
from mlwright.packaging.tails import Tails
from mlwright.training import prediction_intervals
from mlwright.training.budget import Budget

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
WAIVED = ("MLW206", "MLW401", "MLW404")


def noisy(n: int, seed: int = 0) -> pl.DataFrame:
    """Numbers whose noise grows with `size`, by city; `week` tells groups."""
    rng = np.random.default_rng(seed)
    size, city = rng.uniform(1, 10, n), rng.integers(0, 3, n)
    price = 20 * size + 30 * city + size * rng.normal(size=n)
    cities = [["Oslo", "Rome", "Lima"][c] for c in city]
    return pl.DataFrame(
        {
            "size": size,
            "city": cities,
            "empty": [None] * n,
            "week": rng.integers(0, n // 8, n),
            "price": price,
        },
        schema_overrides={"empty": pl.Float64},
    )


def fitted(table: pl.DataFrame, **settings) -> mw.Model:
    return mw.fit(table, target="price", max_trials=2, waive=WAIVED, **settings)


@pytest.fixture(scope="module")
def model() -> mw.Model:
    return fitted(noisy(900))


def test_rows_of_more_noise_have_wider_intervals_and_each_kind_is_held_as_often_as_asked(model):
    assert model.evaluation.intervals.learned
    fresh = noisy(4_000, 1)
    ends, truth = model.predict_interval(fresh.drop("price"), 0.1), fresh["price"].to_numpy()
    held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    large = fresh["size"].to_numpy() > 5.5
    widths = ends[:, 1] - ends[:, 0]
    assert widths[large].mean() > 1.8 * widths[~large].mean()
    out = int(np.floor(901 * 0.1))
    low, high = stats.betabinom.ppf([0.0005, 0.9995], 4_000, 901 - out, out) / 4_000
    assert low - 0.01 <= held.mean() <= high + 0.02
    assert abs(held[large].mean() - held[~large].mean()) < 0.06


def test_the_prediction_lies_within_also_at_the_edges_of_what_a_row_may_hold(model):
    rows = [
        {"size": size, "city": city, "empty": None, "week": week}
        for size in (None, -1e9, 0.0, 1e9)
        for city in ("Oslo", "never seen", None)
        for week in (None, 3)
    ]
    prediction, ends = model.predict(rows), model.predict_interval(rows, 0.5)
    assert np.isfinite(ends).all()
    assert (ends[:, 0] <= prediction).all() and (prediction <= ends[:, 1]).all()


def test_what_was_measured_stands_on_the_card_and_shows_what_constant_widths_would_do(model):
    sizes = {s.error: s for s in model.evaluation.intervals.measured}
    assert set(sizes) == {0.05, 0.1, 0.2}
    for error, size in sizes.items():
        assert abs(size.coverage.value - (1 - error)) < 0.02
        assert size.constant_thirds[0] > size.constant_thirds[2] + 0.05
        assert min(s.value for s in size.thirds) > min(size.constant_thirds)
    assert "## How far off it may be" in model.card and f"{sizes[0.1].coverage.value:.1%}" in model.card
    assert len(model.evaluation.intervals.reach.scores) < 230


def test_equal_fits_have_equal_intervals(model):
    again = fitted(noisy(900))
    assert again.digest == model.digest and again.evaluation.intervals == model.evaluation.intervals


def test_quantiles_that_the_graph_answers_otherwise_are_never_written(monkeypatch):
    honest = Tails.values
    monkeypatch.setattr(Tails, "values", lambda self, *a: honest(self, *a) * (1 + 1e-9))
    with pytest.raises(ParityFailed, match="quantiles"):
        fitted(noisy(400))


def test_a_hundred_rows_and_rows_without_differences_have_the_same_interval_each():
    few = fitted(noisy(100)).evaluation.intervals
    assert not few.learned and "too few" in few.why_constant and few.measured
    rng = np.random.default_rng(0)
    even = noisy(600).with_columns(price=pl.col("size") * 20 + pl.Series(rng.normal(size=600)))
    model = fitted(even)
    told = model.evaluation.intervals
    assert not told.learned and "not found to differ" in told.why_constant and told.why_constant in model.card
    assert np.ptp(np.ptp(model.predict_interval(even.head(9).drop("price")), axis=1)) < 1e-9


def test_targets_of_hardly_any_values_have_intervals_too():
    table = noisy(300).with_columns(price=pl.Series([5.0] * 297 + [6.0, 7.0, 8.0]))
    model = fitted(table, task="regression")
    ends = model.predict_interval(table.drop("price"), 0.1)
    assert (
        np.isfinite(ends).all() and (ends[:, 0] <= ends[:, 1]).all() and np.median(np.ptp(ends, axis=1)) < 1
    )


def test_without_time_every_row_has_the_same_interval_and_the_file_says_why(monkeypatch):
    monkeypatch.setattr(prediction_intervals, "_clock", lambda budget: lambda: 0.0)
    told = fitted(noisy(400)).evaluation.intervals
    assert not told.learned and told.why_constant == "no time was left to learn more"
    monkeypatch.setattr(prediction_intervals, "_clock", lambda budget: iter([9.0, *[0.0] * 99]).__next__)
    late = fitted(noisy(400)).evaluation.intervals
    assert not late.learned and late.why_constant == "no time was left to learn more"


def test_a_time_limit_bounds_what_intervals_may_take_and_no_limit_does_not():
    now = [0.0]
    budget = Budget(10.0, clock=lambda: now[0], began=0.0)
    assert prediction_intervals._clock(budget)() <= 1.0
    now[0] = 9.0
    assert prediction_intervals._clock(budget)() <= 0.5
    now[0] = 11.0
    assert prediction_intervals._clock(budget)() <= 0.0
    assert prediction_intervals._clock(Budget(None, 3))() == float("inf")


def test_amounts_and_logarithms_are_held_as_often_as_asked():
    rng = np.random.default_rng(2)
    table = noisy(900, 3).with_columns(weeks=pl.Series(rng.uniform(0.2, 4.0, 900)))
    amounts = table.with_columns(price=pl.col("price").clip(0.0) * pl.col("weeks"))
    rated = fitted(amounts, exposure="weeks")
    logged = fitted(amounts, metric="rmsle")
    assert rated.evaluation.intervals.exposure == "weeks" and logged.evaluation.intervals.link == "log1p"
    truth = amounts["price"].to_numpy()
    for model in (rated, logged):
        ends = model.predict_interval(amounts.drop("price"), 0.1)
        held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        assert (ends >= 0).all() and held.mean() > 0.87
        assert abs(model.evaluation.intervals.measured[1].coverage.value - 0.9) < 0.03


def test_a_deviance_that_ends_above_nothing_has_intervals_down_to_nothing():
    rng = np.random.default_rng(5)
    size = rng.uniform(0, 2, 800)
    table = pl.DataFrame({"size": size, "price": rng.poisson(size).astype(float)})
    model = fitted(table, metric="poisson_deviance", task="regression")
    assert model.evaluation.intervals.floor == 0.0
    ends = model.predict_interval({"size": 0.0}, 0.1)
    assert ends[0, 0] == 0.0


def test_rows_of_no_weight_have_no_say_and_groups_are_told():
    table = noisy(600).with_columns(w=pl.Series([0.0, 1.0] * 300))
    wild = table.with_columns(price=pl.when(pl.col("w") == 0).then(1e6).otherwise(pl.col("price")))
    told = fitted(wild, weight="w").evaluation.intervals
    assert told.reach.rows == pytest.approx(300, abs=1) and told.measured[1].mean < 1e3
    grouped = fitted(noisy(600), group="week").evaluation.intervals
    assert "clustered" in grouped.measured[1].coverage.method and grouped.reach.rows <= 600


def test_classes_have_none():
    table = noisy(200).with_columns(price=pl.Series(["a", "b"] * 100))
    model = fitted(table)
    assert model.evaluation.intervals is None and model.ends is None and "How far off" not in model.card


@pytest.mark.skipif(not (DATA / "insurance.csv").exists(), reason="the shared data sets are not here")
def test_on_real_rows_that_nobody_had_intervals_hold_as_often_as_they_say():
    table = pl.read_csv(DATA / "california_housing.csv")
    order = np.random.default_rng(4).permutation(len(table))
    part, rest = table[order[:1_500]], table[order[1_500:9_500]]
    model = mw.fit(part, target="median_house_value", max_trials=2, waive=WAIVED)
    assert model.evaluation.intervals.learned
    truth = rest["median_house_value"].to_numpy()
    for error in (0.05, 0.1, 0.2):
        ends = model.predict_interval(rest.drop("median_house_value"), error)
        hits = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum())
        out = int(np.floor(1_501 * error))
        low, high = stats.betabinom.ppf([0.0005, 0.9995], len(rest), 1_501 - out, out)
        assert low <= hits <= high + 0.01 * len(rest), error


def test_a_holdout_calibrates_what_the_other_rows_taught():
    table = noisy(11_000, 7)
    told = fitted(table).evaluation.intervals
    assert told.learned and told.reach.rows == 2_200 and "holdout of 2,200 rows" in told.how
    assert told.measured[1].mean < 0.95 * told.measured[1].constant


def test_a_limit_on_size_leaves_a_tenth_of_it_to_the_second_graph():
    told = fitted(noisy(400), max_size="150kB").evaluation.intervals
    assert not told.learned and "a tenth of max_size" in told.why_constant and told.measured
    assert fitted(noisy(400), max_size="20MB").evaluation.intervals.learned


def test_columns_that_say_nothing_are_borne():
    table = noisy(400).with_columns(size=pl.lit(1.0), city=pl.lit("Oslo"))
    model = fitted(table)
    assert np.isfinite(model.predict_interval(table.head(3).drop("price"))).all()


@pytest.mark.parametrize("rows", [400, 11_000])
def test_what_the_trees_cannot_learn_costs_no_model(monkeypatch, rows):
    def broken(*_, **__):
        raise ValueError("no such thing")

    monkeypatch.setattr(prediction_intervals, "fit_quantiles", broken)
    told = fitted(noisy(rows)).evaluation.intervals
    assert not told.learned and "no such thing" in told.why_constant and told.measured
