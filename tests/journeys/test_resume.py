"""A fit that is killed in the middle goes on, as a user sees it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mlwright as mw
from mlwright.base.progress import Progress
from mlwright.cli.screen import Screen

FIT = ("fit", "loans.csv", "--target", "paid", "--max-trials", "4", "--json")


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    lines = ["size,town,years,paid"]
    for i in range(240):
        paid = "yes" if (i * 37 % 97) + 40 * (i % 3) > 60 else "no"
        lines.append(f"{i * 37 % 97},{('Oslo', 'Bergen', 'Moss')[i % 3]},{i * 13 % 40},{paid}")
    (tmp_path / "loans.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def command(*strings: str) -> list[str]:
    return [sys.executable, "-m", "mlwright", *strings]


def killed_in_the_middle(folder: Path, environment: dict[str, str]) -> None:
    """Starts a fit and ends it with SIGKILL once two candidates are finished."""
    done = folder / "loans.mlw.partial"
    with subprocess.Popen(
        command(*FIT), cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while len(list(done.glob("*.trial.json"))) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)


def test_a_fit_killed_in_the_middle_goes_on_to_the_same_model(loans, environment):
    killed_in_the_middle(loans, environment())
    assert not (loans / "loans.mlw").exists()

    changed = [*FIT, "--seed", "3", "--resume"]
    refused = subprocess.run(
        command(*changed), cwd=loans, env=environment(), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2 and "seed was 0, is 3" in refused.stderr
    assert "--resume" in refused.stderr and "resume=True" not in refused.stderr

    resumed = subprocess.run(
        command(*FIT, "--resume"), cwd=loans, env=environment(), capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert not (loans / "loans.mlw.partial").exists()

    shutil.move(loans / "loans.mlw", loans / "resumed.mlw")
    whole = subprocess.run(
        command(*FIT), cwd=loans, env=environment(), capture_output=True, text=True, check=False
    )
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["digest"] == json.loads(resumed.stdout)["digest"]


LATE = ("refitting on all rows", "judging", "packaging")
KILLED_AT = """
import os, signal, sys
import mlwright as mw
from mlwright.base.progress import Progress

class Killed(Progress):
    def stage(self, name):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)

mw.fit("loans.csv", target="paid", max_trials=3, state="state", progress=Killed())
"""


class Interrupted(Progress):
    """Presses Ctrl-C as a stage begins."""

    def __init__(self, stage: str) -> None:
        self.at = stage

    def stage(self, name: str) -> None:
        if name == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stage", [*(pytest.param(s, marks=pytest.mark.slow) for s in LATE[:-1]), LATE[-1]])
def test_a_fit_killed_after_its_search_goes_on_without_searching_again(loans, environment, stage):
    run = [sys.executable, "-c", KILLED_AT, stage]
    killed = subprocess.run(run, cwd=loans, env=environment(), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    begun = []

    class Heard(Progress):
        def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
            begun.append(message)

    asked = {"target": "paid", "max_trials": 3}
    table = str(loans / "loans.csv")
    resumed = mw.fit(table, **asked, state=loans / "state", resume=True, progress=Heard())
    assert not [m for m in begun if m.startswith("trying")] and [
        m for m in begun if m.startswith("refitting")
    ]
    assert not (loans / "state").exists()
    assert resumed.digest == mw.fit(table, **asked).digest


@pytest.mark.parametrize("stage", LATE[1:])
def test_ctrl_c_after_the_search_says_how_to_go_on(loans, capsys, stage):
    with pytest.raises(KeyboardInterrupt) as interrupt:
        mw.fit(
            str(loans / "loans.csv"), target="paid", max_trials=3, state=loans / "state",
            progress=Interrupted(stage),
        )  # fmt: skip
    Screen(json=False, quiet=False).error(interrupt.value, 130)
    said = " ".join(capsys.readouterr().err.split())
    assert "is kept in" in said and "--resume goes on with it" in said
    assert list((loans / "state").glob("*.trial.json"))
