"""Clients in Node and C++ that run the graph of a model file answer raw rows as Python does."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from interval_models import ROWS as RATES
from interval_models import interval_model
from small_models import small_model
from tests.artifact.conftest import file_of

import mlwright as mw
from mlwright.artifact import Model

CLOSE = 1e-12


def asked(client: Any, file: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = client(file, "\n".join(json.dumps(row) for row in rows))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_classified(answers: list[dict[str, Any]], model: Model, rows: list[dict[str, Any]]) -> None:
    labels, probabilities = model.predict(rows).tolist(), model.predict_proba(rows).tolist()
    assert len(answers) == len(rows)
    for answer, label, expected in zip(answers, labels, probabilities, strict=True):
        found = list(answer["probability"].values())
        assert all(abs(f - e) <= CLOSE * max(1.0, e) for f, e in zip(found, expected, strict=True))
        assert answer["label"] == label and type(answer["label"]) is type(label)


def test_a_real_model_answers_raw_rows_as_python_does(client, demo_folder):
    file = demo_folder / "bank.mlw"
    table = mw.read(demo_folder / "new_customers.csv").frame.head(150).to_dicts()
    model = mw.load(file)
    rows = [{n: row[n] for n in model.schema.names if n in row} for row in table]
    rows += [dict(row) for row in model.samples.rows]
    odd = {"age": None, "job": "astronaut", "marital": None, "month": "", "campaign": 1e9, "euribor3m": -1e-9}
    rows += [rows[0] | odd, rows[1] | {"job": "  Ärztin \t", "pdays": 0.1 + 0.2}]
    assert_classified(asked(client, file, rows), model, rows)
    assert_classified(asked(client, file, rows[:1]), model, rows[:1])


@pytest.mark.parametrize("kind", ["classification", "rates", "numbers"])
def test_small_models_of_each_task_are_answered(client, tmp_path, kind):
    file = tmp_path / "small.mlw"
    if kind == "classification":
        rows = [
            {"age": 41, "member": True, "city": "Oslo"},
            {"age": 18.5, "member": "Yes", "city": " Rome "},
            {"age": 70, "member": 0, "city": None},
            {"age": 33, "member": "no", "city": 'els"e\\where\n\u00e9\U0001f600'},
        ]
        file.write_bytes(file_of("binary"))
        model = mw.load(file)
        assert_classified(asked(client, file, rows), model, rows)
        return
    rows = RATES if kind == "rates" else [{"age": a, "member": True} for a in (0.1, -7, 1e300, 5e-324)]
    file.write_bytes(interval_model(exposure="weeks") if kind == "rates" else small_model(1.0 / 3.0))
    expected = mw.load(file).predict(rows).tolist()
    found = [answer["prediction"] for answer in asked(client, file, rows)]
    assert all(math.isclose(f, e, rel_tol=CLOSE) for f, e in zip(found, expected, strict=True))


@pytest.fixture(scope="module")
def mixed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every kind of column."""
    source, folder = random.Random(1), tmp_path_factory.mktemp("homes")
    rows = []
    for i in range(600):
        size, zone, is_open = source.gauss(0, 2), source.randint(1, 4), source.random() < 0.5
        moment = dt.datetime(2024, 1, 1) + dt.timedelta(hours=i * 7)
        note = source.choice(["fine and cheap", "dear and bad", "fine", "bad"])
        score = size + zone * 0.5 + is_open - 2 * ("bad" in note) + (moment.month > 6) + source.gauss(0, 1)
        rows.append({
            "size": None if i % 17 == 0 else "-999" if i % 23 == 0 else f"{size:.3f}",
            "opened": moment.isoformat(),
            "open": "?" if i % 29 == 0 else "yes" if is_open else "no",
            "zone": "?" if i % 31 == 0 else str(zone),
            "note": f"{note} {source.choice(['house', 'flat'])} {i}",
            "sold": "yes" if score > 0.8 else "no",
        })  # fmt: skip
    pl.DataFrame(rows).write_csv(folder / "homes.csv")
    homes = mw.read(folder / "homes.csv", target="sold", kinds={"zone": "categorical"})
    model = mw.fit(homes, max_trials=2, seed=0)
    model.save(folder / "homes.mlw")
    return folder / "homes.mlw"


@pytest.mark.slow
def test_dates_codes_truths_marks_and_texts_are_decoded_as_in_python(client, mixed_file):
    model, source = mw.load(mixed_file), random.Random(3)
    assert {c.kind for c in model.schema.features} >= {
        "numeric",
        "datetime",
        "boolean",
        "categorical",
        "text",
    }
    rows = []
    for _ in range(300):
        moment = dt.datetime(2024, 1, 1) + dt.timedelta(seconds=source.uniform(0, 3e7))
        zoned = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=source.randint(-9, 9), minutes=30)))
        spelt = [
            moment.isoformat(),
            f"{moment.date()}",
            f"{moment:%Y-%m-%dT%H:%M}",
            f"{moment}Z",
            zoned.isoformat(),
        ]
        size = [None, source.uniform(-5, 5), 10.0 ** source.randint(-300, 300), 0, -0.0, -999]
        rows.append({
            "size": source.choice(size),
            "opened": source.choice([None, "", *spelt]),
            "open": source.choice([True, False, None, 0, 1, "YES", " no", "?"]),
            "zone": source.choice([1, 2.0, "3", "3.0", "03", "-0", None, 7.25, True, "?", "N/A"]),
            "note": source.choice(["fine and cheap", "Dear, bad!", "", None, "Ünïcode ÉTÉ", "bad " * 50]),
        })  # fmt: skip
    assert_classified(asked(client, mixed_file, rows), model, rows)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"age": 1}', "row 0, '"),
        ('{"age": "old", "member": true, "city": "Oslo"}', "row 0, 'age'"),
        ("[1, 2]", "not an object"),
        ("\n", "there is no row"),
        ('{"age": 1, "member": "maybe", "city": "Oslo"}', "'member'"),
        ('{"age": 1, "member": tru', "error"),
        ('{"age": 1, "member": true, "city": "\\udc00"}', "error"),
        ('{"age": 1e999, "member": true, "city": "Oslo"}', "error"),
    ],
)
def test_a_row_that_is_not_usable_is_told_and_nothing_is_answered(client, tmp_path, row, said):
    file = tmp_path / "small.mlw"
    file.write_bytes(file_of("binary"))
    done = client(file, row)
    assert done.returncode == 3 and said in done.stderr and done.stdout == ""


def test_a_damaged_file_is_refused(client, tmp_path):
    data = bytearray(file_of("binary"))
    data[data.index(b'"columns"')] ^= 1
    for name, damaged in (
        ("flipped", bytes(data)),
        ("cut", bytes(data[:500])),
        ("none", b""),
        ("other", b"PK\3\4"),
    ):
        (tmp_path / name).write_bytes(damaged)
        done = client(tmp_path / name, '{"age": 1, "member": true, "city": "Oslo"}')
        assert done.returncode == 3 and done.stderr.startswith("error: "), name
