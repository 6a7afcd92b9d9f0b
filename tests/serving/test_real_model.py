"""A real model file behind the endpoint answers as it does in Python."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from tests.serving.conftest import Wire, predict, request

from mlwright import artifact
from mlwright.artifact import SampleOutputs, Samples, assemble
from mlwright.base.abstaining import Abstaining, Step
from mlwright.base.canonical import canonical_json
from mlwright.base.conformal import Conformal, Reference
from mlwright.base.errors import Misuse, NotAModel
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import ML, GraphBuilder
from mlwright.serving import running

SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numeric"),
        Column(name="member", kind="boolean"),
        Column(name="city", kind="categorical"),
        Column(name="bought", kind="categorical", role="target"),
    ),
    target=Target(name="bought", task="binary", classes=("0", "1"), label_type="integer", positive="1"),
)
ROW = {"age": 40.0, "member": True, "city": "Rome"}


def graph() -> bytes:
    g = GraphBuilder()
    numbers, strings = g.input("numbers", "float64", 2), g.input("strings", "string", 1)
    code = g.node(
        "LabelEncoder", strings, domain=ML, keys_tensor=np.array(["Oslo", "Rome"], dtype=object),
        values_tensor=np.array([0.5, -1.25]), default_tensor=np.array([0.0]),
    )  # fmt: skip
    known = g.node("Where", g.node("IsNaN", numbers), g.constant(0.0), numbers)
    weights = g.constant(np.array([[-0.02, 0.03], [0.5, -0.5], [1.0, -1.0]]))
    margin = g.node("MatMul", g.concat([known, code]), weights)
    g.output("probability", g.node("Softmax", margin, axis=1), "float64", 2)
    g.output("label", g.node("ArgMax", margin, axis=1, keepdims=0), "int64", None)
    g.output("margin", margin, "float64", 2)
    return g.to_bytes()


SETS = Conformal(
    references=(
        Reference(rows=9, ranks=tuple(range(1, 10)), scores=tuple(0.1 * i for i in range(1, 10))),
        Reference(rows=4, ranks=(1, 2, 3, 4), scores=(0.0, 0.25, 0.5, 0.75)),
    ),
    measured=(),
    how="on rows of a test",
)


ABSTAINING = Abstaining(
    steps=(
        Step(least=0.9, answers=300, answered=0.3, wrong=0.0, at_most=0.02),
        Step(least=0.7, answers=600, answered=0.6, wrong=0.03, at_most=0.06),
        Step(least=0.5, answers=1000, answered=1.0, wrong=0.1, at_most=0.12),
    ),
    rows=1000,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    margin = np.array([-0.02 * 40 + 0.5 - 1.25, 0.03 * 40 - 0.5 + 1.25])
    probability = np.exp(margin) / np.exp(margin).sum()
    outputs = SampleOutputs(
        probability=(tuple(probability.tolist()),), label=(1,), margin=(tuple(margin.tolist()),)
    )
    score = Score(metric="log_loss", value=0.5, low=0.4, high=0.6, rows=40, greater_is_better=False)
    evaluation = Evaluation(
        task="binary", metric="log_loss", scores=(score,), baseline=(score,), rows=40, how="held out",
        split="random", leaderboard=(), sets=SETS, abstaining=ABSTAINING,
    )  # fmt: skip
    data = assemble(
        kind="tabular",
        versions={"numpy": "2"},
        recipe={"seed": 0},
        timings={
            "created_at": "2026-01-02T03:04:05Z",
            "machine": "a machine",
            "fit_seconds": 1.0,
            "entries": {},
        },
        members={
            "model.onnx": graph(),
            "schema.json": canonical_json(SCHEMA),
            "profile.json": canonical_json(Profile(rows=40, columns=())),
            "evaluation.json": canonical_json(evaluation),
            "findings.json": canonical_json(Findings()),
            "samples.json": canonical_json(Samples(rows=(ROW,), outputs=outputs)),
            "card.md": b"# A small model\n",
        },
    )
    path = tmp_path_factory.mktemp("model") / "small.mlw"
    path.write_bytes(data)
    return path


def test_a_model_file_is_served_from_its_path_and_answers_as_in_python(file):
    model = artifact.load(file)
    source = random.Random(7)
    rows = [
        {
            "age": source.choice([None, source.uniform(0, 90)]),
            "member": source.choice([True, False, None]),
            "city": source.choice(["Oslo", "Rome", "elsewhere", "", None]),
        }
        for _ in range(200)
    ]
    probability, label = model.predict_proba(rows), model.predict(rows)
    with running(file) as url, Wire(url) as wire:
        wire.send(predict(rows))
        together = wire.reply().json["predictions"]
        wire.send(b"".join(predict(r) for r in rows))
        alone = [wire.reply().json for _ in rows]
        wire.send(request(path="/schema"))
        example = wire.reply().json["examples"][0]
        wire.send(request(path="/metrics"))
        assert model.digest in wire.reply().body.decode()
    assert example == ROW
    for i, answers in enumerate(zip(together, alone, strict=True)):
        for answer in answers:
            assert answer["label"] == int(label[i])
            assert answer["probability"] == {"0": probability[i][0], "1": probability[i][1]}
            assert math.isclose(sum(answer["probability"].values()), 1.0)
    assert alone[0]["model"] == model.digest[:12]


def test_a_file_that_is_no_model_does_not_start(tmp_path):
    path = tmp_path / "other.mlw"
    path.write_text(json.dumps({"not": "a model"}))
    with pytest.raises(NotAModel), running(path):
        pytest.fail("it must not start")


def test_sets_of_labels_are_those_of_python_and_only_where_they_are_asked_for(file):
    model = artifact.load(file)
    rows = [{"age": float(age), "member": True, "city": "Oslo"} for age in range(0, 90, 3)]
    with running({"m": file}) as url, Wire(url) as wire:
        for error in (0.05, 0.3, 0.6):
            wire.send(predict(rows, f"?set={error}") + predict(rows) + predict(rows[4], f"?set={error}"))
            many, plain, one = (wire.reply().json for _ in range(3))
            expected = [list(labels) for labels in model.predict_set(rows, error)]
            assert [p["set"] for p in many["predictions"]] == expected and one["set"] == expected[4]
            assert not any("set" in p for p in plain["predictions"])
        assert [] in expected and [0] in expected
        for asked in ("?set=0", "?set=1.5", "?set=true", "?set=nan", "?set=", "?set=0.1&set=0.2"):
            wire.send(predict(rows[0], asked))
            assert wire.reply().json["error"]["code"] == "bad_parameter"
        wire.send(request("POST", "/v1/models/m:predict?set=0.1", b"{}"))
        assert wire.reply().status == 400
        wire.send(request(path="/openapi.json"))
        operation = wire.reply().json["paths"]["/models/m/predict"]["post"]
        assert "set" in [p["name"] for p in operation["parameters"]]


def test_labels_are_left_out_as_in_python_and_only_where_that_is_asked_for(file):
    model = artifact.load(file)
    rows = [{"age": float(age), "member": True, "city": "Oslo"} for age in range(0, 90, 3)]
    with running({"m": file}) as url, Wire(url) as wire:
        asked = [predict(rows, f"?abstain={e}&set=0.3") for e in (0.05, 0.1, 0.2)]
        wire.send(b"".join(asked) + predict(rows) + predict(rows[-1], "?abstain=0.05&proba=false"))
        answers = [wire.reply().json["predictions"] for _ in range(4)]
        one = wire.reply().json
    for error, told in zip((0.05, 0.1, 0.2), answers, strict=False):
        assert [p["label"] for p in told] == [
            None if label is None else int(label) for label in model.predict(rows, abstain=error)
        ]
        assert all("probability" in p and "set" in p for p in told)
    left = [sum(p["label"] is None for p in told) for told in answers]
    assert left[0] > left[1] > left[2] == left[3] == 0
    assert one["label"] == answers[0][-1]["label"] and "probability" not in one


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("?abstain=0", "bad_parameter", "between 0 and 1"),
        ("?abstain=yes", "bad_parameter", "between 0 and 1"),
        ("?abstain=0.05&abstain=0.1", "bad_parameter", "twice"),
        ("?abstain=0.01", "bad_parameter", "allow 0.0334 or more"),
        ("?abstian=0.05", "unknown_parameter", "did you mean abstain"),
    ],
)
def test_a_rate_of_abstaining_that_cannot_be_is_refused_in_words(file, asked, code, said):
    with running({"m": file}) as url, Wire(url) as wire:
        wire.send(predict(ROW, asked))
        reply = wire.reply()
    assert (reply.status, reply.json["error"]["code"]) == (400, code)
    assert said in f"{reply.json['error']['message']} {reply.json['error']['remedy']}"


def test_abstaining_is_told_of_and_refused_where_answers_have_no_place_for_it(file):
    with running({"m": file}) as url, Wire(url) as wire:
        table = request("POST", "/models/m/predict?abstain=0.1", b"age\n1\n", Content_Type="text/csv")
        wire.send(table + request("POST", "/v1/models/m:predict?abstain=0.1", b"{}"))
        assert [wire.reply().status for _ in range(2)] == [400, 400]
        wire.send(request(path="/openapi.json"))
        document = wire.reply().json
    asked = document["paths"]["/models/m/predict"]["post"]["parameters"]
    assert "abstain" in [p["name"] for p in asked]
    assert document["components"]["schemas"]["m.answer"]["properties"]["label"]["type"] == ["integer", "null"]


def test_what_is_no_error_rate_is_refused_in_python_too(file):
    for error in (0, 1, -0.5, 2):
        with pytest.raises(Misuse, match="no rate"):
            artifact.load(file).predict_set({"age": 1.0, "member": True, "city": "Oslo"}, error)
