"""What a stranger's type checker makes of the clients: the package says that it is typed, and how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mlwright

PROGRAM = """
import asyncio
import polars as pl
from mlwright.client import AsyncClient, Client, Prediction, Predictions

rows: list[dict[str, float]] = [{"age": 1.5}]
with Client("http://localhost:8080") as client:
    one: Prediction = client.predict({"age": 1, "city": "Oslo"})
    many: Predictions = client.predict(rows, partial=True, sets=0.1)
    frame: Predictions = client.explain(pl.DataFrame(rows))
    numbers: list[float | None] = [p.prediction for p in client.predict_many(rows)]


async def ask() -> Prediction:
    async with AsyncClient("http://localhost:8080") as client:
        return await client.predict({"age": 1})
"""
WRONG = (
    PROGRAM
    + """
client.predict("a row")
label: int = one.label
"""
)


def test_the_package_says_that_it_is_typed():
    assert (Path(mlwright.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_a_typed_program_is_accepted_and_a_wrong_one_is_not(tmp_path):
    for name, program, faults in (("right", PROGRAM, 0), ("wrong", WRONG, 2)):
        file = tmp_path / f"{name}.py"
        file.write_text(program)
        source = Path(mlwright.__file__).parents[1]
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", file]
        done = subprocess.run(
            command, env={"MYPYPATH": str(source)}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        found = [
            line for line in done.stdout.splitlines() if line.startswith(f"{name}.py") and "error:" in line
        ]
        assert len(found) == faults, done.stdout + done.stderr
