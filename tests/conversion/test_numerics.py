"""What no operator does in doubles: the error function, coupled probabilities, distances."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from scipy.spatial import distance
from scipy.special import erf

from mlwright.conversion.coupling import coupled
from mlwright.conversion.distances import MOST_COLUMNS_ONE_BY_ONE, squared
from mlwright.conversion.processes import error_function
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session


def run(made, rows, width=0):
    """What `made(g, x)` answers for rows [N, d]."""
    g = GraphBuilder()
    tensor = made(g, g.input("numbers", "float64", rows.shape[1]))
    g.output("answer", tensor, "float64", width or rows.shape[1])
    [found] = session(g.to_bytes()).run(None, {"numbers": rows})
    return found


def test_the_error_function_is_that_of_scipy_to_the_last_digits():
    x = np.concatenate([np.linspace(-7, 7, 20001), [0.0, -0.0, 1e-300, 1e300, -1e300, 5.999999, 6.0]])[
        :, None
    ]
    np.testing.assert_allclose(run(error_function, x), erf(x), rtol=0, atol=4e-16)


@pytest.mark.parametrize("columns", [3, MOST_COLUMNS_ONE_BY_ONE + 1])
def test_squared_distances_are_those_of_scipy_also_far_from_nought(columns):
    rng = np.random.default_rng(0)
    rows, points = rng.normal(size=(40, columns)) + 1e4, rng.normal(size=(30, columns)) + 1e4

    def made(g, x):
        return squared(g, x, points)

    np.testing.assert_allclose(run(made, rows, 30), distance.cdist(rows, points, "sqeuclidean"), rtol=1e-9)


def by_steps(wins):
    """Wu, Lin and Weng's second method as libsvm runs it, for one row; wins[j, t]: that j wins against t."""
    classes = len(wins)
    matrix = -wins.T * wins
    for t in range(classes):
        matrix[t, t] = sum(wins[j, t] ** 2 for j in range(classes) if j != t)
    p = np.full(classes, 1 / classes)
    for _ in range(max(100, classes)):
        slopes = matrix @ p
        level = p @ slopes
        if np.abs(slopes - level).max() < 0.005 / classes:
            break
        for t in range(classes):
            step = (level - slopes[t]) / matrix[t, t]
            p[t] += step
            level = (level + step * (step * matrix[t, t] + 2 * slopes[t])) / (1 + step) ** 2
            slopes = (slopes + step * matrix[t]) / (1 + step)
            p /= 1 + step
    return p


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_coupled_probabilities_are_those_of_libsvms_steps_for_the_worst_pairs_too(classes):
    rng = np.random.default_rng(classes)
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    steep = rng.choice([0.3, 1.0, 5.0, 100.0], size=(200, 1))
    first = np.clip(1 / (1 + np.exp(rng.normal(size=(200, len(pairs))) * steep)), 1e-7, 1 - 1e-7)

    def made(g, x):
        return coupled(g, x, classes)

    found = run(made, first, classes)
    for row, p in zip(first, found, strict=True):
        wins = np.zeros((classes, classes))
        for value, (i, j) in zip(row, pairs, strict=True):
            wins[i, j], wins[j, i] = value, 1 - value
        np.testing.assert_allclose(p, by_steps(wins), rtol=0, atol=1e-12)


def test_distances_of_one_column_at_a_time_are_held(tmp_path):
    """onnxruntime runs a node's later inputs first: joined the other way, it would hold all of them."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "run")
    g = GraphBuilder()
    made = squared(g, g.input("numbers", "float64", 9), np.random.default_rng(0).normal(size=(5, 9)))
    g.output("answer", made, "float64", 5)
    run = onnxruntime.InferenceSession(g.to_bytes(), options, providers=["CPUExecutionProvider"])
    run.run(None, {"numbers": np.zeros((2, 9))})
    events = json.loads(Path(run.end_profiling()).read_text())
    ran = [e["args"]["op_name"] for e in events if e.get("cat") == "Node" and "kernel_time" in e["name"]]
    waiting = np.cumsum([{"Mul": 1, "Add": -1}.get(name, 0) for name in ran])
    assert ran.count("Mul") == 9 and waiting.max() <= 2
