"""A story of numbers: a table becomes a model that says how far off it may be, in a file and over HTTP."""

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


def test_intervals_from_a_table_to_an_answer_over_http(
    tmp_path: Path, environment: Callable[[], dict[str, str]]
) -> None:
    def cli(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlwright", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=300
        )

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
        asked = urllib.request.Request(
            f"{url}/predict?interval=0.1", json.dumps(row).encode(), {"Content-Type": "application/json"}
        )
        answer = json.loads(urllib.request.urlopen(asked, timeout=30).read())
    assert answer["interval"] == list(ends[0])
    assert answer["interval"] == load(tmp_path / "homes.mlw").predict_interval(row, 0.1)[0].tolist()
