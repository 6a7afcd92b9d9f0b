"""What serving is said to cost, beside what it is measured to."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import EnvironmentProblem
from mlwright.base.schema import Target
from mlwright.features import FeaturePlan
from mlwright.features.table import table_of
from mlwright.graph.trees import Shape
from mlwright.packaging import costing
from mlwright.packaging.costing import Pricer, measure, memory_of, trees_cost


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
    small, deeper = Shape(100, 1500, 300.0, 0), Shape(100, 6000, 500.0, 0)
    assert 0 < trees_cost(small).cpu_us < trees_cost(deeper).cpu_us
    one, two = pricer.whole([("tree", small)]), pricer.whole([("tree", small), ("encoded", deeper)])
    assert 20.0 < one.cpu_us < two.cpu_us and one.size_bytes < two.size_bytes
    assert one.memory_bytes < two.memory_bytes
    assert pricer.alone("linear", None).cpu_us > 0
    assert trees_cost(Shape(100, 1500, 300.0, 500)).size_bytes > trees_cost(small).size_bytes


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
