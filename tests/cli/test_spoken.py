"""What the library says in Python's words is said in flags, and commands can be typed as they are shown."""

import json
import sys

import pytest

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.base.finding import Finding, Findings
from mlwright.cli.commands import COMMANDS
from mlwright.cli.spoken import _FLAGS, program, spoken
from mlwright.serving.access import access_for

SAID = [
    (
        "kinds={'zip code': 'categorical'} if they mean something",
        "--kind 'zip code'=categorical if they mean",
    ),
    ('kinds={"it\'s": ...} if it does say something', "--kind 'it'\"'\"'s'=KIND if it does"),
    ("kinds={'id': ...} if it does say something", "--kind id=KIND if it does"),
    ("bring more columns, or overrule kinds=", "bring more columns, or overrule --kind"),
    ("say task='multiclass'", "say --task multiclass"),
    ("leave encoding= out, or name another", "leave --encoding out, or name another"),
    ("name the form: dates=('%d.%m.%Y',)", "name the form: --date-format %d.%m.%Y"),
    ("say separator=, quote= or skip_rows=", "say --separator, --quote or --skip-rows"),
    (
        "give them: header=False, names=(...); or header=True",
        "--no-header, --column-names NAMES; or --header",
    ),
    ("name one: a.zip!/jan.csv, or member='jan.csv'", "name one: a.zip!/jan.csv, or --member jan.csv"),
    ("say sheet= where another is meant", "say --sheet where another is meant"),
    ("most_bytes= must be at least 1", "--most-bytes must be at least 1"),
    ("max_trials= must be at least 2", "--max-trials must be at least 2"),
    ("No intended use was stated (intended_use=)", "No intended use was stated (--intended-use)"),
    ("time_limit='5 days' is no span of time", "--time-limit '5 days' is no span"),
    (
        "a file of tokens in MLWRIGHT_TOKENS_FILE, or say insecure if",
        "with --tokens-file, or say --insecure if",
    ),
    ("belong together, name group= or time= and fit again", "name --group or --time and fit again"),
    ("max_rows must be above 0", "--max-rows must be above 0"),
    ("no column 'group=1'; did you mean 'time='?", "no column 'group=1'; did you mean 'time='?"),
]


@pytest.mark.parametrize(("python", "flags"), SAID)
def test_a_remedy_in_python_is_said_in_flags(python, flags):
    assert flags in spoken(python)


def test_every_flag_that_is_named_exists():
    known = {f.name for c in COMMANDS for f in c.flags}
    assert {f"--{flag}" for flag in _FLAGS.values()} <= known


def test_errors_and_findings_are_said_in_flags(mlwright, lifecycle):
    remedy = "say task='regression' if they are amounts"
    lifecycle.findings = Findings.of(
        [Finding(code="MLW030", title="few numbers", severity="tip", status="found", remedy=remedy)]
    )
    assert "→ say --task regression if they" in mlwright("check", "a.csv").out
    told = json.loads(mlwright("check", "a.csv", "--json").out)
    assert told["findings"][0]["remedy"] == "say --task regression if they are amounts"
    lifecycle.raises = Misuse("group= is empty", remedy="leave group= out")
    assert mlwright("check", "a.csv", "-q").err == "error: --group is empty\n  to do: leave --group out\n"
    lifecycle.raises = Misuse("no cost", where="costs=")
    assert mlwright("check", "a.csv", "-q").err == "error: no cost\n  where: --costs\n"
    lifecycle.raises = Misuse("no cost", where="folder/costs=1.csv")
    assert mlwright("check", "a.csv", "-q").err == "error: no cost\n  where: folder/costs=1.csv\n"


def test_commands_can_be_typed_where_the_path_does_not_have_the_program(
    mlwright, lifecycle, monkeypatch, tmp_path
):
    assert program("anything") == "mlwright"
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert program(".venv/bin/mlwright") == ".venv/bin/mlwright"
    assert program(str(tmp_path / "bin" / "mlwright")) == "bin/mlwright"
    assert program("__main__.py").endswith(" -m mlwright")
    monkeypatch.setattr(sys, "argv", [".venv/bin/mlwright"])
    assert "\n  .venv/bin/mlwright show loans.mlw\n" in mlwright("fit", "loans.csv", "-t", "y").out
    for command in COMMANDS:
        assert spoken(f"mlwright {command.name} x") == f".venv/bin/mlwright {command.name} x"


def test_tokens_that_are_not_there_can_be_made_with_the_command_that_is_told(tmp_path):
    with pytest.raises(EnvironmentProblem) as caught:
        access_for(True, str(tmp_path / "none.txt"), False)
    assert caught.value.remedy == f"make a token: mlwright token {tmp_path / 'none.txt'}"
