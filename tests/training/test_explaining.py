"""What a fit says of what its model relies on: on unseen rows, within its share of the time."""

import os
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from mlwright.base.canonical import canonical_json
from mlwright.base.evaluation import Evaluation
from mlwright.lifecycle import fit, load
from mlwright.packaging.blend import Blend
from mlwright.training import Budget
from mlwright.training.estimates import EXPLAINING_SHARE, MOST_EXPLAINING_S, explaining_seconds
from mlwright.training.explaining import Explaining


class Caught:
    """Fits, and keeps what was trained."""

    def __init__(self, monkeypatch):
        self.trained = None
        original = Explaining.of

        def of(explaining, trained):
            self.trained = trained
            return original(explaining, trained)

        monkeypatch.setattr(Explaining, "of", of)

    def fit(self, data, **more):
        return fit(data, **{"target": "y", "max_trials": 2, "seed": 0} | more)


@pytest.fixture
def caught(monkeypatch):
    return Caught(monkeypatch)


def people(n=400, seed=0):
    """Age matters, its double tells the same, noise and a constant do not; a city of many, and words."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, n).astype(float)
    city = rng.choice(["Rome", "Oslo", "Bern"], n, p=[0.5, 0.3, 0.2])
    logit = (age - 50) / 8 + 2.0 * (city == "Oslo")
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return {
        "age": age.tolist(),
        "months": (12 * age + rng.integers(0, 12, n)).tolist(),
        "noise": rng.normal(size=n).tolist(),
        "city": city.tolist(),
        "y": y.tolist(),
    }


def test_a_fit_says_on_unseen_rows_what_matters_and_what_does_not(caught):
    model = caught.fit(people())
    importance = model.evaluation.importance
    assert importance.unseen and importance.rows == 400 and importance.metric == "roc_auc"
    assert "fitted 8 times more without the 400 rows that judge it" in importance.how
    [group] = importance.groups
    assert set(group.columns) == {"age", "months"} and group.metric.clear
    noise = importance.of("noise")
    assert noise is None or (noise.metric.low <= 0.0 <= noise.metric.high)
    assert importance.ranked()[0] == group
    assert "What it relies on" in model.card and "age, months (together)" in model.card


def test_effects_are_of_what_ships_and_in_the_file(caught):
    model = caught.fit(people())
    effects = load(model.to_bytes()).evaluation.effects
    assert effects == model.evaluation.effects and {"city"} < {c.column for c in effects}
    city = next(c for c in effects if c.column == "city")
    assert city.of == "yes" and set(city.levels) == {"Rome", "Oslo", "Bern"}
    assert city.levels[int(np.argmax(city.answer))] == "Oslo"
    oldest = max((c for c in effects if c.column in ("age", "months")), key=lambda c: c.spread)
    assert oldest.answer[-1] > oldest.answer[0] + 0.2
    size = len(canonical_json(model.evaluation.importance)) + len(canonical_json(effects))
    assert size < 30_000


def test_equal_calls_say_equal_things(caught):
    first, second = (caught.fit(people(), max_trials=3).evaluation for _ in range(2))
    assert first.importance == second.importance and first.effects == second.effects


def test_a_holdout_judges_a_model_that_had_not_seen_it(caught):
    data = people(300)
    test = people(150, seed=1)
    model = fit(pl.DataFrame(data), target="y", test=pl.DataFrame(test), max_trials=2, seed=0)
    importance = model.evaluation.importance
    assert importance.rows == 150 and "fitted once more without the 150 rows" in importance.how


@pytest.mark.parametrize("roles", [{"group": "who"}, {"time": "when"}])
def test_rows_that_depend_on_each_other_are_told_so(caught, roles):
    data = people(300)
    data["who"] = [f"p{i // 6}" for i in range(300)]
    data["when"] = [f"2024-{1 + i // 28 % 12:02d}-{1 + i % 28:02d}" for i in range(300)]
    importance = caught.fit(data, **roles).evaluation.importance
    problem = caught.trained.run.problem
    assert importance.unseen and importance.columns and problem.dependent(np.arange(5))


def test_without_time_for_another_fit_the_shipped_model_is_asked_and_that_is_said(caught):
    caught.fit(people())
    now = [0.0]
    budget = Budget(100.0, clock=lambda: now[0])
    for trial in caught.trained.run.found.finished:
        trial.fold_seconds = [1e6]
    said = Explaining(budget).of(caught.trained).evaluation.importance
    assert not said.unseen and said.columns
    assert said.how == "the shipped model, on 400 rows that it was fitted on"


def test_a_learner_that_fails_the_second_time_costs_the_better_way_alone(caught, monkeypatch):
    caught.fit(people())

    def broken(*_):
        raise RuntimeError("no")

    names = {t.config.family for t in caught.trained.run.found.finished}
    failing = type("Failing", (), {"fit": broken})()
    monkeypatch.setattr("mlwright.training.explaining.families", lambda: dict.fromkeys(names, failing))
    said = Explaining(Budget(None)).of(caught.trained).evaluation.importance
    assert not said.unseen and said.columns and not said.skipped


def test_an_interrupted_fit_and_one_without_time_say_that_they_did_not_measure(caught):
    caught.fit(people())
    spent = Explaining(Budget(10.0), spent_s=10.0).of(caught.trained).evaluation
    assert spent.importance.skipped == "no time was left for it" and spent.effects == ()
    caught.trained.run.found.interrupted = True
    stopped = Explaining(Budget(None)).of(caught.trained).evaluation
    assert stopped.importance.skipped == "the fit was interrupted" and stopped.effects == ()


def test_ctrl_c_while_explaining_ends_the_explaining_alone(caught, monkeypatch):
    caught.fit(people())

    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlwright.training.explaining.importance_of", pressed)
    said = Explaining(Budget(None)).of(caught.trained).evaluation.importance
    assert said.skipped == "the fit was interrupted" and caught.trained.run.found.interrupted


def test_what_was_said_of_the_same_members_is_not_measured_again(caught, monkeypatch):
    caught.fit(people())
    explaining = Explaining(Budget(None))
    first = explaining.of(caught.trained)
    monkeypatch.setattr("mlwright.training.explaining.importance_of", None)
    assert explaining.of(caught.trained).evaluation == first.evaluation


def test_a_model_that_uses_no_column_says_so(caught, monkeypatch):
    caught.fit(people())
    names = ("age", "months", "noise", "city")
    monkeypatch.setattr(Blend, "unused", property(lambda blend: names))
    said = Explaining(Budget(None)).of(caught.trained).evaluation
    assert said.importance.skipped == "the model uses no column" and said.importance.unused == names
    assert said.effects == ()


def test_numbers_behind_a_link_and_rates_have_a_margin_and_plain_numbers_none(caught):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    data = {"x": x.tolist(), "y": np.exp(x + 0.1 * rng.normal(size=200) + 5).tolist()}
    plain = caught.fit(data).evaluation.effects[0]
    logged = caught.fit(data, metric="rmsle").evaluation.effects[0]
    assert plain.margin == () and len(logged.margin) == len(logged.answer) and logged.answer[-1] > 500
    watched = data | {"years": [1.0, 2.0] * 100}
    rated = caught.fit(watched, exposure="years").evaluation
    assert rated.importance.of("years") is None and rated.effects[0].margin


def test_free_text_can_matter_and_has_no_curve(caught):
    rng = np.random.default_rng(1)
    happy = rng.random(200) < 0.5
    words = rng.choice(["the", "a", "room", "staff", "night", "door", "street"], (200, 12))
    texts = [
        " ".join([*w, "lovely" if h else "awful"]) + f" {i}"
        for i, (w, h) in enumerate(zip(words, happy, strict=True))
    ]
    data = {"review": texts, "n": rng.normal(size=200).tolist(), "y": np.where(happy, "good", "bad").tolist()}
    evaluation = caught.fit(data, max_trials=3, kinds={"review": "text"}).evaluation
    assert evaluation.importance.of("review").metric.clear
    assert "review" not in {c.column for c in evaluation.effects}


def test_the_share_of_a_limit_is_bounded_and_kept_back():
    assert explaining_seconds(Budget(None)) == 0.0
    assert explaining_seconds(Budget(60.0)) == pytest.approx(EXPLAINING_SHARE * 60)
    assert explaining_seconds(Budget(1e6)) == MOST_EXPLAINING_S


def test_a_file_without_these_values_still_opens(caught):
    model = caught.fit(people())
    written = msgspec.json.decode(canonical_json(model.evaluation))
    for name in ("importance", "effects"):
        written.pop(name)
    old = msgspec.convert(written, Evaluation)
    assert old.importance is None and old.effects == ()


DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.skipif(not (DATA / "insurance.csv").exists(), reason="no insurance.csv in MLWRIGHT_DATA")
def test_of_medical_costs_smoking_matters_most_and_sex_does_not():
    evaluation = fit(DATA / "insurance.csv", target="charges", max_trials=2, seed=0).evaluation
    importance = evaluation.importance
    assert importance.columns[0].columns == ("smoker",) and importance.of("smoker").metric.low > 1_000
    sex = importance.of("sex")
    assert sex is None or sex.loss.low <= 0.0 or sex.loss.value < 0.01 * importance.of("smoker").loss.value
    smoker = next(c for c in evaluation.effects if c.column == "smoker")
    assert smoker.spread > 10_000
