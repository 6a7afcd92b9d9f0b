"""What serving is said to cost, beside what it is measured to."""

from __future__ import annotations

import dataclasses
import importlib
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import EnvironmentProblem
from mlwright.base.schema import Target
from mlwright.features import FeaturePlan
from mlwright.features.table import table_of
from mlwright.graph.trees import Shape
from mlwright.lifecycle.bounded import memory_seconds
from mlwright.packaging import costing
from mlwright.packaging.costing import Pricer, measure, memory_by_size, memory_of, trees_cost
from mlwright.packaging.described import described
from mlwright.training.budget import Budget
from mlwright.training.limits import Limits


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size": rng.normal(size=300),
            "city": [["Rome", "Oslo", "Lima"][i] for i in rng.integers(0, 3, 300)],
            "bought": [["y", "n"][i] for i in rng.integers(0, 2, 300)],
        }
    )
    return mw.read(frame, target="bought")


@pytest.fixture(scope="module")
def pricer(dataset):
    y = np.random.default_rng(0).integers(0, 2, len(dataset)).astype(float)[:, None]
    plan = FeaturePlan.fit(table_of(dataset), y, seed=0)
    return Pricer(plan, Target(name="bought", task="binary", classes=("n", "y")))


def test_more_trees_more_steps_and_more_members_cost_more(pricer, monkeypatch):
    monkeypatch.setattr(costing, "slowness", lambda: 2.0)
    monkeypatch.setattr(costing, "_clock", lambda run, rows, calls: (20.0, 30.0))
    small, deeper = Shape(100, 1500, 300.0, 0, 4), Shape(100, 6000, 500.0, 0, 4)
    assert 0 < trees_cost(small).cpu_us < trees_cost(deeper).cpu_us
    one, two = pricer.whole([("tree", small)]), pricer.whole([("tree", small), ("encoded", deeper)])
    assert 20.0 < one.cpu_us < two.cpu_us and one.size_bytes < two.size_bytes
    assert one.memory_bytes < two.memory_bytes
    assert pricer.alone("linear", None).cpu_us > 0
    assert trees_cost(Shape(100, 1500, 300.0, 500, 4)).size_bytes > trees_cost(small).size_bytes


def test_what_asks_for_nothing_pays_for_no_feature(dataset):
    plan = FeaturePlan.fit(table_of(dataset), np.ones((len(dataset), 1)), seed=0)
    counted = Pricer(plan, Target(name="bought", task="binary", classes=("n", "y")), here=False)
    plain, all_of_it = (counted.whole([("encoded", Shape(1, 1, 0.0, 0, n))]) for n in (0, 9))
    assert plain.cpu_us < all_of_it.cpu_us and plain.size_bytes < all_of_it.size_bytes
    clocked = Pricer(plan, counted.target).whole([("encoded", Shape(1, 1, 0.0, 0, 0))])
    assert clocked.cpu_us > 0 and clocked.size_bytes == plain.size_bytes
    few = [counted.whole([("encoded", Shape(1, 1, 0.0, 0, n))]).size_bytes for n in (1, 2)]
    assert plain.size_bytes <= few[0] <= few[1] <= all_of_it.size_bytes


def test_the_estimate_of_a_file_is_near_to_what_it_takes(dataset):
    model = mw.fit(dataset, max_trials=3)
    size = len(model.to_bytes())
    kept = [e for e in model.leaderboard if e.weight > 0]
    plain = next(e for e in model.leaderboard if e.family == "baseline")
    assert plain.size_bytes < size
    assert all(0.75 < e.size_bytes / size < 1.25 for e in kept if len(kept) == 1)
    assert 0.5 < memory_by_size(model.to_onnx(), size) / memory_of(model.to_bytes()) < 1.5


def test_thousands_of_columns_are_held_to_what_a_profile_may_take():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{j}": rng.normal(size=30) for j in range(3_000)} | {"y": rng.normal(size=30)})
    table = table_of(mw.read(frame, target="y"))
    told = described(table, 1)
    assert 3_000_000 < told.whole_bytes < 3_000_000 + 200 * 3_000
    few = described(dataclasses.replace(table, schema=mw.read(frame[:, -3:], target="y").schema), 1)
    assert few.whole_bytes < 8_000


def test_a_graph_is_measured_row_by_row(dataset):
    model = mw.fit(dataset, max_trials=2)
    found = measure(model.to_onnx(), dataset, calls=40)
    assert 0 < found.cost.cpu_us <= found.cpu_us_p99
    assert found.cost.size_bytes == len(model.to_onnx())


def test_memory_is_that_of_a_process_of_its_own(dataset):
    model = mw.fit(dataset, max_trials=2)
    assert 20e6 < memory_of(model.to_bytes()) < 500e6
    with pytest.raises(EnvironmentProblem, match="not a model file"):
        memory_of(b"nothing that opens")


def test_the_card_says_what_serving_takes_in_memory_and_how_that_is_known(dataset, tmp_path):
    estimated = mw.fit(dataset, max_trials=2)
    assert not estimated.timings.memory_measured
    assert f"- Serving it takes {estimated.timings.memory_said}" in estimated.card
    assert estimated.timings.memory_said.endswith("by estimate from its size")
    measured = mw.fit(dataset, max_trials=2, max_memory="1GB")
    assert measured.timings.memory_measured and 20e6 < measured.timings.memory_bytes < 500e6
    assert measured.timings.memory_said.endswith("measured") and measured.timings.memory_said in measured.card
    page = mw.report(measured, tmp_path / "card.html").read_text(encoding="utf-8")
    assert measured.timings.memory_said in page


@pytest.mark.parametrize(
    ("limits", "limit_s", "left_s", "seconds"),
    [
        (Limits(), None, None, 0.0),  # trials are counted: no fit is made a second longer
        (Limits(), 60.0, 5.0, 8.0),
        (Limits(), 60.0, 1.0, 0.0),
        (Limits(memory_bytes=1), None, None, 120.0),
        (Limits(memory_bytes=1), 60.0, 1.0, 10.0),
    ],
)
def test_memory_is_measured_where_there_is_time_for_it(limits, limit_s, left_s, seconds):
    budget = Budget(limit_s, clock=lambda: 100.0, began=100.0 - (limit_s or 0) + (left_s or 0), kept_s=1.5)
    assert memory_seconds(limits, budget) == seconds


def test_memory_is_measured_with_the_modules_of_this_process(dataset, tmp_path, monkeypatch):
    """The other process knows nothing but the folders that this one has put on its path, in this order."""
    seen = []

    def started(command, **named):
        seen.append((command, named["env"]["PYTHONPATH"].split(os.pathsep)))
        return subprocess.CompletedProcess(command, 0, "70000000\n", "")

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(subprocess, "run", started)
    assert memory_of(b"any") == 70_000_000
    assert seen[0][0][1] == "-P" and seen[0][1][0] == str(tmp_path)


@pytest.mark.parametrize("program", ["", "/usr/bin/editor"])
def test_a_program_that_is_no_python_measures_no_memory(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(EnvironmentProblem, match="not run by a Python"):
        memory_of(b"any")


def test_a_noisy_neighbour_for_two_thirds_of_the_calls_is_not_the_models_cost(dataset, monkeypatch):
    model = mw.fit(dataset, max_trials=2)
    said = iter([(90.0, 200.0), (30.0, 50.0), (70.0, 150.0)])
    monkeypatch.setattr(costing, "_clock", lambda run, rows, calls: next(said))
    found = measure(model.to_onnx(), dataset, calls=40)
    assert (found.cost.cpu_us, found.cpu_us_p99) == (30.0, 50.0)


def test_cpu_time_is_measured_for_longer_where_a_limit_depends_on_it(dataset, monkeypatch):
    asked = []

    def measured(graph, rows, *, patient):
        asked.append(patient)
        return measure(graph, rows, calls=3)

    monkeypatch.setattr(importlib.import_module("mlwright.packaging.package"), "measure", measured)
    mw.fit(dataset, max_trials=2)
    mw.fit(dataset, max_trials=2, max_latency="1s")
    assert asked == [False, True]
