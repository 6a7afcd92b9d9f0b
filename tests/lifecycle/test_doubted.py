"""Evaluated on fresh rows, a model's sets, intervals and abstaining are measured as at first, and what its
file promised stands beside what came."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import polars as pl
import pytest
from interval_models import ROWS, interval_model

import mlwright as mw
from mlwright.cli.entry import main


def shop(n: int, seed: int, flipped: float = 0.0) -> pl.DataFrame:
    """Who buys, by two numbers; a share of the truth is turned about."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(size=n)
    buys = (a + 0.7 * rng.normal(size=n) > 0) ^ (rng.random(n) < flipped)
    return pl.DataFrame({"a": a, "b": b, "y": np.where(buys, "buys", "leaves")})


def homes(n: int, seed: int, noise: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    area = rng.uniform(20, 200, n)
    rent = 12 * area + noise * area * rng.normal(0, 2, n)
    return pl.DataFrame({"area": area, "rooms": 1 + area // 30, "rent": rent})


@pytest.fixture(scope="module")
def buyers():
    return mw.fit(shop(900, 0), target="y", max_trials=2, seed=0)


@pytest.fixture(scope="module")
def rents():
    return mw.fit(homes(900, 0), target="rent", max_trials=2, seed=0, waive=("MLW401",))


def kept(evaluation, of):
    return {p.kept for p in evaluation.promises if p.of == of}


def test_sets_are_measured_on_fresh_rows_by_class(buyers):
    fresh = shop(3_000, 1)
    found = mw.evaluate(buyers, fresh)
    assert found.sets.references == buyers.evaluation.sets.references and found.sets.how == found.how
    for size in found.sets.measured:
        held = [y in s for y, s in zip(fresh["y"], buyers.predict_set(fresh, size.error), strict=True)]
        sizes = [len(s) for s in buyers.predict_set(fresh, size.error)]
        assert size.mean == pytest.approx(np.mean(sizes))
        for score, label in zip(size.coverage, buyers.target.classes, strict=True):
            of = (fresh["y"] == label).to_numpy()
            assert (score.value, score.rows) == (pytest.approx(np.array(held)[of].mean()), of.sum())
    promised = [p for p in found.promises if p.of == "set"]
    assert {(p.error, p.label) for p in promised} == {
        (e, c) for e in (0.05, 0.1, 0.2) for c in ("buys", "leaves")
    }
    for p in promised:
        size = next(m for m in found.sets.measured if m.error == p.error)
        before = next(m for m in buyers.evaluation.sets.measured if m.error == p.error)
        score = size.coverage[buyers.target.classes.index(p.label)]
        assert (p.size, p.size_before) == (size.mean, before.mean)
        assert (p.wrong.low, p.wrong.high) == pytest.approx((1 - score.high, 1 - score.low))
    assert kept(found, "set") == {"kept"}


def test_abstaining_says_what_the_stated_rates_gave(buyers):
    fresh = shop(3_000, 2)
    found = mw.evaluate(buyers, fresh)
    told = [p for p in found.promises if p.of == "abstain"]
    assert {0.05, 0.1, buyers.evaluation.abstaining.least} <= {p.error for p in told}
    for p in told:
        answers = buyers.predict(fresh, abstain=p.error)
        given = np.array([a is not None for a in answers])
        wrong = (answers != fresh["y"].to_numpy())[given]
        assert (p.size, p.wrong.value, p.wrong.rows) == (
            pytest.approx(given.mean()), pytest.approx(wrong.mean()), given.sum()
        )  # fmt: skip
        assert p.wrong.method == "Clopper-Pearson" and p.wrong.low <= p.wrong.value <= p.wrong.high
        assert p.size_before == buyers.evaluation.abstaining.at(p.error).answered
    assert "not kept" not in kept(found, "abstain")
    assert found.abstaining.rows == 3_000 != buyers.evaluation.abstaining.rows


def test_where_the_world_has_changed_promises_are_not_kept(buyers, rents):
    assert kept(mw.evaluate(buyers, shop(2_000, 3, flipped=0.3)), "set") == {"not kept"}
    assert kept(mw.evaluate(buyers, shop(2_000, 3, flipped=0.3)), "abstain") == {"not kept"}
    assert kept(mw.evaluate(rents, homes(2_000, 3, noise=3.0)), "interval") == {"not kept"}


def test_few_rows_tell_nothing(buyers, rents):
    found = mw.evaluate(buyers, shop(12, 4))
    assert kept(found, "set") == kept(found, "abstain") == {"too few rows to tell"}
    assert kept(mw.evaluate(rents, homes(12, 4)), "interval") == {"too few rows to tell"}
    alone = mw.evaluate(buyers, shop(60, 4).filter(pl.col("y") == "buys"))
    none = [p for p in alone.promises if p.label == "leaves"]
    assert len(none) == 3 and {(p.wrong.rows, p.kept) for p in none} == {(0, "too few rows to tell")}
    assert mw.evaluate(buyers, shop(60, 4)[:1]).sets.measured[0].coverage[0].rows <= 1


def test_intervals_are_measured_on_fresh_rows(rents):
    fresh = homes(2_500, 5)
    found = mw.evaluate(rents, fresh)
    assert found.intervals.reach == rents.evaluation.intervals.reach
    for size in found.intervals.measured:
        ends = rents.predict_interval(fresh, size.error)
        rent = fresh["rent"].to_numpy()
        held = (ends[:, 0] <= rent) & (rent <= ends[:, 1])
        width = ends[:, 1] - ends[:, 0]
        assert (size.coverage.value, size.mean, size.median) == pytest.approx(
            (held.mean(), width.mean(), np.median(width))
        )
        assert sum(s.rows for s in size.thirds) == 2_500
        assert size.constant is None and not size.constant_thirds
    assert [p.error for p in found.promises] == [0.05, 0.1, 0.2] and kept(found, "interval") == {"kept"}
    before = {m.error: m.mean for m in rents.evaluation.intervals.measured}
    assert [p.size_before for p in found.promises] == [before[e] for e in (0.05, 0.1, 0.2)]
    assert found.sets is None and found.abstaining is None


def test_weights_and_dependent_rows_are_heeded(buyers):
    table = shop(700, 6).with_columns(
        w=pl.when(pl.col("a").abs() < 0.4).then(6.0).otherwise(1.0), g=pl.arange(0, 700) // 7
    )
    model = mw.fit(table, target="y", weight="w", group="g", max_trials=2, seed=0)
    fresh = shop(1_400, 7).with_columns(
        w=pl.when(pl.col("a").abs() < 0.4).then(6.0).otherwise(0.0), g=pl.arange(0, 1_400) // 7
    )
    found = mw.evaluate(model, fresh)
    counted = fresh.filter(pl.col("w") > 0)
    assert sum(c.rows for c in found.sets.measured[0].coverage) == len(counted)
    assert all("clustered" in p.wrong.method for p in found.promises if p.wrong.rows)
    light = mw.evaluate(model, fresh.with_columns(w=1.0))
    assert light.sets.measured[1].mean < found.sets.measured[1].mean  # rows in the middle are unsure


def test_files_that_promised_nothing_are_evaluated_all_the_same():
    bare = mw.load(interval_model(learned=False, constant=(-9.0, -4.0, 4.0, 9.0), measured=()))
    rows = [r | {"price": 3 * r["age"]} for r in ROWS] * 20
    found = mw.evaluate(bare, rows)
    assert {(p.error, p.size_before) for p in found.promises} == {(e, None) for e in (0.05, 0.1, 0.2)}
    rows.append(ROWS[0] | {"age": 1e308, "price": 1.0})
    told = mw.evaluate(bare, rows)
    assert told.intervals.measured[0].coverage.rows == told.rows == 40 and "1 row was left out" in told.how


def test_the_command_line_shows_promises_and_writes_them(buyers, rents, tmp_path, capsys):
    buyers.save(tmp_path / "buyers.mlw")
    shop(800, 8, flipped=0.3).write_csv(tmp_path / "new.csv")
    words = ["evaluate", str(tmp_path / "buyers.mlw"), str(tmp_path / "new.csv")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert (
        "what was promised, and came" in out
        and "not kept" in out
        and "set, leaves" in out
        and "answer" in out
    )
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["evaluation"]
    found = mw.evaluate(buyers, tmp_path / "new.csv")
    assert told["promises"] == json.loads(msgspec.json.encode(found.promises)) and told["sets"]["measured"]
    rents.save(tmp_path / "rents.mlw")
    homes(20, 8).write_csv(tmp_path / "few.csv")
    assert main(["evaluate", str(tmp_path / "rents.mlw"), str(tmp_path / "few.csv")]) == 0
    assert "too few rows to tell" in capsys.readouterr().out
