"""The looks that a fit report needs: which rows, which fits, and that they stay within their time."""

import dataclasses

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.progress import Progress
from mlwright.evaluation.fitting import Standing
from mlwright.learners import Config
from mlwright.statistics.intervals import Interval
from mlwright.tasks import Asked, kind_named
from mlwright.training.budget import Budget
from mlwright.training.choosing import Choice
from mlwright.training.diagnosing import SHARE, Looks, allowance, kept_for_looks, look_closer
from mlwright.training.fit import _given_up
from mlwright.training.found import Search
from mlwright.training.prepared import PreparedFolds
from mlwright.training.refit import Shipped
from mlwright.training.reporting import Reported
from mlwright.training.simpler import simplest
from mlwright.training.thinned import thinned
from mlwright.training.trial import Trial, run_trial
from mlwright.training.variants import calmer, wilder


def rows_of(count=400, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 3))
    y = (x[:, 0] + x[:, 1] ** 2 + random.normal(size=count) > 1).astype(int)
    return {f"x{j}": x[:, j].tolist() for j in range(3)} | {"y": [f"c{v}" for v in y]}


@pytest.fixture(scope="module")
def problem():
    return kind_named("tabular").problem(mw.read(rows_of(), target="y"), Asked(threads=2))[0]


@pytest.fixture(scope="module")
def model():
    return mw.fit(rows_of(), target="y", max_trials=3)


def test_a_thinner_part_holds_each_class_in_proportion(problem):
    train = problem.split.folds[0].train
    whole = problem.y[train].mean()
    for share in (1 / 8, 1 / 4, 1 / 2):
        part = thinned(problem, train, share, 0)
        assert len(part) == round(share * len(train)) and set(part) <= set(train)
        assert abs(problem.y[part].mean() - whole) < 1.5 / len(part)


def test_parts_of_one_share_hold_other_rows_and_equal_calls_the_same(problem):
    train = problem.split.folds[0].train
    first, second = (thinned(problem, train, 1 / 8, k) for k in (0, 1))
    assert not set(first) & set(second)
    assert np.array_equal(first, thinned(problem, train, 1 / 8, 0))


def test_a_larger_part_holds_the_smaller_one(problem):
    train = problem.split.folds[0].train
    parts = [set(thinned(problem, train, share, 0)) for share in (1 / 8, 1 / 4, 1 / 2)]
    assert parts[0] < parts[1] < parts[2]


def test_groups_stay_whole():
    table = rows_of() | {"who": [f"g{i % 40}" for i in range(400)]}
    grouped = kind_named("tabular").problem(mw.read(table, target="y", group="who"), Asked())[0]
    train = grouped.split.folds[0].train
    part = thinned(grouped, train, 1 / 4, 0)
    inside = set(grouped.groups[part])
    assert 0.15 < len(part) / len(train) < 0.35
    assert all(set(train[grouped.groups[train] == g]) <= set(part) for g in inside)


def test_less_history_is_the_most_recent():
    table = rows_of() | {"when": [f"2024-{1 + i // 40:02d}-{1 + i % 28:02d}" for i in range(400)]}
    timed = kind_named("tabular").problem(mw.read(table, target="y", time="when"), Asked())[0]
    train = timed.split.folds[-1].train
    part = thinned(timed, train, 1 / 4, 0)
    rest = np.setdiff1d(train, part)
    assert timed.split.moments[part].min() >= timed.split.moments[rest].max()


@pytest.mark.parametrize("family", ["lightgbm", "catboost", "extra-trees", "xgboost"])
def test_calmer_and_wilder_kin_stay_within_what_the_family_allows(family):
    from mlwright.learners import families
    from mlwright.learners.zone import outside, zone_of

    if family not in families():
        pytest.skip(f"{family} is not installed")
    config = Config("c", family, "tree", {})
    calm, wild = calmer(config), wilder(config)
    assert calm.settings != wild.settings and calm.name == "c-calmer"
    assert not outside(calm.settings, zone_of(families()[family]))
    assert not outside(wild.settings, zone_of(families()[family]))


def test_a_linear_model_has_no_calmer_kin_and_trees_for_a_wilder_one():
    linear = Config("linear", "linear", "linear")
    assert calmer(linear) is None and wilder(linear).family == "lightgbm"
    assert calmer(Config("b", "baseline", "")) is None
    shallow = Config("c", "lightgbm", "tree", {"max_depth": 1, "most_rounds": 5})
    assert not {"max_depth", "most_rounds"} & set(wilder(shallow).settings)


def test_settled_settings_are_used_again(problem):
    folds = PreparedFolds(problem).last(2)
    config = Config("lightgbm", "lightgbm", "tree", {"learning_rate": 0.05})
    slow = run_trial(config, "lightgbm", folds, lambda: None, settled={})
    fast = run_trial(config, "lightgbm", folds, lambda: None, settled={"learning_rate": 0.3})
    assert np.mean(fast.best_rounds) < np.mean(slow.best_rounds)


def test_the_last_folds_keep_what_was_made_of_them(problem):
    folds = PreparedFolds(problem)
    last = len(problem.split.folds) - 1
    plan, parts = folds.plan(last), folds.parts(last, "tree")
    few = folds.last(2)
    assert few.plan(1) is plan and few.parts(1, "tree") is parts
    assert len(few.problem.split.folds) == 2


def test_looks_take_nothing_where_the_limit_leaves_nothing(problem):
    folds = PreparedFolds(problem)
    config = Config("lightgbm", "lightgbm", "tree")
    trial = run_trial(config, "lightgbm", folds, lambda: None)
    found = Search(trials=[trial])
    now = [100.0]
    budget = Budget(10.0, clock=lambda: now[0])
    now[0] = 109.0
    looks = look_closer(folds, found, trial, budget, Progress(), 0.5, 1.0)
    assert not looks.seeds and looks.calm is None and "time limit left 0.0 s" in looks.why_not("wild")


def test_time_is_kept_while_candidates_are_tried_and_given_back(problem):
    budget = Budget(100.0)
    with kept_for_looks(PreparedFolds(problem), budget):
        assert budget.kept_s == pytest.approx(SHARE * 100)
    assert budget.kept_s == 0.0
    with kept_for_looks(PreparedFolds(problem), Budget(None, 3)):
        pass
    one = dataclasses.replace(
        problem, split=dataclasses.replace(problem.split, folds=problem.split.folds[:1])
    )
    assert allowance(one, budget) == 0.0


def test_a_baseline_is_not_looked_at(problem):
    trial = Trial(Config("baseline", "baseline", ""))
    looks = look_closer(PreparedFolds(problem), Search(), trial, Budget(None, 2), Progress(), 0.0, 0.0)
    assert looks.why_not("curve") == "the plain baseline is what ships"


def test_a_fit_is_reported_in_full(model):
    report = model.fit_report
    assert [d.kind for d in report.diagnoses] == [
        "overfitting", "underfitting", "not enough data", "label noise", "instability", "shift",
        "weak slices",
    ]  # fmt: skip
    assert report.curve is not None and len(report.curve.rows) == 4
    assert report.curve.twice.low <= report.curve.twice.value <= report.curve.twice.high
    assert all(d.evidence for d in report) and "What is wrong with the fit" in model.card
    assert report.of("shift").status == "not_applicable"


def test_equal_fits_have_equal_reports(model):
    again = mw.fit(rows_of(), target="y", max_trials=3)
    assert again.digest == model.digest and again.fit_report == model.fit_report


def test_a_report_is_small_and_survives_the_file(model, tmp_path):
    import msgspec

    assert len(msgspec.json.encode(model.fit_report)) < 8_000
    assert mw.load(model.save(tmp_path / "m.mlw")).fit_report == model.fit_report


def test_a_first_ctrl_c_ends_the_looks_and_what_was_found_is_packaged():
    class Interrupts(Progress):
        notes = ()

        def step(self, message, fraction, seconds_left):
            if message.startswith("looking closer"):
                raise KeyboardInterrupt

        def note(self, message):
            self.notes += (message,)

    listener = Interrupts()
    made = mw.fit(rows_of(200), target="y", max_trials=2, progress=listener)
    assert made.fit_report.of("not enough data").status == "skipped"
    assert "interrupted" in made.fit_report.of("not enough data").evidence
    assert any("interrupted" in n for n in listener.notes)


def test_a_file_without_a_report_opens_with_an_empty_one():
    from pathlib import Path

    old = mw.load(Path(__file__).parents[1] / "fixtures" / "format-1.mlw")
    assert len(old.fit_report) == 0 and repr(old.fit_report) == "fit report: nothing was asked"


def trial_of(problem, name, margins, family="lightgbm"):
    return Trial(Config(name, family, "tree"), margins=margins)


def test_the_cheapest_within_one_standard_error_is_chosen(problem):
    random = np.random.default_rng(0)
    rows = problem.split.judged
    signal = (2 * problem.y - 1)[:, None]
    good = signal + 0.8 * random.normal(size=(len(problem.y), 1))
    near = good + 0.05 * random.normal(size=good.shape)
    bad = 0.2 * signal + 2 * random.normal(size=good.shape)
    trials = [trial_of(problem, n, m) for n, m in (("bad", bad), ("near", near), ("good", good))]
    costs = np.array([0.001, 0.01, 0.05])

    def price(chosen):
        return float(costs[chosen].sum())

    weights, said = simplest(problem, trials, np.array([0.0, 0.0, 1.0]), price, rows)
    assert weights.tolist() == [0.0, 1.0, 0.0] and said.startswith("simpler: near alone")
    alone, why = simplest(problem, [trials[0], trials[2]], np.array([0.0, 1.0]), lambda c: float(c[1]), rows)
    assert alone.tolist() == [0.0, 1.0] and "nothing cheaper" in why
    assert not simplest(problem, trials, np.zeros(3), price, rows)[0].any()


def test_simpler_is_said_and_remembered():
    made = mw.fit(rows_of(300), target="y", max_trials=3, simpler=True)
    assert "simpler: " in made.card and made.manifest.recipe["simpler"] is True
    assert len(made.leaderboard.kept) == 1


@pytest.mark.parametrize("shipped", ["near", "good"])
def test_a_simpler_model_that_does_not_ship_is_not_said_to(problem, monkeypatch, shipped):
    """Where time or limits leave something else, the rule's own words would stand beside another model."""
    random = np.random.default_rng(0)
    good = (2 * problem.y - 1)[:, None] + 0.8 * random.normal(size=(len(problem.y), 1))
    trials = [trial_of(problem, n, good + j * 0.01) for j, n in enumerate(("near", "good"))]
    said = "simpler: near alone"
    monkeypatch.setattr("mlwright.training.choosing.simplest", lambda *given: (np.array([1.0, 0.0]), said))
    left = next(t for t in trials if t.config.name == shipped)
    made = Shipped(None, (), {id(left): 1.0}, ())
    told = _given_up(Choice(problem, trials, simpler=True), made, problem.split.judged)
    other = "simpler: what ships is good, which time and limits left of another choice"
    assert told == (said if shipped == "near" else other)


def test_noise_is_asked_of_enough_rows_only_and_never_among_texts(problem):
    from mlwright.training.standing import noise_of, on_one_scale

    judged = problem.split.judged
    assert noise_of(problem, np.zeros((len(judged), 1))).surest is not None
    few = dataclasses.replace(problem.split.folds[0], valid=problem.split.folds[0].valid[:20])
    small = dataclasses.replace(problem, split=dataclasses.replace(problem.split, folds=(few,)))
    assert "fewer than 50" in noise_of(small, np.zeros((20, 1))).why_not
    numbers, codes = on_one_scale(
        np.array([[1.0, np.nan], [3.0, 5.0], [5.0, 7.0]]), np.zeros((3, 0), np.int32)
    )
    assert codes.tolist() == [[1], [0], [0]] and numbers[0, 1] == 0 and numbers[1, 0] == 0


def test_an_answer_from_no_feature_has_no_slope(problem):
    from mlwright.training import train

    plain = dataclasses.replace(problem, portfolio=(Config("baseline", "baseline", "encoded"),))
    said = train(plain, Budget(None, 1), Progress()).evaluation.fit_report.of("overfitting").evidence
    assert "slope" not in said and "the plain baseline is what ships" in said


def test_a_folds_labels_are_decided_by_a_line_that_was_drawn_without_it():
    """A line for each fold, drawn on its own rows, would make folds alike that another line sets apart."""
    problem, _ = kind_named("tabular").problem(mw.read(rows_of(900), target="y"), Asked(metric="f1"))
    random = np.random.default_rng(0)
    folds = problem.split.folds
    assert len(folds) >= 3
    seen = np.where(random.random(len(problem.y)) < 0.1, 1 - problem.y, problem.y)
    margins = (6 * seen - 3)[:, None]
    for k, fold in enumerate(folds):
        margins[fold.valid] += 12 * (k % 3)
    standing = Standing(None, None, None, Interval(np.nan, np.nan, np.nan))
    looks = Looks(skipped={"all": "nothing was fitted"})
    said = Reported(problem, looks, margins[problem.split.judged], standing).report.of("instability")
    assert said.status == "found" and "f1 of" in said.evidence
