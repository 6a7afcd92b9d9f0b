"""A leak stops training before it begins; a waiver lets it go on, and is told wherever the model is."""

import json

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import ChecksRefused, UnknownName
from mlwright.base.finding import Finding, Findings
from mlwright.base.progress import Progress
from mlwright.checks import pass_or_refuse, to_drop, to_waive
from mlwright.cli import main


def leaking(n=300):
    random = np.random.default_rng(3)
    a, b = random.normal(size=n), random.normal(size=n)
    y = np.where(a + random.normal(size=n) > 0, "yes", "no")
    return pl.DataFrame({"a": a, "b": b, "after wards": (y == "yes") + 0.25 * random.normal(size=n), "y": y})


def test_a_leak_stops_fit_and_the_error_carries_it():
    with pytest.raises(ChecksRefused, match=r"MLW401, column 'after wards'.*drop=.*waive=") as caught:
        mw.fit(leaking(), target="y", max_trials=2)
    assert [(f.code, f.column) for f in caught.value.findings] == [("MLW401", "after wards")]


def test_findings_that_are_given_stop_as_well_and_nothing_is_trained_first():
    data = mw.read(leaking(), target="y")
    seen = []

    class Listener(Progress):
        def stage(self, name, *more):
            seen.append(name)

    with pytest.raises(ChecksRefused):
        mw.fit(data, findings=mw.check(data), max_trials=2, progress=Listener())
    assert "packaging" not in seen and len(seen) <= 1


@pytest.mark.parametrize("waive", ["MLW401", ("MLW401",), ["MLW401"]])
def test_a_waiver_is_in_the_findings_on_the_card_and_in_the_recipe(waive):
    model = mw.fit(leaking(), target="y", max_trials=2, waive=waive)
    assert {(f.code, f.column) for f in model.findings if f.status == "waived"} == {("MLW401", "after wards")}
    assert "waived by its author: **MLW401** `after wards`" in model.card
    assert not [f for f in model.findings.found if f.code == "MLW401"]


def test_a_waiver_of_what_does_not_exist_is_told_the_near_miss():
    with pytest.raises(UnknownName, match="did you mean 'MLW401'"):
        mw.fit(leaking(), target="y", max_trials=2, waive="MLW40l1")
    with pytest.raises(UnknownName, match="no finding"):
        mw.check(leaking(), target="y", waive=("MLW999",))


def test_without_a_feature_no_waiver_is_offered():
    said = {"code": "MLW306", "title": "nothing", "severity": "issue", "status": "found"}
    nothing = Finding(**said, remedy="Add columns.", stops=True)
    with pytest.raises(ChecksRefused) as caught:
        pass_or_refuse(Findings.of([nothing]))
    assert "waive" not in str(caught.value) and "Add columns." in str(caught.value)


def test_tips_waived_findings_and_issues_that_may_be_honest_stop_nothing():
    leak = {"code": "MLW401", "title": "a leak", "column": "c"}
    tip = Finding(**leak, severity="tip", status="found")
    borne = Finding(**leak, severity="issue", status="waived", stops=True)
    perhaps = Finding(**leak, severity="issue", status="found")
    pass_or_refuse(Findings.of([tip, borne, perhaps]))
    assert to_drop(Findings.of([tip])) == ("c",) and to_waive(Findings.of([tip])) == ("MLW401",)


def test_the_command_ends_with_1_and_says_the_commands_that_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leaking().write_csv("calls.csv")
    assert main(["fit", "calls.csv", "-t", "y", "--max-trials", "2", "-q"]) == 1
    told = capsys.readouterr()
    assert "MLW401" in told.out and not (tmp_path / "calls.mlw").exists()
    assert "Findings" in told.out and "Training" not in told.out
    assert "fit calls.csv --target y --drop 'after wards' --max-trials 2" in told.err
    assert main(["fit", "calls.csv", "-t", "y", "--max-trials", "2", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "ChecksRefused" and error["findings"][0]["code"] == "MLW401"
    assert main(["fit", "calls.csv", "-t", "y", "--max-trials", "2", "-q", "--waive", "MLW401"]) == 0
    assert "Training" in capsys.readouterr().out
    assert main(["show", "calls.mlw"]) == 0
    assert "waived  MLW401  after wards" in " ".join(capsys.readouterr().out.split(" ")).replace("   ", "  ")
    assert main(["check", "calls.csv", "-t", "y", "--waive", "MLW401"]) == 0


def test_a_test_table_of_learned_rows_is_to_be_mended_first_and_no_column_is_blamed(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    table = leaking().drop("after wards")
    table.write_csv("calls.csv")
    table.head(80).write_csv("test.csv")
    asked = ["fit", "calls.csv", "-t", "y", "--max-trials", "2", "--test", "test.csv", "-q"]
    assert main(asked) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "MLW651" in said and "known in time" not in said and "leave out" not in said
    assert said.index("Take them out of the test table") < said.index("; or bear it") < said.index("--waive")
    assert "mlwright split`" in said
    with pytest.raises(ChecksRefused, match=r"Take them out .*; or bear it with waive=\('MLW651',\)"):
        mw.fit(table, target="y", test=table.head(80), max_trials=2)
