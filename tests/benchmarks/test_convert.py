"""The judge of converted pipelines sees what is different, whatever the conversion says of itself."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import mlwright as mw

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
ROWS = 80


@pytest.fixture(scope="module")
def judge():
    sys.path.insert(0, BENCHMARKS)
    try:
        import convert_judged

        yield convert_judged
    finally:
        sys.path.remove(BENCHMARKS)


@pytest.fixture(scope="module")
def rows():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 3)), columns=["a", "b", "c"])


CASE = SimpleNamespace(tolerance=1e-9)


class Shifted:
    """A fitted model that answers a little otherwise from the 60th row on."""

    def __init__(self, model, by):
        self.model, self.by = model, by
        self.classes_ = getattr(model, "classes_", None)

    def predict(self, rows):
        return self.model.predict(rows) + self.by * (np.arange(len(rows)) >= 60)


def test_numbers_that_differ_in_the_eighth_digit_are_counted(judge, rows):
    line = LinearRegression().fit(rows, 100 + rows.sum(axis=1))
    model = mw.convert(line, example=rows, target="y")
    assert judge.compared(CASE, line, model, rows)["different"] == 0
    found = judge.compared(CASE, Shifted(line, 1e-5), model, rows)
    assert found["different"] == ROWS - 60 and 1e-8 < found["largest"] < 1e-6


def test_labels_are_the_same_however_their_type_is_written(judge, rows):
    labels = np.where(rows["a"] > 0, 2, 1)
    curve = LogisticRegression().fit(rows, labels)
    model = mw.convert(curve, example=rows, target="y")
    found = judge.compared(CASE, curve, model, rows)
    assert found["different"] == 0 and found["rows"] == ROWS and found["refused rows"] == 0
    other = LogisticRegression().fit(rows, np.where(rows["b"] > 0, 2, 1))
    assert judge.compared(CASE, other, model, rows)["different"] > ROWS / 4


def test_rows_that_only_the_original_takes_are_counted(judge, rows):
    line = LinearRegression().fit(rows, rows.sum(axis=1))
    model = mw.convert(line, example=rows, target="y")
    gaps = rows.copy()
    gaps.loc[:4, "a"] = np.nan
    assert judge.compared(CASE, line, model, gaps) | {"refused rows": 5, "refused by it alone": 0} == (
        judge.compared(CASE, line, model, gaps)
    )
    lenient = SimpleNamespace(predict=lambda frame: line.predict(frame.fillna(0.0)))
    assert judge.compared(CASE, lenient, model, gaps)["refused by it alone"] == 5
