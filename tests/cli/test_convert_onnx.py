"""`mlwright convert` of ONNX files: what their answers are is said in flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlwright as mw
from mlwright.cli import main
from mlwright.cli.commands.convert import COMMAND
from mlwright.conversion.networks import ANSWERS

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Three scores from two columns, and a table of rows."""
    monkeypatch.chdir(tmp_path)
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3) - 2, "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "theirs",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weights],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), "net.onnx"
    )
    rows = "\n".join(f"{i / 7},{(i * 5 % 11) / 3}" for i in range(30))
    Path("rows.csv").write_text(f"a,b\n{rows}\n")
    return ["convert", "net.onnx", "--example", "rows.csv", "-t", "kind"]


def test_what_its_answers_are_is_asked_and_said(network, capsys):
    assert main(network) == 2
    assert "3 numbers a row" in capsys.readouterr().err
    named = ["--classes", "low,middle,high", "--int8", "--waive", "MLW901", "-o", "net.mlw", "--json"]
    assert main([*network, *named]) == 0
    model = mw.load("net.mlw")
    assert model.target.classes == ("low", "middle", "high") and model.schema.names[:2] == ("a", "b")
    assert model.predict({"a": 3.0, "b": 1.0}) == "high" and "no large weights" in model.card


def test_what_can_be_said_of_answers_is_what_the_conversion_knows():
    assert next(f.choices for f in COMMAND.flags if f.name == "--answers") == ANSWERS
