"""Intervals over HTTP: those of Python, only where asked for, and refused in words where not offered."""

from __future__ import annotations

import json
import sys
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


def test_an_end_beyond_all_numbers_is_the_largest_one(tmp_path):
    path = tmp_path / "rates.mlw"
    path.write_bytes(
        interval_model(learned=False, exposure="weeks", floor=0.0, constant=(-90.0, -9.0, 1.0, 2.0))
    )
    row = ROWS[0] | {"weeks": 1e308}
    with running({"m": path}) as url, Wire(url) as wire:
        wire.send(predict(row, "?interval=0.1"))
        reply = wire.reply()
        assert reply.status == 200 and reply.json["interval"] == [0.0, sys.float_info.max]
        assert reply.json["interval"] == artifact.load(path).predict_interval(row, 0.1)[0].tolist()


@pytest.mark.parametrize("asked", ["proba=true", "interval=0.1"])
def test_an_answer_larger_than_any_number_refuses_its_row_alone(file, asked):
    rows = [ROWS[0] | {"age": "old"}, ROWS[0], ROWS[0] | {"age": 1e308}, ROWS[1]]
    with running({"m": file}) as url, Wire(url) as wire:
        wire.send(
            predict(rows[1:], f"?{asked}") + predict(rows[2], f"?{asked}") + predict(rows[1], f"?{asked}")
        )
        many, one, good = (wire.reply() for _ in range(3))
        assert (many.status, one.status, good.status) == (422, 422, 200)
        said = many.json["error"]
        assert said["code"] == "row_refused" and said["problems"][0]["row"] == 1
        assert "the answer is larger than any number" in said["message"]
        wire.send(predict(rows, f"?{asked}&partial=true") + predict(rows[2:3], f"?{asked}&partial=true"))
        partial, none = (wire.reply().json["predictions"] for _ in range(2))
        assert ["error" in p for p in partial] == [True, False, True, False]
        assert [p.get("prediction") for p in partial] == [None, 120.0, None, 30.0]
        assert partial[2]["error"]["problems"][0]["row"] == 2 and "error" in none[0]


def test_other_bodies_refuse_it_too(file):
    with running({"m": file}) as url, Wire(url) as wire:
        table = b"age,city,weeks\n1,Oslo,1\n1e308,Oslo,1\n"
        wire.send(
            request("POST", "/predict?partial=true", table, Content_Type="text/csv")
            + request("POST", "/predict", table, Content_Type="text/csv")
            + request(
                "POST", "/v1/models/m:predict", json.dumps({"instances": [ROWS[0] | {"age": 1e308}]}).encode()
            )
        )
        partial, whole, instances = (wire.reply() for _ in range(3))
        assert partial.status == 200 and b"larger than any number" in partial.body.splitlines()[2]
        assert (whole.status, instances.status) == (422, 422)
        assert "larger than any number" in instances.json["error"]


def test_intervals_and_explanations_are_written_together(file, monkeypatch):
    model, honest = artifact.load(file), artifact.Model.explainer
    monkeypatch.setattr(artifact.Model, "explainer", lambda self: honest(self, ROWS))  # it has no profile
    rows = [ROWS[0] | {"age": float(a)} for a in (20, 50)]
    with running({"m": file}) as url, Wire(url) as wire:
        wire.send(predict([*rows, {}], "?interval=0.1&explain=true&partial=true"))
        wire.send(predict(rows[1], "?explain=true") + predict(rows[0], "?interval=0.01&explain=true"))
        both, explained, refused = (wire.reply() for _ in range(3))
    told = both.json["predictions"]
    assert [p["interval"] for p in told[:2]] == model.predict_interval(rows, 0.1).tolist()
    assert told[1]["explanation"] == explained.json["explanation"] and "error" in told[2]
    assert "interval" not in explained.json
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad_parameter")


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
        ("?interval=0", "bad_parameter", "between 0 and 1"),
        ("?interval=1.5", "bad_parameter", "between 0 and 1"),
        ("?interval=", "bad_parameter", "between 0 and 1"),
        ("?interval=true", "bad_parameter", "between 0 and 1"),
        ("?interval=0.1&interval=0.2", "bad_parameter", "twice"),
        ("?interval=0.01", "bad_parameter", "interval=0.01 is less than 19 rows can vouch for"),
        ("?interval=0.1&set=0.1", "not_offered", "sets and intervals"),
        ("?set=0.1", "not_offered", "no sets"),
        ("?interval=0.1&abstain=0.1", "not_offered", "labels and intervals"),
        ("?abstain=0.1", "not_offered", "abstains from nothing"),
        ("?partial=maybe", "bad_parameter", "neither true nor false"),
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
