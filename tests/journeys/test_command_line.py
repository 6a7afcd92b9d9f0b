"""A user's whole story through the command line, with nothing faked."""

import csv
import json
import signal
import subprocess
import sys
import time
import urllib.request
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


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_of_ones_own_becomes_a_model_that_predicts_and_is_measured(cli, place):
    lines = ["size;town;built;price"]
    lines += [
        f"{30 + i % 90};{'Oslo' if i % 3 else 'Bergen'};{1950 + i % 70};"
        f"{(30 + i % 90 + i * 37 % 97) * 1000 + i % 7}"
        for i in range(400)
    ]
    (place / "flats.csv").write_text("\n".join(lines), encoding="utf-8")
    done = cli("fit", "flats.csv", "--target", "price", "--time-limit", "6s", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    evaluation = told["evaluation"]
    assert told["model"] == "flats.mlw" and evaluation["task"] == "regression"
    assert evaluation["scores"][0]["high"] < evaluation["baseline"][0]["value"]

    assert cli("predict", "flats.mlw", "flats.csv", "-o", "out.csv").returncode == 0
    scored = rows_of(place / "out.csv")
    assert len(scored) == 400 and all(float(row["predicted_price"]) > 0 for row in scored)
    assert cli("evaluate", "flats.mlw", "flats.csv", "--require", "30000").returncode == 0
    assert cli("evaluate", "flats.mlw", "flats.csv", "--require", "0.001").returncode == 1


def test_check_sees_the_leak_in_a_table(cli, place):
    rows = "\n".join(f"{i},{i % 2},{'yes' if i % 2 else 'no'}" for i in range(300))
    (place / "leak.csv").write_text(f"age,outcome,bought\n{rows}\n", encoding="utf-8")
    done = cli("check", "leak.csv", "--target", "bought", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert any(f["column"] == "outcome" and f["status"] == "found" for f in told["findings"])


def test_show_fits_the_terminal(cli):
    done = cli("show", "mlwright-demo/bank.mlw")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100 and len(done.stdout.splitlines()) < 200


def test_a_row_that_breaks_the_schema_says_so_beside_itself(cli, place):
    table = (place / "mlwright-demo" / "new_customers.csv").read_text()
    (place / "odd.csv").write_text(table.replace("34;", "old;", 1))
    done = cli("predict", "mlwright-demo/bank.mlw", "odd.csv", "-o", "odd_scored.csv", "--strict")
    assert done.returncode == 1
    scored = rows_of(place / "odd_scored.csv")
    assert "age" in scored[0]["error"] and scored[0]["predicted_y"] == ""
    assert all(row["predicted_y"] and not row["error"] for row in scored[1:])


@pytest.mark.parametrize(
    ("strings", "code", "said"),
    [
        (("fit", "nothing.csv", "-t", "y"), 3, "nothing.csv"),
        (("fit", "mlwright-demo/bank.csv", "-t", "poutcom"), 3, "did you mean 'poutcome'?"),
        (("fit", "mlwright-demo/bank.csv", "-t", "y", "--drop", "durration"), 2, "did you mean 'duration'?"),
        (("fit", "mlwright-demo/bank.csv", "-t", "y", "--time-limit", "soon"), 2, "no span of time"),
        (("show", "mlwright-demo/bank.csv"), 3, "not a model file"),
        (("show", "mlwright-demo/bnak.mlw"), 3, "did you mean 'bank.mlw'?"),
        (("predict", "mlwright-demo/bank.mlw", "mlwright-demo/bank.csv", "-o", "x.xlsx"), 2, ".parquet"),
        (("serve", "mlwright-demo/bank.mlw", "--host", "0.0.0.0"), 2, "token"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_way_out(place, monkeypatch, capsys, strings, code, said):
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "100")
    assert main(strings) == code
    out, err = capsys.readouterr()
    assert out == "" and said in err.partition("error: ")[2] and "Traceback" not in err


def test_a_mistake_ends_a_process_with_its_exit_code(cli):
    done = cli("show", "mlwright-demo/bnak.mlw")
    assert (done.returncode, done.stdout) == (3, "")
    assert "did you mean 'bank.mlw'?" in done.stderr.partition("error: ")[2]


def test_serve_answers_until_it_is_told_to_stop(place, environment):
    command = [sys.executable, "-m", "mlwright", "serve", "mlwright-demo/bank.mlw", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=place, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = "".join(iter(server.stdout.readline, "}\n")) + "}"
        url = json.loads(told)["url"]
        with urllib.request.urlopen(f"{url}/schema") as answer:
            row = json.load(answer)["examples"][0]
        request = urllib.request.Request(
            f"{url}/predict", json.dumps(row).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["label"] in ("no", "yes")
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0


def test_the_demo_goes_the_whole_way(cli, place):
    done = cli("demo", "--folder", "mine", "--time-limit", "8s")
    assert done.returncode == 0, done.stderr
    for said in ("Findings", "baseline", "POST /predict", "200 OK", "mlwright fit yours.csv --target COLUMN"):
        assert said in done.stdout
    assert {p.name for p in (place / "mine").iterdir()} == {
        "bank.csv",
        "new_customers.csv",
        "bank.mlw",
        "card.md",
    }


def test_an_interrupted_search_keeps_the_best_so_far(place, environment):
    command = [
        sys.executable,
        "-m",
        "mlwright",
        "fit",
        "mlwright-demo/bank.csv",
        "-t",
        "y",
        "--time-limit",
        "10m",
        "-o",
        "kept.mlw",
    ]
    kept = place / "kept.mlw.partial"
    with subprocess.Popen(
        command, cwd=place, env=environment(), stderr=subprocess.PIPE, text=True
    ) as fitting:
        while len(list(kept.glob("*.trial.json"))) < 2:
            assert fitting.poll() is None, "it ended before it could be interrupted"
            time.sleep(0.01)
        fitting.send_signal(signal.SIGINT)
        fitting.communicate(timeout=120)
    assert fitting.returncode == 0
    board = mw.load(place / "kept.mlw").leaderboard
    assert len([entry for entry in board if entry.score is not None]) >= 2


@pytest.mark.slow
def test_of_a_table_larger_than_memory_a_sample_is_trained_on_and_everything_says_so(cli, place):
    lines = ["hours,shop,on,sold"]
    lines += [
        f"{i % 11},{'ABC'[i % 3]},2024-01-{1 + i // 150:02d},{3 * (i % 11) + i % 3 + (i * 37 % 97) / 50}"
        for i in range(4_000)
    ]
    lines[3_999] = "1000,A,2024-01-27,7"
    (place / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = cli(
        "fit",
        *("sales.csv", "--target", "sold", "--time", "on", "--memory", "1KB"),
        *("--max-trials", "2", "--json"),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    sampled = "a sample, 1,000 rows drawn from 4,000"
    assert told["evaluation"]["how"].endswith(f"trained and judged on {sampled}")
    assert any(f["code"] == "MLW022" and "drawn from 4,000" in f["evidence"] for f in told["findings"])
    profile = mw.load(place / "sales.mlw").profile
    hours = profile.columns[0]
    assert (profile.rows, hours.name, hours.rows, hours.quantiles[-1]) == (4_000, "hours", 4_000, 1_000.0)
    card = cli("show", "sales.mlw", "--card").stdout
    assert "larger than memory: 1,000 rows drawn from 4,000" in card and "MLW022" in card
    assert cli("predict", "sales.mlw", "sales.csv", "-o", "out.csv").returncode == 0
    assert len(rows_of(place / "out.csv")) == 4_000

    parted = cli("split", "sales.csv", "--time", "on", "--memory", "1KB")
    assert parted.returncode == 0, parted.stderr
    done = cli(
        "fit",
        *("train.csv", "--target", "sold", "--test", "test.csv", "--memory", "1KB"),
        *("--max-trials", "2", "--waive", "MLW404", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "; trained on a sample, 1,000 rows drawn from" in json.loads(done.stdout)["evaluation"]["how"]


def test_the_demo_says_the_limits_as_people_read_them(place, capsys):
    from mlwright.cli.commands.demo import _show_answer
    from mlwright.cli.screen import Screen

    model = mw.load(place / "mlwright-demo" / "bank.mlw")
    _show_answer(Screen(), model, place, {"age": 40}, {"label": "no"})
    said = " ".join(capsys.readouterr().out.split())
    assert "Scores hold for rows like the" in said
    assert "No intended use was stated (--intended-use): that is" in said and "\\" not in said
