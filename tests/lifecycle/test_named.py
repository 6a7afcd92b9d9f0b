"""convert inside of a kernel: by the names of variables, and what was wrong as JSON."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from mlwright.artifact import load
from mlwright.base.errors import MlwrightError, RowProblem, RowsRefused, UnknownName
from mlwright.lifecycle.named import ANSWER, MODEL, REQUEST, Failed, Request, convert_named

pd = pytest.importorskip("pandas")
linear_model = pytest.importorskip("sklearn.linear_model")
X = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0) % 7})
Y = 2 * X["a"] - X["b"]


@pytest.fixture
def variables():
    return {
        "math": math,
        "_hidden": 1,
        "pd": pd,
        "line": linear_model.LinearRegression().fit(X, Y),
        "coefficients": np.arange(3.0),
        "of_array": linear_model.LinearRegression().fit(X.to_numpy(), Y),
        "X_test": X,
        "y_test": Y,
        "both": X.assign(y=Y),
    }


def asked(variables, tmp_path, **changes):
    request = {"model": "line", "example": "X_test", "target": "y", **changes}
    (tmp_path / REQUEST).write_bytes(msgspec.json.encode(Request(**request)))
    convert_named(variables, str(tmp_path))
    if (tmp_path / ANSWER).exists():
        raise msgspec.json.decode((tmp_path / ANSWER).read_bytes(), type=Failed).error()
    return load(tmp_path / MODEL)


@pytest.mark.parametrize("names", ["both", "X_test, y_test"])
def test_rows_with_answers_are_one_variable_or_two(variables, tmp_path, names):
    found = asked(variables, tmp_path, data_name=names, owner="me")
    assert found.evaluation.rows == 60 and not found.findings.items and "me" in found.card


def test_arrays_have_numbered_columns(variables, tmp_path):
    arrays = {**variables, "X_test": X.to_numpy(), "y_test": Y.to_numpy().reshape(-1, 1)}
    found = asked(arrays, tmp_path, model="of_array", data_name="X_test,y_test")
    assert found.evaluation.score.value < 1e-9


def test_without_answers_the_issue_is_there_and_may_be_waived(variables, tmp_path):
    assert [f.status for f in asked(variables, tmp_path, waive=("MLW901",)).findings] == ["waived"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "lyne"}, "no variable 'lyne'; did you mean 'line'?"),
        ({"example": "rows"}, "there is 'line', 'coefficients', 'of_array', 'X_test', 'y_test', 'both'"),
        ({"data_name": "X_test,y_tst"}, "did you mean 'y_test'?"),
        ({"data_name": "X_test,y_test,both"}, "takes one variable or two, not 3"),
        ({"data_name": "both,y_test"}, "has a column 'y' of its own"),
        ({"model": "X_test"}, "'X_test' is a DataFrame, no fitted model"),
        ({"model": "coefficients"}, "name a variable that is: 'line', 'of_array'"),
        ({"model": "pd"}, "'pd' is a module, no fitted model"),
    ],
)
def test_what_is_wrong_comes_out_as_it_was(variables, tmp_path, changes, said):
    with pytest.raises(MlwrightError) as raised:
        asked(variables, tmp_path, **changes)
    assert said in str(raised.value)


def test_an_error_that_is_made_of_other_arguments_keeps_its_kind_and_words():
    for error in (
        RowsRefused([RowProblem(1, "a", "x", "a number", "no number")]),
        UnknownName("column", "x", []),
    ):
        told = Failed(kind=type(error).__name__, message=error.message, where="f", remedy=error.remedy)
        assert type(told.error()) is type(error) and str(told.error()).startswith("f: ")
    assert "odd" in str(Failed(kind="SystemExit", message="odd").error())
