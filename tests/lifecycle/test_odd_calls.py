"""fit and evaluate say what is wrong with a call, and keep labels and rows apart that only look alike."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import DataProblem, Misuse, SchemaBroken, TargetUnusable, UnknownName


def numbers(n, labels, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "y": (labels * n)[:n]})


def test_test_rows_that_were_read_as_other_kinds_are_refused_by_column():
    train = numbers(60, ["p", "q"])
    words = mw.read(train.with_columns(a=pl.lit("x") + (pl.int_range(60) % 3).cast(pl.String)), target="y")
    with pytest.raises(SchemaBroken, match="column 'a' is categorical in the test data, numeric"):
        mw.fit(train, target="y", test=words, max_trials=2)
    with pytest.raises(SchemaBroken, match="column 'a' is absent"):
        mw.fit(train, target="y", test=mw.read(train.drop("a"), target="y"), max_trials=2)


def test_test_rows_without_a_target_are_left_out():
    test = mw.read(numbers(40, ["p", "q", None, "q"], seed=1))
    assert mw.fit(numbers(60, ["p", "q"]), target="y", test=test, max_trials=2).evaluation.rows == 30


def test_a_metric_that_is_undefined_on_the_test_rows_is_said_and_the_file_is_made():
    model = mw.fit(numbers(60, ["p", "q"]), target="y", test=numbers(20, ["p"]), max_trials=2)
    assert "roc_auc is undefined" in model.evaluation.how
    assert "roc_auc" not in {s.metric for s in model.evaluation.scores}
    assert mw.load(model.to_bytes()).digest == model.digest


def test_late_rows_of_one_class_do_not_stop_a_split_by_time():
    frame = numbers(60, ["p", "q"]).with_columns(t=pl.int_range(60), y=pl.Series(["p", "q"] * 6 + ["q"] * 48))
    model = mw.fit(frame, target="y", time="t", max_trials=3)
    assert "roc_auc is undefined" in model.evaluation.how


def test_roles_named_for_a_dataset_that_is_already_read_are_refused():
    with pytest.raises(Misuse, match="target= has no effect"):
        mw.fit(mw.read(numbers(60, ["p", "q"])), target="y", max_trials=2)


@pytest.mark.parametrize("trials", [1, 2.5, "3"])
def test_trials_are_two_at_the_least(trials):
    with pytest.raises(Misuse, match="max_trials= must be at least 2"):
        mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=trials)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"threads": 0}, {"threads": "all"}, {"seed": 0.5}])
def test_a_seed_or_threads_below_their_range_are_refused(wrong):
    with pytest.raises(Misuse, match="seed= must be at least 0"):
        mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2, **wrong)


@pytest.mark.parametrize("limit", ["soon", 0, -5])
def test_a_time_limit_that_is_none_is_refused_beside_max_trials_too(limit):
    with pytest.raises(Misuse, match="is no span of time"):
        mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2, time_limit=limit)


def test_classes_that_differ_by_case_alone_are_judged_apart():
    frame = numbers(90, ["a", "A", "b"])
    model = mw.fit(frame, target="y", max_trials=2)
    judged = mw.evaluate(model, frame)
    assert [sum(row) for row in judged.confusion] == [30, 30, 30]


def test_classes_of_broken_numbers_are_spelled_and_judged_as_categories():
    frame = numbers(90, [0.5, 2.0])
    model = mw.fit(frame, target="y", max_trials=2)
    assert model.target.classes == ("0.5", "2")
    assert mw.evaluate(model, frame).rows == 90
    assert set(model.predict(frame)) <= {"0.5", "2"}


def test_a_split_that_cannot_be_made_names_the_column_and_the_table():
    frame = numbers(60, ["p", "q"]).with_columns(g=pl.lit("one"), t=pl.lit(1.0))
    with pytest.raises(DataProblem, match="holds one group") as told:
        mw.fit(frame, target="y", group="g", max_trials=2)
    assert told.value.where == "a Polars frame, column 'g'"
    with pytest.raises(DataProblem, match="too few moments") as told:
        mw.fit(frame, target="y", time="t", max_trials=2)
    assert told.value.where == "a Polars frame, column 't'"


@pytest.mark.parametrize("role", ["time", "weight"])
def test_a_role_of_numbers_says_which_kind_would_do_and_where(role):
    frame = numbers(60, ["p", "q"]).with_columns(w=pl.lit("heavy"))
    with pytest.raises(Misuse, match=f"the {role} column 'w' is categorical") as told:
        mw.read(frame, target="y", **{role: "w"})
    kind = {"time": "datetime", "weight": "numeric"}[role]
    assert told.value.where == "a Polars frame" and f"kinds={{'w': '{kind}'}}" in told.value.remedy


def test_a_task_of_numbers_for_a_target_of_words_is_refused_before_checks_fail_at_it():
    for call in (mw.check, lambda *a, **k: mw.fit(*a, max_trials=2, **k)):
        with pytest.raises(TargetUnusable, match="'y' is categorical, not a number") as told:
            call(numbers(60, ["p", "q"]), target="y", task="regression")
        assert told.value.where == "a Polars frame"


def test_roles_that_come_too_late_for_check_are_refused_too():
    with pytest.raises(Misuse, match="target= has no effect"):
        mw.check(mw.read(numbers(60, ["p", "q"]), target="y"), target="a")


def test_a_column_to_drop_that_is_not_there_names_the_table():
    with pytest.raises(UnknownName, match="no column to drop 'bb'") as told:
        mw.read(numbers(60, ["p", "q"]), target="y", drop=["bb"])
    assert told.value.where == "a Polars frame"


def test_rows_that_are_left_out_of_an_evaluation_are_told_by_reason(tmp_path):
    model = mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2)
    lines = ["a,b,y", "1,2,p", "1,2,q", "3,1,p", "1,2,", "1,2,emperor", "old,2,p", "old,2,emperor"]
    fresh = tmp_path / "fresh.csv"
    fresh.write_text("\n".join(lines) + "\n")
    assert mw.evaluate(model, fresh).how == (
        "on 3 rows of fresh.csv; 4 rows were left out: 1 without 'y', "
        "2 whose 'y' the model does not know ('emperor'), 1 not fitting the schema ('a' not a number)"
    )
    fresh.write_text("\n".join([*lines[:1], *lines[4:]]) + "\n")
    with pytest.raises(DataProblem, match="fits the schema: 1 without 'y', 2 whose"):
        mw.evaluate(model, fresh)


def test_a_file_of_other_columns_is_named(tmp_path):
    model = mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2)
    (tmp_path / "other.csv").write_text("c,y\n1,p\n2,q\n")
    for call in (mw.predict, mw.explain, mw.evaluate):
        with pytest.raises(SchemaBroken, match="2 columns missing: 'a', 'b'") as told:
            call(model, tmp_path / "other.csv")
        assert told.value.where == "other.csv"


def refuses(truth, answer):
    return 1 / 0


def test_a_metric_without_a_value_says_why_where_a_model_is_judged():
    model = mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2)
    one = mw.evaluate(model, numbers(40, ["p"]), metric="roc_auc")
    assert (
        np.isnan(one.score.value) and "roc_auc is undefined on these rows, as of rows of one class" in one.how
    )
    own = mw.evaluate(model, numbers(40, ["p", "q"]), metric=mw.metric(refuses, better="more"))
    assert np.isnan(own.score.value)
    assert (
        "refuses is undefined on these rows, where it answers ZeroDivisionError: division by zero" in own.how
    )


def test_a_protected_column_of_one_group_is_not_said_to_be_unnamed():
    frame = numbers(60, ["p", "q"]).with_columns(sex=pl.lit("female"))
    model = mw.fit(frame, target="y", protected=["sex"], max_trials=2)
    assert model.evaluation.subgroups is None
    assert "No subgroup was examined: the judged rows have no two groups of sex." in model.card
    assert "protected=" not in model.card
