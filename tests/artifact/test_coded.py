"""Dictionaries lifted out of a graph: the same answers to the last bit, or none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.artifact.conftest import file_of

from mlwright.artifact import load
from mlwright.artifact.session import Session
from mlwright.graph.build import ML, GraphBuilder
from mlwright.graph.lifted import CODES, lifted
from mlwright.graph.scan import scan

WIDTH = 3


def graph(*, alone: bool = False, twice: bool = False, other: str = "") -> bytes:
    """Codes of three columns by one dictionary with prefixes, as the packaging writes them."""
    g = GraphBuilder()
    strings = g.input("strings", "string", WIDTH)
    if alone:
        columns, keys = g.columns(strings, [1], WIDTH), ["", "a", "b:c"]
    else:
        columns = g.node("StringConcat", g.constant(np.array(["0:", "11:", "1:"], dtype=object)), strings)
        keys = ["0:", "0:a", "11:a", "11:1:a", "1:a", "1:b"] + ["0:a"] * twice
    code = g.node(
        "LabelEncoder", columns, domain=ML, keys_tensor=np.array(keys, dtype=object),
        values_tensor=np.arange(1.0, len(keys) + 1), default_tensor=np.array([-1.0]),
    )  # fmt: skip
    if other == "upper":
        upper = g.node("StringNormalizer", g.columns(strings, [0], WIDTH), case_change_action="UPPER")
        code = g.concat([code, upper])
    if other == "second":
        code = g.node("Add", code, g.node(
            "LabelEncoder", columns, domain=ML, keys_tensor=np.array(["x"], dtype=object),
            values_tensor=np.array([1.0]), default_tensor=np.array([0.0]),
        ))  # fmt: skip
    g.output("codes_out", g.node("Mul", code, g.constant(2.0)), "float64", 1 if alone else WIDTH)
    return g.to_bytes()


ROWS = np.array(
    [["a", "a", "a"], ["", "", ""], ["b", "1:a", "b"], ["x", "b:c", "11:a"], ["0:a", "a", "1:b"]],
    dtype=object,
)


@pytest.mark.parametrize("alone", [True, False])
def test_the_rest_of_the_graph_answers_looked_up_codes_as_the_whole_does(alone):
    model = graph(alone=alone)
    parts = lifted(model, WIDTH)
    assert parts.columns == ((1,) if alone else (0, 1, 2))
    codes = np.array(
        [
            [t.get(row[i], parts.unseen) for i, t in zip(parts.columns, parts.tables, strict=True)]
            for row in ROWS
        ]
    )
    import onnxruntime as ort

    whole = ort.InferenceSession(model).run(None, {"strings": ROWS})[0]
    rest = ort.InferenceSession(parts.graph).run(None, {CODES: codes})[0]
    assert np.array_equal(whole, rest)
    assert scan(parts.graph).port("strings") is None


@pytest.mark.parametrize("changed", [{"twice": True}, {"other": "second"}])
def test_what_is_not_one_plain_dictionary_stays_in_the_graph(changed):
    assert lifted(graph(**changed), WIDTH) is None


def test_a_graph_without_texts_has_nothing_to_lift():
    g = GraphBuilder()
    g.output("prediction", g.node("Neg", g.input("numbers", "float64", 2)), "float64", 2)
    assert lifted(g.to_bytes(), 0) is None


def test_a_model_with_a_dictionary_is_coded_and_answers_the_same():
    model = load(file_of())
    coded = model.coded()
    rows = [{"age": a, "member": True, "city": c} for a in (1.5, None) for c in ("Oslo", "Rome", "x", None)]
    decoded = model.decode(rows)
    whole, rest = model.run(decoded.numbers, decoded.strings), None
    rest = coded.run(decoded.numbers, coded.codes(decoded.strings))
    assert np.array_equal(whole.probability, rest.probability, equal_nan=True)
    assert whole.label.tolist() == rest.label.tolist() and rest.margin is None
    assert load(file_of("regression")).coded() is None


def test_a_rest_that_answered_otherwise_is_not_used(monkeypatch):
    model = load(file_of())
    inner = Session.run

    def run(self, numbers, strings, within_s=None):
        outputs = inner(self, numbers, strings, within_s)
        if self._second == CODES:
            outputs.probability[0, 0] += 1e-16
            outputs.probability[0, 0] = np.nextafter(outputs.probability[0, 0], 1)
        return outputs

    monkeypatch.setattr(Session, "run", run)
    assert model.coded() is None
