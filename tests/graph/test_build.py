"""What a graph is built into: names, outputs, and no node that does nothing."""

from __future__ import annotations

import numpy as np
import onnx

from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session


def nodes_of(g: GraphBuilder) -> list[str]:
    return [n.op_type for n in onnx.load_from_string(g.to_bytes()).graph.node]


def test_an_output_is_made_by_the_node_that_computes_it() -> None:
    g = GraphBuilder()
    x = g.input("numbers", "float64", 2)
    g.output("minus", g.node("Neg", x), "float64", 2)
    assert nodes_of(g) == ["Neg"]


def test_an_output_may_be_read_on_be_given_twice_and_be_an_input() -> None:
    g = GraphBuilder()
    x = g.input("numbers", "float64", 2)
    minus = g.node("Neg", x)
    g.output("minus", minus, "float64", 2)
    g.output("plus", g.node("Neg", minus), "float64", 2)
    g.output("again", minus, "float64", 2)
    g.output("same", x, "float64", 2)
    assert nodes_of(g) == ["Neg", "Neg", "Identity", "Identity"]
    row = np.array([[1.0, -2.0]])
    answers = session(g.to_bytes()).run(["minus", "plus", "again", "same"], {"numbers": row})
    for answer, wanted in zip(answers, (-row, row, -row, row), strict=True):
        assert np.array_equal(answer, wanted)
