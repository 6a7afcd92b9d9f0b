"""What works without which library: opening and predicting need no extra; the rest says which it needs."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERYTHING_ELSE = (
    "polars",
    "scipy",
    "lightgbm",
    "catboost",
    "uvloop",
    "httptools",
    "pandas",
    "pyarrow",
    "sklearn",
    "onnx",
    "matplotlib",
)

OPEN_AND_PREDICT = """
import json
import mlwright as mw

model = mw.load("mlwright-demo/bank.mlw")
rows = list(model.samples.rows)
probability = model.predict_proba(rows[0]).tolist()
print(json.dumps([model.predict(rows).tolist(), probability, model.evaluation.metric]))
"""


def workbook():
    """The beginnings of a workbook: enough to know that it is one."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return data.getvalue()


def without(libraries, code, place):
    """Runs `code` in a Python in which `libraries` cannot be imported."""
    block = "".join(f"sys.modules[{name!r}] = None\n" for name in libraries)
    command = [sys.executable, "-c", f"import sys\n{block}{code}"]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def cli(*strings):
    return f"from mlwright.cli import main\nsys.exit(main({list(strings)!r}))"


def test_the_core_alone_opens_and_predicts_as_ever(place):
    done = without(EVERYTHING_ELSE, OPEN_AND_PREDICT, place)
    assert done.returncode == 0, done.stderr
    labels, probability, metric = json.loads(done.stdout)
    assert set(labels) <= {"no", "yes"} and abs(sum(probability[0]) - 1) < 1e-9 and metric == "roc_auc"


def test_the_core_alone_shows_a_model(place):
    done = without(EVERYTHING_ELSE, cli("show", "mlwright-demo/bank.mlw"), place)
    assert done.returncode == 0 and "roc_auc" in done.stdout


@pytest.mark.slow
def test_a_fresh_environment_without_extras_opens_and_predicts(place):
    home = place / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"packages cannot be installed here: {installed.stderr[-300:]}")
    absent = subprocess.run([python, "-c", "import polars"], capture_output=True, check=False)
    assert absent.returncode != 0, "the core brought what only training needs"
    done = subprocess.run(
        [python, "-c", OPEN_AND_PREDICT], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("library", "extra", "strings"),
    [
        ("polars", "train", ["check", "mlwright-demo/bank.csv"]),
        ("scipy", "train", ["fit", "mlwright-demo/bank.csv", "-t", "y"]),
        ("polars", "train", ["predict", "mlwright-demo/bank.mlw", "mlwright-demo/bank.csv", "-o", "x.csv"]),
        ("httptools", "serve", ["serve", "mlwright-demo/bank.mlw"]),
        ("httptools", "serve", ["demo"]),
        ("pyarrow", "arrow", ["serve", "mlwright-demo/bank.mlw", "--arrow"]),
        ("opentelemetry", "otel", ["serve", "mlwright-demo/bank.mlw", "--traces"]),
        ("nbclient", "notebook", ["convert", "a.ipynb", "-t", "y", "--example", "X", "--trust"]),
        ("fastexcel", "train", ["check", "a.xlsx"]),
        ("backports.zstd", "train", ["check", "a.csv.zst"]),
        ("obstore", "cloud", ["check", "s3://box/a.csv"]),
        ("psycopg", "sql", ["check", "postgresql://127.0.0.1:1/shop", "--table", "a"]),
        ("pymysql", "sql", ["check", "mysql://127.0.0.1:1/shop", "--table", "a"]),
        ("duckdb", "sql", ["check", "duckdb:///a.duckdb", "--table", "a"]),
    ],
)
def test_a_missing_library_is_told_with_the_extra_that_brings_it(place, library, extra, strings):
    if library == "backports.zstd" and sys.version_info >= (3, 14):
        pytest.skip("Python itself reads .zst from 3.14 on")
    (place / "a.xlsx").write_bytes(workbook())
    (place / "a.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    done = without([library], cli(*strings), place)
    assert done.returncode == 2
    assert library in done.stderr and f"pip install 'mlwright[{extra}]'" in done.stderr


@pytest.mark.parametrize("name", ["Classifier", "Regressor"])
def test_an_estimator_without_scikit_learn_is_told_with_the_extra_that_brings_it(place, name):
    done = without(["sklearn"], f"import mlwright as mw\nmw.{name}", place)
    assert done.returncode == 1 and f"mlwright.{name} needs sklearn" in done.stderr
    assert "pip install 'mlwright[sklearn]'" in done.stderr


def test_serving_does_without_uvloop(place):
    code = """
import urllib.request
import mlwright as mw
from mlwright.serving import running

with running(mw.load("mlwright-demo/bank.mlw")) as url:
    print(urllib.request.urlopen(f"{url}/ready").status)
"""
    done = without(["uvloop"], code, place)
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr


@pytest.mark.parametrize("library", ["lightgbm", "catboost"])
def test_training_does_without_a_booster_and_says_so(place, library):
    lines = [f"{i % 50},{i * i % 37},{i % 50 + i * i % 37 + i * 7919 % 23}" for i in range(300)]
    (place / "line.csv").write_text("\n".join(["x,z,y", *lines]))
    strings = ["fit", "line.csv", "-t", "y", "--time-limit", "5s", "--quiet", "--json"]
    done = without([library], cli(*strings), place)
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)["evaluation"]["leaderboard"]
    assert any(entry.get("weight") and entry["family"] != library for entry in board)
