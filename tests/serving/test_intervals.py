"""Intervals over HTTP: those of Python, only where asked for, and refused in words where not offered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from interval_models import ROWS, interval_model
from small_models import ROW, small_model
from tests.serving.conftest import Wire, predict, request

from mlwright import artifact
from mlwright.artifact import ends as ends_module
from mlwright.serving import running
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.settings import ServeSettings


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("models") / "m.mlw"
    path.write_bytes(interval_model())
    return path


def test_intervals_are_those_of_python_and_only_where_they_are_asked_for(file):
    model = artifact.load(file)
    rows = [ROWS[0] | {"age": float(age)} for age in range(1, 60)]
    with running({"m": file}) as url, Wire(url) as wire:
        for error in (0.05, 0.1, 0.5):
            asked = f"?interval={error}"
            wire.send(predict(rows, asked) + predict(rows) + predict(rows[4], asked) + predict(ROWS[0]))
            many, plain, one, alone = (wire.reply().json for _ in range(4))
            expected = model.predict_interval(rows, error).tolist()
            assert [p["interval"] for p in many["predictions"]] == expected
            assert [p["prediction"] for p in many["predictions"]] == model.predict(rows).tolist()
            assert one["interval"] == expected[4] and one["model"] == model.digest[:12]
            assert not any("interval" in p for p in [*plain["predictions"], alone])


def test_requests_of_several_rates_that_come_together_keep_theirs(file):
    model = artifact.load(file)
    with running({"m": file}) as url, Wire(url) as wire:
        rates = [0.05, 0.1, 0.3, 0.5, 0.9] * 4
        wire.send(b"".join(predict(ROWS[0], f"?interval={r}") for r in rates))
        for rate in rates:
            assert wire.reply().json["interval"] == model.predict_interval(ROWS[0], rate)[0].tolist()


def test_bad_rows_are_told_beside_good_ones(file):
    with running({"m": file}) as url, Wire(url) as wire:
        bad = [ROWS[0], ROWS[0] | {"age": "old"}, ROWS[1]]
        wire.send(predict(bad, "?interval=0.1&partial=true") + predict(bad, "?interval=0.1"))
        partial, refused = wire.reply(), wire.reply()
        assert ["interval" in p for p in partial.json["predictions"]] == [True, False, True]
        assert "error" in partial.json["predictions"][1] and refused.status == 422


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("?interval=0", "unknown_parameter", "between 0 and 1"),
        ("?interval=1.5", "unknown_parameter", "between 0 and 1"),
        ("?interval=", "unknown_parameter", "between 0 and 1"),
        ("?interval=true", "unknown_parameter", "between 0 and 1"),
        ("?interval=0.1&interval=0.2", "unknown_parameter", "twice"),
        ("?interval=0.01", "unknown_parameter", "interval=0.01 is less than 19 rows can vouch for"),
        ("?interval=0.1&set=0.1", "not_offered", "sets and intervals"),
        ("?set=0.1", "not_offered", "no sets"),
        ("?intervall=0.1", "unknown_parameter", "did you mean interval"),
    ],
)
def test_what_cannot_be_is_refused_in_words(file, asked, code, said):
    with running({"m": file}) as url, Wire(url) as wire:
        wire.send(predict(ROWS[0], asked))
        reply = wire.reply()
        assert reply.status == 400 and reply.json["error"]["code"] == code
        assert said in f"{reply.json['error']['message']} {reply.json['error']['remedy']}"


def test_other_protocols_and_models_without_intervals_say_so(file, tmp_path):
    plain = tmp_path / "plain.mlw"
    plain.write_bytes(small_model(2.0))
    with running({"m": file, "plain": plain}) as url, Wire(url) as wire:
        wire.send(request("POST", "/v1/models/m:predict?interval=0.1", b"{}"))
        assert wire.reply().status == 400
        csv = request("POST", "/models/m/predict?interval=0.1", b"age\n1\n", Content_Type="text/csv")
        wire.send(csv)
        assert wire.reply().json["error"]["code"] == "not_offered"
        wire.send(request("POST", "/models/plain/predict?interval=0.1", json.dumps(ROW).encode()))
        reply = wire.reply()
        assert (reply.status, reply.json["error"]["code"]) == (400, "not_offered")
        wire.send(request(path="/openapi.json"))
        document = wire.reply().json
        asked = {
            name: [p["name"] for p in document["paths"][f"/models/{name}/predict"]["post"]["parameters"]]
            for name in ("m", "plain")
        }
        assert "interval" in asked["m"] and "interval" not in asked["plain"] and "set" not in asked["m"]
        properties = document["components"]["schemas"]["m.answer"]["properties"]
        assert properties["interval"]["minItems"] == properties["interval"]["maxItems"] == 2


def test_the_second_graph_is_not_opened_until_somebody_asks(file, monkeypatch):
    opened: list[int] = []
    honest = ends_module.Session
    monkeypatch.setattr(ends_module, "Session", lambda *a: opened.append(1) or honest(*a))
    with running({"m": file}) as url, Wire(url) as wire:
        wire.send(predict(ROWS))
        assert wire.reply().status == 200 and not opened
        wire.send(predict(ROWS, "?interval=0.1") + predict(ROWS, "?interval=0.2"))
        assert wire.reply().status == wire.reply().status == 200 and opened == [1]


def test_a_model_that_takes_over_has_its_second_graph_ready_where_callers_use_it(file):
    asked, quiet = (Endpoint("m", artifact.load(file), ServeSettings()) for _ in range(2))
    asked.deployed.dialect("intervals")
    fresh = [artifact.load(interval_model(how="again")) for _ in range(2)]
    for endpoint, model in zip((asked, quiet), fresh, strict=True):
        endpoint.prepare(model)
    assert [model.ends._session is not None for model in fresh] == [True, False]
    asked.prepare(artifact.load(small_model(2.0, target="price")), force=True)
