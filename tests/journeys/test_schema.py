"""A schema's story through the command line: written, edited, trained by, served, and held against."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwright.cli.entry import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*strings: str) -> Done:
        capsys.readouterr()
        code = main(strings)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return run


def write_loans(path: Path, rows: int, *, odd: bool = False) -> None:
    lines = ["ref,amount,purpose,opened,defaulted"]
    for i in range(rows):
        amount = -5 if odd and i in (3, 4) else 1000 + i * 37 % 5000
        purpose = "yacht" if odd and i == 7 else ("car", "house", "study")[i % 3]
        late = (i * 37 % 5000 > 2500) != (i % 11 == 0)
        lines.append(f"L{i:05d},{amount},{purpose},2024-0{1 + i % 9}-11,{'yes' if late else 'no'}")
    path.write_text("\n".join(lines), encoding="utf-8")


def test_a_schema_is_edited_trained_by_served_and_held_against(cli, tmp_path, environment):
    write_loans(tmp_path / "loans.csv", 400)
    assert cli("schema", "loans.csv", "--target", "defaulted", "-o", "schema.json").returncode == 0
    fields = json.loads((tmp_path / "schema.json").read_text())
    columns = {c["name"]: c for c in fields["columns"]}
    columns["amount"] |= {"least": 0, "nullable": False}
    columns["purpose"]["allowed"] = columns["purpose"]["seen"]["categories"]
    columns["ref"] |= {"pattern": r"L\d{5}", "unique": True}
    (tmp_path / "schema.json").write_text(json.dumps(fields, indent=4))

    done = cli("fit", "loans.csv", "--schema", "schema.json", "--max-trials", "2", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(cli("schema", "loans.mlw").stdout)
    kept = {c["name"]: c for c in written["columns"]}
    assert kept["amount"]["least"] == 0 and kept["purpose"]["allowed"] == columns["purpose"]["allowed"]

    problems = served_problems(
        [
            {"amount": 1000, "purpose": "car", "opened": "2024-01-11"},
            {"amount": -1, "purpose": "yacht", "opened": "2024-01-11"},
            {"amount": None, "purpose": "car", "opened": "2024-01-11"},
        ],
        tmp_path,
        environment,
    )
    assert [(p["row"], p["field"], p["value"], p["expected"]) for p in problems] == [
        (1, "amount", "-1", "a number of at least 0"),
        (1, "purpose", "'yacht'", "one of 'car', 'house', 'study'"),
        (2, "amount", "None", "numeric, never missing"),
    ]

    write_loans(tmp_path / "new.csv", 60, odd=True)
    for against in ("loans.mlw", "schema.json"):
        done = cli("check", "new.csv", "--against", against, "--json")
        told = json.loads(done.stdout)
        found = {(f["code"], f["column"]): f.get("rows") for f in told["findings"] if f["status"] == "found"}
        assert done.returncode == 1 and told["passed"] is False
        assert found["MLW503", "amount"] == [3, 4] and found["MLW503", "purpose"] == [7]
        assert cli("check", "new.csv", "--against", against, "--waive", "MLW503").returncode == 0
        assert cli("check", "new.csv", "--against", against, "--fail-on", "nothing").returncode == 0
    write_loans(tmp_path / "fine.csv", 60)
    assert cli("check", "fine.csv", "--against", "loans.mlw").returncode == 0
    assert cli("check", "fine.csv", "--against", "loans.csv").returncode == 0

    done = cli("predict", "loans.mlw", "new.csv", "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert "amount: under what is allowed, expected a number of at least 0" in lines[4]


def served_problems(rows: list[dict[str, object]], place: Path, environment) -> list[dict[str, object]]:
    """What the served model says is wrong with the rows, which it answers with 422."""
    command = [sys.executable, "-m", "mlwright", "serve", "loans.mlw", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=place, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")["url"]
        request = urllib.request.Request(
            f"{url}/predict", json.dumps(rows).encode(), {"Content-Type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        with refused.value as answer:
            assert answer.code == 422
            problems = json.load(answer)["error"]["problems"]
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
    return problems


@pytest.mark.parametrize(
    ("strings", "code", "said"),
    [
        (("check", "loans.csv", "--against", "none.mlw"), 3, "there is no such file"),
        (("check", "loans.csv", "--against", "shema.json"), 2, "did you mean 'schema.json'"),
        (
            ("check", "loans.csv", "--against", "schema.json"),
            2,
            "no field 'nulable'; did you mean 'nullable'",
        ),
        (("check", "loans.csv", "--schema", "loans.csv"), 2, "this is no schema file"),
        (("check", "loans.csv", "--against", "loans.csv", "--report", "x.html"), 2, "--report has no effect"),
        (("fit", "loans.csv", "--schema", "schema.json"), 2, "no field 'nulable'"),
        (("fit", "loans.csv", "--schema", "bare.json"), 2, "name it with --target COLUMN"),
        (("fit", "loans.csv", "--schema", "bare.json", "-t", "x"), 3, "no target column 'x'"),
        (("fit", "loans.csv", "--schema", "other.json"), 3, "'amont' (is 'amount' meant?)"),
        (("schema", "loans.csv", "-o", "loans.csv"), 2, "it would be overwritten"),
        (("schema", "loans.csv", "-o", "x.txt"), 2, "end the name in .json or .py"),
        (("check", "loans.csv", "-t", "defaulted", "--drop", "defaulted"), 2, "is also dropped"),
        (("schema", "loans.csv", "-o", "no/s.json"), 3, "there is no such folder"),
        (("check", "loans.csv", "--against", "bare.json", "--drop", "amount"), 2, "--drop has no effect"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_way_out(cli, tmp_path, strings, code, said):
    write_loans(tmp_path / "loans.csv", 30)
    (tmp_path / "schema.json").write_text(
        '{"columns": [{"name": "amount", "kind": "numeric", "nulable": true}]}'
    )
    (tmp_path / "bare.json").write_text('{"columns": [{"name": "amount", "kind": "numeric"}]}')
    (tmp_path / "other.json").write_text(
        '{"columns": [{"name": "amont", "kind": "numeric"}, '
        '{"name": "defaulted", "kind": "boolean", "role": "target"}]}'
    )
    done = cli(*strings)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.replace("\n", " ") and "Traceback" not in done.stderr
