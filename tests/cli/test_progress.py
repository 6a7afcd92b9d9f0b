"""Progress on a terminal and elsewhere."""

import io
import itertools

import pytest
from rich.console import Console

from mlwright.base.progress import Progress
from mlwright.cli.progress import BarProgress, LineProgress
from mlwright.cli.screen import Screen


def tell(progress: Progress) -> None:
    progress.stage("searching")
    progress.step("lightgbm 3 of 20", 0.4, 12.2)
    progress.note("linear did not converge\x1b[2J")
    progress.stage("packaging")
    progress.step("parity", 0.9, None)
    progress.done()


def test_on_a_terminal_stages_that_ended_stay_with_their_time():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=90, highlight=False)
    ticks = itertools.count(10.0, 4.2)
    tell(BarProgress(console, clock=lambda: next(ticks)))
    text = file.getvalue()
    assert "searching" in text and "4.2 s" in text and "12 s left" in text
    assert "did not converge?[2J" in text


def test_elsewhere_a_stage_is_a_line(capsys: pytest.CaptureFixture[str]):
    tell(LineProgress())
    assert capsys.readouterr().err.splitlines() == [
        "searching ...",
        "linear did not converge?[2J",
        "packaging ...",
    ]


def test_quiet_is_silence(capsys: pytest.CaptureFixture[str]):
    tell(Screen(quiet=True).progress())
    assert capsys.readouterr() == ("", "")


def test_a_stage_that_took_no_time_leaves_no_line():
    file = io.StringIO()
    progress = BarProgress(Console(file=file, force_terminal=True, width=90), clock=lambda: 1.0)
    tell(progress)
    tell(progress)
    assert "✓" not in file.getvalue()


def test_a_stage_is_told_once(capsys: pytest.CaptureFixture[str]):
    progress = LineProgress()
    tell(progress)
    tell(progress)
    assert capsys.readouterr().err.count("searching ...") == 1
