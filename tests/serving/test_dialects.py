"""Every way of writing rows: the same rows get the same answers, and wrong ones are told apart."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from tests.serving.conftest import ROW, SCHEMA, Doubler, Wire, request, row

from mlwright.base.schema import Schema, Target
from mlwright.serving import ServeSettings, running
from mlwright.serving.options import PLAIN

ARROW = "application/vnd.apache.arrow.stream"
AGES = [1.5, 20.0, 300.25]


class Chooser(Doubler):
    """Two classes: "yes" with a probability of the age in hundreds."""

    def __init__(self) -> None:
        target = Target(name="price", task="binary", classes=("no", "yes"), label_type="text")
        super().__init__(Schema(columns=SCHEMA.columns, target=target))

    def run(self, numbers, strings):
        second = numbers[:, 0] / 1000.0
        labels = np.array(["yes" if p > 0.015 else "no" for p in second], dtype=object)
        return SimpleNamespace(probability=np.stack([1 - second, second], 1), label=labels, prediction=None)


def csv_of(rows: list[dict[str, object]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def arrow_of(rows: list[dict[str, object]], **options: object) -> bytes:
    table = pa.Table.from_pylist(rows)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, **options) as writer:
        writer.write_table(table)
    return out.getvalue()


def infer_of(rows: list[dict[str, object]], **more: object) -> bytes:
    kinds = {"age": "FP64", "member": "BOOL", "city": "BYTES"}
    inputs = [
        {"name": n, "shape": [len(rows)], "datatype": kind, "data": [r[n] for r in rows]}
        for n, kind in kinds.items()
    ]
    return json.dumps({"inputs": inputs} | more).encode()


@pytest.fixture(scope="module")
def chooser():
    with running({"a": Chooser()}, ServeSettings(arrow=True)) as url:
        yield url


def sent(url: str, path: str, body: bytes, kind: str = "application/json"):
    with Wire(url) as wire:
        wire.send(request("POST", path, body, Content_Type=kind))
        return wire.reply()


def test_rows_in_every_dialect_get_the_same_answers(chooser):
    rows = [row(a) for a in AGES]
    own = sent(chooser, "/predict", json.dumps(rows).encode()).json["predictions"]
    labels, yes = [p["label"] for p in own], [p["probability"]["yes"] for p in own]
    assert labels == ["no", "yes", "yes"]

    table = list(
        csv.DictReader(io.StringIO(sent(chooser, "/predict", csv_of(rows), "text/csv").body.decode()))
    )
    assert [r["label"] for r in table] == labels
    assert [float(r["probability_yes"]) for r in table] == yes

    reply = sent(chooser, "/models/a/predict", arrow_of(rows), ARROW)
    assert reply.headers["content-type"] == ARROW
    read = pa.ipc.open_stream(reply.body).read_all().to_pydict()
    assert (read["label"], read["probability_yes"]) == (labels, yes)
    assert len(set(read["prediction_id"])) == 3

    outputs = {o["name"]: o for o in sent(chooser, "/v2/models/a/infer", infer_of(rows)).json["outputs"]}
    assert outputs["label"]["data"] == labels and outputs["label"]["datatype"] == "BYTES"
    assert outputs["probability"]["data"][1::2] == yes and outputs["probability"]["shape"] == [3, 2]

    body = json.dumps({"instances": rows}).encode()
    predictions = sent(chooser, "/v1/models/a:predict", body).json["predictions"]
    assert [(p["label"], p["probability"]["yes"]) for p in predictions] == list(zip(labels, yes, strict=True))


def test_a_number_is_answered_in_every_dialect(url):
    rows = [row(a) for a in AGES]
    twice = [2 * a for a in AGES]
    table = list(csv.DictReader(io.StringIO(sent(url, "/predict", csv_of(rows), "text/csv").body.decode())))
    assert [float(r["prediction"]) for r in table] == twice
    read = pa.ipc.open_stream(sent(url, "/predict", arrow_of(rows), ARROW).body).read_all()
    assert read["prediction"].to_pylist() == twice
    output = sent(url, "/v2/models/model/infer", infer_of(rows)).json["outputs"][0]
    assert output == {"name": "prediction", "datatype": "FP64", "shape": [3], "data": twice}
    body = json.dumps({"instances": rows}).encode()
    assert sent(url, "/v1/models/model:predict", body).json == {"predictions": twice}


def test_requests_of_different_dialects_share_a_connection_and_keep_their_order(chooser):
    rows = [row(20.0)]
    with Wire(chooser) as wire:
        wire.send(
            request("POST", "/v2/models/a/infer", infer_of(rows))
            + request("POST", "/predict", csv_of(rows), Content_Type="text/csv")
            + request("POST", "/predict", json.dumps(rows).encode())
            + request("POST", "/v2/models/a/infer", b"{}")
            + request("POST", "/v1/models/a:predict", json.dumps({"instances": rows}).encode())
        )
        replies = [wire.reply() for _ in range(5)]
    assert [r.status for r in replies] == [200, 200, 200, 400, 200]
    assert "outputs" in replies[0].json and replies[1].body.startswith(b"prediction_id,label")
    assert replies[2].json["predictions"][0]["label"] == "yes"
    assert isinstance(replies[3].json["error"], str) and replies[4].json["predictions"][0]["label"] == "yes"


def test_probabilities_can_be_left_out(chooser):
    rows = [row(a) for a in AGES]
    answer = sent(chooser, "/predict?proba=false", json.dumps(rows).encode()).json["predictions"]
    assert [set(p) for p in answer] == [{"prediction_id", "label"}] * 3
    assert set(sent(chooser, "/predict?proba=false", json.dumps(rows[0]).encode()).json) == {
        "prediction_id", "label", "model",
    }  # fmt: skip
    text = sent(chooser, "/predict?proba=false", csv_of(rows), "text/csv").body.decode()
    assert text.splitlines()[0] == "prediction_id,label"


@pytest.mark.parametrize("asked", ["interval=0.1", "set=0.1"])
def test_what_this_model_does_not_offer_is_said(url, asked):
    reply = sent(url, f"/predict?{asked}", json.dumps(ROW).encode())
    assert (reply.status, reply.json["error"]["code"]) == (400, "not_offered")


def test_a_bad_row_of_a_table_is_422_or_keeps_its_place(url):
    rows = [row(1), row("x"), row(2)]
    reply = sent(url, "/predict", csv_of(rows), "text/csv")
    assert reply.status == 422 and reply.json["error"]["problems"][0]["row"] == 1
    table = list(
        csv.DictReader(
            io.StringIO(sent(url, "/predict?partial=true", csv_of(rows), "text/csv").body.decode())
        )
    )
    assert [r["prediction"] for r in table] == ["2.0", "", "4.0"]
    assert "'age'" in table[1]["error"] and not table[0]["error"]
    texts = [{k: str(v) for k, v in r.items()} for r in rows]
    texts = [t | {"member": "yes"} for t in texts]
    read = pa.ipc.open_stream(sent(url, "/predict?partial=true", arrow_of(texts), ARROW).body).read_all()
    assert read["prediction"].to_pylist() == [2.0, None, 4.0]
    assert read["error"].to_pylist()[0] is None and "'age'" in read["error"].to_pylist()[1]


@pytest.mark.parametrize(
    ("body", "status", "code", "part"),
    [
        (b"age,member\n1,yes\n", 422, "table_refused", "city"),
        (b"age,member,city,city\n1,yes,a,b\n", 400, "malformed_csv", "two columns"),
        (b"age,member,city\n1,yes\n", 400, "malformed_csv", "row 0 has 2 fields"),
        (b"age,member,city\n", 400, "no_rows", "no row"),
        (b"\xff\xfe", 400, "malformed_csv", "UTF-8"),
        (b'age,member,city\n"1,yes,a\n', 400, "malformed_csv", "CSV"),
    ],
)
def test_a_csv_body_that_is_no_table_is_told_why(url, body, status, code, part):
    reply = sent(url, "/predict", body, "text/csv")
    error = reply.json["error"]
    assert (reply.status, error["code"]) == (status, code)
    assert part in error["message"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"inputs": []}, "no row"),
        ({"outputs": [{"name": "nope"}]}, "no output 'nope'"),
        ({"inputs": [{"name": "Age", "shape": [1], "datatype": "FP64", "data": [1]}]}, "did you mean 'age'"),
        (
            {"inputs": [{"name": "age", "shape": [2], "datatype": "FP64", "data": [1]}]},
            "1 values for its shape",
        ),
        ({"inputs": [{"name": "age", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}, "[N] or [N, 1]"),
        (
            {"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": ["x"]}]},
            "holds a str as FP64",
        ),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": [True]}]}, "bool as INT64"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "FP8", "data": [1]}]}, "datatype 'FP8'"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1]}] * 2}, "comes twice"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1]}]}, "lacks 2 columns"),
        ({"inputs": 3}, "no inference request"),
    ],
)
def test_a_wrong_inference_request_is_told_why_in_plain_text(url, change, part):
    reply = sent(url, "/v2/models/model/infer", json.dumps(json.loads(infer_of([ROW])) | change).encode())
    assert reply.status in (400, 422)
    assert part in reply.json["error"]


def test_an_inference_request_keeps_its_id_and_answers_the_wanted_outputs(chooser):
    rows = [row(5.0) | {"city": None}]
    answer = sent(chooser, "/v2/models/a/infer", infer_of(rows, id="x7", outputs=[{"name": "label"}])).json
    assert answer == {
        "model_name": "a", "model_version": "0123456789ab", "id": "x7",
        "outputs": [{"name": "label", "datatype": "BYTES", "shape": [1], "data": ["no"]}],
    }  # fmt: skip


def test_the_metadata_says_what_is_asked_and_answered(chooser):
    with Wire(chooser) as wire:
        wire.send(
            request(path="/v2/models/a")
            + request(path="/v2/models/b")
            + request(path="/v2/models/a/versions/9")
        )
        found, unknown, version = (wire.reply() for _ in range(3))
    assert {i["name"]: i["datatype"] for i in found.json["inputs"]} == {
        "age": "FP64", "member": "BOOL", "joined": "BYTES", "city": "BYTES", "note": "BYTES",
    }  # fmt: skip
    assert [o["name"] for o in found.json["outputs"]] == ["label", "probability", "prediction_id"]
    assert (unknown.status, version.status) == (404, 404) and isinstance(version.json["error"], str)


def test_a_body_of_another_type_is_415_in_the_words_of_its_route(url):
    reply = sent(url, "/predict", b"x", "application/xml")
    assert reply.status == 415 and "text/csv" in reply.json["error"]["message"]
    reply = sent(url, "/v2/models/model/infer", b"x", "text/csv")
    assert reply.status == 415 and "application/json" in reply.json["error"]


def test_a_dialect_is_made_when_it_is_first_asked_for():
    from mlwright.serving.deployed import Deployed

    deployed = Deployed(Doubler(), ServeSettings())
    first = deployed.dialect("csv")
    assert deployed.dialect("csv") is first
    assert first.decode(csv_of([row(1)]), PLAIN).good == 1


def test_clients_of_other_protocols_may_leave_out_the_type_but_browsers_may_not(url):
    body = infer_of([row(1)])
    with Wire(url) as wire:
        for origin, status in (("", 200), ("Origin: http://elsewhere.example\r\n", 415)):
            head = f"POST /v2/models/model/infer HTTP/1.1\r\nHost: localhost\r\n{origin}"
            wire.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert wire.reply().status == status
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        wire.send(head.encode() + body)
        assert wire.reply().status == 415


def test_one_bad_request_of_a_run_costs_its_neighbours_nothing(url):
    huge = infer_of([row(1)]).replace(b'"data": [1]', b'"data": [' + b"9" * 401 + b"]", 1)
    assert b"9" * 401 in huge
    with Wire(url) as wire:
        wire.send(
            request("POST", "/v2/models/model/infer", huge)
            + request("POST", "/predict", json.dumps(row(2)).encode())
        )
        bad, good = wire.reply(), wire.reply()
    assert bad.status == 400 and "out of range" in bad.json["error"]
    assert good.json["prediction"] == 4.0


def test_partial_is_refused_where_answers_have_no_place_for_a_reason(url):
    for path, body in (
        ("/v2/models/model/infer", infer_of([row(1)])),
        ("/v1/models/model:predict", json.dumps({"instances": [row(1)]}).encode()),
    ):
        reply = sent(url, f"{path}?partial=true", body)
        assert reply.status == 400 and "partial" in reply.json["error"]


def test_an_output_is_not_written_again_and_again(url):
    outputs = [{"name": "prediction_id"}] * 3
    reply = sent(url, "/v2/models/model/infer", infer_of([row(1)], outputs=outputs))
    assert reply.status == 400 and "twice" in reply.json["error"]


def test_marks_that_are_stacked_without_end_cost_no_time(url):
    text = "\u0301" * 32_000 + "\u0316" * 32_000
    assert sent(url, "/predict", json.dumps(row(3) | {"city": text}).encode()).json["prediction"] == 6.0


def test_a_csv_body_of_too_many_lines_is_not_read_to_its_end(url):
    body = b"age,member,city\n" + b"1,yes,a\n" * 20_000
    assert sent(url, "/predict", body, "text/csv").status == 413
