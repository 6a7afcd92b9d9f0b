"""A check that fails itself: the others answer, and it is told loudly."""

import dataclasses

import pytest

from mlwright.checks import CHECKS, check, running
from mlwright.cli import main


@pytest.fixture
def broken(monkeypatch):
    """MLW101 divides by zero."""

    def look(_):
        return 1 / 0

    faulty = [dataclasses.replace(c, look=look) if c.code == "MLW101" else c for c in CHECKS]
    monkeypatch.setattr(running, "CHECKS", tuple(faulty))


def test_the_other_checks_answer_and_the_fault_is_named(make, clean, broken):
    found = check(make(clean))
    assert [(f.code, f.status) for f in found.faults] == [("MLW101", "skipped")]
    assert {f.code for f in found} == {c.code for c in CHECKS}
    assert "fault in mlwright" in str(found) and "MLW101 the check itself failed: ZeroDivision" in str(found)


def test_the_command_says_so_and_does_not_end_as_if_all_were_well(tmp_path, broken, capsys):
    rows = "\n".join(f"{k},{k * 7 % 13}" for k in range(60))
    (tmp_path / "a.csv").write_text(f"x,y\n{rows}\n")
    assert main(["check", str(tmp_path / "a.csv"), "--fail-on", "nothing"]) == 4
    assert "a fault in mlwright, not in your data" in " ".join(capsys.readouterr().out.split())


def test_whoever_looks_for_the_fault_sees_where_it_is(make, clean, broken, monkeypatch):
    monkeypatch.setenv("MLWRIGHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        check(make(clean))
