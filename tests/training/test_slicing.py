"""What a fit says of groups and slices: by the rows, weights and customers that its score is judged by."""

from __future__ import annotations

import numpy as np
import polars as pl

import mlwright as mw
from mlwright.base.canonical import canonical_json


def shop(n: int = 1_200, *, customers: int = 0, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    table = {
        "x": x,
        "kind": random.choice(["a", "b", "c"], n),
        "sex": random.choice(["f", "m", None], n, p=[0.5, 0.45, 0.05]),
        "paid": 50 + 10 * x + random.normal(0, 5, n),
        "weight": random.choice([0.0, 1.0, 2.0], n),
    }
    if customers:
        table["customer"] = random.integers(0, customers, n)
    return pl.DataFrame(table)


def test_rows_that_weigh_nothing_are_in_no_group():
    table = shop()
    model = mw.fit(table, target="paid", protected="sex", weight="weight", max_trials=2)
    groups = model.evaluation.subgroups
    counted = table.filter(pl.col("weight") > 0)["sex"].fill_null("missing").value_counts().rows()
    assert {g.said.split()[-1]: g.rows for g in groups.groups} == dict(counted)
    assert model.evaluation.slices.rows == table.filter(pl.col("weight") > 0).height


def test_rows_of_one_customer_count_together_along_the_whole_way():
    table = shop(customers=30)
    alone = mw.fit(table.drop("customer", "weight"), target="paid", protected="sex", max_trials=2)
    together = mw.fit(table.drop("weight"), target="paid", protected="sex", group="customer", max_trials=2)
    widths = []
    for model in (alone, together):
        [error] = [f for f in model.evaluation.subgroups.groups[0].figures if f.metric == "mean_error"]
        widths.append(error.apart.high - error.apart.low)
        assert error.low < error.value < error.high
    assert widths[0] != widths[1]


def test_fits_that_are_equal_tell_equal_slices_and_hold_no_rows():
    table = shop().drop("weight")
    first, second = (mw.fit(table, target="paid", protected="sex", max_trials=2, seed=3) for _ in range(2))
    assert first.digest == second.digest
    assert first.evaluation.slices == second.evaluation.slices
    assert len(canonical_json(first.evaluation.subgroups)) < 4_000


def test_few_rows_say_that_they_are_too_few():
    model = mw.fit(shop(120).drop("weight"), target="paid", protected="sex", max_trials=2)
    slices = model.evaluation.slices
    assert slices.status == "not_enough_data" and "Not enough data to tell" in model.card
    assert any(not g.enough for g in model.evaluation.subgroups.groups)
    assert {f.status for f in model.findings if f.code in ("MLW802", "MLW803")} == {"not_enough_data"}


def test_all_of_a_column_missing_and_texts_are_no_obstacle():
    table = shop(400).drop("weight").with_columns(pl.lit(None, pl.String).alias("faith"))
    model = mw.fit(table, target="paid", protected=["faith", "sex"], max_trials=2)
    assert model.evaluation.subgroups.columns == ("sex",)
    assert model.evaluation.subgroups.not_looked_at == ("faith",)
