"""What is said beside a model's score: one strong default, and what choosing flatters."""

from __future__ import annotations

import gzip
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

import mlwright as mw


@pytest.fixture(scope="module")
def model():
    text = gzip.decompress(files("mlwright").joinpath("demo/bank.csv.gz").read_bytes())
    table = pl.read_csv(text, separator=";", infer_schema_length=None).sample(900, seed=1)
    return mw.fit(table, target="y", drop=("duration",), max_trials=6, seed=0)


def test_the_choice_among_candidates_is_told_as_it_looked_and_corrected(model):
    found, board = model.evaluation.selection, model.leaderboard
    tried = [e for e in board if e.family != "baseline" and e.score]
    assert found.candidates == len(tried) and (found.best, found.runner_up) == (tried[0].name, tried[1].name)
    assert found.seen == tried[0].score
    assert found.corrected.value <= found.seen.value and found.flattery < 0.1
    assert found.corrected.method == f"{found.seen.method}, corrected for the choice"
    assert found.lead.value == pytest.approx(tried[0].score.value - tried[1].score.value)
    assert found.lead.rows_to_tell > 900


def test_the_whole_model_looks_no_worse_on_the_rows_that_chose_it(model):
    assert model.evaluation.selection.whole_seen.value >= model.evaluation.score.value


def test_a_default_booster_stands_beside_the_model_on_the_same_rows(model):
    default, score = model.evaluation.default, model.evaluation.score
    of_board = next(e for e in model.leaderboard if e.name == "lightgbm")
    assert default.score.value == pytest.approx(of_board.score.value)
    assert default.gain.value == pytest.approx(score.value - default.score.value)
    assert default.gain.rows == score.rows == 900


def test_both_are_on_the_card(model):
    assert "corrected for the choice" in model.card and "one booster as it comes" in model.card


def test_where_nothing_is_chosen_nothing_is_said(bent):
    alone = mw.fit(bent, target="y", max_trials=2, seed=0).evaluation
    assert alone.selection is None and alone.default is None


def test_numbers_have_both_too(bent):
    known = mw.fit(bent, target="y", max_trials=3, seed=0, metric="mae").evaluation
    assert known.selection.corrected.value >= known.selection.seen.value
    assert known.default.gain.value == pytest.approx(known.default.score.value - known.score.value)


def test_on_rows_of_ones_own_the_default_answers_those_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    table = pl.DataFrame({"x": x, "z": rng.normal(size=500), "y": x + 0.3 * rng.normal(size=500) > 0})
    model = mw.fit(table[:400], target="y", test=table[400:], max_trials=3, seed=0)
    found = model.evaluation.default
    assert found.score.rows == 100 and found.score.value > 0.9  # it knows x, and nothing of other rows


def test_the_line_of_the_default_is_drawn_without_the_rows_that_judge_it(monkeypatch):
    from mlwright.training.problem import Problem

    asked = []
    honest = Problem.decide

    def decide(problem, margin, rows):
        asked.append((rows, problem.split))
        return honest(problem, margin, rows)

    monkeypatch.setattr(Problem, "decide", decide)
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    table = {
        "x": x.tolist(),
        "z": rng.normal(size=400).tolist(),
        "y": (x + rng.normal(size=400) > 1).tolist(),
    }
    test = {name: values[:60] for name, values in table.items()}
    table = {name: values[60:] for name, values in table.items()}
    model = mw.fit(table, target="y", metric="f1", test=test, max_trials=3, seed=0)
    assert model.evaluation.default is not None
    assert all(len(np.intersect1d(rows, split.test)) == 0 for rows, split in asked)
