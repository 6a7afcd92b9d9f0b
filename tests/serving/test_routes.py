"""What each route answers over HTTP, and which permission it asks for."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from tests.serving.conftest import ROW, SCHEMA, Doubler, Wire, predict, request, row

from mlwright.base.finding import Finding, Findings
from mlwright.base.schema import Column, Schema, Target
from mlwright.base.unjudged import unjudged
from mlwright.serving import running
from mlwright.serving.decode import PROBLEMS_SHOWN
from mlwright.serving.describe import describe
from mlwright.serving.routes import ROUTES

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


GET, POST = (b"GET", b"HEAD"), (b"POST",)


def test_every_route_and_its_permission_is_listed_here():
    assert [(route.path, route.methods, route.permission) for route in ROUTES] == [
        ("/", GET, "predict"),
        ("/predict", POST, "predict"),
        ("/schema", GET, "predict"),
        ("/models", GET, "predict"),
        ("/models/{name}", GET, "predict"),
        ("/models/{name}/predict", POST, "predict"),
        ("/models/{name}/schema", GET, "predict"),
        ("/models/{name}/reload", POST, "admin"),
        ("/models/{name}/rollback", POST, "admin"),
        ("/openapi.json", GET, "predict"),
        ("/health", GET, "open"),
        ("/ready", GET, "open"),
        ("/metrics", GET, "metrics"),
        ("/v2", GET, "predict"),
        ("/v2/health/live", GET, "open"),
        ("/v2/health/ready", GET, "open"),
        ("/v2/models/{name}", GET, "predict"),
        ("/v2/models/{name}/ready", GET, "predict"),
        ("/v2/models/{name}/infer", POST, "predict"),
        ("/v2/models/{name}/versions/{version}", GET, "predict"),
        ("/v2/models/{name}/versions/{version}/ready", GET, "predict"),
        ("/v2/models/{name}/versions/{version}/infer", POST, "predict"),
        ("/v1/models/{name}", GET, "predict"),
        ("/v1/models/{name}:predict", POST, "predict"),
    ]


def test_every_route_does_one_thing_and_only_a_models_own_name_it():
    for route in ROUTES:
        assert sum(map(bool, (route.answer, route.dialects, route.command))) == 1, route.path
        assert ("{name}" in route.path) <= route.of_model, route.path
        assert bool(route.dialects or route.command) == (route.methods == POST), route.path


def test_one_row_gets_one_answer(ask):
    answer = ask(predict(row(20.5))).json
    assert answer["prediction"] == 41.0
    assert answer["model"] == "0123456789ab"
    assert UUID7.fullmatch(answer["prediction_id"])


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"rows": rows}])
def test_many_rows_get_answers_in_their_order(ask, wrap):
    answer = ask(predict(wrap([row(i) for i in range(50)]))).json
    assert [p["prediction"] for p in answer["predictions"]] == [2.0 * i for i in range(50)]
    ids = [p["prediction_id"] for p in answer["predictions"]]
    assert len(set(ids)) == 50
    assert all(UUID7.fullmatch(i) for i in ids)
    assert answer["model"] == "0123456789ab"


def test_prediction_ids_are_ordered_by_time(ask):
    first = ask(predict(row(1))).json["prediction_id"]
    for _ in range(20):
        later = ask(predict(row(1))).json["prediction_id"]
        assert later[:13] >= first[:13]


def test_a_row_that_breaks_the_schema_is_422_and_names_field_value_and_expectation(ask):
    reply = ask(predict({"age": "abc", "member": True, "City": "Oslo"}))
    error = reply.json["error"]
    assert (reply.status, error["code"], error["did_you_mean"]) == (422, "row_refused", "city")
    assert error["problems"][0] == {
        "row": 0, "field": "age", "value": "'abc'", "expected": "a number", "reason": "not a number",
    }  # fmt: skip


def test_one_bad_row_of_many_refuses_the_request(ask):
    reply = ask(predict([row(1), row("x"), row(2), row(None)]))
    assert reply.status == 422
    assert [p["row"] for p in reply.json["error"]["problems"]] == [1, 3]


def test_partial_answers_good_rows_and_says_why_beside_bad_ones(ask):
    reply = ask(predict([row(1), row("x"), row(2), row(None)], "?partial=true"))
    assert reply.status == 200
    predictions = reply.json["predictions"]
    assert [p.get("prediction") for p in predictions] == [2.0, None, 4.0, None]
    assert [p["row"] for bad in (1, 3) for p in predictions[bad]["error"]["problems"]] == [1, 3]


def test_partial_tells_all_problems_of_the_first_bad_rows_and_one_of_each_other(ask):
    bad = {"age": "x", "member": "y", "city": 1, "extra": 2}
    reply = ask(predict([bad] * 1000, "?partial=true"))
    errors = [part["error"] for part in reply.json["predictions"]]
    counts = [len(error["problems"]) for error in errors]
    every = counts[0]
    assert every > 2 and len(errors) == 1000
    full = PROBLEMS_SHOWN // every
    assert counts[:full] == [every] * full and set(counts[full + 1 :]) == {1}
    assert errors[-1]["problems_left_off"] == every - 1 and errors[-1]["problems"][0]["row"] == 999


def test_partial_with_bad_rows_only_never_runs_the_model(ask):
    reply = ask(predict([row("x")] * 3, "?partial=true"))
    assert [p["error"]["code"] for p in reply.json["predictions"]] == ["row_refused"] * 3


def test_partial_of_a_single_bad_row_is_422(ask):
    assert ask(predict(row("x"), "?partial=true")).status == 422


@pytest.mark.parametrize("query", ["?partial=1", "?x=y", "?partial=true&partial=false", "?"])
def test_an_unknown_parameter_is_refused(ask, query):
    assert ask(predict(row(1), query)).status == (200 if query == "?" else 400)


def test_malformed_json_is_400_with_its_place(ask):
    reply = ask(request("POST", "/predict", b'{"age": 1,}'))
    assert reply.status == 400
    assert "byte" in reply.json["error"]["message"]


def test_a_request_without_a_body_is_told_what_to_send(ask):
    reply = ask(request("POST", "/predict", Content_Type="application/json"))
    assert (reply.status, reply.json["error"]["code"]) == (400, "no_body")


def test_health_and_ready_say_yes(ask):
    assert ask(request(path="/health")).json == {"status": "ok"}
    assert ask(request(path="/ready")).json == {"ready": True, "models": {"model": "0123456789ab"}}


def test_the_index_lists_every_route(ask):
    routes = ask(request(path="/")).json["routes"]
    assert {path.split()[1] for path in routes} == {route.path for route in ROUTES}


PATHS = [
    route.path.replace("{name}", "model").replace("{version}", "0123456789ab")
    for route in ROUTES
    if b"HEAD" in route.methods
]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(connect, path):
    wire = connect()
    wire.send(request("HEAD", path) + request("GET", path))
    head, full = wire.reply(head_only=True), wire.reply()
    assert head.body == b""
    assert head.status == full.status == 200
    assert head.headers["content-type"] == full.headers["content-type"]
    if path != "/metrics":  # which has changed in between
        assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/predict", "POST"), ("PUT", "/predict", "POST"), ("DELETE", "/schema", "GET, HEAD"),
     ("OPTIONS", "/health", "GET, HEAD"), ("TRACE", "/", "GET, HEAD"), ("POST", "/health", "GET, HEAD")],
)  # fmt: skip
def test_another_method_is_405_and_says_which_are_allowed(ask, method, path, allow):
    reply = ask(request(method, path))
    assert (reply.status, reply.headers["allow"]) == (405, allow)
    assert reply.json["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/predict/", "//predict", "/PREDICT", "/%70redict", "/health/..", "*"]
)
def test_what_is_not_in_the_table_is_404(ask, path):
    reply = ask(request("OPTIONS" if path == "*" else "GET", path))
    assert (reply.status, reply.json["error"]["code"]) == (404, "no_such_route")


def test_every_answer_is_dated_and_not_to_be_kept_or_guessed(ask):
    for data in (request(), predict(row(1)), request(path="/nowhere"), b"nonsense\r\n\r\n"):
        headers = ask(data).headers
        assert headers["date"].endswith("GMT")
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_rules_are_described_in_the_words_of_json_schema():
    columns = (
        Column(name="n", kind="numeric", least=0, most=1.5, nullable=False),
        Column(name="d", kind="datetime", least=86400.0),
        Column(name="c", kind="categorical", allowed=("7", "07", "true", "x")),
        Column(name="t", kind="text", pattern="^a|b", nullable=False),
    )
    properties = describe(Schema(columns=columns), ())["properties"]
    assert properties["n"] == {"type": ["number"], "minimum": 0, "maximum": 1.5}
    assert properties["d"]["x-minimum"] == "1970-01-02"
    assert properties["c"]["enum"] == ["7", "07", "true", "x", 7, True, None]
    assert properties["t"]["pattern"] == "^(?:a|b)$"


def test_the_schema_describes_a_row_and_its_example_is_predicted(ask):
    described = ask(request(path="/schema")).json
    assert described["properties"]["age"] == {"type": ["number"]}
    assert described["properties"]["joined"] == {"type": ["string", "null"], "format": "date-time"}
    assert described["required"] == ["age", "member", "city"]
    assert described["x-target"] == {"name": "price", "task": "regression", "classes": []}
    assert ask(predict(described["examples"][0])).status == 200


def test_the_schema_shows_what_was_seen():
    columns = (
        Column(name="age", kind="numeric", minimum=1.0, maximum=99.0),
        Column(name="city", kind="categorical", categories=("Oslo", "Rome")),
    )
    properties = describe(Schema(columns=columns), ())["properties"]
    assert properties["age"]["x-seen"] == [1.0, 99.0]
    assert properties["city"]["x-seen"] == ["Oslo", "Rome"]


class Chooser(Doubler):
    """A classifier of two whole-number classes; its probability of the second is the age."""

    def __init__(self, label_type: str, classes: tuple[str, str], gives_label: bool = True) -> None:
        target = Target(name="y", task="binary", classes=classes, label_type=label_type)
        super().__init__(Schema(columns=SCHEMA.columns, target=target))
        self._gives_label = gives_label

    def run(self, numbers, strings):
        second = numbers[:, 0] / 100.0
        labels = np.array([self.schema.target.label(int(p > 0.5)) for p in second], dtype=object)
        return SimpleNamespace(
            probability=np.stack([1.0 - second, second], axis=1),
            label=labels if self._gives_label else None,
            prediction=None,
        )


@pytest.mark.parametrize("gives_label", [True, False])
@pytest.mark.parametrize(
    ("label_type", "classes", "label"),
    [
        ("text", ("no", 'a "100%" yes'), 'a "100%" yes'),
        ("integer", ("3", "7"), 7),
        ("boolean", ("false", "true"), True),
    ],
)
def test_labels_have_their_own_type_and_probabilities_go_by_class(label_type, classes, label, gives_label):
    with running(Chooser(label_type, classes, gives_label)) as url, Wire(url) as wire:
        wire.send(predict(row(75)))
        answer = wire.reply().json
    assert answer["label"] == label
    assert type(answer["label"]) is type(label)
    assert answer["probability"] == dict(zip(classes, (0.25, 0.75), strict=True))


def test_the_model_gets_decoded_values_in_the_order_of_the_schema():
    model = Doubler()
    with running(model) as url, Wire(url) as wire:
        sent = {
            "city": " 7.0 ",
            "note": None,
            "member": "yes",
            "joined": "1970-01-02",
            "age": 5,
            "id": "x",
            "price": 9,
        }
        wire.send(predict([sent, ROW | {"city": "?", "member": None}]))
        assert wire.reply().status == 200
    numbers, strings = model.seen[-1]
    assert numbers.tolist()[0] == [5.0, 1.0, 86400.0]
    assert np.isnan(numbers[1][1:]).all()
    assert strings.tolist() == [["7", ""], ["", ""]]
    assert numbers.dtype == np.float64


def test_a_page_elsewhere_cannot_reach_a_local_endpoint_by_its_own_name(ask):
    body = json.dumps(row(1)).encode()
    reply = ask(request("POST", "/predict", body, Host="rebound.example"))
    assert (reply.status, reply.json["error"]["code"]) == (421, "wrong_host")
    for host in ("127.0.0.1:9", "[::1]", "LocalHost"):
        assert ask(request("POST", "/predict", body, Host=host)).status == 200


def test_a_models_grave_findings_are_told_with_what_became_of_them(ask, monkeypatch):
    borne = msgspec.structs.replace(unjudged(), status="waived")
    tip = Finding(code="MLW101", title="one value", severity="tip", status="found")
    monkeypatch.setattr(Doubler, "findings", Findings.of([tip, borne]), raising=False)
    [told] = ask(request("GET", "/models")).json["models"]
    assert told["issues"] == [
        {"code": "MLW901", "title": "the model was never evaluated here", "status": "waived"}
    ]
    monkeypatch.setattr(Doubler, "findings", Findings(), raising=False)
    assert ask(request("GET", "/models")).json["models"][0]["issues"] == []
