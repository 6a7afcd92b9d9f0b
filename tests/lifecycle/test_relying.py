"""Importance on fresh rows: `evaluate(importance=True)`, through the graph alone."""

import json

import numpy as np
import polars as pl
import pytest

from mlwright.cli import main
from mlwright.lifecycle import evaluate, fit


def rows(n, seed):
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    kind = rng.choice(["a", "b", "c"], n)
    logit = 2 * x + 2.0 * (kind == "b") - 0.5
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return pl.DataFrame({"x": x, "noise": noise, "kind": kind, "y": y})


@pytest.fixture(scope="module")
def model():
    return fit(rows(500, 0), target="y", max_trials=2, seed=0)


def test_it_is_measured_on_fresh_rows_where_it_is_asked_for(model):
    fresh = rows(600, 1)
    assert evaluate(model, fresh).importance is None
    found = evaluate(model, fresh, importance=True)
    importance = found.importance
    assert importance.unseen and importance.rows == 600 and "600 rows" in importance.how
    assert importance.columns[0].columns == ("x",) and importance.of("x").metric.clear
    noise = importance.of("noise")
    assert noise is None or noise.metric.low <= 0.0 <= noise.metric.high
    assert {c.column for c in found.effects} >= {"x", "kind"}
    assert importance.metric_value == pytest.approx(found.score.value, abs=1e-9)


def test_the_graph_says_what_the_fit_said_of_the_same_column(model):
    """One is of a model fitted without the rows, one of what ships: intervals overlap."""
    own = model.evaluation.importance.of("x").metric
    fresh = evaluate(model, rows(600, 1), importance=True).importance.of("x").metric
    assert own.low < fresh.high and fresh.low < own.high


def test_the_curves_of_graph_and_training_path_agree(model):
    def curve(found):
        return next(c for c in found.effects if c.column == "x")

    own, fresh = curve(model.evaluation), curve(evaluate(model, rows(500, 0), importance=True))
    assert own.at == fresh.at and own.answer == pytest.approx(fresh.answer, abs=1e-4)
    assert own.margin == pytest.approx(fresh.margin, abs=1e-4)


def test_the_very_rows_it_was_trained_on_are_told_to_be_seen(tmp_path):
    path = tmp_path / "t.csv"
    rows(300, 0).write_csv(path)
    seen = fit(path, target="y", max_trials=2, seed=0)
    assert not evaluate(seen, path, importance=True).importance.unseen


def test_equal_calls_say_equal_things(model):
    fresh = rows(200, 3)
    first, second = (evaluate(model, fresh, importance=True) for _ in range(2))
    assert first.importance == second.importance and first.effects == second.effects


def test_few_rows_are_scored_and_importance_says_that_they_are_too_few(model):
    found = evaluate(model, rows(12, 5), importance=True)
    assert found.rows == 12 and found.importance.skipped == "12 rows are too few" and found.effects == ()


def test_weights_of_the_table_count(model):
    weighted = fit(rows(300, 0).with_columns(w=pl.lit(1.0)), target="y", weight="w", max_trials=2, seed=0)
    half = (
        rows(400, 1).with_row_index().with_columns(w=(pl.col("index") < 200).cast(pl.Float64)).drop("index")
    )
    assert evaluate(weighted, half, importance=True).importance.rows == 200


def test_a_regression_is_measured_by_its_metric_and_squared_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 3 * x[:, 0] + rng.normal(size=300)})
    model = fit(table, target="y", metric="mae", max_trials=2, seed=0)
    found = evaluate(model, table, importance=True).importance
    assert (found.metric, found.loss) == ("mae", "squared_error") and found.of("a").metric.clear


def test_the_command_shows_it_and_writes_it_as_json(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    model.save(tmp_path / "m.mlw")
    rows(300, 1).write_csv(tmp_path / "fresh.csv")
    call = ["evaluate", str(tmp_path / "m.mlw"), str(tmp_path / "fresh.csv")]
    assert main([*call, "--importance"]) == 0
    drawn = capsys.readouterr().out
    assert "Relies on" in drawn and "roc_auc falls by" in drawn and "yes more likely" in drawn
    assert main([*call, "--importance", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["evaluation"]
    assert told["importance"]["columns"][0]["columns"] == ["x"] and told["effects"][0]["at"]
    assert main(call) == 0
    assert "Relies on" not in capsys.readouterr().out


def test_show_draws_what_the_file_says(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    model.save(tmp_path / "m.mlw")
    assert main(["show", str(tmp_path / "m.mlw")]) == 0
    drawn = capsys.readouterr().out.partition("Relies on")[2].partition("Tried")[0]
    assert "x" in drawn and "rows that judge it" in drawn and "fitted" in drawn
