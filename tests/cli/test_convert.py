"""`mlwright convert`: files that are data, pickles that are trusted, notebooks."""

from __future__ import annotations

import json
import os
import pickle
import re
import sys

import pytest

from mlwright.artifact import load

pd = pytest.importorskip("pandas")
linear_model = pytest.importorskip("sklearn.linear_model")
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = pd.DataFrame({"age": range(20, 80), "debt": [i * 37 % 11 for i in range(60)]})
LATE = [("yes", "no")[(a + d * 5) % 3 == 0] for a, d in zip(ROWS["age"], ROWS["debt"], strict=True)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A pickle of a model with a table to convert it by."""
    monkeypatch.chdir(tmp_path)
    ROWS.assign(late=LATE).to_csv("rows.csv", index=False)
    model = linear_model.LogisticRegression().fit(ROWS, LATE)
    (tmp_path / "loans.pkl").write_bytes(pickle.dumps(model))
    return tmp_path


def test_a_pickle_is_read_only_where_the_user_trusts_it(mlwright, folder):
    refused = mlwright("convert", "loans.pkl", "--example", "rows.csv", "-t", "late")
    assert refused.code == 2 and "--trust" in refused.err and not (folder / "loans.mlw").exists()
    done = mlwright("convert", "loans.pkl", "--example", "rows.csv", "-t", "late", "--trust")
    assert done.code == 0 and "can run any code on this machine" in done.err
    assert re.search(r"one row +\d+ µs of CPU; .* before", done.out)
    assert "sklearn.LogisticRegression" in done.out and "MLW901" in done.out and "--waive MLW901" in done.out
    model = load("loans.mlw")
    expected = linear_model.LogisticRegression().fit(ROWS, LATE).predict(ROWS)
    assert model.predict(ROWS).tolist() == expected.tolist()


def test_nothing_of_a_pickle_runs_without_the_flag(mlwright, folder):
    (folder / "evil.joblib").write_bytes(pickle.dumps(Evil(str(folder / "ran"))))
    command = ("convert", "evil.joblib", "--example", "rows.csv", "-t", "late")
    assert mlwright(*command).code == 2 and not (folder / "ran").exists()
    assert mlwright(*command, "--trust").code == 2 and (folder / "ran").exists()  # as the flag says


def test_with_known_answers_it_is_evaluated_and_the_issue_is_not_there(mlwright, folder):
    done = mlwright(
        "convert", "loans.pkl", "-t", "late", "--data", "rows.csv", "--trust", "--json", "--owner", "risk"
    )
    told = json.loads(done.out)
    assert told["evaluation"]["rows"] == 60 and told["findings"] == [] and told["parity"]["rows"] > 60
    assert told["converted"]["steps"] == ["sklearn.LogisticRegression"]
    assert "risk" in load("loans.mlw").card


def test_a_file_that_was_never_judged_says_so_wherever_it_is_shown(mlwright, folder):
    command = ("convert", "loans.pkl", "--example", "rows.csv", "-t", "late", "--trust", "-q")
    mlwright(*command)
    shown, page = mlwright("show", "loans.mlw").out, mlwright("show", "loans.mlw", "--html", "a.html")
    assert "issue  MLW901" in shown and "No check looked at its data" in shown
    assert page.code == 0 and "MLW901, an issue." in (folder / "a.html").read_text()
    model = load("loans.mlw")
    assert "**MLW901**" in model.card and "converted  in " in shown
    for told in (shown, (folder / "a.html").read_text(), model.card, model._repr_html_()):
        assert "candidate" not in told and "Tried" not in told and " 0 ms" not in told
    mlwright(*command, "--waive", "MLW901")
    shown = mlwright("show", "loans.mlw").out
    assert "waived  MLW901" in shown
    mlwright("show", "loans.mlw", "--html", "a.html")
    page, card = (folder / "a.html").read_text(), load("loans.mlw").card
    assert "MLW901, waived: known and borne." in page and "waived by its author: **MLW901**" in card
    assert "Its owner knows and bears that (MLW901)" in card and "Trained although" not in card + page


def test_a_native_booster_needs_no_trust(mlwright, folder):
    lightgbm = pytest.importorskip("lightgbm")
    data = lightgbm.Dataset(ROWS, [v == "yes" for v in LATE])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 3}, data, 3)
    booster.save_model("booster.txt")
    done = mlwright("convert", "booster.txt", "--example", "rows.csv", "-t", "late", "--json")
    assert done.code == 0 and json.loads(done.out)["converted"]["steps"] == ["lightgbm.Booster"]


def test_an_onnx_file_needs_no_trust_but_to_be_told_what_its_numbers_are(mlwright, folder):
    onnx = pytest.importorskip("onnx")
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [2, 1], [0.25, -0.5])
    ends = (("x", 2), ("logit", 1))
    given, answered = (
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n", k]) for n, k in ends
    )
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["logit"])]
    graph = onnx.helper.make_graph(nodes, "g", [given], [answered], [weights])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)]), "net.onnx")
    command = ("convert", "net.onnx", "--example", "rows.csv", "-t", "late")
    told = mlwright(*command)
    assert told.code == 2 and "--classes no,yes" in told.err and "--answers probabilities" in told.err
    assert mlwright(*command, "--classes", "no,yes").code == 0
    model = load("net.mlw")
    assert model.target.classes == ("no", "yes")
    assert model.predict_proba({"age": 2, "debt": 1})[0] == pytest.approx([0.5, 0.5])


def test_weights_alone_are_no_network(mlwright, folder):
    (folder / "a.pkl").write_bytes(pickle.dumps({"layer.weight": Tensor(), "layer.bias": Tensor()}))
    done = mlwright("convert", "a.pkl", "--example", "rows.csv", "-t", "late", "--trust")
    assert done.code == 2 and "weights alone" in done.err


class Tensor:
    """What a file of weights holds."""


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize(
    ("held", "code", "said"),
    [
        (
            {"model": linear_model.LinearRegression(), "columns": ["a"]},
            2,
            "joblib.dump(bundle['model'], ...)",
        ),
        (["a"], 2, "holds list, which cannot predict"),
        (linear_model.LinearRegression, 2, "holds the class LinearRegression, which cannot predict"),
    ],
)
def test_what_cannot_predict_is_told_with_what_in_it_can(mlwright, folder, held, code, said):
    (folder / "a.pkl").write_bytes(pickle.dumps(held))
    done = mlwright("convert", "a.pkl", "--example", "rows.csv", "-t", "late", "--trust")
    assert done.code == code and said in done.err


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"\x80\x04cnowhere_to_be_found\nModel\n.", 3, "PYTHONPATH=FOLDER"),
        (b"\x80\x04cskopt\nModel\n.", 3, "pip install scikit-optimize"),
        (b"\x80\x04csklearn.not_there\nModel\n.", 3, "sklearn.not_there, which the scikit-learn that is"),
        (b"\x80\x04csklearn.linear_model\nNoSuchModel\n.", 3, "pip install scikit-learn, in the version"),
        (b"\x80\x04c__main__\nNoSuchModel\n.", 2, "convert the notebook"),
        (b"\x80\x04\x95\x10", 3, "cannot be read"),
    ],
)
def test_a_pickle_that_cannot_be_read_says_why(mlwright, folder, data, code, said):
    (folder / "a.pkl").write_bytes(data)
    done = mlwright("convert", "a.pkl", "--example", "rows.csv", "-t", "late", "--trust")
    assert done.code == code and said in done.err and "fault in mlwright" not in done.err


@pytest.mark.parametrize(
    ("strings", "code", "said"),
    [
        (("loans.pkl", "--example", "rows.csv"), 2, "--target NAME"),
        (("loans.pkl", "-t", "late", "--trust"), 2, "--example rows.csv"),
        (("loans.pkl", "--example", "rows.csv", "-t", "lat", "--trust"), 2, "did you mean 'late'"),
        (("loans.pkl", "--example", "row.csv", "-t", "late", "--trust"), 3, "rows.csv"),
        (("loan.pkl", "--example", "rows.csv", "-t", "late"), 3, "loans.pkl"),
        (("rows.csv", "--example", "rows.csv", "-t", "late", "--trust"), 3, "no model file"),
        ((".", "--example", "rows.csv", "-t", "late"), 3, "it is a folder"),
        (("loans.pkl", "--example", "rows.csv", "-t", "late", "--trust", "--waive", "MLW1"), 2, "MLW901"),
        (("loans.pkl", "--example", "rows.csv", "-t", "late", "--trust", "--data", "x.csv"), 3, "x.csv"),
        (("loans.pkl", "--example", "rows.csv", "-t", "late", "--trust", "-o", "a.pkl"), 2, "ends in .mlw"),
        (("loans.pkl", "--example", "rows.csv", "-t", "late", "--model", "m"), 2, "for notebooks"),
        (("a.ipynb", "--example", "rows", "-t", "late"), 2, "--trust"),
        (("a.ipynb", "-t", "late", "--trust"), 2, "--example X_test"),
        (("a.ipynb", "--example", "rows", "-t", "late", "--trust", "--drop", "x"), 2, "leave --kind"),
        (
            ("a.ipynb", "--example", "X", "-t", "y", "--trust", "--data", "rows.csv", "--data-name", "X"),
            2,
            "leave one of them out",
        ),
    ],
)
def test_wrong_calls_are_told_before_anything_is_written(mlwright, folder, strings, code, said):
    done = mlwright("convert", *strings)
    assert done.code == code and said in done.err, done.err
    assert not list(folder.glob("*.mlw"))


def test_another_version_of_the_library_is_told(mlwright, folder):
    model = linear_model.LogisticRegression().fit(ROWS, LATE)
    data = pickle.dumps(model).replace(b"_sklearn_version\x94\x8c", b"_sklearn_version\x94\x8c")
    version = __import__("sklearn").__version__.encode()
    (folder / "a.pkl").write_bytes(data.replace(version, version[:-1] + b"z"))
    done = mlwright("convert", "a.pkl", "--example", "rows.csv", "-t", "late", "--trust")
    assert done.code == 0 and "warning: Trying to unpickle" in done.err


CELLS = (
    "import pandas as pd\nrows = pd.read_csv('rows.csv')",
    "# the model\nfrom sklearn.linear_model import LogisticRegression\n"
    "pipe = LogisticRegression().fit(rows[['age', 'debt']], rows['late'])\n"
    "X_test, y_test = rows[['age', 'debt']], rows['late']",
)


@pytest.fixture
def notebook(folder, monkeypatch):
    """A function that writes a notebook of some cells; kernels leave nothing at home."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder / name))
    monkeypatch.setenv("JUPYTER_PATH", f"{sys.prefix}/share/jupyter")

    def write(*cells, kernel="python3"):
        made = {
            "cells": [{"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Loans"}]
            + [
                {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": c, "outputs": [],
                 "execution_count": None}
                for i, c in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }  # fmt: skip
        (folder / "loans.ipynb").write_text(json.dumps(made))
        return "loans.ipynb"

    return write


def test_a_cell_that_fails_is_told_with_its_number_its_line_and_its_error(mlwright, notebook, folder):
    name = notebook("x = 1", "# sums\ny = 2\nz = nope + y", "open('later', 'w')")
    done = mlwright("convert", name, "--example", "X", "-t", "late", "--trust")
    assert done.code == 3 and "code cell 2 of 3" in done.err
    assert "begins 'y = 2' fails in its line 3: NameError: name 'nope' is not defined" in done.err
    assert not (folder / "later").exists()


@pytest.mark.slow
def test_a_notebook_is_run_in_its_folder_and_its_model_converted_there(mlwright, notebook, folder):
    before = (folder / notebook(*CELLS)).read_bytes()
    command = ("convert", "loans.ipynb", "--model", "pipe", "--example", "X_test", "-t", "late", "--trust")
    done = mlwright(*command, "--data-name", "X_test,y_test", "--json")
    assert done.code == 0, done.err
    assert (
        json.loads(done.out)["evaluation"]["rows"] == 60 and (folder / "loans.ipynb").read_bytes() == before
    )
    assert len(load("loans.mlw").predict(ROWS)) == 60
    near = mlwright(
        "convert", "loans.ipynb", "--example", "X_test", "-t", "late", "--trust", "--model", "pip"
    )
    assert near.code == 2 and "no variable 'pip'; did you mean 'pipe'?" in near.err


@pytest.mark.slow
def test_a_kernel_that_is_absent_slow_or_dies_is_told(mlwright, notebook):
    asked = ("--example", "X", "-t", "late", "--trust")
    absent = mlwright("convert", notebook("x = 1", kernel="elsewhere"), *asked)
    assert absent.code == 3 and "'elsewhere' is not installed; there is 'python3'" in absent.err
    slow = mlwright("convert", notebook("import time", "time.sleep(600)"), *asked, "--cell-timeout", "2s")
    assert slow.code == 3 and "code cell 2 of 2" in slow.err and "--cell-timeout" in slow.err
    dead = mlwright("convert", notebook("import os\nos._exit(3)"), *asked)
    assert dead.code == 3 and "the kernel died" in dead.err


@pytest.mark.slow
def test_names_that_a_notebook_gives_away_and_marks_before_its_text_are_borne(mlwright, notebook, folder):
    cells = (*CELLS, "globals = print = open = None", "later = pipe.coef_")
    written = (folder / notebook(*cells)).read_bytes()
    (folder / "loans.ipynb").write_bytes(b"\xef\xbb\xbf" + written)
    command = ("convert", "loans.ipynb", "--example", "X_test", "-t", "late", "--trust", "--model")
    # a timeout shorter than a second, and than the conversion, is for cells alone
    done = mlwright(*command, "pipe", "--cell-timeout", "59500ms", "-o", "my loans.mlw")
    assert done.code == 0 and "mlwright show 'my loans.mlw'" in done.out, done.err
    late = mlwright(*command, "later")
    assert late.code == 2 and "'later' is a ndarray, no fitted model" in late.err
    assert "name a variable that is: 'pipe'" in late.err


@pytest.mark.slow
def test_what_a_cell_cannot_do_here_is_told_without_noise(mlwright, notebook):
    asked = ("--example", "X", "-t", "late", "--trust")
    done = mlwright("convert", notebook("name = input('who? ')"), *asked)
    assert done.code == 3 and "nobody is here to be asked" in done.err
    done = mlwright("convert", notebook("x = 1", "for x in\n  y"), *asked)
    assert done.code == 3 and "its line 1: SyntaxError: invalid syntax\n" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no notebook"),
        ('{"cells": [{"cell_ty', "no JSON, as notebooks are: Unterminated string starting at: line 1"),
        ('{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"language_info": {"name": "R"}}}',
         "a notebook in R"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_told(mlwright, notebook, folder, text, said):
    (folder / "odd.ipynb").write_text(text)
    done = mlwright("convert", "odd.ipynb", "--example", "X", "-t", "late", "--trust")
    assert done.code in (2, 3) and said in done.err and "fault in mlwright" not in done.err, done.err
