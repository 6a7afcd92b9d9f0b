"""What mistakes cost, from the command line to the labels of new rows; and what is said to wrong costs."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mlwright as mw
from mlwright.cli import main

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(place: Path, environment) -> Cli:
    """Runs a command in a folder that holds what the demo leaves behind."""

    def run(*strings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlwright", *strings]
        return subprocess.run(
            command, cwd=place, env=environment(), capture_output=True, text=True, check=False, timeout=300
        )

    return run


FIT = (
    "fit",
    "mlwright-demo/bank.csv",
    "-t",
    "y",
    "--drop",
    "duration",
    "--max-trials",
    "2",
    "-o",
    "calls.mlw",
)


def test_costs_are_asked_for_shown_and_kept_to(cli, place):
    done = cli(*FIT, "--costs", "fn=80,fp=9", "--monotone", "euribor3m=-1")
    assert done.returncode == 0, done.stderr
    shown = cli("show", "calls.mlw").stdout
    for said in (
        "Decides",
        "above 0.101",
        "cost per",
        "as decided",
        "likeliest class",
        "always no",
        "always yes",
        "foretold",
        "euribor3m, never against",
    ):
        assert said in shown, said
    assert max(map(len, shown.splitlines())) <= 100
    assert "How it decides" in cli("show", "calls.mlw", "--card").stdout

    assert cli("predict", "calls.mlw", "mlwright-demo/bank.csv", "-o", "scored.csv").returncode == 0
    with (place / "scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    positive = [float(row["probability_yes"]) > 9 / 89 for row in rows]
    assert [row["predicted_y"] == "yes" for row in rows] == positive
    assert any(0.11 < float(row["probability_yes"]) < 0.5 for row in rows)

    told = json.loads(cli("show", "calls.mlw", "--json").stdout)["evaluation"]
    assert told["decision"]["costs"] == [[0, 9], [80, 0]] and len(told["outcomes"]) == 4
    assert mw.load(place / "calls.mlw").evaluation.decision.threshold == pytest.approx(9 / 89)
    judged = cli("evaluate", "calls.mlw", "mlwright-demo/bank.csv", "--json")
    assert json.loads(judged.stdout)["evaluation"]["outcomes"][0]["way"] == "as decided", judged.stdout[-500:]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--costs", "fn=80"), "--costs fn=500,fp=20"),
        (("--costs", "fn=80,fp"), "does not understand 'fp'"),
        (("--costs", "{fn: 1"), "is no JSON"),
        (("--costs", "fn=80,fp=-9"), "a mistake that costs -9 is a gain"),
        (("--costs", '{"yess": {"no": 80}, "*": {"*": 1}}'), "did you mean 'yes'"),
        (("--costs", "fn=agee,fp=9"), "did you mean 'age'"),
        (("--costs", "fn=0,fp=9"), "always 'no'"),
        (("--costs", "fn=80,fp=9", "--threshold", "0.3"), "give one of them"),
        (("--alerts", "5/day"), "--rows-per-day"),
        (("--monotone", "job=+1"), "it is categorical"),
        (("--monotone", "age=up"), "a direction is +1 or -1"),
    ],
)
def test_wrong_wishes_are_told_before_training(place, flags, said, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert main([*FIT, *flags]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (place / "calls.mlw").exists()
