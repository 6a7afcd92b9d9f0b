"""fit and evaluate say what is wrong with a call, and keep labels and rows apart that only look alike."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, SchemaBroken


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


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"threads": 0}])
def test_a_seed_or_threads_below_their_range_are_refused(wrong):
    with pytest.raises(Misuse, match="seed= must be at least 0"):
        mw.fit(numbers(60, ["p", "q"]), target="y", max_trials=2, **wrong)


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
