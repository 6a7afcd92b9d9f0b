"""Nothing that is fitted sees the rows that judge it: in tables where there is nothing to learn, each step
that could look there is given what it would look at, and the score stays at chance. Fitted on all rows, the
same step lifts it far above, which shows that the table would tell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.training import prepared

QUICK = {"target": "y", "max_trials": 4, "seed": 0}


def coin(n: int, seed: int) -> np.ndarray:
    """Classes by the toss of a coin, as many of each."""
    return np.random.default_rng(seed).permutation(np.arange(n) % 2)


def many_categories(n: int = 600) -> pl.DataFrame:
    """Each category is in six rows: the mean of its target tells much of each row's own."""
    rng = np.random.default_rng(1)
    shops = rng.permutation(np.arange(n) // 6)
    return pl.DataFrame({"shop": [f"s{i}" for i in shops], "size": rng.normal(size=n), "y": coin(n, 2)})


def rare_words(n: int = 600) -> pl.DataFrame:
    """Each word is in a few texts: how often it came with a class is nearly the class itself."""
    rng = np.random.default_rng(3)
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(1200)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(n)]
    return pl.DataFrame({"text": texts, "y": coin(n, 4)})


def stays(n: int = 600) -> pl.DataFrame:
    """Patients who come three times each, with one outcome a patient: one visit tells of the next."""
    rng = np.random.default_rng(5)
    patient = rng.permutation(np.arange(n) // 3)
    ill = coin(n // 3, 6)[patient]
    blood = rng.normal(size=n // 3)[patient] + 0.01 * rng.normal(size=n)
    return pl.DataFrame(
        {"patient": patient, "blood": blood, "age": rng.normal(size=n // 3)[patient], "y": ill}
    )


class _SeesAll:
    """A plan fitted on all rows, which hides nobody's own target from it."""

    def __init__(self, plan):
        self._plan = plan

    def __getattr__(self, name):
        return getattr(self._plan, name)

    def matrices(self, view, rows, others):
        return self._plan.matrix(view, rows), self._plan.matrix(view, others)


@pytest.fixture
def features_that_see_all(monkeypatch):
    honest = prepared.fit_plan
    monkeypatch.setattr(
        prepared, "fit_plan", lambda problem, index: _SeesAll(honest(problem, np.arange(len(problem.y))))
    )


@pytest.mark.parametrize("table", [many_categories, rare_words])
def test_features_learn_nothing_of_the_rows_that_judge(table):
    score = mw.fit(table(), **QUICK).evaluation.score
    assert score.metric == "roc_auc" and score.low < 0.5 and score.value < 0.55


@pytest.mark.parametrize("table", [many_categories, rare_words])
@pytest.mark.usefixtures("features_that_see_all")
def test_features_that_had_seen_them_would_be_found_out(table):
    assert mw.fit(table(), **QUICK).evaluation.score.low > 0.6


@pytest.mark.slow
def test_a_patient_is_on_one_side_and_would_be_recognised_on_both():
    apart = mw.fit(stays(), group="patient", **QUICK).evaluation.score
    both = mw.fit(stays(), group="patient", split="stratified", **QUICK).evaluation.score
    assert apart.low < 0.5 and apart.value < 0.58
    assert both.low > 0.8


@pytest.mark.slow
def test_weights_rounds_and_calibration_are_chosen_without_the_rows_that_they_are_judged_by():
    """Ten candidates on a coin: what was chosen on the rows that judge it looks better there."""
    rng = np.random.default_rng(7)
    table = pl.DataFrame({f"c{j}": rng.normal(size=150) for j in range(12)} | {"y": coin(150, 8)})
    known = mw.fit(table, target="y", metric="log_loss", max_trials=11, seed=0).evaluation
    assert known.selection.whole_seen.value < known.score.value - 0.005
    assert known.score.high > np.log(2)
    assert known.selection.corrected.value > known.selection.seen.value


@pytest.mark.slow
def test_a_threshold_is_drawn_without_the_rows_that_it_is_judged_by():
    rng = np.random.default_rng(9)
    table = pl.DataFrame({f"c{j}": rng.normal(size=200) for j in range(8)} | {"y": coin(200, 10)})
    known = mw.fit(table, target="y", metric="accuracy", max_trials=6, seed=0).evaluation
    assert known.score.low < 0.5 and known.score.value < 0.56
