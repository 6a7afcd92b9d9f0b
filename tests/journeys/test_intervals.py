"""Stories of doubt: a table becomes a model that says how far off it may be, or leaves to people what it is
not sure of, in a file, on rows that came later, and over HTTP."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mlwright import load
from mlwright.serving import running


def in_folder(
    folder: Path, environment: Callable[[], dict[str, str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, called there."""

    def cli(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlwright", *words]
        return subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=300
        )

    return cli


def asked(url: str, row: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(row).encode(), {"Content-Type": "application/json"})
    answer: dict[str, object] = json.loads(urllib.request.urlopen(request, timeout=30).read())
    return answer


def test_what_it_is_not_sure_of_is_left_to_people_in_a_file_and_over_http(
    tmp_path: Path, environment: Callable[[], dict[str, str]]
) -> None:
    cli = in_folder(tmp_path, environment)
    source = random.Random(1)
    for name, rows in (("past", 700), ("later", 600)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["income", "debt", "paid"])
            for _ in range(rows):
                income, debt = source.uniform(1, 9), source.uniform(1, 9)
                paid = "yes" if income - debt + source.gauss(0, 1.5) > 0 else "no"
                table.writerow([round(income, 2), round(debt, 2), paid])
    made = cli("fit", "past.csv", "-t", "paid", "--max-trials", "2", "-o", "loans.mlw")
    assert made.returncode == 0, made.stderr
    done = cli("predict", "loans.mlw", "later.csv", "-o", "scored.csv", "--abstain", "0.05")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "scored.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    answered = [r for r in scored if r["predicted_paid"]]
    assert 100 < len(answered) < 600 and all(r["probability_yes"] for r in scored)
    wrong = sum(r["predicted_paid"] != r["paid"] for r in answered)
    judged = json.loads(cli("evaluate", "loans.mlw", "later.csv", "--json").stdout)["evaluation"]
    promise = next(p for p in judged["promises"] if p["of"] == "abstain" and p["error"] == 0.05)
    assert promise["wrong"]["rows"] == len(answered)
    assert abs(promise["wrong"]["value"] - wrong / len(answered)) < 1e-9
    refused = cli("predict", "loans.mlw", "later.csv", "-o", "other.csv", "--abstain", "0.00001")
    assert refused.returncode == 2 and "or more" in refused.stderr
    with running(str(tmp_path / "loans.mlw")) as url:
        for row in scored[:20]:
            sent: dict[str, object] = {"income": float(row["income"]), "debt": float(row["debt"])}
            answer = asked(f"{url}/predict?abstain=0.05", sent)
            assert answer["label"] == (row["predicted_paid"] or None) and answer["probability"]


def test_intervals_from_a_table_to_an_answer_over_http(
    tmp_path: Path, environment: Callable[[], dict[str, str]]
) -> None:
    cli = in_folder(tmp_path, environment)
    source = random.Random(0)
    with (tmp_path / "homes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["area", "city", "rent"])
        for _ in range(500):
            area, city = source.uniform(20, 200), source.choice(["Oslo", "Rome"])
            rent = area * (12 + 3 * (city == "Oslo") + source.gauss(0, 2))
            table.writerow([round(area, 1), city, round(rent, 2)])
    made = cli("fit", "homes.csv", "-t", "rent", "--max-trials", "2", "--waive", "MLW401", "-o", "homes.mlw")
    assert made.returncode == 0, made.stderr
    assert "intervals at 10% error" in cli("show", "homes.mlw").stdout
    assert "How far off it may be" in cli("show", "homes.mlw", "--card").stdout
    done = cli("predict", "homes.mlw", "homes.csv", "-o", "scored.csv", "--interval", "0.1")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "scored.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    ends = [(float(r["predicted_rent_low"]), float(r["predicted_rent_high"])) for r in scored]
    held = [low <= float(r["rent"]) <= high for r, (low, high) in zip(scored, ends, strict=True)]
    assert 0.85 < sum(held) / len(held) < 0.97
    assert all(low <= float(r["predicted_rent"]) <= high for r, (low, high) in zip(scored, ends, strict=True))
    refused = cli("predict", "homes.mlw", "homes.csv", "-o", "other.csv", "--interval", "0.0001")
    assert refused.returncode == 2 and "500 rows can vouch for" in refused.stderr
    assert cli("predict", "homes.mlw", "homes.csv", "-o", "other.csv", "--set", "0.1").returncode == 2
    row = {"area": float(scored[0]["area"]), "city": scored[0]["city"]}
    with running(str(tmp_path / "homes.mlw")) as url:
        answer = asked(f"{url}/predict?interval=0.1", dict(row))
    assert answer["interval"] == list(ends[0])
    assert answer["interval"] == load(tmp_path / "homes.mlw").predict_interval(row, 0.1)[0].tolist()
