"""Intervals of rows split by time rest on stretches of it, not on rows as if they were independent."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mlwright as mw


def walked(n: int = 3_000) -> pl.DataFrame:
    """A class whose base rate wanders with time, beside a column that says little."""
    rng = np.random.default_rng(0)
    rate = 1 / (1 + np.exp(-np.cumsum(rng.normal(0, 0.08, n))))
    x = rng.normal(size=n)
    y = rng.random(n) < np.clip(rate + 0.1 * np.sign(x), 0, 1)
    return pl.DataFrame({"x": x, "z": rng.normal(size=n), "y": np.where(y, "yes", "no")})


def test_a_split_along_time_has_wider_intervals_that_say_why():
    table = walked()
    kept = {"max_trials": 2, "metric": "log_loss", "seed": 0, "waive": ("MLW206", "MLW404")}
    random, ordered = (mw.fit(table, target="y", split=rule, **kept) for rule in ("stratified", "order"))
    by_row, by_time = (m.evaluation.score for m in (random, ordered))
    assert "by stretch of time" in by_time.method and "by" not in by_row.method
    assert by_time.high - by_time.low > 2 * (by_row.high - by_row.low)
    assert all("clustered" in c.method for m in ordered.evaluation.sets.measured for c in m.coverage)
    assert ordered.evaluation.split == "order"
    fresh = mw.evaluate(ordered, walked()).score
    assert "by stretch of time" in fresh.method and fresh.high - fresh.low > 2 * (by_row.high - by_row.low)


def test_fresh_rows_of_one_group_are_no_witnesses_of_their_own():
    rng = np.random.default_rng(1)
    people = pl.DataFrame({"who": np.arange(120), "x": rng.normal(size=120)})
    people = people.with_columns(y=(pl.col("x") + rng.normal(size=120)).round(3))
    fitted = mw.fit(people, target="y", group="who", max_trials=2, seed=0)
    alone = mw.evaluate(fitted, people).score
    tenfold = mw.evaluate(fitted, pl.concat([people] * 10))
    assert "by group" in tenfold.score.method and tenfold.rows == 1_200
    assert tenfold.score.high - tenfold.score.low == pytest.approx(alone.high - alone.low, rel=0.1)
    without = mw.evaluate(fitted, pl.concat([people] * 10).drop("who")).score
    assert without.high - without.low < 0.5 * (alone.high - alone.low)
